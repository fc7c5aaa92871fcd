//! Follows a terminal's byte stream from sequence to sequence.
//!
//! It knows where sequences begin and end, and only a few of them by meaning: character sets (ECMA-35 designations, shift in and
//! out), the scroll region (DECSTBM), origin mode (DECOM), the way to the alternate screen, and resets.

/// What of an unfinished sequence is kept. Of a longer one the beginning is enough to keep the rest from being shown as text.
const UNFINISHED: usize = 4096;

/// What a byte asks of whoever feeds the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: give it to the parser as it is.
    Plain,
    /// Give the parser this character instead.
    Replace(char),
    /// The byte ends a sequence that goes to the alternate screen: the last moment to look at the main one.
    EnterAlternate,
    /// The byte ends a sequence that resets the terminal.
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// Inside a character of several bytes; how many are missing.
    Character(u8),
    Escape,
    /// After ESC and an intermediate byte.
    EscapeIntermediate,
    Control,
    /// Inside OSC, DCS, APC, PM or SOS; whether a bell ends it.
    Text {
        ends_with_bell: bool,
    },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: State,
    unfinished: Vec<u8>,
    /// Whether G0 and G1 are the line-drawing set.
    graphics: [bool; 2],
    /// Which of the two is in use.
    shift: usize,
    region: Option<(u16, u16)>,
    has_origin: bool,
}

impl Scanner {
    /// How many bytes of plain text there are before anything that `advance` must see.
    pub(super) fn skip_plain(&self, bytes: &[u8]) -> usize {
        if self.state != State::Ground || self.is_graphic() {
            return 0;
        }
        bytes.iter().position(|&byte| byte >= 0x80 || matches!(byte, 0x1b | 0x0e | 0x0f)).unwrap_or(bytes.len())
    }

    /// Takes one byte.
    pub(super) fn advance(&mut self, byte: u8) -> Step {
        match (self.state, byte) {
            // These end any sequence, wherever it is.
            (State::Ground, 0x18 | 0x1a) => return Step::Plain,
            (_, 0x18 | 0x1a) => self.finish(),
            (_, 0x1b) => {
                self.unfinished.clear();
                self.state = State::Escape;
                self.keep(byte);
            }
            (State::Ground, _) => return self.ground(byte),
            (State::Character(missing), 0x80..=0xbf) if missing > 1 => {
                self.state = State::Character(missing - 1);
                self.keep(byte);
            }
            (State::Character(_), 0x80..=0xbf) => self.finish(),
            (State::Character(_), _) => {
                self.finish();
                return self.ground(byte);
            }
            (State::Escape, _) => return self.escape(byte),
            (State::EscapeIntermediate, 0x30..=0x7e) => return self.end_escape(byte),
            (State::Control, 0x40..=0x7e) => return self.end_control(byte),
            (State::Text { ends_with_bell: true }, 0x07) => self.finish(),
            (State::EscapeIntermediate | State::Control | State::Text { .. }, _) => self.keep(byte),
        }
        Step::Plain
    }

    /// The beginning of a sequence or character whose end has not come yet.
    pub(super) fn unfinished(&self) -> &[u8] {
        &self.unfinished
    }

    /// The beginning of a character whose end has not come yet.
    pub(super) fn missing_end(&self) -> &[u8] {
        match self.state {
            State::Character(_) => &self.unfinished,
            _ => &[],
        }
    }

    /// The first and last row of the scroll region, from 1, when it is not the whole screen.
    pub(super) fn region(&self) -> Option<(u16, u16)> {
        self.region
    }

    /// Whether rows are counted from the scroll region's first.
    pub(super) fn has_origin(&self) -> bool {
        self.has_origin
    }

    /// A terminal that changes its size scrolls as a whole again.
    pub(super) fn forget_region(&mut self) {
        self.region = None;
    }

    /// What sets the character sets in use, when they are not the usual ones.
    pub(super) fn character_sets(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.graphics[0] {
            bytes.extend_from_slice(b"\x1b(0");
        }
        if self.graphics[1] {
            bytes.extend_from_slice(b"\x1b)0");
        }
        if self.shift == 1 {
            bytes.push(0x0e);
        }
        bytes
    }

    fn is_graphic(&self) -> bool {
        self.graphics[self.shift]
    }

    fn keep(&mut self, byte: u8) {
        if self.unfinished.len() < UNFINISHED {
            self.unfinished.push(byte);
        }
    }

    fn finish(&mut self) {
        self.state = State::Ground;
        self.unfinished.clear();
    }

    fn ground(&mut self, byte: u8) -> Step {
        let missing = match byte {
            0x0e => {
                self.shift = 1;
                0
            }
            0x0f => {
                self.shift = 0;
                0
            }
            0x5f..=0x7e if self.is_graphic() => return Step::Replace(GRAPHICS[usize::from(byte - 0x5f)]),
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => 0,
        };
        if missing > 0 {
            self.state = State::Character(missing);
            self.keep(byte);
        }
        Step::Plain
    }

    fn escape(&mut self, byte: u8) -> Step {
        match byte {
            b'[' => self.state = State::Control,
            b']' => self.state = State::Text { ends_with_bell: true },
            b'P' | b'X' | b'^' | b'_' => self.state = State::Text { ends_with_bell: false },
            0x20..=0x2f => self.state = State::EscapeIntermediate,
            0x30..=0x7e => return self.end_escape(byte),
            // A control character in between is obeyed at once and ends nothing.
            _ => {}
        }
        self.keep(byte);
        Step::Plain
    }

    fn end_escape(&mut self, last: u8) -> Step {
        let step = match (self.unfinished.get(1), last) {
            (None, b'c') => {
                *self = Self::default();
                Step::Reset
            }
            (Some(b'('), set) => {
                self.graphics[0] = set == b'0';
                Step::Plain
            }
            (Some(b')'), set) => {
                self.graphics[1] = set == b'0';
                Step::Plain
            }
            _ => Step::Plain,
        };
        self.finish();
        step
    }

    fn end_control(&mut self, last: u8) -> Step {
        let parameters = self.unfinished.get(2..).unwrap_or_default();
        let step = match (parameters.first(), last) {
            (Some(b'?'), b'h' | b'l') => {
                let numbers = numbers(&parameters[1..]);
                if numbers.contains(&6) {
                    self.has_origin = last == b'h';
                }
                let is_alternate = numbers.iter().any(|mode| matches!(mode, 47 | 1047 | 1049));
                if is_alternate && last == b'h' { Step::EnterAlternate } else { Step::Plain }
            }
            (None | Some(b'0'..=b'9' | b';'), b'r') => {
                let numbers = numbers(parameters);
                let at = |index: usize| numbers.get(index).copied().filter(|&number| number > 0);
                self.region = match (at(0).unwrap_or(1), at(1)) {
                    (1, None) => None,
                    (top, bottom) => Some((top, bottom.unwrap_or(u16::MAX))),
                };
                Step::Plain
            }
            // DECSTR, the soft reset.
            (Some(b'!'), b'p') => {
                (self.graphics, self.shift, self.region, self.has_origin) = ([false; 2], 0, None, false);
                Step::Plain
            }
            _ => Step::Plain,
        };
        self.finish();
        step
    }
}

fn numbers(parameters: &[u8]) -> Vec<u16> {
    let text = std::str::from_utf8(parameters).unwrap_or_default();
    text.split(';').map(|number| number.parse().unwrap_or(0)).collect()
}

/// DEC Special Graphics from 0x5f on, as xterm draws it.
const GRAPHICS: [char; 32] = [
    '\u{a0}', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼', '⎽', '├',
    '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
];
