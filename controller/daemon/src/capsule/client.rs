//! One connection to a capsule: ask and be answered, or turn it into a stream.

use std::path::Path;
use std::time::Duration;

use jackin_api::wire::{
    Attach, Attached, Capture, Captured, Exec, Frame, Hello, Kill, Output, PROTOCOL, Personalise, Rename, Reply,
    Request, Signal, Spawn, Spawned, Status, Typing,
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::frames::{FrameReader, FrameWriter};
use super::socket::{self, Peer};
use super::stream::{NoticeStream, StreamReader, StreamWriter};
use super::{CapsuleError, sanitize};

/// How long a capsule may take to answer one request, unless told otherwise.
const REPLY: Duration = Duration::from_secs(5);

/// A connection to one capsule.
///
/// Requests go one at a time. [`attach`](Self::attach), [`exec`](Self::exec), [`output`](Self::output) and
/// [`subscribe`](Self::subscribe) take the connection with them.
#[derive(Debug)]
pub struct CapsuleClient {
    reader: FrameReader,
    writer: FrameWriter,
    hello: Hello,
    timeout: Duration,
    /// A reply came late or not at all: the next frame would be taken for the answer to another request.
    is_broken: bool,
}

impl CapsuleClient {
    /// Connects to the socket `name` in `directory`, whose peer must be `expected_pid` where that is known.
    ///
    /// The peer's user must be the one that owns the socket.
    ///
    /// # Errors
    /// When there is no socket, its peer is another one, or no greeting comes back; see [`CapsuleError::is_absent`].
    pub async fn connect(directory: &Path, name: &str, expected_pid: Option<u32>) -> Result<Self, CapsuleError> {
        Self::connect_to(directory, name, Peer { pid: expected_pid, uid: None }).await
    }

    /// Connects as [`connect`](Self::connect) does, with all that is known about the peer.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_to(directory: &Path, name: &str, peer: Peer) -> Result<Self, CapsuleError> {
        let (read, write) = socket::connect(directory, name, peer).await?.into_split();
        Self::greet(FrameReader::new(read), FrameWriter::new(write)).await
    }

    /// Speaks over a connection that leads to a capsule by another way; who is at its other end is for who opened it to know.
    ///
    /// # Errors
    /// When no greeting comes back.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Self, CapsuleError> {
        let (read, write) = tokio::io::split(stream);
        Self::greet(FrameReader::new(read), FrameWriter::new(write)).await
    }

    async fn greet(mut reader: FrameReader, mut writer: FrameWriter) -> Result<Self, CapsuleError> {
        let ours = Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() };
        writer.send(&Frame::Hello(ours)).await?;
        let hello = greeting(within(REPLY, "hello", reader.next()).await?)?;
        Ok(Self { reader, writer, hello, timeout: REPLY, is_broken: false })
    }

    /// Allows each reply this much time instead of five seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How the capsule introduced itself.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// What the capsule is and what runs in it.
    ///
    /// # Errors
    /// When the connection breaks or the reply is late.
    pub async fn status(&mut self) -> Result<Status, CapsuleError> {
        match self.ask("status", Request::Status).await? {
            Reply::Status(status) => Ok(status),
            _ => Err(CapsuleError::UnexpectedReply { request: "status" }),
        }
    }

    /// Sets the environment of new sessions and execs.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late or a variable's name is not one.
    pub async fn personalise(&mut self, personalise: Personalise) -> Result<(), CapsuleError> {
        self.ask_done("personalise", Request::Personalise(personalise)).await
    }

    /// Starts a session, or finds the live one of that name.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, or the program cannot be started.
    pub async fn spawn(&mut self, spawn: Spawn) -> Result<Spawned, CapsuleError> {
        match self.ask("spawn", Request::Spawn(spawn)).await? {
            Reply::Spawned(spawned) => Ok(spawned),
            _ => Err(CapsuleError::UnexpectedReply { request: "spawn" }),
        }
    }

    /// Sends a signal to a session, by name or id.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, or no such session lives.
    pub async fn kill(&mut self, session: &str, signal: Signal) -> Result<(), CapsuleError> {
        self.ask_done("kill", Request::Kill(Kill { session: session.to_owned(), signal })).await
    }

    /// Types into a session without looking at it: all of it, or nothing.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, no such session lives, it is too much, the program does not read, or an older
    /// capsule does not know the request.
    pub async fn send(&mut self, typing: Typing) -> Result<(), CapsuleError> {
        self.ask_done("send", Request::Send(typing)).await
    }

    /// Gives a live session, by name or id, another name.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, the name is none or another live session has it, or an older capsule does not
    /// know the request.
    pub async fn rename(&mut self, session: &str, name: &str) -> Result<(), CapsuleError> {
        let rename = Rename { session: session.to_owned(), name: name.to_owned() };
        self.ask_done("rename", Request::Rename(rename)).await
    }

    /// What is on a session's screen.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, or there is no such session.
    pub async fn capture(&mut self, capture: Capture) -> Result<Captured, CapsuleError> {
        match self.ask("capture", Request::Capture(capture)).await? {
            Reply::Captured(captured) => Ok(captured),
            _ => Err(CapsuleError::UnexpectedReply { request: "capture" }),
        }
    }

    /// A session's raw output: what is kept of it, and what follows when asked for.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, or there is no such session.
    pub async fn output(mut self, output: Output) -> Result<StreamReader, CapsuleError> {
        self.ask_done("output", Request::Output(output)).await?;
        Ok(StreamReader::listening(self.reader, self.writer))
    }

    /// Looks at a session: how it was granted, then what it shows and what it is told.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, or there is no such session.
    pub async fn attach(mut self, attach: Attach) -> Result<(Attached, StreamReader, StreamWriter), CapsuleError> {
        match self.ask("attach", Request::Attach(attach)).await? {
            Reply::Attached(attached) => {
                Ok((attached, StreamReader::of_terminal(self.reader), StreamWriter::new(self.writer)))
            }
            _ => Err(CapsuleError::UnexpectedReply { request: "attach" }),
        }
    }

    /// Runs a command beside the sessions, in the environment of a new session.
    ///
    /// Dropping both halves ends the command's terminal or its pipes and hangs it up.
    ///
    /// # Errors
    /// When the connection breaks, the reply is late, or the program cannot be started.
    pub async fn exec(mut self, exec: Exec) -> Result<(StreamReader, StreamWriter), CapsuleError> {
        let has_terminal = exec.tty.is_some();
        match self.ask("exec", Request::Exec(exec)).await? {
            Reply::Started { .. } if has_terminal => {
                Ok((StreamReader::of_terminal(self.reader), StreamWriter::new(self.writer)))
            }
            Reply::Started { .. } => Ok((StreamReader::of_pipes(self.reader), StreamWriter::new(self.writer))),
            _ => Err(CapsuleError::UnexpectedReply { request: "exec" }),
        }
    }

    /// The capsule's status now, and everything that happens after it.
    ///
    /// # Errors
    /// When the connection breaks or the reply is late.
    pub async fn subscribe(mut self) -> Result<(Status, NoticeStream), CapsuleError> {
        match self.ask("subscribe", Request::Subscribe).await? {
            Reply::Status(status) => Ok((status, NoticeStream::new(self.reader, self.writer))),
            _ => Err(CapsuleError::UnexpectedReply { request: "subscribe" }),
        }
    }

    async fn ask_done(&mut self, what: &'static str, request: Request) -> Result<(), CapsuleError> {
        match self.ask(what, request).await? {
            Reply::Done => Ok(()),
            _ => Err(CapsuleError::UnexpectedReply { request: what }),
        }
    }

    async fn ask(&mut self, what: &'static str, request: Request) -> Result<Reply, CapsuleError> {
        if std::mem::replace(&mut self.is_broken, true) {
            return Err(CapsuleError::Closed);
        }
        let Self { reader, writer, timeout, .. } = self;
        let asking = async {
            writer.send(&Frame::Request(request)).await?;
            reader.next().await
        };
        let answer = within(*timeout, what, asking).await?;
        self.is_broken = false;
        match answer {
            None => Err(CapsuleError::Closed),
            Some(Frame::Reply(Reply::Error(error))) => Err(CapsuleError::refused(error)),
            Some(Frame::Reply(reply)) => Ok(sanitize::reply(reply)),
            Some(_) => Err(CapsuleError::UnexpectedReply { request: what }),
        }
    }
}

/// How a capsule introduces itself by the first frame that comes from it, which may be anything.
pub(crate) fn greeting(first: Option<Frame>) -> Result<Hello, CapsuleError> {
    let Hello { protocol, version } = match first {
        None => return Err(CapsuleError::Closed),
        Some(Frame::Hello(hello)) => hello,
        Some(Frame::Reply(Reply::Error(error))) => return Err(CapsuleError::refused(error)),
        Some(_) => return Err(CapsuleError::UnexpectedReply { request: "hello" }),
    };
    let version = sanitize::text(version);
    if protocol == 0 {
        return Err(CapsuleError::UnsupportedProtocol { protocol, version });
    }
    Ok(Hello { protocol, version })
}

async fn within<T>(
    after: Duration,
    what: &'static str,
    waiting: impl Future<Output = Result<T, CapsuleError>>,
) -> Result<T, CapsuleError> {
    tokio::time::timeout(after, waiting).await.map_err(|_| CapsuleError::TimedOut { what, after })?
}
