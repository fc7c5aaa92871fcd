//! What the controller finds of all that it needs: the engine and its builders, room for its files, programs of this machine.
//!
//! It looks from where the controller runs, whose environment and user may be others than those of whoever asks.

use std::process::Stdio;
use std::time::Duration;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::context::Context;
use crate::docker::{EngineError, EngineInfo};

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// The check of the engine.
const ENGINE: &str = "engine";

/// Less room than this for the home is worth a warning, in bytes.
const LITTLE_ROOM: u64 = 1 << 30;

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Something that not everybody needs is missing.
    Warning,
    /// Nothing works without it.
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was looked at, in a word.
    pub check: String,
    /// How it was found.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// What to do about it, or the next command to type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    fn ok(check: &str, detail: impl Into<String>) -> Self {
        Self { check: check.to_owned(), verdict: Verdict::Ok, detail: detail.into(), hint: None }
    }

    /// Whether this says that the engine does not answer.
    #[must_use]
    pub fn is_engine_away(&self) -> bool {
        self.check == ENGINE && self.verdict == Verdict::Failed
    }

    fn not_ok(check: &str, verdict: Verdict, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check: check.to_owned(), verdict, detail: detail.into(), hint: Some(hint.into()) }
    }
}

/// Looks at everything at once; the findings are in the order in which they matter.
pub(crate) async fn examine(context: &Context) -> Vec<Finding> {
    let engine = &context.engine;
    let asked = async {
        let engine_found = engine.ping().await;
        // An engine that does not answer is told of once.
        let builder = if engine_found.is_ok() { Some(engine.has_buildkit().await) } else { None };
        [Some(engine_finding(engine_found)), builder.map(builder_finding)]
    };
    let git = program("git", "roles from git cannot be fetched", "install git where the controller runs");
    let npm = program("npm", "agents cannot be fetched from npm", "install npm where the controller runs");
    let (asked, git, npm) = tokio::join!(asked, git, npm);
    let home = home_finding(context.home.root());
    asked.into_iter().flatten().chain([home, git, npm]).collect()
}

fn engine_finding(found: Result<EngineInfo, EngineError>) -> Finding {
    match found {
        Ok(EngineInfo { name, version, api_version, os, arch, host_reachable: true }) => {
            Finding::ok(ENGINE, format!("{name} {version}, API {api_version}, {os}/{arch}"))
        }
        Ok(EngineInfo { name, version, host_reachable: false, .. }) => Finding::not_ok(
            ENGINE,
            Verdict::Warning,
            format!("{name} {version}, on another machine"),
            "directories of this machine cannot be mounted there; use an engine behind a Unix socket",
        ),
        Err(error) => Finding::not_ok(
            ENGINE,
            Verdict::Failed,
            error.full_message(),
            "start it, or say in DOCKER_HOST or by a Docker context where it is, and restart the controller",
        ),
    }
}

fn builder_finding(has_buildkit: Result<bool, EngineError>) -> Finding {
    match has_buildkit {
        Ok(true) => Finding::ok("builder", "the classic one, and BuildKit for Dockerfiles that need it"),
        Ok(false) => Finding::not_ok(
            "builder",
            Verdict::Warning,
            "the classic one alone: this engine has no BuildKit",
            "Dockerfiles with secrets, cache mounts or heredocs need an engine with BuildKit",
        ),
        Err(error) => Finding::not_ok(
            "builder",
            Verdict::Warning,
            error.full_message(),
            "which builders the engine has is asked again; try once more",
        ),
    }
}

fn home_finding(home: &Utf8Path) -> Finding {
    match rustix::fs::statvfs(home.as_std_path()) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let detail = format!("{home}, {} MiB free", free >> 20);
            if free >= LITTLE_ROOM {
                return Finding::ok("home", detail);
            }
            Finding::not_ok(
                "home",
                Verdict::Warning,
                detail,
                "make room: the store and the homes of instances are there",
            )
        }
        Err(error) => Finding::not_ok("home", Verdict::Failed, format!("{home}: {error}"), "see who may read it"),
    }
}

/// Whether a program is there, by its own word.
async fn program(name: &str, without: &str, hint: &str) -> Finding {
    let mut command = Command::new(name);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let missing = |why: String| Finding::not_ok(name, Verdict::Warning, format!("{why}: {without}"), hint);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            Finding::ok(name, said.lines().next().unwrap_or_default().trim())
        }
        Ok(Ok(output)) => missing(format!("`{name} --version` ended with {}", output.status)),
        Ok(Err(error)) => missing(error.to_string()),
        Err(_) => missing(format!("`{name} --version` took longer than {} s", PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_is_not_there_is_told_with_what_it_costs() {
        let found = program("jackin-no-such-program", "nothing is fetched", "install it").await;
        assert_eq!((found.verdict, found.hint.as_deref()), (Verdict::Warning, Some("install it")));
        assert!(found.detail.ends_with(": nothing is fetched"), "{}", found.detail);
    }

    #[test]
    fn an_engine_without_buildkit_is_a_warning_and_one_elsewhere_too() {
        assert_eq!(builder_finding(Ok(true)).verdict, Verdict::Ok);
        assert_eq!(builder_finding(Ok(false)).verdict, Verdict::Warning);
        let info = |host_reachable| EngineInfo {
            name: "Docker".to_owned(),
            version: "1".to_owned(),
            api_version: "1.41".to_owned(),
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
            host_reachable,
        };
        assert_eq!(engine_finding(Ok(info(true))), Finding::ok("engine", "Docker 1, API 1.41, linux/amd64"));
        assert_eq!(engine_finding(Ok(info(false))).verdict, Verdict::Warning);
    }
}
