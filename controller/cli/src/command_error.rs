//! What goes wrong, as the person reads it and as the exit code says it.
//!
//! Every command ends in a number or in one [`CommandError`]. How it looks on the terminal is [`console`](crate::console)'s.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jackin_daemon::client::{ConnectError, RequestError};
use jackin_daemon::home::HomeError;
use kube::core::Status;

use crate::manifest::Source;
use crate::{namespace, text};

/// What to look at where the controller went away.
const BROKEN: &str =
    "`jackin controller status` says whether it runs; its log is in `run/daemon.log` of the state directory";

/// What to look at where two programs do not understand each other.
pub(crate) const OF_ONE_VERSION: &str = "`jackin version` tells whether program and controller are of one version";

/// Kinds of failures. The number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ErrorKind {
    /// Whoever read the output went away: no failure, and nobody to tell.
    Unheard = 0,
    /// It was tried and did not work.
    Failed = 1,
    /// What was typed or written is wrong; nothing was changed.
    BadInput = 2,
    /// It is not ready in time.
    NotReady = 3,
    /// The controller or the engine does not answer.
    Unreachable = 4,
    /// Somebody else changed it, or consent is needed.
    Conflict = 5,
}

/// A command's failure: at least one diagnostic, but for one that is unheard.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: ErrorKind,
    diagnostics: Vec<Diagnostic>,
}

/// One thing that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Diagnostic {
    /// What is wrong, with the names.
    pub(crate) message: String,
    /// Where, when it is in a file.
    pub(crate) place: Option<Place>,
    /// Why, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to do, one line each.
    pub(crate) hints: Vec<String>,
}

/// A place in a file of objects.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The file.
    pub(crate) source: Arc<Source>,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// Path of the field; empty for the document itself.
    pub(crate) field: String,
}

impl CommandError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::of(kind, vec![Diagnostic::new(message)])
    }

    /// A failure of several diagnostics.
    pub(crate) fn of(kind: ErrorKind, diagnostics: Vec<Diagnostic>) -> Self {
        Self { kind, diagnostics }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// What was waited for is not so in time: `what`, and then what is missing, which may not be known yet.
    pub(crate) fn late(what: &str, timeout: Duration, missing: Vec<Diagnostic>) -> Self {
        let message = match timeout {
            Duration::ZERO => format!("{what} yet"),
            timeout => format!("{what} within {}", text::brief(timeout)),
        };
        let hints = vec!["the controller goes on; `jackin wait --timeout DURATION` waits longer".to_owned()];
        let headline = Diagnostic { hints, ..Diagnostic::new(message) };
        Self::of(ErrorKind::NotReady, std::iter::once(headline).chain(missing).collect())
    }

    /// Several failures as one, of the kind that all of them are of, if they are.
    pub(crate) fn together(errors: Vec<Self>) -> Option<Self> {
        let kind = errors.first()?.kind;
        let kind = if errors.iter().all(|error| error.kind == kind) { kind } else { ErrorKind::Failed };
        Some(Self::of(kind, errors.into_iter().flat_map(Self::into_diagnostics).collect()))
    }

    /// With the namespace in the commands that its hints name.
    #[must_use]
    pub(crate) fn in_namespace(mut self, namespace: &str) -> Self {
        for hint in self.diagnostics.iter_mut().flat_map(|diagnostic| &mut diagnostic.hints) {
            *hint = namespace::say_another(hint, namespace);
        }
        self
    }

    /// With what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.last_mut() {
            last.hints.push(hint.into());
        }
        self
    }

    /// With why.
    #[must_use]
    pub(crate) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        if let Some(last) = self.diagnostics.last_mut() {
            last.causes.extend(chain(error));
        }
        self
    }

    /// What is wrong, in one line.
    pub(crate) fn brief(&self) -> String {
        self.diagnostics.first().map(|first| first.message.clone()).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.kind as u8
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl Diagnostic {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// An error and its causes, without those that only repeat what was said.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
}

/// Words for an answer of the API that is a refusal.
fn refusal(status: &Status) -> CommandError {
    let details = status.details.as_ref();
    let name = details.map(|details| details.name.as_str()).unwrap_or_default();
    let kind = details.map(|details| details.kind.as_str()).unwrap_or_default();
    let singular = crate::resource::find(kind).map_or(kind, |resource| resource.singular);
    match status.code {
        404 if !name.is_empty() => {
            let error = CommandError::failed(format!("{singular} `{name}` not found"));
            match crate::resource::find(kind) {
                Some(resource) => error.hint(format!("`jackin get {}` lists those that are there", resource.plural)),
                None => error,
            }
        }
        409 if status.reason == "AlreadyExists" => {
            CommandError::new(ErrorKind::Conflict, format!("{singular} `{name}` exists already"))
                .hint("somebody else made it at the same time; run the command again")
        }
        409 if status.reason == "NotRunning" => CommandError::failed(status.message.clone()),
        409 => CommandError::new(ErrorKind::Conflict, status.message.clone())
            .hint("somebody else changed it at the same time; run the command again"),
        400 | 413 | 415 | 422 => CommandError::bad_input(status.message.clone()),
        503 | 504 => CommandError::new(ErrorKind::Unreachable, status.message.clone())
            .hint("`jackin doctor` tells what the controller finds and what to do"),
        _ if status.message.is_empty() => CommandError::failed(format!("the controller answered {}", status.code)),
        _ => CommandError::failed(status.message.clone()),
    }
}

impl From<kube::Error> for CommandError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => refusal(status),
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                Self::new(ErrorKind::Unreachable, "the connection to the controller broke")
                    .caused_by(&error)
                    .hint(BROKEN)
            }
            _ => {
                Self::failed("the controller gave an answer that cannot be used").caused_by(&error).hint(OF_ONE_VERSION)
            }
        }
    }
}

