//! `jackin restart`: the consent to end sessions, so that a repair that waits for it runs now.

use std::collections::BTreeSet;
use std::time::Duration;

use jackin_api::kinds::{Image, Instance, Role, RunState};
use jackin_plan::disruption::stands_still;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use uuid::Uuid;

use super::instances::{self, FIELD_MANAGER};
use super::{Ended, start};
use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::context::Context;
use crate::live::{self, Target, Waited};
use crate::namespace;
use crate::resource::{IMAGE, INSTANCE};
use crate::text;

/// Restart instances, also when that ends sessions.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instances, as `NAME`, `instance/NAME` or `workspace/NAME` for all of a workspace
    #[arg(required = true, value_name = "INSTANCE")]
    instances: Vec<String>,
    /// Replace the container even where a restart in place would do
    #[arg(long)]
    recreate: bool,
    /// Build the image again; what runs keeps its own until a restart
    #[arg(long)]
    rebuild: bool,
    /// Wait until they are ready again; `--wait=false` does not
    #[arg(long, value_name = "BOOL", default_value_t = true, hide_default_value = true, hide_possible_values = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = text::duration)]
    timeout: Duration,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let client = context.client().await?;
    let mut found = instances::named(&client, context.namespace(), &arguments.instances).await?;
    let mut built = BTreeSet::new();
    if arguments.rebuild {
        built = rebuild(arguments, context, &client, &found).await?;
        // A build takes a while, and who did not run may run by now.
        found = instances::named(&client, context.namespace(), &arguments.instances).await?;
    }
    let id = Uuid::now_v7().to_string();
    let mut awaited = Vec::new();
    for instance in found {
        let name = instance.name_any();
        let label = INSTANCE.label(&name);
        if arguments.rebuild && !arguments.recreate && !stands_still(&instance) {
            context.console.line(&format!("{label} unchanged"))?;
            if built.contains(&instance.spec.role) {
                let told = namespace::say_another(&takes_it(&instance), context.namespace());
                context.console.say(&format!("{label}: {told}"));
            }
            continue;
        }
        let restart = json!({ "id": id, "recreate": arguments.recreate });
        let patch = json!({ "run": RunState::Running, "restart": restart });
        instances::patch(&client, &instance, patch).await?;
        context.console.line(&format!("{label} restarted"))?;
        awaited.push(instance);
    }
    if !arguments.wait {
        return Ok(0);
    }
    start::wait(&client, context, &awaited, arguments.timeout, |instance: &Instance| {
        let served = instance.status.as_ref().and_then(|status| status.restarted.as_deref());
        served == Some(&id) && start::is_ready(instance)
    })
    .await
}

/// How an instance that is left alone gets to an image that was built again.
fn takes_it(instance: &Instance) -> String {
    let name = instance.name_any();
    match instance.spec.run {
        RunState::Running if !instance.rests() => {
            format!("what runs goes on with the image that it has; `jackin restart {name}` gives it the new one")
        }
        RunState::Running | RunState::Stopped => {
            format!("it is stopped; `jackin start {name}` starts it on the new image")
        }
    }
}

/// Asks for a new build of the roles' images and waits for it: an instance that restarts before would take the old one.
///
/// The roles whose images were built.
async fn rebuild(
    arguments: &Arguments,
    context: &Context,
    client: &kube::Client,
    instances: &[Instance],
) -> Result<BTreeSet<String>, CommandError> {
    let namespace = context.namespace();
    let mut roles: BTreeSet<_> = instances.iter().map(|instance| instance.spec.role.clone()).collect();
    let known: Api<Role> = Api::namespaced(client.clone(), namespace);
    for role in known.list(&ListParams::default()).await?.items {
        let name = role.name_any();
        if role.spec.source.image.is_some() && roles.remove(&name) {
            context.console.say(&format!("role `{name}` takes its image as it is; there is nothing to build"));
        }
    }
    let api: Api<Image> = Api::namespaced(client.clone(), namespace);
    let images = api.list(&ListParams::default()).await?.items;
    let id = Uuid::now_v7().to_string();
    let mut names = Vec::new();
    for image in images.iter().filter(|image| roles.contains(&image.spec.role)) {
        let name = image.name_any();
        let patch = Patch::Merge(json!({ "spec": { "rebuild": id } }));
        api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &patch).await?;
        context.console.say(&format!("building {}", IMAGE.label(&name)));
        names.push(name);
    }
    let target = Target { resource: &IMAGE, namespace: namespace.to_owned(), name: None };
    let waited = live::until(client, &[target], Some(arguments.timeout), |live| {
        for name in &names {
            let Some(object) = live.get(&IMAGE, namespace, name) else {
                continue;
            };
            if let Some(stalled) = live::current_condition(object, "Stalled").filter(|_| live::holds(object, "Stalled"))
            {
                let diagnostic = Diagnostic {
                    message: format!("the image `{name}` was not built"),
                    place: None,
                    causes: vec![format!("{}: {}", stalled.reason, stalled.message)],
                    hints: vec![format!("`jackin describe image {name}` has the steps of the build")],
                };
                return Err(CommandError::of(ErrorKind::Failed, vec![diagnostic]));
            }
            let image: Image = live::typed(object)?;
            let rebuilt = image.status.and_then(|status| status.rebuilt);
            // What was built is recognised by the pass after that, and only then served.
            if rebuilt.as_deref() != Some(&id) || !live::holds(object, "Ready") {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    match waited {
        Waited::Done(()) => Ok(roles),
        Waited::TimedOut => {
            let message = format!("the images were not built within {}", text::brief(arguments.timeout));
            Err(CommandError::new(ErrorKind::NotReady, message).hint("`jackin get images` tells how they fare"))
        }
    }
}
