//! Detach keys: which keys leave a session, and finding them in what is typed.

use std::collections::VecDeque;
use std::str::FromStr;

/// Sequences of keys, each of which detaches.
///
/// Written as Docker writes them, alternatives apart by spaces: `ctrl-\ ctrl-p,ctrl-q`; `none` for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetachKeys {
    sequences: Vec<Vec<char>>,
}

impl Default for DetachKeys {
    fn default() -> Self {
        Self { sequences: vec![vec!['\x1c'], vec!['\x10', '\x11']] }
    }
}

/// A detach key that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is not a key: write `ctrl-` and one of a-z, @, [, \\, ], ^, _, or one character; `none` for no keys")]
pub(crate) struct KeyError {
    key: String,
}

impl FromStr for DetachKeys {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text == "none" {
            return Ok(Self { sequences: Vec::new() });
        }
        let sequence = |keys: &str| keys.split(',').map(key).collect::<Result<Vec<char>, KeyError>>();
        let sequences = text.split_whitespace().map(sequence).collect::<Result<Vec<_>, KeyError>>()?;
        // An empty variable is a mistake and would mean that nothing leaves.
        if sequences.is_empty() { Err(KeyError { key: text.to_owned() }) } else { Ok(Self { sequences }) }
    }
}

/// A key as the character that a plain terminal sends for it.
fn key(text: &str) -> Result<char, KeyError> {
    let name = text.strip_prefix("ctrl-").or_else(|| text.strip_prefix("Ctrl-"));
    let mut characters = name.unwrap_or(text).chars();
    match (characters.next(), characters.next(), name.is_some()) {
        (Some(character), None, false) if !character.is_control() => Ok(character),
        (Some(character), None, true) if matches!(character.to_ascii_uppercase(), '@'..='_') => {
            Ok(char::from(character.to_ascii_uppercase() as u8 & 0x1f))
        }
        _ => Err(KeyError { key: text.to_owned() }),
    }
}

/// Looks for detach keys in what is typed.
///
/// The keys of an unfinished sequence are held back, as the program would act on them: `ctrl-p` recalls the last command in a shell
/// and moves the cursor in an editor. Whoever means such a key for the program gets it sent with the next key, or after a moment
/// ([`release`](Self::release)); the rest of the sequence then still detaches.
#[derive(Debug)]
pub(super) struct KeyWatch {
    keys: DetachKeys,
    /// How far each sequence has come.
    progress: Vec<usize>,
    /// The last keys, which may become a sequence.
    held: VecDeque<Vec<u8>>,
}

/// What becomes of typed keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// Bytes for the session.
    pub(super) pass: Vec<u8>,
    /// A sequence is complete; what came after it is dropped.
    pub(super) detaches: bool,
}

impl KeyWatch {
    pub(super) fn new(keys: DetachKeys) -> Self {
        let progress = vec![0; keys.sequences.len()];
        Self { keys, progress, held: VecDeque::new() }
    }

    /// Takes what was typed.
    pub(super) fn take(&mut self, typed: &[u8]) -> Typed {
        let mut pass = Vec::with_capacity(typed.len());
        let mut rest = typed;
        while !rest.is_empty() {
            let (heard, length) = next_key(rest);
            let (bytes, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            let key = match heard {
                Heard::Key(key) => Some(key),
                Heard::Other => None,
                Heard::NoKey => {
                    // It keeps its place behind the key that is held back.
                    self.held.back_mut().unwrap_or(&mut pass).extend_from_slice(bytes);
                    continue;
                }
            };
            if self.advance(key) {
                self.held.clear();
                return Typed { pass, detaches: true };
            }
            self.held.push_back(bytes.to_vec());
            let wanted = self.progress.iter().copied().max().unwrap_or(0);
            let surplus = self.held.len().saturating_sub(wanted);
            pass.extend(self.held.drain(..surplus).flatten());
        }
        Typed { pass, detaches: false }
    }

    /// Whether keys are held back.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Lets the keys go that are held back.
    pub(super) fn release(&mut self) -> Vec<u8> {
        self.held.drain(..).flatten().collect()
    }

    fn advance(&mut self, key: Option<char>) -> bool {
        for (sequence, progress) in self.keys.sequences.iter().zip(&mut self.progress) {
            if key.is_some() && sequence.get(*progress).copied() == key {
                *progress += 1;
            } else {
                *progress = usize::from(key.is_some() && sequence.first().copied() == key);
            }
            if *progress == sequence.len() {
                *progress = 0;
                return true;
            }
        }
        false
    }
}

/// What a terminal told.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// A key that may be one of a sequence, in the plain notation.
    Key(char),
    /// Something else that was typed.
    Other,
    /// Nothing was typed: a key went up, or a modifier alone went down.
    NoKey,
}

