//! `jackin doctor`: whether the controller finds all that it needs, and what to do where it does not.

use jackin_daemon::doctor::{Finding, Verdict};
use serde_json::json;

use super::Ended;
use super::output::Output;
use crate::command_error::ErrorKind;
use crate::context::Context;
use crate::text;

/// Tell whether the controller finds all that it needs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code 4 when the engine does not answer, 1 when something else is missing without which nothing works."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let findings: Vec<Finding> = context.connect().await?.get_json("/jackin/v1/doctor").await?;
    if arguments.output.is_json() {
        context.console.line(&format!("{:#}", json!(findings)))?;
    } else {
        let header = ["CHECK", "VERDICT", "DETAIL"].map(str::to_owned).to_vec();
        let rows = std::iter::once(header).chain(findings.iter().map(row));
        context.console.write(&text::columns(&rows.collect::<Vec<_>>()))?;
        for finding in &findings {
            if let Some(hint) = &finding.hint {
                context.console.say(&format!("{}: {hint}", finding.check));
            }
        }
    }
    Ok(if findings.iter().any(Finding::is_engine_away) {
        ErrorKind::Unreachable as u8
    } else if findings.iter().any(|finding| finding.verdict == Verdict::Failed) {
        ErrorKind::Failed as u8
    } else {
        0
    })
}

fn row(finding: &Finding) -> Vec<String> {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED",
    };
    vec![finding.check.clone(), verdict.to_owned(), finding.detail.clone()]
}
