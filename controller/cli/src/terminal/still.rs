//! A captured screen: the bytes that paint it, without what they would do beyond that.

use std::io::{self, IsTerminal};

use jackin_api::kinds::ClipboardAccess;
use jackin_api::wire::Captured;
use jackin_screen::ClipboardFilter;

use super::observed::Observed;

/// What paints a captured screen. Who answered for the capsule may have put anything there: it reaches the clipboard only where that is
/// allowed, and standard output that is a terminal gets its modes back.
pub(crate) fn still(captured: &Captured, clipboard: ClipboardAccess, is_for_stdout: bool) -> String {
    let contents = match clipboard {
        ClipboardAccess::Allow => captured.contents.clone().into_bytes(),
        ClipboardAccess::Deny => ClipboardFilter::default().pass(captured.contents.as_bytes()),
    };
    let is_shown = is_for_stdout && io::stdout().is_terminal();
    let bytes = if is_shown { shown(contents, captured.size.rows) } else { contents };
    // The filter takes whole characters out.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As a terminal takes it that goes on to be used, below the picture.
fn shown(mut bytes: Vec<u8>, rows: u16) -> Vec<u8> {
    let mut observed = Observed::default();
    observed.note(&bytes);
    bytes.extend(observed.farewell_after_command());
    bytes.extend(format!("\x1b[{rows};1H\r\n").into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use jackin_api::wire::Size;

    use super::*;

    fn captured(contents: &str) -> Captured {
        Captured { contents: contents.to_owned(), cursor: (0, 0), size: Size { rows: 24, cols: 80 } }
    }

    #[test]
    fn a_picture_reaches_the_clipboard_only_where_that_is_allowed() {
        for contents in ["text\x1b]52;c;AAAA\x07", "text\x1b]52;c;AAAA", "text\x1b]1337;Copy=:AAAA\x1b\\"] {
            let still = |clipboard| still(&captured(contents), clipboard, false);
            assert!(still(ClipboardAccess::Deny).starts_with("text"), "{contents:?}");
            assert!(!still(ClipboardAccess::Deny).contains("AAAA"), "{contents:?}");
            assert_eq!(still(ClipboardAccess::Allow), contents);
        }
    }

    #[test]
    fn a_terminal_that_shows_a_picture_has_its_modes_back_and_goes_on_below_it() {
        let bytes = shown(b"\x1b[?1049h\x1b[?1000h\x1b[>5u\x1b[?25lpicture\x1b]2;tit".to_vec(), 24);
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (_, after) = text.split_once("picture\x1b]2;tit").expect("the picture");
        assert!(after.starts_with('\x18'), "what is begun is ended first");
        for end in ["\x1b[?1049l", "\x1b[?1000l", "\x1b[<16u", "\x1b[?25h"] {
            assert!(after.contains(end), "{end:?} is missing");
        }
        assert!(after.ends_with("\x1b[24;1H\r\n"));
    }
}
