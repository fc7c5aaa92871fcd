//! The server as an embedder holds it: a store, the kinds, and the router over both.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;

use crate::garbage;
use crate::handlers::pages::Pages;
use crate::kind::{BuildInfo, KindDefinition};
use crate::namespaces;
use crate::openapi::Documents;
use crate::registry::{Registry, Role};
use crate::router;
use crate::store::Store;

/// A Kubernetes API server over a set of kinds; clones share everything.
#[derive(Clone, Debug)]
pub struct ApiServer {
    inner: Arc<Inner>,
}

/// What the server's timestamps are read from.
struct Clock(Box<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock(..)")
    }
}

#[derive(Debug)]
struct Inner {
    store: Store,
    registry: Arc<Registry>,
    build: BuildInfo,
    documents: OnceLock<Documents>,
    clock: Clock,
    pages: Mutex<Pages>,
}

impl ApiServer {
    /// Serves these kinds from this store, after sweeping what a crash may have left behind.
    #[must_use]
    pub fn new(store: Store, kinds: Vec<KindDefinition>, build: BuildInfo) -> Self {
        Self::with_clock(store, kinds, build, Timestamp::now)
    }

    /// As [`ApiServer::new`], with timestamps from this clock.
    #[must_use]
    pub fn with_clock(
        store: Store,
        kinds: Vec<KindDefinition>,
        build: BuildInfo,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let now = clock();
        let registry = Arc::new(Registry::new(kinds));
        let swept = registry.clone();
        let sweep = store.write_blocking(move |transaction| {
            if let Some(served) = swept.all().iter().find(|served| served.role == Role::Namespace) {
                namespaces::ensure(transaction, namespaces::DEFAULT, served, now)?;
            }
            garbage::sweep(transaction, &swept, now);
            Ok(())
        });
        if let Err(error) = sweep {
            tracing::error!(%error, "the store could not be swept at start");
        }
        let clock = Clock(Box::new(clock));
        let (documents, pages) = (OnceLock::new(), Mutex::new(Pages::default()));
        Self { inner: Arc::new(Inner { store, registry, build, documents, pages, clock }) }
    }

    /// The HTTP service; serve it on a listener, or give it to a `kube::Client` as it is.
    pub fn router(&self) -> axum::Router {
        router::router(self.clone())
    }

    /// The store behind the server.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.inner.registry
    }

    pub(crate) fn build(&self) -> &BuildInfo {
        &self.inner.build
    }

    pub(crate) fn documents(&self) -> &Documents {
        // Some hundred kilobytes that most clients never ask for.
        self.inner.documents.get_or_init(|| Documents::new(&self.inner.registry, &self.inner.build))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.inner.clock.0)()
    }

    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.inner.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
