//! `jackin controller status`: whether it runs.

use jackin_daemon::client::{ConnectError, Connection, Start};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command_error::ErrorKind;
use crate::commands::Ended;
use crate::commands::output::Output;
use crate::context::Context;

/// Tell whether the controller runs, and what it is connected to.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    output: Output,
}

/// What a controller says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) pid: u32,
    pub(crate) version: String,
    pub(crate) owner: String,
    pub(crate) home: String,
    pub(crate) started_at: String,
    /// The engine, when it answers.
    #[serde(default)]
    pub(crate) engine: Option<Engine>,
    /// Why it does not answer, when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) engine_error: Option<String>,
}

/// An engine as a controller sees it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Engine {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) api_version: String,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let console = &context.console;
    let is_json = arguments.output.is_json();
    let connection = match Connection::open(&context.home, Start::Never).await {
        Ok(connection) => connection,
        Err(ConnectError::NotRunning { .. }) => {
            if is_json {
                let status = json!({ "running": false, "home": context.home.root() });
                console.line(&format!("{status:#}"))?;
            } else {
                console.line(&format!("not running for {}", context.home.root()))?;
            }
            return Ok(ErrorKind::Unreachable as u8);
        }
        Err(error) => return Err(error.into()),
    };
    let status: Status = connection.get_json("/jackin/v1/status").await?;
    if is_json {
        let mut status = json!(status);
        status["running"] = json!(true);
        console.line(&format!("{status:#}"))?;
        return Ok(0);
    }
    let Status { pid, version, owner, home, started_at, engine, engine_error } = status;
    console.line(&format!("running     pid {pid}, since {started_at}"))?;
    console.line(&format!("version     {version}"))?;
    console.line(&format!("home        {home}"))?;
    console.line(&format!("owner       {owner}"))?;
    console.line(&match engine {
        Some(engine) => format!("engine      {} {} (API {})", engine.name, engine.version, engine.api_version),
        None => format!("engine      does not answer: {}", engine_error.unwrap_or_default()),
    })?;
    Ok(0)
}
