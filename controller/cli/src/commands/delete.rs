//! `jackin delete`: objects, and then what they stand for.

use std::time::Duration;

use kube::ResourceExt;
use kube::api::{DeleteParams, PropagationPolicy};

use super::Ended;
use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::context::Context;
use crate::live::{self, Target, Waited};
use crate::manifest::{self, Files};
use crate::resource::{self, Resource, WORKSPACE};
use crate::text;

/// Delete objects.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Objects, as `KIND NAME..`, `KIND/NAME..`, or `KIND --all`
    #[arg(value_name = "KIND", required_unless_present = "files", conflicts_with = "files")]
    objects: Vec<String>,
    #[command(flatten)]
    files: Files,
    /// All objects of the kind in the namespace
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "files")]
    selector: Option<String>,
    /// Wait until they and what they stand for are gone; `--wait=false` does not
    #[arg(long, value_name = "BOOL", default_value_t = true, hide_default_value = true, hide_possible_values = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait; 0 is without end
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = text::duration)]
    timeout: Duration,
    /// An object that is not there is no error
    #[arg(long)]
    ignore_not_found: bool,
    /// What becomes of objects that depend on them
    #[arg(long, value_enum, default_value = "background", default_missing_value = "background", num_args = 0..=1, require_equals = true)]
    cascade: Cascade,
    /// Tell what would be deleted, and do not
    #[arg(long, value_enum, default_value = "none", default_missing_value = "server", num_args = 0..=1, require_equals = true)]
    dry_run: DryRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Cascade {
    /// They are deleted afterwards
    Background,
    /// They are deleted first
    Foreground,
    /// They stay
    Orphan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DryRun {
    /// Delete
    None,
    /// Only find them
    Client,
    /// Let the server check it too
    Server,
}

/// One object to delete.
struct Doomed {
    resource: &'static Resource,
    namespace: String,
    name: String,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let is_by_file = !arguments.files.files.is_empty();
    let from_files = if is_by_file { manifest::identities(&arguments.files, context)? } else { Vec::new() };
    let selected = if is_by_file { Vec::new() } else { resource::select(&arguments.objects)? };
    let client = context.client().await?;
    let mut doomed: Vec<_> =
        from_files.into_iter().map(|(resource, namespace, name)| Doomed { resource, namespace, name }).collect();
    // What refers to others goes first.
    doomed.sort_by_key(|one| one.resource != &WORKSPACE);
    for one in &selected {
        let namespace = context.namespace().to_owned();
        let doom = |name| Doomed { resource: one.resource, namespace: namespace.clone(), name };
        if !one.names.is_empty() {
            doomed.extend(one.names.iter().cloned().map(doom));
        } else if arguments.all || arguments.selector.is_some() {
            let found = live::list(&client, one.resource, &namespace, &[], arguments.selector.as_deref()).await?;
            doomed.extend(found.into_iter().map(|object| doom(object.name_any())));
        } else {
            return Err(CommandError::bad_input("no object is named").hint("name one, or say `--all`"));
        }
    }
    if doomed.is_empty() {
        context.console.say("No resources found");
        return Ok(0);
    }
    delete(arguments, context, &client, doomed).await
}

async fn delete(arguments: &Arguments, context: &Context, client: &kube::Client, doomed: Vec<Doomed>) -> Ended {
    let policy = match arguments.cascade {
        Cascade::Background => PropagationPolicy::Background,
        Cascade::Foreground => PropagationPolicy::Foreground,
        Cascade::Orphan => PropagationPolicy::Orphan,
    };
    let parameters = DeleteParams {
        dry_run: arguments.dry_run == DryRun::Server,
        propagation_policy: Some(policy),
        ..DeleteParams::default()
    };
    let mut failures: Vec<Diagnostic> = Vec::new();
    let mut going = Vec::new();
    let mut kind = ErrorKind::Failed;
    for one in doomed {
        let api = one.resource.api(client.clone(), &one.namespace);
        let before = match api.get_opt(&one.name).await? {
            Some(object) => object,
            None if arguments.ignore_not_found => continue,
            None => {
                let message = format!("{} `{}` not found", one.resource.singular, one.name);
                let hints = vec![format!("`jackin get {}` lists those that are there", one.resource.plural)];
                failures.push(Diagnostic { hints, ..Diagnostic::new(message) });
                continue;
            }
        };
        if arguments.dry_run != DryRun::Client {
            match api.delete(&one.name, &parameters).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => {
                    let error = CommandError::from(error);
                    kind = error.kind();
                    failures.extend(error.into_diagnostics());
                    continue;
                }
            }
        }
        let said = match arguments.dry_run {
            DryRun::None => "deleted",
            DryRun::Client => "deleted (dry run)",
            DryRun::Server => "deleted (server dry run)",
        };
        let group = if one.resource.group.is_empty() { String::new() } else { format!(".{}", one.resource.group) };
        context.console.line(&format!("{}{group} \"{}\" {said}", one.resource.singular, one.name))?;
        going.push((one, before.metadata.uid));
    }
    if arguments.wait && arguments.dry_run == DryRun::None {
        wait(arguments, client, going).await?;
    }
    if failures.is_empty() { Ok(0) } else { Err(CommandError::of(kind, failures)) }
}

async fn wait(
    arguments: &Arguments,
    client: &kube::Client,
    mut going: Vec<(Doomed, Option<String>)>,
) -> Result<(), CommandError> {
    if going.is_empty() {
        return Ok(());
    }
    let mut targets: Vec<Target> = Vec::new();
    for (one, _) in &going {
        let is_covered = |target: &Target| target.resource == one.resource && target.namespace == one.namespace;
        if !targets.iter().any(is_covered) {
            targets.push(Target { resource: one.resource, namespace: one.namespace.clone(), name: None });
        }
    }
    let timeout = Some(arguments.timeout).filter(|timeout| !timeout.is_zero());
    let mut causes = Vec::new();
    let waited = live::until(client, &targets, timeout, |live| {
        let find = |one: &Doomed| live.get(one.resource, &one.namespace, &one.name);
        going.retain(|(one, uid)| find(one).is_some_and(|object| &object.metadata.uid == uid));
        causes = going
            .iter()
            .filter_map(|(one, _)| Some((one.name.clone(), find(one)?)))
            .map(|(name, object)| {
                let ready = live::conditions(object).into_iter().find(|condition| condition.type_ == "Ready");
                let why = ready.map_or_else(
                    || object.finalizers().join(", "),
                    |ready| format!("{}: {}", ready.reason, ready.message),
                );
                format!("`{name}` is held: {why}")
            })
            .collect();
        Ok(going.is_empty().then_some(()))
    })
    .await?;
    match waited {
        Waited::Done(()) => Ok(()),
        Waited::TimedOut => {
            let message = format!("not gone within {}", text::brief(arguments.timeout));
            let hints = vec!["the controller goes on with it; `jackin events` tells how it fares".to_owned()];
            let diagnostic = Diagnostic { message, place: None, causes, hints };
            Err(CommandError::of(ErrorKind::NotReady, vec![diagnostic]))
        }
    }
}
