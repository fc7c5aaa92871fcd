//! The messages: hello, requests, replies, and the words inside a stream.
//!
//! Each enum has an `Unknown` for what a later version says, and each struct's newer fields have defaults: that is the whole
//! compatibility rule.

use serde::{Deserialize, Serialize};

use super::{
    Environment, Exit, HomeFile, Recognition, Report, Session, SessionState, Signal, Size, StateRule, Status, Typing,
};

/// The first frame of each end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The highest protocol that the sender speaks; see [`PROTOCOL`](super::PROTOCOL).
    pub protocol: u32,
    /// The sender's version, for people.
    pub version: String,
}

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Request {
    /// What are you, and what runs? Answered by [`Reply::Status`].
    Status,
    /// Sets what new sessions and execs get as their environment. Answered by [`Reply::Done`].
    Personalise(Personalise),
    /// Starts a session, or finds the live one of that name. Answered by [`Reply::Spawned`].
    Spawn(Spawn),
    /// Looks at a session. Answered by [`Reply::Attached`], then a stream.
    Attach(Attach),
    /// Runs a command beside the sessions. Answered by [`Reply::Started`], then a stream.
    Exec(Exec),
    /// Sends a signal to a session's process group. Answered by [`Reply::Done`].
    Kill(Kill),
    /// Types into a session without looking at it. Answered by [`Reply::Done`] once the program can read it.
    Send(Typing),
    /// Gives a live session another name. Answered by [`Reply::Done`].
    Rename(Rename),
    /// What an agent's own hook knows of its session's state. Answered by [`Reply::Done`].
    Report(Report),
    /// What is on a session's screen? Answered by [`Reply::Captured`].
    Capture(Capture),
    /// A session's raw output. Answered by [`Reply::Done`], then a stream.
    Output(Output),
    /// Tells what happens from now on. Answered by [`Reply::Status`], then a stream of [`Notice`]s.
    Subscribe,
    /// Something that a later version asks.
    #[serde(other)]
    Unknown,
}

/// See [`Request::Personalise`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Personalise {
    /// A digest of the references, not of the values: it is shown by [`Request::Status`], so it must tell nothing secret.
    pub digest: String,
    /// The variables, over those of the container.
    #[serde(default)]
    pub env: Environment,
    /// Directories before those in `PATH`.
    #[serde(default)]
    pub path_prepend: Vec<String>,
}

/// See [`Request::Spawn`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spawn {
    /// Its name: 1 to 63 of letters, digits, `.`, `_` and `-`, and not what an id looks like ([`Session::is_id`]).
    pub name: String,
    /// The agent that it runs; only passed on.
    #[serde(default)]
    pub agent: String,
    /// What to run; [`SHELL`](super::SHELL) first means the image's own shell.
    pub argv: Vec<String>,
    /// Variables over all others.
    #[serde(default)]
    pub env: Environment,
    /// Where it starts; the capsule's own working directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Its terminal's size until a writer attaches.
    #[serde(default)]
    pub size: Size,
    /// How its state is recognised by its processes.
    #[serde(default)]
    pub state_rule: StateRule,
    /// How its state is recognised by what it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognition: Option<Box<Recognition>>,
    /// Files that its agent needs in the home before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<HomeFile>,
}

/// What a viewer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachMode {
    /// Look and type; the terminal has this viewer's size.
    #[default]
    Write,
    /// Look only.
    Watch,
}

/// See [`Request::Attach`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attach {
    /// Name or id; the oldest live session when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The viewer's size; what the session has when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// What the viewer wants to do.
    #[serde(default)]
    pub mode: AttachMode,
    /// Takes the writer's place from who has it. Without it a second writer is given [`AttachMode::Watch`].
    #[serde(default)]
    pub takeover: bool,
    /// Whether a real terminal stands behind the viewer and answers the program's questions (cursor position, colours).
    /// While no such writer is there, the capsule answers them.
    #[serde(default)]
    pub terminal: bool,
}

/// See [`Request::Exec`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exec {
    /// What to run; [`SHELL`](super::SHELL) first means the image's own shell.
    pub argv: Vec<String>,
    /// Variables over all others.
    #[serde(default)]
    pub env: Environment,
    /// Where it starts; the capsule's own working directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// A terminal of this size instead of three pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<Size>,
}

/// See [`Request::Kill`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// Name or id.
    pub session: String,
    /// What to send.
    pub signal: Signal,
}

/// See [`Request::Rename`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Name or id.
    pub session: String,
    /// Its name from now on: as that of a [`Spawn`], and of no other live session.
    pub name: String,
}

/// How a screen is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptureFormat {
    /// Characters alone, a line per row.
    #[default]
    Text,
    /// The bytes that paint it on a terminal.
    Ansi,
}

