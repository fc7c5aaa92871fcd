//! Connections: one task each, bounded in number, time and memory. A bad client ends its own connection and nothing else.

mod attach;
mod connection;
mod exec;
mod follow;
mod input;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{ErrorCode, Frame, Hello, Kill, PROTOCOL, Reply, ReplyError, Request, Typing};
use tokio::net::{UnixListener, UnixStream};

use crate::capsule::Capsule;
use crate::log::log;
use crate::process;
use connection::{Closed, Connection};

/// The most connections at a time.
const CONNECTIONS: usize = 128;

/// How long a client may say nothing between two requests.
const SILENCE: Duration = Duration::from_secs(60);

/// How long to leave the queue alone after the system refused a connection, for lack of descriptors for example.
const PAUSE: Duration = Duration::from_millis(50);

/// A refusal for the wire.
pub(crate) fn refuse(code: ErrorCode, message: &str) -> ReplyError {
    ReplyError { code, message: message.to_owned() }
}

/// Accepts for ever.
pub(crate) async fn accept(capsule: Rc<Capsule>, listener: UnixListener) {
    let open = Rc::new(Cell::new(0));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log!("accept-failed", "error" => error.to_string());
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        open.set(open.get() + 1);
        let place = Place(Rc::clone(&open));
        let capsule = Rc::clone(&capsule);
        tokio::task::spawn_local(async move {
            let is_full = place.0.get() > CONNECTIONS;
            if let Err(Closed::Badly(reason)) = serve(capsule, stream, is_full).await {
                log!("client-failed", "reason" => reason);
            }
            drop(place);
        });
    }
}

/// One connection's share of those that may be open; given back also when its task panics.
struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn serve(capsule: Rc<Capsule>, stream: UnixStream, is_full: bool) -> Result<(), Closed> {
    let mut connection = Connection::new(stream, Rc::clone(&capsule.turns));
    let ours = Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() };
    connection.send(&Frame::Hello(ours)).await?;
    if is_full {
        let refusal = refuse(ErrorCode::TooMany, &format!("{CONNECTIONS} clients are connected already"));
        return connection.send(&Frame::Reply(Reply::Error(refusal))).await;
    }
    greet(&mut connection).await?;
    loop {
        let Some(frame) = connection.next_within(SILENCE).await? else {
            return Ok(());
        };
        let request = match frame {
            Ok(Frame::Request(request)) => request,
            Ok(Frame::Unknown { .. }) => continue,
            Ok(_) => return Err(Closed::Badly("a frame that is not a request".to_owned())),
            Err(error) => {
                let refusal = refuse(ErrorCode::BadRequest, &error.to_string());
                connection.send(&Frame::Reply(Reply::Error(refusal))).await?;
                continue;
            }
        };
        let reply = match request {
            Request::Attach(attach) => return attach::serve(&capsule, connection, &attach).await,
            Request::Exec(exec) => return exec::serve(&capsule, connection, exec).await,
            Request::Output(output) => return follow::output(&capsule, connection, &output).await,
            Request::Subscribe => return follow::notices(&capsule, connection).await,
            simple => answer(&capsule, simple),
        };
        connection.reply(reply).await?;
    }
}

async fn greet(connection: &mut Connection) -> Result<(), Closed> {
    match connection.next_within(SILENCE).await? {
        None => Err(Closed::Quietly),
        Some(Ok(Frame::Hello(hello))) if hello.protocol >= 1 => Ok(()),
        Some(Ok(Frame::Hello(hello))) => {
            let message = format!("protocol {} is not spoken here", hello.protocol);
            let refusal = refuse(ErrorCode::UnsupportedProtocol, &message);
            connection.send(&Frame::Reply(Reply::Error(refusal))).await?;
            Err(Closed::Quietly)
        }
        Some(Ok(_)) => Err(Closed::Badly("no greeting".to_owned())),
        Some(Err(error)) => Err(Closed::Badly(error.to_string())),
    }
}

/// Answers what one reply answers.
fn answer(capsule: &Rc<Capsule>, request: Request) -> Result<Reply, ReplyError> {
    match request {
        Request::Status => Ok(Reply::Status(capsule.status())),
        Request::Personalise(personalise) => capsule.personalise(personalise).map(|()| Reply::Done),
        Request::Spawn(spawn) => capsule.spawn(spawn).map(Reply::Spawned),
        Request::Kill(kill) => kill_session(capsule, &kill).map(|()| Reply::Done),
        Request::Send(typing) => {
            let Typing { session, strokes } = typing;
            capsule.session(session.as_deref())?.send(&strokes).map(|()| Reply::Done)
        }
        Request::Rename(rename) => capsule.rename(rename).map(|()| Reply::Done),
        Request::Report(report) => {
            capsule.session(Some(&report.session)).and_then(|session| session.report(&report)).map(|()| Reply::Done)
        }
        Request::Capture(capture) => {
            capsule.session(capture.session.as_deref()).map(|session| Reply::Captured(session.capture(&capture)))
        }
        Request::Attach(_) | Request::Exec(_) | Request::Output(_) | Request::Subscribe | Request::Unknown => {
            Err(refuse(ErrorCode::UnknownRequest, "this capsule does not know the request"))
        }
    }
}

fn kill_session(capsule: &Capsule, kill: &Kill) -> Result<(), ReplyError> {
    let session = capsule.session(Some(&kill.session))?;
    if !session.is_live() {
        return Err(refuse(ErrorCode::SessionEnded, &format!("session `{}` ended before", session.name())));
    }
    log!("session-signalled", "name" => session.name(), "signal" => format!("{:?}", kill.signal));
    for group in session.groups() {
        process::signal_group(group, process::system_signal(kill.signal));
    }
    Ok(())
}
