//! A change and its cost: what `jackin diff` announces, what the engine was asked to do, and the budget.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{EngineLog, Ran, Stage, eventually, without_digest};

/// What costs nothing costs.
pub(crate) const NOTHING: &[&str] = &[];

/// What the first apply of `desk` with one instance costs.
pub(crate) const CREATION: [&str; 4] = [
    "network create default.desk",
    "volume create capsule",
    "container create default.desk-main",
    "container start default.desk-main",
];

/// What replacing its running container costs: a new one is made beside it, takes its name when it is gone, and is started.
pub(crate) const REPLACEMENT: [&str; 5] = [
    "container create default.desk-main.next",
    "container stop default.desk-main",
    "container destroy default.desk-main",
    "container rename default.desk-main",
    "container start default.desk-main",
];

/// What `jackin diff` says of a manifest that was not applied.
#[derive(Debug)]
pub(crate) struct Announced {
    /// The operations on the engine, in the words of [`EngineLog::operations`].
    pub(crate) operations: Vec<String>,
    /// All of it.
    pub(crate) told: Value,
}

impl Announced {
    /// What is said of an instance.
    pub(crate) fn instance(&self, name: &str) -> Result<&Value> {
        let mut instances = self.told["instances"].as_array().into_iter().flatten();
        instances
            .find(|instance| instance["name"] == name)
            .with_context(|| format!("{name} is not told: {}", self.told))
    }
}

impl Stage {
    /// What applying the manifest would do, by `jackin diff`.
    pub(crate) fn diff(&self, manifest: &str) -> Result<Announced> {
        let ran = self.try_diff(manifest)?;
        let told: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.said())?;
        ensure!(ran.code == 0 || ran.code == 1, "diff ended with {}: {}", ran.code, ran.said());
        let mut operations = Vec::new();
        for image in told["images"].as_array().into_iter().flatten() {
            for operation in image["operations"].as_array().into_iter().flatten() {
                let what = format!("image {}", word(operation, "step")?.to_lowercase());
                operations.push(format!("{what} {}/{}", word(image, "namespace")?, word(image, "name")?));
            }
        }
        let names = self.names()?;
        let prefix = self.prefix()?;
        for workspace in told["workspaces"].as_array().into_iter().flatten() {
            let removed = workspace["removesNetworks"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let removed = removed.map(|network| network.strip_prefix(&prefix).unwrap_or(network));
            operations.extend(removed.map(|network| format!("network destroy {network}")));
        }
        for instance in told["instances"].as_array().into_iter().flatten() {
            operations.extend(instance_operations(instance, &names, &prefix)?);
        }
        Ok(Announced { operations, told })
    }

    /// The same, whatever comes of it.
    pub(crate) fn try_diff(&self, manifest: &str) -> Result<Ran> {
        let path = self.write("manifest.yaml", manifest)?;
        self.run(&["diff", "-f", path.to_str().context("a path in UTF-8")?, "-o", "json"])
    }

    /// Names of our containers, by the first digits of their ids.
    fn names(&self) -> Result<BTreeMap<String, String>> {
        let ours = format!("label=jackin.owner={}", self.owner()?);
        let listed = self.docker(&["ps", "-a", "--filter", &ours, "--format", "{{.ID}} {{.Names}}"])?;
        let both = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(both.map(|(id, name)| (id.to_owned(), name.to_owned())).collect())
    }

    /// Waits until nothing is left to be done for this manifest, which is applied.
    pub(crate) fn rest(&self, manifest: &str) -> Result<()> {
        eventually("nothing to be left to do", || {
            let listed: Value = serde_json::from_str(&self.jackin(&["get", "instances", "-o", "json"])?)?;
            let mut instances = listed["items"].as_array().into_iter().flatten();
            let going = instances.any(|instance| !instance["metadata"]["deletionTimestamp"].is_null());
            let left = self.diff(manifest)?;
            Ok((!going && left.told["objects"] == Value::Array(Vec::new()) && left.operations.is_empty()).then_some(()))
        })
    }

    /// Begins to count what is done, once it is announced what this manifest comes to.
    pub(crate) fn announce(&self, manifest: &str) -> Result<Change> {
        Ok(Change { announced: self.diff(manifest)?, log: EngineLog::follow(self)?, manifest: manifest.to_owned() })
    }

    /// Applies the manifest, and asserts that what `jackin diff` announced, what was done and the budget are the same.
    pub(crate) fn change<Text: ToString>(&self, manifest: &str, budget: &[Text]) -> Result<()> {
        let change = self.announce(manifest)?;
        self.apply(manifest)?;
        change.comes_to(self, budget)
    }

    /// Holds the repairs of `desk` back, lets somebody meddle with what serves it, and gives back once the repair is seen to wait.
    pub(crate) fn meddle_while_held(&self, held: &str, meddle: impl FnOnce() -> Result<()>) -> Result<()> {
        self.change(held, NOTHING)?;
        meddle()?;
        let pending = self.until_condition("instance", "desk-main", "RepairPending", "True")?;
        ensure!(pending["reason"] == "Suspended", "{pending}");
        self.rest(held)
    }
}

/// A change that was announced and is under way.
pub(crate) struct Change {
    pub(crate) announced: Announced,
    pub(crate) log: EngineLog,
    manifest: String,
}

impl Change {
    /// Waits until nothing is left to be done, and asserts that what was announced, what was done and the budget are the same.
    pub(crate) fn comes_to<Text: ToString>(mut self, stage: &Stage, budget: &[Text]) -> Result<()> {
        stage.rest(&self.manifest)?;
        let budget = sorted(budget.iter().map(Text::to_string));
        assert_eq!(sorted(self.log.operations()?), budget, "not the budget");
        let told = &self.announced.told;
        assert_eq!(sorted(self.announced.operations), budget, "not what diff announced: {told}");
        Ok(())
    }
}

/// In an order that does not tell which of two independent things was first.
pub(crate) fn sorted<Text: ToString>(operations: impl IntoIterator<Item = Text>) -> Vec<String> {
    let mut operations: Vec<_> = operations.into_iter().map(|operation| operation.to_string()).collect();
    operations.sort();
    operations
}

fn word<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("no `{field}` in {value}"))
}

/// What the steps of an instance change on the engine.
fn instance_operations(instance: &Value, names: &BTreeMap<String, String>, prefix: &str) -> Result<Vec<String>> {
    let mut names = names.clone();
    let mut operations = Vec::new();
    for operation in instance["operations"].as_array().into_iter().flatten() {
        let Some(write) = operation["engineWrite"].as_str() else {
            continue;
        };
        let object = word(operation, "object")?;
        let object = names.get(object).cloned().unwrap_or_else(|| object.to_owned());
        match word(operation, "step")? {
            "CreateContainer" | "RenameContainer" => _ = names.insert(NEW.to_owned(), object.clone()),
            "CreateSidecar" => _ = names.insert(NEW_SIDECAR.to_owned(), object.clone()),
            _ => {}
        }
        let object = object.strip_prefix(prefix).unwrap_or(&object);
        let object = if write == "volume create" { without_digest(object) } else { object };
        operations.push(format!("{write} {object}"));
    }
    Ok(operations)
}

/// How a plan calls the container that it makes.
const NEW: &str = "the new container";

/// How it calls the sidecar that it makes.
const NEW_SIDECAR: &str = "the new sidecar";
