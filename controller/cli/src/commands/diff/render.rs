//! The text of a diff, for people.

use std::fmt::Write as _;

use jackin_api::words::{Change, PlanKind, Rejection};
use jackin_plan::project::{
    ShownHeld, ShownImage, ShownInstance, ShownOperation, ShownProjection, ShownWait, ShownWorkspace,
};
use jackin_plan::step::Consent;
use serde_json::Value;

use crate::console::{Console, Paint};

use super::fields::{FieldDiff, ObjectDiff};

/// The whole text. Empty when nothing would change and nothing waits.
pub(super) fn render(console: &Console, diffs: &[ObjectDiff], projection: &ShownProjection) -> String {
    let mut page = Page { console, text: String::new() };
    for diff in diffs {
        page.object(diff);
    }
    for workspace in &projection.workspaces {
        page.workspace(workspace);
    }
    let tells = |image: &&ShownImage| !image.operations.is_empty() || image.held.is_some();
    for image in projection.images.iter().filter(tells) {
        page.image(image);
    }
    let tells = |instance: &&ShownInstance| {
        !instance.operations.is_empty() || instance.waits.is_some() || instance.held.is_some()
    };
    for instance in projection.instances.iter().filter(tells) {
        page.instance(instance);
    }
    page.text
}

struct Page<'a> {
    console: &'a Console,
    text: String,
}

impl Page<'_> {
    fn title(&mut self, object: &str, what: &str) {
        let _ = writeln!(self.text, "{} {what}", self.console.paint(Paint::Strong, object));
    }

    fn line(&mut self, paint: Paint, line: &str) {
        let _ = writeln!(self.text, "  {}", self.console.paint(paint, line));
    }

    fn plain(&mut self, line: &str) {
        let _ = writeln!(self.text, "  {line}");
    }

    fn object(&mut self, diff: &ObjectDiff) {
        self.title(&diff.object, diff.change);
        for FieldDiff { field, old, new } in &diff.fields {
            match (old, new) {
                (None, Some(new)) => self.line(Paint::Good, &format!("+ {field}: {}", short(new))),
                (Some(old), None) => self.line(Paint::Bad, &format!("- {field}: {}", short(old))),
                (old, new) => {
                    let shown = |value: &Option<Value>| value.as_ref().map_or_else(String::new, short);
                    self.line(Paint::Change, &format!("~ {field}: {} -> {}", shown(old), shown(new)));
                }
            }
        }
    }

    fn workspace(&mut self, workspace: &ShownWorkspace) {
        self.title(&format!("workspace/{}", workspace.name), "instances");
        for name in &workspace.creates {
            self.line(Paint::Good, &format!("+ {name}"));
        }
        for name in &workspace.updates {
            self.line(Paint::Change, &format!("~ {name}"));
        }
        for rename in &workspace.renames {
            let line = format!("~ {} goes on as {}, with its container and home", rename.from, rename.to);
            self.line(Paint::Change, &line);
        }
        for name in &workspace.deletes {
            self.line(Paint::Bad, &format!("- {name}"));
        }
        for network in &workspace.removes_networks {
            self.line(Paint::Bad, &format!("- network {network}, which nobody is on then"));
        }
        for kept in &workspace.keeps_networks {
            let users = kept.users.join(", ");
            self.plain(&format!(
                "network {} stays: {users} use it; it is removed when they have left it",
                kept.network
            ));
        }
        for wait in &workspace.waits {
            self.plain(&format!("{} stays: {}", wait.instance, wait.message));
        }
        for role in &workspace.missing_roles {
            self.plain(&format!("role `{role}` does not exist; apply it, or remove the instances that name it"));
        }
    }

    fn image(&mut self, image: &ShownImage) {
        self.title(&format!("image/{}", image.name), &image.decision);
        for reason in &image.reasons {
            match &reason.change {
                Some(change) => self.line(Paint::Change, &changed(change)),
                None => self.plain(&reason.reason.to_string()),
            }
        }
        for (index, operation) in image.operations.iter().enumerate() {
            self.plain(&format!("{}. {} {}", index + 1, operation.step, operation.object));
        }
        self.held(image.held.as_ref());
    }

    fn instance(&mut self, instance: &ShownInstance) {
        let plan = match (instance.plan, instance.operations.is_empty()) {
            (Some(plan), false) => plan.to_string(),
            (None, false) => "stopped or removed".to_owned(),
            (_, true) => "as it is".to_owned(),
        };
        self.title(&format!("instance/{}", instance.name), &plan);
        for change in &instance.reasons {
            self.line(Paint::Change, &changed(change));
        }
        let one_pass = instance.passes.len() == 1;
        let mut number = 0;
        for pass in &instance.passes {
            if !one_pass {
                let plan = pass.plan.as_ref().map(PlanKind::to_string).unwrap_or_default();
                self.plain(format!("pass {}: {plan}", pass.pass).trim_end_matches([' ', ':']));
            }
            self.rejected(&pass.rejected_plans);
            for operation in instance.operations.iter().filter(|operation| operation.pass == pass.pass) {
                number += 1;
                self.operation(number, operation);
            }
        }
        if instance.passes.is_empty() {
            self.rejected(&instance.rejected_plans);
        }
        if let Some(wait) = &instance.waits {
            self.wait(wait, &instance.reasons);
        }
        self.held(instance.held.as_ref());
    }

    fn rejected(&mut self, rejected: &[Rejection]) {
        for Rejection { plan, reason: _, message } in rejected {
            self.line(Paint::Faint, &format!("not {plan}: {message}"));
        }
    }

    fn operation(&mut self, number: usize, operation: &ShownOperation) {
        let reasons: Vec<_> = operation.reasons.iter().map(|reason| reason.message.as_str()).collect();
        let ends = match operation.ends_sessions {
            None | Some(Consent::NoLiveSession) => "",
            Some(Consent::Policy) => "; ends sessions, which the disruption policy allows",
            Some(Consent::Request) => "; ends sessions, as was asked for",
            Some(Consent::Deletion) => "; ends sessions, as it is deleted",
        };
        self.plain(&format!("{number}. {} {}: {}{ends}", operation.step, operation.object, reasons.join(", ")));
    }

    fn wait(&mut self, wait: &ShownWait, shown: &[Change]) {
        self.rejected(&wait.rejected_plans);
        self.plain(&format!("waits: {}", wait.message));
        for change in wait.reasons.iter().filter(|change| !shown.contains(change)) {
            self.line(Paint::Change, &changed(change));
        }
    }

    fn held(&mut self, held: Option<&ShownHeld>) {
        if let Some(ShownHeld { reason, message }) = held {
            self.line(Paint::Bad, &format!("{reason}: {message}"));
        }
    }
}

/// A field that differs, with the beginning of both digests.
fn changed(change: &Change) -> String {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("{change}: {} -> {}", old.short(), new.short()),
        (Some(old), None) if change.to_string().starts_with('~') => {
            format!("{change}: {} -> known once it is there", old.short())
        }
        (_, Some(digest)) | (Some(digest), None) => format!("{change}: {}", digest.short()),
        (None, None) => change.to_string(),
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains('\n') => text.clone(),
        other => other.to_string(),
    }
}
