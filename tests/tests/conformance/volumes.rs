//! Rules of volumes.

crate::rules! {
    a_volume_is_filled_before_any_start_and_read_only_elsewhere
    a_volume_is_made_once_and_keeps_its_labels
    a_volume_in_use_is_not_removed
}

mod rule {
    use anyhow::{Result, ensure};
    use jackin_daemon::docker::EngineErrorCause;
    use jackin_plan::world::{ContainerState, Volume, VolumeSpec};

    use crate::stage::{Stage, archive_of};

    pub(super) async fn a_volume_is_filled_before_any_start_and_read_only_elsewhere(stage: &Stage) -> Result<()> {
        let mut filler = stage.sleeper("filler");
        filler.mounts = vec![stage.volume("files", "/data", false)];
        let filler = stage.engine.create_container(&filler).await?;
        stage.engine.put_archive(&filler, "/data", archive_of(&[("greeting", "hello\n")])).await?;
        assert_eq!(stage.inspect(&filler).await?.state, ContainerState::Created);
        stage.engine.remove_container(&filler, false).await?;

        let mut reader = stage.script("reader", "cat /data/greeting; touch /data/other || exit 9");
        reader.mounts = vec![stage.volume("files", "/data", true)];
        let (id, code) = stage.run_to_end(&reader).await?;
        assert_eq!(code, 9);
        let logs = stage.engine.container_logs(&id, 10).await?;
        ensure!(logs.contains("hello\n"), "{logs}");

        let mut writer = stage.script("writer", "touch /data/other || exit 9");
        writer.mounts = vec![stage.volume("files", "/data", false)];
        assert_eq!(stage.run_to_end(&writer).await?.1, 0);
        Ok(())
    }

    pub(super) async fn a_volume_is_made_once_and_keeps_its_labels(stage: &Stage) -> Result<()> {
        let name = stage.name("kept");
        stage
            .engine
            .create_volume(&VolumeSpec { name: name.clone(), labels: stage.labels(), medium: Default::default() })
            .await?;
        stage
            .engine
            .create_volume(&VolumeSpec { name: name.clone(), labels: Default::default(), medium: Default::default() })
            .await?;
        let wanted = Volume { name: name.clone(), labels: stage.labels() };
        assert_eq!(stage.engine.inspect_volume(&name).await?.as_ref(), Some(&wanted));

        let mut spec = stage.sleeper("mounter");
        spec.mounts = vec![stage.volume("implied", "/data", false)];
        stage.engine.create_container(&spec).await?;
        let implied = Volume { name: stage.name("implied"), labels: stage.labels() };
        assert_eq!(stage.engine.list_volumes(&stage.ours()).await?, [implied, wanted]);
        Ok(())
    }

    pub(super) async fn a_volume_in_use_is_not_removed(stage: &Stage) -> Result<()> {
        let mut spec = stage.sleeper("holder");
        spec.mounts = vec![stage.volume("held", "/data", false)];
        let id = stage.engine.create_container(&spec).await?;
        let error = stage.engine.remove_volume(&stage.name("held")).await.expect_err("removed what is used");
        ensure!(matches!(error.cause, EngineErrorCause::InUse { .. }), "{error:?}");
        stage.engine.remove_container(&id, true).await?;
        ensure!(stage.engine.inspect_volume(&stage.name("held")).await?.is_some(), "gone with its container");
        for _ in 0..2 {
            stage.engine.remove_volume(&stage.name("held")).await?;
        }
        assert_eq!(stage.engine.inspect_volume(&stage.name("held")).await?, None);
        Ok(())
    }
}
