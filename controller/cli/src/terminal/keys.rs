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
#[error("`{key}` is not a key: write `ctrl-` and one of a-z, @, [, \\, ], ^, _, or one character")]
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
        Ok(Self { sequences })
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
            let (key, length) = next_key(rest);
            let (bytes, after) = rest.split_at(length.min(rest.len()));
            rest = after;
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

/// The first key of what was typed, in the plain notation, and its length in bytes.
///
/// A program may have asked the terminal for one of two longer notations of control keys; they come in one piece.
fn next_key(typed: &[u8]) -> (Option<char>, usize) {
    if let Some(sequence) = typed.strip_prefix(b"\x1b[") {
        let Some(last) = sequence.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
            return (None, typed.len());
        };
        let parameters = std::str::from_utf8(&sequence[..last]).unwrap_or_default();
        let control = |code: &str| code.parse().ok().filter(u8::is_ascii).and_then(control_of);
        let fields: Vec<&str> = parameters.split(';').collect();
        let key = match (sequence[last], fields.as_slice()) {
            // The kitty keyboard protocol: a key's code, then its modifiers plus one, control being four.
            (b'u', [code, modifiers, ..]) if matches!(*modifiers, "5" | "5:1") => control(code),
            // xterm's modifyOtherKeys.
            (b'~', ["27", "5", code]) => control(code),
            _ => None,
        };
        return (key, last + 3);
    }
    let first = typed[0];
    if first.is_ascii() { (Some(char::from(first)), 1) } else { (None, 1) }
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
        for wrong in ["ctrl-", "ctrl-1", "ctrl-ab", "escape", "ctrl-p,,ctrl-q"] {
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
        let others = b"\x1b[92;3u\x1b[A\x1b[1;5A";
        assert_eq!(typed(keys, &[others]), (others.to_vec(), false));
    }
}
