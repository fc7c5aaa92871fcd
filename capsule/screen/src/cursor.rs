//! The cursor and what DECSC saves with it: style, character sets, origin mode, and whether the next character wraps.

use crate::style::Style;

/// A character set that may be in one of G0 to G3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Set {
    #[default]
    Ascii,
    /// DEC Special Graphics.
    Graphics,
    /// `#` is a pound sign.
    British,
}

impl Set {
    /// The set that the last byte of a designation names.
    pub(crate) fn named(last: u8) -> Self {
        match last {
            b'0' | b'2' => Self::Graphics,
            b'A' => Self::British,
            _ => Self::Ascii,
        }
    }

    fn name(self) -> char {
        match self {
            Self::Ascii => 'B',
            Self::Graphics => '0',
            Self::British => 'A',
        }
    }

    fn map(self, character: char) -> char {
        match (self, character) {
            (Self::Graphics, '_'..='~') => GRAPHICS[character as usize - 0x5f],
            (Self::British, '#') => '£',
            _ => character,
        }
    }
}

/// DEC Special Graphics from 0x5f on, as xterm draws it.
const GRAPHICS: [char; 32] = [
    '\u{a0}', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼', '⎽', '├',
    '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
];

/// G0 to G3, and which of them is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sets {
    pub(crate) designated: [Set; 4],
    /// The one that was shifted in.
    pub(crate) shift: usize,
}

impl Sets {
    pub(crate) fn map(self, character: char) -> char {
        if self == Self::default() { character } else { self.designated[self.shift].map(character) }
    }

    /// What sets these on a terminal that has the usual ones.
    pub(crate) fn sequence(self) -> String {
        let mut text = String::new();
        for (set, place) in self.designated.iter().zip(['(', ')', '*', '+']) {
            if *set != Set::Ascii {
                text.push_str(&format!("\x1b{place}{}", set.name()));
            }
        }
        text.push_str(["", "\x0e", "\x1bn", "\x1bo"][self.shift]);
        text
    }
}

/// See the module. Row and column count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cursor {
    pub(crate) row: usize,
    pub(crate) column: usize,
    /// A character was written into the last column: the next one goes to the next row.
    pub(crate) wraps_next: bool,
    pub(crate) style: Style,
    pub(crate) sets: Sets,
    /// Rows are counted from the first of the scroll region, which the cursor does not leave (DECOM).
    pub(crate) has_origin: bool,
}
