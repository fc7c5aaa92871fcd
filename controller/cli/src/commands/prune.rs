//! `jackin prune`: what is ours on the engine and nothing refers to any more.

use std::time::Duration;

use jackin_api::kinds::Quantity;
use jackin_plan::strays::{Needs, Options, Stray, StrayReason};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Ended;
use super::output::Output;
use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::context::Context;
use crate::text;

/// Remove what is ours and nothing refers to any more.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these, however many there are
    #[arg(value_enum, value_name = "WHAT", conflicts_with_all = ["volumes", "force"])]
    what: Option<What>,
    /// Tell what would be removed, and do not
    #[arg(long)]
    dry_run: bool,
    /// Also volumes that may hold data
    #[arg(long)]
    volumes: bool,
    /// Also images, which could save a build
    #[arg(long)]
    images: bool,
    /// Also containers that run, with the sessions in them
    #[arg(long)]
    force: bool,
    /// With `images`, those made so long ago or longer, such as `7d`
    #[arg(long, value_name = "DURATION", value_parser = text::duration, requires = "what")]
    older_than: Option<Duration>,
    /// With `images`, the oldest until the unused ones that remain take no more than this, such as `10Gi`
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "what")]
    keep: Option<u64>,
    #[command(flatten)]
    output: Output,
}

/// What can be pruned by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Images of roles that nothing uses
    Images,
}

/// What the controller answers.
#[derive(Deserialize, Serialize)]
struct Answer {
    objects: Vec<Pruned>,
}

#[derive(Deserialize, Serialize)]
struct Pruned {
    stray: Stray,
    removed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments { what, dry_run, volumes, images, force, older_than, keep, output } = arguments;
    let only_images = *what == Some(What::Images);
    let options = Options {
        volumes: *volumes,
        images: *images || only_images,
        force: *force,
        only_images,
        older_than_seconds: older_than.map(|age| age.as_secs()),
        keep_bytes: *keep,
    };
    let request = json!({ "dryRun": dry_run, "options": options });
    let answer: Answer = context.connect().await?.post_json("/jackin/v1/prune", &request).await?;
    if output.is_json() {
        context.console.line(&format!("{:#}", json!(answer)))?;
    } else if answer.objects.is_empty() {
        context.console.say("Nothing to prune");
    } else {
        let done = if *dry_run { "would be removed" } else { "removed" };
        let header = ["KIND", "NAME", "SIZE", "AGE", "WHY", "WHAT"].map(str::to_owned).to_vec();
        let rows = std::iter::once(header).chain(answer.objects.iter().map(|pruned| row(pruned, done)));
        context.console.write(&text::columns(&rows.collect::<Vec<_>>()))?;
    }
    let failed: Vec<_> = answer.objects.iter().filter_map(failure).collect();
    if failed.is_empty() { Ok(0) } else { Err(CommandError::of(ErrorKind::Failed, failed)) }
}

/// An amount of bytes, as manifests have them; zero keeps nothing.
fn size(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    let bytes = Quantity(text.to_owned()).bytes().map_err(|error| error.to_string())?;
    u64::try_from(bytes).map_err(|error| error.to_string())
}

fn failure(pruned: &Pruned) -> Option<Diagnostic> {
    let error = pruned.error.as_ref()?;
    let message = format!("{} `{}` is not removed", pruned.stray.kind, pruned.stray.name);
    let hints = vec!["`jackin prune` tries again what is left".to_owned()];
    Some(Diagnostic { causes: vec![error.clone()], hints, ..Diagnostic::new(message) })
}

fn row(pruned: &Pruned, done: &str) -> Vec<String> {
    let Stray { kind, name, reason, needs, size_bytes, created_at, id: _ } = &pruned.stray;
    let age = created_at.map_or_else(|| "-".to_owned(), |made| text::age(made, Timestamp::now()));
    let size = size_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{:.1} MB", megabytes(bytes)));
    let what = match (pruned.removed, needs) {
        (true, _) => done.to_owned(),
        (false, None) => "kept".to_owned(),
        (false, Some(needs)) => format!("kept: {}", kept_for(needs)),
    };
    vec![kind.to_string(), name.clone(), size, age, why(*reason).to_owned(), what]
}

#[expect(clippy::cast_precision_loss, reason = "a size for people, to a tenth of a megabyte")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn why(reason: StrayReason) -> &'static str {
    match reason {
        StrayReason::NoInstance => "its instance does not exist",
        StrayReason::NoWorkspace => "no workspace asks for it",
        StrayReason::CutOff => "left by an interrupted filling of a volume",
        StrayReason::NotMounted => "no instance would be given this program",
        StrayReason::NotServed => "no image object serves it",
    }
}

fn kept_for(needs: &Needs) -> String {
    match needs {
        Needs::Force => "it runs and may have sessions; --force ends them".to_owned(),
        Needs::Volumes => "it may hold data; --volumes removes it".to_owned(),
        Needs::Images => "it could save a build; --images removes it".to_owned(),
        Needs::Age => "it is younger than --older-than".to_owned(),
        Needs::Room => "there is room for it by --keep".to_owned(),
        Needs::Users(users) => format!("used by {}", users.join(", ")),
    }
}
