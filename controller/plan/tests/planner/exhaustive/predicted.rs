//! The table of the ladder's documentation, read from the top: what it predicts for a combination.

use jackin_api::wire::SessionState;
use jackin_api::words::PlanKind::{self, AttachExisting, BuildAndCreate, CreateFromValidImage, StartStopped};
use jackin_plan::world::ContainerState;

use super::combination::{Combination, Image, Launch, Mounts, Policy, Restart, Says, There};

/// What is predicted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Predicted {
    pub(super) chosen: PlanKind,
    /// The repair that waits.
    pub(super) pending: Option<PlanKind>,
}

impl Combination {
    pub(super) fn predicted(self) -> Predicted {
        let chosen = self.rung(self.restart);
        let Some((state, launch)) = self.serving() else { return Predicted { chosen, pending: None } };
        let alive = matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting);
        let thaws = state == ContainerState::Paused && self.restart == Restart::No;
        if chosen != AttachExisting && alive && !thaws && !self.may_end() {
            return Predicted { chosen: AttachExisting, pending: Some(chosen) };
        }
        let replaced = self.mounts == Mounts::Replaced && state == ContainerState::Running;
        let outdated = chosen == AttachExisting && (launch == Launch::VersionOnly || replaced);
        Predicted { chosen, pending: outdated.then(|| self.rung(Restart::InPlace)) }
    }

    /// The first line of the table that holds.
    fn rung(self, restart: Restart) -> PlanKind {
        let made = if self.image == Image::Valid { CreateFromValidImage } else { BuildAndCreate };
        let Some((state, launch)) = self.serving() else { return made };
        match state {
            ContainerState::Paused if restart == Restart::No => StartStopped,
            ContainerState::Dead | ContainerState::Removing => made,
            _ if matches!(launch, Launch::Differs | Launch::Unreadable) => made,
            _ if restart == Restart::Recreate && state != ContainerState::Created => made,
            _ if restart != Restart::No && launch == Launch::VersionOnly => made,
            _ if restart != Restart::No => StartStopped,
            ContainerState::Created | ContainerState::Exited => StartStopped,
            ContainerState::Running | ContainerState::Restarting | ContainerState::Paused => AttachExisting,
        }
    }

    /// The container that is decided over: one that runs, then one that fits. It is the first one that is made unreadable.
    fn serving(self) -> Option<(ContainerState, Launch)> {
        let second = if self.launch == Launch::Unreadable { Launch::Same } else { self.launch };
        match self.there {
            There::Nothing | There::One(ContainerState::Removing) => None,
            There::One(state) => Some((state, self.launch)),
            There::OldRunsNewMade => Some((ContainerState::Running, Launch::Differs)),
            There::OldEndedNewMade => Some((ContainerState::Created, second)),
            There::NewMade => Some((ContainerState::Created, self.launch)),
            There::BothRun => Some((ContainerState::Running, second)),
        }
    }

    /// Whether what runs may be ended now.
    pub(super) fn may_end(self) -> bool {
        if self.restart != Restart::No {
            return true;
        }
        match (self.there, self.says) {
            (There::BothRun | There::One(ContainerState::Paused), _) => false,
            (there, Says::NotAsked | Says::Silent) => !there.runs(),
            (_, says) => !self.protects(says),
        }
    }

    /// Whether the policy protects what the capsule told of.
    fn protects(self, says: Says) -> bool {
        let Says::Session(state, attached) = says else { return false };
        let idle = state == SessionState::Idle && attached == 0;
        let waits_for_words = state == SessionState::WaitingForInput && attached == 0;
        match self.policy {
            Policy::Never => !idle,
            Policy::WhenIdle => !idle && !waits_for_words,
            Policy::WhenIdlePastDeadline | Policy::Always => false,
        }
    }
}
