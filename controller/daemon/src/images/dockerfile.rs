//! The little of a Dockerfile that must be known before it is built: which images it starts from.
//!
//! Everything else of it is the engine's. A later parser that tells which files are copied has its place here.

use std::collections::BTreeMap;

/// References of all images that a Dockerfile takes something from, sorted, without earlier stages and `scratch`.
///
/// Arguments that are declared before the first `FROM` are put in; one without a default stays as written.
pub(super) fn bases(text: &str) -> Vec<String> {
    let mut arguments = BTreeMap::new();
    let mut stages: Vec<String> = Vec::new();
    let mut bases = std::collections::BTreeSet::new();
    let mut before_first = true;
    for instruction in instructions(text) {
        let mut words = instruction.split_whitespace();
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        let words: Vec<&str> = words.collect();
        let mut references = Vec::new();
        match name.as_str() {
            "ARG" if before_first => {
                for word in &words {
                    if let Some((name, value)) = word.split_once('=') {
                        let value = substitute(unquote(value), &arguments);
                        arguments.insert(name.to_owned(), value);
                    }
                }
            }
            "FROM" => {
                before_first = false;
                let plain: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
                references.extend(plain.first().map(|word| substitute(unquote(word), &arguments)));
                let named = plain.get(1).is_some_and(|word| word.eq_ignore_ascii_case("as"));
                let stage = plain.get(2).filter(|_| named).map(|word| word.to_ascii_lowercase());
                add(&mut bases, references, &stages);
                stages.push(stage.unwrap_or_default());
                continue;
            }
            "COPY" | "ADD" => {
                references.extend(words.iter().filter_map(|word| word.strip_prefix("--from=")).map(String::from))
            }
            "RUN" => references.extend(
                words
                    .iter()
                    .filter_map(|word| word.strip_prefix("--mount="))
                    .flat_map(|mount| mount.split(','))
                    .filter_map(|part| part.strip_prefix("from="))
                    .map(String::from),
            ),
            _ => {}
        }
        add(&mut bases, references, &stages);
    }
    bases.into_iter().collect()
}

fn add(bases: &mut std::collections::BTreeSet<String>, references: Vec<String>, stages: &[String]) {
    for reference in references {
        let is_stage = stages.contains(&reference.to_ascii_lowercase()) || reference.parse::<usize>().is_ok();
        if !reference.is_empty() && reference != "scratch" && !is_stage {
            bases.insert(reference);
        }
    }
}

/// Instructions with their continued lines joined, without comments and the bodies of heredocs.
fn instructions(text: &str) -> Vec<String> {
    let escape = escape_character(text);
    let mut instructions = Vec::new();
    let mut current = String::new();
    let mut heredocs: Vec<(String, bool)> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        if let Some((end, indented)) = heredocs.first() {
            let found = if *indented { line.trim_start_matches('\t') } else { line };
            if found == end {
                heredocs.remove(0);
            }
            continue;
        }
        let trimmed = line.trim();
        if trimmed.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        match trimmed.strip_suffix(escape) {
            Some(continued) => {
                current.push_str(continued);
                current.push(' ');
            }
            None => {
                current.push_str(trimmed);
                heredocs = heredocs_of(&current);
                instructions.push(std::mem::take(&mut current));
            }
        }
    }
    if !current.is_empty() {
        instructions.push(current);
    }
    instructions
}

fn escape_character(text: &str) -> char {
    let directives = text.lines().take_while(|line| line.trim_start().starts_with('#'));
    let mut values = directives.filter_map(|line| {
        let (name, value) = line.trim_start().trim_start_matches('#').split_once('=')?;
        name.trim().eq_ignore_ascii_case("escape").then(|| value.trim().to_owned())
    });
    if values.next().as_deref() == Some("`") { '`' } else { '\\' }
}

/// The ends of the heredocs that an instruction opens, and whether tabs may stand before each.
fn heredocs_of(instruction: &str) -> Vec<(String, bool)> {
    let name = instruction.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    if !matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let words =
        instruction.split_whitespace().filter_map(|word| word.trim_start_matches(char::is_numeric).strip_prefix("<<"));
    words
        .filter_map(|word| {
            let indented = word.starts_with('-');
            let end = unquote(word.trim_start_matches('-'));
            let plain = !end.is_empty()
                && end.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character));
            plain.then(|| (end.to_owned(), indented))
        })
        .collect()
}

fn unquote(text: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

/// Puts arguments in for `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+value}`.
fn substitute(text: &str, arguments: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (expression, remaining) = braced.unwrap_or_else(|| {
            let end = after.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            after.split_at(end.unwrap_or(after.len()))
        });
        let name_end = expression.find([':', '-', '+']).unwrap_or(expression.len());
        let (name, operation) = expression.split_at(name_end);
        let value = arguments.get(name).filter(|value| !value.is_empty());
        let operation = operation.strip_prefix(':').unwrap_or(operation);
        match (value, operation.split_at_checked(1)) {
            (Some(_), Some(("+", instead))) => result.push_str(instead),
            (None, Some(("+", _))) => {}
            (Some(value), _) => result.push_str(value),
            (None, Some(("-", default))) => result.push_str(default),
            (None, _) => result.push_str(&rest[at..rest.len() - remaining.len()]),
        }
        rest = remaining;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::bases;

    #[test]
    fn stages_and_scratch_are_no_bases() {
        let text = "FROM --platform=linux/amd64 golang:1 AS Build\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\nCOPY --from=busybox:1 /c /c\nRUN --mount=type=bind,from=tools:2,target=/t true\n";
        assert_eq!(bases(text), ["busybox:1", "golang:1", "tools:2"]);
    }

    #[test]
    fn arguments_before_the_first_from_are_put_in() {
        let text = "ARG TAG=\"bookworm\"\nARG NAME=debian\nFROM ${NAME}:$TAG\nFROM a:${NONE:-x}\nFROM b:${TAG:+y}\nFROM c:$OPEN\n";
        assert_eq!(bases(text), ["a:x", "b:y", "c:$OPEN", "debian:bookworm"]);
    }

    #[test]
    fn comments_continued_lines_and_heredocs_hide_no_from_and_add_none() {
        let text = "# FROM no\nfrom \\\n  # between\n  one\nRUN <<EOF cat\nFROM body\nEOF\nRUN echo \"FROM text\" \\\nFROM words\nFROM two as x\n";
        assert_eq!(bases(text), ["one", "two"]);
    }
}
