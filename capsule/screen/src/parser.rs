//! Cuts a terminal's byte stream into characters, control characters and sequences (ECMA-48, with UTF-8 as the text's encoding).
//!
//! What every VT since the VT100 does is kept: a control character within a sequence is obeyed at once and ends nothing, CAN and SUB
//! end any sequence, ESC begins a new one wherever it comes. C1 controls written as UTF-8 are ignored, as xterm does.

/// What of an unfinished sequence is kept. Of a longer one the beginning is enough to keep the rest from being shown as text.
const UNFINISHED: usize = 4096;

/// How many parameters of a control sequence are kept, with those after colons.
const PARAMETERS: usize = 32;

/// What a string was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// Operating system command.
    Osc,
    /// Device control string.
    Dcs,
    /// SOS, PM and APC: nobody here listens.
    Other,
}

/// A control sequence, whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sequence {
    /// One of `<`, `=`, `>`, `?`, or 0.
    pub(crate) prefix: u8,
    /// The last intermediate byte, or 0.
    pub(crate) intermediate: u8,
    /// Each with what follows it after colons; what is left out is 0.
    pub(crate) parameters: Vec<Vec<u16>>,
    pub(crate) last: u8,
}

impl Sequence {
    /// A parameter, where 0 and absence are the same.
    pub(crate) fn number(&self, index: usize) -> Option<u16> {
        self.parameters.get(index).and_then(|parameter| parameter.first()).copied().filter(|&number| number > 0)
    }

    /// A parameter that counts from 1.
    pub(crate) fn count(&self, index: usize) -> u16 {
        self.number(index).unwrap_or(1)
    }
}

/// What a byte completes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Character(char),
    /// A C0 control character.
    Execute(u8),
    /// ESC, perhaps one intermediate byte, and the last one.
    Escape {
        intermediate: u8,
        last: u8,
    },
    Control(Sequence),
    Text {
        kind: TextKind,
        bytes: &'a [u8],
    },
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
    Text(TextKind),
    /// After an ESC within a string, which ends it if a backslash follows.
    TextEscape(TextKind),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    state: State,
    /// The bytes of what is not complete.
    unfinished: Vec<u8>,
    /// Whether there were more of them than are kept.
    is_cut: bool,
}

impl Parser {
    /// How many bytes of plain ASCII text there are before anything that `advance` must see.
    pub(crate) fn plain(&self, bytes: &[u8]) -> usize {
        if self.state != State::Ground {
            return 0;
        }
        bytes.iter().position(|byte| !(0x20..0x7f).contains(byte)).unwrap_or(bytes.len())
    }

