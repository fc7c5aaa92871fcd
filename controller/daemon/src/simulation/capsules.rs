//! Capsules in memory: one in each running container of the engine in memory, gone with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use jackin_api::wire::{Exit, Millis, Notice, Personalise, Session, SessionState, Spawn, Status};
use jackin_plan::world::{Container, ContainerState, MountSource};
use tokio::sync::broadcast;

use crate::capsule::{CapsuleAt, CapsuleError, CapsuleNotices, Capsules};
use crate::docker::fake::FakeEngine;
use crate::docker::{Engine, EventAction, LabelFilter};

use super::time::VirtualTime;

/// How long a capsule that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A container and its process: another process is another capsule.
type Key = (String, u32);

/// The capsules of one engine.
pub(super) struct MemoryCapsules {
    engine: FakeEngine,
    time: Arc<VirtualTime>,
    states: Mutex<BTreeMap<Key, State>>,
}

struct State {
    sessions: Vec<Session>,
    environment_digest: Option<String>,
    /// When it begins to answer.
    ready: Duration,
    mute: bool,
    notices: broadcast::Sender<Notice>,
    /// What it last told the controller of its sessions, and when.
    told: Option<(Duration, Vec<Session>)>,
}

impl MemoryCapsules {
    /// Capsules in the containers of an engine that nobody interferes with.
    pub(super) fn new(engine: FakeEngine, time: Arc<VirtualTime>) -> Self {
        Self { engine, time, states: Mutex::default() }
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<Key, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the capsule of a container, which begins to answer a moment after its container started.
    fn with<T>(&self, container: &Container, act: impl FnOnce(&mut State) -> T) -> Option<T> {
        let pid = container.pid?;
        let now = self.time.elapsed();
        let mut states = self.states();
        let state = states.entry((container.id.0.clone(), pid)).or_insert_with(|| State {
            sessions: Vec::new(),
            environment_digest: None,
            ready: now + Duration::from_millis(u64::from(pid % 7) * 40),
            mute: false,
            notices: broadcast::channel(64).0,
            told: None,
        });
        Some(act(state))
    }

    /// Sessions of a container, and what its capsule last told of them.
    pub(super) fn sessions(&self, container: &Container) -> (Vec<Session>, Option<(Duration, Vec<Session>)>) {
        self.with(container, |state| (state.sessions.clone(), state.told.clone())).unwrap_or_default()
    }

    /// Puts a container's first session into a state, with somebody looking or not.
    pub(super) fn set_session(&self, container: &Container, state: SessionState, attached: u32) {
        self.with(container, |capsule| {
            let Some(session) = capsule.sessions.iter_mut().find(|session| session.is_live()) else { return };
            session.state = state;
            session.attached = attached;
            let (id, name) = (session.id.clone(), session.name.clone());
            let notice = if state == SessionState::Exited {
                session.exit = Some(Exit::with_code(0));
                Notice::SessionExited { id, name, exit: Exit::with_code(0) }
            } else {
                Notice::StateChanged { id, name, state, evidence: String::new() }
            };
            _ = capsule.notices.send(notice);
        });
    }

    /// Whether a capsule does not answer.
    pub(super) fn is_mute(&self, container: &Container) -> bool {
        self.with(container, |state| state.mute).unwrap_or_default()
    }

    /// Lets a capsule fall silent, or answer again.
    pub(super) fn set_mute(&self, container: &Container, mute: bool) {
        self.with(container, |state| state.mute = mute);
    }

    /// Lets all capsules answer again, and all sessions rest where that is wanted.
    pub(super) fn calm(&self, rest: bool) {
        for state in self.states().values_mut() {
            state.mute = false;
            for session in state.sessions.iter_mut().filter(|session| rest && session.is_live()) {
                session.state = SessionState::Idle;
                session.attached = 0;
                let (id, name) = (session.id.clone(), session.name.clone());
                let (state_now, evidence) = (session.state, String::new());
                _ = state.notices.send(Notice::StateChanged { id, name, state: state_now, evidence });
            }
        }
    }

    /// The container whose socket lies in a directory.
    fn serving(&self, at: CapsuleAt<'_>) -> Result<Container, CapsuleError> {
        let path = || PathBuf::from(at.run).join("jackin.sock");
        let serves = |container: &Container, mounts: &[jackin_plan::world::Mount]| {
            let alive = matches!(container.state, ContainerState::Running | ContainerState::Paused);
            let here = |mount: &jackin_plan::world::Mount| matches!(&mount.source, MountSource::Bind { path } if path == at.run);
            alive && mounts.iter().any(here)
        };
        let mut found =
            self.engine.containers().into_iter().filter(|(container, spec)| serves(container, &spec.mounts));
        let missing = || CapsuleError::Open { path: path(), source: std::io::ErrorKind::NotFound.into() };
        let (container, _) = found.next().ok_or_else(missing)?;
        // Who asks without knowing whom would tell secrets to whoever has the socket.
        match (at.pid.unwrap_or_default(), container.pid.unwrap_or_default()) {
            (expected, found) if expected != found => {
                Err(CapsuleError::WrongPeer { path: path(), what: "process id", expected, found })
            }
            _ => Ok(container),
        }
    }

    /// Reaches the capsule in a directory, which must answer, and does something with it.
    async fn ask<T>(&self, at: CapsuleAt<'_>, act: impl FnOnce(&mut State) -> T + Send) -> Result<T, CapsuleError> {
        tokio::task::yield_now().await;
        let container = self.serving(at)?;
        let now = self.time.elapsed();
        let (ready, mute) = self.with(&container, |state| (state.ready <= now, state.mute)).unwrap_or((false, false));
        if mute || container.state == ContainerState::Paused {
            tokio::time::sleep(PATIENCE).await;
            return Err(CapsuleError::TimedOut { what: "status", after: PATIENCE });
        }
        if !ready {
            let path = PathBuf::from(at.run).join("jackin.sock");
            return Err(CapsuleError::Connect { path, source: std::io::ErrorKind::ConnectionRefused.into() });
        }
        self.with(&container, act).ok_or(CapsuleError::Closed)
    }
}

#[async_trait]
impl Capsules for MemoryCapsules {
    async fn status(&self, at: CapsuleAt<'_>) -> Result<Status, CapsuleError> {
        let now = self.time.elapsed();
        self.ask(at, |state| {
            state.told = Some((now, state.sessions.clone()));
            Status {
                version: "simulated".to_owned(),
                started_at: Millis::default(),
                environment_digest: state.environment_digest.clone(),
                sessions: state.sessions.clone(),
                hooks: Vec::new(),
            }
        })
        .await
    }

