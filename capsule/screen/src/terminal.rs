//! The state of a terminal, and what characters and control characters do to it. Sequences are in [`control`](crate::control).

use std::ops::Range;

use jackin_api::wire::Size;
use unicode_width::UnicodeWidthChar;

use crate::cell::Cell;
use crate::cursor::{Cursor, Sets};
use crate::grid::Grid;
use crate::history::History;
use crate::links::Links;
use crate::modes::Modes;
use crate::report::Reports;
use crate::style::Style;

/// How far apart tab stops are to begin with.
const TAB: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// The main and the alternate screen.
    pub(crate) grids: [Grid; 2],
    pub(crate) is_alternate: bool,
    pub(crate) history: History,
    pub(crate) cursor: Cursor,
    /// What DECSC saved, of the main and of the alternate screen.
    pub(crate) saved: [Cursor; 2],
    /// The rows that scroll.
    pub(crate) region: Range<usize>,
    pub(crate) tabs: Vec<bool>,
    pub(crate) modes: Modes,
    pub(crate) links: Links,
    pub(crate) reports: Reports,
    /// A set for the next character alone (SS2, SS3).
    pub(crate) single_shift: Option<usize>,
    /// What REP repeats.
    pub(crate) last_character: Option<char>,
    /// Where the last character was written, as long as the cursor did not move away: marks go there.
    pub(crate) last_written: Option<(usize, usize)>,
}

