//! What the docker client was logged in with, for the registry that is asked.
//!
//! It is read when a registry is about to be asked and not kept: a plan that asks none reads nothing, and a `docker login` counts from
//! the next call on. Where the client's configuration names a helper (`credsStore`, `credHelpers`), that is asked, as the client does.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

use super::limit;
use super::reference::registry_of;
use crate::docker::{EngineError, EngineErrorCause, Operation};

/// What a helper says where it has nothing; of `docker/docker-credential-helpers`, `credentials/error.go`.
const NOTHING_STORED: &str = "credentials not found";

/// What the docker client keeps.
#[derive(Clone, Debug)]
pub(super) struct Logins {
    /// The folder of its configuration, where there may be one.
    pub(super) folder: Option<PathBuf>,
}

impl Logins {
    /// The login for the registry of an image; nothing where there is none.
    pub(super) async fn of_image(
        &self,
        operation: Operation,
        reference: &str,
    ) -> Result<Option<DockerCredentials>, EngineError> {
        let registry = registry_of(reference);
        let login = self.of_registry(registry).await;
        let login = login.map_err(|cause| EngineError::new(operation, reference, cause))?;
        let serveraddress = Some(registry.to_owned());
        Ok(login.map(|login| match login {
            DockerCredential::UsernamePassword(username, password) => DockerCredentials {
                username: Some(username),
                password: Some(password),
                serveraddress,
                ..DockerCredentials::default()
            },
            DockerCredential::IdentityToken(token) => {
                DockerCredentials { identitytoken: Some(token), serveraddress, ..DockerCredentials::default() }
            }
        }))
    }

    /// The login for a registry, by the name under which the docker client keeps it; nothing where there is none.
    pub(super) async fn of_registry(&self, registry: &str) -> Result<Option<DockerCredential>, EngineErrorCause> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join("config.json")) else { return Ok(None) };
        let unreadable = |message| EngineErrorCause::LoginUnreadable { registry: registry.to_owned(), message };
        let configuration = match fs_err::read(&path) {
            Ok(configuration) => configuration,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let asked = registry.to_owned();
        // A helper is a program, which may wait for a person.
        let reading = tokio::task::spawn_blocking(move || get_credential_from_reader(configuration.as_slice(), &asked));
        match tokio::time::timeout(limit::LOGIN, reading).await {
            Err(_) => Err(unreadable(format!("its helper did not answer within {} s", limit::LOGIN.as_secs()))),
            Ok(Err(error)) => Err(unreadable(error.to_string())),
            Ok(Ok(Err(error))) => told_of(error, &path).map_or(Ok(None), |message| Err(unreadable(message))),
            Ok(Ok(Ok(login))) => Ok(Some(login)),
        }
    }
}

/// Why there is no login that can be read; nothing where there just is none.
fn told_of(error: CredentialRetrievalError, path: &Path) -> Option<String> {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => None,
        CredentialRetrievalError::HelperFailure { stdout, .. } if stdout.contains(NOTHING_STORED) => None,
        CredentialRetrievalError::HelperFailure { helper, stdout, stderr } => {
            let told = [stdout, stderr].into_iter().find_map(|text| text.lines().next().map(str::to_owned));
            Some(format!("`{helper}` failed: {}", told.unwrap_or_default()))
        }
        CredentialRetrievalError::HelperCommunicationError => {
            Some(format!("the helper that {} names does not run", path.display()))
        }
        CredentialRetrievalError::ConfigReadError => {
            Some(format!("{} is not what the docker client writes", path.display()))
        }
        error => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn login(configuration: &str) -> Result<Option<DockerCredential>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        fs_err::write(folder.path().join("config.json"), configuration).expect("a file");
        let logins = Logins { folder: Some(folder.path().to_owned()) };
        logins.of_registry("registry.example").await.map_err(|cause| cause.to_string())
    }

    #[tokio::test]
    async fn the_login_of_the_registry_is_found_and_no_other_is_taken_for_it() {
        let named = |name: &str, secret: &str| DockerCredential::UsernamePassword(name.to_owned(), secret.to_owned());
        // `me:let?me` in base64.
        let with = |host: &str| format!(r#"{{"auths": {{"{host}": {{"auth": "bWU6bGV0P21l"}}}}}}"#);
        assert_eq!(login(&with("registry.example")).await, Ok(Some(named("me", "let?me"))));
        assert_eq!(login(&with("https://registry.example/v1/")).await, Ok(Some(named("me", "let?me"))));
        assert_eq!(login(&with("other.example")).await, Ok(None));
        assert_eq!(login(r#"{"currentContext": "default"}"#).await, Ok(None));
        assert!(Logins { folder: None }.of_registry("registry.example").await.is_ok_and(|login| login.is_none()));
    }

    #[tokio::test]
    async fn a_login_that_cannot_be_read_is_not_taken_for_none() {
        let broken = login("{").await.expect_err("read what is broken");
        assert!(broken.contains("`docker login registry.example`"), "{broken}");
        let helped =
            login(r#"{"credHelpers": {"registry.example": "jackin-none"}}"#).await.expect_err("ran no program");
        assert!(helped.contains("does not run"), "{helped}");
    }
}
