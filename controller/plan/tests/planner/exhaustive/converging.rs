//! Where the steps of a combination lead, carried out on the model engine again and again: to what is wanted, or to a plan that says
//! what it waits for; and never by more engine writes than the cheapest sequence that the model knows.

use jackin_plan::model::{Frame, World, cheapest};
use jackin_plan::step::{Plan, Step, WaitsFor};
use jackin_plan::world::ContainerState;

use super::combination::{Combination, Image, Live, Restart, Says, There, all};
use crate::support::Case;

/// More passes with steps than any combination takes.
const MOST_PASSES: usize = 4;

/// How many combinations the quick test leaves out between two. Has no factor in common with the size of any dimension, so that each value still meets each other.
const STRIDE: usize = 37;

struct Run {
    case: Case,
    world: World,
    /// The price from where what runs can be asked, and what was written before.
    price: Option<usize>,
}

impl Run {
    fn new(combination: Combination, mut case: Case) -> Self {
        // A removal that the engine has begun ends by itself.
        case.observed.containers.retain(|container| container.state != ContainerState::Removing);
        let mut world = World::default();
        world.see(&case.site, &case.wanted(), &case.observed);
        let mut run = Self { case, world, price: None };
        let frozen = combination.there == There::One(ContainerState::Paused);
        let unasked = combination.there.runs() && combination.says == Says::NotAsked;
        if combination.restart != Restart::No || !(frozen || unasked) {
            run.price = run.cheapest();
        }
        run
    }

    fn cheapest(&self) -> Option<usize> {
        let frame = Frame { site: &self.case.site, key: &self.case.desired.key, now: self.case.now };
        Some(self.world.writes.len() + cheapest(&self.world, &self.case.wanted(), true, frame)?)
    }

    /// Passes until a plan has no steps, and that plan.
    fn settle(&mut self) -> Plan {
        for _ in 0..=MOST_PASSES {
            let plan = self.case.plan();
            if plan.steps.is_empty() {
                return plan;
            }
            self.carry_out(&plan);
            // Who was frozen or not asked has been asked now, so that it is known what may be ended.
            self.price = self.price.or_else(|| self.cheapest());
        }
        panic!("steps are left: {:#?}", self.case.plan());
    }

    fn carry_out(&mut self, plan: &Plan) {
        self.world.begin_plan();
        let frame = Frame { site: &self.case.site, key: &self.case.desired.key, now: self.case.now };
        for planned in &plan.steps {
            let applied = self.world.apply(&planned.step, frame);
            applied.unwrap_or_else(|refused| panic!("{:?}: {refused}: {:#?}", planned.step, plan.steps));
        }
        if plan.steps.iter().any(|planned| matches!(planned.step, Step::StartContainer { .. })) {
            self.case.desired.restart = None;
        }
        self.case.observed = self.world.observe_running(&self.case.site, &self.case.desired);
    }

    /// Whether the one container is there as it is wanted.
    fn is_reached(&self) -> bool {
        let [only] = self.case.observed.containers.as_slice() else { return false };
        only.name == self.case.final_name()
            && matches!(only.state, ContainerState::Running | ContainerState::Restarting)
            && self.case.desired.restart.is_none()
    }
}

fn assert_converges(combination: Combination, case: Case) {
    let mut run = Run::new(combination, case);
    let end = run.settle();
    let writes = || run.world.writes.iter().map(|write| write.write.to_string()).collect::<Vec<_>>().join(", ");
    let context = || format!("{combination:?} wrote {}; held: {:?}", writes(), end.held);
    let waits_for_sessions =
        end.pending.as_ref().is_some_and(|pending| matches!(pending.waits_for, WaitsFor::Sessions(_)));
    assert!(combination.may_end() || run.world.ended.is_empty(), "a session was ended unasked: {}", context());
    if end.held.is_some() || waits_for_sessions {
        return;
    }
    // Of two that run, neither is ended by itself, and for what somebody did by hand there is no price.
    let both = combination.there == There::BothRun;
    let stays = both && combination.restart == Restart::No;
    assert!(stays || run.is_reached(), "nothing is left to do and it is not there: {}", context());
    // A container that the engine is about to start is connected once it runs.
    let later = combination.there == There::One(ContainerState::Restarting) && combination.live == Live::Network;
    if !both && !later && combination.image == Image::Valid {
        let cheapest = run.price.is_some_and(|price| run.world.writes.len() <= price);
        assert!(cheapest, "{:?} writes would do: {}", run.price, context());
    }
}

#[test]
fn combinations_converge_by_no_more_writes_than_the_cheapest_and_end_no_session_unasked() {
    for (combination, case) in all().step_by(STRIDE) {
        assert_converges(combination, case);
    }
}

#[test]
#[ignore = "takes minutes: `make exhaustive`"]
fn every_combination_converges_by_no_more_writes_than_the_cheapest() {
    for (combination, case) in all() {
        assert_converges(combination, case);
    }
}
