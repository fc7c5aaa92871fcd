//! Measures jackin against the same Engine API calls made bare, in one run, on this machine's engine.
//!
//! `cargo bench -p jackin-tests --bench bench -- --help` lists what can be asked for; `make bench` makes the programs and the image that
//! it needs. The programs are taken from the folder of the profile that this one was built in, or from `JACKIN_BENCH_BIN_DIR`.
//!
//! # What is compared
//!
//! One engine's times vary by half from one minute to the next, so that only ratios within a run tell anything: each measure of ours is
//! followed by the same work done bare, and so on in turns. The bare side gets all that may be prepared in advance: its requests are
//! ready, its connection is open, and its container is the exact copy of ours. Ours pays for everything that a user waits for.
//!
//! # Guarantees
//!
//! A home, an owner id and labels of its own: nothing of another installation is touched, and all that was made is removed again, also
//! after a failure or an interrupt.

mod arguments;
mod bare;
mod commands;
mod counts;
mod engine;
mod floods;
mod idle;
mod keys;
mod launch;
mod report;
mod stage;
mod subject;
mod terminal;
mod warm;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Measure};
use report::Report;
use stage::Stage;
use subject::Subject;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else {
        say(arguments::HELP);
        return Ok(ExitCode::SUCCESS);
    };
    // Two threads: what measures must not wait for what only receives.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(arguments))
}

async fn measure(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let as_json = arguments.json;
    let stage = std::sync::Arc::new(Stage::new().await?);
    // A task of its own, so that a panic in it does not keep anything from being removed.
    let mut running = tokio::spawn(all(stage.clone(), arguments));
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let outcome = tokio::select! {
        ended = &mut running => ended.context("measure").flatten(),
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    };
    running.abort();
    if outcome.is_err() {
        say(&stage.daemon_log());
    }
    let cleaned = stage.clean_up().await;
    let report = outcome?;
    cleaned.context("remove what was made")?;
    let mut stdout = std::io::stdout();
    if as_json {
        say(&report.table());
        writeln!(stdout, "{:#}", report.json())?;
    } else {
        writeln!(stdout, "{}", report.table())?;
    }
    Ok(if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn all(stage: std::sync::Arc<Stage>, arguments: Arguments) -> anyhow::Result<Report> {
    let mut report = Report::new(stage.about().await?);
    stage.scale(&Subject::PLAIN, 1).await.context("run the first instance")?;
    for measure in &arguments.only {
        say(&format!("{} …", measure.name()));
        let rounds = arguments.rounds;
        let rows = match measure {
            Measure::Create => {
                vec![launch::create(&stage, &Subject::PLAIN, "create-from-valid-image", rounds, || Ok(())).await?]
            }
            Measure::Start => vec![launch::start(&stage, rounds).await?],
            Measure::Attach => terminal::attach(&stage, arguments.terminal_rounds).await?,
            Measure::Keys => keys::keys(&stage, arguments.terminal_rounds).await?,
            Measure::Floods => vec![floods::floods(&stage).await?],
            Measure::Apply => vec![commands::apply(&stage, arguments.command_rounds).await?],
            Measure::Get => vec![commands::get(&stage, arguments.command_rounds).await?],
            Measure::Heal => vec![launch::heal(&stage, rounds).await?],
            Measure::Remake => vec![launch::remake(&stage, rounds).await?],
            Measure::Warm => warm::warm(&stage, rounds).await?,
            Measure::Idle => idle::idle(&stage, arguments.instances, arguments.idle).await?,
        };
        for row in rows {
            say(&row.line());
            report.push(row);
        }
    }
    Ok(report)
}

/// Tells how it goes, apart from what was asked for.
fn say(text: &str) {
    // Nobody listens when standard error is closed.
    _ = writeln!(std::io::stderr(), "{text}");
}
