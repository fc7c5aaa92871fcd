//! `jackin controller stop`: ends the controller gracefully. Containers go on running.

use std::time::{Duration, Instant};

use jackin_daemon::client::{ConnectError, Connection, RequestError, Start};
use serde_json::Value;

use super::Status;
use crate::command_error::{CommandError, ErrorKind};
use crate::commands::Ended;
use crate::context::Context;

/// How long it may take to finish what it is at.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) async fn run(context: &Context) -> Ended {
    let connection = match Connection::open(&context.home, Start::Never).await {
        Ok(connection) => connection,
        Err(ConnectError::NotRunning { .. }) => {
            context.console.say("no controller is running");
            return Ok(0);
        }
        Err(error) => return Err(error.into()),
    };
    let status: Option<Status> = connection.get_json("/jackin/v1/status").await.ok();
    match connection.post_json::<Value>("/jackin/v1/stop", &Value::Null).await {
        // It may be gone before its answer is read to the end.
        Ok(_) | Err(RequestError::Transport { .. } | RequestError::Malformed { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    drop(connection);
    let began = Instant::now();
    while is_there(context, status.as_ref()).await {
        if began.elapsed() > DEADLINE {
            let message = format!("the controller did not stop within {} s", DEADLINE.as_secs());
            return Err(
                CommandError::new(ErrorKind::NotReady, message).hint("`jackin controller status -o json` has its pid")
            );
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    context.console.say("stopped the controller");
    Ok(0)
}

/// Whether somebody listens, or the process that did has not ended yet.
async fn is_there(context: &Context, status: Option<&Status>) -> bool {
    let process = status.and_then(|status| i32::try_from(status.pid).ok()).and_then(rustix::process::Pid::from_raw);
    let runs = process.is_some_and(|pid| {
        // A process that ended and was not collected by who started it still has its number.
        let state = fs_err::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        let state = state.rsplit_once(')').map(|(_, rest)| rest.trim_start().chars().next());
        state.flatten().is_some_and(|state| state != 'Z')
    });
    runs || Connection::open(&context.home, Start::Never).await.is_ok()
}
