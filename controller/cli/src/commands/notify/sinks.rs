//! Who is told of a change: a command, a webhook, the desktop, or standard output.
//!
//! A webhook goes through the operator's own curl, with its proxy and certificates, which is given the address and the content on its
//! standard input: an address may be a secret, and arguments are seen by everybody on the machine.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::changes::Change;
use super::{Arguments, Format};
use crate::command_error::CommandError;
use crate::console::Console;

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(60);

/// How long a webhook may take to answer, in seconds.
const ANSWER: u64 = 10;

/// The pauses between the tries of a webhook, in seconds.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

/// See the module.
#[derive(Debug)]
pub(super) enum Sink {
    Command(Vec<String>),
    Webhook(String),
    Desktop(Desktop),
    Print { json: bool },
}

/// The program by which a desktop is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desktop {
    NotifySend,
    OsaScript,
}

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    /// The program could not be run.
    #[error("run `{program}`: {source}")]
    Run {
        /// Its name.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended badly.
    #[error("`{program}` ended with {status}{said}")]
    Ended {
        /// Its name.
        program: String,
        /// How.
        status: std::process::ExitStatus,
        /// What it said.
        said: String,
    },
    /// It took too long, and was ended.
    #[error("`{program}` took more than {} seconds", COMMAND.as_secs())]
    Timeout {
        /// Its name.
        program: String,
    },
}

impl Sink {
    /// What was asked for.
    ///
    /// # Errors
    /// When the address cannot be one, or there is no program to notify the desktop with.
    pub(super) fn of(arguments: &Arguments) -> Result<Self, CommandError> {
        if let Some(url) = &arguments.webhook {
            let is_address = url.starts_with("https://") || url.starts_with("http://");
            if !is_address || url.contains(|character: char| character.is_control() || character.is_whitespace()) {
                return Err(CommandError::bad_input("not an address of a webhook")
                    .hint("write it as in `https://hooks.example/T000`"));
            }
            return Ok(Self::Webhook(url.clone()));
        }
        if arguments.desktop {
            let known = [("notify-send", Desktop::NotifySend), ("osascript", Desktop::OsaScript)];
            let found = known.into_iter().find(|(program, _)| is_installed(program));
            return found.map(|(_, desktop)| Self::Desktop(desktop)).ok_or_else(|| {
                CommandError::failed("neither `notify-send` nor `osascript` is there to notify the desktop with")
                    .hint("install one, or name a command as in `jackin notify -- COMMAND`")
            });
        }
        if arguments.command.is_empty() {
            return Ok(Self::Print { json: arguments.output == Some(Format::Json) });
        }
        Ok(Self::Command(arguments.command.clone()))
    }

    /// Tells of one change.
    pub(super) async fn tell(&self, change: &Change, console: &Console) -> Result<(), SinkError> {
        // A change is strings and a time.
        let json = serde_json::to_string(change).unwrap_or_default();
        match self {
            Self::Command(argv) => {
                let (program, arguments) = argv.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
                let mut command = Command::new(program);
                command.args(arguments).envs(variables(change));
                finish(program, command, &json, Output::Passed).await
            }
            Self::Webhook(url) => post(url, &json).await,
            Self::Desktop(desktop) => {
                let (program, arguments) = desktop_command(*desktop, &change.headline(), &change.evidence);
                let mut command = Command::new(program);
                command.args(arguments);
                finish(program, command, "", Output::Kept).await
            }
            Self::Print { json: true } => print(console, &json),
            Self::Print { json: false } => print(console, &format!("{} ({})", change.headline(), change.evidence)),
        }
    }
}

fn print(console: &Console, line: &str) -> Result<(), SinkError> {
    let failed = |error: CommandError| {
        let said = error.diagnostics().first().map_or_else(String::new, |diagnostic| diagnostic.message.clone());
        SinkError::Run { program: "print".to_owned(), source: std::io::Error::other(said) }
    };
    console.line(line).map_err(failed)
}

