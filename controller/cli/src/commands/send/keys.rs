//! Keys by tmux's names, and what a terminal like xterm sends for them.

use jackin_api::wire::Stroke;

use crate::text::nearest;

/// Keys whose sequence ends in a letter: `ESC [ A`, in application mode `ESC O A`, with modifiers `ESC [ 1 ; m A`.
const LETTERED: [(&str, char); 6] =
    [("Up", 'A'), ("Down", 'B'), ("Right", 'C'), ("Left", 'D'), ("Home", 'H'), ("End", 'F')];

/// The first function keys: `ESC O P`, with modifiers `ESC [ 1 ; m P`.
const FUNCTION: [(&str, char); 4] = [("F1", 'P'), ("F2", 'Q'), ("F3", 'R'), ("F4", 'S')];

/// Keys whose sequence has a number: `ESC [ 3 ~`, with modifiers `ESC [ 3 ; m ~`.
const NUMBERED: [(&str, u8); 18] = [
    ("Insert", 2),
    ("IC", 2),
    ("Delete", 3),
    ("DC", 3),
    ("PageUp", 5),
    ("PgUp", 5),
    ("PPage", 5),
    ("PageDown", 6),
    ("PgDn", 6),
    ("NPage", 6),
    ("F5", 15),
    ("F6", 17),
    ("F7", 18),
    ("F8", 19),
    ("F9", 20),
    ("F10", 21),
    ("F11", 23),
    ("F12", 24),
];

/// Keys that send one character.
const PLAIN: [(&str, char); 5] =
    [("Enter", '\r'), ("Tab", '\t'), ("Escape", '\x1b'), ("Space", ' '), ("BSpace", '\x7f')];

#[derive(Clone, Copy, Default)]
struct Modifiers {
    shift: bool,
    alt: bool,
    control: bool,
}

impl Modifiers {
    /// The number that stands for them in a sequence; 1 is none.
    fn number(self) -> u8 {
        1 + u8::from(self.shift) + 2 * u8::from(self.alt) + 4 * u8::from(self.control)
    }
}

/// The Enter key.
pub(super) fn enter() -> Stroke {
    same("\r".to_owned())
}

/// The key of a name.
pub(super) fn key(name: &str) -> Result<Stroke, String> {
    let (modifiers, base) = modifiers(name);
    named(base, modifiers).or_else(|| single(base, modifiers)).ok_or_else(|| {
        let names = LETTERED.iter().chain(&FUNCTION).chain(&PLAIN).map(|(name, _)| *name);
        let names: Vec<_> = names.chain(NUMBERED.iter().map(|(name, _)| *name)).chain(["BTab"]).collect();
        match nearest(base, &names) {
            Some(near) => format!("no key is called `{name}`; did you mean `{near}`?"),
            None => format!("no key is called `{name}`"),
        }
    })
}

/// What is before the name of the key. A key may itself be `-`.
fn modifiers(name: &str) -> (Modifiers, &str) {
    let mut modifiers = Modifiers::default();
    let mut rest = name;
    while let Some((modifier, base)) = rest.split_once('-').filter(|(_, base)| !base.is_empty()) {
        match modifier {
            "C" => modifiers.control = true,
            "M" => modifiers.alt = true,
            "S" => modifiers.shift = true,
            _ => break,
        }
        rest = base;
    }
    (modifiers, rest)
}

fn named(base: &str, modifiers: Modifiers) -> Option<Stroke> {
    let number = modifiers.number();
    if let Some((_, last)) = LETTERED.iter().find(|(name, _)| *name == base) {
        return Some(match number {
            1 => Stroke::Key { normal: format!("\x1b[{last}"), application: format!("\x1bO{last}") },
            _ => same(format!("\x1b[1;{number}{last}")),
        });
    }
    if let Some((_, last)) = FUNCTION.iter().find(|(name, _)| *name == base) {
        return Some(same(if number == 1 { format!("\x1bO{last}") } else { format!("\x1b[1;{number}{last}") }));
    }
    if let Some((_, code)) = NUMBERED.iter().find(|(name, _)| *name == base) {
        return Some(same(if number == 1 { format!("\x1b[{code}~") } else { format!("\x1b[{code};{number}~") }));
    }
    if base == "BTab" || (base == "Tab" && modifiers.shift) {
        return Some(same("\x1b[Z".to_owned()));
    }
    let (_, character) = PLAIN.iter().find(|(name, _)| *name == base)?;
    single(character.encode_utf8(&mut [0; 4]), modifiers)
}

/// A key that is one character.
fn single(base: &str, modifiers: Modifiers) -> Option<Stroke> {
    let mut characters = base.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else { return None };
    let character = if modifiers.control { controlled(character)? } else { character };
    let character = if modifiers.shift { character.to_uppercase().next()? } else { character };
    Some(same(if modifiers.alt { format!("\x1b{character}") } else { character.to_string() }))
}

/// What a terminal sends for a character while Control is held.
fn controlled(character: char) -> Option<char> {
    match character {
        ' ' | '@' => Some('\0'),
        '?' => Some('\x7f'),
        '/' => Some('\x1f'),
        'a'..='z' | 'A'..='Z' | '['..='_' => Some(char::from(character as u8 & 0x1f)),
        '\r' | '\t' | '\x1b' | '\x7f' => Some(character),
        _ => None,
    }
}

/// A key that is the same in every mode.
fn same(bytes: String) -> Stroke {
    Stroke::Key { normal: bytes.clone(), application: bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: &str) -> String {
        match key(name) {
            Ok(Stroke::Key { normal, application }) if normal == application => normal,
            Ok(Stroke::Key { normal, application }) => format!("{normal} or {application}"),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn keys_send_what_xterm_sends_for_them() {
        // "XTerm Control Sequences", PC-Style Function Keys.
        for (name, bytes) in [
            ("Enter", "\r"),
            ("Escape", "\x1b"),
            ("BSpace", "\x7f"),
            ("C-c", "\x03"),
            ("C-Space", "\0"),
            ("C-_", "\x1f"),
            ("M-x", "\x1bx"),
            ("M-Enter", "\x1b\r"),
            ("C-M-a", "\x1b\x01"),
            ("-", "-"),
            ("M--", "\x1b-"),
            ("é", "é"),
            ("Up", "\x1b[A or \x1bOA"),
            ("Home", "\x1b[H or \x1bOH"),
            ("S-Up", "\x1b[1;2A"),
            ("C-M-Right", "\x1b[1;7C"),
            ("F1", "\x1bOP"),
            ("S-F1", "\x1b[1;2P"),
            ("F12", "\x1b[24~"),
            ("C-Delete", "\x1b[3;5~"),
            ("PgDn", "\x1b[6~"),
            ("BTab", "\x1b[Z"),
            ("S-Tab", "\x1b[Z"),
        ] {
            assert_eq!(sent(name), bytes, "{name}");
        }
    }

    #[test]
    fn what_is_no_key_names_the_nearest_one() {
        assert_eq!(key("Entr").map(drop), Err("no key is called `Entr`; did you mean `Enter`?".to_owned()));
        for wrong in ["", "X-a", "C-é", "ab", "C-"] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }
}
