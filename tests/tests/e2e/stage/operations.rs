//! Operations on the engine: its events folded, so that each thing that was asked for counts once.
//!
//! The words are those of the planner's engine writes, with the object after them: `container stop default.desk-main`.
//!
//! | Asked for | Events | Counts as |
//! |---|---|---|
//! | start | `connect` for each network, `mount` for each volume, `start` | `container start` |
//! | stop | `kill`, `die`, `disconnect`, `unmount`, `stop` | `container stop` |
//! | an end by itself, or a kill | the same without `stop` | `container die` |
//! | create with a volume | `volume create`, also when it is there; `create` | `container create` |
//! | a volume filled | an empty image, a filler made, filled and removed | `volume create` |
//! | build | a container for each step, a `tag` at the end | `image build` |

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::Stage;

/// An event about an object of ours.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) action: String,
    pub(super) id: String,
    /// Without what all names of ours begin with.
    pub(super) name: String,
    /// The container that an event of a network is about.
    pub(super) container: String,
}

impl Event {
    /// The event, when it is about an object of the owner, whose names begin with `prefix`, or about one of its running containers
    /// on somebody else's network.
    pub(super) fn of(event: &Value, owner: &str, prefix: &str, so_far: &Fold) -> Option<Self> {
        let actor = &event["Actor"];
        let attributes = &actor["Attributes"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&actor["ID"]);
        let name = attributes["name"].as_str().unwrap_or(&id);
        let images = format!("{}/", prefix.trim_end_matches('.').replace('.', "-"));
        let container = text(&attributes["container"]);
        let is_ours = attributes["jackin.owner"] == owner
            || name.starts_with(prefix)
            || name.starts_with(images.as_str())
            || so_far.running.contains(&container);
        let name = name.strip_prefix(prefix).or(name.strip_prefix(images.as_str())).unwrap_or(name).to_owned();
        is_ours.then(|| Self { kind: text(&event["Type"]), action: text(&event["Action"]), id, name, container })
    }
}

/// Operations so far, and what must be known of the engine's objects to tell them.
#[derive(Default)]
pub(super) struct Fold {
    running: BTreeSet<String>,
    volumes: BTreeSet<String>,
    done: Vec<Done>,
}

/// One operation.
struct Done {
    operation: &'static str,
    object: String,
    id: String,
}

impl Fold {
    /// What is there before the first event.
    pub(super) fn begin(stage: &Stage) -> Result<Self> {
        let ours = format!("label=jackin.owner={}", stage.owner()?);
        let listed = |arguments: &[&str]| -> Result<BTreeSet<String>> {
            let listed = stage.docker(&[arguments, &["-q", "--filter", &ours]].concat())?;
            Ok(listed.lines().map(str::to_owned).collect())
        };
        let (running, volumes) = (listed(&["ps", "--no-trunc"])?, listed(&["volume", "ls"])?);
        Ok(Self { running, volumes, done: Vec::new() })
    }

    /// All operations so far, in their order.
    pub(super) fn operations(&self) -> Vec<String> {
        self.done.iter().map(|done| format!("{} {}", done.operation, done.object)).collect()
    }

    /// Adds what an event tells.
    pub(super) fn add(&mut self, event: &Event) {
        let operation = match event.kind.as_str() {
            "container" => self.container(event),
            "network" => self.network(event),
            "volume" => self.volume(event),
            // The image of a filler is part of it; containers of a build are told by its tag.
            "image" if event.action == "tag" && !event.name.starts_with("empty:") => Some("image build"),
            _ => None,
        };
        let object = match event.kind.as_str() {
            "volume" => without_digest(&event.name),
            "image" => event.name.split(':').next().unwrap_or_default(),
            _ => &event.name,
        };
        if let Some(operation) = operation {
            self.done.push(Done { operation, object: object.to_owned(), id: event.id.clone() });
        }
    }

    fn container(&mut self, event: &Event) -> Option<&'static str> {
        let is_instance = event.name.contains('.') && !event.name.ends_with(".filler");
        match event.action.as_str() {
            "create" if is_instance => Some("container create"),
            "start" => {
                self.running.insert(event.id.clone());
                Some("container start")
            }
            "die" => {
                self.running.remove(&event.id);
                Some("container die")
            }
            "stop" => {
                let died = self.done.iter_mut().rfind(|done| done.id == event.id && done.operation == "container die");
                if let Some(died) = died {
                    died.operation = "container stop";
                }
                None
            }
            "destroy" if is_instance => Some("container destroy"),
            "rename" => Some("container rename"),
            "update" => Some("container update"),
            "pause" => Some("container pause"),
            "unpause" => Some("container unpause"),
            _ => None,
        }
    }

    fn network(&self, event: &Event) -> Option<&'static str> {
        let is_running = self.running.contains(&event.container);
        match event.action.as_str() {
            "create" => Some("network create"),
            "destroy" => Some("network destroy"),
            // Those of a container that does not run belong to its start or its end.
            "connect" if is_running => Some("network connect"),
            "disconnect" if is_running => Some("network disconnect"),
            _ => None,
        }
    }

    fn volume(&mut self, event: &Event) -> Option<&'static str> {
        match event.action.as_str() {
            "create" if self.volumes.insert(event.id.clone()) => Some("volume create"),
            "destroy" if self.volumes.remove(&event.id) => Some("volume destroy"),
            _ => None,
        }
    }
}

/// The name of a volume without the digest of its content.
pub(crate) fn without_digest(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((name, digest)) if digest.len() == 12 && digest.chars().all(|digit| digit.is_ascii_hexdigit()) => name,
        _ => name,
    }
}
