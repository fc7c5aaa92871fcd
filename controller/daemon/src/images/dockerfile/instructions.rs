//! The lines of a Dockerfile as instructions: comments left out, continued lines joined, heredocs taken along.

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Its name, in capitals.
    pub(super) name: String,
    /// What stands before its arguments: `--from=build` is `("from", "build")`.
    pub(super) flags: Vec<(String, String)>,
    /// Everything after the flags, as written.
    pub(super) rest: String,
    /// Names of the heredocs that it opens, whose text is in the Dockerfile itself.
    pub(super) heredocs: Vec<String>,
}

/// What is read into one instruction.
#[derive(Default)]
struct Reader {
    read: Vec<Instruction>,
    line: String,
    /// Ends of the heredocs that are open, and whether tabs may stand before each.
    open: Vec<(String, bool)>,
}

/// All instructions of a Dockerfile whose escape character is `escape`.
pub(super) fn instructions(text: &str, escape: char) -> Vec<Instruction> {
    let mut reader = Reader::default();
    for line in text.trim_start_matches('\u{feff}').lines() {
        reader.hear(line, escape);
    }
    reader.end();
    reader.read
}

impl Reader {
    fn hear(&mut self, line: &str, escape: char) {
        if let Some((end, indented)) = self.open.first() {
            let found = if *indented { line.trim_start_matches('\t') } else { line };
            if found == end {
                self.open.remove(0);
            }
            return;
        }
        let trimmed = line.trim();
        // Also between continued lines.
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return;
        }
        let line = if self.line.is_empty() { line.trim_start() } else { line };
        match continued(line, escape) {
            Some(start) => self.line.push_str(start),
            None => {
                self.line.push_str(line.trim_end());
                self.end();
            }
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Some(name) = line.split_whitespace().next() else { return };
        let (flags, rest) = flags(line.trim_start()[name.len()..].trim());
        let name = name.to_ascii_uppercase();
        if matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
            self.open = rest.split_whitespace().filter_map(heredoc).collect();
        }
        let heredocs = self.open.iter().map(|(end, _)| end.clone()).collect();
        self.read.push(Instruction { name, flags, rest: rest.to_owned(), heredocs });
    }
}

/// The line without the mark at its end that continues it; `None` for a line that is not continued.
fn continued(line: &str, escape: char) -> Option<&str> {
    let start = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!start.ends_with(escape)).then_some(start)
}

/// The flags at the start of an instruction's text, and what stands after them.
fn flags(text: &str) -> (Vec<(String, String)>, &str) {
    let mut flags = Vec::new();
    let mut rest = text;
    while let Some(flag) = rest.strip_prefix("--") {
        let end = flag.find(char::is_whitespace).unwrap_or(flag.len());
        let (name, value) = flag[..end].split_once('=').unwrap_or((&flag[..end], ""));
        flags.push((name.to_owned(), super::variables::unquote(value).to_owned()));
        rest = flag[end..].trim_start();
    }
    (flags, rest)
}

/// The end of the heredoc that a word opens, and whether tabs may stand before it.
fn heredoc(word: &str) -> Option<(String, bool)> {
    let word = word.trim_start_matches(|character: char| character.is_ascii_digit()).strip_prefix("<<")?;
    let end = super::variables::unquote(word.strip_prefix('-').unwrap_or(word));
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    (!end.is_empty() && end.chars().all(plain)).then(|| (end.to_owned(), word.starts_with('-')))
}

/// A directive at the top of a Dockerfile: `# escape=` and `# syntax=`.
pub(super) fn directive<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut directives = lines.map_while(|line| {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        let name = name.trim();
        name.chars().all(|character| character.is_ascii_alphanumeric()).then(|| (name, value.trim()))
    });
    directives.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(text: &str) -> Vec<(String, String)> {
        instructions(text, '\\').into_iter().map(|found| (found.name, found.rest)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, rest)| (String::from(*name), String::from(*rest))).collect()
    }

    #[test]
    fn continued_lines_are_one_instruction_and_comments_between_them_are_none() {
        let text = "# FROM no\nfrom \\\n  # between\n\n  one\nRUN echo \"FROM text\" \\  \nFROM words\nCOPY a\\\nb /\nRUN c:\\\\\nRUN d\n";
        let expected = [
            ("FROM", "one"),
            ("RUN", "echo \"FROM text\" FROM words"),
            ("COPY", "ab /"),
            ("RUN", "c:\\\\"),
            ("RUN", "d"),
        ];
        assert_eq!(rests(text), pairs(&expected));
    }

    #[test]
    fn the_text_of_a_heredoc_is_no_instruction() {
        let text =
            "RUN <<EOF cat\nFROM body\nEOF\nCOPY <<-\"A\" <<B /x/\n\tone\n\tA\nA\nB\nRUN cat <<< EOF\nFROM two\n";
        let found = instructions(text, '\\');
        assert_eq!(found.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["RUN", "COPY", "RUN", "FROM"]);
        assert_eq!(found[1].heredocs, ["A", "B"]);
    }

    #[test]
    fn flags_stand_before_the_arguments_only() {
        let found = instructions("COPY --from=\"build\" --link a --b /c\n", '\\').remove(0);
        assert_eq!(found.flags, pairs(&[("from", "build"), ("link", "")]));
        assert_eq!(found.rest, "a --b /c");
    }

    #[test]
    fn directives_stand_before_everything_else() {
        let text = "# syntax = docker/dockerfile:1\n# Escape=`\n# a comment = ends them\n# late=1\nFROM a\n";
        assert_eq!(directive(text, "syntax"), Some("docker/dockerfile:1"));
        assert_eq!(directive(text, "escape"), Some("`"));
        assert_eq!(directive(text, "late"), None);
    }
}
