//! What a session did to the terminal, as far as leaving it needs to know.

/// The longest sequence that is looked for.
const LONGEST: usize = 64;

const ESCAPE: u8 = 0x1b;

/// Pops whatever flags of the kitty keyboard protocol were pushed, and clears those that were set on top of nothing.
const PLAIN_KEYBOARD: &[u8] = b"\x1b[<16u\x1b[=0u";

/// Modes that a plain reset would not undo, or not safely.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The mode by which the alternate screen was entered.
    alternate: Option<&'static str>,
    uses_keyboard: bool,
    uses_other_keys: bool,
    uses_origin: bool,
    /// The beginning of a sequence: it may come in two pieces.
    begun: Vec<u8>,
}

impl Observed {
    pub(super) fn note(&mut self, bytes: &[u8]) {
        let mut seen = std::mem::take(&mut self.begun);
        seen.extend_from_slice(bytes);
        let mut rest = seen.as_slice();
        while let Some(start) = rest.iter().position(|&byte| byte == ESCAPE) {
            rest = &rest[start..];
            let body = rest.iter().skip(2).position(|byte| !(0x20..=0x3f).contains(byte)).map(|length| 2 + length);
            match (rest.get(1), body) {
                (Some(b'['), Some(end)) => {
                    self.obey(&rest[2..end], rest[end]);
                    // What is no end of it may begin another one.
                    rest = &rest[end..];
                }
                (Some(b'['), None) | (None, _) if rest.len() <= LONGEST => {
                    self.begun = rest.to_vec();
                    return;
                }
                _ => rest = &rest[1..],
            }
        }
    }

    /// Notes a control sequence by what stands before its last byte, and that.
    fn obey(&mut self, body: &[u8], last: u8) {
        let Some((&prefix, parameters)) = body.split_first() else { return };
        let mut modes = parameters.split(|&byte| byte == b';');
        match (prefix, last) {
            // The kitty keyboard protocol: flags are pushed, or set without that.
            (b'>' | b'=', b'u') => self.uses_keyboard = true,
            (b'>', b'm') => self.uses_other_keys |= modes.next() == Some(b"4"),
            (b'?', b'h') => {
                for mode in modes {
                    self.alternate = alternate(mode).or(self.alternate);
                    self.uses_origin |= mode == b"6";
                }
            }
            (b'?', b'l') if modes.any(|mode| alternate(mode).is_some()) => self.alternate = None,
            _ => {}
        }
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
            bytes.extend_from_slice(PLAIN_KEYBOARD);
        }
        if self.uses_other_keys {
            bytes.extend_from_slice(b"\x1b[>4;0m");
        }
        // Leaving origin mode moves the cursor to the corner, so it is left only where it was entered.
        if self.uses_origin {
            bytes.extend_from_slice(b"\x1b[?6l");
        }
        // Leaving the alternate screen moves the cursor to where it was; doing so without having entered it would lose the place.
        if let Some(mode) = self.alternate {
            bytes.extend_from_slice(format!("\x1b[?{mode}l").as_bytes());
            // Each of the two screens has a keyboard of its own.
            if self.uses_keyboard {
                bytes.extend_from_slice(PLAIN_KEYBOARD);
            }
        }
        // Mouse, focus and paste reports, pictures that are held back, reverse video, keys, wrap, insert, attributes, links, character sets;
        // the scroll region without losing the cursor.
        bytes.extend_from_slice(
            b"\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l\
              \x1b[?2026l\x1b[?2031l\x1b[?2048l\x1b[?5l\x1b[?1l\x1b>\x1b[?7h\x1b[4l\x1b[20l\x1b[0m\x1b]8;;\x1b\\\x1b(B\x1b)B\x0f\x1b7\x1b[r\x1b8\
              \x1b[0 q\x1b[?25h",
        );
        bytes
    }
}

/// The modes of the alternate screen, each of which is left by itself: 1049 also puts the cursor back.
fn alternate(mode: &[u8]) -> Option<&'static str> {
    ["47", "1047", "1049"].into_iter().find(|known| known.as_bytes() == mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
        bytes.windows(wanted.len()).any(|window| window == wanted)
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
    fn the_alternate_screen_is_left_by_the_mode_that_entered_it() {
        for mode in ["47", "1047", "1049"] {
            let mut observed = Observed::default();
            observed.note(format!("\x1b[?25;{mode}h").as_bytes());
            let farewell = String::from_utf8(observed.farewell()).expect("UTF-8");
            let left = ["47", "1047", "1049"].map(|other| farewell.contains(&format!("\x1b[?{other}l")));
            assert_eq!(left, ["47", "1047", "1049"].map(|other| other == mode), "{mode}");
            observed.note(b"\x1b[?1;1049l");
            assert!(!contains(&observed.farewell(), format!("\x1b[?{mode}l").as_bytes()), "{mode}");
        }
    }

    #[test]
    fn what_is_no_whole_sequence_hides_none_that_follows() {
        for before in ["\x1b", "\x1b[", "\x1b[?\x1b", "\x1b]0;title\x07", "\x1b[?1\u{18}", "\x1b[1$p"] {
            let mut observed = Observed::default();
            observed.note(before.as_bytes());
            observed.note(b"\x1b[?1049h");
            assert!(contains(&observed.farewell(), b"\x1b[?1049l"), "{before:?}");
        }
        let mut observed = Observed::default();
        observed.note(format!("\x1b[{}", "1;".repeat(5000)).as_bytes());
        assert!(observed.begun.len() <= LONGEST, "{} bytes are held", observed.begun.len());
    }

    #[test]
    fn reverse_video_a_link_and_a_held_back_picture_are_ended() {
        let farewell = Observed::default().farewell();
        for end in [&b"\x1b[?5l"[..], b"\x1b[?2026l", b"\x1b]8;;\x1b\\"] {
            assert!(contains(&farewell, end), "{}", end.escape_ascii());
        }
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

    #[test]
    fn keyboard_flags_are_taken_back_on_both_screens_also_where_they_were_set_without_a_push() {
        let mut observed = Observed::default();
        observed.note(b"\x1b[=5u");
        assert!(contains(&observed.farewell(), PLAIN_KEYBOARD));
        observed.note(b"\x1b[?1049h");
        let both = [PLAIN_KEYBOARD, b"\x1b[?1049l", PLAIN_KEYBOARD].concat();
        assert!(contains(&observed.farewell(), &both), "{}", observed.farewell().escape_ascii());
    }
}
