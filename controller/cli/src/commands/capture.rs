//! `jackin capture`: what is on a session's screen, as text, as a terminal paints it, or as a picture.

use std::io::Write;

use camino::Utf8PathBuf;
use jackin_api::wire::{Capture, CaptureFormat, Captured};

use super::capsule::Way;
use super::{Ended, capsule, file};
use crate::capsule_error::Of;
use crate::context::Context;
use crate::resource;
use crate::terminal::still;

/// Print what is on a session's screen, as text, as a terminal paints it, or as a picture.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instance
    instance: String,
    /// Session, by name or id; the oldest one that lives when absent
    #[arg(long)]
    session: Option<String>,
    /// How to write it down
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Also this many of the lines that left the screen at its top
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    history: u32,
    /// File to write, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "output")]
    overwrite: bool,
    #[command(flatten)]
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Characters alone, a line for each row
    Text,
    /// The bytes that paint it on a terminal
    Ansi,
    /// A picture
    Svg,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments { instance, session, format, history, output, overwrite, way } = arguments;
    let instance = resource::instance_name(instance)?;
    let (mut client, reach) = capsule::open(&context.connect().await?, context, instance, *way).await?;
    let wanted = match format {
        Format::Text => CaptureFormat::Text,
        Format::Ansi | Format::Svg => CaptureFormat::Ansi,
    };
    let capture = Capture { session: session.clone(), format: wanted, history: *history };
    let captured = client.capture(capture).await.of(instance)?;
    let text = match format {
        Format::Text => harmless(&captured.contents) + "\n",
        Format::Ansi => still(&captured, reach.clipboard, output.is_none()),
        Format::Svg => {
            let Captured { contents, cursor, size } = captured;
            jackin_screen::svg(contents.as_bytes(), size, Some(cursor))
        }
    };
    match output {
        Some(path) => file::create(path, *overwrite)?.write_all(text.as_bytes())?,
        None => context.console.write(&text)?,
    }
    Ok(0)
}

/// Text alone, also where something else than a capsule answers.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && character != '\n' { '\u{fffd}' } else { character })
        .collect()
}