/// See [`Request::Capture`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capture {
    /// Name or id; the oldest live session when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// How to write it down.
    #[serde(default)]
    pub format: CaptureFormat,
    /// At most this many of the lines that left the screen at its top come first; a capsule of an earlier version gives none.
    ///
    /// With any, [`CaptureFormat::Ansi`] is lines one below the other instead of a paint.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub history: u32,
}

/// See [`Request::Output`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Name or id; the oldest live session when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Goes on with what it writes, until the session ends.
    #[serde(default)]
    pub follow: bool,
    /// At most this many of the kept lines first; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<u32>,
}

/// The capsule's answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reply {
    /// It is done; nothing more to say.
    Done,
    /// See [`Request::Status`] and [`Request::Subscribe`].
    Status(Status),
    /// See [`Request::Spawn`].
    Spawned(Spawned),
    /// See [`Request::Attach`].
    Attached(Attached),
    /// The command of a [`Request::Exec`] runs.
    Started {
        /// Its process id, as the container counts.
        pid: u32,
    },
    /// See [`Request::Capture`].
    Captured(Captured),
    /// It was not done.
    Error(ReplyError),
    /// Something that a later version answers.
    #[serde(other)]
    Unknown,
}

/// See [`Reply::Spawned`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawned {
    /// The session's id.
    pub id: String,
    /// Whether this request started it; false when it was alive already.
    pub created: bool,
}

/// See [`Reply::Attached`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The session as it is with this viewer.
    pub session: Session,
    /// What the viewer may do: [`AttachMode::Watch`] also when it wanted to write and another one does.
    pub mode: AttachMode,
}

/// See [`Reply::Captured`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The screen, in the format that was asked for.
    pub contents: String,
    /// The cursor's row and column, from 0, where lines of the history count as rows.
    pub cursor: (u16, u16),
    /// The screen's size, with the lines of the history that are there.
    pub size: Size,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ReplyError {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// The reason, for people: a lowercase fragment.
    pub message: String,
}

/// The reasons for which a request is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// This capsule does not know the request.
    UnknownRequest,
    /// The request is malformed or a value in it is not allowed.
    BadRequest,
    /// The ends have no protocol in common.
    UnsupportedProtocol,
    /// There is no such session.
    NoSession,
    /// The session's process ended before.
    SessionEnded,
    /// The program to run is not there.
    ProgramNotFound,
    /// The program is there and cannot be run.
    NotExecutable,
    /// Another live session has the name.
    NameTaken,
    /// The capsule has as many of these as it accepts.
    TooMany,
    /// The capsule is stopping.
    Stopping,
    /// The system refused something; the message says what.
    Failed,
    /// A reason of a later version.
    #[serde(other)]
    Unknown,
}

/// A client's word inside a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Control {
    /// The viewer's terminal has a new size.
    Resize {
        /// The size.
        size: Size,
    },
    /// The viewer leaves; the session goes on.
    Detach,
    /// Standard input has no more bytes.
    Eof,
    /// Sends a signal to the command of this stream.
    Signal {
        /// What to send.
        signal: Signal,
    },
    /// Something that a later version says.
    #[serde(other)]
    Unknown,
}

/// The capsule's word inside a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// The session or the command ended; the last frame of the stream.
    Ended {
        /// How; absent when a stream of kept output has no more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
    },
    /// Another viewer took over writing; this one watches from now on.
    TakenOver,
    /// The session's terminal has another size, as what is shown from here on.
    Resized {
        /// The size.
        size: Size,
    },
    /// Something that a later version says.
    #[serde(other)]
    Unknown,
}

/// What happened in the capsule, for who subscribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Notice {
    /// A session was started.
    SessionStarted {
        /// The session.
        session: Session,
    },
    /// A session does something else than before.
    StateChanged {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// What it does.
        state: SessionState,
        /// Why that is believed.
        #[serde(default)]
        evidence: String,
    },
    /// The hooks of a session went on: one began or ended, or all are done and its agent starts.
    HooksChanged {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// A session's process ended.
    SessionExited {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// How it ended.
        exit: Exit,
    },
    /// A session has another name.
    SessionRenamed {
        /// Its id.
        id: String,
        /// Its name from now on.
        name: String,
    },
    /// A viewer came or left.
    ViewersChanged {
        /// The session's id.
        id: String,
        /// The session's name.
        name: String,
        /// How many look at it now.
        attached: u32,
        /// Whether one of them may write.
        writer: bool,
    },
    /// The environment of new sessions was replaced.
    Personalised {
        /// The digest that came with it.
        digest: String,
    },
    /// The subscriber was too slow for this many notices; ask for the status.
    Missed {
        /// How many were dropped.
        count: u64,
    },
    /// Something that a later version says.
    #[serde(other)]
    Unknown,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
