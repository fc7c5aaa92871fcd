//! What a reader sees of a pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jackin_api::kinds::{ImageDecisionReason, InstanceStatus};
use jackin_api::words::{Condition, ConditionStatus};
use jackin_plan::image::{ImageAction, ImagePlan};
use jackin_plan::project::Pass;
use jackin_plan::status::StepResult;
use jackin_plan::step::Consent;
use jackin_plan::workspace::WorkspacePlan;

/// A transcript being written.
#[derive(Default)]
pub(crate) struct Transcript {
    pub(crate) text: String,
    /// What was last said of each instance.
    said: BTreeMap<String, Vec<String>>,
}

impl Transcript {
    pub(crate) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "  {line}");
    }

    pub(crate) fn workspace(&mut self, name: &str, plan: &WorkspacePlan) {
        let WorkspacePlan { create, update, delete, renames, waiting, .. } = plan;
        let made = create.keys().filter(|made| !renames.values().any(|to| to == *made));
        let mut lines: Vec<_> = made.map(|instance| format!("+ {instance}")).collect();
        lines.extend(update.keys().map(|instance| format!("~ {instance}")));
        lines.extend(renames.iter().map(|(from, to)| format!("{from} goes on as {to}")));
        lines.extend(delete.iter().map(|instance| format!("- {instance}")));
        lines
            .extend(waiting.iter().map(|(instance, sessions)| format!("{instance} waits for {}", sessions.join(", "))));
        let said = self.said.insert(format!("workspace {name}"), lines.clone());
        if !lines.is_empty() && said.as_ref() != Some(&lines) {
            self.line(&format!("workspace {name}: {}", lines.join(", ")));
        }
    }

    pub(crate) fn image(&mut self, name: &str, plan: &ImagePlan) {
        let reason = |reason: &ImageDecisionReason| {
            reason.change.as_ref().map_or_else(|| reason.reason.to_string(), ToString::to_string)
        };
        let reasons: Vec<_> = plan.reasons.iter().map(reason).collect();
        match &plan.action {
            ImageAction::Serve(_) => {}
            ImageAction::Name(serving) => self.line(&format!("image {name}: tag {}", serving.name)),
            ImageAction::Ask { references } => {
                self.line(&format!("image {name}: ask the registry for {}", references.join(", ")));
            }
            ImageAction::Missing { reference } => self.line(&format!("image {name}: {reference} is missing")),
            ImageAction::Pull { reference } | ImageAction::Refresh { reference, .. } => {
                self.line(&format!("image {name}: pull {reference}"))
            }
            ImageAction::Build { .. } => {
                self.line(&format!("image {name}: {} because {}", plan.decision, reasons.join(", ")));
            }
        }
    }

    /// A pass: what it planned and did, and what of the status is another than before.
    pub(crate) fn pass(&mut self, name: &str, pass: &Pass) {
        let plan = &pass.plan;
        if !plan.steps.is_empty() {
            let rung = plan.chosen.map_or_else(|| "no rung".to_owned(), |chosen| chosen.to_string());
            self.line(&format!("{name}: {rung}"));
            for rejected in &plan.rejected {
                self.line(&format!("  not {}: {} ({})", rejected.plan, rejected.reason, rejected.message));
            }
        }
        for (planned, outcome) in plan.steps.iter().zip(&pass.outcomes) {
            let reasons: Vec<_> = planned.reasons.iter().map(ToString::to_string).collect();
            let ends = match planned.ends_sessions {
                None | Some(Consent::NoLiveSession) => "",
                Some(Consent::Policy) => " [sessions may end: policy]",
                Some(Consent::Request) => " [sessions may end: request]",
                Some(Consent::Deletion) => " [sessions may end: deletion]",
            };
            let came = match &outcome.result {
                StepResult::Done => String::new(),
                StepResult::NotBegun => " -> not begun".to_owned(),
                StepResult::Failed { message, .. } => format!(" -> failed: {message}"),
            };
            self.line(&format!(
                "  {} {}: {}{ends}{came}",
                planned.step.name(),
                planned.step.object(),
                reasons.join(", ")
            ));
        }
        self.status(name, &pass.status);
    }

    pub(crate) fn status(&mut self, name: &str, status: &InstanceStatus) {
        // What is as it should be is told by Ready, what is in the way by the condition that says so.
        let tells = |condition: &&Condition| match condition.type_.as_str() {
            "WorkspaceMaterialized" | "ImageReady" | "CredentialsResolved" | "CapsuleReady" => {
                condition.status != ConditionStatus::True
            }
            "RepairPending" => condition.status != ConditionStatus::False,
            "SidecarReady" | "Drifted" | "NeedsInput" | "Reconciling" => false,
            _ => true,
        };
        let told = status.conditions.iter().filter(tells);
        let mut lines: Vec<_> =
            told.map(|condition| format!("{} {} {}", condition.type_, condition.status, said(condition))).collect();
        lines.insert(0, format!("phase {}", status.phase));
        let before = self.said.insert(format!("instance {name}"), lines.clone()).unwrap_or_default();
        for line in lines.iter().filter(|line| !before.contains(line)) {
            self.line(&format!("{name} is now: {line}"));
        }
    }

    /// The whole text, with digests and the like replaced by what they are.
    pub(crate) fn finish(self) -> String {
        let mut finished = String::new();
        let mut word = String::new();
        let ends = self.text.chars().chain(['\n']);
        for character in ends {
            if character.is_ascii_alphanumeric() {
                word.push(character);
                continue;
            }
            let digest = word.len() >= 12 && word.chars().all(|character| character.is_ascii_hexdigit());
            finished.push_str(if digest { "DIGEST" } else { &word });
            word.clear();
            finished.push(character);
        }
        finished.trim_end().to_owned()
    }
}

fn said(condition: &Condition) -> String {
    if condition.message.is_empty() {
        condition.reason.clone()
    } else {
        format!("{}: {}", condition.reason, condition.message)
    }
}
