//! What the terminal is told by commands, and what it answers to questions.
//!
//! A program that asks waits for the answer, so somebody must give it while nobody looks. The answers are those of a terminal that
//! does what this one does by itself; what a viewer's own terminal can do beyond it is not known here.

use crate::parser::Sequence;
use crate::report::Reports;
use crate::terminal::Terminal;

impl Terminal {
    /// A control sequence that changes nothing: perhaps it asks.
    pub(crate) fn question(&mut self, sequence: &Sequence) {
        let asked = sequence.number(0);
        match (sequence.prefix, sequence.intermediate, sequence.last) {
            // DA1, DA2, XTVERSION, DSR, CPR, DECXCPR, the size in characters, DECRQM.
            (0, 0, b'c') if asked.is_none() => self.identify(),
            (b'>', 0, b'c') if asked.is_none() => self.reports.answer("\x1b[>1;10;0c"),
            (b'>', 0, b'q') => self.reports.answer("\x1bP>|jackin\x1b\\"),
            (0, 0, b'n') if asked == Some(5) => self.reports.answer("\x1b[0n"),
            (0 | b'?', 0, b'n') if asked == Some(6) => {
                let (row, column) = (self.relative_row() + 1, self.cursor.column + 1);
                let private = if sequence.prefix == b'?' { "?" } else { "" };
                self.reports.answer(&format!("\x1b[{private}{row};{column}R"));
            }
            (0, 0, b't') if asked == Some(18) => {
                let (rows, columns) = (self.rows(), self.columns());
                self.reports.answer(&format!("\x1b[8;{rows};{columns}t"));
            }
            (b'?', b'$', b'p') => {
                let mode = asked.unwrap_or(0);
                let report = match mode {
                    6 => 2 - u8::from(self.cursor.has_origin),
                    47 | 1047 | 1049 => 2 - u8::from(self.is_alternate),
                    _ => self.modes.report(mode),
                };
                self.reports.answer(&format!("\x1b[?{mode};{report}$y"));
            }
            (0, b'$', b'p') => {
                let mode = asked.unwrap_or(0);
                let report = match mode {
                    4 => 2 - u8::from(self.modes.inserts),
                    20 => 2 - u8::from(self.modes.adds_return),
                    _ => 0,
                };
                self.reports.answer(&format!("\x1b[{mode};{report}$y"));
            }
            _ => {}
        }
    }

    /// DA1, DECID.
    pub(crate) fn identify(&mut self) {
        self.reports.answer("\x1b[?62;22c");
    }

    /// DECRQSS for the cursor's shape and the scroll region; other settings and XTGETTCAP are not known.
    pub(crate) fn device(&mut self, bytes: &[u8]) {
        let answer = match bytes {
            b"$q q" => format!("\x1bP1$r{} q\x1b\\", self.modes.cursor_shape),
            b"$qr" => format!("\x1bP1$r{};{}r\x1b\\", self.region.start + 1, self.region.end),
            [b'$', b'q', ..] => "\x1bP0$r\x1b\\".to_owned(),
            [b'+', b'q', ..] => "\x1bP0+r\x1b\\".to_owned(),
            _ => return,
        };
        self.reports.answer(&answer);
    }

    /// OSC: titles, links, progress, notifications, and the colours that tell a dark terminal from a light one.
    ///
    /// The clipboard (OSC 52) is not here: nothing is answered, and who lets it pass is decided before a screen sees it.
    pub(crate) fn command(&mut self, bytes: &[u8]) {
        let Self { reports, .. } = self;
        let mut parts = bytes.splitn(2, |byte| *byte == b';');
        let (number, rest) = (parts.next().unwrap_or_default(), parts.next());
        match (number, rest) {
            (b"0" | b"2", Some(title)) => reports.set_title(title),
            (b"8", Some(link)) => self.set_link(link),
            (b"9", Some(text)) => notify(reports, text),
            (b"777", Some(text)) => {
                if let Some(text) = text.strip_prefix(b"notify;") {
                    reports.notify(text);
                }
            }
            (b"10", Some(b"?")) => reports.answer("\x1b]10;rgb:cccc/cccc/cccc\x1b\\"),
            (b"11", Some(b"?")) => reports.answer("\x1b]11;rgb:0000/0000/0000\x1b\\"),
            _ => {}
        }
    }

    /// `OSC 8 ; parameters ; target`, where no target ends the link.
    fn set_link(&mut self, link: &[u8]) {
        let mut parts = link.splitn(2, |byte| *byte == b';');
        let (parameters, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let Self { grids, saved, links, .. } = self;
        let cells = || grids.iter().flat_map(|grid| &grid.rows).flat_map(|row| &row.cells);
        let in_use = || {
            let mut numbers: Vec<u16> = cells().map(|cell| cell.style.link).collect();
            numbers.extend(saved.iter().map(|cursor| cursor.style.link));
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        };
        self.cursor.style.link = links.number(parameters, target, in_use);
    }
}

/// `OSC 9 ; 4 ; state ; percent` is progress; `OSC 9 ; text` is a notification, unless it begins as another of the commands there.
fn notify(reports: &mut Reports, text: &[u8]) {
    let parts: Vec<&[u8]> = text.splitn(3, |byte| *byte == b';').collect();
    match parts.as_slice() {
        [b"4", state] => reports.set_progress(state, None),
        [b"4", state, percent] => reports.set_progress(state, Some(percent)),
        [number, _, ..] if number.len() <= 2 && number.iter().all(u8::is_ascii_digit) => {}
        _ => reports.notify(text),
    }
}