    async fn personalise(&self, at: CapsuleAt<'_>, personalise: Personalise) -> Result<(), CapsuleError> {
        self.ask(at, |state| state.environment_digest = Some(personalise.digest)).await
    }

    async fn spawn(&self, at: CapsuleAt<'_>, spawn: Spawn) -> Result<(), CapsuleError> {
        self.ask(at, |state| {
            if !state.sessions.iter().any(|session| session.is_live() && session.name == spawn.name) {
                let id = (state.sessions.len() + 1).to_string();
                let session = session(id, &spawn);
                state.sessions.push(session.clone());
                _ = state.notices.send(Notice::SessionStarted { session });
            }
        })
        .await
    }

    async fn subscribe(&self, at: CapsuleAt<'_>) -> Result<CapsuleNotices, CapsuleError> {
        let container = self.serving(at)?;
        let id = container.id.0.clone();
        let notices = self.ask(at, |state| state.notices.subscribe()).await?;
        let notices = tokio_stream::wrappers::BroadcastStream::new(notices)
            .filter_map(|notice| std::future::ready(notice.ok()))
            .map(|notice| Some(Ok(notice)));
        let ends = self.engine.events(&LabelFilter::new(), None).filter_map(move |event| {
            let ended = event.is_ok_and(|event| event.id == id && matches!(event.action, EventAction::Died { .. }));
            std::future::ready(ended.then_some(None))
        });
        let until = futures::stream::select(notices, ends).take_while(|item| std::future::ready(item.is_some()));
        Ok(until.filter_map(std::future::ready).boxed())
    }
}

fn session(id: String, spawn: &Spawn) -> Session {
    Session {
        id,
        name: spawn.name.clone(),
        agent: spawn.agent.clone(),
        argv: spawn.argv.clone(),
        pid: 7,
        state: SessionState::Idle,
        evidence: String::new(),
        state_since: None,
        exit: None,
        attached: 0,
        writer: false,
        created_at: Millis::default(),
        last_output_at: None,
        size: spawn.size,
        title: String::new(),
        preparing: false,
        failed_hook: None,
    }
}
