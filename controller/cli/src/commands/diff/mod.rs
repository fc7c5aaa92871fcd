//! `jackin diff`: what applying the files would change, which repair that needs, and why.

mod fields;
mod render;

use jackin_plan::project::ShownProjection;
use serde_json::json;

use super::Ended;
use super::apply::{self, Step};
use crate::command_error::{CommandError, ErrorKind};
use crate::commands::output::Output;
use crate::context::{Context, Controller};
use crate::manifest::{self, Files};

use fields::{ObjectDiff, compare};
use render::render;

/// Show what applying the files would change, which repair it needs and why.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what applying the files would change, which repair it needs and why.

Shown are the fields of the objects, and the operations that the controller then carries out, pass by pass, each with its reasons: \
those that the files ask for, and those that repair what was changed behind the controller's back. What would wait is shown with \
what it waits for. Nothing is written; a controller is started when none runs.",
    after_help = "Exit code 0 when nothing is left to do, 1 when an object would change, an operation would be carried out, now or \
later, or something is in the way, 2 when the files are wrong or nothing can be told, 4 when the controller or the engine does \
not answer. A version that only `jackin restart` moves is shown and is no change."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let (diffs, projection) = look(arguments, context).await.map_err(not_a_change)?;
    let code = u8::from(!diffs.is_empty() || projection.changes());
    if arguments.output.is_json() {
        let ShownProjection { workspaces, images, instances } = projection;
        let told = json!({ "objects": diffs, "workspaces": workspaces, "images": images, "instances": instances });
        context.console.line(&format!("{told:#}"))?;
    } else {
        context.console.write(&render(&context.console, &diffs, &projection))?;
    }
    Ok(code)
}

/// The exit code of a failure must not be the one that says that something would change.
fn not_a_change(error: CommandError) -> CommandError {
    match error.kind() {
        ErrorKind::Failed => CommandError::of(ErrorKind::BadInput, error.into_diagnostics()),
        ErrorKind::Unheard
        | ErrorKind::BadInput
        | ErrorKind::NotReady
        | ErrorKind::Unreachable
        | ErrorKind::Conflict => error,
    }
}

/// What the files change, and what the controller would do about it.
async fn look(arguments: &Arguments, context: &Context) -> Result<(Vec<ObjectDiff>, ShownProjection), CommandError> {
    let mut manifests = manifest::load(&arguments.files, context)?;
    manifests.sort_by_key(|manifest| manifest.object.rank());
    let connection = context.connect().await?;
    manifest::note_commits(Controller::Serving(&connection), &mut manifests).await?;
    let client = connection.kube();
    apply::check_references(&client, &manifests).await?;
    let live = apply::fetch(Some(&client), &manifests).await?;
    let mut diffs = Vec::new();
    for (manifest, live) in manifests.iter().zip(&live) {
        let step = Step::of(manifest, live.as_ref())?;
        let Some(new) = apply::write(&client, manifest, &step, true).await? else {
            continue;
        };
        let broken = |error| CommandError::from(kube::Error::SerdeError(error));
        let old = live.as_ref().map(serde_json::to_value).transpose().map_err(broken)?;
        let fields = compare(&old.clone().unwrap_or_default(), &serde_json::to_value(new).map_err(broken)?);
        if old.is_some() && fields.is_empty() {
            continue;
        }
        let change = if old.is_some() { "changed" } else { "created" };
        diffs.push(ObjectDiff { object: manifest.object.label(), change, fields });
    }
    let objects: Vec<_> = manifests.iter().map(|manifest| manifest.object.to_json()).collect();
    let projection = connection.post_json("/jackin/v1/plan", &json!({ "objects": objects })).await?;
    Ok((diffs, projection))
}
