//! Variables of a Dockerfile: what `ARG` and `ENV` set, put into words.

use std::collections::BTreeMap;

/// Arguments that a builder sets once they are declared; what to is not known here.
const OF_THE_BUILDER: [&str; 8] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

/// Whether a builder sets this argument.
pub(super) fn is_of_the_builder(name: &str) -> bool {
    OF_THE_BUILDER.contains(&name)
}

/// What is known of the variables at one place of a Dockerfile.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    arguments: BTreeMap<String, Option<String>>,
    environment: BTreeMap<String, Option<String>>,
    /// Whether others are set in an image that is not read.
    pub(super) inherits: bool,
}

/// A word whose value depends on what is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

impl Variables {
    /// Those that `FROM` may use without having declared them.
    pub(super) fn before_the_first_stage() -> Self {
        let arguments = OF_THE_BUILDER.iter().map(|name| ((*name).to_owned(), None)).collect();
        Self { arguments, ..Self::default() }
    }

    /// What a stage on top of this one starts with: arguments end with their stage.
    pub(super) fn of_a_stage_on_top(&self) -> Self {
        Self { arguments: BTreeMap::new(), ..self.clone() }
    }

    /// Carries out the text after `ARG`. `given` are values from outside; `global` is what stands before the first stage.
    pub(super) fn argument(
        &mut self,
        text: &str,
        given: &BTreeMap<String, String>,
        global: Option<&Self>,
        escape: char,
    ) {
        for word in text.split_whitespace() {
            let (name, default) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let value = match (given.get(name), default) {
                (Some(value), _) => Some(value.clone()),
                (None, Some(default)) => self.expand(default, escape).ok(),
                (None, None) if is_of_the_builder(name) => None,
                (None, None) => match global.and_then(|global| global.arguments.get(name)) {
                    Some(value) => value.clone(),
                    // Declared and never set: as if it were not there.
                    None => continue,
                },
            };
            self.arguments.insert(name.to_owned(), value);
        }
    }

    /// Carries out the text after `ENV`, in either of its forms.
    pub(super) fn environment(&mut self, text: &str, escape: char) {
        let before = self.clone();
        let first = text.split_whitespace().next().unwrap_or_default();
        if !first.contains('=') {
            let value = text[first.len()..].trim();
            self.environment.insert(first.to_owned(), before.expand(value, escape).ok());
            return;
        }
        for word in words(text, escape) {
            if let Some((name, value)) = word.split_once('=') {
                self.environment.insert(name.to_owned(), before.expand(value, escape).ok());
            }
        }
    }

    /// The word with its variables put in and its quotes taken away.
    pub(super) fn expand(&self, word: &str, escape: char) -> Result<String, Unknown> {
        let mut result = String::new();
        let mut rest = word.chars();
        let mut quote = None;
        while let Some(character) = rest.next() {
            match (character, quote) {
                ('\'' | '"', None) => quote = Some(character),
                (mark, Some(open)) if mark == open => quote = None,
                (character, Some('\'')) => result.push(character),
                (character, _) if character == escape => result.extend(rest.next()),
                ('$', _) => {
                    let (value, after) = self.variable(rest.as_str(), escape)?;
                    result.push_str(&value);
                    rest = after.chars();
                }
                (character, _) => result.push(character),
            }
        }
        Ok(result)
    }

    /// The value of what stands after a `$`, and the text after it.
    fn variable<'a>(&self, text: &'a str, escape: char) -> Result<(String, &'a str), Unknown> {
        let name_of = |text: &'a str| {
            let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            text.split_at(end.unwrap_or(text.len()))
        };
        let Some(inner) = text.strip_prefix('{') else {
            let (name, after) = name_of(text);
            return Ok((self.value(name)?.unwrap_or_default(), after));
        };
        let (name, after_name) = name_of(inner);
        let (operation, after) = after_name.split_once('}').ok_or(Unknown)?;
        let value = self.value(name)?;
        let of_empty = operation.starts_with(':');
        let is_set = value.as_ref().is_some_and(|value| !of_empty || !value.is_empty());
        let operation = operation.strip_prefix(':').unwrap_or(operation);
        let expanded = match (operation.chars().next(), is_set) {
            (None, _) if !of_empty => value.unwrap_or_default(),
            (Some('-'), false) | (Some('+'), true) => self.expand(&operation[1..], escape)?,
            (Some('-' | '?'), true) => value.unwrap_or_default(),
            (Some('+'), false) => String::new(),
            // Cutting and replacing, which newer builders know.
            _ => return Err(Unknown),
        };
        Ok((expanded, after))
    }

    /// The value of a variable; `None` when it is not set.
    fn value(&self, name: &str) -> Result<Option<String>, Unknown> {
        match self.environment.get(name).or_else(|| self.arguments.get(name)) {
            Some(Some(value)) => Ok(Some(value.clone())),
            Some(None) => Err(Unknown),
            None if self.inherits => Err(Unknown),
            None => Ok(None),
        }
    }
}

/// Words of a text, with those in quotes kept together and the quotes kept.
fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let Some(word) = words.last_mut() else { break };
        match (character, quote) {
            (character, None) if character.is_whitespace() => {
                words.push(String::new());
                continue;
            }
            ('\'' | '"', None) => quote = Some(character),
            (mark, Some(open)) if mark == open => quote = None,
            (mark, quoted) if mark == escape && quoted != Some('\'') => {
                word.push(mark);
                word.extend(rest.next());
                continue;
            }
            _ => {}
        }
        word.push(character);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The text without the quotes around it.
pub(super) fn unquote(text: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Variables {
        let mut variables = Variables::default();
        variables.argument("A=one B= C=\"two words\"", &BTreeMap::new(), None, '\\');
        variables
    }

    #[test]
    fn every_form_of_a_variable() {
        let rows = [
            ("$A/x", "one/x"),
            ("${A}x", "onex"),
            ("${B:-d}", "d"),
            ("${B-d}", ""),
            ("${N:-$A}", "one"),
            ("${A:+y}", "y"),
            ("${N:+y}", ""),
            ("'$A'", "$A"),
            ("\"$A\"", "one"),
            ("\\$A", "$A"),
            ("$N", ""),
        ];
        for (word, expected) in rows {
            assert_eq!(known().expand(word, '\\'), Ok(expected.to_owned()), "{word}");
        }
        assert_eq!(known().expand("${A%e}", '\\'), Err(Unknown));
    }

    #[test]
    fn the_environment_wins_over_arguments_and_may_be_that_of_an_image() {
        let mut variables = known();
        variables.environment("A=$C/\"x y\" D='$A'", '\\');
        assert_eq!(variables.expand("$D", '\\'), Ok("$A".to_owned()));
        variables.environment("E a  b $A", '\\');
        assert_eq!(variables.expand("$E", '\\').unwrap().split_whitespace().next(), Some("a"));
        variables.inherits = true;
        assert_eq!(variables.expand("$NONE", '\\'), Err(Unknown));
    }

    #[test]
    fn what_is_given_wins_over_defaults_and_global_ones_must_be_declared_again() {
        let given = BTreeMap::from([("A".to_owned(), "given".to_owned())]);
        let mut global = Variables::default();
        global.argument("A=1 G=2", &given, None, '\\');
        let mut stage = global.of_a_stage_on_top();
        assert_eq!(stage.expand("$G", '\\'), Ok(String::new()));
        stage.argument("A G TARGETARCH", &given, Some(&global), '\\');
        assert_eq!(stage.expand("$A$G", '\\'), Ok("given2".to_owned()));
        assert_eq!(stage.expand("$TARGETARCH", '\\'), Err(Unknown));
    }
}
