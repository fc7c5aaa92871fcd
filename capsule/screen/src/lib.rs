//! What a terminal shows, and the bytes that show it on another terminal.
//!
//! Bytes go in, cells come out; nothing here knows a clock, a file or a process. The capsule keeps one [`Screen`] for each session,
//! and the command line draws pictures from one.
//!
//! ```text
//! parser    bytes into characters and sequences     control  what sequences do
//! terminal  the state, characters, scrolling        answers  what commands tell and questions are answered
//! grid      rows of cells                           paint    the bytes that show it again
//! history   lines that left the screen              links    hyperlinks by number
//! svg       a picture of it                         clipboard  what a stream may not do to who looks
//! ```
//!
//! # Guarantees
//!
//! - Splitting a stream at any byte changes nothing.
//! - [`Screen::paint`] followed by the bytes that come after it shows what the whole stream would have shown: an unfinished
//!   sequence is part of the paint.
//! - Whatever is written, memory is bounded, and nothing stops whoever keeps the screen: one that could not be kept is started anew.
//!
//! # Caveats
//!
//! The rules are xterm's ("XTerm Control Sequences", ECMA-48, DEC STD 070), and `tests/corpus/` states them case by case. What is not
//! done is named there too, each with a case: double-width and double-height lines, left and right margins, rectangles, 132 columns,
//! VT52 mode, and reverse wrap.

mod answers;
mod cell;
mod clipboard;
mod control;
mod cursor;
mod grid;
mod history;
mod links;
mod modes;
mod paint;
mod parser;
mod report;
mod style;
mod svg;
mod terminal;

use std::panic::{AssertUnwindSafe, catch_unwind};

use jackin_api::wire::Size;

pub use cell::Cell;
pub use clipboard::ClipboardFilter;
pub use report::Progress;
pub use style::{Color, Style, flag};
pub use svg::svg;

use parser::{Event, Parser};
use terminal::Terminal;

/// One terminal's screen.
#[derive(Debug)]
pub struct Screen {
    parser: Parser,
    terminal: Terminal,
    size: Size,
    restarts: u32,
}

impl Screen {
    /// An empty screen.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let size = size.clamped();
        let terminal = Terminal::new(usize::from(size.rows), usize::from(size.cols));
        Self { parser: Parser::default(), terminal, size, restarts: 0 }
    }

    /// Takes what the program wrote; gives what the terminal answers to it.
    pub fn process(&mut self, bytes: &[u8]) -> Vec<u8> {
        if catch_unwind(AssertUnwindSafe(|| self.feed(bytes))).is_err() {
            self.start_anew();
        }
        self.terminal.reports.take_answers()
    }

    /// Gives it another size.
    pub fn resize(&mut self, size: Size) {
        self.size = size.clamped();
        if catch_unwind(AssertUnwindSafe(|| self.terminal.resize(size))).is_err() {
            self.start_anew();
        }
    }

    /// How often it was started anew because it could not be kept: always 0, unless there is a defect.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The window title that the program set.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.terminal.reports.title
    }

    /// How often the program rang the bell.
    #[must_use]
    pub fn bells(&self) -> u64 {
        self.terminal.reports.bells
    }

    /// How far the program says that it is (OSC 9;4).
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.terminal.reports.progress
    }

    /// How many notifications the program sent (OSC 9, OSC 777), and the words of the latest.
    #[must_use]
    pub fn notifications(&self) -> (u64, &str) {
        (self.terminal.reports.notifications, &self.terminal.reports.notification)
    }

    /// The cursor's row and column, from 0.
    #[must_use]
    pub fn cursor(&self) -> (u16, u16) {
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        (short(self.terminal.cursor.row), short(self.terminal.cursor.column))
    }

    /// Whether a DEC private mode is set, by its number.
    #[must_use]
    pub fn has_mode(&self, mode: u16) -> bool {
        self.terminal.modes.is_set(mode)
    }

    /// Whether the cursor is to be seen.
    #[must_use]
    pub fn shows_cursor(&self) -> bool {
        self.terminal.modes.is_set(25)
    }

    /// The rows of cells that are seen now.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.terminal.grid().rows.iter().map(|row| row.cells.as_slice())
    }

    /// The characters alone, a line per row, without the empty rows at the end.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_with(0)
    }

    /// As [`text`](Self::text), after some lines of the history.
    #[must_use]
    pub fn text_with(&self, history: usize) -> String {
        let row = |cells: &[Cell]| cells.iter().map(Cell::text).collect::<String>().trim_end().to_owned();
        let above = self.history(history).map(characters);
        let mut text = above.chain(self.rows().map(row)).collect::<Vec<_>>().join("\n");
        text.truncate(text.trim_end_matches('\n').len());
        text
    }

    /// As [`text`](Self::text), where rows that wrapped are one line.
    #[must_use]
    pub fn unwrapped_text(&self) -> String {
        let mut text = String::new();
        for row in &self.terminal.grid().rows {
            text.extend(row.cells.iter().map(Cell::text));
            if !row.wraps {
                text.truncate(text.trim_end_matches(' ').len());
                text.push('\n');
            }
        }
        text.truncate(text.trim_end_matches('\n').len());
        text
    }

    /// The last lines that left the screen at its top, each as text with its colours, oldest first.
    pub fn history(&self, lines: usize) -> impl Iterator<Item = &str> {
        self.terminal.history.last(lines)
    }

    /// Some lines of the history and each row, as text with its colours.
    #[must_use]
    pub fn lines(&self, history: usize) -> Vec<String> {
        let rows = self.terminal.grid().rows.iter().map(|row| self.terminal.line(row));
        self.history(history).map(str::to_owned).chain(rows).collect()
    }

    /// What paints this screen: cells, cursor, modes, title, and the beginning of a sequence that is not complete.
    ///
    /// A viewer of another size than the screen's gets each row at its place; otherwise rows that wrapped do so again, so that a
    /// terminal selects them as one line. A *repaint* also undoes whatever an earlier paint of this session left.
    #[must_use]
    pub fn paint(&self, viewer: Option<Size>, is_repaint: bool) -> Vec<u8> {
        let mut bytes = self.terminal.paint(viewer, is_repaint).into_bytes();
        bytes.extend_from_slice(self.parser.unfinished());
        bytes
    }

    /// As [`paint`](Self::paint) for a terminal of its own size, without the beginning of a sequence: for who is shown nothing after it.
    #[must_use]
    pub fn still(&self) -> String {
        self.terminal.paint(None, false)
    }

    fn start_anew(&mut self) {
        *self = Self { restarts: self.restarts.saturating_add(1), ..Self::new(self.size) };
    }

    fn feed(&mut self, bytes: &[u8]) {
        let Self { parser, terminal, .. } = self;
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            let plain = parser.plain(rest);
            if plain == 0 {
                parser.advance(*first, &mut |event| terminal.obey(event));
                rest = after;
            } else {
                let (text, after) = rest.split_at(plain);
                text.iter().for_each(|byte| terminal.obey(Event::Character(char::from(*byte))));
                rest = after;
            }
        }
    }
}

/// The characters of a line without its sequences.
fn characters(line: &str) -> String {
    let (mut parser, mut text) = (Parser::default(), String::new());
    for byte in line.bytes() {
        parser.advance(byte, &mut |event| {
            if let Event::Character(character) = event {
                text.push(character);
            }
        });
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests;
