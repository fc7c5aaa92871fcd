//! `.dockerignore`, with Docker's rules.
//!
//! They are not git's: a pattern counts from the root of the context, `*` stays within one name, the last pattern that matches a
//! path or a folder above it wins, and `!` takes back. `**/` stands for any number of folders, also none.
//!
//! # Caveats
//!
//! `!` with a wildcard also takes back inside a folder that is ignored as a whole, as BuildKit does; the client of Docker 20.10
//! never looks into such a folder.

use camino::Utf8Path;

use super::SourceError;
use super::glob::{Token, clean, matches, tokens};

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
