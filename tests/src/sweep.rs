//! Removing from the engine what one owner made.

use anyhow::{Context, Result};
use jackin_api::words::OWNER;
use jackin_daemon::docker::{DockerEngine, Engine, LabelFilter};

/// Removes every container, network, volume and image that bears an owner's label. Blocks, also inside a runtime.
///
/// # Errors
/// When no engine answers or something is kept by what is not the owner's.
pub fn sweep(owner: &str) -> Result<()> {
    // A thread of its own: a runtime must not be entered from a task of another one, and a guard may be dropped in one.
    std::thread::scope(|scope| {
        let sweeping = scope
            .spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(remove_all(owner)));
        match sweeping.join() {
            Ok(swept) => swept,
            Err(_) => anyhow::bail!("the sweeping panicked"),
        }
    })
}

async fn remove_all(owner: &str) -> Result<()> {
    let engine = DockerEngine::from_environment().context("no engine to sweep")?;
    let ours = LabelFilter::new().with(OWNER, owner);
    for container in engine.list_containers(&ours).await? {
        engine.remove_container(&container.id, true).await?;
    }
    for network in engine.list_networks(&ours).await? {
        engine.remove_network(&network.id).await?;
    }
    for volume in engine.list_volumes(&ours).await? {
        engine.remove_volume(&volume.name).await?;
    }
    for image in engine.list_images(&ours).await? {
        for name in &image.tags {
            engine.remove_image(name).await?;
        }
        if engine.inspect_image(&image.id.0).await?.is_some() {
            engine.remove_image(&image.id.0).await?;
        }
    }
    Ok(())
}
