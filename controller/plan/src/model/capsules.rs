//! Steps that speak with a capsule.

use jackin_api::wire::{self, SessionState};

use crate::step::Personalisation;
use crate::world::{ContainerId, ContainerState};

use super::{CapsuleState, Contained, Frame, Refused, World};

impl World {
    pub(super) fn await_capsule(&mut self, id: &ContainerId) -> Result<(), Refused> {
        let Contained { container, capsule } = self.contained(id)?;
        let state = match container.state {
            // The engine is about to start it.
            ContainerState::Running | ContainerState::Restarting => ContainerState::Running,
            state @ (ContainerState::Created
            | ContainerState::Paused
            | ContainerState::Exited
            | ContainerState::Dead
            | ContainerState::Removing) => return Err(Refused::State { container: id.clone(), state }),
        };
        answering(capsule)?;
        container.state = state;
        Ok(())
    }

    pub(super) fn personalise(&mut self, given: &Personalisation, frame: Frame<'_>) -> Result<(), Refused> {
        self.capsule_of(frame)?.environment_digest = Some(given.digest.0.clone());
        Ok(())
    }

    /// Spawns a session, which stands idle at its prompt.
    pub(super) fn spawn_session(&mut self, spawn: &wire::Spawn, frame: Frame<'_>) -> Result<(), Refused> {
        let sessions = &mut self.capsule_of(frame)?.sessions;
        // An ended one of its name makes room for it.
        sessions.retain(|session| session.name != spawn.name);
        let number = sessions.len() + 1;
        sessions.push(wire::Session {
            id: format!("session-{number}"),
            name: spawn.name.clone(),
            agent: spawn.agent.clone(),
            argv: spawn.argv.clone(),
            pid: u32::try_from(number).unwrap_or(u32::MAX),
            state: SessionState::Idle,
            evidence: String::new(),
            state_since: None,
            exit: None,
            attached: 0,
            writer: false,
            created_at: wire::Millis::default(),
            last_output_at: None,
            size: wire::Size::default(),
            title: String::new(),
            preparing: false,
            failed_hook: None,
        });
        Ok(())
    }

    /// The capsule at the instance's socket: that of its running container.
    fn capsule_of(&mut self, frame: Frame<'_>) -> Result<&mut CapsuleState, Refused> {
        let running = self.running(frame.site, frame.key).map(|contained| contained.container.id.clone());
        let id = running.ok_or(Refused::CapsuleSilent)?;
        answering(&mut self.contained(&id)?.capsule)
    }
}

fn answering(capsule: &mut CapsuleState) -> Result<&mut CapsuleState, Refused> {
    if capsule.silent.is_some() { Err(Refused::CapsuleSilent) } else { Ok(capsule) }
}
