//! The cases of `corpus/`: what a stream shows by xterm's rules, split anywhere and painted at any moment.
//!
//! A case begins with `== ` and the rule in words, which names the sequence. Then:
//!
//! ```text
//! size ROWS COLUMNS       5 10 unless said
//! feed BYTES              with the escapes of Rust's strings, \e for ESC and a backslash before a space at an end
//! resize ROWS COLUMNS     after what was fed so far
//! |text|                  a row; those that are not told are empty
//! cursor ROW COLUMN       from 1, as the sequences count; and `wraps` where the next character goes to the next row
//! style ROW FROM TO ...   the SGR codes of some cells
//! link ROW FROM TO ...    the target of some cells
//! modes ...               what sets the modes again
//! answers, title, history, bells, progress
//! tmux WHY                the referee does not agree, and why
//! tmux-paint WHY          nor of our paint of it
//! unpainted WHY           a paint in the middle does not keep everything, and why
//! ```

use super::cases::{Case, Step, bytes, cases, numbers};
use super::*;

impl Case {
    /// What was fed before the last resize, and the whole of what was fed after it.
    fn play(&self) -> (Screen, Vec<u8>) {
        let mut screen = Screen::new(self.size());
        let mut answers = Vec::new();
        for step in &self.steps {
            match step {
                Step::Feed(bytes) => answers.extend(screen.process(bytes)),
                Step::Resize(size) => screen.resize(*size),
            }
        }
        (screen, answers)
    }

    /// What is not as it was told.
    fn wrong(&self) -> Vec<String> {
        let (screen, answers) = self.play();
        let width = usize::from(screen.size().cols);
        let padded = |row: &str| format!("{row:<width$}").trim_end().to_owned();
        let mut shown: Vec<String> =
            screen.rows().map(|row| padded(&row.iter().map(Cell::text).collect::<String>())).collect();
        let mut wanted: Vec<String> = self.rows.iter().map(|row| padded(row)).collect();
        wanted.resize(shown.len().max(wanted.len()), String::new());
        shown.resize(wanted.len(), String::new());
        let mut wrong = Vec::new();
        let mut compare = |what: &str, found: String, wanted: String| {
            if found != wanted {
                wrong.push(format!("{}: {what}: {found:?} instead of {wanted:?}", self.name));
            }
        };
        compare("rows", shown.join("|"), wanted.join("|"));
        compare("restarts", screen.restarts().to_string(), "0".to_owned());
        assert!(self.tells("cursor"), "{}: where is the cursor?", self.name);
        for (word, rest) in &self.expected {
            if matches!(word.as_str(), "style" | "link") {
                let (found, wanted) = self.cells(&screen, word, rest);
                compare(&format!("{word} {rest}"), found, wanted);
            } else if !matches!(word.as_str(), "tmux" | "tmux-paint" | "unpainted") {
                compare(word, self.found(&screen, &answers, word), bytes(rest).escape_ascii().to_string());
            }
        }
        wrong
    }

    /// What a word of the case tells, found on the screen.
    fn found(&self, screen: &Screen, answers: &[u8], word: &str) -> String {
        let terminal = &screen.terminal;
        let text = match word {
            "cursor" => {
                let waits = if terminal.cursor.wraps_next { " wraps" } else { "" };
                format!("{} {}{waits}", terminal.cursor.row + 1, terminal.cursor.column + 1)
            }
            "modes" => terminal.modes.sequence(terminal.is_alternate),
            "title" => screen.title().to_owned(),
            "bells" => screen.bells().to_string(),
            "progress" => format!("{:?}", screen.progress()),
            "notification" => screen.notifications().1.to_owned(),
            "history" => screen.history(usize::MAX).collect::<Vec<_>>().join("|"),
            "answers" => return answers.escape_ascii().to_string(),
            other => panic!("{}: nobody knows `{other}`", self.name),
        };
        text.as_bytes().escape_ascii().to_string()
    }

    /// What all cells from one column to another have, and what they should.
    fn cells(&self, screen: &Screen, word: &str, rest: &str) -> (String, String) {
        let [row, from, to] = numbers(rest)[..3] else { panic!("{}: {word} ROW FROM TO", self.name) };
        let wanted = rest.split_whitespace().nth(3).unwrap_or(if word == "style" { "0" } else { "" });
        let of = |cell: &Cell| {
            if word == "style" {
                return cell.style().sequence().trim_start_matches("\x1b[").trim_end_matches('m').to_owned();
            }
            let link = screen.terminal.links.get(cell.style().link).and_then(|link| link.split_once(';'));
            link.map_or_else(String::new, |(_, target)| target.to_owned())
        };
        let mut found: Vec<String> = screen.terminal.grid().rows[row - 1].cells[from - 1..to].iter().map(of).collect();
        found.dedup();
        (found.join(" then "), wanted.to_owned())
    }
}

#[test]
fn every_case_renders_as_xterms_rules_say() {
    let wrong: Vec<String> = cases().iter().flat_map(Case::wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_split_changes_a_case_and_no_paint_at_any_moment() {
    for case in cases() {
        let (whole, _) = case.play();
        let Some((Step::Feed(last), before)) = case.steps.split_last() else { continue };
        let begin = || Case { steps: before.to_vec(), size: case.size, ..Case::default() }.play().0;
        for cut in 0..=last.len() {
            let (first, second) = last.split_at(cut);
            let mut split = begin();
            split.process(first);
            let mut painted = Screen::new(split.size());
            painted.process(&split.paint(None, false));
            assert_eq!(looks(&painted), looks(&split), "{} painted after {}", case.name, first.escape_ascii());
            split.process(second);
            assert_eq!(looks(&split), looks(&whole), "{} split at {cut}", case.name);
            painted.process(second);
            if case.tells("unpainted") {
                continue;
            }
            assert_eq!(looks(&painted), looks(&whole), "{} painted at {cut}, then the rest", case.name);
        }
    }
}
