//! The command line, read by hand: a parser of arguments would be a tenth of the program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jackin_api::wire::{Hook, Report, SessionState};

pub(crate) const USAGE: &str = "\
usage: jackin-capsule --socket PATH [--stop-timeout SECONDS] [--home PATH] [--home-dir NAME]... [--hook NAME=PATH]...
       jackin-capsule shell [-c LINE]
       jackin-capsule prelude --report DESCRIPTOR --hook NAME=PATH... -- PROGRAM [ARGUMENT]...
       jackin-capsule report --state STATE [--evidence TEXT] [--session ID]
       jackin-capsule connect --socket PATH
       jackin-capsule environment
       jackin-capsule --version";

/// What to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// The capsule.
    Run(Box<Settings>),
    /// The built-in shell, interactive or for one line.
    Shell { line: Option<String> },
    /// The hooks of one session, then its agent in the same process.
    Prelude(Prelude),
    /// What an agent's hook knows of its session.
    Report(Report),
    /// A connection to a capsule's socket, on standard input and output.
    Connect { socket: PathBuf },
    /// All variables that it was started with, each with a zero byte after it.
    Environment,
    /// Only a text.
    Print(String),
}

/// What the capsule is started with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where to serve.
    pub(crate) socket: PathBuf,
    /// How long sessions may take to stop before they are killed.
    pub(crate) stop_timeout: Duration,
    /// The home directory of sessions; the container's `HOME` when absent.
    pub(crate) home: Option<PathBuf>,
    /// Directories that should be in it.
    pub(crate) home_dirs: Vec<PathBuf>,
    /// What runs before the agent of each session.
    pub(crate) hooks: Vec<HookFile>,
}

/// A hook, and the file that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookFile {
    pub(crate) hook: Hook,
    pub(crate) path: PathBuf,
}

impl HookFile {
    /// As it stands on a command line.
    pub(crate) fn argument(&self) -> OsString {
        let mut argument = OsString::from(self.hook.name());
        argument.push("=");
        argument.push(&self.path);
        argument
    }

    fn parse(argument: &OsString) -> Option<Self> {
        let (name, path) = argument.to_str()?.split_once('=')?;
        Some(Self { hook: Hook::of_name(name)?, path: PathBuf::from(path) })
    }
}

/// What runs in the place of an agent whose role has hooks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prelude {
    /// The descriptor on which it tells how the hooks go.
    pub(crate) report: i32,
    /// The hooks, in their order.
    pub(crate) hooks: Vec<HookFile>,
    /// What to become after them.
    pub(crate) argv: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ArgumentError {
    MissingSocket,
    MissingValue(String),
    BadValue { option: String, value: String },
    Unexpected(String),
}

