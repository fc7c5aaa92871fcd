//! The conditions of an instance that each speak of one thing: mounts, image, credentials, capsule, drift, pending repair, sessions.
//!
//! Their sum is in [`super::summary`].

use jackin_api::wire::{Session, SessionState};
use jackin_api::words::{Change, ConditionStatus, ConditionType, Conditions, Reason};

use crate::desired::{Desired, DesiredImage};
use crate::disruption::state_word;
use crate::launch::personalisation;
use crate::network::{self, Fitness};
use crate::observed::{Capsule, MountSourceState};
use crate::resolve::Wanted;
use crate::step::{Held, WaitsFor};
use crate::world::Container;

use super::failure;
use super::hooks::state_hooks;
use super::instance::{InstancePass, state_of};
use super::sidecar::{consent_words, state_sidecar};

pub(super) fn state_parts(pass: &InstancePass<'_>, container: Option<&Container>, conditions: &mut Conditions) {
    if let Wanted::Run(desired) = pass.wanted {
        state_mounts(pass, conditions);
        state_network(pass, desired, conditions);
        state_image(desired, conditions);
        state_credentials(pass, desired, conditions);
        state_hooks(pass, desired, conditions);
    }
    state_sidecar(pass, conditions);
    match &pass.observed.capsule {
        Capsule::Answers(_) => conditions.set(ConditionType::CapsuleReady, true, Reason::CapsuleAnswers, ""),
        Capsule::Silent(tried) => {
            let message = format!("{tried}; `jackin restart` replaces what runs");
            conditions.set(ConditionType::CapsuleReady, false, Reason::CapsuleUnresponsive, message)
        }
        Capsule::NotAsked => conditions.set(ConditionType::CapsuleReady, false, Reason::ContainerNotRunning, ""),
    };
    let fields: Vec<_> = pass.plan.drift.iter().map(Change::with_digests).collect();
    let (drifted, reason) = if fields.is_empty() { (false, Reason::NoDrift) } else { (true, Reason::FieldsDiffer) };
    conditions.set(ConditionType::Drifted, drifted && container.is_some(), reason, fields.join(", "));
    state_pending(pass, conditions);
    state_waiting(pass, conditions);
}

/// Whose turn it is, the one that waits longest first.
fn state_waiting(pass: &InstancePass<'_>, conditions: &mut Conditions) {
    let reason = |session: &Session| match state_of(session) {
        SessionState::WaitingForInput => Some(Reason::WaitingForInput),
        SessionState::WaitingForPermission => Some(Reason::WaitingForPermission),
        SessionState::AuthNeeded => Some(Reason::AuthNeeded),
        SessionState::Starting
        | SessionState::Working
        | SessionState::Idle
        | SessionState::Exited
        | SessionState::Unknown => None,
    };
    let sessions = pass.observed.capsule.sessions().iter();
    let mut waiting: Vec<_> = sessions.filter_map(|session| Some((session, reason(session)?))).collect();
    waiting.sort_by_key(|(session, _)| session.state_since);
    let told: Vec<_> = waiting
        .iter()
        .map(|(Session { name, state, evidence, .. }, _)| match (state_word(*state), evidence.as_str()) {
            (state, "") => format!("{name} ({state})"),
            (state, evidence) => format!("{name} ({state}, {evidence})"),
        })
        .collect();
    let reason = waiting.first().map_or(Reason::NoSessionWaits, |(_, reason)| *reason);
    conditions.set(ConditionType::NeedsInput, !waiting.is_empty(), reason, told.join(", "));
}

fn state_pending(pass: &InstancePass<'_>, conditions: &mut Conditions) {
    let Some(pending) = &pass.plan.pending else {
        conditions.set(ConditionType::RepairPending, false, Reason::NothingPending, "");
        return;
    };
    let mut why: Vec<_> = pending.repair.reasons.iter().map(ToString::to_string).collect();
    if why.is_empty() {
        // No field differs where it only does not run, or is not there.
        why.extend(pending.repair.rejected_plans.last().map(|rejection| rejection.message.clone()));
    }
    let because = if why.is_empty() { String::new() } else { format!(" because of {}", why.join(", ")) };
    let (reason, waits) = match &pending.waits_for {
        WaitsFor::Sessions(names) if names.is_empty() => {
            (Reason::SessionsLive, "the capsule, to say whether sessions are live".to_owned())
        }
        WaitsFor::Sessions(names) => (Reason::SessionsLive, format!("live sessions ({})", names.join(", "))),
        WaitsFor::Restart => (Reason::RestartNeeded, "a restart".to_owned()),
        WaitsFor::Consent(volumes) => {
            conditions.set(ConditionType::RepairPending, true, Reason::VolumeHoldsData, consent_words(volumes));
            return;
        }
        WaitsFor::Resume => (Reason::Suspended, "the end of `spec.suspend`".to_owned()),
    };
    let message = format!("{}{because}; waits for {waits}; `jackin restart` does it now", pending.repair.plan);
    conditions.set(ConditionType::RepairPending, true, reason, message);
}

