//! `jackin send`: text and keys for a session that nobody has to look at.

mod keys;

use std::io::Read;

use jackin_api::wire::{Stroke, Typing};

use super::capsule::Way;
use super::{Ended, capsule};
use crate::capsule_error::Of;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::resource;

/// Type text and keys into a session without attaching to it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Text comes first, then the keys, then Enter with --enter; all of it arrives in one piece. Whoever is attached keeps the \
                  keyboard, and no size changes.\n\
                  Keys have tmux's names: Enter, Tab, BTab, Escape, Space, BSpace, Up, Down, Left, Right, Home, End, PageUp, PageDown, \
                  Insert, Delete, F1 to F12, one character, and C-, M- and S- before one."
)]
pub(crate) struct Arguments {
    /// Instance
    instance: String,
    /// Session, by name or id; the oldest one that lives when absent
    #[arg(long)]
    session: Option<String>,
    /// Words to type, with a space between two of them; `-` reads standard input, and what begins with `-` goes behind `--`
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Keys to press after the text, such as `Up,Enter` or `C-c`
    #[arg(long, value_name = "KEYS", value_delimiter = ',', value_parser = keys::key, allow_hyphen_values = true)]
    keys: Vec<Stroke>,
    /// Press Enter at the end
    #[arg(long)]
    enter: bool,
    /// Tell the program that the text is pasted, where it asked to know that
    #[arg(long)]
    paste: bool,
    #[command(flatten)]
    way: Way,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let instance = resource::instance_name(&arguments.instance)?;
    let strokes = strokes(arguments)?;
    let (mut client, _) = capsule::open(&context.connect().await?, context, instance, arguments.way).await?;
    client.send(Typing { session: arguments.session.clone(), strokes }).await.of(instance)?;
    Ok(0)
}

fn strokes(arguments: &Arguments) -> Result<Vec<Stroke>, CommandError> {
    let text = match arguments.text.as_slice() {
        [only] if only == "-" => from_standard_input()?,
        words => words.join(" "),
    };
    let text = match (text.is_empty(), arguments.paste) {
        (true, _) => None,
        (false, true) => Some(Stroke::Paste { text }),
        (false, false) => Some(Stroke::Text { text }),
    };
    let enter = arguments.enter.then(keys::enter);
    let strokes: Vec<_> = text.into_iter().chain(arguments.keys.iter().cloned()).chain(enter).collect();
    if strokes.is_empty() {
        return Err(CommandError::bad_input("nothing is to be sent").hint("name text, `--keys` or `--enter`"));
    }
    Ok(strokes)
}

fn from_standard_input() -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    // One byte more than may be sent, so that too much is told and not cut off.
    let most = u64::try_from(Typing::MOST).unwrap_or(u64::MAX);
    std::io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| CommandError::bad_input("standard input is not text in UTF-8"))
}
