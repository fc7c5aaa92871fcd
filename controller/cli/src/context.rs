//! What every command is given: the state directory, the namespace, the console, and the way to the controller.

use camino::Utf8PathBuf;
use jackin_daemon::client::{Connection, Start};
use jackin_daemon::home::Home;

use crate::args::Global;
use crate::command_error::CommandError;
use crate::console::Console;

/// The circumstances of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// The state directory.
    pub(crate) home: Home,
    /// Standard output and standard error.
    pub(crate) console: Console,
    namespace: Option<String>,
}

impl Context {
    pub(crate) fn new(global: &Global, console: Console) -> Result<Self, CommandError> {
        let home = match &global.home {
            Some(path) => Home::at(absolute(path)?),
            None => Home::from_environment()?,
        };
        if let Some(namespace) = &global.namespace
            && !jackin_api::validate::is_dns_label(namespace)
        {
            return Err(CommandError::bad_input(format!("not a name of a namespace: `{namespace}`"))
                .hint("names have at most 63 lowercase letters, digits and `-`"));
        }
        Ok(Self { home, console, namespace: global.namespace.clone() })
    }

    /// The namespace that was asked for, else `default`.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// The namespace that was asked for.
    pub(crate) fn namespace_asked(&self) -> Option<&str> {
        self.namespace.as_deref()
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

fn absolute(path: &Utf8PathBuf) -> Result<Utf8PathBuf, CommandError> {
    Ok(camino::absolute_utf8(path)?)
}
