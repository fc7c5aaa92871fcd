//! Rules of networks.

crate::rules! {
    many_who_create_one_network_get_one
    a_network_in_use_is_not_removed
    a_running_container_is_connected_and_disconnected
    a_container_joins_all_its_networks
    a_container_without_networks_has_none
}

mod rule {
    use anyhow::{Context, Result, ensure};
    use futures::future::try_join_all;
    use jackin_daemon::docker::EngineErrorCause;
    use jackin_plan::world::{NetworkId, NetworkSpec};

    use crate::stage::Stage;

    fn spec(stage: &Stage, suffix: &str) -> NetworkSpec {
        NetworkSpec { name: stage.name(suffix), labels: stage.labels(), internal: false }
    }

    async fn members(stage: &Stage, id: &NetworkId) -> Result<Vec<String>> {
        Ok(stage.engine.inspect_network(&id.0).await?.context("the network is gone")?.members)
    }

    pub(super) async fn many_who_create_one_network_get_one(stage: &Stage) -> Result<()> {
        let spec = spec(stage, "one");
        let made = try_join_all((0..5).map(|_| stage.engine.create_network(&spec))).await?;
        ensure!(made.iter().all(|id| *id == made[0]), "{made:?}");
        let listed = stage.engine.list_networks(&stage.ours()).await?;
        let [only] = listed.as_slice() else { anyhow::bail!("listed {listed:?}") };
        assert_eq!((&only.id, &only.name, &only.labels), (&made[0], &spec.name, &spec.labels));
        let found = stage.engine.inspect_network(&spec.name).await?.context("not found by name")?;
        assert_eq!(&found, only);
        // A name that another one contains is not that one.
        assert_eq!(stage.engine.inspect_network(&stage.name("on")).await?, None);
        Ok(())
    }

    pub(super) async fn a_network_in_use_is_not_removed(stage: &Stage) -> Result<()> {
        let network = stage.engine.create_network(&spec(stage, "used")).await?;
        let mut container = stage.sleeper("user");
        container.networks = vec![stage.name("used")];
        let id = stage.run(&container).await?;
        let error = stage.engine.remove_network(&network).await.expect_err("removed what is used");
        ensure!(matches!(error.cause, EngineErrorCause::InUse { .. }), "{error:?}");
        stage.engine.remove_container(&id, true).await?;
        stage.engine.remove_network(&network).await?;
        stage.engine.remove_network(&network).await?;
        assert_eq!(stage.engine.inspect_network(&network.0).await?, None);
        Ok(())
    }

    pub(super) async fn a_running_container_is_connected_and_disconnected(stage: &Stage) -> Result<()> {
        let home = stage.engine.create_network(&spec(stage, "home")).await?;
        let network = stage.engine.create_network(&spec(stage, "late")).await?;
        let mut container = stage.sleeper("guest");
        container.networks = vec![stage.name("home")];
        let id = stage.run(&container).await?;
        let before = stage.inspect(&id).await?;
        for _ in 0..2 {
            stage.engine.connect_network(&network, &id, &["guest".to_owned()]).await?;
        }
        assert_eq!(members(stage, &network).await?, [stage.name("guest")]);
        assert_eq!(stage.inspect(&id).await?.networks, [stage.name("home"), stage.name("late")]);
        for _ in 0..2 {
            stage.engine.disconnect_network(&network, &id, false).await?;
        }
        assert_eq!(members(stage, &network).await?, Vec::<String>::new());
        assert_eq!(members(stage, &home).await?, [stage.name("guest")]);
        let after = stage.inspect(&id).await?;
        assert_eq!((after.networks, after.pid), (vec![stage.name("home")], before.pid));
        Ok(())
    }

    pub(super) async fn a_container_joins_all_its_networks(stage: &Stage) -> Result<()> {
        for suffix in ["first", "second"] {
            stage.engine.create_network(&spec(stage, suffix)).await?;
        }
        let mut container = stage.sleeper("joiner");
        container.networks = vec![stage.name("first"), stage.name("second")];
        container.aliases = vec!["joiner".to_owned()];
        let id = stage.run(&container).await?;
        assert_eq!(stage.inspect(&id).await?.networks, container.networks);

        // A network that is not there is noticed at the start, wherever it stands in the list.
        for (suffix, networks) in [("stray", ["absent", "first"]), ("other-stray", ["first", "absent"])] {
            let mut stray = stage.sleeper(suffix);
            stray.networks = networks.iter().map(|name| stage.name(name)).collect();
            let id = stage.engine.create_container(&stray).await?;
            let error = stage.engine.start_container(&id).await.expect_err("joined nothing");
            ensure!(matches!(error.cause, EngineErrorCause::Refused { status: 404, .. }), "{error:?}");
        }
        Ok(())
    }

    pub(super) async fn a_container_without_networks_has_none(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("alone")).await?;
        assert_eq!(stage.inspect(&id).await?.networks, Vec::<String>::new());
        Ok(())
    }
}
