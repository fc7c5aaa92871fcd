//! Containers that exist: looking, starting, stopping, changing, removing.

use std::time::Duration;

use bollard::query_parameters::{
    KillContainerOptions, ListContainersOptions, LogsOptions, RemoveContainerOptions, RenameContainerOptions,
    StopContainerOptions, UploadToContainerOptions,
};
use futures::TryStreamExt;
use jackin_plan::world::{Container, ContainerId, Limits, RestartPolicy};

use super::connect::{bounded, within};
use super::failure::Failure;
use super::upload::upload;
use super::{DockerEngine, limit, limits, translate};
use crate::docker::{Archive, ContainerSummary, EngineError, LabelFilter, Operation};

/// Between two looks at a container that another request is removing.
const REMOVAL_POLL: Duration = Duration::from_millis(50);

impl DockerEngine {
    pub(super) async fn containers(&self, filter: &LabelFilter) -> Result<Vec<ContainerSummary>, EngineError> {
        let (operation, object) = (Operation::ListContainers, "");
        let options = ListContainersOptions {
            all: true,
            filters: translate::filters(filter),
            ..ListContainersOptions::default()
        };
        let client = self.client(operation, object).await?;
        let found = bounded(operation, object, limit::READ, client.list_containers(Some(options))).await?;
        let mut summaries: Vec<_> = found.into_iter().filter_map(translate::summary).collect();
        summaries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(summaries)
    }

    pub(super) async fn container(&self, name_or_id: &str) -> Result<Option<Container>, EngineError> {
        let operation = Operation::InspectContainer;
        let client = self.client(operation, name_or_id).await?;
        match within(limit::READ, client.inspect_container(name_or_id, None)).await {
            // The engine also answers to the beginning of an id, which a name may happen to be.
            Ok(found) => {
                Ok(translate::container(found).filter(|found| found.name == name_or_id || found.id.0 == name_or_id))
            }
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure.into_error(operation, name_or_id)),
        }
    }

    pub(super) async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        let operation = Operation::StartContainer;
        let client = self.client(operation, &id.0).await?;
        bounded(operation, &id.0, limit::WRITE, client.start_container(&id.0, None)).await
    }

    pub(super) async fn pause(&self, id: &ContainerId) -> Result<(), EngineError> {
        let operation = Operation::PauseContainer;
        let client = self.client(operation, &id.0).await?;
        let answer = within(limit::WRITE, client.pause_container(&id.0)).await;
        settled(answer, operation, &id.0, |failure| {
            failure.says(&["is already paused", "cannot pause a paused container"])
        })
    }

    pub(super) async fn unpause(&self, id: &ContainerId) -> Result<(), EngineError> {
        let operation = Operation::UnpauseContainer;
        let client = self.client(operation, &id.0).await?;
        let answer = within(limit::WRITE, client.unpause_container(&id.0)).await;
        settled(answer, operation, &id.0, |failure| {
            // The engine may still hear of the pause when it was taken back already, and then its runtime says how it is.
            failure.says(&["is not paused", "cannot resume a running process"])
        })
    }

    pub(super) async fn stop(&self, id: &ContainerId, timeout_seconds: u32) -> Result<(), EngineError> {
        let operation = Operation::StopContainer;
        let seconds = i32::try_from(timeout_seconds).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(seconds), ..StopContainerOptions::default() };
        let after = Duration::from_secs(timeout_seconds.into()) + limit::STOP_GRACE;
        let client = self.client(operation, &id.0).await?;
        bounded(operation, &id.0, after, client.stop_container(&id.0, Some(options))).await
    }

    pub(super) async fn kill(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        let operation = Operation::KillContainer;
        let options = KillContainerOptions { signal: signal.to_owned() };
        let client = self.client(operation, &id.0).await?;
        bounded(operation, &id.0, limit::WRITE, client.kill_container(&id.0, Some(options))).await
    }

    pub(super) async fn remove(&self, id: &ContainerId, force: bool) -> Result<(), EngineError> {
        let operation = Operation::RemoveContainer;
        let options = RemoveContainerOptions { v: force, force, link: false };
        let client = self.client(operation, &id.0).await?;
        let answer = within(limit::WRITE, client.remove_container(&id.0, Some(options))).await;
        match answer {
            Err(failure) if failure.says(&["is already in progress"]) => self.await_removal(id).await,
            answer => settled(answer, operation, &id.0, Failure::is_missing),
        }
    }

    /// Waits until a removal that somebody else asked for is done.
    async fn await_removal(&self, id: &ContainerId) -> Result<(), EngineError> {
        let gone = async {
            while self.container(&id.0).await?.is_some() {
                tokio::time::sleep(REMOVAL_POLL).await;
            }
            Ok(())
        };
        tokio::time::timeout(limit::WRITE, gone).await.unwrap_or_else(|_| {
            let cause = crate::docker::EngineErrorCause::Timeout { after: limit::WRITE };
            Err(EngineError::new(Operation::RemoveContainer, &id.0, cause))
        })
    }

    pub(super) async fn rename(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        let operation = Operation::RenameContainer;
        let options = RenameContainerOptions { name: name.to_owned() };
        let client = self.client(operation, &id.0).await?;
        let answer = within(limit::WRITE, client.rename_container(&id.0, options)).await;
        settled(answer, operation, &id.0, |failure| failure.says(&["with the same name as its current name"]))
    }

    pub(super) async fn update(
        &self,
        id: &ContainerId,
        limits: &Limits,
        restart: RestartPolicy,
    ) -> Result<(), EngineError> {
        let operation = Operation::UpdateContainer;
        let client = self.client(operation, &id.0).await?;
        let inspected = bounded(operation, &id.0, limit::READ, client.inspect_container(&id.0, None)).await?;
        let found = limits::in_force(&inspected.host_config.unwrap_or_default());
        let processors = self.host_facts(operation, &id.0).await?.processors;
        let body = limits::to_update(limits, &found, restart, processors);
        bounded(operation, &id.0, limit::WRITE, client.update_container(&id.0, body)).await
    }

    pub(super) async fn unpack(&self, id: &ContainerId, path: &str, archive: Archive) -> Result<(), EngineError> {
        let operation = Operation::PutArchive;
        let options = UploadToContainerOptions { path: path.to_owned(), ..UploadToContainerOptions::default() };
        let client = self.client(operation, &id.0).await?;
        let (body, fault) = upload(archive);
        let sent = client.upload_to_container(&id.0, Some(options), body);
        let answer = bounded(operation, &id.0, limit::ARCHIVE, sent).await;
        answer.map_err(|error| fault.explain(error))
    }

    pub(super) async fn logs(&self, id: &ContainerId, tail: usize) -> Result<String, EngineError> {
        let operation = Operation::ContainerLogs;
        let options = LogsOptions { stdout: true, stderr: true, tail: tail.to_string(), ..LogsOptions::default() };
        let client = self.client(operation, &id.0).await?;
        let read = client.logs(&id.0, Some(options)).try_fold(Vec::new(), |mut text, part| async move {
            text.extend_from_slice(&part.into_bytes());
            Ok(text)
        });
        let text = bounded(operation, &id.0, limit::READ, read).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Turns "already so" into success.
pub(super) fn settled(
    answer: Result<(), Failure>,
    operation: Operation,
    object: &str,
    already_so: impl FnOnce(&Failure) -> bool,
) -> Result<(), EngineError> {
    match answer {
        Err(failure) if already_so(&failure) => Ok(()),
        answer => answer.map_err(|failure| failure.into_error(operation, object)),
    }
}