impl Terminal {
    /// With at least one row and two columns.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self {
            grids: [Grid::new(rows, columns), Grid::new(rows, columns)],
            is_alternate: false,
            history: History::default(),
            cursor: Cursor::default(),
            saved: [Cursor::default(); 2],
            region: 0..rows,
            tabs: default_tabs(columns),
            modes: Modes::default(),
            links: Links::default(),
            reports: Reports::default(),
            single_shift: None,
            last_character: None,
            last_written: None,
        }
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grids[usize::from(self.is_alternate)]
    }

    pub(crate) fn grid_mut(&mut self) -> &mut Grid {
        &mut self.grids[usize::from(self.is_alternate)]
    }

    pub(crate) fn rows(&self) -> usize {
        self.grid().rows.len()
    }

    pub(crate) fn columns(&self) -> usize {
        self.grid().columns
    }

    /// What erasing leaves now.
    pub(crate) fn ground(&self) -> Style {
        self.cursor.style.erased()
    }

    /// Writes a character where the cursor is.
    pub(crate) fn print(&mut self, character: char) {
        let sets = self.cursor.sets;
        let shown = match self.single_shift.take() {
            Some(shift) => Sets { shift, ..sets }.map(character),
            None => sets.map(character),
        };
        match shown.width() {
            None => {}
            Some(0) => {
                self.last_character = None;
                self.combine(shown);
            }
            Some(width) => {
                self.write(shown, width > 1);
                self.last_character = Some(character);
            }
        }
    }

    fn write(&mut self, character: char, is_wide: bool) {
        let wraps = self.modes.is_set(7);
        let width = 1 + usize::from(is_wide);
        if std::mem::take(&mut self.cursor.wraps_next) && wraps {
            self.wrap();
        }
        if self.cursor.column + width > self.columns() {
            // A wide one that does not fit: it goes to the next row, or nowhere.
            if !wraps {
                // A mark that follows goes to the cursor's own cell, which is the last one that was written.
                self.last_written = None;
                return;
            }
            self.wrap();
        }
        let Cursor { row, column, style, .. } = self.cursor;
        if self.modes.inserts {
            let ground = self.ground();
            self.grid_mut().insert_cells(row, column, width, ground);
        }
        self.grid_mut().put(row, column, Cell::new(character, is_wide, style));
        let last = self.columns() - 1;
        self.cursor.wraps_next = column + width > last;
        self.cursor.column = (column + width).min(last);
        self.last_written = Some((row, column));
    }

    /// A mark goes upon the character written last, or where the cursor is when it moved since.
    fn combine(&mut self, mark: char) {
        let (row, column) = self.last_written.unwrap_or((self.cursor.row, self.cursor.column));
        if let Some(cell) = self.grid_mut().rows[row].cells.get_mut(column) {
            cell.combine(mark);
        }
    }

    fn wrap(&mut self) {
        let row = self.cursor.row;
        // Below the region the last row has no next one.
        let has_next = row + 1 < self.rows() || row + 1 == self.region.end;
        self.grid_mut().rows[row].wraps = has_next;
        self.index();
        self.cursor.column = 0;
    }

    /// Obeys a C0 control character.
    pub(crate) fn execute(&mut self, byte: u8) {
        match byte {
            0x07 => self.reports.ring(),
            0x08 => self.move_to(self.cursor.row, self.cursor.column.saturating_sub(1)),
            0x09 => self.tab(1),
            0x0a..=0x0c => {
                self.index();
                if self.modes.adds_return {
                    self.cursor.column = 0;
                }
            }
            0x0d => self.move_to(self.cursor.row, 0),
            0x0e => self.cursor.sets.shift = 1,
            0x0f => self.cursor.sets.shift = 0,
            _ => {}
        }
    }

    /// Puts the cursor somewhere on the screen.
    pub(crate) fn move_to(&mut self, row: usize, column: usize) {
        self.cursor.row = row.min(self.rows() - 1);
        self.cursor.column = column.min(self.columns() - 1);
        self.cursor.wraps_next = false;
        self.last_written = None;
    }

    /// IND: down by a row; at the region's last one the region scrolls.
    pub(crate) fn index(&mut self) {
        let row = self.cursor.row;
        if row + 1 == self.region.end {
            self.scroll_up(1);
            self.move_to(row, self.cursor.column);
        } else {
            self.move_to(row + 1, self.cursor.column);
        }
    }

    /// RI: up by a row; at the region's first one the region scrolls.
    pub(crate) fn reverse_index(&mut self) {
        let row = self.cursor.row;
        if row == self.region.start {
            self.scroll_down(self.region.clone(), 1);
            self.move_to(row, self.cursor.column);
        } else {
            self.move_to(row.saturating_sub(1), self.cursor.column);
        }
    }

    /// Scrolls the region; what leaves the main screen at its top is kept.
    pub(crate) fn scroll_up(&mut self, count: usize) {
        let (region, ground) = (self.region.clone(), self.ground());
        if !self.is_alternate && region.start == 0 {
            for row in 0..count.min(region.len()) {
                let line = self.line(&self.grids[0].rows[row]);
                self.history.push(line);
            }
        }
        self.grid_mut().scroll_up(region, count, ground);
    }

    pub(crate) fn scroll_down(&mut self, region: Range<usize>, count: usize) {
        let ground = self.ground();
        self.grid_mut().scroll_down(region, count, ground);
    }

    /// HT and CHT. A character that waits to wrap goes on waiting, as in an xterm.
    pub(crate) fn tab(&mut self, count: usize) {
        let last = self.columns() - 1;
        for _ in 0..count.min(last) {
            let next = (self.cursor.column + 1..last).find(|column| self.tabs[*column]);
            self.cursor.column = next.unwrap_or(last);
            self.last_written = None;
        }
    }

    /// CBT.
    pub(crate) fn tab_back(&mut self, count: usize) {
        for _ in 0..count.min(self.columns()) {
            let before = (0..self.cursor.column).rev().find(|column| self.tabs[*column]);
            self.move_to(self.cursor.row, before.unwrap_or(0));
        }
    }

    /// Everything as it was in the beginning, but the title and what was counted.
    pub(crate) fn reset(&mut self) {
        *self = Self { reports: std::mem::take(&mut self.reports), ..Self::new(self.rows(), self.columns()) };
    }

    /// Gives both screens another size. As in an xterm nothing is wrapped anew; the last rows stay at the bottom, and rows that left the main
    /// screen come back to it.
    pub(crate) fn resize(&mut self, size: Size) {
        let Size { rows, cols } = size.clamped();
        let (rows, columns) = (usize::from(rows), usize::from(cols));
        let shift = self.resize_rows(rows, columns);
        for grid in &mut self.grids {
            grid.resize_columns(columns);
        }
        let shifted = |row: usize| row.saturating_add_signed(shift).min(rows - 1);
        self.saved[0].row = shifted(self.saved[0].row);
        if !self.is_alternate {
            self.cursor.row = shifted(self.cursor.row);
        }
        for cursor in self.saved.iter_mut().chain([&mut self.cursor]) {
            cursor.row = cursor.row.min(rows - 1);
            cursor.column = cursor.column.min(columns - 1);
            cursor.wraps_next = false;
        }
        self.region = 0..rows;
        self.last_written = None;
        let known = self.tabs.len();
        self.tabs.resize(columns, false);
        (known..columns).for_each(|column| self.tabs[column] = column % TAB == 0);
    }

    /// How far the main screen's rows moved.
    fn resize_rows(&mut self, rows: usize, columns: usize) -> isize {
        let before = self.rows();
        let cursor = if self.is_alternate { self.saved[0].row } else { self.cursor.row };
        let mut shift: isize = 0;
        if rows < before {
            // The rows below the cursor go first.
            let lost_above = (cursor + 1).saturating_sub(rows).min(before - rows);
            for row in 0..lost_above {
                let line = self.line(&self.grids[0].rows[row]);
                self.history.push(line);
            }
            self.grids[0].rows.drain(..lost_above);
            shift = -isize::try_from(lost_above).unwrap_or(0);
        } else {
            for _ in before..rows {
                let Some(line) = self.history.pop() else { break };
                let row = self.row_of(&line, columns);
                self.grids[0].rows.insert(0, row);
                shift += 1;
            }
        }
        if self.is_alternate {
            let lost_above = (self.cursor.row + 1).saturating_sub(rows).min(before.saturating_sub(rows));
            self.grids[1].rows.drain(..lost_above);
            self.cursor.row -= lost_above;
        }
        for grid in &mut self.grids {
            let columns = grid.columns;
            grid.rows.resize_with(rows, || crate::grid::Row::new(columns, Style::default()));
            if let Some(last) = grid.rows.last_mut() {
                last.wraps = false;
            }
        }
        shift
    }
}

pub(crate) fn default_tabs(columns: usize) -> Vec<bool> {
    (0..columns).map(|column| column % TAB == 0).collect()
}
