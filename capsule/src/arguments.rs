//! The command line, read by hand: a parser of arguments would be a tenth of the program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: jackin-capsule --socket PATH [--stop-timeout SECONDS] [--home PATH] [--home-dir NAME]...
       jackin-capsule shell [-c LINE]
       jackin-capsule --version";

/// What to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// The capsule.
    Run(Box<Settings>),
    /// The built-in shell, interactive or for one line.
    Shell { line: Option<String> },
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
    let mut socket = None;
    let mut stop_timeout = Duration::from_secs(8);
    let mut home = None;
    let mut home_dirs = Vec::new();
    while let Some(argument) = arguments.next() {
        let option = argument.to_string_lossy().into_owned();
        if option == "--version" {
            return Ok(Invocation::Print(format!("jackin-capsule {}", env!("CARGO_PKG_VERSION"))));
        }
        if option == "--help" {
            return Ok(Invocation::Print(USAGE.to_owned()));
        }
        if !matches!(option.as_str(), "--socket" | "--stop-timeout" | "--home" | "--home-dir") {
            return Err(ArgumentError::Unexpected(option));
        }
        let Some(value) = arguments.next() else {
            return Err(ArgumentError::MissingValue(option));
        };
        match option.as_str() {
            "--socket" => socket = Some(PathBuf::from(value)),
            "--home" => home = Some(PathBuf::from(value)),
            "--home-dir" => home_dirs.push(PathBuf::from(value)),
            _ => {
                let value = value.to_string_lossy();
                let seconds =
                    value.parse().map_err(|_| ArgumentError::BadValue { option, value: value.to_string() })?;
                stop_timeout = Duration::from_secs(seconds);
            }
        }
    }
    let socket = socket.ok_or(ArgumentError::MissingSocket)?;
    Ok(Invocation::Run(Box::new(Settings { socket, stop_timeout, home, home_dirs })))
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
        };
        let line =
            "--socket /jackin/run/jackin.sock --stop-timeout 3 --home /home/agent --home-dir .codex --home-dir .cache";
        assert_eq!(parsed(line), Ok(Invocation::Run(Box::new(settings))));
    }

    #[test]
    fn a_wrong_command_line_says_which_word_is_wrong() {
        assert_eq!(parsed(""), Err(ArgumentError::MissingSocket));
        assert_eq!(parsed("--socket"), Err(ArgumentError::MissingValue("--socket".to_owned())));
        assert_eq!(parsed("--sockets x"), Err(ArgumentError::Unexpected("--sockets".to_owned())));
        let bad = ArgumentError::BadValue { option: "--stop-timeout".to_owned(), value: "soon".to_owned() };
        assert_eq!(parsed("--socket s --stop-timeout soon"), Err(bad));
    }

    #[test]
    fn the_shell_takes_one_line_or_none() {
        assert_eq!(parsed("shell"), Ok(Invocation::Shell { line: None }));
        assert_eq!(parsed("shell -c ls"), Ok(Invocation::Shell { line: Some("ls".to_owned()) }));
    }
}
