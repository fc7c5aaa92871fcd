//! The bytes that show a screen on a terminal, whatever that terminal showed before.

use jackin_api::wire::Size;

use crate::cell::Cell;
use crate::cursor::{Cursor, Sets};
use crate::grid::{Grid, Row};
use crate::parser::Parser;
use crate::style::{Style, flag};
use crate::terminal::{Terminal, default_tabs};

/// The plain state that a paint starts from: attributes, protection, link, character sets, scroll region, origin, insert, new line, wrap, reverse
/// video; then no mouse, focus or paste reports, and the usual cursor and keypad keys.
const PLAIN: &str = "\x1b[0m\x1b[0\"q\x1b]8;;\x1b\\\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b[?6l\x1b[r\x1b[4l\x1b[20l\x1b[?7h\x1b[?5l\x1b[?45l\
\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b[?25l";

/// Undoes what an earlier paint or the bytes after it left: an unfinished sequence, the alternate screen, tab stops, the cursor's shape.
const UNDO: &str = "\x18\x1b[?1049l\x1b[?5W\x1b[0 q";

/// Writes cells, with a sequence only where the style or the link changes.
struct Pen<'a> {
    terminal: &'a Terminal,
    text: String,
    style: Style,
}

impl<'a> Pen<'a> {
    fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, text: String::new(), style: Style::default() }
    }

    fn set(&mut self, style: Style) {
        let seen = |style: Style| Style { link: 0, flags: style.flags & !flag::PROTECTED, ..style };
        if seen(style) != seen(self.style) {
            self.text.push_str(&style.sequence());
        }
        if style.has(flag::PROTECTED) != self.style.has(flag::PROTECTED) {
            self.text.push_str(if style.has(flag::PROTECTED) { "\x1b[1\"q" } else { "\x1b[0\"q" });
        }
        if style.link != self.style.link {
            let link = self.terminal.links.get(style.link).unwrap_or(";");
            self.text.push_str(&format!("\x1b]8;{link}\x1b\\"));
        }
        self.style = style;
    }

    fn cell(&mut self, cell: &Cell) {
        self.set(cell.style);
        self.text.push_str(cell.text());
    }

    fn go_to(&mut self, row: usize, column: usize) {
        self.text.push_str(&format!("\x1b[{};{}H", row + 1, column + 1));
    }

    /// A screen that is empty but for these rows. A row that wrapped does so again, so that a terminal selects both as one line.
    fn grid(&mut self, grid: &Grid) {
        self.set(Style::default());
        self.text.push_str("\x1b[H\x1b[2J");
        let mut goes_on = false;
        for (index, row) in grid.rows.iter().enumerate() {
            let used = row.used();
            let cells = if row.wraps {
                row.cells.as_slice()
            } else if goes_on && used.is_empty() {
                &row.cells[..1]
            } else {
                used
            };
            if !goes_on && !cells.is_empty() {
                self.go_to(index, 0);
            }
            cells.iter().for_each(|cell| self.cell(cell));
            goes_on = row.wraps;
        }
    }

    /// Each row at its place and no wider than the viewer.
    fn rows(&mut self, grid: &Grid, viewer: Size) {
        self.set(Style::default());
        self.text.push_str("\x1b[H\x1b[2J");
        for (index, row) in grid.rows.iter().enumerate().take(usize::from(viewer.rows)) {
            let mut room = usize::from(viewer.cols);
            self.go_to(index, 0);
            for cell in row.used().iter().filter(|cell| !cell.is_right_half()) {
                let width = 1 + usize::from(cell.is_wide());
                if width > room {
                    break;
                }
                room -= width;
                self.cell(cell);
            }
        }
    }

    /// Puts the cursor where this one is, by writing the character before it again where one waits to wrap or to be marked.
    ///
    /// Rows are counted from `top` in origin mode, where the region begins that is set now.
    fn place(&mut self, grid: &Grid, cursor: &Cursor, top: usize, is_after_text: bool) {
        let first = if cursor.has_origin {
            self.text.push_str("\x1b[?6h");
            top
        } else {
            0
        };
        let cells = &grid.rows[cursor.row].cells;
        let before = if cursor.wraps_next { Some(cursor.column) } else { cursor.column.checked_sub(1) };
        let written = before
            .filter(|_| cursor.wraps_next || is_after_text)
            .map(|column| if cells[column].is_right_half() { column - 1 } else { column });
        self.go_to(cursor.row.saturating_sub(first), written.unwrap_or(cursor.column));
        if let Some(column) = written {
            self.cell(&cells[column]);
        }
        self.set(cursor.style);
        self.text.push_str(&cursor.sets.sequence());
    }

    /// The plain state again after a cursor that was only to be saved.
    fn forget(&mut self, cursor: &Cursor) {
        if cursor.has_origin {
            self.text.push_str("\x1b[?6l");
        }
        if cursor.sets != Sets::default() {
            self.text.push_str("\x1b(B\x1b)B\x1b*B\x1b+B\x0f");
        }
    }
}

