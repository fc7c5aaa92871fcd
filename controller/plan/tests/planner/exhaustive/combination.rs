//! The dimensions, and the situation of one combination.

use jackin_api::kinds::DisruptionPolicy;
use jackin_api::wire::SessionState;
use jackin_plan::observed::{MountSourceState, Program};
use jackin_plan::world::{Container, ContainerState};

use crate::support::{Case, digest, session};

/// What there is of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    /// One under its final name, in this state.
    One(ContainerState),
    /// A swap that was interrupted before the old one, which runs, was stopped.
    OldRunsNewMade,
    /// The same, after it was stopped.
    OldEndedNewMade,
    /// The same, after it was removed: the new one has its temporary name still.
    NewMade,
    /// Somebody started the new one by hand.
    BothRun,
}

/// What the capsule of a running container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is not asked, or nobody runs who could be.
    NotAsked,
    Silent,
    /// It answers: no session.
    NoSession,
    /// It answers: one session of this state, and how many look at it. A shell with children, in the background too, is working.
    Session(SessionState, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Image {
    Valid,
    Invalid,
    ServingOlder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Launch {
    Same,
    Differs,
    Unreadable,
    VersionOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Live {
    Same,
    Limits,
    Network,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mounts {
    Present,
    /// The source is another file than the running container shows.
    Replaced,
    Missing,
    Unreadable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Never,
    WhenIdle,
    WhenIdlePastDeadline,
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    No,
    InPlace,
    Recreate,
}

/// One of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Combination {
    pub(super) there: There,
    pub(super) says: Says,
    pub(super) image: Image,
    pub(super) launch: Launch,
    pub(super) live: Live,
    pub(super) mounts: Mounts,
    pub(super) policy: Policy,
    pub(super) restart: Restart,
}

const THERE: [There; 12] = [
    There::Nothing,
    There::One(ContainerState::Created),
    There::One(ContainerState::Running),
    There::One(ContainerState::Paused),
    There::One(ContainerState::Restarting),
    There::One(ContainerState::Exited),
    There::One(ContainerState::Dead),
    There::One(ContainerState::Removing),
    There::OldRunsNewMade,
    There::OldEndedNewMade,
    There::NewMade,
    There::BothRun,
];

const SAYS: [Says; 9] = [
    Says::NotAsked,
    Says::Silent,
    Says::NoSession,
    Says::Session(SessionState::Idle, 0),
    Says::Session(SessionState::Idle, 1),
    Says::Session(SessionState::Working, 0),
    Says::Session(SessionState::WaitingForInput, 0),
    Says::Session(SessionState::WaitingForPermission, 0),
    Says::Session(SessionState::Unknown, 0),
];

const IMAGES: [Image; 3] = [Image::Valid, Image::Invalid, Image::ServingOlder];
const LAUNCHES: [Launch; 4] = [Launch::Same, Launch::Differs, Launch::Unreadable, Launch::VersionOnly];
const LIVES: [Live; 4] = [Live::Same, Live::Limits, Live::Network, Live::Name];
const MOUNTS: [Mounts; 4] = [Mounts::Present, Mounts::Replaced, Mounts::Missing, Mounts::Unreadable];
const POLICIES: [Policy; 4] = [Policy::Never, Policy::WhenIdle, Policy::WhenIdlePastDeadline, Policy::Always];
const RESTARTS: [Restart; 3] = [Restart::No, Restart::InPlace, Restart::Recreate];

impl There {
    /// Whether a container runs, so that a capsule could be asked.
    pub(super) fn runs(self) -> bool {
        matches!(self, Self::One(ContainerState::Running) | Self::OldRunsNewMade | Self::BothRun)
    }
}

/// Every combination that can be, with its situation. Where nothing runs, no capsule is asked.
pub(super) fn all() -> impl Iterator<Item = (Combination, Case)> {
    let mut base = (There::Nothing, containers(There::Nothing));
    combinations().map(move |combination| {
        if base.0 != combination.there {
            base = (combination.there, containers(combination.there));
        }
        (combination, combination.case(base.1.clone()))
    })
}

fn combinations() -> impl Iterator<Item = Combination> {
    let worlds = THERE.into_iter().flat_map(|there| {
        let says = SAYS.into_iter().filter(move |says| there.runs() || *says == Says::NotAsked);
        says.map(move |says| (there, says))
    });
    worlds
        .flat_map(|(there, says)| IMAGES.map(|image| (there, says, image)))
        .flat_map(|(there, says, image)| LAUNCHES.map(|launch| (there, says, image, launch)))
        .flat_map(|(there, says, image, launch)| LIVES.map(|live| (there, says, image, launch, live)))
        .flat_map(|so_far| MOUNTS.map(|mounts| (so_far, mounts)))
        .flat_map(|(so_far, mounts)| POLICIES.map(|policy| (so_far, mounts, policy)))
        .flat_map(|(so_far, mounts, policy)| {
            let (there, says, image, launch, live) = so_far;
            RESTARTS.map(|restart| Combination { there, says, image, launch, live, mounts, policy, restart })
        })
}

impl Combination {
    /// The situation, from what there is.
    fn case(self, there: Case) -> Case {
        let case = self.edited(self.answered(there));
        let case = match self.image {
            Image::Valid => case,
            Image::Invalid => case.image_building(None),
            Image::ServingOlder => case.image_building(Some("recipe 1")),
        };
        let case = match self.policy {
            Policy::Never => case.policy(DisruptionPolicy::Never, None),
            Policy::WhenIdle => case.policy(DisruptionPolicy::WhenIdle, Some(3600)),
            Policy::WhenIdlePastDeadline => case.policy(DisruptionPolicy::WhenIdle, Some(0)),
            Policy::Always => case.policy(DisruptionPolicy::Always, None),
        };
        match self.restart {
            Restart::No => case,
            Restart::InPlace => case.restart(false),
            Restart::Recreate => case.restart(true),
        }
    }

    fn answered(self, case: Case) -> Case {
        match self.says {
            Says::NotAsked => case.not_asked(),
            Says::Silent => case.silent(),
            Says::NoSession => case.answering(vec![]),
            Says::Session(state, attached) => case.answering(vec![session("main", state, attached)]),
        }
    }

    /// What differs between what is there and the spec.
    fn edited(self, mut case: Case) -> Case {
        let first = |change: fn(&mut Container)| {
            move |mut case: Case| {
                case.observed.containers.first_mut().map(change);
                case
            }
        };
        case = match self.launch {
            Launch::Same => case,
            Launch::Differs => case.mount_edited(),
            Launch::Unreadable => {
                first(|container| container.labels.retain(|label, _| !label.contains("launch")))(case)
            }
            Launch::VersionOnly => case.program(Program::Known { content: digest("codex 2") }),
        };
        case = match self.live {
            Live::Same => case,
            Live::Limits => case.wanting(|desired| desired.limits.memory_bytes = Some(1 << 30)),
            Live::Network => first(|container| {
                container.networks.clear();
                container.network_ids.clear();
            })(case),
            Live::Name => first(|container| container.name = "by-hand".to_owned())(case),
        };
        let source = |state: MountSourceState| {
            move |case: Case| case.seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), state))
        };
        match self.mounts {
            Mounts::Present => case,
            Mounts::Replaced if self.there.runs() => case.mount_replaced(),
            Mounts::Replaced => case,
            Mounts::Missing => source(MountSourceState::Missing)(case),
            Mounts::Unreadable => source(MountSourceState::Unreadable { error: "denied".to_owned() })(case),
        }
    }
}

/// The containers, all of them as the spec wants them but the old ones.
fn containers(there: There) -> Case {
    let case = Case::converged();
    let swap = |old: Option<ContainerState>, new: ContainerState| {
        let mut case = Case::converged();
        case.observed.containers.clear();
        if let Some(old) = old {
            let before = Case::converged().wanting(|desired| desired.mounts[0].source = "/src/before".to_owned());
            case.observed.containers.push(before.made("old", old));
        }
        let mut made = case.made("new", new);
        made.name = case.temporary_name();
        case.observed.containers.push(made);
        case
    };
    match there {
        There::Nothing => case.without_container(),
        There::One(state) => case.state(state),
        There::OldRunsNewMade => swap(Some(ContainerState::Running), ContainerState::Created),
        There::OldEndedNewMade => swap(Some(ContainerState::Exited), ContainerState::Created),
        There::NewMade => swap(None, ContainerState::Created),
        There::BothRun => swap(Some(ContainerState::Running), ContainerState::Running),
    }
}
