//! Volumes without a name, which an engine makes for each `VOLUME` of an image.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use jackin_plan::world::ContainerId;

use crate::stage::{Stage, on_real};

fn unnamed_volume(container: &ContainerId) -> Result<String> {
    let format = "{{range .Mounts}}{{.Name}}{{end}}";
    let told = Command::new("docker").args(["inspect", "--format", format, &container.0]).output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Ok(String::from_utf8(told.stdout)?.trim().to_owned())
}

async fn with_volume(stage: &Stage) -> Result<(ContainerId, String)> {
    let (built, _) = stage.build("unnamed", "FROM jackin-tiny:1\nVOLUME /data\n").await;
    let spec = jackin_plan::world::ContainerSpec { image: built?, ..stage.sleeper("unnamed") };
    let id = stage.engine.create_container(&spec).await?;
    let volume = unnamed_volume(&id)?;
    ensure!(stage.engine.inspect_volume(&volume).await?.is_some(), "the engine made no volume");
    Ok((id, volume))
}

#[tokio::test]
async fn what_was_put_into_one_outlives_its_container_unless_all_of_it_is_thrown_away() -> Result<()> {
    on_real(async |stage| {
        let (id, volume) = with_volume(stage).await?;
        stage.engine.remove_container(&id, false).await?;
        ensure!(stage.engine.inspect_volume(&volume).await?.is_some(), "it went with its container");
        stage.engine.remove_volume(&volume).await?;

        let (id, volume) = with_volume(stage).await?;
        stage.engine.remove_container(&id, true).await?;
        let left = stage.engine.inspect_volume(&volume).await?;
        left.is_none().then_some(()).context("it was left behind")
    })
    .await
}
