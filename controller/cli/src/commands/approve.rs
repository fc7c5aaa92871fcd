//! `jackin approve`: the consent to lose what volumes hold, so that a repair that waits for it runs.

use std::time::Duration;

use jackin_api::kinds::Instance;
use kube::ResourceExt;
use serde_json::json;
use uuid::Uuid;

use super::instances;
use super::{Ended, start};
use crate::context::Context;
use crate::resource::INSTANCE;
use crate::text;

/// Let volumes with data be replaced, where instances wait for that.
///
/// Only the volumes that an instance names at this moment are meant, and each only once.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instances, as `NAME`, `instance/NAME` or `workspace/NAME` for all of a workspace
    #[arg(required = true, value_name = "INSTANCE")]
    instances: Vec<String>,
    /// Wait until they are ready; `--wait=false` does not
    #[arg(long, value_name = "BOOL", default_value_t = true, hide_default_value = true, hide_possible_values = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = text::duration)]
    timeout: Duration,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let client = context.client().await?;
    let found = instances::named(&client, context.namespace(), &arguments.instances).await?;
    let id = Uuid::now_v7().to_string();
    let mut approved = Vec::new();
    for instance in found {
        let label = INSTANCE.label(&instance.name_any());
        let volumes = instance.status.as_ref().map(|status| status.awaits_approval.as_slice()).unwrap_or_default();
        if volumes.is_empty() {
            context.console.line(&format!("{label} needs no approval"))?;
            continue;
        }
        for volume in volumes {
            context.console.say(&format!("what volume `{volume}` holds may be lost"));
        }
        instances::patch(&client, &instance, json!({ "approval": { "id": id, "volumes": volumes } })).await?;
        context.console.line(&format!("{label} approved"))?;
        approved.push(instance);
    }
    if !arguments.wait || approved.is_empty() {
        return Ok(0);
    }
    start::wait(&client, context, &approved, arguments.timeout, |instance: &Instance| {
        let used = instance.status.as_ref().and_then(|status| status.approved.as_deref());
        used == Some(&id) && (start::is_ready(instance) || start::is_stopped(instance))
    })
    .await
}
