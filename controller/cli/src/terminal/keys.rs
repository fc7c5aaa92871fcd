//! Detach keys: which keys leave a session, and finding them in what is typed.

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
        Self {
            sequences: vec![vec!['\x1c'], vec!['\x10', '\x11']],
        }
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
        let sequences = text
            .split_whitespace()
            .map(sequence)
            .collect::<Result<Vec<_>, KeyError>>()?;
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
/// The keys of an unfinished sequence go on to the session at once: holding `ctrl-p` back would break every shell's history. Only
/// the key that completes a sequence is kept.
#[derive(Debug)]
pub(super) struct KeyWatch {
    keys: DetachKeys,
    /// How far each sequence has come.
    progress: Vec<usize>,
}

impl KeyWatch {
    pub(super) fn new(keys: DetachKeys) -> Self {
        let progress = vec![0; keys.sequences.len()];
        Self { keys, progress }
    }

    /// How many bytes come before the key that detaches, if one does.
    pub(super) fn find(&mut self, typed: &[u8]) -> Option<usize> {
        let mut position = 0;
        while let Some(rest) = typed.get(position..).filter(|rest| !rest.is_empty()) {
            let (key, length) = next_key(rest);
            if self.advance(key) {
                return Some(position);
            }
            position += length;
        }
        None
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
    if first.is_ascii() {
        (Some(char::from(first)), 1)
    } else {
        (None, 1)
    }
}

fn control_of(code: u8) -> Option<char> {
    let upper = code.to_ascii_uppercase();
    (b'@'..=b'_').contains(&upper).then(|| char::from(upper & 0x1f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(keys: &str, typed: &[&[u8]]) -> Option<(usize, usize)> {
        let mut watch = KeyWatch::new(keys.parse().expect("keys"));
        typed
            .iter()
            .enumerate()
            .find_map(|(index, typed)| watch.find(typed).map(|position| (index, position)))
    }

    #[test]
    fn keys_are_written_as_docker_writes_them() {
        assert_eq!("ctrl-\\ ctrl-p,ctrl-q".parse(), Ok(DetachKeys::default()));
        assert_eq!(
            "ctrl-a,d".parse(),
            Ok(DetachKeys {
                sequences: vec![vec!['\x01', 'd']]
            })
        );
        assert_eq!("none".parse(), Ok(DetachKeys { sequences: Vec::new() }));
        for wrong in ["ctrl-", "ctrl-1", "ctrl-ab", "escape", "ctrl-p,,ctrl-q"] {
            assert!(wrong.parse::<DetachKeys>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sequence_detaches_also_in_pieces_and_only_its_last_key_is_kept() {
        let keys = "ctrl-\\ ctrl-p,ctrl-q";
        assert_eq!(find(keys, &[b"ls\x1c"]), Some((0, 2)));
        assert_eq!(find(keys, &[b"a\x10", b"\x11"]), Some((1, 0)));
        assert_eq!(find(keys, &[b"\x10\x10\x11"]), Some((0, 2)));
        assert_eq!(find(keys, &[b"\x10x\x11 \x11"]), None);
        assert_eq!(find("none", &[b"\x1c\x10\x11"]), None);
    }

    #[test]
    fn control_keys_are_known_in_every_notation() {
        let keys = "ctrl-\\ ctrl-p,ctrl-q";
        assert_eq!(find(keys, &[b"x\x1b[92;5u"]), Some((0, 1)));
        assert_eq!(find(keys, &[b"\x1b[112;5u\x1b[113;5:1u"]), Some((0, 8)));
        assert_eq!(find(keys, &[b"\x1b[27;5;92~"]), Some((0, 0)));
        assert_eq!(find(keys, &[b"\x1b[92;3u\x1b[A\x1b[1;5A"]), None);
    }
}
