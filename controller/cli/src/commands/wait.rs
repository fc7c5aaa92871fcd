//! `jackin wait`: until a condition holds or objects are gone.

use std::time::Duration;

use kube::ResourceExt;

use super::Ended;
use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::context::Context;
use crate::live::{self, Live, Target, Waited};
use crate::resource::{self, Resource};
use crate::text;

/// Wait until a condition holds or objects are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 3 when it is not so in time.")]
pub(crate) struct Arguments {
    /// Objects, as `KIND NAME..` or `KIND/NAME..`
    #[arg(required = true, value_name = "KIND")]
    objects: Vec<String>,
    /// All objects of the kind
    #[arg(long)]
    all: bool,
    /// What to wait for: `condition=TYPE`, `condition=TYPE=STATUS` or `delete`
    #[arg(long = "for", value_name = "WHAT", default_value = "condition=Ready", value_parser = goal)]
    goal: Goal,
    /// How long; 0 looks once
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = text::duration)]
    timeout: Duration,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Goal {
    Condition { type_: String, status: String },
    Deleted,
}

fn goal(text: &str) -> Result<Goal, String> {
    if text.eq_ignore_ascii_case("delete") {
        return Ok(Goal::Deleted);
    }
    let Some(condition) = text.strip_prefix("condition=").filter(|condition| !condition.is_empty()) else {
        return Err("write `condition=TYPE`, `condition=TYPE=STATUS` or `delete`".to_owned());
    };
    let (type_, status) = condition.split_once('=').unwrap_or((condition, "True"));
    Ok(Goal::Condition { type_: type_.to_owned(), status: status.to_owned() })
}

/// One object that is waited for.
struct Awaited {
    resource: &'static Resource,
    name: String,
    uid: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let selected = resource::select(&arguments.objects)?;
    let client = context.client().await?;
    let namespace = context.namespace();
    let mut awaited = Vec::new();
    for one in &selected {
        if one.names.is_empty() && !arguments.all {
            return Err(CommandError::bad_input("no object is named").hint("name one, or say `--all`"));
        }
        match live::list(&client, one.resource, namespace, &one.names, None).await {
            Ok(objects) => awaited.extend(objects.into_iter().map(|object| Awaited {
                resource: one.resource,
                name: object.name_any(),
                uid: object.metadata.uid,
            })),
            // Gone is what was wanted.
            Err(error)
                if arguments.goal == Goal::Deleted && error.kind() == ErrorKind::Failed && !one.names.is_empty() =>
            {
                for name in &one.names {
                    let object = one.resource.api(client.clone(), namespace).get_opt(name).await?;
                    awaited.push(Awaited {
                        resource: one.resource,
                        name: name.clone(),
                        uid: object.and_then(|object| object.metadata.uid),
                    });
                }
            }
            Err(error) => return Err(error),
        }
    }
    if awaited.is_empty() {
        return match arguments.goal {
            Goal::Deleted => Ok(0),
            Goal::Condition { .. } => Err(CommandError::failed("there is no object to wait for")
                .hint("`jackin get all` lists those that are there")),
        };
    }
    wait(arguments, context, &client, awaited).await
}

async fn wait(arguments: &Arguments, context: &Context, client: &kube::Client, mut awaited: Vec<Awaited>) -> Ended {
    let namespace = context.namespace();
    let mut targets: Vec<Target> = Vec::new();
    for one in &awaited {
        if !targets.iter().any(|target| target.resource == one.resource) {
            targets.push(Target { resource: one.resource, namespace: namespace.to_owned(), name: None });
        }
    }
    let mut last = Vec::new();
    let waited = live::until(client, &targets, Some(arguments.timeout), |live| {
        let mut left = Vec::new();
        for one in awaited.drain(..) {
            if is_reached(&arguments.goal, &one, live, namespace) {
                let said = match &arguments.goal {
                    Goal::Condition { .. } => "condition met",
                    Goal::Deleted => "deleted",
                };
                context.console.line(&format!("{} {said}", one.resource.label(&one.name)))?;
            } else {
                left.push(one);
            }
        }
        awaited = left;
        last = awaited.iter().map(|one| missing(&arguments.goal, one, live, namespace)).collect();
        Ok(awaited.is_empty().then_some(()))
    })
    .await?;
    match waited {
        Waited::Done(()) => Ok(0),
        Waited::TimedOut => {
            let what = match arguments.goal {
                Goal::Condition { .. } => "not so",
                Goal::Deleted => "not gone",
            };
            Err(CommandError::late(what, arguments.timeout, last))
        }
    }
}

fn is_reached(goal: &Goal, one: &Awaited, live: &Live, namespace: &str) -> bool {
    let object = live.get(one.resource, namespace, &one.name);
    match (goal, object) {
        (Goal::Deleted, None) => true,
        (Goal::Deleted, Some(object)) => object.metadata.uid != one.uid,
        (Goal::Condition { .. }, None) => false,
        (Goal::Condition { type_, status }, Some(object)) => live::current_condition(object, type_)
            .is_some_and(|condition| condition.status.to_string().eq_ignore_ascii_case(status)),
    }
}

fn missing(goal: &Goal, one: &Awaited, live: &Live, namespace: &str) -> Diagnostic {
    let label = format!("{} `{}`", one.resource.singular, one.name);
    let object = live.get(one.resource, namespace, &one.name);
    let hint = format!("`jackin describe {} {}` tells everything about it", one.resource.singular, one.name);
    let (message, causes) = match (goal, object) {
        (_, None) => (format!("{label} is not there"), Vec::new()),
        (Goal::Deleted, Some(object)) => {
            let finalizers = object.finalizers().join(", ");
            let causes = if finalizers.is_empty() { Vec::new() } else { vec![format!("held by {finalizers}")] };
            (format!("{label} is not gone in time"), causes)
        }
        (Goal::Condition { type_, status }, Some(object)) => {
            let known = live::conditions(object).into_iter().find(|known| known.type_.eq_ignore_ascii_case(type_));
            let age = match live::current_condition(object, type_) {
                Some(_) => "",
                None => " (of an earlier generation)",
            };
            let cause = match known {
                Some(known) => format!("{} is {}{age}: {}: {}", known.type_, known.status, known.reason, known.message),
                None => {
                    let types: Vec<_> = live::conditions(object).into_iter().map(|known| known.type_).collect();
                    format!(
                        "its conditions are {}",
                        if types.is_empty() { "none yet".to_owned() } else { types.join(", ") }
                    )
                }
            };
            (format!("{label} has no `{type_}={status}` in time"), vec![cause])
        }
    };
    Diagnostic { message, place: None, causes, hints: vec![hint] }
}
