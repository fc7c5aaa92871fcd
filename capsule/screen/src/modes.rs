//! The modes of a terminal, those that change what is drawn and those that are kept for the terminals of viewers.

use std::collections::BTreeMap;

/// DEC private modes that are on in a terminal's plain state: auto wrap, a visible cursor.
const ON: [u16; 2] = [7, 25];

/// Those that are off: cursor keys, reverse video, blinking cursor, reverse wrap, keypad, focus reports, alternate scroll, bracketed
/// paste, colour scheme reports, in-band size reports.
const OFF: [u16; 10] = [1, 5, 12, 45, 66, 1004, 1007, 2004, 2031, 2048];

/// DECNKM, for which every terminal knows DECKPAM and DECKPNM as well.
pub(crate) const KEYPAD: u16 = 66;

/// Those of which one at most is on: what of the mouse is reported.
const MOUSE: [u16; 5] = [9, 1000, 1001, 1002, 1003];

/// And how.
const ENCODING: [u16; 4] = [1005, 1006, 1015, 1016];

/// How deep a stack of keyboard flags may be (the protocol leaves it to the terminal).
const DEPTH: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Modes {
    /// What was set, by mode.
    private: BTreeMap<u16, bool>,
    mouse: Option<u16>,
    encoding: Option<u16>,
    /// IRM.
    pub(crate) inserts: bool,
    /// LNM.
    pub(crate) adds_return: bool,
    /// DECSCUSR.
    pub(crate) cursor_shape: u16,
    /// The kitty keyboard protocol's flags, of the main and of the alternate screen.
    keyboard: [Vec<u16>; 2],
    uses_keyboard: bool,
    /// xterm's modifyOtherKeys.
    other_keys: Option<u16>,
}

impl Modes {
    pub(crate) fn is_set(&self, mode: u16) -> bool {
        self.private.get(&mode).copied().unwrap_or(ON.contains(&mode))
    }

    /// What DECRQM reports: 1 for set, 2 for reset, 0 for what this terminal does not do by itself.
    pub(crate) fn report(&self, mode: u16) -> u8 {
        match mode {
            1 | 5 | 7 | 12 | 25 | 66 | 2004 => 2 - u8::from(self.is_set(mode)),
            9 | 1000 | 1002 | 1003 => 2 - u8::from(self.mouse == Some(mode)),
            1005 | 1006 | 1015 => 2 - u8::from(self.encoding == Some(mode)),
            _ => 0,
        }
    }

    pub(crate) fn set_private(&mut self, mode: u16, is_set: bool) {
        if ON.contains(&mode) || OFF.contains(&mode) {
            self.private.insert(mode, is_set);
        } else if MOUSE.contains(&mode) {
            self.mouse = is_set.then_some(mode);
        } else if ENCODING.contains(&mode) && (is_set || self.encoding == Some(mode)) {
            self.encoding = is_set.then_some(mode);
        }
    }

    /// DECSTR, of the modes.
    pub(crate) fn soft_reset(&mut self) {
        for mode in [1, 7, 25, 45, 66] {
            self.private.remove(&mode);
        }
        self.inserts = false;
        self.cursor_shape = 0;
        self.other_keys = None;
    }

    pub(crate) fn set_other_keys(&mut self, level: u16) {
        self.other_keys = Some(level);
    }

    /// `CSI ... u`: push, pop or set the keyboard's flags.
    pub(crate) fn change_keyboard(&mut self, is_alternate: bool, how: u8, first: Option<u16>, second: Option<u16>) {
        self.uses_keyboard = true;
        let stack = &mut self.keyboard[usize::from(is_alternate)];
        match how {
            b'>' => {
                if stack.len() == DEPTH {
                    stack.remove(0);
                }
                stack.push(first.unwrap_or(0));
            }
            b'<' => stack.truncate(stack.len().saturating_sub(usize::from(first.unwrap_or(1)))),
            _ => {
                let flags = first.unwrap_or(0);
                let current = stack.pop().unwrap_or(0);
                stack.push(match second {
                    Some(2) => current | flags,
                    Some(3) => current & !flags,
                    _ => flags,
                });
            }
        }
    }

    /// What sets these modes on a terminal in the plain state that a paint starts from.
    pub(crate) fn sequence(&self, is_alternate: bool) -> String {
        let mut text = String::new();
        let mut set = |prefix: &str, mode: u16, is_set: bool| {
            text.push_str(&format!("\x1b[{prefix}{mode}{}", if is_set { 'h' } else { 'l' }));
        };
        for (&mode, &is_set) in &self.private {
            // Of a few the plain state is left to the terminal: its user may have chosen.
            if mode != KEYPAD && (is_set != ON.contains(&mode) || matches!(mode, 12 | 1007)) {
                set("?", mode, is_set);
            }
        }
        for mode in self.mouse.iter().chain(&self.encoding) {
            set("?", *mode, true);
        }
        for (mode, _) in [(4, self.inserts), (20, self.adds_return)].iter().filter(|(_, is_set)| *is_set) {
            set("", *mode, true);
        }
        if self.is_set(KEYPAD) {
            text.push_str("\x1b=");
        }
        if self.cursor_shape > 0 {
            text.push_str(&format!("\x1b[{} q", self.cursor_shape));
        }
        text.push_str(&self.keyboard_sequence(is_alternate));
        if let Some(level) = self.other_keys {
            text.push_str(&format!("\x1b[>4;{level}m"));
        }
        text
    }

    /// What sets the keyboard's flags of one of the screens, while that one is shown.
    pub(crate) fn keyboard_sequence(&self, is_alternate: bool) -> String {
        if !self.uses_keyboard {
            return String::new();
        }
        let pushed = self.keyboard[usize::from(is_alternate)].iter().map(|flags| format!("\x1b[>{flags}u"));
        std::iter::once(format!("\x1b[<{DEPTH}u")).chain(pushed).collect()
    }
}
