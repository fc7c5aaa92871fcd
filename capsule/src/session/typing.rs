//! What a client types that does not look: as a key would be in the modes that the program is in now.

use jackin_api::wire::{ErrorCode, ReplyError, Stroke, Typing};
use jackin_screen::Screen;

use super::Session;
use crate::serve::refuse;

/// Modes of a terminal by their numbers.
const APPLICATION_CURSOR: u16 = 1;
const BRACKETED_PASTE: u16 = 2004;

/// What a terminal puts around what is pasted, for a program that asked for it.
const PASTE_BEGINS: &str = "\x1b[200~";
const PASTE_ENDS: &str = "\x1b[201~";

impl Session {
    /// Types all of it, or nothing. It is nobody's place to be taken: the writer types on, and no size changes.
    pub(crate) fn send(&self, strokes: &[Stroke]) -> Result<(), ReplyError> {
        if !self.is_live() {
            return Err(refuse(ErrorCode::SessionEnded, &format!("session `{}` ended before", self.name())));
        }
        let typed = {
            let screen = &self.inner.borrow().screen;
            strokes.iter().map(|stroke| typed(stroke, screen)).collect::<Result<String, _>>()?
        };
        if typed.len() > Typing::MOST {
            let message = format!("{} bytes are more than may be sent at once, {}", typed.len(), Typing::MOST);
            return Err(refuse(ErrorCode::BadRequest, &message));
        }
        if !self.input.push_whole(typed.as_bytes()) {
            return Err(refuse(ErrorCode::Failed, "the program does not read what was typed before"));
        }
        self.activity.notify_one();
        Ok(())
    }
}

/// What a terminal in the modes of this screen sends.
fn typed(stroke: &Stroke, screen: &Screen) -> Result<String, ReplyError> {
    Ok(match stroke {
        Stroke::Text { text } => lines_entered(text),
        Stroke::Paste { text } if screen.has_mode(BRACKETED_PASTE) => {
            // The text may not end the paste by itself: what follows would be taken for keys. Terminals leave the same out.
            format!("{PASTE_BEGINS}{}{PASTE_ENDS}", lines_entered(&text.replace(['\x1b', '\u{9b}'], "")))
        }
        Stroke::Paste { text } => lines_entered(text),
        Stroke::Key { application, .. } if screen.has_mode(APPLICATION_CURSOR) => application.clone(),
        Stroke::Key { normal, .. } => normal.clone(),
        Stroke::Unknown => {
            return Err(refuse(ErrorCode::BadRequest, "something is to be typed that this capsule does not know"));
        }
    })
}

/// A terminal sends a carriage return for Enter.
fn lines_entered(text: &str) -> String {
    text.replace("\r\n", "\r").replace('\n', "\r")
}

#[cfg(test)]
mod tests {
    use jackin_api::wire::Size;

    use super::*;

    #[test]
    fn what_is_pasted_cannot_end_the_paste() {
        let mut screen = Screen::new(Size::default());
        screen.process(b"\x1b[?2004h");
        for text in ["a\x1b[201~b", "a\x1b[20\x1b[201~1~b", "a\u{9b}201~b"] {
            let sent = typed(&Stroke::Paste { text: text.to_owned() }, &screen).expect("typed");
            let inner = sent.strip_prefix(PASTE_BEGINS).and_then(|rest| rest.strip_suffix(PASTE_ENDS));
            let inner = inner.expect("a paste");
            assert!(inner.starts_with('a') && inner.ends_with('b'), "{inner:?}");
            assert!(!inner.contains(['\x1b', '\u{9b}']), "{inner:?}");
        }
    }
}
