//! What the capsule holds: its sessions, the environment of new ones, and who listens.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use jackin_api::wire::{
    self, ErrorCode, Exec, Hook, HookRun, Millis, Notice, Personalise, Rename, ReplyError, Size, Spawn, Spawned, Status,
};
use tokio::net::UnixStream;
use tokio::sync::{Notify, broadcast};

use crate::arguments::HookFile;
use crate::environment::{Personality, Variables};
use crate::files;
use crate::log::log;
use crate::process;
use crate::program::{self, Program};
use crate::reaper::Reaper;
use crate::report;
use crate::serve::refuse;
use crate::session::{Plan, Session};
use crate::turns::Turns;

/// The most live sessions, and the most commands beside them.
const LIVE: usize = 64;

/// How many ended sessions are remembered, with their last screens.
const ENDED: usize = 8;

/// How many notices a subscriber may be behind.
const NOTICES: usize = 256;

/// Everything that connections share.
pub(crate) struct Capsule {
    pub(crate) reaper: Rc<Reaper>,
    pub(crate) notices: broadcast::Sender<Notice>,
    /// Told when a session or a command ended.
    pub(crate) ended: Notify,
    pub(crate) turns: Rc<Turns>,
    started_at: Millis,
    container: Variables,
    socket: PathBuf,
    home: Option<PathBuf>,
    own_program: PathBuf,
    hooks: Vec<HookFile>,
    hook_runs: RefCell<BTreeMap<Hook, HookRun>>,
    personality: RefCell<Personality>,
    sessions: RefCell<Vec<Rc<Session>>>,
    commands: RefCell<BTreeSet<u32>>,
    last_id: Cell<u32>,
    is_stopping: Cell<bool>,
}

impl Capsule {
    pub(crate) fn new(socket: PathBuf, home: Option<PathBuf>, own_program: PathBuf, hooks: Vec<HookFile>) -> Self {
        Self {
            reaper: Rc::default(),
            notices: broadcast::Sender::new(NOTICES),
            ended: Notify::new(),
            turns: Rc::default(),
            started_at: now(),
            container: std::env::vars_os().collect(),
            socket,
            home,
            own_program,
            hooks,
            hook_runs: RefCell::default(),
            personality: RefCell::default(),
            sessions: RefCell::default(),
            commands: RefCell::default(),
            last_id: Cell::new(0),
            is_stopping: Cell::new(false),
        }
    }

