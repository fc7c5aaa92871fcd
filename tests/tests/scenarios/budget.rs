//! Rules that hold for each settling, whatever a scenario is about.

use std::collections::BTreeMap;

use jackin_plan::model::{Frame, World, cheapest};
use jackin_plan::project::{self, Pass};
use jackin_plan::resolve::resolve;
use jackin_plan::status::{StepResult, failure};
use jackin_plan::step::Consent;
use jackin_plan::workspace::{self, instances_after};

use super::stage::Stage;

/// What is expected of a settling before it begins.
pub(crate) struct Expected {
    /// The steps of each instance that `jackin diff` would show.
    pub(crate) steps: BTreeMap<String, Vec<String>>,
    /// Engine writes of the cheapest sequence that the model knows, by instance; those without one are not held to any.
    prices: BTreeMap<String, usize>,
}

/// Looks ahead, on a copy of the world.
pub(crate) fn expect(stage: &Stage) -> Expected {
    let mut expected = Expected { steps: BTreeMap::new(), prices: BTreeMap::new() };
    let mut world: World = stage.world.clone();
    for workspace in stage.workspaces.values() {
        let snapshot = stage.workspace_snapshot(workspace);
        let plan = workspace::plan(&snapshot);
        let mut images = BTreeMap::new();
        for (role, revision) in &plan.images {
            let object = stage.image_object(role, revision);
            let image = project::image(&stage.site, &object, &stage.observed_image(role), stage.now);
            let serving = image.last.status.as_ref().and_then(|status| status.image.clone());
            world.insert_image(&serving.expect("inline images can be built").id, image.labels.clone());
            images.insert(role.clone(), image);
        }
        for (name, instance) in instances_after(&snapshot, &plan, stage.now) {
            let image = images.get(&instance.spec.role);
            let mut snapshot = stage.snapshot(&instance, image.map(|image| image.last.clone()));
            let key = stage.key(instance.identity());
            let frame = Frame { site: &stage.site, key: &key, now: stage.now };
            if let Some(price) = cheapest(&world, &resolve(&snapshot), true, frame) {
                expected.prices.insert(name.clone(), price);
            }
            snapshot.image = image.map(|image| image.first.clone());
            let built = image.map(|image| &image.last);
            let projected = project::instance(&stage.site, &mut snapshot, built, &mut world, stage.now);
            let projected = projected.expect("no plan breaks a rule");
            assert!(projected.ends, "the passes over {name} do not come to an end");
            expected.steps.insert(name, steps(&projected.passes));
        }
    }
    expected
}

/// Compares what was done with what was expected.
pub(crate) fn check(stage: &Stage, expected: &Expected, passes: &BTreeMap<String, Vec<Pass>>) {
    for (name, passes) in passes {
        let told = expected.steps.get(name).map_or(&[][..], Vec::as_slice);
        assert_eq!(told, steps(passes), "a diff would have shown something else than what was done to {name}");
        let failed = passes.iter().any(|pass| failure(&pass.outcomes).is_some());
        if let (Some(price), false) = (expected.prices.get(name), failed) {
            // The search knows no time, and a stop for idleness is no repair.
            let repairs = passes.iter().filter(|pass| !pass.plan.rests());
            let written = repairs.flat_map(|pass| &pass.plan.steps).filter_map(|step| step.step.engine_write());
            let written: Vec<_> = written.collect();
            assert!(written.len() <= *price, "{name} could have been repaired by {price} writes: {written:?}");
        }
    }
    let all = passes.values().flatten().flat_map(|pass| &pass.plan.steps);
    let given_up = |consent: Consent| matches!(consent, Consent::Policy | Consent::Request | Consent::Deletion);
    if !all.filter_map(|planned| planned.ends_sessions).any(given_up) {
        assert_eq!(stage.world.ended, [], "sessions were ended that nobody gave up");
    }
}

/// The steps that were carried out, one word each.
fn steps(passes: &[Pass]) -> Vec<String> {
    let done = passes.iter().flat_map(|pass| &pass.outcomes);
    done.filter(|outcome| outcome.result != StepResult::NotBegun).map(|outcome| outcome.step.to_owned()).collect()
}
