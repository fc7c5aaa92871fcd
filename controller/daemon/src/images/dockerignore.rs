//! `.dockerignore`, with Docker's rules.
//!
//! They are not git's: a pattern counts from the root of the context, `*` stays within one name, the last pattern that matches a
//! path or a folder above it wins, and `!` takes back. `**/` stands for any number of folders, also none.
//!
//! # Caveats
//!
//! `!` with a wildcard also takes back inside a folder that is ignored as a whole, as BuildKit does; the client of Docker 20.10
//! never looks into such a folder.

use super::SourceError;
use camino::Utf8Path;

/// The patterns of one ignore file, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    takes_back: bool,
    tokens: Vec<Token>,
    /// What every match starts with.
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Is(char),
    /// One character of a name: `?`.
    Any,
    /// Any part of a name: `*`.
    Name,
    /// Anything: `**` at the end.
    Rest,
    /// Any number of folders with their slash, also none: `**/`.
    Folders,
    /// A character of a set: `[a-z]`, `[^a]`.
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Which patterns match a folder or one above it: what the paths inside start from.
#[derive(Clone, Debug)]
pub(super) struct Matched(Vec<bool>);

impl Ignore {
    /// Reads the text of an ignore file; `path` is for its errors.
    pub(super) fn parse(text: &str, path: &Utf8Path) -> Result<Self, SourceError> {
        let mut patterns = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            // Only a mark in the first column starts a comment.
            let trimmed = line.trim();
            if line.starts_with('#') || trimmed.is_empty() {
                continue;
            }
            let pattern = Pattern::parse(trimmed).ok_or_else(|| SourceError::BadPattern {
                path: path.to_owned(),
                line: index + 1,
                pattern: trimmed.to_owned(),
            })?;
            patterns.push(pattern);
        }
        Ok(Self { patterns })
    }

    /// What the root's own entries start from.
    pub(super) fn root(&self) -> Matched {
        Matched(vec![false; self.patterns.len()])
    }

    /// Looks at a path whose folder gave `above`: whether it is ignored, and what the paths inside it start from.
    pub(super) fn look(&self, path: &str, above: &Matched) -> (bool, Matched) {
        let mut ignored = false;
        let mut matched = Vec::with_capacity(self.patterns.len());
        for (pattern, above) in self.patterns.iter().zip(&above.0) {
            let matches = *above || pattern.matches(path);
            matched.push(matches);
            if matches {
                ignored = !pattern.takes_back;
            }
        }
        (ignored, Matched(matched))
    }

    /// Whether something inside an ignored folder may be taken back.
    pub(super) fn may_take_back_inside(&self, folder: &str) -> bool {
        self.patterns.iter().filter(|pattern| pattern.takes_back).any(|pattern| {
            let inside = format!("{folder}/");
            let literal = pattern.prefix.len() == pattern.tokens.iter().map(Token::width).sum::<usize>();
            if literal {
                format!("{}/", pattern.prefix).starts_with(&inside)
            } else {
                pattern.prefix.starts_with(&inside) || inside.starts_with(&pattern.prefix)
            }
        })
    }
}

impl Token {
    fn width(&self) -> usize {
        match self {
            Self::Is(character) => character.len_utf8(),
            // More than any prefix has, so that such a pattern never counts as literal.
            Self::Any | Self::Name | Self::Rest | Self::Folders | Self::Set { .. } => 1 << 20,
        }
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let (takes_back, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            return None;
        }
        let tokens = tokens(&clean(text))?;
        let literal = |token: &Token| match token {
            Token::Is(character) => Some(*character),
            _ => None,
        };
        let prefix = tokens.iter().map_while(literal).collect();
        Some(Self { takes_back, tokens, prefix })
    }

    fn matches(&self, path: &str) -> bool {
        if !path.starts_with(&self.prefix) {
            return false;
        }
        let rest = &path[self.prefix.len()..];
        let tokens = &self.tokens[self.prefix.chars().count()..];
        matches(tokens, rest)
    }
}

/// The path without `.`, doubled slashes, a slash at either end, and `..` where a folder is before it.
fn clean(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Above the root is the root.
            ".." if text.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        let token = match character {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                // A slash after it belongs to it.
                rest.next_if_eq(&'/');
                if rest.peek().is_none() { Token::Rest } else { Token::Folders }
            }
            '*' => Token::Name,
            '?' => Token::Any,
            '\\' => Token::Is(rest.next()?),
            '[' => set(&mut rest)?,
            character => Token::Is(character),
        };
        tokens.push(token);
    }
    Some(tokens)
}

fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Set { negated, ranges }),
            ']' | '-' => return None,
            '\\' => rest.next()?,
            character => character,
        };
        let mut last = first;
        if rest.next_if_eq(&'-').is_some() {
            last = match rest.next()? {
                ']' | '-' => return None,
                '\\' => rest.next()?,
                character => character,
            };
            if last < first {
                return None;
            }
        }
        ranges.push((first, last));
    }
}

/// Whether all of `text` matches, in time that grows with the product of both lengths.
fn matches(tokens: &[Token], text: &str) -> bool {
    // Places in the text that the tokens so far may end at.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for token in tokens {
        let mut next = vec![false; text.len() + 1];
        let mut open = false;
        for (at, character) in text.char_indices() {
            let after = at + character.len_utf8();
            match token {
                Token::Is(wanted) => next[after] |= ends[at] && *wanted == character,
                Token::Any => next[after] |= ends[at] && character != '/',
                Token::Set { negated, ranges } => {
                    let inside = ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                    next[after] |= ends[at] && inside != *negated;
                }
                Token::Name | Token::Rest => {
                    open |= ends[at];
                    next[at] |= open;
                    open &= *token == Token::Rest || character != '/';
                    next[after] |= open;
                }
                Token::Folders => {
                    open |= ends[at];
                    next[at] |= ends[at];
                    next[after] |= open && character == '/';
                }
            }
        }
        if matches!(token, Token::Name | Token::Rest | Token::Folders) {
            next[text.len()] |= ends[text.len()];
        }
        ends = next;
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(text: &str, path: &str) -> bool {
        let ignore = Ignore::parse(text, Utf8Path::new(".dockerignore")).unwrap();
        let mut above = ignore.root();
        let mut ignored = false;
        for (at, _) in path.match_indices('/').chain([(path.len(), "")]) {
            (ignored, above) = ignore.look(&path[..at], &above);
        }
        ignored
    }

    /// Every row was checked against the engine's own client.
    #[test]
    fn patterns_mean_what_docker_means() {
        let rows = [
            ("*.md", "a.md", true),
            ("*.md", "docs/a.md", false),
            ("**/*.md", "docs/deep/a.md", true),
            ("**/*.md", "a.md", true),
            ("docs", "docs/a", true),
            ("docs", "mydocs", false),
            ("/docs", "docs/a", true),
            ("docs/", "docs/a", true),
            ("./docs/../src", "src/a", true),
            ("*/temp*", "a/temporary/x", true),
            ("*/temp*", "temp", false),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("a/**", "a/b/c", true),
            ("a/**", "b/a", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("**", "anything/at/all", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a.b", "axb", false),
            ("foo**", "foo/bar", true),
            (" # no comment", "# no comment", true),
            ("#comment", "#comment", false),
        ];
        for (pattern, path, expected) in rows {
            assert_eq!(ignored(pattern, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn the_last_pattern_that_matches_wins() {
        assert!(!ignored("*.md\n!README.md", "README.md"));
        assert!(ignored("*.md\n!README.md\nREADME*", "README.md"));
        assert!(ignored("!README.md\n*.md", "README.md"));
    }

    #[test]
    fn what_is_taken_back_inside_an_ignored_folder_is_there() {
        let text = "vendor\n!vendor/keep";
        assert!(ignored(text, "vendor/drop"));
        assert!(!ignored(text, "vendor/keep/file"));
        let ignore = Ignore::parse(text, Utf8Path::new("x")).unwrap();
        assert!(ignore.may_take_back_inside("vendor"));
        assert!(!ignore.may_take_back_inside("other"));
        let anywhere = Ignore::parse("*\n!**/keep", Utf8Path::new("x")).unwrap();
        assert!(anywhere.may_take_back_inside("other"));
        let starred = Ignore::parse("*\n!src/*.rs", Utf8Path::new("x")).unwrap();
        assert!(starred.may_take_back_inside("src"));
        assert!(!starred.may_take_back_inside("doc"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        for wrong in ["[a", "!", "a\\", "[]x", "[b-a]"] {
            let error = Ignore::parse(&format!("ok\n{wrong}"), Utf8Path::new("x")).unwrap_err();
            assert!(matches!(error, SourceError::BadPattern { line: 2, .. }), "{wrong}: {error}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = "*a".repeat(30) + "b";
        assert!(!ignored(&pattern, &"a".repeat(200)));
    }
}
