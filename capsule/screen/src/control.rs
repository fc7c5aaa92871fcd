//! What sequences do: ECMA-48 and DEC's own, as xterm reads them.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use crate::cursor::{Cursor, Set};
use crate::modes::KEYPAD;
use crate::parser::{Event, Sequence, TextKind};
use crate::style::{Style, flag};
use crate::terminal::{Terminal, default_tabs};

impl Terminal {
    pub(crate) fn obey(&mut self, event: Event<'_>) {
        match event {
            Event::Character(character) => self.print(character),
            Event::Execute(byte) => self.execute(byte),
            Event::Escape { intermediate, last } => self.escape(intermediate, last),
            Event::Control(sequence) => self.control(&sequence),
            Event::Text { kind: TextKind::Osc, bytes } => self.command(bytes),
            Event::Text { kind: TextKind::Dcs, bytes } => self.device(bytes),
            Event::Text { kind: TextKind::Other, .. } => {}
        }
    }

    fn escape(&mut self, intermediate: u8, last: u8) {
        match (intermediate, last) {
            (0, b'7') => self.save_cursor(),
            (0, b'8') => self.restore_cursor(),
            (0, b'=') => self.modes.set_private(KEYPAD, true),
            (0, b'>') => self.modes.set_private(KEYPAD, false),
            (0, b'D') => self.index(),
            (0, b'E') => {
                self.index();
                self.move_to(self.cursor.row, 0);
            }
            (0, b'H') => self.tabs[self.cursor.column] = true,
            (0, b'M') => self.reverse_index(),
            (0, b'N') => self.single_shift = Some(2),
            (0, b'O') => self.single_shift = Some(3),
            (0, b'Z') => self.identify(),
            (0, b'c') => self.reset(),
            (0, b'n') => self.cursor.sets.shift = 2,
            (0, b'o') => self.cursor.sets.shift = 3,
            (b'#', b'8') => self.align(),
            (b'(', set) => self.cursor.sets.designated[0] = Set::named(set),
            (b')', set) => self.cursor.sets.designated[1] = Set::named(set),
            (b'*', set) => self.cursor.sets.designated[2] = Set::named(set),
            (b'+', set) => self.cursor.sets.designated[3] = Set::named(set),
            _ => {}
        }
    }

    fn control(&mut self, sequence: &Sequence) {
        match (sequence.prefix, sequence.intermediate) {
            (0, 0) => self.plain_control(sequence),
            (b'?', 0) => self.private_control(sequence),
            (0, b' ') if sequence.last == b'q' => {
                self.modes.cursor_shape = sequence.number(0).filter(|shape| *shape <= 6).unwrap_or(0);
            }
            (0, b'!') if sequence.last == b'p' => self.soft_reset(),
            (0, b'"') if sequence.last == b'q' => {
                self.cursor.style.set(flag::PROTECTED, sequence.number(0) == Some(1));
            }
            (b'>' | b'<' | b'=', 0) if sequence.last == b'u' => {
                let (first, second) = (sequence.number(0), sequence.number(1));
                self.modes.change_keyboard(self.is_alternate, sequence.prefix, first, second);
            }
            (b'>', 0) if sequence.last == b'm' && sequence.number(0) == Some(4) => {
                self.modes.set_other_keys(sequence.number(1).unwrap_or(0));
            }
            _ => self.question(sequence),
        }
    }