impl From<RequestError> for CommandError {
    fn from(error: RequestError) -> Self {
        match &error {
            RequestError::Refused { status } => refusal(status),
            RequestError::Transport { .. } => {
                Self::new(ErrorKind::Unreachable, "the connection to the controller broke")
                    .caused_by(&error)
                    .hint(BROKEN)
            }
            RequestError::Malformed { .. } => {
                Self::failed("the controller gave an answer that cannot be used").caused_by(&error).hint(OF_ONE_VERSION)
            }
        }
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        let hint = match &error {
            ConnectError::NotRunning { .. } => "`jackin controller start` starts it",
            ConnectError::Socket { .. } => "the socket belongs to the user who runs the controller; is that you?",
            ConnectError::Home { .. } => "name a state directory that you may write to, with `--home` or JACKIN_HOME",
            ConnectError::Spawn(_) | ConnectError::Ended { .. } | ConnectError::TimedOut { .. } => {
                "`jackin controller run` runs it in front of you"
            }
        };
        let mut texts = chain(&error).into_iter();
        let message = format!("failed to {}", texts.next().unwrap_or_default());
        let mut causes: Vec<_> = texts.collect();
        causes.extend(error.log().iter().cloned());
        let diagnostic = Diagnostic { message, place: None, causes, hints: vec![hint.to_owned()] };
        Self::of(ErrorKind::Unreachable, vec![diagnostic])
    }
}

impl From<HomeError> for CommandError {
    fn from(error: HomeError) -> Self {
        let kind = match error {
            HomeError::OwnerMalformed { .. } | HomeError::Unset => ErrorKind::BadInput,
            HomeError::Io(_) => ErrorKind::Failed,
        };
        let mut texts = chain(&error).into_iter();
        let message = texts.next().unwrap_or_default();
        let causes = texts.collect();
        let hints = vec!["name the state directory with `--home` or JACKIN_HOME".to_owned()];
        let diagnostic = Diagnostic { message, place: None, causes, hints };
        Self::of(kind, vec![diagnostic])
    }
}

/// Errors of writing to standard output. A reader that went away is no error to tell anybody about.
impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::of(ErrorKind::Unheard, Vec::new());
        }
        Self::failed("input or output failed").caused_by(&error)
    }
}
