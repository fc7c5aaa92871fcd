//! How a cell looks, and the SGR sequence that makes a terminal draw so.

/// A colour as a program names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// What the terminal has for text or for its ground.
    #[default]
    Default,
    /// One of the 256 of the palette.
    Index(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// The attributes that are on or off, as bits of [`Style::flags`].
pub mod flag {
    /// SGR 1.
    pub const BOLD: u16 = 1;
    /// SGR 2.
    pub const DIM: u16 = 1 << 1;
    /// SGR 3.
    pub const ITALIC: u16 = 1 << 2;
    /// SGR 5 and 6.
    pub const BLINK: u16 = 1 << 3;
    /// SGR 7.
    pub const INVERSE: u16 = 1 << 4;
    /// SGR 8.
    pub const INVISIBLE: u16 = 1 << 5;
    /// SGR 9.
    pub const STRIKE: u16 = 1 << 6;
    /// SGR 53.
    pub const OVERLINE: u16 = 1 << 7;
    /// DECSCA: a selective erase leaves it. Not seen.
    pub const PROTECTED: u16 = 1 << 8;
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Of the character.
    pub foreground: Color,
    /// Of its ground.
    pub background: Color,
    /// Of its underline, where it has one.
    pub underline_color: Color,
    /// 0 for none, or the number of SGR 4's second part: single, double, curly, dotted, dashed.
    pub underline: u8,
    /// See [`flag`].
    pub flags: u16,
    /// The hyperlink, by its number in the screen's table; 0 for none.
    pub(crate) link: u16,
}

impl Style {
    /// Whether an attribute is on.
    #[must_use]
    pub fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// What erasing in this style leaves: its ground alone.
    pub(crate) fn erased(self) -> Self {
        Self { background: self.background, ..Self::default() }
    }

    pub(crate) fn set(&mut self, flag: u16, is_on: bool) {
        if is_on {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    /// Obeys an SGR sequence: each parameter with what follows it after colons.
    pub(crate) fn obey(&mut self, parameters: &[Vec<u16>]) {
        let mut rest = parameters;
        while let Some((parameter, after)) = rest.split_first() {
            rest = match parameter.as_slice() {
                &[38 | 48 | 58] | [38 | 48 | 58, ..] => self.obey_color(parameter, after),
                &[code] => {
                    self.obey_code(code);
                    after
                }
                &[4, kind @ 0..=5] => {
                    self.underline = u8::try_from(kind).unwrap_or(0);
                    after
                }
                _ => after,
            };
        }
    }

    fn obey_code(&mut self, code: u16) {
        let index = |base: u16| Color::Index(u8::try_from(code - base).unwrap_or(0));
        match code {
            0 => {
                *self = Self { link: self.link, flags: self.flags & flag::PROTECTED, ..Self::default() };
            }
            1 => self.set(flag::BOLD, true),
            2 => self.set(flag::DIM, true),
            3 => self.set(flag::ITALIC, true),
            4 => self.underline = 1,
            5 | 6 => self.set(flag::BLINK, true),
            7 => self.set(flag::INVERSE, true),
            8 => self.set(flag::INVISIBLE, true),
            9 => self.set(flag::STRIKE, true),
            21 => self.underline = 2,
            22 => self.set(flag::BOLD | flag::DIM, false),
            23 => self.set(flag::ITALIC, false),
            24 => self.underline = 0,
            25 => self.set(flag::BLINK, false),
            27 => self.set(flag::INVERSE, false),
            28 => self.set(flag::INVISIBLE, false),
            29 => self.set(flag::STRIKE, false),
            30..=37 => self.foreground = index(30),
            39 => self.foreground = Color::Default,
            40..=47 => self.background = index(40),
            49 => self.background = Color::Default,
            53 => self.set(flag::OVERLINE, true),
            55 => self.set(flag::OVERLINE, false),
            59 => self.underline_color = Color::Default,
            90..=97 => self.foreground = index(82),
            100..=107 => self.background = index(92),
            _ => {}
        }
    }

    /// `38:5:n`, `38:2::r:g:b`, `38:2:r:g:b`, and the same with semicolons; gives what is left.
    fn obey_color<'a>(&mut self, parameter: &[u16], after: &'a [Vec<u16>]) -> &'a [Vec<u16>] {
        let byte = |number: Option<&u16>| u8::try_from(number.copied().unwrap_or(0)).ok();
        let rgb = |of: &[u16]| Some(Color::Rgb(byte(of.first())?, byte(of.get(1))?, byte(of.get(2))?));
        let (color, rest) = match parameter {
            [_, 5, index] => (byte(Some(index)).map(Color::Index), after),
            [_, 2, components @ ..] => (rgb(&components[usize::from(components.len() > 3)..]), after),
            [_] => match after {
                [kind, index, rest @ ..] if kind == &[5] => (byte(index.first()).map(Color::Index), rest),
                [kind, red, green, blue, rest @ ..] if kind == &[2] => {
                    let first = |of: &Vec<u16>| of.first().copied().unwrap_or(0);
                    (rgb(&[first(red), first(green), first(blue)]), rest)
                }
                // What should follow is not there, or nobody knows what it is.
                _ => (None, &[][..]),
            },
            _ => (None, after),
        };
        if let Some(color) = color {
            match parameter.first() {
                Some(38) => self.foreground = color,
                Some(48) => self.background = color,
                _ => self.underline_color = color,
            }
        }
        rest
    }

    /// The sequence that sets this style, whatever was set before. The hyperlink is not part of it.
    pub(crate) fn sequence(self) -> String {
        let mut codes = String::from("\x1b[0");
        let named = [
            (flag::BOLD, ";1"),
            (flag::DIM, ";2"),
            (flag::ITALIC, ";3"),
            (flag::BLINK, ";5"),
            (flag::INVERSE, ";7"),
            (flag::INVISIBLE, ";8"),
            (flag::STRIKE, ";9"),
            (flag::OVERLINE, ";53"),
        ];
        for (_, code) in named.iter().filter(|(flag, _)| self.has(*flag)) {
            codes.push_str(code);
        }
        match self.underline {
            0 => {}
            1 => codes.push_str(";4"),
            2 => codes.push_str(";21"),
            kind => codes.push_str(&format!(";4:{kind}")),
        }
        codes.push_str(&self.foreground.codes(30, 90, "38"));
        codes.push_str(&self.background.codes(40, 100, "48"));
        codes.push_str(&match self.underline_color {
            Color::Default => String::new(),
            Color::Index(index) => format!(";58:5:{index}"),
            Color::Rgb(red, green, blue) => format!(";58:2::{red}:{green}:{blue}"),
        });
        codes.push('m');
        codes
    }
}

impl Color {
    fn codes(self, base: u8, bright: u8, extended: &str) -> String {
        match self {
            Self::Default => String::new(),
            Self::Index(index @ 0..=7) => format!(";{}", base + index),
            Self::Index(index @ 8..=15) => format!(";{}", bright + index - 8),
            Self::Index(index) => format!(";{extended};5;{index}"),
            Self::Rgb(red, green, blue) => format!(";{extended};2;{red};{green};{blue}"),
        }
    }
}
