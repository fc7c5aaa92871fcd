//! `jackin record`: a session as an asciicast, from now on.

use std::io::{BufWriter, Write};
use std::time::Instant;

use camino::Utf8PathBuf;
use jackin_api::wire::{Attach, AttachMode, Exit, Session};
use jackin_daemon::capsule::{StreamItem, StreamReader};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use super::capsule::Way;
use super::{Ended, capsule, file};
use crate::capsule_error::{Of, fares};
use crate::cast::{Recording, Start};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::resource;

/// Record what a session shows as an asciicast, until it ends or Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The file is an asciicast of version 2, which `jackin replay` and asciinema play. It begins with the screen as it is. \
                  Recording only looks: whoever is attached keeps the keyboard, and no size changes."
)]
pub(crate) struct Arguments {
    /// Instance
    instance: String,
    /// Session, by name or id; the oldest one that lives when absent
    #[arg(long)]
    session: Option<String>,
    /// File to write, `-` for standard output; INSTANCE-SESSION.cast when absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    overwrite: bool,
    /// Title of the recording, instead of the session's
    #[arg(long)]
    title: Option<String>,
    /// The longest pause in seconds that players should make
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_limit: Option<f64>,
    #[command(flatten)]
    way: Way,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let instance = resource::instance_name(&arguments.instance)?;
    let (client, _) = capsule::open(&context.connect().await?, context, instance, arguments.way).await?;
    let watch = Attach { session: arguments.session.clone(), mode: AttachMode::Watch, ..Attach::default() };
    let (attached, reader, writer) = client.attach(watch).await.of(instance)?;
    let Session { name, title, size, .. } = attached.session;
    let path = arguments.output.clone().unwrap_or_else(|| format!("{instance}-{name}.cast").into());
    let default = if title.is_empty() { format!("{instance}/{name}") } else { title };
    let start = Start {
        size: size.clamped(),
        at: Timestamp::now().as_second(),
        title: arguments.title.clone().unwrap_or(default),
        idle_limit: arguments.idle_limit,
    };
    let began = Instant::now();
    let file: Box<dyn Write> = if path == "-" {
        Box::new(std::io::stdout())
    } else {
        Box::new(BufWriter::new(file::create(&path, arguments.overwrite)?))
    };
    let mut recording = Recording::begin(file, &start)?;
    context.console.say(&format!("recording {instance}/{name} to {path}; Ctrl-C ends it"));
    let end = record(instance, reader, &mut recording, began).await?;
    // Without a writing half the capsule would have taken us for gone.
    drop(writer);
    let how = match end {
        None => "the session goes on".to_owned(),
        Some(Exit { signal: Some(number), .. }) => format!("the session ended by signal {number}"),
        Some(exit) => format!("the session ended with exit code {}", exit.shell_code()),
    };
    context.console.say(&format!("recorded {:.1}s to {path}; {how}", began.elapsed().as_secs_f64()));
    Ok(0)
}

/// Writes what comes until the session ends, or nothing more is wanted.
async fn record(
    instance: &str,
    mut reader: StreamReader,
    recording: &mut Recording<Box<dyn Write>>,
    began: Instant,
) -> Result<Option<Exit>, CommandError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        let item = tokio::select! {
            item = reader.next() => item.of(instance)?,
            _ = interrupt.recv() => return Ok(None),
            _ = terminate.recv() => return Ok(None),
            _ = hang_up.recv() => return Ok(None),
        };
        let at = began.elapsed();
        match item {
            Some(StreamItem::Paint(bytes) | StreamItem::Output(bytes) | StreamItem::ErrorOutput(bytes)) => {
                recording.output(at, &bytes)?;
            }
            Some(StreamItem::Resized(size)) => recording.resize(at, size)?,
            Some(StreamItem::TakenOver) => {}
            Some(StreamItem::Ended(exit)) => return Ok(exit),
            None => {
                return Err(CommandError::failed("the instance went away before the session told how it ended")
                    .hint(format!("what it showed until then is recorded; {}", fares(instance))));
            }
        }
    }
}

/// A number of seconds that is more than none.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "write a number of seconds, such as 1.5".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("it must be more than 0".to_owned()) }
}
