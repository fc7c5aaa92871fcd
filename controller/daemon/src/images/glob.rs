//! Patterns of paths as Go writes them, which Docker uses in `.dockerignore` and in `COPY`.

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
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

impl Token {
    /// Bytes of the text that it stands for; more than any text has where that varies.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Is(character) => character.len_utf8(),
            // More than any prefix has, so that such a pattern never counts as literal.
            Self::Any | Self::Name | Self::Rest | Self::Folders | Self::Set { .. } => 1 << 20,
        }
    }
}

/// The path without `.`, doubled slashes, a slash at either end, and `..` where a folder is before it.
pub(super) fn clean(text: &str) -> String {
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

/// The parts of a pattern; `None` for what is no pattern.
pub(super) fn tokens(pattern: &str) -> Option<Vec<Token>> {
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
pub(super) fn matches(tokens: &[Token], text: &str) -> bool {
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
