//! What a session's terminal shows, and the bytes that show it on another terminal.
//!
//! The cells, colours and cursor are `vt100`'s. Beside it: [`scanner`] follows the byte stream itself, for what `vt100` keeps to
//! itself or does not know (character sets, scroll region, where a sequence begins), and [`modes`] keeps the modes that it does not
//! know and answers the questions that programs ask their terminal.
//!
//! # Guarantees
//!
//! - Splitting a stream at any byte changes nothing.
//! - [`Screen::paint`] followed by the bytes that come after it shows what the whole stream would have shown: an unfinished
//!   sequence is part of the paint.
//! - Nothing that a program writes stops the capsule: a screen that could not be kept is started anew.

mod modes;
mod paint;
mod scanner;

use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jackin_api::wire::Size;

use crate::log::log;
use modes::Modes;
use scanner::{Scanner, Step};

/// How many lines above the screen are kept.
const SCROLLBACK: usize = 1000;

/// One terminal's screen.
pub(crate) struct Screen {
    parser: vt100::Parser<Modes>,
    scanner: Scanner,
    /// What paints the main screen, from before the program went to the alternate one.
    main: Vec<u8>,
    /// The beginning of a character whose end has not come yet: the parser loses what follows a character that it gets in pieces.
    held: Vec<u8>,
    size: Size,
}

impl Screen {
    pub(crate) fn new(size: Size) -> Self {
        Self { parser: parser(size), scanner: Scanner::default(), main: Vec::new(), held: Vec::new(), size }
    }

    /// Takes what the program wrote; gives what the terminal answers to it.
    pub(crate) fn process(&mut self, bytes: &[u8]) -> Vec<u8> {
        if catch_unwind(AssertUnwindSafe(|| self.feed(bytes))).is_err() {
            log!("screen-started-anew", "rows" => self.size.rows, "cols" => self.size.cols);
            *self = Self::new(self.size);
        }
        self.parser.callbacks_mut().take_answers()
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.size = size;
        self.scanner.forget_region();
        let (rows, cols) = cells(size);
        if catch_unwind(AssertUnwindSafe(|| self.parser.set_size(rows, cols))).is_err() {
            log!("screen-started-anew", "rows" => size.rows, "cols" => size.cols);
            *self = Self::new(size);
        }
    }

    /// The window title that the program set.
    pub(crate) fn title(&self) -> &str {
        self.parser.callbacks().title()
    }

    /// Whether the program set one of the modes that change what keys send, by its number.
    pub(crate) fn has_mode(&self, mode: u16) -> bool {
        let screen = self.parser.screen();
        match mode {
            1 => screen.application_cursor(),
            2004 => screen.bracketed_paste(),
            _ => false,
        }
    }

    /// The cursor's row and column, from 0.
    pub(crate) fn cursor(&self) -> (u16, u16) {
        self.parser.screen().cursor_position()
    }

    /// The characters alone, a line per row, without the empty rows at the end.
    pub(crate) fn text(&self) -> String {
        let rows: Vec<String> = self.parser.screen().rows(0, self.size.cols).collect();
        let mut text = rows.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n");
        text.truncate(text.trim_end_matches('\n').len());
        text
    }

    fn feed(&mut self, bytes: &[u8]) {
        // The scanner has seen what was held back; the parser has not.
        let mut index = self.held.len();
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(bytes);
        let bytes = joined.as_slice();
        // Everything before `from` was given to the parser.
        let mut from = 0;
        while let Some(rest) = bytes.get(index..).filter(|rest| !rest.is_empty()) {
            let skipped = self.scanner.skip_plain(rest);
            if skipped > 0 {
                index += skipped;
                continue;
            }
            let step = self.scanner.advance(rest[0]);
            match step {
                Step::Plain => {}
                Step::Replace(character) => {
                    self.parser.process(&bytes[from..index]);
                    self.parser.process(character.encode_utf8(&mut [0; 4]).as_bytes());
                    from = index + 1;
                }
                Step::EnterAlternate => {
                    self.parser.process(&bytes[from..index]);
                    from = index;
                    if !self.parser.screen().alternate_screen() {
                        self.main = self.parser.screen().contents_formatted().into_bytes();
                    }
                }
                Step::Reset => {
                    self.parser.process(&bytes[from..=index]);
                    from = index + 1;
                    self.parser.callbacks_mut().reset();
                }
            }
            index += 1;
        }
        let whole = bytes.len() - self.scanner.missing_end().len();
        self.held = bytes[whole..].to_vec();
        self.parser.process(&bytes[from..whole]);
    }
}

fn parser(size: Size) -> vt100::Parser<Modes> {
    let (rows, cols) = cells(size);
    vt100::Parser::new_with_callbacks(rows, cols, SCROLLBACK, Modes::default())
}

fn cells(size: Size) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(size.rows).unwrap_or(NonZeroU16::MIN), NonZeroU16::new(size.cols).unwrap_or(NonZeroU16::MIN))
}

#[cfg(test)]
mod tests;
