//! `jackin controller dump`: all that is stored.

use serde_json::Value;

use crate::commands::Ended;
use crate::context::Context;

pub(crate) async fn run(context: &Context) -> Ended {
    let dump: Value = context.connect().await?.get_json("/jackin/v1/dump").await?;
    context.console.line(&format!("{dump:#}"))?;
    Ok(0)
}
