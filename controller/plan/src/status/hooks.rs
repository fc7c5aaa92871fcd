//! What is said of the hooks before the first session.

use jackin_api::kinds::Retry;
use jackin_api::wire::HookRun;
use jackin_api::words::{ConditionType, Conditions, Reason};

use crate::desired::Desired;
use crate::hooks;
use crate::resolve::Wanted;

use super::instance::InstancePass;
use super::retry::next_try;

pub(super) fn state_hooks(pass: &InstancePass<'_>, desired: &Desired, conditions: &mut Conditions) {
    if desired.hooks.is_empty() {
        return;
    }
    let type_ = ConditionType::HooksPassed;
    let capsule = &pass.observed.capsule;
    if let Some(run) = hooks::failed(capsule) {
        conditions.set(type_, false, Reason::HookFailed, with_output(how(run), run));
    } else if hooks::run_now(capsule).is_some() {
        conditions.set(type_, false, Reason::HooksRunning, running_words(pass));
    } else if pass.plan.drift.iter().any(|change| change.field == "command") {
        let message = "its container was made when its role had other hooks";
        conditions.set(type_, false, Reason::FieldsDiffer, message);
    } else if hooks::first_session(capsule).is_some() {
        conditions.set(type_, true, Reason::HooksDone, "");
    } else {
        conditions.set(type_, false, Reason::DependenciesNotReady, "they run before the first session");
    }
}

/// The hook that runs now, since when, and where it can be watched.
pub(super) fn running_words(pass: &InstancePass<'_>) -> String {
    let now = hooks::statuses(&pass.observed.capsule).into_iter().find(|hook| hook.duration_ms.is_none());
    let which = now.map(|hook| format!("hook `{}` has run since {:.0}", hook.hook, hook.started_at));
    format!("{}; `jackin attach` shows it, the agent starts after it", which.as_deref().unwrap_or("its hooks run"))
}

/// The hook that failed, how, what helps, and what it printed.
pub(super) fn failure_words(pass: &InstancePass<'_>, retry: Option<&Retry>) -> String {
    let Some(run) = hooks::failed(&pass.observed.capsule) else { return String::new() };
    let next = next_try(retry);
    let instance = match pass.wanted {
        Wanted::Run(desired) => desired.key.name.as_str(),
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => "INSTANCE",
    };
    let text = format!(
        "{}{next}; `jackin exec {instance} -- COMMAND` looks into it without hooks, `jackin restart {instance}` tries at once",
        how(run)
    );
    with_output(text, run)
}

fn how(run: &HookRun) -> String {
    let hook = run.hook.name();
    match (&run.error, run.exit) {
        (Some(error), _) => format!("hook `{hook}` could not be run: {error}"),
        (None, Some(exit)) if exit.signal.is_some() => {
            format!("hook `{hook}` was ended by signal {}", exit.signal.unwrap_or_default())
        }
        (None, Some(exit)) => format!("hook `{hook}` ended with {}", exit.shell_code()),
        (None, None) => format!("hook `{hook}` ended, nobody knows how"),
    }
}

fn with_output(text: String, run: &HookRun) -> String {
    if run.output.is_empty() { text } else { format!("{text}; its last lines:\n{}", run.output) }
}