impl std::fmt::Display for ArgumentError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MissingSocket => write!(formatter, "--socket is required"),
            Self::MissingValue(option) => write!(formatter, "{option} needs a value"),
            Self::BadValue { option, value } => write!(formatter, "{option} does not take `{value}`"),
            Self::Unexpected(argument) => write!(formatter, "unexpected argument `{argument}`"),
        }
    }
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
    let mut arguments = arguments.peekable();
    if arguments.peek().is_some_and(|first| first == "shell") {
        return parse_shell(arguments.skip(1));
    }
    if arguments.peek().is_some_and(|first| first == "prelude") {
        return parse_prelude(arguments.skip(1));
    }
    if arguments.peek().is_some_and(|first| first == "report") {
        return parse_report(arguments.skip(1));
    }
    if arguments.peek().is_some_and(|first| first == "connect") {
        return parse_connect(arguments.skip(1));
    }
    if arguments.peek().is_some_and(|first| first == "environment") {
        return Ok(Invocation::Environment);
    }
    let mut socket = None;
    let mut stop_timeout = Duration::from_secs(8);
    let mut home = None;
    let mut home_dirs = Vec::new();
    let mut hooks = Vec::new();
    while let Some(argument) = arguments.next() {
        let option = argument.to_string_lossy().into_owned();
        if option == "--version" {
            return Ok(Invocation::Print(format!("jackin-capsule {}", env!("CARGO_PKG_VERSION"))));
        }
        if option == "--help" {
            return Ok(Invocation::Print(USAGE.to_owned()));
        }
        if !matches!(option.as_str(), "--socket" | "--stop-timeout" | "--home" | "--home-dir" | "--hook") {
            return Err(ArgumentError::Unexpected(option));
        }
        let Some(value) = arguments.next() else {
            return Err(ArgumentError::MissingValue(option));
        };
        match option.as_str() {
            "--socket" => socket = Some(PathBuf::from(value)),
            "--home" => home = Some(PathBuf::from(value)),
            "--home-dir" => home_dirs.push(PathBuf::from(value)),
            "--hook" => hooks.push(parse_hook(option, &value)?),
            _ => {
                let value = value.to_string_lossy();
                let seconds =
                    value.parse().map_err(|_| ArgumentError::BadValue { option, value: value.to_string() })?;
                stop_timeout = Duration::from_secs(seconds);
            }
        }
    }
    let socket = socket.ok_or(ArgumentError::MissingSocket)?;
    Ok(Invocation::Run(Box::new(Settings { socket, stop_timeout, home, home_dirs, hooks })))
}

fn parse_hook(option: String, value: &OsString) -> Result<HookFile, ArgumentError> {
    HookFile::parse(value)
        .ok_or_else(|| ArgumentError::BadValue { option, value: value.to_string_lossy().into_owned() })
}

fn parse_prelude(mut arguments: impl Iterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
    let mut report = None;
    let mut hooks = Vec::new();
    while let Some(argument) = arguments.next().filter(|argument| argument != "--") {
        let option = argument.to_string_lossy().into_owned();
        let Some(value) = arguments.next() else { return Err(ArgumentError::MissingValue(option)) };
        match option.as_str() {
            "--report" => report = value.to_string_lossy().parse().ok(),
            "--hook" => hooks.push(parse_hook(option, &value)?),
            _ => return Err(ArgumentError::Unexpected(option)),
        }
    }
    let report = report.ok_or_else(|| ArgumentError::MissingValue("--report".to_owned()))?;
    let argv = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    Ok(Invocation::Prelude(Prelude { report, hooks, argv }))
}

fn parse_report(mut arguments: impl Iterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
    let mut report = Report::default();
    let mut has_state = false;
    while let Some(argument) = arguments.next() {
        let option = argument.to_string_lossy().into_owned();
        let Some(value) = arguments.next() else { return Err(ArgumentError::MissingValue(option)) };
        let value = value.to_string_lossy().into_owned();
        match option.as_str() {
            "--state" => {
                report.state = state(&value).ok_or(ArgumentError::BadValue { option, value })?;
                has_state = true;
            }
            "--evidence" => report.evidence = value.chars().take(Report::EVIDENCE).collect(),
            "--session" => report.session = value,
            _ => return Err(ArgumentError::Unexpected(option)),
        }
    }
    if has_state { Ok(Invocation::Report(report)) } else { Err(ArgumentError::MissingValue("--state".to_owned())) }
}

/// A state by its word on the wire, of which a later version's is none here.
fn state(word: &str) -> Option<SessionState> {
    let state = serde_json::from_value(serde_json::Value::from(word)).ok()?;
    (state != SessionState::Unknown || word == "unknown").then_some(state)
}

fn parse_connect(mut arguments: impl Iterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
    match (arguments.next(), arguments.next()) {
        (Some(flag), Some(socket)) if flag == "--socket" => Ok(Invocation::Connect { socket: PathBuf::from(socket) }),
        (Some(flag), None) if flag == "--socket" => Err(ArgumentError::MissingValue("--socket".to_owned())),
        (None, _) => Err(ArgumentError::MissingSocket),
        (Some(other), _) => Err(ArgumentError::Unexpected(other.to_string_lossy().into_owned())),
    }
}

