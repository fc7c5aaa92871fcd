//! One life of the controller: the real passes over the real API server, on the simulated world.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::middleware::{self, Next};
use jackin_api::words::Digest;
use jackin_apiserver::{ApiServer, BuildInfo, KindDefinition, Medium, Store};
use jackin_plan::desired::Site;
use jackin_plan::names::Owner;
use kube::Client;
use kube::runtime::events::Recorder;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, reporter};
use crate::docker::Engine;
use crate::docker::fake::FakeEngine;
use crate::home::Home;
use crate::images::Builds;
use crate::kinds;
use crate::pass::AtWork;
use crate::reconcile::wake::{Wakes, follow_events};
use crate::reconcile::{Failures, Notices, relist::relist};
use crate::secrets::Policy;
use crate::surroundings::{Chance, Clock};
use crate::trust::Trust;
use crate::volumes::Volumes;

use super::capsules::MemoryCapsules;
use super::faults::Faults;
use super::programs::{MemoryPrograms, NoSidecars};
use super::wish::SECRET;
use crate::dice::Dice;

/// Where the home is, in words only.
pub(super) const HOME: &str = "/jackin";

/// The owner of everything that the controller makes.
pub(super) fn owner() -> Owner {
    Owner("5eed5eed5eed".to_owned())
}

/// What a life of the controller finds.
pub(super) struct World {
    pub(super) engine: FakeEngine,
    pub(super) faults: Arc<Faults>,
    pub(super) capsules: Arc<MemoryCapsules>,
    pub(super) medium: Medium,
}

/// A controller that lives, in the runtime of now.
pub(super) struct Daemon {
    pub(super) store: Store,
    /// The API as an operator reaches it.
    pub(super) client: Client,
    /// What its passes look at the world with.
    pub(super) context: Arc<Context>,
}

impl Daemon {
    /// Starts one, as `serve` does for the product.
    pub(super) async fn start(world: &World, seed: u64) -> Result<Self, kinds::BuiltinError> {
        let store = Store::on(&world.medium);
        let build = BuildInfo { version: "simulated".to_owned(), git: String::new() };
        let time = world.faults.time.clone();
        let server = ApiServer::with_clock(store.clone(), definitions(), build, move || time.now());
        let operator = Client::new(server.router(), "default");
        let client = Client::new(disturbed(&server, &world.faults), "default");
        kinds::ensure_builtin(client.clone()).await?;
        let context = Arc::new(context(world, client, seed));
        let wakes = Wakes::new();
        let stop = CancellationToken::new();
        let lost = Arc::new(Notify::new());
        tokio::spawn(follow_events(context.clone(), wakes.clone(), lost.clone(), stop.clone()));
        tokio::spawn(relist(context.clone(), wakes.clone(), lost, stop));
        context.notices.connect(wakes.clone());
        super::queue::start(&context, &wakes);
        Ok(Self { store, client: operator, context })
    }
}

/// Our kinds without their schemas: nobody reads the documents that are made of them.
fn definitions() -> Vec<KindDefinition> {
    static KINDS: OnceLock<Vec<KindDefinition>> = OnceLock::new();
    let without = |definition| KindDefinition { schema: serde_json::Value::Null, ..definition };
    KINDS.get_or_init(|| kinds::definitions().into_iter().map(without).collect()).clone()
}

/// The API, between whose requests the controller may die.
fn disturbed(server: &ApiServer, faults: &Arc<Faults>) -> axum::Router {
    let faults = faults.clone();
    server.router().layer(middleware::from_fn(move |request: Request, next: Next| {
        let faults = faults.clone();
        async move {
            let writes = request.method() != axum::http::Method::GET;
            if writes {
                faults.api_step().await;
            }
            let response = next.run(request).await;
            if writes {
                faults.api_step().await;
            }
            response
        }
    }))
}

fn context(world: &World, client: Client, seed: u64) -> Context {
    let engine: Arc<dyn Engine> = Arc::new(world.engine.clone());
    let time = world.faults.time.clone();
    let dice = std::sync::Mutex::new(Dice::of(seed, 3));
    let draw = move || {
        let mut dice = dice.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (u128::from(dice.roll()) << 64) | u128::from(dice.roll())
    };
    let environment = |name: &str| (name == "SIMULATED").then(|| SECRET.to_owned());
    Context {
        recorder: Recorder::new(client.clone(), reporter()),
        programs: Arc::new(MemoryPrograms::new()),
        volumes: Volumes::new(engine.clone(), owner()),
        builds: Builds::new(engine.clone(), Builds::AT_ONCE),
        references: Policy { environment, ..Policy::from_environment() },
        failures: Failures::default(),
        at_work: AtWork::default(),
        notices: Notices::default(),
        site: Site { owner: owner(), user: "1000:1000".to_owned(), capsule: Digest("sha256:capsule-1".to_owned()) },
        clock: Clock::reading(move || time.now()),
        chance: Chance::drawing(draw),
        files: world.faults.files.clone(),
        trust: Arc::new(Trust::new(&Home::at(HOME))),
        capsules: world.capsules.clone(),
        sidecars: Arc::new(NoSidecars),
        client,
        engine,
        home: Home::at(HOME),
    }
}