    fn plain_control(&mut self, sequence: &Sequence) {
        let Cursor { row, column, .. } = self.cursor;
        let count = usize::from(sequence.count(0));
        match sequence.last {
            b'@' => self.edit_row(|grid, ground| grid.insert_cells(row, column, count, ground)),
            b'A' => self.up(count),
            b'B' => self.down(count),
            b'C' | b'a' => self.move_to(row, column + count),
            b'D' => self.move_to(row, column.saturating_sub(count)),
            b'E' => {
                self.down(count);
                self.move_to(self.cursor.row, 0);
            }
            b'F' => {
                self.up(count);
                self.move_to(self.cursor.row, 0);
            }
            b'G' | b'`' => self.move_to(row, count - 1),
            b'H' | b'f' => self.position(count - 1, usize::from(sequence.count(1)) - 1),
            b'I' => self.tab(count),
            b'J' => self.erase_display(sequence.number(0), false),
            b'K' => self.erase_line(sequence.number(0), false),
            b'L' => self.edit_lines(|terminal, region| terminal.scroll_down(region, count)),
            b'M' => self.edit_lines(|terminal, region| {
                let ground = terminal.ground();
                terminal.grid_mut().scroll_up(region, count, ground);
            }),
            b'P' => self.edit_row(|grid, ground| grid.delete_cells(row, column, count, ground)),
            b'S' => self.scroll_up(count),
            // With more parameters it is about the mouse.
            b'T' if sequence.parameters.len() == 1 => self.scroll_down(self.region.clone(), count),
            b'X' => {
                let end = (column + count).min(self.columns());
                self.edit_row(|grid, ground| grid.erase(row, column..end, ground));
                self.grid_mut().rows[row].wraps = false;
            }
            b'Z' => self.tab_back(count),
            b'b' => self.repeat(count),
            b'd' => self.position(count - 1, column),
            b'e' => self.position(self.relative_row() + count, column),
            b'g' => match sequence.number(0) {
                None => self.tabs[column] = false,
                Some(3) => self.tabs.fill(false),
                Some(_) => {}
            },
            b'h' | b'l' => self.set_modes(sequence),
            b'm' => self.cursor.style.obey(&sequence.parameters),
            b'r' => self.set_region(sequence),
            b's' => self.save_cursor(),
            b'u' => self.restore_cursor(),
            _ => self.question(sequence),
        }
    }

    fn private_control(&mut self, sequence: &Sequence) {
        match sequence.last {
            b'J' => self.erase_display(sequence.number(0), true),
            b'K' => self.erase_line(sequence.number(0), true),
            b'W' if sequence.number(0) == Some(5) => self.tabs = default_tabs(self.columns()),
            b'h' | b'l' => {
                for mode in sequence.parameters.iter().filter_map(|parameter| parameter.first()) {
                    self.set_private_mode(*mode, sequence.last == b'h');
                }
            }
            _ => self.question(sequence),
        }
    }

    fn set_modes(&mut self, sequence: &Sequence) {
        for mode in sequence.parameters.iter().filter_map(|parameter| parameter.first()) {
            match mode {
                4 => self.modes.inserts = sequence.last == b'h',
                20 => self.modes.adds_return = sequence.last == b'h',
                _ => {}
            }
        }
    }

    fn set_private_mode(&mut self, mode: u16, is_set: bool) {
        match (mode, is_set) {
            (6, _) => {
                self.cursor.has_origin = is_set;
                self.position(0, 0);
            }
            (47 | 1047, true) => self.switch(true),
            (47, false) => self.switch(false),
            (1047, false) => {
                if self.is_alternate {
                    self.erase_display(Some(2), false);
                }
                self.switch(false);
            }
            (1048, true) => self.save_cursor(),
            (1048, false) => self.restore_cursor(),
            (1049, true) => {
                self.save_cursor();
                self.switch(true);
                self.erase_display(Some(2), false);
            }
            (1049, false) => {
                self.switch(false);
                self.restore_cursor();
            }
            _ => self.modes.set_private(mode, is_set),
        }
    }

    /// To the alternate screen, or back. The cursor stays where it is.
    fn switch(&mut self, to_alternate: bool) {
        if self.is_alternate != to_alternate {
            self.is_alternate = to_alternate;
            self.last_written = None;
        }
    }

    fn save_cursor(&mut self) {
        self.saved[usize::from(self.is_alternate)] = self.cursor;
    }

    fn restore_cursor(&mut self) {
        let saved = self.saved[usize::from(self.is_alternate)];
        let link = self.cursor.style.link;
        self.cursor = Cursor { style: Style { link, ..saved.style }, ..saved };
        self.last_written = None;
        if saved.has_origin {
            self.cursor.row = saved.row.clamp(self.region.start, self.region.end - 1);
        }
    }

    /// DECSTR.
    fn soft_reset(&mut self) {
        self.modes.soft_reset();
        self.region = 0..self.rows();
        self.cursor.style = Style { link: self.cursor.style.link, ..Style::default() };
        self.cursor.sets = crate::cursor::Sets::default();
        self.cursor.has_origin = false;
        self.single_shift = None;
        self.saved[usize::from(self.is_alternate)] = Cursor::default();
    }

