//! A registry that lets nobody in without a login, asked as the docker client would.

use anyhow::{Context, Result, ensure};
use jackin_daemon::docker::{DockerEngine, Engine, EngineError, EngineErrorCause};
use jackin_plan::world::{BuildRequest, Builder};
use jackin_tests::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::stage::{Shelf, Stage, context_of, on_real};

/// The engine, for somebody whose docker client has this configuration.
fn engine_of(configuration: &str) -> Result<(DockerEngine, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("config.json"), configuration)?;
    Ok((DockerEngine::from_environment()?.with_client_folder(folder.path()), folder))
}

async fn private(stage: &Stage) -> Result<(Registry, String)> {
    let shelf = Shelf::Real(Registry::start()?);
    let name = shelf.name("private:1");
    shelf.publish(stage, &name, "one").await?;
    let Shelf::Real(mut registry) = shelf else { anyhow::bail!("no registry") };
    registry.ask_for_login()?;
    Ok((registry, name))
}

fn is_for_want_of_login(error: &EngineError, registry: &Registry) -> bool {
    let EngineErrorCause::LoginNeeded { registry: named, .. } = &error.cause else { return false };
    *named == registry.host() && error.full_message().contains(&format!("`docker login {named}`"))
}

#[tokio::test]
async fn a_private_image_is_asked_about_and_fetched_with_the_login_of_the_docker_client() -> Result<()> {
    on_real(async |stage| {
        let (registry, name) = private(stage).await?;
        let (stranger, _folder) = engine_of("{}")?;
        let error = stranger.registry_digest(&name).await.expect_err("told a stranger");
        ensure!(is_for_want_of_login(&error, &registry), "{error:?}");
        let error = stranger.pull_image(&name).await.expect_err("gave it to a stranger");
        ensure!(is_for_want_of_login(&error, &registry), "{error:?}");

        let (operator, _folder) = engine_of(&registry.logged_in())?;
        operator.registry_digest(&name).await?.context("the registry has none")?;
        operator.pull_image(&name).await?;
        stage.engine.remove_image(&name).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn buildkit_is_given_the_login_for_what_it_fetches_itself() -> Result<()> {
    on_real(async |stage| {
        let (registry, name) = private(stage).await?;
        let request = BuildRequest { builder: Builder::BuildKit, ..stage.build_request("private") };
        let build = async |configuration: &str| {
            let (engine, _folder) = engine_of(configuration)?;
            let context = context_of(&format!("FROM {name}\nLABEL jackin.build={}\n", stage.owner));
            let (progress, _) = mpsc::unbounded_channel();
            Ok::<_, anyhow::Error>(
                engine.build_image(&request, context.into(), progress, CancellationToken::new()).await,
            )
        };
        ensure!(build("{}").await?.is_err(), "a stranger built on it");
        build(&registry.logged_in()).await??;
        Ok(())
    })
    .await
}
