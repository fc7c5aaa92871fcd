//! The secrets of a build: read when it runs, and kept out of what it prints.

use std::collections::BTreeMap;

use jackin_api::kinds::ValueSource;
use secrecy::{ExposeSecret, SecretString};

use super::SecretOrigin;
use crate::docker::{BuildProgress, EngineError, EngineErrorCause};
use crate::secrets::{Policy, ReferenceFailure, github_token, resolve};

/// What stands in the place of a secret.
const REDACTED: &str = "***";

/// A line of a secret with fewer bytes than this is left in what is printed: hiding each `}` of a key hides everything and nothing.
const TELLING: usize = 4;

/// Secrets that were read, and what was not given for want of a value.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) values: BTreeMap<String, SecretString>,
    /// What to tell whoever reads the build's output.
    pub(super) notes: Vec<String>,
}

/// A secret that a build needs and that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{id}`: {why}")]
pub struct SecretFailure {
    /// Its id.
    pub id: String,
    /// Why, with what to do about it.
    pub why: String,
}

/// Reads what a build needs, all at once.
///
/// # Errors
/// The first secret in the order of their ids that is needed and could not be read.
pub(super) async fn read(origins: &BTreeMap<String, SecretOrigin>, policy: &Policy) -> Result<Read, SecretFailure> {
    let declared = origins.iter().filter_map(|(id, origin)| match origin {
        SecretOrigin::Declared(from) => Some((id.clone(), ValueSource { value: None, from: Some(from.clone()) })),
        SecretOrigin::GitHub { .. } => None,
    });
    let declared: BTreeMap<_, _> = declared.collect();
    let resolution = resolve(&declared, policy).await.map_err(|failures| failure(&failures))?;
    let mut read = Read { values: resolution.values, notes: Vec::new() };
    for (id, origin) in origins {
        let SecretOrigin::GitHub { required } = origin else { continue };
        match (github_token(policy).await, required) {
            (Ok(token), _) => _ = read.values.insert(id.clone(), token),
            (Err(why), true) => return Err(SecretFailure { id: id.clone(), why }),
            (Err(why), false) => read.notes.push(format!("built without the secret `{id}`: {why}")),
        }
    }
    Ok(read)
}

fn failure(failures: &[ReferenceFailure]) -> SecretFailure {
    let Some(ReferenceFailure { variable, reference, reason, hint }) = failures.first() else {
        return SecretFailure { id: String::new(), why: "it could not be read".to_owned() };
    };
    let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    SecretFailure { id: variable.clone(), why: format!("read `{reference}`: {reason}{hint}") }
}

/// Puts three stars in the place of secrets, as far as they are printed as they are.
pub(super) struct Redactor(Vec<SecretString>);

impl Redactor {
    /// For these values. One of several lines is recognised line by line, as that is how output is told.
    pub(super) fn of(values: &BTreeMap<String, SecretString>) -> Self {
        let lines = values.values().flat_map(|value| {
            let lines: Vec<_> = value.expose_secret().lines().map(str::trim).collect();
            let telling = |line: &&str| line.len() >= TELLING || (lines.len() == 1 && !line.is_empty());
            lines.iter().copied().filter(telling).map(SecretString::from).collect::<Vec<_>>()
        });
        let mut lines: Vec<_> = lines.collect();
        // One that holds another goes first, or a part of it stays.
        lines.sort_by_key(|line| std::cmp::Reverse(line.expose_secret().len()));
        Self(lines)
    }

    fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), REDACTED))
    }

    /// News of a build without them.
    pub(super) fn news(&self, news: BuildProgress) -> BuildProgress {
        match news {
            BuildProgress::Line(line) => BuildProgress::Line(self.text(&line)),
            BuildProgress::Step(mut step) => {
                step.instruction = self.text(&step.instruction);
                BuildProgress::Step(step)
            }
        }
    }

    /// A failure without them.
    pub(super) fn error(&self, mut error: EngineError) -> EngineError {
        if let EngineErrorCause::BuildFailed { instruction, exit_code: _, message, tail } = &mut error.cause {
            *instruction = instruction.take().map(|instruction| self.text(&instruction));
            *message = self.text(message);
            tail.iter_mut().for_each(|line| *line = self.text(line));
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(values: &[&str]) -> Redactor {
        let values = values.iter().enumerate();
        Redactor::of(&values.map(|(id, value)| (id.to_string(), SecretString::from(*value))).collect())
    }

    #[test]
    fn secrets_are_not_in_what_is_told_whole_or_line_by_line() {
        let redactor = redactor(&["hunter2", "hunter2-long", "-----BEGIN\nabcdef\n}\n", "x"]);
        assert_eq!(redactor.text("a hunter2-long b hunter2 {abcdef}"), "a *** b *** {***}");
        assert_eq!(redactor.text("max"), "ma***");
        let step =
            jackin_plan::world::BuildStep { instruction: "RUN hunter2".to_owned(), duration_ms: 1, cached: false };
        let BuildProgress::Step(step) = redactor.news(BuildProgress::Step(step)) else { panic!("a step") };
        assert_eq!(step.instruction, "RUN ***");
    }

    #[tokio::test]
    async fn the_token_of_github_is_asked_for_only_when_it_is_wanted() {
        let policy = Policy { github: "/nonexistent/gh".to_owned(), ..Policy::from_environment() };
        let origins = |required| BTreeMap::from([("github_token".to_owned(), SecretOrigin::GitHub { required })]);
        assert_eq!(read(&BTreeMap::new(), &policy).await.unwrap().notes, Vec::<String>::new());
        let read_without = read(&origins(false), &policy).await.unwrap();
        assert!(read_without.values.is_empty() && read_without.notes[0].contains("`github_token`"));
        let failure = read(&origins(true), &policy).await.unwrap_err();
        assert!(failure.to_string().contains("spec.build.secrets"), "{failure}");
    }
}