    /// DECALN.
    fn align(&mut self) {
        self.cursor = Cursor { style: Style { link: self.cursor.style.link, ..Style::default() }, ..self.cursor };
        self.cursor.has_origin = false;
        self.region = 0..self.rows();
        let cell = crate::cell::Cell::new('E', false, Style::default());
        for row in &mut self.grid_mut().rows {
            row.cells.fill(cell);
            row.wraps = false;
        }
        self.move_to(0, 0);
    }

    /// CUP: in origin mode within the region and from its first row.
    fn position(&mut self, row: usize, column: usize) {
        let row = if self.cursor.has_origin { (row + self.region.start).min(self.region.end - 1) } else { row };
        self.move_to(row, column);
    }

    /// The cursor's row as CUP counts it.
    pub(crate) fn relative_row(&self) -> usize {
        let first = if self.cursor.has_origin { self.region.start } else { 0 };
        self.cursor.row.saturating_sub(first)
    }

    /// CUU: not above the region, when it begins in it or below.
    fn up(&mut self, count: usize) {
        let row = self.cursor.row;
        let first = if row < self.region.start { 0 } else { self.region.start };
        self.move_to(row.saturating_sub(count).max(first), self.cursor.column);
    }

    /// CUD: not below the region, when it begins in it or above.
    fn down(&mut self, count: usize) {
        let row = self.cursor.row;
        let last = if row < self.region.end { self.region.end } else { self.rows() } - 1;
        self.move_to((row + count).min(last), self.cursor.column);
    }

    fn set_region(&mut self, sequence: &Sequence) {
        let rows = self.rows();
        let top = usize::from(sequence.count(0)) - 1;
        let bottom = sequence.number(1).map_or(rows, usize::from).min(rows);
        if bottom > top + 1 {
            self.region = top..bottom;
            self.position(0, 0);
        }
    }

    /// Edits the cursor's row, after which nothing waits to wrap.
    fn edit_row(&mut self, edit: impl FnOnce(&mut crate::grid::Grid, Style)) {
        let ground = self.ground();
        edit(self.grid_mut(), ground);
        self.cursor.wraps_next = false;
    }

    /// IL and DL: from the cursor's row to the region's end, where it is in the region.
    fn edit_lines(&mut self, edit: impl FnOnce(&mut Self, Range<usize>)) {
        let row = self.cursor.row;
        if self.region.contains(&row) {
            edit(self, row..self.region.end);
            self.move_to(row, 0);
        }
    }

    fn erase(&mut self, row: usize, columns: Range<usize>, is_selective: bool) {
        let ground = self.ground();
        if is_selective {
            self.grid_mut().erase_selectively(row, columns, ground);
        } else {
            self.grid_mut().erase(row, columns, ground);
        }
        self.cursor.wraps_next = false;
    }

    fn erase_line(&mut self, which: Option<u16>, is_selective: bool) {
        let Cursor { row, column, .. } = self.cursor;
        let columns = self.columns();
        match which {
            None => {
                self.erase(row, column..columns, is_selective);
                self.grid_mut().rows[row].wraps = false;
            }
            Some(1) => self.erase(row, 0..column + 1, is_selective),
            Some(2) => self.erase(row, 0..columns, is_selective),
            Some(_) => {}
        }
    }

    fn erase_display(&mut self, which: Option<u16>, is_selective: bool) {
        let (row, rows) = (self.cursor.row, self.rows());
        let whole_rows = match which {
            None => {
                self.erase_line(None, is_selective);
                row + 1..rows
            }
            Some(1) => {
                self.erase_line(Some(1), is_selective);
                0..row
            }
            Some(2) => 0..rows,
            Some(3) => return self.history.clear(),
            Some(_) => return,
        };
        for row in whole_rows {
            self.erase(row, 0..self.columns(), is_selective);
            self.grid_mut().rows[row].wraps = false;
        }
    }

    /// REP. Beyond a screenful only where the last row ends makes a difference.
    fn repeat(&mut self, count: usize) {
        let Some(character) = self.last_character else { return };
        let screenful = self.rows() * self.columns();
        let in_a_row = self.columns() / character.width().unwrap_or(1).max(1);
        let count = if count > screenful { screenful + (count - screenful) % in_a_row } else { count };
        for _ in 0..count {
            self.print(character);
        }
    }
}
