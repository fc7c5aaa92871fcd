//! Rules of images.

crate::rules! {
    an_imported_image_has_its_name_and_labels
    a_name_moves_from_image_to_image
    an_image_in_use_is_not_removed
    images_are_filtered_by_label
    a_registry_is_asked_what_a_name_points_to_without_fetching_it
    a_registry_that_is_away_refuses_and_one_without_the_name_has_none
}

mod rule {
    use anyhow::{Context, Result, ensure};
    use jackin_daemon::docker::EngineErrorCause;
    use jackin_plan::world::ImageId;

    use crate::stage::{Stage, archive_of};

    async fn import(stage: &Stage, suffix: &str) -> Result<ImageId> {
        let archive = archive_of(&[("name", suffix)]);
        Ok(stage.engine.import_image(archive, &format!("{}:1", stage.name(suffix)), &stage.labels()).await?)
    }

    pub(super) async fn an_imported_image_has_its_name_and_labels(stage: &Stage) -> Result<()> {
        let mut labels = stage.labels();
        labels.insert("jackin.text".into(), "a \"quoted\" $HOME \\ value".into());
        let name = format!("{}:1", stage.name("imported"));
        let id = stage.engine.import_image(archive_of(&[("name", "x")]), &name, &labels).await?;
        let image = stage.engine.inspect_image(&name).await?.context("no image")?;
        assert_eq!((&image.id, &image.tags, &image.labels), (&id, &vec![name], &labels));
        assert_eq!(stage.engine.inspect_image(&id.0).await?, Some(image));
        Ok(())
    }

    pub(super) async fn a_name_moves_from_image_to_image(stage: &Stage) -> Result<()> {
        let (one, other) = (import(stage, "one").await?, import(stage, "other").await?);
        ensure!(one != other, "two contents gave one image");
        let name = stage.name("name");
        for id in [&one, &other, &other] {
            stage.engine.tag_image(id, &name).await?;
            let found = stage.engine.inspect_image(&format!("{name}:latest")).await?.context("no image")?;
            assert_eq!(found.id, *id);
        }
        stage.engine.remove_image(&name).await?;
        stage.engine.remove_image(&name).await?;
        assert_eq!(stage.engine.inspect_image(&name).await?, None);
        ensure!(stage.engine.inspect_image(&other.0).await?.is_some(), "gone with one of two names");
        Ok(())
    }

    pub(super) async fn an_image_in_use_is_not_removed(stage: &Stage) -> Result<()> {
        let image = import(stage, "used").await?;
        let mut spec = stage.sleeper("user");
        spec.image = image.clone();
        let id = stage.engine.create_container(&spec).await?;
        let error = stage.engine.remove_image(&image.0).await.expect_err("removed what is used");
        ensure!(matches!(error.cause, EngineErrorCause::InUse { .. }), "{error:?}");
        stage.engine.remove_container(&id, true).await?;
        stage.engine.tag_image(&image, &stage.name("second")).await?;
        for _ in 0..2 {
            stage.engine.remove_image(&image.0).await?;
        }
        assert_eq!(stage.engine.inspect_image(&image.0).await?, None);
        Ok(())
    }

    pub(super) async fn images_are_filtered_by_label(stage: &Stage) -> Result<()> {
        let mut ids = vec![import(stage, "a").await?, import(stage, "b").await?];
        ids.sort();
        let listed = stage.engine.list_images(&stage.ours()).await?;
        assert_eq!(listed.iter().map(|image| image.id.clone()).collect::<Vec<_>>(), ids);
        ensure!(listed.iter().all(|image| image.labels == stage.labels() && image.tags.len() == 1), "{listed:?}");
        assert_eq!(stage.engine.list_images(&stage.ours().present("jackin.other")).await?, []);
        Ok(())
    }

    pub(super) async fn a_registry_is_asked_what_a_name_points_to_without_fetching_it(stage: &Stage) -> Result<()> {
        let registry = stage.registry()?;
        let name = registry.name(&format!("{}:1", stage.name("published")));
        registry.publish(stage, &name, "one").await?;
        let one = stage.engine.registry_digest(&name).await?.context("the registry has it")?;
        assert_eq!(stage.engine.inspect_image(&name).await?, None, "it was fetched");
        let pulled = stage.engine.pull_image(&name).await?;
        let here = stage.engine.inspect_image(&name).await?.context("it was fetched")?;
        let repository = name.strip_suffix(":1").context("a tag")?;
        assert_eq!((&here.id, &here.repository_digests), (&pulled, &vec![format!("{repository}@{one}")]));
        // The engine keeps what it has until it is asked to fetch.
        let away = stage.name("away");
        stage.engine.tag_image(&here.id, &away).await?;
        registry.publish(stage, &name, "other").await?;
        let other = stage.engine.registry_digest(&name).await?.context("the registry has it")?;
        ensure!(other != one, "the name did not move");
        ensure!(stage.engine.pull_image(&name).await? != pulled, "the same image after the name moved");
        Ok(())
    }

    pub(super) async fn a_registry_that_is_away_refuses_and_one_without_the_name_has_none(stage: &Stage) -> Result<()> {
        let mut registry = stage.registry()?;
        let name = registry.name(&format!("{}:1", stage.name("published")));
        assert_eq!(stage.engine.registry_digest(&name).await?, None, "a repository that is not there");
        let error = stage.engine.pull_image(&name).await.expect_err("pulled what is not there");
        ensure!(matches!(error.cause, EngineErrorCause::ImageMissing { .. }), "{error:?}");
        registry.publish(stage, &name, "one").await?;
        let repository = name.strip_suffix(":1").context("a tag")?;
        assert_eq!(stage.engine.registry_digest(&format!("{repository}:2")).await?, None, "a tag that is not there");
        registry.leave()?;
        let error = stage.engine.registry_digest(&name).await.expect_err("asked nobody");
        ensure!(matches!(error.cause, EngineErrorCause::Refused { .. }), "{error:?}");
        let error = stage.engine.pull_image(&name).await.expect_err("pulled from nobody");
        ensure!(matches!(error.cause, EngineErrorCause::Refused { .. }), "{error:?}");
        Ok(())
    }
}
