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
//! unpainted WHY           a paint in the middle does not keep everything, and why
//! ```

use super::*;

/// One case, as it was read.
#[derive(Debug, Default)]
struct Case {
    name: String,
    size: Option<Size>,
    steps: Vec<Step>,
    rows: Vec<String>,
    expected: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Step {
    Feed(Vec<u8>),
    Resize(Size),
}

fn cases() -> Vec<Case> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let cases: Vec<Case> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "txt"))
        .flat_map(|file| parse(&std::fs::read_to_string(file).expect("text")))
        .collect();
    assert!(cases.len() > 100, "only {} cases were found", cases.len());
    cases
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case { name: name.to_owned(), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with `== `");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "size" => case.size = Some(size(rest)),
            "feed" => case.steps.push(Step::Feed(bytes(rest))),
            "resize" => case.steps.push(Step::Resize(size(rest))),
            _ if line.starts_with('|') => {
                case.rows.push(String::from_utf8(bytes(line.trim_matches('|'))).expect("text"))
            }
            _ => case.expected.push((word.to_owned(), rest.to_owned())),
        }
    }
    cases
}

fn numbers(text: &str) -> Vec<usize> {
    text.split_whitespace().map_while(|word| word.parse().ok()).collect()
}

fn size(text: &str) -> Size {
    let numbers = numbers(text);
    let short = |index: usize| u16::try_from(numbers[index]).expect("a size");
    Size { rows: short(0), cols: short(1) }
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let escaped = if character == '\\' { rest.next() } else { None };
        match escaped {
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            Some('e') => bytes.push(0x1b),
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two digits"));
            }
            Some(itself) => bytes.extend(itself.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

impl Case {
    fn size(&self) -> Size {
        self.size.unwrap_or(Size { rows: 5, cols: 10 })
    }

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
        assert!(self.expected.iter().any(|(word, _)| word == "cursor"), "{}: where is the cursor?", self.name);
        for (word, rest) in &self.expected {
            if matches!(word.as_str(), "style" | "link") {
                let (found, wanted) = self.cells(&screen, word, rest);
                compare(&format!("{word} {rest}"), found, wanted);
            } else if !matches!(word.as_str(), "tmux" | "unpainted") {
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
            if case.expected.iter().any(|(word, _)| word == "unpainted") {
                continue;
            }
            assert_eq!(looks(&painted), looks(&whole), "{} painted at {cut}, then the rest", case.name);
        }
    }
}
