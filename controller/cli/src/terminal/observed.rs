//! What a session did to the terminal, as far as leaving it needs to know.

/// The longest sequence that is looked for.
const LONGEST: usize = 16;

/// Modes that a plain reset would not undo, or not safely.
#[derive(Debug, Default)]
pub(super) struct Observed {
    is_alternate: bool,
    uses_keyboard: bool,
    uses_other_keys: bool,
    uses_origin: bool,
    /// The end of what came before: a sequence may come in two pieces.
    tail: Vec<u8>,
}

impl Observed {
    pub(super) fn note(&mut self, bytes: &[u8]) {
        let mut seen = std::mem::take(&mut self.tail);
        seen.extend_from_slice(bytes);
        let entered = last_position(&seen, b"\x1b[?1049h");
        let left = last_position(&seen, b"\x1b[?1049l");
        if entered != left {
            self.is_alternate = entered > left;
        }
        self.uses_keyboard |= last_position(&seen, b"\x1b[>").is_some_and(|_| asks_for_keyboard(&seen));
        self.uses_other_keys |= last_position(&seen, b"\x1b[>4;").is_some();
        self.uses_origin |= last_position(&seen, b"\x1b[?6h").is_some();
        self.tail = seen.split_off(seen.len().saturating_sub(LONGEST));
    }

    /// What gives the terminal back as shells expect it, on a line of its own.
    pub(super) fn farewell(&self) -> Vec<u8> {
        let mut bytes = self.farewell_after_command();
        bytes.extend_from_slice(b"\x1b[23;2t\r\n\x1b[J");
        bytes
    }

    /// What gives the terminal back where the cursor is.
    pub(super) fn farewell_after_command(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A sequence may be cut short; this ends it.
        bytes.push(0x18);
        if self.uses_keyboard {
            bytes.extend_from_slice(b"\x1b[<16u");
        }
        if self.uses_other_keys {
            bytes.extend_from_slice(b"\x1b[>4;0m");
        }
        // Leaving origin mode moves the cursor to the corner, so it is left only where it was entered.
        if self.uses_origin {
            bytes.extend_from_slice(b"\x1b[?6l");
        }
        // Leaving the alternate screen moves the cursor to where it was; doing so without having entered it would lose the place.
        if self.is_alternate {
            bytes.extend_from_slice(b"\x1b[?1049l");
        }
        // Mouse, focus and paste reports, keys, wrap, insert, attributes, character sets; the scroll region without losing the cursor.
        bytes.extend_from_slice(
            b"\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l\
              \x1b[?2031l\x1b[?2048l\x1b[?1l\x1b>\x1b[?7h\x1b[4l\x1b[20l\x1b[0m\x1b(B\x1b)B\x0f\x1b7\x1b[r\x1b8\
              \x1b[0 q\x1b[?25h",
        );
        bytes
    }
}

/// Whether flags of the kitty keyboard protocol are pushed: `CSI > flags u`.
fn asks_for_keyboard(bytes: &[u8]) -> bool {
    bytes.windows(3).enumerate().filter(|(_, window)| *window == b"\x1b[>").any(|(index, _)| {
        let rest = &bytes[index + 3..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest.get(digits) == Some(&b'u')
    })
}

fn last_position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
        last_position(bytes, wanted).is_some()
    }

    #[test]
    fn only_an_alternate_screen_that_was_entered_is_left() {
        let mut observed = Observed::default();
        observed.note(b"plain");
        assert!(!contains(&observed.farewell(), b"\x1b[?1049l"));
        observed.note(b"vim \x1b[?10");
        observed.note(b"49h");
        assert!(contains(&observed.farewell(), b"\x1b[?1049l"));
        observed.note(b"\x1b[?1049l$ ");
        assert!(!contains(&observed.farewell(), b"\x1b[?1049l"));
    }

    #[test]
    fn the_cursor_stays_where_it_is_unless_origin_mode_was_used() {
        let mut observed = Observed::default();
        assert!(!contains(&observed.farewell(), b"\x1b[?6l"));
        observed.note(b"\x1b[?6h");
        assert!(contains(&observed.farewell(), b"\x1b[?6l"));
    }

    #[test]
    fn keyboard_flags_are_taken_back_where_they_were_pushed() {
        let mut observed = Observed::default();
        observed.note(b"\x1b[>4;2m\x1b[>q");
        assert!(!contains(&observed.farewell(), b"\x1b[<16u"));
        assert!(contains(&observed.farewell(), b"\x1b[>4;0m"));
        observed.note(b"\x1b[>");
        observed.note(b"7u");
        assert!(contains(&observed.farewell(), b"\x1b[<16u"));
    }
}