fn state_mounts(pass: &InstancePass<'_>, conditions: &mut Conditions) {
    let (mut missing, mut unread) = (Vec::new(), Vec::new());
    for (target, state) in &pass.observed.mounts {
        let source = source_of(pass.wanted, target);
        match state {
            MountSourceState::Present => {}
            MountSourceState::Missing => missing.push(format!("`{source}`, the source of `{target}`, does not exist")),
            MountSourceState::Forbidden { part } => {
                missing
                    .push(format!("`{source}`, the source of `{target}`, leads to {part}, which may not be mounted"));
            }
            MountSourceState::Unreadable { error } => {
                unread.push(format!("`{source}`, the source of `{target}`: {error}"))
            }
        }
    }
    let type_ = ConditionType::WorkspaceMaterialized;
    match (&pass.plan.held, missing.is_empty(), unread.is_empty()) {
        (Some(Held::Isolation(what)), ..) => conditions.set(type_, false, Reason::IsolationNotSupported, what),
        (_, false, _) => conditions.set(type_, false, mounts_reason(pass), missing.join("; ")),
        (_, true, false) => {
            conditions.set(type_, ConditionStatus::Unknown, Reason::MountSourceMissing, unread.join("; "))
        }
        (_, true, true) => conditions.set(type_, true, Reason::MountsPresent, ""),
    };
}

/// The path on the host of the mount at this target.
fn source_of<'a>(wanted: &'a Wanted, target: &str) -> &'a str {
    let mounts = match wanted {
        Wanted::Run(desired) => desired.mounts.as_slice(),
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => &[],
    };
    mounts.iter().find(|mount| mount.target == target).map_or("", |mount| &mount.source)
}

pub(super) fn mounts_reason(pass: &InstancePass<'_>) -> Reason {
    let forbidden = |state: &MountSourceState| matches!(state, MountSourceState::Forbidden { .. });
    if pass.observed.mounts.values().any(forbidden) { Reason::MountSourceForbidden } else { Reason::MountSourceMissing }
}

fn state_network(pass: &InstancePass<'_>, desired: &Desired, conditions: &mut Conditions) {
    let type_ = ConditionType::NetworkReady;
    let name = network::name(&pass.site.owner, desired);
    let moves = pass.plan.drift.iter().any(|change| change.field == "network");
    match network::fitness(&pass.site.owner, desired, pass.observed) {
        Fitness::Unfit(trouble) => conditions.set(type_, false, trouble.reason(), trouble.to_string()),
        Fitness::Missing => {
            conditions.set(type_, false, Reason::DependenciesNotReady, format!("network `{name}` is not there yet"))
        }
        Fitness::Ours | Fitness::NotOurs if moves => {
            conditions.set(type_, false, Reason::FieldsDiffer, format!("its container is being moved to `{name}`"))
        }
        Fitness::Ours => conditions.set(type_, true, Reason::NetworkOurs, ""),
        Fitness::NotOurs => {
            let message =
                format!("network `{name}` was not made by this installation; it is used as it is and never removed");
            conditions.set(type_, true, Reason::NetworkNotOurs, message)
        }
    };
}

fn state_image(desired: &Desired, conditions: &mut Conditions) {
    match &desired.image {
        DesiredImage::Valid(_) => conditions.set(ConditionType::ImageReady, true, Reason::ImageValid, ""),
        DesiredImage::Invalid { why, failed, .. } => {
            let reason = if *failed { Reason::BuildFailed } else { Reason::Building };
            conditions.set(ConditionType::ImageReady, false, reason, why.clone())
        }
    };
}

fn state_credentials(pass: &InstancePass<'_>, desired: &Desired, conditions: &mut Conditions) {
    let type_ = ConditionType::CredentialsResolved;
    let failed = failure(pass.outcomes).filter(|(_, _, outcome)| outcome.step == "Personalise");
    let wanted = personalisation(desired);
    let given = match &pass.observed.capsule {
        Capsule::Answers(status) => status.environment_digest.as_ref() == Some(&wanted.digest.0),
        Capsule::NotAsked | Capsule::Silent(_) => false,
    };
    let needs = wanted.environment.values().any(|source| source.from.is_some());
    if let Some((reason, message, _)) = failed {
        conditions.set(type_, false, reason, message);
    } else if !needs {
        conditions.set(type_, true, Reason::NotNeeded, "");
    } else if given {
        conditions.set(type_, true, Reason::ReferencesRead, "");
    } else {
        conditions.set(type_, false, Reason::DependenciesNotReady, "they are read when the capsule answers");
    }
}
