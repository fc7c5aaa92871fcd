//! What every pass needs at hand.

use std::sync::Arc;

use jackin_api::kinds::GitSource;
use jackin_plan::desired::Site;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};

use crate::capsule::Capsules;
use crate::docker::Engine;
use crate::home::Home;
use crate::images::Builds;
use crate::pass::AtWork;
use crate::reconcile::{Failures, Notices};
use crate::secrets::Policy;
use crate::sidecar::Sidecars;
use crate::surroundings::{Chance, Clock, Files, Programs};
use crate::trust::Trust;
use crate::volumes::Volumes;

/// What every pass needs at hand. Cheap to share.
pub(crate) struct Context {
    /// The API, in process or elsewhere.
    pub(crate) client: Client,
    /// The engine.
    pub(crate) engine: Arc<dyn Engine>,
    /// Where things are kept.
    pub(crate) home: Home,
    /// What this installation gives to every instance.
    pub(crate) site: Site,
    /// What time it is.
    pub(crate) clock: Clock,
    /// What is left to chance.
    pub(crate) chance: Chance,
    /// This machine's files.
    pub(crate) files: Arc<dyn Files>,
    /// Which repositories roles may come from.
    pub(crate) trust: Arc<Trust>,
    /// Programs that go into volumes.
    pub(crate) programs: Arc<dyn Programs>,
    /// The capsules of running instances.
    pub(crate) capsules: Arc<dyn Capsules>,
    /// The engines of sidecars.
    pub(crate) sidecars: Arc<dyn Sidecars>,
    /// Volumes of programs.
    pub(crate) volumes: Volumes,
    /// Builds that are running.
    pub(crate) builds: Builds,
    /// What references may do.
    pub(crate) references: Policy,
    /// Events for operators.
    pub(crate) recorder: Recorder,
    /// Failures of passes themselves, by key.
    pub(crate) failures: Failures,
    /// Who is at work on instances.
    pub(crate) at_work: AtWork,
    /// Subscriptions to capsules.
    pub(crate) notices: Notices,
}

impl Context {
    /// The commit that a repository's branch or tag is at now; none where that is not known, or not to be asked.
    pub(crate) async fn commit(&self, source: &GitSource) -> Option<String> {
        let asked = self.chance.launch_id(self.clock.now());
        self.files.commit(source, &asked).await
    }
}

/// Who reports events.
pub(crate) fn reporter() -> Reporter {
    Reporter { controller: "jackin".to_owned(), instance: None }
}
