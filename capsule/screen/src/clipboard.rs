//! Takes out of a stream what would reach the clipboard of whoever looks.
//!
//! A terminal lets programs write its user's clipboard, and some let them read it: xterm's OSC 52, kitty's OSC 5522, iTerm2's OSC 1337
//! with `Copy` and `CopyToClipboard`. A program in a container has no business there unless it was allowed.
//!
//! # Guarantees
//!
//! - Splitting a stream at any byte changes nothing.
//! - What is left holds no such command, however its introducer or number is written: with control characters in between, zeros before
//!   the number, in the passthrough of tmux or screen, or put together from what stood around another one.
//! - Everything else passes byte for byte, at most a few bytes late.
//!
//! # Caveats
//!
//! Streams are UTF-8: a terminal in an eight-bit mode also takes the byte 0x9d for OSC, which in UTF-8 is part of ordinary characters.

/// The longest beginning of a command that is held back. An honest one has half a dozen bytes.
const HELD: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Pass,
    /// After the first byte of a C1 control written as UTF-8.
    Lead,
    Escape,
    /// In a command's number.
    Number,
    /// In the first word of an OSC 1337.
    Word,
    /// In a command that does not pass.
    Drop,
    /// There, after an ESC.
    DropEscape,
    /// There, after the first byte of a C1 control written as UTF-8.
    DropLead,
}

/// See the module.
#[derive(Debug, Default)]
pub struct ClipboardFilter {
    state: State,
    held: Vec<u8>,
}

impl ClipboardFilter {
    /// What of these bytes, and of what was held back before, may be shown.
    #[must_use]
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::with_capacity(self.held.len() + bytes.len());
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if self.state == State::Pass {
                let plain = rest.iter().position(|byte| matches!(byte, 0x1b | 0xc2)).unwrap_or(rest.len());
                if plain > 0 {
                    passed.extend_from_slice(&rest[..plain]);
                    rest = &rest[plain..];
                    continue;
                }
            }
            self.take(*first, &mut passed);
            rest = after;
        }
        passed
    }

    fn take(&mut self, byte: u8, passed: &mut Vec<u8>) {
        match (self.state, byte) {
            (State::Pass, 0x1b) => self.hold(State::Escape, byte),
            (State::Pass, 0xc2) => self.hold(State::Lead, byte),
            (State::Pass, _) => passed.push(byte),
            (State::Lead, 0x9d) => self.hold(State::Number, byte),
            (State::Escape, 0x9d) if self.held.last() == Some(&0xc2) => self.hold(State::Number, byte),
            // An ESC begins anew, and so does a C1 control; CAN and SUB end whatever was begun.
            (State::Lead | State::Escape | State::Number | State::Word, 0x1b | 0x18 | 0x1a)
            | (State::Number | State::Word, 0xc2)
            | (State::Lead, _) => {
                self.release(passed);
                self.take(byte, passed);
            }
            (State::Escape, b']') => self.hold(State::Number, byte),
            // Control characters are obeyed and end nothing; what is not ASCII is no end of a sequence either.
            (State::Escape, 0x00..=0x1f | 0x7f..=0xff) => self.hold_on(byte, passed),
            (State::Number, b'0'..=b'9') => self.hold_on(byte, passed),
            (State::Number, b';') => self.judge_number(byte, passed),
            (State::Word, b'a'..=b'z' | b'A'..=b'Z') => self.judge_word(byte, passed),
            (State::Number | State::Word, 0x00..=0x06 | 0x08..=0x1f | 0x7f) => self.hold_on(byte, passed),
            (State::Escape | State::Number | State::Word, _) => {
                self.release(passed);
                passed.push(byte);
            }
            (State::Drop | State::DropLead, 0x07) => self.end(passed),
            (State::Drop | State::DropLead | State::DropEscape, 0x18 | 0x1a) => {
                self.end(passed);
                passed.push(byte);
            }
            (State::DropEscape, b'\\') | (State::DropLead, 0x9c) => self.end(passed),
            (State::Drop | State::DropLead, 0x1b) => self.state = State::DropEscape,
            (State::Drop | State::DropLead, 0xc2) => self.state = State::DropLead,
            (State::Drop | State::DropLead, _) => self.state = State::Drop,
            (State::DropEscape, _) => {
                self.end(passed);
                self.take(0x1b, passed);
                self.take(byte, passed);
            }
        }
    }

    fn hold(&mut self, state: State, byte: u8) {
        self.state = state;
        self.held.push(byte);
    }

    /// Holds one more byte back, as long as it may be an honest command.
    fn hold_on(&mut self, byte: u8, passed: &mut Vec<u8>) {
        self.held.push(byte);
        if self.held.len() <= HELD {
            return;
        }
        if self.state == State::Escape {
            // Without the ESC nothing of it is a sequence.
            self.held.remove(0);
            self.release(passed);
        } else {
            self.drop_from_here();
        }
    }

    fn judge_number(&mut self, byte: u8, passed: &mut Vec<u8>) {
        let digits = self.held.iter().filter(|byte| byte.is_ascii_digit());
        let number =
            digits.fold(0_u32, |number, digit| number.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
        match number {
            52 | 5522 => self.drop_from_here(),
            1337 => self.hold(State::Word, byte),
            _ => {
                self.release(passed);
                passed.push(byte);
            }
        }
    }

    fn judge_word(&mut self, byte: u8, passed: &mut Vec<u8>) {
        self.held.push(byte);
        let word: Vec<u8> =
            self.held.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect();
        let words: [&[u8]; 2] = [b"copy", b"endcopy"];
        if words.contains(&word.as_slice()) {
            self.drop_from_here();
        } else if !words.iter().any(|whole| whole.starts_with(&word)) {
            self.release(passed);
        } else if self.held.len() > HELD {
            self.drop_from_here();
        }
    }

    fn release(&mut self, passed: &mut Vec<u8>) {
        passed.append(&mut self.held);
        self.state = State::Pass;
    }

    fn drop_from_here(&mut self) {
        self.held.clear();
        self.state = State::Drop;
    }

    /// A string's end in place of the command: what stood before it may not go on with what comes after.
    fn end(&mut self, passed: &mut Vec<u8>) {
        passed.extend_from_slice(b"\x1b\\");
        self.state = State::Pass;
    }
}
