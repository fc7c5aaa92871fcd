//! Watchers: told of everything, through restarts of the daemon and through versions that are gone.

use std::collections::BTreeSet;
use std::pin::pin;

use anyhow::{Context, Result, bail};
use futures::channel::mpsc::UnboundedReceiver;
use futures::{Stream, StreamExt, TryStreamExt};
use jackin_api::kinds::Role;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::task::JoinHandle;

use super::stage::{Stage, in_time, role};

/// A watcher in a task of its own, so that it notices what happens to its connection while the test does something else.
struct Watching {
    events: UnboundedReceiver<watcher::Event<Role>>,
    task: JoinHandle<()>,
    /// The names that it was told are there.
    known: BTreeSet<String>,
    /// Those of a list that is not complete yet.
    listed: BTreeSet<String>,
    /// How often it had to list.
    lists: usize,
}

impl Watching {
    fn start(roles: Api<Role>) -> Self {
        let (sender, events) = futures::channel::mpsc::unbounded();
        let watched = watcher(roles, watcher::Config::default()).default_backoff();
        let task = tokio::spawn(async move {
            let mut watched = pin!(watched);
            while let Some(event) = watched.next().await {
                // A connection that broke is its own business: it comes again.
                if let Ok(event) = event
                    && sender.unbounded_send(event).is_err()
                {
                    return;
                }
            }
        });
        Self { events, task, known: BTreeSet::new(), listed: BTreeSet::new(), lists: 0 }
    }

    /// Waits until what it was told amounts to these names.
    async fn knows(&mut self, expected: &[&str]) -> Result<()> {
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        let waited = in_time("being told", async {
            while self.known != expected {
                self.take().await?;
            }
            Ok(())
        });
        waited.await.with_context(|| format!("of {expected:?}"))?
    }

    async fn take(&mut self) -> Result<()> {
        match self.events.next().await.context("the watcher ended")? {
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(role) => {
                self.listed.insert(role.name_any());
            }
            watcher::Event::InitDone => {
                self.known = std::mem::take(&mut self.listed);
                self.lists += 1;
            }
            watcher::Event::Apply(role) => {
                self.known.insert(role.name_any());
            }
            watcher::Event::Delete(role) => {
                self.known.remove(&role.name_any());
            }
        }
        Ok(())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn make(roles: &Api<Role>, name: &str) -> Result<Role> {
    Ok(roles.create(&PostParams::default(), &role(name)).await?)
}

#[tokio::test]
async fn a_watcher_is_told_of_what_comes_and_goes() -> Result<()> {
    let stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    make(&roles, "before").await?;
    let mut watching = Watching::start(roles.clone());
    watching.knows(&["before"]).await?;
    make(&roles, "after").await?;
    watching.knows(&["before", "after"]).await?;
    roles.delete("before", &DeleteParams::default()).await?;
    watching.knows(&["after"]).await?;
    assert_eq!(watching.lists, 1);
    Ok(())
}

#[tokio::test]
async fn a_watcher_goes_on_when_the_daemon_was_stopped_and_started_again() -> Result<()> {
    let mut stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    make(&roles, "before").await?;
    let mut watching = Watching::start(roles.clone());
    watching.knows(&["before"]).await?;
    stage.stop()?;
    assert!(roles.get("before").await.is_err(), "the daemon is not stopped");
    stage.start()?;
    make(&roles, "after").await?;
    watching.knows(&["before", "after"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_watcher_goes_on_when_the_daemon_was_killed_and_things_changed_before_it_was_back() -> Result<()> {
    let mut stage = Stage::new()?;
    let detour = stage.detour().await?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    make(&roles, "before").await?;
    let mut detour = detour;
    let mut watching = Watching::start(Api::default_namespaced(detour.client().await?));
    watching.knows(&["before"]).await?;
    detour.cut().await?;
    stage.crash()?;
    stage.start()?;
    make(&roles, "after").await?;
    roles.delete("before", &DeleteParams::default()).await?;
    detour.open()?;
    watching.knows(&["after"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_watcher_that_was_away_for_too_long_is_told_410_and_lists_again() -> Result<()> {
    let stage = Stage::new()?;
    let mut detour = stage.detour().await?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    make(&roles, "stays").await?;
    let version = make(&roles, "goes").await?.resource_version().context("a version")?;
    let mut watching = Watching::start(Api::default_namespaced(detour.client().await?));
    watching.knows(&["stays", "goes"]).await?;

    detour.cut().await?;
    roles.delete("goes", &DeleteParams::default()).await?;
    make(&roles, "comes").await?;
    forget(&roles, &version).await?;
    detour.open()?;
    watching.knows(&["stays", "comes"]).await?;
    assert_eq!(watching.lists, 2, "it was not told to list again");

    // From then on it watches as before.
    make(&roles, "later").await?;
    watching.knows(&["stays", "comes", "later"]).await?;
    assert_eq!(watching.lists, 2);
    Ok(())
}

/// Changes an object until the server does not know any more what came after a version.
async fn forget(roles: &Api<Role>, version: &str) -> Result<()> {
    // What is kept is bounded in number and in bytes; large objects come to the second bound soon.
    let filling = "# filling\n".repeat(20_000);
    for round in 0..200 {
        let dockerfile = format!("FROM base:{round}\n{filling}");
        let patch = Patch::Merge(json!({"spec": {"source": {"image": null, "inline": {"dockerfile": dockerfile}}}}));
        roles.patch("stays", &PatchParams::default(), &patch).await?;
        if first_of(roles, version).await? == Some(410) {
            return Ok(());
        }
    }
    bail!("everything since {version} is still known")
}

/// The code with which a watch from a version fails, or nothing when it begins.
async fn first_of(roles: &Api<Role>, version: &str) -> Result<Option<u16>> {
    let events = match roles.watch(&WatchParams::default(), version).await {
        Err(kube::Error::Api(status)) => return Ok(Some(status.code)),
        other => other?,
    };
    let first = in_time("the first event", async { pin!(events).try_next().await }).await??;
    match first.context("the watch ended")? {
        WatchEvent::Error(status) => Ok(Some(status.code)),
        _ => Ok(None),
    }
}

#[tokio::test]
async fn a_watch_ends_when_the_daemon_does_and_none_keeps_it_from_ending() -> Result<()> {
    let mut stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    let version = make(&roles, "before").await?.resource_version().context("a version")?;
    let mut watches: Vec<_> = Vec::new();
    for _ in 0..20 {
        watches.push(Box::pin(roles.watch(&WatchParams::default(), &version).await?));
    }
    stage.stop()?;
    for watch in &mut watches {
        in_time("its end", to_the_end(watch)).await?;
    }
    Ok(())
}

async fn to_the_end(watch: &mut (impl Stream<Item = Result<WatchEvent<Role>, kube::Error>> + Unpin)) {
    while let Some(Ok(_)) = watch.next().await {}
}
