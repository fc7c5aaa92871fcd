//! What a container needs before it can be created. All of it is independent and starts at once.

use crate::launch;
use crate::observed::Program;
use crate::step::{Step, StepReason, VolumeContent};
use crate::world::{NetworkSpec, VolumeSpec};

use super::Situation;
use super::steps::Steps;

/// Adds a step for each prerequisite that is missing, and gives their indices.
pub(super) fn all(situation: &Situation<'_>, steps: &mut Steps) -> Vec<usize> {
    let Situation { site, desired, observed, .. } = *situation;
    let mut joined = Vec::new();
    if !observed.directories {
        let directories = vec![desired.home.clone(), desired.run.clone()];
        joined.push(steps.add(Step::PrepareDirectories { directories }, vec![], StepReason::Missing));
    }
    if observed.network.is_none() {
        network(situation, steps, &mut joined);
    }
    let mut fill = |volume: VolumeSpec, content: VolumeContent| {
        (!observed.volumes.contains(&volume.name))
            .then(|| steps.add(Step::FillVolume { volume, content }, vec![], StepReason::Missing))
    };
    joined.extend(fill(launch::capsule_volume(site), VolumeContent::Capsule));
    for agent in desired.agents.keys() {
        if let Some(Program::Known { content }) = observed.programs.get(agent) {
            let volume = launch::agent_volume(site, agent, content);
            joined.extend(fill(volume, VolumeContent::Program { agent: agent.clone() }));
        }
    }
    for agent in desired.agents.keys() {
        if matches!(observed.programs.get(agent), Some(Program::Unfetched) | None) {
            joined.push(steps.add(Step::FetchProgram { agent: agent.clone() }, vec![], StepReason::Missing));
        }
    }
    joined
}

/// The step that makes the workspace's network.
pub(super) fn network(situation: &Situation<'_>, steps: &mut Steps, joined: &mut Vec<usize>) {
    let Situation { site, desired, .. } = *situation;
    let mut labels = site.owner.labels(jackin_api::words::COMPONENT_NETWORK);
    labels.insert(jackin_api::words::NAMESPACE.to_owned(), desired.key.namespace.clone());
    labels.insert(jackin_api::words::WORKSPACE.to_owned(), desired.workspace.clone());
    let name = site.owner.network(&desired.key.namespace, &desired.workspace);
    let network = NetworkSpec { name, labels, internal: false };
    joined.push(steps.add(Step::CreateNetwork(network), vec![], StepReason::Missing));
}