    pub(crate) fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            environment_digest: self.personality.borrow().digest(),
            sessions: self.sessions.borrow().iter().map(|session| session.describe()).collect(),
            hooks: self.hook_runs.borrow().values().cloned().collect(),
        }
    }

    pub(crate) fn personalise(&self, personalise: Personalise) -> Result<(), ReplyError> {
        let personality = Personality::new(personalise)?;
        let digest = personality.digest().unwrap_or_default();
        *self.personality.borrow_mut() = personality;
        log!("personalised", "digest" => digest);
        self.tell(Notice::Personalised { digest });
        Ok(())
    }

    /// Starts a session, or finds the live one of its name.
    pub(crate) fn spawn(self: &Rc<Self>, spawn: Spawn) -> Result<Spawned, ReplyError> {
        let Spawn { name, agent, argv, env, cwd, size, state_rule, recognition, files } = spawn;
        check_name(&name)?;
        if let Some(live) = self.live_session(&name) {
            return Ok(Spawned { id: live.id.clone(), created: false });
        }
        self.check_room(self.sessions.borrow().iter().filter(|session| session.is_live()).count())?;
        files::check(&files)?;
        let size = size.clamped();
        self.last_id.set(self.last_id.get() + 1);
        let id = format!("{}{}", wire::Session::ID_PREFIX, self.last_id.get());
        let mut variables = self.personality.borrow().variables(&self.container, self.home.as_deref(), &env)?;
        variables.extend(self.way_back(&id));
        if let Some(home) = &self.home {
            files::write(home, &files);
        }
        let (program, directory, prelude) = if self.hooks.is_empty() {
            let (program, directory) = self.prepare(&argv, &variables, cwd)?;
            (program, directory, None)
        } else {
            // What the agent is started from may be what a hook installs: it is looked for after them.
            let (news, told) = process::line_to_program()?;
            let program = program::prelude(&self.own_program, told.as_raw_fd(), &self.hooks, &argv)?;
            (program, working_directory(cwd)?, Some((news, told)))
        };
        let (terminal, pid) = process::start_on_terminal(&program, &variables, &directory, size)?;
        let exit = self.reaper.watch(pid);
        // Its other end is the session's alone from here on.
        let news: Option<UnixStream> = prelude.map(|(news, _)| news);
        log!("session-started", "id" => id, "name" => name, "agent" => agent, "pid" => pid);
        let session = Session::start(
            Rc::clone(self),
            Plan { id: id.clone(), name, agent, argv, pid, size, state_rule, recognition },
            terminal,
            exit,
            news,
        );
        self.remember(&session);
        self.tell(Notice::SessionStarted { session: session.describe() });
        Ok(Spawned { id, created: true })
    }

    /// Gives a live session another name, which no other live one has.
    pub(crate) fn rename(&self, rename: Rename) -> Result<(), ReplyError> {
        let Rename { session, name } = rename;
        check_name(&name)?;
        let session = self.session(Some(&session))?;
        if !session.is_live() {
            return Err(refuse(ErrorCode::SessionEnded, &format!("session `{}` ended before", session.name())));
        }
        match self.live_session(&name) {
            Some(other) if other.id != session.id => {
                return Err(refuse(ErrorCode::NameTaken, &format!("another session has the name `{name}`")));
            }
            _ => {}
        }
        log!("session-renamed", "id" => session.id, "from" => session.name(), "to" => name);
        session.rename(name.clone());
        self.forget_ended(&name);
        self.tell(Notice::SessionRenamed { id: session.id.clone(), name });
        Ok(())
    }

    /// The variables by which a program of a session finds the capsule, to report to it.
    fn way_back(&self, id: &str) -> [(OsString, OsString); 3] {
        [
            (report::SESSION.into(), id.into()),
            (report::SOCKET.into(), self.socket.clone().into()),
            (report::CAPSULE.into(), self.own_program.clone().into()),
        ]
    }

    /// What an exec would run: everything but the start itself.
    pub(crate) fn prepare_exec(&self, exec: Exec) -> Result<(Program, Variables, PathBuf, Option<Size>), ReplyError> {
        let Exec { argv, env, cwd, tty } = exec;
        self.check_room(self.commands.borrow().len())?;
        let mut variables = self.personality.borrow().variables(&self.container, self.home.as_deref(), &env)?;
        if tty.is_none() && !env.0.contains_key("TERM") {
            variables.remove(std::ffi::OsStr::new("TERM"));
        }
        let (program, directory) = self.prepare(&argv, &variables, cwd)?;
        Ok((program, variables, directory, tty.map(Size::clamped)))
    }

    /// Keeps the latest run of a hook.
    pub(crate) fn note_hook(&self, run: HookRun) {
        self.hook_runs.borrow_mut().insert(run.hook, run);
    }

    /// A text without the values that the controller gave to sessions.
    pub(crate) fn hide_values(&self, text: &str) -> String {
        self.personality.borrow().hide(text)
    }

    /// Counts a command among what has to stop before the capsule does.
    pub(crate) fn command_started(&self, pid: u32) {
        self.commands.borrow_mut().insert(pid);
    }

    pub(crate) fn command_ended(&self, pid: u32) {
        self.commands.borrow_mut().remove(&pid);
        self.ended.notify_one();
    }

    /// The session of that id, or of that name, the live one first; without either, the oldest live one.
    pub(crate) fn session(&self, wanted: Option<&str>) -> Result<Rc<Session>, ReplyError> {
        let sessions = self.sessions.borrow();
        let found = match wanted {
            None => sessions.iter().find(|session| session.is_live()),
            Some(wanted) => {
                // Ids first: what a client asks by id must not reach a session that was given that name.
                let by_id = sessions.iter().find(|session| session.id == wanted);
                let is_named = |session: &&Rc<Session>| session.name() == wanted;
                let live = || sessions.iter().filter(|session| session.is_live()).find(is_named);
                by_id.or_else(live).or_else(|| sessions.iter().rev().find(is_named))
            }
        };
        found.map(Rc::clone).ok_or_else(|| match wanted {
            None => refuse(ErrorCode::NoSession, "no session is alive"),
            Some(wanted) => refuse(ErrorCode::NoSession, &format!("there is no session `{}`", wanted.escape_debug())),
        })
    }

    pub(crate) fn tell(&self, notice: Notice) {
        // Nobody has to listen.
        let _ = self.notices.send(notice);
    }

    /// From now on nothing new starts.
    pub(crate) fn begin_stop(&self) {
        self.is_stopping.set(true);
    }

    /// The process groups that still run.
    pub(crate) fn live_groups(&self) -> Vec<u32> {
        let sessions = self.sessions.borrow();
        let live = sessions.iter().filter(|session| session.is_live());
        live.flat_map(|session| session.groups()).chain(self.commands.borrow().iter().copied()).collect()
    }

    /// Whether any session or command still runs.
    pub(crate) fn is_busy(&self) -> bool {
        self.sessions.borrow().iter().any(|session| session.is_live()) || !self.commands.borrow().is_empty()
    }

    fn check_room(&self, live: usize) -> Result<(), ReplyError> {
        if self.is_stopping.get() {
            return Err(refuse(ErrorCode::Stopping, "the capsule is stopping"));
        }
        if live >= LIVE {
            return Err(refuse(ErrorCode::TooMany, &format!("{LIVE} of them are alive already")));
        }
        Ok(())
    }

    fn prepare(
        &self,
        argv: &[String],
        variables: &Variables,
        cwd: Option<String>,
    ) -> Result<(Program, PathBuf), ReplyError> {
        let directory = working_directory(cwd)?;
        let program = program::find(argv, variables, &directory, &self.own_program)?;
        Ok((program, directory))
    }

    /// Keeps a new session, and of the ended ones the latest.
    fn remember(&self, session: &Rc<Session>) {
        self.forget_ended(&session.name());
        let mut sessions = self.sessions.borrow_mut();
        let ended = sessions.iter().filter(|other| !other.is_live()).count();
        let mut surplus = ended.saturating_sub(ENDED);
        sessions.retain(|other| {
            let is_surplus = surplus > 0 && !other.is_live();
            surplus -= usize::from(is_surplus);
            !is_surplus
        });
        sessions.push(Rc::clone(session));
    }

    /// The ended session of a name makes room for the live one.
    fn forget_ended(&self, name: &str) {
        self.sessions.borrow_mut().retain(|other| other.is_live() || other.name() != name);
    }

    fn live_session(&self, name: &str) -> Option<Rc<Session>> {
        self.sessions.borrow().iter().find(|session| session.name() == name && session.is_live()).map(Rc::clone)
    }
}

fn working_directory(wanted: Option<String>) -> Result<PathBuf, ReplyError> {
    match wanted {
        Some(directory) if Path::new(&directory).is_dir() => Ok(PathBuf::from(directory)),
        Some(directory) => {
            Err(refuse(ErrorCode::BadRequest, &format!("`{}` is not a directory", directory.escape_debug())))
        }
        None => Ok(std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))),
    }
}

/// The time now by the system's clock.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn check_name(name: &str) -> Result<(), ReplyError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=63).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return Err(refuse(ErrorCode::BadRequest, "a session's name is 1 to 63 of letters, digits, `.`, `_` and `-`"));
    }
    if wire::Session::is_id(name) {
        return Err(refuse(
            ErrorCode::BadRequest,
            &format!("`{name}` is what a session's id looks like, so it cannot be a name"),
        ));
    }
    Ok(())
}