impl Terminal {
    /// See [`Screen::paint`](crate::Screen::paint).
    pub(crate) fn paint(&self, viewer: Option<Size>, is_repaint: bool) -> String {
        let mut pen = Pen::new(self);
        if is_repaint {
            pen.text.push_str(UNDO);
        }
        pen.text.push_str(PLAIN);
        if self.is_alternate {
            pen.grid(&self.grids[0]);
            pen.place(&self.grids[0], &self.saved[0], 0, false);
            pen.text.push_str(&self.modes.keyboard_sequence(false));
            // Saves the cursor of the main screen as it is now.
            pen.text.push_str("\x1b[?1049h");
            pen.forget(&self.saved[0]);
        }
        match viewer.map(Size::clamped).filter(|viewer| !self.has_size(*viewer)) {
            None => pen.grid(self.grid()),
            Some(viewer) => pen.rows(self.grid(), viewer),
        }
        self.paint_state(&mut pen);
        pen.text
    }

    fn has_size(&self, size: Size) -> bool {
        (usize::from(size.rows), usize::from(size.cols)) == (self.rows(), self.columns())
    }

    /// Everything but the cells; nothing may move the cursor after it was placed.
    fn paint_state(&self, pen: &mut Pen<'_>) {
        if self.tabs != default_tabs(self.columns()) {
            pen.text.push_str("\x1b[3g");
            for column in (0..self.columns()).filter(|column| self.tabs[*column]) {
                pen.text.push_str(&format!("\x1b[1;{}H\x1bH", column + 1));
            }
        }
        let saved = &self.saved[usize::from(self.is_alternate)];
        if *saved != Cursor::default() {
            pen.place(self.grid(), saved, 0, false);
            pen.text.push_str("\x1b7");
            pen.forget(saved);
        }
        if self.region != (0..self.rows()) {
            pen.text.push_str(&format!("\x1b[{};{}r", self.region.start + 1, self.region.end));
        }
        pen.place(self.grid(), &self.cursor, self.region.start, self.last_written.is_some());
        pen.text.push_str(&self.modes.sequence(self.is_alternate));
        if self.modes.is_set(25) {
            pen.text.push_str("\x1b[?25h");
        }
        if !self.reports.title.is_empty() {
            pen.text.push_str(&format!("\x1b]2;{}\x07", self.reports.title));
        }
        match self.single_shift {
            None => {}
            Some(2) => pen.text.push_str("\x1bN"),
            Some(_) => pen.text.push_str("\x1bO"),
        }
    }

    /// A row as a line of text that begins and ends in the plain style.
    pub(crate) fn line(&self, row: &Row) -> String {
        let mut pen = Pen::new(self);
        row.used().iter().for_each(|cell| pen.cell(cell));
        pen.set(Style::default());
        pen.text
    }

    /// The row that a line shows.
    pub(crate) fn row_of(&mut self, line: &str, columns: usize) -> Row {
        let mut paper = Self::new(1, columns);
        paper.modes.set_private(7, false);
        let mut parser = Parser::default();
        for byte in line.bytes() {
            parser.advance(byte, &mut |event| paper.obey(event));
        }
        let Some(mut row) = paper.grids[0].rows.pop() else { return Row::new(columns, Style::default()) };
        for cell in &mut row.cells {
            let link = paper.links.get(cell.style.link).map(str::to_owned);
            cell.style.link = link.map_or(0, |link| self.known_link(&link));
        }
        row
    }

    fn known_link(&mut self, link: &str) -> u16 {
        let (parameters, target) = link.split_once(';').unwrap_or_default();
        // Where there is no room the text stays and the link goes.
        self.links.number(parameters.as_bytes(), target.as_bytes(), || (0..=u16::MAX).collect())
    }
}