/// What a command is told in its environment.
fn variables(change: &Change) -> [(&'static str, String); 8] {
    let Change { namespace, instance, session, agent, state, was, evidence, since } = change;
    [
        ("JACKIN_NAMESPACE", namespace.clone()),
        ("JACKIN_INSTANCE", instance.clone()),
        ("JACKIN_SESSION_NAME", session.clone()),
        ("JACKIN_AGENT", agent.clone()),
        ("JACKIN_STATE", state.clone()),
        ("JACKIN_WAS", was.clone().unwrap_or_default()),
        ("JACKIN_EVIDENCE", evidence.clone()),
        ("JACKIN_SINCE", since.map(|since| since.to_string()).unwrap_or_default()),
    ]
}

fn desktop_command(desktop: Desktop, title: &str, body: &str) -> (&'static str, Vec<String>) {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match desktop {
        // Bodies are markup for some desktops.
        Desktop::NotifySend => {
            let body = body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            ("notify-send", owned(&["--app-name=jackin", "--", title, &body]))
        }
        Desktop::OsaScript => {
            let script = "display notification (item 2 of argv) with title (item 1 of argv)";
            ("osascript", owned(&["-e", "on run argv", "-e", script, "-e", "end run", title, body]))
        }
    }
}

async fn post(url: &str, json: &str) -> Result<(), SinkError> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let mut command = Command::new("curl");
        command.args(["--config", "-"]);
        match (finish("curl", command, &curl_config(url, json), Output::Kept).await, pauses.next()) {
            (Ok(()), _) => return Ok(()),
            (Err(error @ SinkError::Run { .. }), _) | (Err(error), None) => return Err(error),
            (Err(_), Some(pause)) => tokio::time::sleep(Duration::from_secs(pause)).await,
        }
    }
}

/// What curl is told.
fn curl_config(url: &str, json: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!(
        "url = {}\nrequest = POST\nheader = \"content-type: application/json\"\ndata-binary = {}\nsilent\nshow-error\nfail\n\
         globoff\nproto = \"=http,https\"\noutput = /dev/null\nmax-time = {ANSWER}\n",
        quoted(url),
        quoted(json)
    )
}

/// What becomes of what a program prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    /// It is the person's.
    Passed,
    /// It is told when the program fails.
    Kept,
}

/// Runs a program to its end, with a text on its standard input.
async fn finish(program: &str, mut command: Command, input: &str, output: Output) -> Result<(), SinkError> {
    let failed = |source| SinkError::Run { program: program.to_owned(), source };
    let kept = || if output == Output::Kept { Stdio::piped() } else { Stdio::inherit() };
    command.stdin(Stdio::piped()).stdout(kept()).stderr(kept()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let stdin = child.stdin.take();
    let give = async {
        if let Some(mut stdin) = stdin {
            // A command need not read it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let both = async { tokio::join!(give, child.wait_with_output()).1 };
    let Ok(ended) = tokio::time::timeout(COMMAND, both).await else {
        return Err(SinkError::Timeout { program: program.to_owned() });
    };
    let ended = ended.map_err(failed)?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let said = said.lines().next().map(|line| format!(": {line}")).unwrap_or_default();
    Err(SinkError::Ended { program: program.to_owned(), status: ended.status, said })
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_no_markup_and_no_option() {
        let (program, arguments) = desktop_command(Desktop::NotifySend, "--help", "<b>a & b</b>");
        assert_eq!(
            (program, arguments[1..].join(" ").as_str()),
            ("notify-send", "-- --help &lt;b&gt;a &amp; b&lt;/b&gt;")
        );
        let (program, arguments) = desktop_command(Desktop::OsaScript, "title", "\" & do shell script \"rm\"");
        assert_eq!((program, arguments.last().map(String::as_str)), ("osascript", Some("\" & do shell script \"rm\"")));
    }

    #[test]
    fn an_address_and_a_content_stay_within_their_quotes() {
        let config = curl_config("https://h/\"x", "{\"a\":\"b\\n\"}");
        assert!(config.starts_with("url = \"https://h/\\\"x\"\n"), "{config}");
        assert!(config.contains("data-binary = \"{\\\"a\\\":\\\"b\\\\n\\\"}\"\n"), "{config}");
    }
}
