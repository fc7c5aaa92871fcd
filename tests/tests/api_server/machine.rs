//! A server that can be stopped and started again under a client that stays.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures::{FutureExt, StreamExt};
use http::{Request, Response, StatusCode};
use jackin_apiserver::{ApiServer, BuildInfo, Store};
use jackin_daemon::kinds::definitions;
use tokio::sync::watch;
use tower::ServiceExt;

/// A server with our kinds.
pub(crate) struct Machine {
    running: Arc<Mutex<Option<Running>>>,
    path: Option<PathBuf>,
}

#[derive(Clone)]
struct Running {
    router: axum::Router,
    /// Closed when the server stops: what then still streams ends, as it does with a process.
    alive: watch::Receiver<()>,
    stop: Arc<watch::Sender<()>>,
}

impl Running {
    fn new(store: Store) -> Self {
        let build = BuildInfo { version: "0.0.0".to_owned(), git: "test".to_owned() };
        let (stop, alive) = watch::channel(());
        Self { router: ApiServer::new(store, definitions(), build).router(), alive, stop: Arc::new(stop) }
    }

    async fn answer(self, request: Request<kube::client::Body>) -> Response<Body> {
        let Self { router, mut alive, stop } = self;
        drop(stop);
        let answer: Result<_, Infallible> = router.oneshot(request).await;
        let Ok(answer) = answer;
        let stopped = async move { while alive.changed().await.is_ok() {} }.boxed();
        answer.map(|body| Body::from_stream(body.into_data_stream().take_until(stopped)))
    }
}

impl Machine {
    /// A server whose objects end with it.
    pub(crate) fn in_memory() -> Self {
        Self { running: Arc::new(Mutex::new(Some(Running::new(Store::in_memory())))), path: None }
    }

    /// A server whose objects are kept in a file.
    pub(crate) async fn at(path: &Path) -> Self {
        let machine = Self { running: Arc::default(), path: Some(path.to_owned()) };
        machine.start().await;
        machine
    }

    /// Stops the server. Requests are refused and streams end until it is started again.
    pub(crate) fn stop(&self) {
        self.running.lock().expect("no test panicked").take();
    }

    /// Starts the server on the file of the stopped one, as soon as that is free.
    pub(crate) async fn start(&self) {
        let path = self.path.as_ref().expect("a server with a file");
        let store = loop {
            match Store::open(path) {
                Ok(store) => break store,
                // Streams of the stopped server let go of the file when their readers notice the end.
                Err(jackin_apiserver::StoreError::Locked { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("the store does not open: {error}"),
            }
        };
        *self.running.lock().expect("no test panicked") = Some(Running::new(store));
    }

    /// A client of whichever server runs when it asks.
    pub(crate) fn client(&self) -> kube::Client {
        let running = self.running.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let running = running.lock().expect("no test panicked").clone();
            async move {
                Ok::<_, Infallible>(match running {
                    Some(running) => running.answer(request).await,
                    None => {
                        let mut refusal = Response::new(Body::from("the server is stopped"));
                        *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                        refusal
                    }
                })
            }
        });
        kube::Client::new(service, "default")
    }
}
