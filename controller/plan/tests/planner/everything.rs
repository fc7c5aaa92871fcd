//! Rules that hold over everything that can be seen.

use jackin_api::kinds::DisruptionPolicy;
use jackin_api::wire::SessionState;
use jackin_api::words::PlanKind;
use jackin_plan::observed::{Capsule, MountSourceState, Program};
use jackin_plan::resolve::Wanted;
use jackin_plan::step::{Consent, Plan, Step};
use jackin_plan::world::ContainerState;
use proptest::prelude::*;

use crate::support::{Case, Model, digest, session};

const LADDER: [PlanKind; 5] = [
    PlanKind::AttachExisting,
    PlanKind::StartStopped,
    PlanKind::ClaimWarm,
    PlanKind::CreateFromValidImage,
    PlanKind::BuildAndCreate,
];

const STATES: [Option<ContainerState>; 8] = [
    None,
    Some(ContainerState::Created),
    Some(ContainerState::Running),
    Some(ContainerState::Paused),
    Some(ContainerState::Restarting),
    Some(ContainerState::Exited),
    Some(ContainerState::Dead),
    Some(ContainerState::Removing),
];

const SESSIONS: [SessionState; 4] =
    [SessionState::Idle, SessionState::Working, SessionState::WaitingForInput, SessionState::Unknown];

const POLICIES: [DisruptionPolicy; 3] = [DisruptionPolicy::Never, DisruptionPolicy::WhenIdle, DisruptionPolicy::Always];

fn has_processes(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused)
}

/// Whether the sessions that a stop would end are live by the strictest policy, or are not known.
fn may_be_busy(case: &Case) -> bool {
    match &case.observed.capsule {
        Capsule::Answers(status) => status
            .sessions
            .iter()
            .any(|session| session.is_live() && (session.attached > 0 || session.state != SessionState::Idle)),
        Capsule::NotAsked | Capsule::Silent(_) => true,
    }
}

/// The rules of every plan.
fn assert_rules(case: &Case, plan: &Plan) {
    if let Some(chosen) = plan.chosen {
        let cheaper: Vec<_> = LADDER.into_iter().filter(|plan| *plan < chosen).collect();
        let rejected: Vec<_> = plan.rejected.iter().map(|rejection| rejection.plan).collect();
        assert_eq!(rejected, cheaper);
        assert!(plan.rejected.iter().all(|rejection| !rejection.message.is_empty()), "{:?}", plan.rejected);
    }
    if plan.held.is_some() {
        assert_eq!(plan.steps, []);
    }
    for planned in &plan.steps {
        let (Step::StopContainer { id, .. } | Step::RemoveContainer { id }) = &planned.step else {
            continue;
        };
        let container = case.observed.containers.iter().find(|container| container.id == *id);
        let container = container.expect("only what was seen is taken away");
        if has_processes(container.state) && may_be_busy(case) {
            let consent = planned.ends_sessions;
            assert!(
                matches!(consent, Some(Consent::Policy | Consent::Request | Consent::Deletion)),
                "{} by {consent:?} in {case:#?}",
                planned.step.name()
            );
        }
        if !matches!(case.observed.capsule, Capsule::Answers(_)) && container.state == ContainerState::Running {
            assert_ne!(planned.ends_sessions, Some(Consent::Policy), "no policy ends what nobody could ask about");
        }
    }
}

/// Everything that issue and design name, one after the other.
fn all() -> impl Iterator<Item = Case> {
    let worlds = STATES.into_iter().flat_map(|state| match state {
        Some(ContainerState::Running) => {
            let answering = SESSIONS
                .into_iter()
                .flat_map(|session| [0, 1].map(|attached| Case::converged().session(session, attached)));
            answering.chain([Case::converged().silent()]).collect()
        }
        Some(state) => vec![Case::converged().state(state)],
        None => vec![Case::converged().without_container()],
    });
    let images: [fn(Case) -> Case; 4] = [
        |case| case,
        |case| case.image("recipe 2"),
        |case| case.image_building(Some("recipe 1")),
        |case| case.image_building(None),
    ];
    let launches: [fn(Case) -> Case; 3] =
        [|case| case, Case::mount_edited, |case| case.program(Program::Known { content: digest("codex 2") })];
    let lives: [fn(Case) -> Case; 2] =
        [|case| case, |case| case.wanting(|desired| desired.limits.memory_bytes = Some(1))];
    let mounts: [fn(Case) -> Case; 2] = [
        |case| case,
        |case| case.seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), MountSourceState::Missing)),
    ];
    let requests: [fn(Case) -> Case; 3] = [|case| case, |case| case.restart(false), |case| case.restart(true)];
    let with_images = worlds.flat_map(move |case| images.map(|image| image(case.clone())));
    let with_launches = with_images.flat_map(move |case| launches.map(|launch| launch(case.clone())));
    let with_lives = with_launches.flat_map(move |case| lives.map(|live| live(case.clone())));
    let with_mounts = with_lives.flat_map(move |case| mounts.map(|mount| mount(case.clone())));
    let with_policies = with_mounts.flat_map(|case| {
        let deadlines = [(DisruptionPolicy::WhenIdle, Some(60))];
        let all = POLICIES.map(|policy| (policy, None)).into_iter().chain(deadlines);
        all.map(|(policy, deadline)| case.clone().policy(policy, deadline)).collect::<Vec<_>>()
    });
    with_policies.flat_map(move |case| requests.map(|request| request(case.clone())))
}

