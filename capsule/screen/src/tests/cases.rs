//! The cases of `corpus/`, read.

use std::path::{Path, PathBuf};

use jackin_api::wire::Size;

/// One case, as it was read.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// The rule in words.
    pub(crate) name: String,
    pub(crate) size: Option<Size>,
    pub(crate) steps: Vec<Step>,
    /// The rows that it should show.
    pub(crate) rows: Vec<String>,
    /// Whatever else is told, by its first word.
    pub(crate) expected: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Feed(Vec<u8>),
    Resize(Size),
}

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
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

/// The numbers that a text begins with.
pub(crate) fn numbers(text: &str) -> Vec<usize> {
    text.split_whitespace().map_while(|word| word.parse().ok()).collect()
}

fn size(text: &str) -> Size {
    let numbers = numbers(text);
    let short = |index: usize| u16::try_from(numbers[index]).expect("a size");
    Size { rows: short(0), cols: short(1) }
}

/// The bytes that a text with escapes stands for.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
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
    pub(crate) fn size(&self) -> Size {
        self.size.unwrap_or(Size { rows: 5, cols: 10 })
    }

    /// Whether it tells something of this name.
    pub(crate) fn tells(&self, word: &str) -> bool {
        self.expected.iter().any(|(known, _)| known == word)
    }
}