impl From<Option<char>> for Heard {
    fn from(key: Option<char>) -> Self {
        key.map_or(Self::Other, Self::Key)
    }
}

/// The first thing of what was typed, and its length in bytes.
///
/// A program may have asked the terminal for one of two longer notations of control keys; they come in one piece.
fn next_key(typed: &[u8]) -> (Heard, usize) {
    if let Some(sequence) = typed.strip_prefix(b"\x1b[") {
        let Some(last) = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
            return (Heard::Other, typed.len());
        };
        let parameters = std::str::from_utf8(&sequence[..last]).unwrap_or_default();
        let fields: Vec<&str> = parameters.split(';').collect();
        let heard = match (sequence[last], fields.as_slice()) {
            (b'u', [code, rest @ ..]) => kitty(code, rest.first().copied().unwrap_or_default()),
            // xterm's modifyOtherKeys.
            (b'~', ["27", modifiers, code]) if is_control(modifiers) => code.parse().ok().and_then(control_of).into(),
            // Keys of other forms go up too.
            (_, [_, modifiers, ..]) if is_release(modifiers) => Heard::NoKey,
            _ => Heard::Other,
        };
        return (heard, last + 3);
    }
    let first = typed[0];
    if first.is_ascii() { (Heard::Key(char::from(first)), 1) } else { (Heard::Other, 1) }
}

/// A key of the kitty keyboard protocol: its code, and its modifiers with the event.
///
/// <https://sw.kovidgoyal.net/kitty/keyboard-protocol/>: the code may have two alternates behind it, the shifted key and the one at the
/// same place of a Latin keyboard; the modifiers may have the event behind them.
fn kitty(code: &str, modifiers: &str) -> Heard {
    let mut codes = code.split(':').map(|code| code.parse::<u32>().ok());
    let (key, at_its_place) = (codes.next().flatten(), codes.nth(1).flatten());
    if is_release(modifiers) || key.is_some_and(is_modifier) {
        return Heard::NoKey;
    }
    let ascii = |code: Option<u32>| code.and_then(|code| u8::try_from(code).ok()).filter(u8::is_ascii);
    // A keyboard of another script has no such keys of its own.
    let Some(key) = ascii(key).or_else(|| ascii(at_its_place)) else { return Heard::Other };
    if is_control(modifiers) {
        control_of(key).into()
    } else if held(modifiers) == Some(0) {
        Heard::Key(char::from(key))
    } else {
        Heard::Other
    }
}

/// The modifiers that are held, as their bits without Caps Lock and Num Lock; they are told plus one.
fn held(modifiers: &str) -> Option<u8> {
    const LOCKS: u8 = 64 | 128;
    let number = modifiers.split(':').next().unwrap_or_default();
    let bits = if number.is_empty() { Some(0) } else { number.parse::<u16>().ok()?.checked_sub(1) };
    bits.and_then(|bits| u8::try_from(bits).ok()).map(|bits| bits & !LOCKS)
}

fn is_control(modifiers: &str) -> bool {
    held(modifiers) == Some(4)
}

fn is_release(modifiers: &str) -> bool {
    modifiers.split(':').nth(1) == Some("3")
}

/// Whether a code is that of a lock or of a modifier, which a terminal tells by themselves when it is asked for all keys.
fn is_modifier(code: u32) -> bool {
    matches!(code, 57_358..=57_360 | 57_441..=57_454)
}

