//! The modes that `vt100` does not keep, the title, and the terminal's answers.

use std::collections::BTreeMap;

use vt100::{Callbacks, Screen};

/// DEC private modes that a paint must restore and `vt100` does not know: auto wrap, blinking cursor, focus reports, alternate scroll,
/// two mouse encodings, colour scheme reports, in-band size reports.
const PRIVATE: [u16; 8] = [7, 12, 1004, 1007, 1015, 1016, 2031, 2048];

/// ANSI modes that a paint must restore: insert, new line.
const ANSI: [u16; 2] = [4, 20];

/// How deep a stack of keyboard flags may be (the protocol leaves it to the terminal).
const DEPTH: usize = 16;

/// The longest title that is kept, in characters.
const TITLE: usize = 256;

/// How many bytes of answers may wait within one chunk of output.
const ANSWERS: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Modes {
    title: String,
    private: BTreeMap<u16, bool>,
    ansi: BTreeMap<u16, bool>,
    /// The kitty keyboard protocol's flags, of the main and of the alternate screen.
    keyboard: [Vec<u16>; 2],
    uses_keyboard: bool,
    /// xterm's modifyOtherKeys.
    other_keys: Option<u16>,
    answers: Vec<u8>,
}

impl Modes {
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn take_answers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answers)
    }

    /// A full reset forgets everything but the title, as xterm does.
    pub(super) fn reset(&mut self) {
        *self = Self { title: std::mem::take(&mut self.title), ..Self::default() };
    }

    /// What sets these modes on a terminal in the plain state that a paint starts from.
    pub(super) fn formatted(&self, is_alternate: bool) -> String {
        let mut text = String::new();
        let mut set = |prefix: &str, mode: u16, is_set: bool| {
            text.push_str(&format!("\x1b[{prefix}{mode}{}", if is_set { 'h' } else { 'l' }));
        };
        for (&mode, &is_set) in &self.private {
            if !matches!((mode, is_set), (7, true) | (1004 | 1015 | 1016, false)) {
                set("?", mode, is_set);
            }
        }
        for (&mode, _) in self.ansi.iter().filter(|&(_, &is_set)| is_set) {
            set("", mode, true);
        }
        if self.uses_keyboard {
            text.push_str(&format!("\x1b[<{DEPTH}u"));
            for flags in &self.keyboard[usize::from(is_alternate)] {
                text.push_str(&format!("\x1b[>{flags}u"));
            }
        }
        if let Some(level) = self.other_keys {
            text.push_str(&format!("\x1b[>4;{level}m"));
        }
        if !self.title.is_empty() {
            text.push_str(&format!("\x1b]2;{}\x07", self.title));
        }
        text
    }

    fn answer(&mut self, answer: &str) {
        if self.answers.len() + answer.len() <= ANSWERS {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }

    /// `CSI ... u`: push, pop or set the keyboard's flags.
    fn change_keyboard(&mut self, screen: &Screen, how: u8, parameters: &[&[u16]]) {
        let first = number(parameters, 0);
        self.uses_keyboard = true;
        let stack = &mut self.keyboard[usize::from(screen.alternate_screen())];
        match how {
            b'>' => {
                if stack.len() == DEPTH {
                    stack.remove(0);
                }
                stack.push(first.unwrap_or(0));
            }
            b'<' => stack.truncate(stack.len().saturating_sub(usize::from(first.unwrap_or(1).max(1)))),
            _ => {
                let flags = first.unwrap_or(0);
                let current = stack.pop().unwrap_or(0);
                stack.push(match number(parameters, 1) {
                    Some(2) => current | flags,
                    Some(3) => current & !flags,
                    _ => flags,
                });
            }
        }
    }
}

/// What an xterm says of these; a program that asks waits for it, so somebody must answer while nobody looks.
impl Callbacks for Modes {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        let title = String::from_utf8_lossy(title);
        self.title = title.chars().filter(|character| !character.is_control()).take(TITLE).collect();
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        second: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        let asked = number(parameters, 0);
        match (first, second, last) {
            (Some(b'?'), None, 'h' | 'l') => {
                for mode in parameters.iter().filter_map(|parameter| parameter.first()) {
                    if PRIVATE.contains(mode) {
                        self.private.insert(*mode, last == 'h');
                    }
                }
            }
            (None, None, 'h' | 'l') => {
                for mode in parameters.iter().filter_map(|parameter| parameter.first()) {
                    if ANSI.contains(mode) {
                        self.ansi.insert(*mode, last == 'h');
                    }
                }
            }
            // DECSTR, the soft reset.
            (Some(b'!'), None, 'p') => {
                self.private.remove(&7);
                self.ansi.clear();
            }
            (Some(how @ (b'>' | b'<' | b'=')), None, 'u') => self.change_keyboard(screen, how, parameters),
            (Some(b'>'), None, 'm') if asked == Some(4) => self.other_keys = Some(number(parameters, 1).unwrap_or(0)),
            // DA1, DA2, XTVERSION, DSR, CPR, DECXCPR, the size in characters, DECRQM.
            (None, None, 'c') if asked.unwrap_or(0) == 0 => self.answer("\x1b[?62;22c"),
            (Some(b'>'), None, 'c') if asked.unwrap_or(0) == 0 => self.answer("\x1b[>1;10;0c"),
            (Some(b'>'), None, 'q') => self.answer("\x1bP>|jackin\x1b\\"),
            (None, None, 'n') if asked == Some(5) => self.answer("\x1b[0n"),
            (None | Some(b'?'), None, 'n') if asked == Some(6) => {
                let (row, column) = screen.cursor_position();
                let column = column.min(screen.size().1.get() - 1);
                let private = if first.is_some() { "?" } else { "" };
                self.answer(&format!("\x1b[{private}{};{}R", row + 1, column + 1));
            }
            (None, None, 't') if asked == Some(18) => {
                let (rows, columns) = screen.size();
                self.answer(&format!("\x1b[8;{rows};{columns}t"));
            }
            (Some(b'?'), Some(b'$'), 'p') => self.answer(&format!("\x1b[?{};0$y", asked.unwrap_or(0))),
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _: &mut Screen, parameters: &[&[u8]]) {
        // The colours that a program asks for to tell a dark terminal from a light one.
        match parameters {
            [b"10", b"?"] => self.answer("\x1b]10;rgb:cccc/cccc/cccc\x1b\\"),
            [b"11", b"?"] => self.answer("\x1b]11;rgb:0000/0000/0000\x1b\\"),
            _ => {}
        }
    }
}

fn number(parameters: &[&[u16]], index: usize) -> Option<u16> {
    parameters.get(index).and_then(|parameter| parameter.first()).copied()
}
