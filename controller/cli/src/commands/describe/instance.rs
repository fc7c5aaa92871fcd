//! What is told of an Instance and a Workspace beyond what every kind has.

use std::fmt::Write as _;

use jackin_api::kinds::{HookStatus, Instance, Launch, SessionStatus, Workspace};
use jackin_api::words::Phase;

use super::{field, section, short, table, timings};
use crate::console::{Console, Paint};

pub(super) fn describe(text: &mut String, instance: &Instance, console: &Console) {
    let Some(status) = &instance.status else {
        field(text, "Phase", "Pending (not looked at yet)");
        return;
    };
    let paint = match status.phase {
        Phase::Running | Phase::Standby => Paint::Good,
        Phase::Failed | Phase::Unknown => Paint::Bad,
        _ => Paint::Change,
    };
    field(text, "Phase", &console.paint(paint, &status.phase.to_string()));
    if let Some(plan) = &status.plan {
        field(text, "Plan", &plan.to_string());
    }
    if let Some(container) = &status.container {
        field(text, "Container", &format!("{} ({})", container.name, short(&container.id)));
    }
    if let Some(sidecar) = &status.sidecar {
        field(text, "Sidecar", &format!("{} ({})", sidecar.name, short(&sidecar.id)));
    }
    if !status.reclaimable_volumes.is_empty() {
        field(text, "Reclaimable", &status.reclaimable_volumes.join(", "));
    }
    if let Some(image) = &status.image {
        field(text, "Image", &format!("{} ({})", image.name, short(&image.id)));
    }
    let digests =
        [("recipe", &status.digests.recipe), ("launch", &status.digests.launch), ("live", &status.digests.live)];
    let known: Vec<_> = digests
        .iter()
        .filter_map(|(name, digest)| digest.as_ref().map(|digest| format!("{name} {}", digest.short())))
        .collect();
    if !known.is_empty() {
        field(text, "Digests", &known.join(", "));
    }
    if let Some(retry) = &status.retry {
        field(text, "Retry", &format!("after {} failures, at {}", retry.failures, retry.after));
    }
    if let Some(pending) = &status.pending_repair {
        section(text, "Pending repair");
        let _ = writeln!(text, "  {}", console.paint(Paint::Change, &pending.plan.to_string()));
        for change in &pending.reasons {
            let _ = writeln!(text, "  {change}");
        }
        let name = instance.metadata.name.as_deref().unwrap_or_default();
        let next = if status.awaits_approval.is_empty() {
            format!("`jackin restart {name}` runs it now, and ends the sessions")
        } else {
            format!("`jackin approve {name}` lets it run, and the data of {} go", status.awaits_approval.join(", "))
        };
        let _ = writeln!(text, "  ({next})");
    }
    if !status.rejected_plans.is_empty() {
        section(text, "Cheaper plans");
        let rows: Vec<_> = status
            .rejected_plans
            .iter()
            .map(|rejected| vec![rejected.plan.to_string(), rejected.reason.to_string(), rejected.message.clone()])
            .collect();
        table(text, &rows);
    }
    if !status.sessions.is_empty() {
        section(text, "Sessions");
        let mut rows = vec![["ID", "AGENT", "STATE", "SINCE", "ATTACHED", "EVIDENCE"].map(str::to_owned).to_vec()];
        rows.extend(status.sessions.iter().map(|session| {
            let SessionStatus { id, agent, state, since, evidence, attached } = session;
            let since = since.map(|since| format!("{since:.0}")).unwrap_or_default();
            let attached = if *attached { "yes" } else { "no" };
            let words = [id, agent, state, &since, attached, evidence];
            words.map(|word| word.to_owned()).to_vec()
        }));
        table(text, &rows);
    }
    if !status.hooks.is_empty() {
        describe_hooks(text, &status.hooks);
    }
    if let Some(launch) = &status.last_launch {
        describe_launch(text, launch);
    }
}

/// The latest run of each hook, with what it printed.
fn describe_hooks(text: &mut String, hooks: &[HookStatus]) {
    section(text, "Hooks");
    for hook in hooks {
        let HookStatus { hook, started_at, duration_ms, exit_code, error, output } = hook;
        let took = duration_ms.map_or_else(|| "runs".to_owned(), |duration| format!("{duration} ms"));
        let ended = match (error, exit_code) {
            (Some(error), _) => format!(", could not be run: {error}"),
            (None, Some(0) | None) => String::new(),
            (None, Some(code)) => format!(", ended with {code}"),
        };
        let _ = writeln!(text, "  {hook} at {started_at:.0}, {took}{ended}");
        for line in output.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn describe_launch(text: &mut String, launch: &Launch) {
    let Launch { id: _, plan, started_at, duration_ms, steps } = launch;
    let took = duration_ms.map_or_else(|| "under way".to_owned(), |duration| format!("{duration} ms"));
    field(text, "Last launch", &format!("{plan} at {started_at}, {took}"));
    timings(text, steps);
}

pub(super) fn describe_workspace(text: &mut String, workspace: &Workspace) {
    let Some(status) = &workspace.status else { return };
    field(text, "Instances", &format!("{} of {} ready", status.ready, status.desired));
    for role in &status.roles {
        field(text, "Role", &format!("{} (revision {})", role.name, role.revision.get(..19).unwrap_or(&role.revision)));
    }
}