#[test]
fn combinations_converge_within_four_passes_and_end_no_session_unasked() {
    // The counts of the dimensions have no factor in common with the stride, so that each value still meets each other.
    for case in all().step_by(23) {
        // A removal that the engine has begun ends by itself.
        let case =
            case.seeing(|observed| observed.containers.retain(|container| container.state != ContainerState::Removing));
        let asked = case.desired.restart.is_some() || case.desired.disruption.policy != DisruptionPolicy::Never;
        let mut model = Model::new(case.clone());
        model.settle(4);
        assert!(asked || model.ended.is_empty(), "{:?} in {case:#?}", model.done);
        let end = model.case.plan();
        if end.held.is_none() {
            let [only] = model.case.observed.containers.as_slice() else { panic!("{case:#?}") };
            assert_eq!((only.name.clone(), only.id.0.is_empty()), (case.final_name(), false));
            assert!(model.case.desired.restart.is_none(), "the request is served: {case:#?}");
        }
    }
}

fn session_states() -> impl Strategy<Value = SessionState> {
    prop::sample::select(vec![
        SessionState::Starting,
        SessionState::Working,
        SessionState::WaitingForInput,
        SessionState::WaitingForPermission,
        SessionState::Idle,
        SessionState::Exited,
        SessionState::AuthNeeded,
        SessionState::Unknown,
    ])
}

fn capsules() -> impl Strategy<Value = Capsule> {
    let sessions = prop::collection::vec((session_states(), 0_u32..2), 0..3);
    let answers = sessions.prop_map(|sessions| {
        let sessions = sessions.into_iter().enumerate();
        let sessions = sessions.map(|(index, (state, attached))| session(&format!("s{index}"), state, attached));
        Case::converged().answering(sessions.collect()).observed.capsule
    });
    prop_oneof![Just(Capsule::NotAsked), Just(Capsule::Silent("asked".to_owned())), answers]
}

fn programs() -> impl Strategy<Value = Option<Program>> {
    prop::sample::select(vec![
        None,
        Some(Program::InImage),
        Some(Program::Unfetched),
        Some(Program::Unavailable { error: "no".to_owned() }),
        Some(Program::Known { content: digest("codex 1") }),
        Some(Program::Known { content: digest("codex 2") }),
    ])
}

prop_compose! {
    /// A container of any state, name and origin.
    fn containers()(
        state in prop::sample::select(STATES.into_iter().flatten().collect::<Vec<_>>()),
        name in 0..3,
        origin in 0..3,
        connected in any::<bool>(),
    ) -> (ContainerState, u8, u8, bool) {
        (state, u8::try_from(name).unwrap_or(0), u8::try_from(origin).unwrap_or(0), connected)
    }
}

prop_compose! {
    fn cases()(
        containers in prop::collection::vec(containers(), 0..4),
        capsule in capsules(),
        program in programs(),
        mount in prop::sample::select(vec![None, Some(MountSourceState::Present), Some(MountSourceState::Missing)]),
        (directories, network, volumes, foreign) in any::<(bool, bool, bool, bool)>(),
        policy in prop::sample::select(POLICIES.to_vec()),
        deadline in prop::option::of(0_u64..100),
        restart in prop::option::of(any::<bool>()),
        failures in prop::option::of((1_u32..20, -10_i64..10)),
        image in 0..4,
    ) -> Case {
        let mut case = Case::converged();
        case.observed.containers.clear();
        for (index, (state, name, origin, connected)) in containers.into_iter().enumerate() {
            let mut container = case.made(&format!("c{index}"), state);
            container.name = match name {
                0 => case.final_name(),
                1 => case.temporary_name(),
                _ => format!("by-hand-{index}"),
            };
            match origin {
                0 => {}
                1 => container.labels = case.clone().mount_edited().launch().spec.labels,
                _ => container.labels.clear(),
            }
            if !connected {
                container.networks.clear();
            }
            case.observed.containers.push(container);
        }
        let holder = case.made("foreign", ContainerState::Running);
        case = case.seeing(|observed| {
            observed.capsule = capsule;
            observed.programs.remove("codex");
            observed.programs.extend(program.map(|program| ("codex".to_owned(), program)));
            observed.mounts.clear();
            observed.mounts.extend(mount.map(|mount| ("/work".to_owned(), mount)));
            observed.directories = directories;
            if !network {
                observed.network = None;
            }
            if !volumes {
                observed.volumes.clear();
            }
            observed.name_holder = foreign.then_some(holder);
        });
        case = case.policy(policy, deadline);
        case = match image {
            0 => case,
            1 => case.image("recipe 2"),
            2 => case.image_building(Some("recipe 1")),
            _ => case.image_building(None),
        };
        if let Some(recreate) = restart {
            case = case.restart(recreate);
        }
        match failures {
            Some((failures, due)) => case.failed(failures, due),
            None => case,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_world_has_a_plan_that_keeps_the_rules(case in cases()) {
        assert_rules(&case, &case.plan());
        assert_eq!(case.plan(), case.plan());
    }

    #[test]
    fn the_order_in_which_containers_were_seen_does_not_matter(case in cases()) {
        let reversed = case.clone().seeing(|observed| observed.containers.reverse());
        let (one, other) = (case.plan(), reversed.plan());
        prop_assert_eq!((one.chosen, one.held, one.rejected), (other.chosen, other.held, other.rejected));
    }

    #[test]
    fn stopping_and_removing_take_away_only_what_was_seen(case in cases()) {
        assert_rules(&case, &case.plan_for(&Wanted::Stop));
        assert_rules(&case, &case.plan_for(&Wanted::Remove {
                run: String::new(),
                home: String::new(),
                reclaim: Default::default(),
            }));
    }
}