    /// The beginning of a sequence or character whose end has not come yet.
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.unfinished
    }

    /// Takes one byte. What it completes goes to `take`; twice when it also shows that a character was broken.
    pub(crate) fn advance(&mut self, byte: u8, take: &mut impl FnMut(Event<'_>)) {
        match (self.state, byte) {
            (State::Character(missing), 0x80..=0xbf) => self.go_on(missing, byte, take),
            (State::Character(_), _) => {
                self.finish();
                take(Event::Character(char::REPLACEMENT_CHARACTER));
                self.advance(byte, take);
            }
            // These end any sequence, wherever it is.
            (_, 0x18 | 0x1a) => self.finish(),
            (State::Text(kind), 0x1b) => {
                self.state = State::TextEscape(kind);
                self.keep(byte);
            }
            (State::TextEscape(kind), b'\\') => {
                self.unfinished.pop_if(|last| *last == 0x1b);
                self.end_text(kind, take);
            }
            (State::TextEscape(_), _) => {
                self.begin_escape();
                self.advance(byte, take);
            }
            (_, 0x1b) => self.begin_escape(),
            (State::Text(TextKind::Osc), 0x07) => self.end_text(TextKind::Osc, take),
            (State::Text(_), _) => self.keep(byte),
            (State::Ground | State::Escape | State::EscapeIntermediate | State::Control, 0x00..=0x1f) => {
                take(Event::Execute(byte));
            }
            (State::Ground, _) => self.ground(byte, take),
            (State::Escape | State::EscapeIntermediate | State::Control, 0x7f..=0xff) => {}
            (State::Escape, _) => self.escape(byte, take),
            (State::EscapeIntermediate, 0x20..=0x2f) => self.keep(byte),
            (State::EscapeIntermediate, _) => self.end_escape(byte, take),
            (State::Control, 0x20..=0x3f) => self.keep(byte),
            (State::Control, _) => self.end_control(byte, take),
        }
    }

    fn begin_escape(&mut self) {
        self.finish();
        self.state = State::Escape;
        self.keep(0x1b);
    }

    fn keep(&mut self, byte: u8) {
        if self.unfinished.len() < UNFINISHED {
            self.unfinished.push(byte);
        } else {
            self.is_cut = true;
        }
    }

    fn finish(&mut self) {
        self.state = State::Ground;
        self.unfinished.clear();
        self.is_cut = false;
    }

    fn ground(&mut self, byte: u8, take: &mut impl FnMut(Event<'_>)) {
        let missing = match byte {
            0x20..=0x7e => return take(Event::Character(char::from(byte))),
            0x7f => return,
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => return take(Event::Character(char::REPLACEMENT_CHARACTER)),
        };
        self.state = State::Character(missing);
        self.keep(byte);
    }

    fn go_on(&mut self, missing: u8, byte: u8, take: &mut impl FnMut(Event<'_>)) {
        self.keep(byte);
        if missing > 1 {
            self.state = State::Character(missing - 1);
            return;
        }
        let character = std::str::from_utf8(&self.unfinished).ok().and_then(|text| text.chars().next());
        self.finish();
        match character {
            Some('\u{80}'..='\u{9f}') => {}
            character => take(Event::Character(character.unwrap_or(char::REPLACEMENT_CHARACTER))),
        }
    }

    fn escape(&mut self, byte: u8, take: &mut impl FnMut(Event<'_>)) {
        self.state = match byte {
            b'[' => State::Control,
            b']' => State::Text(TextKind::Osc),
            b'P' => State::Text(TextKind::Dcs),
            b'X' | b'^' | b'_' => State::Text(TextKind::Other),
            0x20..=0x2f => State::EscapeIntermediate,
            _ => return self.end_escape(byte, take),
        };
        self.keep(byte);
    }

    fn end_escape(&mut self, last: u8, take: &mut impl FnMut(Event<'_>)) {
        // More than one is nothing that anybody here knows.
        let intermediate = match self.unfinished.get(1..).unwrap_or_default() {
            [] => 0,
            [intermediate] => *intermediate,
            _ => 0xff,
        };
        self.finish();
        take(Event::Escape { intermediate, last });
    }

    fn end_control(&mut self, last: u8, take: &mut impl FnMut(Event<'_>)) {
        let sequence = if self.is_cut { None } else { sequence(self.unfinished.get(2..).unwrap_or_default(), last) };
        self.finish();
        if let Some(sequence) = sequence {
            take(Event::Control(sequence));
        }
    }

    fn end_text(&mut self, kind: TextKind, take: &mut impl FnMut(Event<'_>)) {
        if !self.is_cut {
            take(Event::Text { kind, bytes: self.unfinished.get(2..).unwrap_or_default() });
        }
        self.finish();
    }
}

/// The parts of a control sequence between its introducer and its last byte, or nothing when they are not in their order.
fn sequence(bytes: &[u8], last: u8) -> Option<Sequence> {
    let (prefix, bytes) = match bytes.split_first() {
        Some((&prefix @ 0x3c..=0x3f, rest)) => (prefix, rest),
        _ => (0, bytes),
    };
    let end = bytes.iter().position(|byte| *byte < 0x30).unwrap_or(bytes.len());
    let (parameters, intermediates) = bytes.split_at(end);
    let intermediate = match intermediates {
        [] => 0,
        [intermediate] if *intermediate < 0x30 => *intermediate,
        _ => return None,
    };
    if parameters.iter().any(|byte| *byte > b';') {
        return None;
    }
    let parameters: Vec<Vec<u16>> =
        parameters.split(|byte| *byte == b';').take(PARAMETERS).map(subparameters).collect();
    Some(Sequence { prefix, intermediate, parameters, last })
}

fn subparameters(bytes: &[u8]) -> Vec<u16> {
    bytes.split(|byte| *byte == b':').take(PARAMETERS).map(number).collect()
}

fn number(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |number: u16, digit| number.saturating_mul(10).saturating_add(u16::from(digit - b'0')))
}
