//! `jackin sessions kill`: gracefully, then firmly.

use std::time::Duration;

use jackin_api::wire::{Exit, Notice, Session, Signal};
use jackin_daemon::capsule::{CapsuleClient, NoticeStream};
use jackin_daemon::client::Connection;

use super::super::capsule::Way;
use super::super::{Ended, capsule};
use crate::capsule_error::{Of, fares};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::resource;
use crate::text;

/// How long a session may take to end that was killed: its end is the kernel's to tell.
const FIRM: Duration = Duration::from_secs(10);

/// End sessions.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --signal each is hung up and terminated, which a shell and a program take as their end; what has not ended \
                  after the grace is killed."
)]
pub(super) struct Arguments {
    /// Instance
    instance: String,
    /// Sessions, by name or id
    #[arg(required = true, value_name = "SESSION")]
    sessions: Vec<String>,
    /// Send this signal, and nothing else
    #[arg(short, long, value_name = "SIGNAL", value_parser = signal)]
    signal: Option<Signal>,
    /// How long to wait before it is killed
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = text::duration, conflicts_with = "signal")]
    grace: Duration,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let instance = resource::instance_name(&arguments.instance)?;
    let connection = context.connect().await?;
    let (mut client, _) = capsule::open(&connection, context, instance, Way::default()).await?;
    let known = client.status().await.of(instance)?.sessions;
    let sessions =
        arguments.sessions.iter().map(|wanted| live(instance, &known, wanted)).collect::<Result<Vec<_>, _>>()?;
    for session in sessions {
        let Session { id, name, .. } = session;
        let told = match arguments.signal {
            Some(signal) => {
                client.kill(id, signal).await.of(instance)?;
                format!("was sent {}", signal_name(signal))
            }
            None => end(&connection, context, instance, &mut client, id, arguments.grace).await?,
        };
        context.console.line(&format!("session/{name} {told}"))?;
    }
    Ok(0)
}

fn live<'a>(instance: &str, known: &'a [Session], wanted: &str) -> Result<&'a Session, CommandError> {
    let session = capsule::find(instance, known, wanted)?;
    match session.exit {
        None => Ok(session),
        Some(exit) => Err(CommandError::failed(format!("session `{wanted}` ended before, with {}", exit_words(exit)))
            .hint(format!("`jackin sessions {instance}` lists those that are there"))),
    }
}

/// Ends a session, and says how.
async fn end(
    connection: &Connection,
    context: &Context,
    instance: &str,
    client: &mut CapsuleClient,
    id: &str,
    grace: Duration,
) -> Result<String, CommandError> {
    // Listening begins before the signals, so that no end is missed.
    let (listener, _) = capsule::open(connection, context, instance, Way::default()).await?;
    let (_, mut notices) = listener.subscribe().await.of(instance)?;
    // Shells ignore SIGTERM and leave on SIGHUP; a stopped process hears neither before it continues.
    for signal in [Signal::Hup, Signal::Term, Signal::Cont] {
        match client.kill(id, signal).await {
            // It may end between two of them.
            Err(error) if error.code() == Some(jackin_api::wire::ErrorCode::SessionEnded) => break,
            sent => sent.of(instance)?,
        }
    }
    if let Some(exit) = exit_within(grace, &mut notices, client, (instance, id)).await? {
        return Ok(format!("ended with {}", exit_words(exit)));
    }
    match client.kill(id, Signal::Kill).await {
        Err(error) if error.code() == Some(jackin_api::wire::ErrorCode::SessionEnded) => {}
        sent => sent.of(instance)?,
    }
    match exit_within(FIRM, &mut notices, client, (instance, id)).await? {
        Some(_) => Ok(format!("killed: it had not ended within {}", text::brief(grace))),
        None => Err(CommandError::failed(format!("session `{id}` was killed and has not ended"))
            .hint(format!("`jackin restart {instance}` ends everything in the instance"))),
    }
}

/// How a session ended, if it does in time.
async fn exit_within(
    patience: Duration,
    notices: &mut NoticeStream,
    client: &mut CapsuleClient,
    (instance, id): (&str, &str),
) -> Result<Option<Exit>, CommandError> {
    let ending = async {
        loop {
            match notices.next().await.of(instance)? {
                Some(Notice::SessionExited { id: ended, exit, .. }) if ended == id => {
                    return Ok::<_, CommandError>(Some(exit));
                }
                Some(Notice::Missed { .. }) => {
                    let sessions = client.status().await.of(instance)?.sessions;
                    let exit = sessions.iter().find(|session| session.id == id).and_then(|session| session.exit);
                    if exit.is_some() {
                        return Ok(exit);
                    }
                }
                Some(_) => {}
                None => {
                    return Err(CommandError::failed("the instance ended before the session told how it did")
                        .hint(fares(instance)));
                }
            }
        }
    };
    tokio::time::timeout(patience, ending).await.unwrap_or(Ok(None))
}

pub(super) fn exit_words(exit: Exit) -> String {
    match exit.signal {
        Some(number) => format!("signal {number}"),
        None => format!("exit code {}", exit.shell_code()),
    }
}

/// Signals by the names that they may be called.
const SIGNALS: [(&str, Signal); 9] = [
    ("HUP", Signal::Hup),
    ("INT", Signal::Int),
    ("QUIT", Signal::Quit),
    ("KILL", Signal::Kill),
    ("TERM", Signal::Term),
    ("USR1", Signal::Usr1),
    ("USR2", Signal::Usr2),
    ("CONT", Signal::Cont),
    ("STOP", Signal::Stop),
];

fn signal(text: &str) -> Result<Signal, String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal).ok_or_else(|| {
        let names: Vec<_> = SIGNALS.iter().map(|(name, _)| *name).collect();
        format!("signals are {}", names.join(", "))
    })
}

fn signal_name(signal: Signal) -> String {
    let name = SIGNALS.iter().find(|(_, known)| *known == signal).map_or("?", |(name, _)| name);
    format!("SIG{name}")
}