fn parse_shell(mut arguments: impl Iterator<Item = OsString>) -> Result<Invocation, ArgumentError> {
    match arguments.next() {
        None => Ok(Invocation::Shell { line: None }),
        Some(flag) if flag == "-c" => match arguments.next() {
            Some(line) => Ok(Invocation::Shell { line: Some(line.to_string_lossy().into_owned()) }),
            None => Err(ArgumentError::MissingValue("-c".to_owned())),
        },
        Some(other) => Err(ArgumentError::Unexpected(other.to_string_lossy().into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, ArgumentError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_option_is_read() {
        let settings = Settings {
            socket: "/jackin/run/jackin.sock".into(),
            stop_timeout: Duration::from_secs(3),
            home: Some("/home/agent".into()),
            home_dirs: vec![".codex".into(), ".cache".into()],
            hooks: vec![HookFile { hook: Hook::Preflight, path: "/jackin/hooks/preflight".into() }],
        };
        let line = "--socket /jackin/run/jackin.sock --stop-timeout 3 --home /home/agent --home-dir .codex \
                    --home-dir .cache --hook preflight=/jackin/hooks/preflight";
        assert_eq!(parsed(line), Ok(Invocation::Run(Box::new(settings))));
    }

    #[test]
    fn a_wrong_command_line_says_which_word_is_wrong() {
        assert_eq!(parsed(""), Err(ArgumentError::MissingSocket));
        assert_eq!(parsed("--socket"), Err(ArgumentError::MissingValue("--socket".to_owned())));
        assert_eq!(parsed("--sockets x"), Err(ArgumentError::Unexpected("--sockets".to_owned())));
        let unknown = ArgumentError::BadValue { option: "--hook".to_owned(), value: "x=/y".to_owned() };
        assert_eq!(parsed("--socket s --hook x=/y"), Err(unknown));
        let bad = ArgumentError::BadValue { option: "--stop-timeout".to_owned(), value: "soon".to_owned() };
        assert_eq!(parsed("--socket s --stop-timeout soon"), Err(bad));
    }

    #[test]
    fn a_prelude_has_hooks_and_what_comes_after_them() {
        let hooks = vec![HookFile { hook: Hook::Source, path: "/s".into() }];
        let prelude = Prelude { report: 7, hooks, argv: vec!["codex".to_owned(), "--yes".to_owned()] };
        assert_eq!(parsed("prelude --report 7 --hook source=/s -- codex --yes"), Ok(Invocation::Prelude(prelude)));
    }

    #[test]
    fn a_report_has_a_state_that_is_known() {
        let report = Report { state: SessionState::WaitingForInput, evidence: "Stop".to_owned(), ..Report::default() };
        assert_eq!(parsed("report --state waiting-for-input --evidence Stop"), Ok(Invocation::Report(report)));
        let bad = ArgumentError::BadValue { option: "--state".to_owned(), value: "dreaming".to_owned() };
        assert_eq!(parsed("report --state dreaming"), Err(bad));
        assert_eq!(parsed("report --evidence Stop"), Err(ArgumentError::MissingValue("--state".to_owned())));
        assert_eq!(parsed("report --state"), Err(ArgumentError::MissingValue("--state".to_owned())));
    }

    #[test]
    fn a_connection_needs_a_socket_and_nothing_else() {
        assert_eq!(parsed("connect --socket /s"), Ok(Invocation::Connect { socket: "/s".into() }));
        assert_eq!(parsed("connect"), Err(ArgumentError::MissingSocket));
        assert_eq!(parsed("connect --to /s"), Err(ArgumentError::Unexpected("--to".to_owned())));
    }

    #[test]
    fn the_shell_takes_one_line_or_none() {
        assert_eq!(parsed("shell"), Ok(Invocation::Shell { line: None }));
        assert_eq!(parsed("shell -c ls"), Ok(Invocation::Shell { line: Some("ls".to_owned()) }));
    }
}
