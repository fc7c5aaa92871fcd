//! `jackin start`: instances that were stopped run again. What [`stop`](super::stop) shares with it is here.

use std::time::Duration;

use jackin_api::kinds::{Instance, RunState};
use jackin_api::words::{ConditionType, Phase, is_true};
use kube::ResourceExt;
use uuid::Uuid;

use super::{Ended, instances};
use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::context::Context;
use crate::live::{self, Live, Target, Waited};
use crate::resource::INSTANCE;
use crate::text;

/// Start instances that were stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instances, as `NAME`, `instance/NAME` or `workspace/NAME` for all of a workspace
    #[arg(required = true, value_name = "INSTANCE")]
    instances: Vec<String>,
    /// Wait until they are ready; `--wait=false` does not
    #[arg(long, value_name = "BOOL", default_value_t = true, hide_default_value = true, hide_possible_values = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = text::duration)]
    timeout: Duration,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments { instances, wait, timeout } = arguments;
    set_run(context, instances, RunState::Running, wait.then_some(*timeout)).await
}

/// Says whether instances should run, and waits until they do or do not.
pub(super) async fn set_run(context: &Context, words: &[String], run: RunState, timeout: Option<Duration>) -> Ended {
    let client = context.client().await?;
    let found = instances::named(&client, context.namespace(), words).await?;
    let said = match run {
        RunState::Running => "started",
        RunState::Stopped => "stopped",
    };
    for instance in &found {
        let label = INSTANCE.label(&instance.name_any());
        if run == RunState::Running && instance.rests() {
            wake(&client, instance).await?;
            context.console.line(&format!("{label} {said}"))?;
        } else if instance.spec.run == run {
            context.console.line(&format!("{label} unchanged"))?;
        } else {
            instances::patch(&client, instance, serde_json::json!({ "run": run })).await?;
            context.console.line(&format!("{label} {said}"))?;
        }
    }
    let is_there = |instance: &Instance| match run {
        RunState::Running => is_ready(instance),
        RunState::Stopped => is_stopped(instance),
    };
    match timeout {
        Some(timeout) => wait(&client, context, &found, timeout, is_there).await,
        None => Ok(0),
    }
}

/// Starts what was stopped because nobody worked in it.
pub(super) async fn wake(client: &kube::Client, instance: &Instance) -> Result<(), CommandError> {
    let start = Uuid::now_v7().to_string();
    instances::patch(client, instance, serde_json::json!({ "run": RunState::Running, "start": start })).await?;
    Ok(())
}

/// Whether the instance is as its spec wants it.
pub(super) fn is_ready(instance: &Instance) -> bool {
    let status = instance.status.as_ref();
    status.is_some_and(|status| is_true(&status.conditions, ConditionType::Ready))
}

/// Whether the instance is stopped on purpose.
pub(super) fn is_stopped(instance: &Instance) -> bool {
    instance.status.as_ref().is_some_and(|status| status.phase == Phase::Stopped)
}

/// Waits until `is_there` holds for each instance, for its current generation.
pub(super) async fn wait(
    client: &kube::Client,
    context: &Context,
    instances: &[Instance],
    timeout: Duration,
    is_there: impl Fn(&Instance) -> bool,
) -> Ended {
    let namespace = context.namespace().to_owned();
    let target = Target { resource: &INSTANCE, namespace: namespace.clone(), name: None };
    let mut missing = Vec::new();
    let waited = live::until(client, &[target], Some(timeout), |live: &Live| {
        missing.clear();
        for instance in instances {
            let name = instance.name_any();
            let Some(object) = live.get(&INSTANCE, &namespace, &name) else {
                return Err(CommandError::failed(format!("instance `{name}` was deleted meanwhile"))
                    .hint("`jackin get instances` lists those that are there"));
            };
            let now: Instance = live::typed(object)?;
            let observed = now.status.as_ref().map_or(0, |status| status.observed_generation);
            if observed < now.metadata.generation.unwrap_or_default() || !is_there(&now) {
                if live::holds(object, "Stalled") {
                    return Err(CommandError::of(ErrorKind::Failed, vec![not_ready(&name, object)]));
                }
                missing.push(not_ready(&name, object));
            }
        }
        Ok(missing.is_empty().then_some(()))
    })
    .await?;
    match waited {
        Waited::Done(()) => Ok(0),
        Waited::TimedOut => Err(CommandError::late("not done", timeout, missing)),
    }
}

fn not_ready(name: &str, object: &kube::api::DynamicObject) -> Diagnostic {
    let conditions = live::conditions(object);
    let causes = ["Stalled", "Ready", "RepairPending"].into_iter().filter_map(|type_| {
        let condition = conditions.iter().find(|condition| condition.type_ == type_)?;
        Some(format!("{type_} is {}: {}: {}", condition.status, condition.reason, condition.message))
    });
    Diagnostic {
        message: format!("instance `{name}` is not there yet"),
        place: None,
        causes: causes.collect(),
        hints: vec![format!("`jackin describe instance {name}` tells everything about it")],
    }
}