fn control_of(code: u8) -> Option<char> {
    let upper = code.to_ascii_uppercase();
    (b'@'..=b'_').contains(&upper).then(|| char::from(upper & 0x1f))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types piece by piece; what reached the session, and whether it was left.
    fn typed(keys: &str, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut watch = KeyWatch::new(keys.parse().expect("keys"));
        let mut passed = Vec::new();
        for piece in pieces {
            let Typed { pass, detaches } = watch.take(piece);
            passed.extend(pass);
            if detaches {
                return (passed, true);
            }
        }
        (passed, false)
    }

    #[test]
    fn keys_are_written_as_docker_writes_them() {
        assert_eq!("ctrl-\\ ctrl-p,ctrl-q".parse(), Ok(DetachKeys::default()));
        assert_eq!("ctrl-a,d".parse(), Ok(DetachKeys { sequences: vec![vec!['\x01', 'd']] }));
        assert_eq!("none".parse(), Ok(DetachKeys { sequences: Vec::new() }));
        for wrong in ["", " ", "ctrl-", "ctrl-1", "ctrl-ab", "escape", "ctrl-p,,ctrl-q"] {
            assert!(wrong.parse::<DetachKeys>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sequence_detaches_also_in_pieces_and_none_of_it_reaches_the_session() {
        let keys = "ctrl-\\ ctrl-p,ctrl-q";
        assert_eq!(typed(keys, &[b"ls\x1c"]), (b"ls".to_vec(), true));
        assert_eq!(typed(keys, &[b"a\x10", b"\x11"]), (b"a".to_vec(), true));
        assert_eq!(typed(keys, &[b"\x10\x10\x11"]), (b"\x10".to_vec(), true));
        assert_eq!(typed(keys, &[b"\x10", b"\x1c"]), (Vec::new(), true));
        assert_eq!(typed("none", &[b"\x1c\x10\x11"]), (b"\x1c\x10\x11".to_vec(), false));
    }

    #[test]
    fn keys_that_become_no_sequence_reach_the_session_in_order() {
        let keys = "ctrl-p,ctrl-q";
        assert_eq!(typed(keys, &[b"\x10x\x11 \x11"]), (b"\x10x\x11 \x11".to_vec(), false));
        assert_eq!(typed(keys, &[b"\x10", b"\xc3\xa9"]), (b"\x10\xc3\xa9".to_vec(), false));
        assert_eq!(typed("a,a,b", &[b"aa", b"aac"]), (b"aaaac".to_vec(), false));
    }

    #[test]
    fn keys_that_were_let_go_still_begin_a_sequence() {
        let mut watch = KeyWatch::new("ctrl-p,ctrl-q".parse().expect("keys"));
        assert_eq!(watch.take(b"\x10").pass, b"");
        assert!(watch.is_holding());
        assert_eq!(watch.release(), b"\x10");
        assert!(!watch.is_holding());
        assert_eq!(watch.take(b"\x11"), Typed { pass: Vec::new(), detaches: true });
    }

    #[test]
    fn control_keys_are_known_in_every_notation() {
        let keys = "ctrl-\\ ctrl-p,ctrl-q";
        assert_eq!(typed(keys, &[b"x\x1b[92;5u"]), (b"x".to_vec(), true));
        assert_eq!(typed(keys, &[b"\x1b[112;5u\x1b[113;5:1u"]), (Vec::new(), true));
        assert_eq!(typed(keys, &[b"\x1b[27;5;92~"]), (Vec::new(), true));
        assert_eq!(typed("ctrl-a,d", &[b"\x1b[97;5u\x1b[100u"]), (Vec::new(), true));
        let others = b"\x1b[92;3u\x1b[A\x1b[1;5A\x1b[92;7u\x1b[1093;5u\x1b[92u\x1b[92;u\x1b[92;0u";
        assert_eq!(typed(keys, &[others]), (others.to_vec(), false));
    }

    #[test]
    fn neither_locks_nor_another_script_keep_from_leaving() {
        let keys = "ctrl-\\ ctrl-p,ctrl-q";
        for key in ["92;133", "92;69", "92;197", "92;133:1", "1093::92;5", "92:124;5", "1093:1061:92;69:2"] {
            assert_eq!(typed(keys, &[format!("\x1b[{key}u").as_bytes()]), (Vec::new(), true), "{key}");
        }
        assert_eq!(typed(keys, &[b"\x1b[27;133;92~"]), (Vec::new(), true));
        // Who has the letter at another place means the letter.
        assert_eq!(typed("ctrl-p", &[b"\x1b[112::114;5u"]), (Vec::new(), true));
        assert!(!typed("ctrl-r", &[b"\x1b[112::114;5u"]).1);
    }

    #[test]
    fn keys_that_go_up_and_modifiers_alone_are_passed_on_and_end_no_sequence() {
        let keys = "ctrl-p,ctrl-q";
        let (press, release) = (&b"\x1b[112;5:1u"[..], &b"\x1b[112;5:3u"[..]);
        let control: [&[u8]; 2] = [b"\x1b[57442;5:1u", b"\x1b[57442;1:3u"];
        assert_eq!(typed(keys, &[press, release, b"\x1b[113;5:1u"]), (Vec::new(), true));
        assert!(typed(keys, &[control[0], press, release, control[1], control[0], b"\x1b[113;5u"]).1);
        let others = [press, release, b"\x1b[120;1:1u", b"\x1b[1;1:3A"].concat();
        assert_eq!(typed(keys, &[&others]), (others, false));
        let mut watch = KeyWatch::new(keys.parse().expect("keys"));
        assert_eq!(watch.take(&[press, release].concat()).pass, b"", "it stays behind its key");
        assert_eq!(watch.release(), [press, release].concat());
    }
}
