//! Rules of events.

crate::rules! {
    each_change_of_a_container_is_told
    each_change_of_a_network_and_a_volume_is_told
    events_of_others_are_not_shown
    events_since_a_time_are_told_to_who_comes_late
}

mod rule {
    use anyhow::{Context, Result, bail};
    use futures::StreamExt;
    use jackin_daemon::docker::{EngineEvent, EventAction, EventKind, EventStream};
    use jackin_plan::world::{Limits, NetworkSpec, RestartPolicy, VolumeSpec};
    use jiff::Timestamp;

    use crate::stage::{PATIENCE, Stage};

    /// The next event that matters here.
    async fn next(stream: &mut EventStream, matters: impl Fn(&EngineEvent) -> bool) -> Result<EngineEvent> {
        let found = async {
            while let Some(event) = stream.next().await {
                let event = event?;
                if matters(&event) {
                    return Ok(event);
                }
            }
            bail!("the stream ended")
        };
        tokio::time::timeout(PATIENCE, found).await.context("no such event in time")?
    }

    /// Waits until each of these was told of the object, in this order.
    async fn expect(stream: &mut EventStream, kind: EventKind, id: &str, actions: &[EventAction]) -> Result<()> {
        for action in actions {
            let told = next(stream, |event| event.kind == kind && event.id == id && event.action == *action).await;
            told.with_context(|| format!("{kind:?} {action:?}"))?;
        }
        Ok(())
    }

    pub(super) async fn each_change_of_a_container_is_told(stage: &Stage) -> Result<()> {
        let mut stream = stage.engine.events(&stage.ours(), Some(Timestamp::now()));
        let id = stage.run(&stage.sleeper("told")).await?;
        stage.engine.pause_container(&id).await?;
        stage.engine.unpause_container(&id).await?;
        let limits = Limits { pids: Some(50), ..Limits::default() };
        stage.engine.update_container(&id, &limits, RestartPolicy::No).await?;
        stage.engine.rename_container(&id, &stage.name("retold")).await?;
        stage.engine.stop_container(&id, 0).await?;
        stage.engine.remove_container(&id, false).await?;
        let created =
            next(&mut stream, |event| event.kind == EventKind::Container && event.action == EventAction::Created);
        let created = created.await?;
        assert_eq!((&created.id, created.name.as_deref()), (&id.0, Some(stage.name("told").as_str())));
        let ours = stage.labels();
        assert_eq!(created.attributes.get("jackin.conformance"), ours.get("jackin.conformance"));
        let actions = [
            EventAction::Started,
            EventAction::Paused,
            EventAction::Unpaused,
            EventAction::Updated,
            EventAction::Renamed,
            EventAction::Killed,
            EventAction::Died { exit_code: Some(137) },
            EventAction::Stopped,
            EventAction::Destroyed,
        ];
        expect(&mut stream, EventKind::Container, &id.0, &actions).await
    }

    pub(super) async fn each_change_of_a_network_and_a_volume_is_told(stage: &Stage) -> Result<()> {
        let mut stream = stage.engine.events(&stage.ours(), Some(Timestamp::now()));
        let name = stage.name("net");
        let spec = NetworkSpec { name: name.clone(), labels: stage.labels(), internal: false };
        let network = stage.engine.create_network(&spec).await?;
        let mut container = stage.sleeper("member");
        container.networks = vec![name];
        let id = stage.run(&container).await?;
        stage.engine.disconnect_network(&network, &id, false).await?;
        stage.engine.remove_network(&network).await?;
        let actions = [EventAction::Created, EventAction::Connected, EventAction::Disconnected, EventAction::Destroyed];
        expect(&mut stream, EventKind::Network, &network.0, &actions).await?;

        let volume = stage.name("vol");
        stage
            .engine
            .create_volume(&VolumeSpec { name: volume.clone(), labels: stage.labels(), medium: Default::default() })
            .await?;
        stage.engine.remove_volume(&volume).await?;
        expect(&mut stream, EventKind::Volume, &volume, &[EventAction::Created, EventAction::Destroyed]).await
    }

    pub(super) async fn events_of_others_are_not_shown(stage: &Stage) -> Result<()> {
        let filter = stage.ours().with("jackin.colour", "blue");
        let mut stream = stage.engine.events(&filter, Some(Timestamp::now()));
        let other = stage.engine.create_container(&stage.sleeper("grey")).await?;
        let mut spec = stage.sleeper("blue");
        spec.labels.insert("jackin.colour".into(), "blue".into());
        let ours = stage.engine.create_container(&spec).await?;
        let first = next(&mut stream, |event| event.kind == EventKind::Container).await?;
        assert_ne!(first.id, other.0);
        assert_eq!(first.id, ours.0);
        Ok(())
    }

    pub(super) async fn events_since_a_time_are_told_to_who_comes_late(stage: &Stage) -> Result<()> {
        let before = Timestamp::now();
        let id = stage.run(&stage.sleeper("early")).await?;
        stage.engine.kill_container(&id, "SIGKILL").await?;
        let mut stream = stage.engine.events(&stage.ours(), Some(before));
        let actions = [
            EventAction::Created,
            EventAction::Started,
            EventAction::Killed,
            EventAction::Died { exit_code: Some(137) },
        ];
        expect(&mut stream, EventKind::Container, &id.0, &actions).await
    }
}
