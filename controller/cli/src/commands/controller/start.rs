//! `jackin controller start`: a controller in the background.

use super::Status;
use crate::commands::Ended;
use crate::context::Context;

pub(crate) async fn run(context: &Context) -> Ended {
    let status: Status = context.connect().await?.get_json("/jackin/v1/status").await?;
    context.console.say(&format!("the controller runs (pid {})", status.pid));
    Ok(0)
}
