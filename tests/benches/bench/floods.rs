//! How soon a key of an idle session is seen while ten others flood, each with a writer and two who watch.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use jackin_api::wire::{Attach, AttachMode, Size, Spawn};
use jackin_daemon::capsule::{CapsuleClient, StreamItem, StreamReader, StreamWriter};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::report::{Bar, Row, Samples, milliseconds};
use super::stage::Stage;
use super::subject::Subject;

/// How many sessions flood.
const SESSIONS: usize = 10;
/// How many look at each; the first of them writes.
const VIEWERS: usize = 3;
/// What each of them prints.
const BYTES: usize = 50_000_000;
/// How soon a key should be seen meanwhile.
const BAR: f64 = 10.0;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the capsule of the first instance is reached.
struct Place {
    directory: String,
    socket: String,
}

impl Place {
    async fn of(stage: &Stage) -> anyhow::Result<Self> {
        let path = format!("/jackin/v1/namespaces/default/instances/{}/connection", Subject::PLAIN.instance(0));
        let told: Value = stage.connection().await?.get_json(&path).await?;
        let text = |field: &str| told[field].as_str().map(str::to_owned).context("the way to the capsule is not told");
        Ok(Self { directory: text("directory")?, socket: text("socket")? })
    }

    async fn client(&self) -> anyhow::Result<CapsuleClient> {
        Ok(CapsuleClient::connect(Path::new(&self.directory), &self.socket, None).await?)
    }

    async fn attach(&self, session: &str, mode: AttachMode) -> anyhow::Result<(StreamReader, StreamWriter)> {
        let attach =
            Attach { session: Some(session.to_owned()), size: Some(Size::default()), mode, ..Attach::default() };
        let (_, reader, writer) = self.client().await?.attach(attach).await?;
        Ok((reader, writer))
    }
}

/// Keys, from when all floods run until the first has ended.
pub(crate) async fn floods(stage: &Stage) -> anyhow::Result<Row> {
    let place = Place::of(stage).await?;
    let spawn = async |name: &str, argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        place.client().await?.spawn(Spawn { name: name.to_owned(), argv, ..Spawn::default() }).await?;
        anyhow::Ok(())
    };
    spawn("idle", &["cat"]).await?;
    let (mut seen, mut typed) = place.attach("idle", AttachMode::Write).await?;
    let flood = format!("stty -echo; read line; yes 'the quick brown fox jumps over the lazy dog' | head -c {BYTES}");
    let mut floods = tokio::task::JoinSet::new();
    let mut writers = Vec::new();
    for number in 0..SESSIONS {
        let name = format!("flood-{number}");
        spawn(&name, &["sh", "-c", &flood]).await?;
        for viewer in 0..VIEWERS {
            let mode = if viewer == 0 { AttachMode::Write } else { AttachMode::Watch };
            let (reader, writer) = place.attach(&name, mode).await?;
            floods.spawn(to_the_end(reader));
            writers.push(writer);
        }
    }
    for writer in writers.iter_mut().step_by(VIEWERS) {
        writer.input(b"\n").await?;
    }
    let mut ours = Samples::new();
    for key in (b'a'..=b'z').cycle() {
        let begun = Instant::now();
        typed.input(&[key]).await?;
        timeout(PATIENCE, see(&mut seen, key)).await.context("a key is not echoed")??;
        if let Some(ended) = floods.try_join_next() {
            ended??;
            break;
        }
        ours.push(milliseconds(begun.elapsed()));
        // A terminal holds a line of some thousand bytes.
        if key == b'z' {
            typed.input(b"\n").await?;
        }
    }
    while let Some(ended) = timeout(PATIENCE, floods.join_next()).await.context("a flood does not end")? {
        ended??;
    }
    Ok(Row { ours, ..Row::new("key-during-ten-floods", Bar::Milliseconds(BAR)) })
}

async fn to_the_end(mut reader: StreamReader) -> anyhow::Result<()> {
    loop {
        match reader.next().await? {
            Some(StreamItem::Ended(_)) => return Ok(()),
            Some(_) => {}
            None => bail!("a flood ended without an end"),
        }
    }
}

async fn see(reader: &mut StreamReader, key: u8) -> anyhow::Result<()> {
    loop {
        match reader.next().await? {
            Some(StreamItem::Output(bytes)) if bytes.contains(&key) => return Ok(()),
            Some(StreamItem::Ended(_)) | None => bail!("the idle session ended"),
            Some(_) => {}
        }
    }
}
