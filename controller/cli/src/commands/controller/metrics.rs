//! `jackin controller metrics`: what the controller counts of its own work.

use crate::commands::Ended;
use crate::context::Context;

pub(crate) async fn run(context: &Context) -> Ended {
    let page = context.connect().await?.get_text("/metrics").await?;
    context.console.write(&page)?;
    Ok(0)
}
