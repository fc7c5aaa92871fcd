//! What a container needs before it can be created. All of it is independent and starts at once.

use crate::launch;
use crate::observed::Program;
use crate::sidecar;
use crate::step::{Step, StepReason, VolumeContent};
use crate::world::VolumeSpec;

use super::steps::Steps;
use super::{Situation, network};

/// Adds a step for each prerequisite that is missing, and gives their indices.
pub(super) fn all(situation: &Situation<'_>, steps: &mut Steps) -> Vec<usize> {
    let Situation { site, desired, observed, .. } = *situation;
    let mut joined = Vec::new();
    joined.extend(directories(situation, steps));
    joined.extend(network::ensure(situation, steps));
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

/// The step that makes the directories on the host, where one is missing; the one that is planned already, where there is one.
pub(super) fn directories(situation: &Situation<'_>, steps: &mut Steps) -> Option<usize> {
    let Situation { desired, observed, .. } = *situation;
    if observed.directories {
        return None;
    }
    let planned = steps.find(|step| matches!(step, Step::PrepareDirectories { .. }));
    Some(planned.unwrap_or_else(|| {
        let mut directories = vec![desired.home.clone(), desired.run.clone()];
        directories.extend(desired.sidecar.as_ref().map(|_| sidecar::sockets(&desired.run)));
        steps.add(Step::PrepareDirectories { directories }, vec![], StepReason::Missing)
    }))
}
