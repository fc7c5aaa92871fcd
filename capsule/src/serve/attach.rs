//! A viewer's stream: the screen, then what follows; keys and sizes the other way.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{Attach, Attached, Control, Event, Frame, FrameKind, Reply, Size};

use super::connection::{Closed, Connection, Incoming, Outgoing};
use crate::capsule::Capsule;
use crate::session::{Following, Step, Viewer};

/// How long what a viewer typed may wait for the program once the viewer left.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(super) async fn serve(capsule: &Rc<Capsule>, mut connection: Connection, attach: &Attach) -> Result<(), Closed> {
    let session = match capsule.session(attach.session.as_deref()) {
        Ok(session) => session,
        Err(refusal) => return connection.reply(Err(refusal)).await,
    };
    let viewer = Viewer::join(capsule, Rc::clone(&session), attach);
    let attached = Attached { session: session.describe(), mode: viewer.mode };
    let told = attached.session.size;
    connection.reply(Ok(Reply::Attached(attached))).await?;
    let Connection { mut incoming, mut outgoing } = connection;
    let mut obeying = pin!(obey(&viewer, &mut incoming));
    tokio::select! {
        shown = show(&viewer, told, &mut outgoing) => match shown {
            // It closed after its last words: they still count.
            Err(Closed::Quietly) => obeying.await,
            other => other,
        },
        obeyed = &mut obeying => obeyed,
    }
}

async fn show(viewer: &Viewer, told: Size, outgoing: &mut Outgoing) -> Result<(), Closed> {
    let mut following = Following::viewer(viewer, told);
    loop {
        match following.next_for(viewer) {
            Step::Paint(bytes) => outgoing.send_data(FrameKind::Paint, &bytes).await?,
            Step::Output(bytes) => outgoing.send_data(FrameKind::Output, &bytes).await?,
            Step::TakenOver => outgoing.send(&Frame::Event(Event::TakenOver)).await?,
            Step::Resized(size) => outgoing.send(&Frame::Event(Event::Resized { size })).await?,
            Step::Ended(exit) => return outgoing.send(&Frame::Event(Event::Ended { exit: Some(exit) })).await,
            Step::Wait => following.wait().await,
        }
    }
}

async fn obey(viewer: &Viewer, incoming: &mut Incoming) -> Result<(), Closed> {
    while let Some(frame) = incoming.next().await? {
        match frame {
            Ok(Frame::Input(bytes)) => tokio::select! {
                biased;
                () = viewer.input(&bytes) => {}
                () = given_up(incoming) => return Ok(()),
            },
            Ok(Frame::Control(Control::Resize { size })) => viewer.resize(size),
            Ok(Frame::Control(Control::Detach)) => return Ok(()),
            // What a later client may say, or means for a command.
            Ok(_) => {}
            Err(error) => return Err(Closed::Badly(error.to_string())),
        }
    }
    Ok(())
}

/// Waits until the client left and what it typed had its time to be read; a program that reads nothing keeps nobody's place taken.
async fn given_up(incoming: &Incoming) {
    incoming.gone().await;
    tokio::time::sleep(LAST_WORDS).await;
}
