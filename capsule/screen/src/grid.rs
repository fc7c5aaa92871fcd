//! Rows of cells, and what editing does to them. Rows and columns count from 0; ranges end before their end.

use std::ops::Range;

use crate::cell::Cell;
use crate::style::{Style, flag};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    /// Whether its text goes on in the next row.
    pub(crate) wraps: bool,
}

impl Row {
    pub(crate) fn new(columns: usize, ground: Style) -> Self {
        Self { cells: vec![Cell::blank(ground); columns], wraps: false }
    }

    /// Its cells without the empty ones at its end.
    pub(crate) fn used(&self) -> &[Cell] {
        let end = self.cells.iter().rposition(|cell| !cell.is_blank()).map_or(0, |last| last + 1);
        &self.cells[..end]
    }

    /// Empties both halves of a wide character that an edit from this column on would cut.
    fn mend(&mut self, column: usize, ground: Style) {
        if self.cells.get(column).is_some_and(Cell::is_right_half) {
            self.cells[column - 1] = Cell::blank(ground);
            self.cells[column] = Cell::blank(ground);
        }
    }

    fn resize(&mut self, columns: usize) {
        if columns < self.cells.len() {
            self.mend(columns, Style::default());
        }
        self.wraps &= columns == self.cells.len();
        self.cells.resize(columns, Cell::blank(Style::default()));
    }
}

/// A screenful of rows, all of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) rows: Vec<Row>,
    pub(crate) columns: usize,
}

impl Grid {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self { rows: vec![Row::new(columns, Style::default()); rows], columns }
    }

    /// Writes a character; of wide ones that it covers by half, the other half goes.
    pub(crate) fn put(&mut self, row: usize, column: usize, cell: Cell) {
        let ground = cell.style.erased();
        let width = 1 + usize::from(cell.is_wide());
        let row = &mut self.rows[row];
        row.mend(column, ground);
        row.mend(column + width, ground);
        row.cells[column] = cell;
        if cell.is_wide() {
            row.cells[column + 1] = cell.right_half();
        }
    }

    pub(crate) fn erase(&mut self, row: usize, columns: Range<usize>, ground: Style) {
        let row = &mut self.rows[row];
        row.mend(columns.start, ground);
        row.mend(columns.end, ground);
        row.cells[columns].fill(Cell::blank(ground));
    }

    /// Erases what is not protected.
    pub(crate) fn erase_selectively(&mut self, row: usize, columns: Range<usize>, ground: Style) {
        for column in columns {
            if !self.rows[row].cells[column].style.has(flag::PROTECTED) {
                self.erase(row, column..column + 1, ground);
            }
        }
    }

    /// Moves the rest of a row to the right; what leaves the screen is lost.
    pub(crate) fn insert_cells(&mut self, row: usize, column: usize, count: usize, ground: Style) {
        let count = count.min(self.columns - column);
        let row = &mut self.rows[row];
        row.mend(column, ground);
        row.mend(self.columns - count, ground);
        row.cells[column..].rotate_right(count);
        row.cells[column..column + count].fill(Cell::blank(ground));
    }

    /// Moves the rest of a row to the left, over as many cells.
    pub(crate) fn delete_cells(&mut self, row: usize, column: usize, count: usize, ground: Style) {
        let count = count.min(self.columns - column);
        let row = &mut self.rows[row];
        row.mend(column, ground);
        row.mend(column + count, ground);
        row.wraps = false;
        row.cells[column..].rotate_left(count);
        let end = self.columns - count;
        row.cells[end..].fill(Cell::blank(ground));
    }

    /// Moves rows up within a region; the upper ones leave it.
    pub(crate) fn scroll_up(&mut self, region: Range<usize>, count: usize, ground: Style) {
        let count = count.min(region.len());
        let rows = &mut self.rows[region];
        rows.rotate_left(count);
        let kept = rows.len() - count;
        rows[kept..].iter_mut().for_each(|row| clear(row, ground));
        // What went on in a row that is not the next one any more goes on no longer.
        if let Some(last) = kept.checked_sub(1) {
            rows[last].wraps = false;
        }
    }

    /// Moves rows down within a region; the lower ones leave it.
    pub(crate) fn scroll_down(&mut self, region: Range<usize>, count: usize, ground: Style) {
        let count = count.min(region.len());
        let top = region.start;
        let rows = &mut self.rows[region];
        rows.rotate_right(count);
        rows[..count].iter_mut().for_each(|row| clear(row, ground));
        if let Some(last) = rows.last_mut() {
            last.wraps = false;
        }
        if let Some(above) = top.checked_sub(1) {
            self.rows[above].wraps = false;
        }
    }

    pub(crate) fn resize_columns(&mut self, columns: usize) {
        self.columns = columns;
        self.rows.iter_mut().for_each(|row| row.resize(columns));
    }
}

fn clear(row: &mut Row, ground: Style) {
    row.cells.fill(Cell::blank(ground));
    row.wraps = false;
}
