//! Streams to who only listens: a session's output, and notices.

use std::rc::Rc;

use jackin_api::wire::{Event, Frame, FrameKind, Notice, Output, Reply};
use tokio::sync::broadcast::error::RecvError;

use super::connection::{Closed, Connection, Outgoing};
use crate::capsule::Capsule;
use crate::session::{Following, Step};

/// A session's output: what is kept, and what follows when asked for.
pub(super) async fn output(capsule: &Capsule, mut connection: Connection, output: &Output) -> Result<(), Closed> {
    let session = match capsule.session(output.session.as_deref()) {
        Ok(session) => session,
        Err(refusal) => return connection.reply(Err(refusal)).await,
    };
    connection.reply(Ok(Reply::Done)).await?;
    let following = Following::output(session, output.tail, output.follow);
    let Connection { mut incoming, mut outgoing } = connection;
    tokio::select! {
        sent = send_output(following, output.follow, &mut outgoing) => sent,
        () = incoming.closed() => Ok(()),
    }
}

async fn send_output(mut following: Following, follow: bool, outgoing: &mut Outgoing) -> Result<(), Closed> {
    let exit = loop {
        match following.next_output() {
            Step::Paint(bytes) | Step::Output(bytes) => outgoing.send_data(FrameKind::Output, &bytes).await?,
            Step::TakenOver | Step::Resized(_) => {}
            Step::Ended(exit) => break Some(exit),
            Step::Wait if follow => following.wait().await,
            Step::Wait => break None,
        }
    };
    outgoing.send(&Frame::Event(Event::Ended { exit })).await
}

/// The status, then every notice from that moment on.
pub(super) async fn notices(capsule: &Rc<Capsule>, mut connection: Connection) -> Result<(), Closed> {
    let mut notices = capsule.notices.subscribe();
    connection.reply(Ok(Reply::Status(capsule.status()))).await?;
    let Connection { mut incoming, mut outgoing } = connection;
    let send = async {
        loop {
            let notice = match notices.recv().await {
                Ok(notice) => notice,
                Err(RecvError::Lagged(count)) => Notice::Missed { count },
                Err(RecvError::Closed) => return Ok(()),
            };
            outgoing.send(&Frame::Notice(notice)).await?;
        }
    };
    tokio::select! {
        sent = send => sent,
        () = incoming.closed() => Ok(()),
    }
}
