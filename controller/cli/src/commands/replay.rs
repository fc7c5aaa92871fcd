//! `jackin replay`: an asciicast on this terminal.

use std::io::BufReader;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::Ended;
use super::record::seconds;
use crate::cast::{CastError, Reader};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::terminal;

/// Play a recording on this terminal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Recordings are asciicasts of version 2 or 3, as `jackin record` and asciinema make them. Ctrl-C or q ends it."
)]
pub(crate) struct Arguments {
    /// File to play
    file: Utf8PathBuf,
    /// How many times as fast
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = seconds)]
    speed: f64,
    /// The longest pause in seconds; what the recording says when absent
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_limit: Option<f64>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments { file, speed, idle_limit } = arguments;
    let opened = std::fs::File::open(file).map_err(|error| {
        CommandError::bad_input(format!("`{file}` cannot be read"))
            .caused_by(&error)
            .hint("name a file that `jackin record` wrote")
    })?;
    let mut reader = Reader::open(BufReader::new(opened)).map_err(|error| unplayable(file, error))?;
    if let Some((columns, rows)) = reader.size
        && let Some(own) = terminal::size()
        && (own.cols < columns || own.rows < rows)
    {
        let own = format!("{}x{}", own.cols, own.rows);
        context.console.say(&format!("it was recorded at {columns}x{rows}, and this terminal has {own}"));
    }
    let longest = idle_limit.or(reader.idle_limit).and_then(|limit| Duration::try_from_secs_f64(limit).ok());
    let moments = std::iter::from_fn(move || reader.next_moment().transpose());
    let speed = *speed;
    let moments = moments.map(move |moment| {
        moment.map(|mut moment| {
            let pause = longest.map_or(moment.after, |longest| moment.after.min(longest));
            moment.after = Duration::try_from_secs_f64(pause.as_secs_f64() / speed).unwrap_or(Duration::MAX);
            moment
        })
    });
    terminal::play(moments).await?.map_err(|error| unplayable(file, error))?;
    Ok(0)
}

fn unplayable(file: &Utf8PathBuf, error: CastError) -> CommandError {
    CommandError::bad_input(format!("`{file}` is no recording that can be played"))
        .caused_by(&error)
        .hint("`jackin record INSTANCE` makes one; asciicasts of version 2 and 3 are played")
}
