//! `jackin apply`: objects become what the files say.
//!
//! # Flow
//!
//! Files to sound objects ([`manifest`]), references checked against the server, live objects fetched at once, one three-way merge
//! each ([`merge`]), and writes only where it is not empty; then, when asked for, [`wait`].
//!
//! # Guarantees
//!
//! - Nothing is sent when any file has a problem.
//! - An object that is as the file says is not written.
//! - What the file does not say and never said stays: labels of others, fields that others set.

pub(crate) mod merge;
mod progress;
mod wait;

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use jackin_api::kinds::{Agent, Role};
use jackin_daemon::client::{ConnectError, Connection, Start};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::instances::FIELD_MANAGER;
use super::{Ended, controller};
use crate::command_error::CommandError;
use crate::context::{Context, Controller};
use crate::manifest::{self, Files, Known, Manifest};
use crate::text;

/// Make objects as the files say.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    /// Wait until what was applied is ready
    #[arg(long, value_name = "BOOL", default_value_t = false, hide_default_value = true, hide_possible_values = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = text::duration)]
    timeout: Duration,
    /// Tell what would be done, and do not
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none", default_missing_value = "server", num_args = 0..=1, require_equals = true)]
    dry_run: DryRun,
    /// Converge in this process and leave no controller behind, for CI and cron
    #[arg(long)]
    once: bool,
}

/// Who looks at what would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DryRun {
    /// Nobody: do it
    None,
    /// This program alone, as far as it can see
    Client,
    /// The server, with all its checks
    Server,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let mut manifests = manifest::load(&arguments.files, context)?;
    if arguments.dry_run == DryRun::Client {
        let client = match Connection::open(&context.home, Start::Never).await {
            Ok(connection) => {
                let controller = Controller::Serving(&connection);
                manifest::note_commits(controller, &mut manifests).await?;
                Some(controller.client())
            }
            Err(ConnectError::NotRunning { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        return apply(arguments, context, client, manifests).await;
    }
    if arguments.once {
        return controller::converge_once(context, async |controller| {
            apply_with(controller, arguments, context, manifests).await
        })
        .await;
    }
    let connection = context.connect().await?;
    apply_with(Controller::Serving(&connection), arguments, context, manifests).await
}

async fn apply_with(
    controller: Controller<'_>,
    arguments: &Arguments,
    context: &Context,
    mut manifests: Vec<Manifest>,
) -> Ended {
    manifest::note_commits(controller, &mut manifests).await?;
    apply(arguments, context, Some(controller.client()), manifests).await
}

async fn apply(
    arguments: &Arguments,
    context: &Context,
    client: Option<kube::Client>,
    mut manifests: Vec<Manifest>,
) -> Ended {
    manifests.sort_by_key(|manifest| manifest.object.rank());
    if let Some(client) = &client {
        check_references(client, &manifests).await?;
    }
    let live = fetch(client.as_ref(), &manifests).await?;
    let suffix = match arguments.dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    for (manifest, live) in manifests.iter().zip(&live) {
        let step = Step::of(manifest, live.as_ref())?;
        if let (Some(client), true) = (&client, arguments.dry_run != DryRun::Client) {
            write(client, manifest, &step, arguments.dry_run == DryRun::Server).await?;
        }
        context.console.line(&format!("{} {}{suffix}", manifest.object.label(), step.word()))?;
    }
    let Some(client) = client.filter(|_| (arguments.wait || arguments.once) && arguments.dry_run == DryRun::None)
    else {
        return Ok(0);
    };
    wait::wait(&client, context, &manifests, arguments.timeout).await
}

/// What has to be written for one object.
pub(crate) enum Step {
    /// It is not there.
    Create(Value),
    /// It differs: the merge patch.
    Change(Value),
    /// It is as the file says.
    Nothing,
}

impl Step {
    /// What has to be written so that the live object is as the file says.
    pub(crate) fn of(manifest: &Manifest, live: Option<&DynamicObject>) -> Result<Self, CommandError> {
        let broken =
            |error: serde_json::Error| CommandError::failed("an object cannot be written as JSON").caused_by(&error);
        let wanted = merge::with_last_applied(manifest.object.to_json()).map_err(broken)?;
        let Some(live) = live else {
            return Ok(Self::Create(wanted));
        };
        let live = serde_json::to_value(live).map_err(broken)?;
        Ok(match merge::patch(&live, &wanted) {
            Some(patch) => Self::Change(patch),
            None => Self::Nothing,
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "created",
            Self::Change(_) => "configured",
            Self::Nothing => "unchanged",
        }
    }
}

/// Writes one object, and gives what the server made of it.
pub(crate) async fn write(
    client: &kube::Client,
    manifest: &Manifest,
    step: &Step,
    is_dry_run: bool,
) -> Result<Option<DynamicObject>, CommandError> {
    let object = &manifest.object;
    let api = object.resource().api(client.clone(), object.namespace());
    let written = match step {
        Step::Nothing => return Ok(None),
        Step::Create(wanted) => {
            let parameters = PostParams { dry_run: is_dry_run, field_manager: Some(FIELD_MANAGER.to_owned()) };
            let wanted = serde_json::from_value(wanted.clone()).map_err(kube::Error::SerdeError)?;
            api.create(&parameters, &wanted).await?
        }
        Step::Change(patch) => {
            let parameters = PatchParams { dry_run: is_dry_run, ..PatchParams::apply(FIELD_MANAGER) };
            api.patch(object.name(), &parameters, &Patch::Merge(patch)).await?
        }
    };
    Ok(Some(written))
}

/// The live objects of the set, all asked for at once.
pub(crate) async fn fetch(
    client: Option<&kube::Client>,
    manifests: &[Manifest],
) -> Result<Vec<Option<DynamicObject>>, CommandError> {
    let Some(client) = client else {
        return Ok(manifests.iter().map(|_| None).collect());
    };
    let asked = stream::iter(manifests).map(|manifest| {
        let object = &manifest.object;
        let api = object.resource().api(client.clone(), object.namespace());
        async move { api.get_opt(object.name()).await }
    });
    let live: Vec<_> = asked.buffered(16).collect().await;
    live.into_iter().map(|live| live.map_err(CommandError::from)).collect()
}

/// Checks that what the set refers to is in it or on the server. Asks only for what the set leaves open.
pub(crate) async fn check_references(client: &kube::Client, manifests: &[Manifest]) -> Result<(), CommandError> {
    let wanted = manifest::wanted(manifests);
    let mut known = Known::default();
    for namespace in &wanted.roles {
        let api: Api<Role> = Api::namespaced(client.clone(), namespace);
        for role in api.list(&ListParams::default()).await?.items {
            known.roles.insert((namespace.clone(), role.name_any()), role.spec.agents);
        }
    }
    for namespace in &wanted.agents {
        let api: Api<Agent> = Api::namespaced(client.clone(), namespace);
        let agents = api.list(&ListParams::default()).await?.items;
        known.agents.extend(agents.iter().map(|agent| (namespace.clone(), agent.name_any())));
    }
    manifest::check_references(manifests, &known)
}
