//! What every command is given: the state directory, the namespace, the console, and the way to the controller.

use camino::Utf8PathBuf;
use jackin_api::kinds::GitSource;
use jackin_daemon::client::{Connection, Start};
use jackin_daemon::home::Home;
use jackin_daemon::serve::Embedded;
use serde::Deserialize;

use crate::args::Global;
use crate::command_error::CommandError;
use crate::console::Console;
use crate::namespace;

/// The circumstances of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The state directory.
    pub(crate) home: Home,
    /// Standard output and standard error.
    pub(crate) console: Console,
    namespace: String,
    namespace_asked: Option<String>,
}

impl Context {
    pub(crate) fn new(global: &Global, console: Console) -> Result<Self, CommandError> {
        let home = match &global.home {
            Some(path) => Home::at(absolute(path)?),
            None => Home::from_environment()?,
        };
        let namespace = namespace::of(global);
        if !jackin_api::validate::is_dns_label(&namespace) {
            return Err(CommandError::bad_input(format!("not a name of a namespace: `{namespace}`"))
                .hint("`-n` or JACKIN_NAMESPACE says it; names have at most 63 lowercase letters, digits and `-`"));
        }
        Ok(Self { home, console, namespace, namespace_asked: global.namespace.clone() })
    }

    /// The namespace that was asked for by the flag or the environment, else `default`.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The namespace that the flag asks for, which files must not contradict.
    pub(crate) fn namespace_asked(&self) -> Option<&str> {
        self.namespace_asked.as_deref()
    }

    /// A connection to the controller, which is started when none runs.
    pub(crate) async fn connect(&self) -> Result<Connection, CommandError> {
        Ok(Connection::open(&self.home, Start::OnDemand).await?)
    }

    /// A client for the API of the controller, which is started when none runs.
    pub(crate) async fn client(&self) -> Result<kube::Client, CommandError> {
        Ok(self.connect().await?.kube())
    }
}

/// A controller to ask: one that serves the home's socket, or one in this process.
#[derive(Clone, Copy)]
pub(crate) enum Controller<'a> {
    Serving(&'a Connection),
    Embedded(&'a Embedded),
}

impl Controller<'_> {
    /// A client for its API.
    pub(crate) fn client(self) -> kube::Client {
        match self {
            Self::Serving(connection) => connection.kube(),
            Self::Embedded(embedded) => embedded.client(),
        }
    }

    /// The commit that a repository's branch or tag is at now; none where that is not known, or not to be asked.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn commit(self, source: &GitSource) -> Result<Option<String>, CommandError> {
        #[derive(Deserialize)]
        struct Answer {
            commit: Option<String>,
        }
        match self {
            Self::Serving(connection) => {
                let Answer { commit } = connection.post_json("/jackin/v1/commit", source).await?;
                Ok(commit)
            }
            Self::Embedded(embedded) => Ok(embedded.commit(source).await),
        }
    }
}

fn absolute(path: &Utf8PathBuf) -> Result<Utf8PathBuf, CommandError> {
    Ok(camino::absolute_utf8(path)?)
}
