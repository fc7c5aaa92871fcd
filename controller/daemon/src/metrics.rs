//! What the daemon counts of its own work, for `GET /metrics` in the text format of Prometheus.
//!
//! What a repair cost is told here: each request to the engine, each file read, each call beyond this machine, each secret read. Nothing
//! is counted before [`install`] was called, as in simulations and tests of parts.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

const ENGINE_REQUESTS: &str = "jackin_engine_requests_total";
const SOURCE_FILES: &str = "jackin_source_files_total";
const NETWORK_CALLS: &str = "jackin_network_calls_total";
const SECRETS_READ: &str = "jackin_secrets_read_total";
const PASSES: &str = "jackin_passes_total";
const PASS_SECONDS: &str = "jackin_pass_duration_seconds";

/// How long samples are kept one by one.
const BETWEEN_SUMS: Duration = Duration::from_mins(1);

/// Upper bounds in seconds: from a pass that finds nothing to do to one that waits for an engine.
const BOUNDS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Last parts of the engine's paths. Everything else in them is a name or an id, which would make as many counters as there are objects.
const VERBS: [&str; 23] = [
    "archive",
    "attach",
    "build",
    "connect",
    "create",
    "disconnect",
    "events",
    "history",
    "info",
    "json",
    "kill",
    "logs",
    "pause",
    "push",
    "rename",
    "restart",
    "start",
    "stop",
    "tag",
    "unpause",
    "update",
    "version",
    "wait",
];

/// Where a call beyond this machine goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Beyond {
    /// The repository of a role.
    Git,
    /// A registry of images, through the engine.
    Registry,
    /// The registry of agents' programs.
    Npm,
}

/// Begins to count, once for the process.
///
/// Without a recorder of ours (the program has another one) nothing is counted and the page is empty.
pub(crate) fn install() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let bounded = builder.set_buckets_for_metric(Matcher::Full(PASS_SECONDS.to_owned()), &BOUNDS);
        let recorder = bounded.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("this program has a recorder of metrics already; those of the controller are empty");
        }
        describe();
        handle
    })
}

/// Sums up now and then what was counted, until `stop`: the samples of how long passes took are kept one by one until then.
pub(crate) async fn sum_up(stop: CancellationToken) {
    let page = install();
    while tokio::time::timeout(BETWEEN_SUMS, stop.cancelled()).await.is_err() {
        page.run_upkeep();
    }
}

fn describe() {
    describe_counter!(ENGINE_REQUESTS, "Requests to the engine, by method and path without names.");
    describe_counter!(SOURCE_FILES, "Files of roles' sources: read, or known to be unchanged without being read.");
    describe_counter!(NETWORK_CALLS, "Calls beyond this machine: repositories, registries of images and of programs.");
    describe_counter!(SECRETS_READ, "Secrets read, by kind of reference.");
    describe_counter!(PASSES, "Passes over objects, by kind and result.");
    describe_histogram!(PASS_SECONDS, "How long passes took, in seconds.");
}

/// A request to the engine, with the path as it is sent, without a version.
pub(crate) fn engine_request(method: &str, path: &str) {
    counter!(ENGINE_REQUESTS, "method" => method.to_owned(), "path" => without_names(path)).increment(1);
}

/// A file of a role's source that was read, or that was not because nothing of it changed.
pub(crate) fn source_file(is_read: bool) {
    counter!(SOURCE_FILES, "result" => if is_read { "read" } else { "unchanged" }).increment(1);
}

/// A call beyond this machine.
pub(crate) fn network_call(to: Beyond) {
    let to = match to {
        Beyond::Git => "git",
        Beyond::Registry => "registry",
        Beyond::Npm => "npm",
    };
    counter!(NETWORK_CALLS, "to" => to).increment(1);
}

/// A secret that was read through a reference of this scheme.
pub(crate) fn secret_read(scheme: &'static str) {
    counter!(SECRETS_READ, "from" => scheme).increment(1);
}

/// A pass over an object of this kind.
pub(crate) fn pass(kind: &str, succeeded: bool, took: Duration) {
    let kind = kind.to_owned();
    let result = if succeeded { "done" } else { "failed" };
    counter!(PASSES, "kind" => kind.clone(), "result" => result).increment(1);
    histogram!(PASS_SECONDS, "kind" => kind).record(took.as_secs_f64());
}

/// A path of the engine with its names and ids taken out.
fn without_names(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (Some(kind), last) = (parts.next(), parts.next_back()) else { return "/".to_owned() };
    let verb = last.filter(|last| VERBS.contains(last));
    match (parts.next().is_some(), verb) {
        (true, Some(verb)) => format!("/{kind}/{{name}}/{verb}"),
        (false, Some(verb)) => format!("/{kind}/{verb}"),
        (true, None) => format!("/{kind}/{{name}}"),
        (false, None) if last.is_some() => format!("/{kind}/{{name}}"),
        (false, None) => format!("/{kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_counted_without_the_names_in_it() {
        for (path, counted) in [
            ("/version", "/version"),
            ("/containers/json?all=true", "/containers/json"),
            ("/containers/4f66ad9a0f3e/json", "/containers/{name}/json"),
            ("/containers/4f66ad9a0f3e?force=true", "/containers/{name}"),
            ("/images/127.0.0.1:5000/a/b:1/json", "/images/{name}/json"),
            ("/images/127.0.0.1:5000/a/b:1", "/images/{name}"),
            ("/volumes/create", "/volumes/create"),
            ("/", "/"),
        ] {
            assert_eq!(without_names(path), counted, "{path}");
        }
    }

    #[test]
    fn what_was_counted_is_on_the_page() {
        let page = install();
        pass("instance", true, Duration::from_millis(3));
        secret_read("env");
        let text = page.render();
        for line in [
            "# TYPE jackin_passes_total counter",
            "jackin_passes_total{kind=\"instance\",result=\"done\"}",
            "jackin_secrets_read_total{from=\"env\"}",
            "jackin_pass_duration_seconds_bucket{kind=\"instance\",le=\"0.005\"}",
        ] {
            assert!(text.contains(line), "`{line}` is not on the page:\n{text}");
        }
    }
}
