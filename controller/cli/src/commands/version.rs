//! `jackin version`: program, controller and engine.

use jackin_daemon::client::{ConnectError, Connection, Start};
use serde_json::{Value, json};

use super::Ended;
use super::controller::Status;
use super::output::Output;
use crate::context::Context;

/// Print the versions of program, controller and engine.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let client = env!("CARGO_PKG_VERSION");
    let status = status(context).await?;
    let controller = status.as_ref().map(|status| status.version.clone());
    let engine = status.and_then(|status| status.engine);
    if arguments.output.is_json() {
        let engine = engine.as_ref().map_or(Value::Null, |engine| json!(engine));
        let controller = controller.map(|version| json!({ "version": version }));
        let versions = json!({ "client": { "version": client }, "controller": controller, "engine": engine });
        context.console.line(&format!("{versions:#}"))?;
        return Ok(0);
    }
    context.console.line(&format!("jackin:     {client}"))?;
    context.console.line(&format!("controller: {}", controller.as_deref().unwrap_or("not running")))?;
    if let Some(engine) = engine {
        context
            .console
            .line(&format!("engine:     {} {} (API {})", engine.name, engine.version, engine.api_version))?;
    }
    Ok(0)
}

async fn status(context: &Context) -> Result<Option<Status>, crate::command_error::CommandError> {
    match Connection::open(&context.home, Start::Never).await {
        Ok(connection) => Ok(Some(connection.get_json("/jackin/v1/status").await?)),
        Err(ConnectError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
