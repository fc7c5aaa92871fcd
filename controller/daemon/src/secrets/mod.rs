//! Secrets: reading what references lead to, at the moment when a session needs it.
//!
//! Nothing is kept: a value goes from here to the capsule and is overwritten. Which variables a session has is resolved in
//! `jackin-plan`, by reference only.
//!
//! # Guarantees
//!
//! - All references are read at once, each in bounded time; a reference that several variables share is read once.
//! - No value is in an error, a log line or a `Debug` output, and what a `cmd://` reference prints besides is not either.
//! - A program that was started for a reference is gone when its time is over or nobody waits any more, children included.

mod program;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jackin_api::kinds::{Reference, ValueSource};
use secrecy::SecretString;
use tokio::time::Instant;

/// Bytes that a value may have.
const VALUE_BYTES: usize = 64 * 1024;

/// What references may do, and from where they read.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether `cmd://` references run.
    pub allow_commands: bool,
    /// Time that each reference has.
    pub timeout: Duration,
    /// The program of 1Password.
    pub one_password: String,
    /// The program of GitHub.
    pub github: String,
    /// Reads a variable of the environment that `env://` means.
    pub environment: fn(&str) -> Option<String>,
}

impl Policy {
    /// Name of the variable that enables `cmd://` references with the value `1`.
    pub const ALLOW_COMMANDS: &str = "JACKIN_ALLOW_CMD_REFERENCES";

    /// The operator's own policy, from the daemon's environment.
    pub fn from_environment() -> Self {
        let environment = |name: &str| std::env::var(name).ok();
        Self {
            allow_commands: environment(Self::ALLOW_COMMANDS).as_deref() == Some("1"),
            timeout: Duration::from_secs(30),
            one_password: "op".to_owned(),
            github: "gh".to_owned(),
            environment,
        }
    }
}

/// Values, by variable.
#[derive(Debug, Default)]
pub struct Resolution {
    /// The values. They are overwritten when they are dropped.
    pub values: BTreeMap<String, SecretString>,
    /// How long each reference took.
    pub timings: Vec<Timing>,
}

/// How long a reference took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The reference.
    pub reference: Reference,
    /// The variables that it is for, sorted.
    pub variables: Vec<String>,
    /// How long.
    pub duration: Duration,
}

/// A reference that gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read `{reference}` for the variable `{variable}`: {reason}")]
pub struct ReferenceFailure {
    /// The variable that it is for.
    pub variable: String,
    /// The reference.
    pub reference: Reference,
    /// Why.
    pub reason: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// Why a reference gave no value, for every variable that it is for.
#[derive(Clone, Debug)]
struct Failure {
    reason: String,
    hint: Option<String>,
}

impl Failure {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads all values.
///
/// # Errors
/// Every reference that gave none, sorted by variable; no value is given then.
pub async fn resolve(
    sources: &BTreeMap<String, ValueSource>,
    policy: &Policy,
) -> Result<Resolution, Vec<ReferenceFailure>> {
    let mut resolution = Resolution::default();
    let mut wanted: BTreeMap<&Reference, Vec<&String>> = BTreeMap::new();
    for (variable, ValueSource { value, from }) in sources {
        if let Some(reference) = from {
            wanted.entry(reference).or_default().push(variable);
        } else {
            let value = SecretString::from(value.clone().unwrap_or_default());
            resolution.values.insert(variable.clone(), value);
        }
    }
    let reads = wanted.into_iter().map(async |(reference, variables)| {
        let start = Instant::now();
        let read = tokio::time::timeout(policy.timeout, read::read(reference, policy)).await;
        (reference, variables, read.unwrap_or_else(|_| Err(late(policy.timeout))), start.elapsed())
    });
    let mut failures = Vec::new();
    for (reference, variables, result, duration) in join_all(reads).await {
        let names = variables.iter().map(|variable| (*variable).clone());
        resolution.timings.push(Timing { reference: reference.clone(), variables: names.clone().collect(), duration });
        match result {
            Ok(value) => resolution.values.extend(names.map(|name| (name, value.clone()))),
            Err(Failure { reason, hint }) => failures.extend(names.map(|variable| ReferenceFailure {
                variable,
                reference: reference.clone(),
                reason: reason.clone(),
                hint: hint.clone(),
            })),
        }
    }
    failures.sort_by(|left, right| left.variable.cmp(&right.variable));
    if failures.is_empty() { Ok(resolution) } else { Err(failures) }
}

/// The token that the operator is signed in to GitHub with, as the program of GitHub gives it.
///
/// # Errors
/// Why there is none, and what to do about it; what the program printed is in it only as far as it complained.
pub async fn github_token(policy: &Policy) -> Result<SecretString, String> {
    let read = tokio::time::timeout(policy.timeout, read::github_token(policy)).await;
    let Failure { reason, hint } = match read.unwrap_or_else(|_| Err(late(policy.timeout))) {
        Ok(token) => return Ok(token),
        Err(failure) => failure,
    };
    Err(hint.map_or_else(|| reason.clone(), |hint| format!("{reason}; {hint}")))
}

fn late(timeout: Duration) -> Failure {
    Failure::new(format!("it took longer than {} s", timeout.as_secs()))
        .with_hint("a program that asks a person cannot be answered here: sign in beforehand")
}

#[cfg(test)]
mod tests;
