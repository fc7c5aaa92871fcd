//! The daemon as a whole: one for each home, holding the store, serving the API, running the controllers.

mod listener;
mod lock;
mod plan_route;
mod routes;
mod stream_route;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use jackin_api::kinds::GitSource;
use jackin_apiserver::{ApiServer, BuildInfo, Store, StoreError};
use jackin_plan::desired::Site;
use jackin_plan::names::Owner;
use kube::Client;
use kube::runtime::events::Recorder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::agents::ProgramStore;
use crate::capsule::ReachableCapsules;
use crate::context::{Context, reporter};
use crate::docker::{DockerEngine, Engine, EngineError};
use crate::git::GitSources;
use crate::home::{Home, HomeError};
use crate::images::Builds;
use crate::kinds;
use crate::metrics;
use crate::pass::AtWork;
use crate::reconcile::{self, Failures, Notices};
use crate::secrets::Policy;
use crate::sidecar::SocketSidecars;
use crate::surroundings::{Chance, Clock, LocalFiles, LocalPrograms};
use crate::trust::Trust;
use crate::volumes::{CapsuleError, CapsuleProgram, Volumes};

pub use lock::LockError;

/// How long running passes and requests may take to end when the daemon stops.
const SHUTDOWN: Duration = Duration::from_secs(15);

/// What a daemon is started with.
pub struct Options {
    /// Where things are kept.
    pub home: Home,
    /// The engine; the one that the environment names when absent.
    pub engine: Option<Arc<dyn Engine>>,
}

/// Why the daemon did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The state directory cannot be used.
    #[error("prepare the state directory")]
    Home(#[from] HomeError),
    /// Another daemon holds the home.
    #[error("hold the state directory")]
    Lock(#[from] LockError),
    /// The store cannot be opened.
    #[error("open the store")]
    Store(#[from] StoreError),
    /// No engine is named that could be spoken to.
    #[error("find the engine")]
    Engine(#[from] EngineError),
    /// The capsule is not there.
    #[error("find the capsule")]
    Capsule(#[from] CapsuleError),
    /// The socket cannot be served.
    #[error("serve the socket")]
    Socket(#[source] std::io::Error),
    /// The built-in agents cannot be stored.
    #[error("store the built-in agents")]
    Builtin(#[from] kinds::BuiltinError),
    /// The store could not be written at the end.
    #[error("write the store: {0}")]
    Flush(String),
}

/// A daemon without a socket: the API in process, and controllers that run.
pub struct Embedded {
    context: Arc<Context>,
    server: ApiServer,
    stop: CancellationToken,
    controllers: tokio::task::JoinHandle<()>,
    _lock: lock::Lock,
}

impl Embedded {
    /// Starts it.
    ///
    /// # Errors
    /// When the home, the store, the engine's address or the capsule cannot be used. An engine that does not answer is no
    /// error: the objects' statuses say so.
    pub async fn start(options: Options) -> Result<Self, ServeError> {
        metrics::install();
        let home = options.home;
        home.create()?;
        let lock = lock::Lock::take(&home)?;
        let owner = Owner(home.owner()?);
        let engine = match options.engine {
            Some(engine) => engine,
            None => Arc::new(DockerEngine::from_environment()?),
        };
        let capsule = CapsuleProgram::find()?;
        let database = home.database();
        let store = Store::open(database.as_std_path())?;
        let build = BuildInfo { version: env!("CARGO_PKG_VERSION").to_owned(), git: String::new() };
        let server = ApiServer::new(store, kinds::definitions(), build);
        let client = Client::new(server.router(), "default");
        kinds::ensure_builtin(client.clone()).await?;
        let user = format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let trust = Arc::new(Trust::new(&home));
        let context = Arc::new(Context {
            recorder: Recorder::new(client.clone(), reporter()),
            volumes: Volumes::new(engine.clone(), owner.clone()),
            builds: Builds::new(engine.clone(), Builds::AT_ONCE),
            references: Policy::from_environment(),
            failures: Failures::default(),
            at_work: AtWork::default(),
            notices: Notices::default(),
            site: Site { owner, user, capsule: capsule.content.clone() },
            clock: Clock::system(),
            chance: Chance::system(),
            files: Arc::new(LocalFiles::new(GitSources::new(&home, Clock::system()), trust.clone())),
            trust,
            capsules: Arc::new(ReachableCapsules { engine: engine.clone() }),
            sidecars: Arc::new(SocketSidecars),
            programs: Arc::new(LocalPrograms { capsule, agents: ProgramStore::new(home.agent_cache()) }),
            client,
            engine,
            home,
        });
        let stop = CancellationToken::new();
        tokio::spawn(metrics::sum_up(stop.clone()));
        let controllers = tokio::spawn(reconcile::run(context.clone(), stop.clone()));
        Ok(Self { context, server, stop, controllers, _lock: lock })
    }

    /// A client of its API.
    pub fn client(&self) -> Client {
        self.context.client.clone()
    }

    /// The commit that a repository's branch or tag is at now; none where that is not known, or not to be asked.
    pub async fn commit(&self, source: &GitSource) -> Option<String> {
        self.context.commit(source).await
    }

    /// Everything that it serves: the API and the local routes.
    pub fn router(&self) -> Router {
        self.server.router().merge(routes::router(self.context.clone(), self.server.clone(), self.stop.clone()))
    }

    /// Ends it: running passes come to their end, and the store is on disk.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.stop.cancel();
        // The engine stops the steps that it is at; the next start builds what is wanted then.
        self.context.builds.close();
        if tokio::time::timeout(SHUTDOWN, self.controllers).await.is_err() {
            tracing::warn!("passes were still running; the next start finishes their work");
        }
        self.server.store().flush().await.map_err(|error| ServeError::Flush(error.to_string()))
    }
}

/// Serves the home's socket until a signal or a request ends it.
///
/// # Errors
/// As [`Embedded::start`], and when the socket cannot be served.
pub async fn serve(options: Options) -> Result<(), ServeError> {
    let home = options.home.clone();
    let embedded = Embedded::start(options).await?;
    let stop = embedded.stop.clone();
    let listener = listener::bind(&home).map_err(ServeError::Socket)?;
    tracing::info!(home = %home.root(), pid = std::process::id(), "serving");
    let signals = stop.clone();
    tokio::spawn(async move {
        end_of_service().await;
        signals.cancel();
    });
    let router = embedded.router();
    listener::serve(listener, router, stop).await;
    listener::remove(&home);
    embedded.stop().await
}

async fn end_of_service() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
