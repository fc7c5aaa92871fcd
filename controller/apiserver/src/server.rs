//! The server as an embedder holds it: a store, the kinds, and the router over both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

#[derive(Debug)]
struct Inner {
    store: Store,
    registry: Arc<Registry>,
    build: BuildInfo,
    documents: Documents,
    pages: Mutex<Pages>,
}

impl ApiServer {
    /// Serves these kinds from this store, after sweeping what a crash may have left behind.
    #[must_use]
    pub fn new(store: Store, kinds: Vec<KindDefinition>, build: BuildInfo) -> Self {
        let registry = Arc::new(Registry::new(kinds));
        let swept = registry.clone();
        let sweep = store.write_blocking(move |transaction| {
            let now = Timestamp::now();
            if let Some(served) = swept.all().iter().find(|served| served.role == Role::Namespace) {
                namespaces::ensure(transaction, namespaces::DEFAULT, served, now)?;
            }
            garbage::sweep(transaction, &swept, now);
            Ok(())
        });
        if let Err(error) = sweep {
            tracing::error!(%error, "the store could not be swept at start");
        }
        let documents = Documents::new(&registry, &build);
        Self { inner: Arc::new(Inner { store, registry, build, documents, pages: Mutex::new(Pages::default()) }) }
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
        &self.inner.documents
    }

    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.inner.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
