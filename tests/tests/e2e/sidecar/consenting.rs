//! A volume with data is somebody's: it goes by somebody's word only.

use anyhow::{Result, ensure};

use super::{desk, inside, volume};
use crate::stage::{EngineLog, NOTHING, docker, play, sorted};

#[test]
fn a_volume_with_data_is_replaced_only_once_somebody_agreed() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(""))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        let manifest = desk(", data: {medium: memory}");
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 5, "{}", ran.said());
        ensure!(
            ran.stderr.contains("jackin approve") && ran.stderr.contains(&volume(stage, "docker")?),
            "{}",
            ran.stderr
        );
        let condition = stage.until_condition("instance", "desk-main", "ConsentRequired", "True")?;
        assert_eq!(condition["reason"], "VolumeHoldsData");
        stage.jackin(&["restart", "desk-main", "--wait=false"])?;
        stage.until_condition("instance", "desk-main", "ConsentRequired", "True")?;
        inside(stage, &["docker", "version"])?;
        assert_eq!(log.operations()?, NOTHING);
        assert_eq!(stage.container("desk-main")?.id, before.id);

        stage.jackin(&["approve", "desk-main"])?;
        let budget = [
            "container create default.desk-main.next",
            "container stop default.desk-main",
            "container stop default.desk-main.sidecar",
            "container destroy default.desk-main.sidecar",
            "volume destroy default.desk-main.data.docker",
            "volume create default.desk-main.data.docker",
            "container create default.desk-main.sidecar",
            "container start default.desk-main.sidecar",
            "container destroy default.desk-main",
            "container rename default.desk-main",
            "container start default.desk-main",
        ];
        stage.rest(&manifest)?;
        assert_eq!(sorted(log.operations()?), sorted(budget));
        let options = docker(&["volume", "inspect", "--format", "{{.Options.type}}", &volume(stage, "docker")?])?;
        assert_eq!(options, "tmpfs");
        inside(stage, &["docker", "version"])?;
        assert_eq!(stage.condition("instance", "desk-main", "ConsentRequired")?, serde_json::Value::Null);
        Ok(())
    })
}
