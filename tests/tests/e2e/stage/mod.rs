//! Where a rule is played: a home of its own, the built program, and the sweeping afterwards.

mod build;
mod change;
mod dice;
mod dockerd;
mod engine;
mod http;
mod log;
mod manifest;
mod operations;
mod proxy;
mod stranger;
mod terminal;

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use build::HeldBuild;
pub(crate) use change::{CREATION, NOTHING, REPLACEMENT, sorted};
pub(crate) use dice::Dice;
pub(crate) use dockerd::Dockerd;
pub(crate) use engine::{Found, docker};
pub(crate) use http::Request;
pub(crate) use log::EngineLog;
pub(crate) use manifest::{MAIN, desk, desk_of, inline_role};
pub(crate) use operations::without_digest;
pub(crate) use proxy::{Fault, Proxy};
use stranger::Stranger;
pub(crate) use terminal::Terminal;

/// How long a rule waits for a condition. Far more than is needed; a test that gets here has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a rule is given.
pub(crate) struct Stage {
    folder: TempDir,
    programs: PathBuf,
    variables: Vec<(String, String)>,
    person: String,
    /// The engine that the rule plays on.
    engine: engine::Client,
    /// Who does everything, where that is not who tests.
    user: Option<Stranger>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Both streams.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Plays a rule. What it made is removed after every ending; after a bad one, what the controller saw is printed first.
pub(crate) fn play(rule: impl FnOnce(&mut Stage) -> Result<()>) -> Result<()> {
    let mut stage = Stage::new()?;
    let played = catch_unwind(AssertUnwindSafe(|| rule(&mut stage)));
    if !matches!(played, Ok(Ok(()))) {
        stage.tell();
    }
    let swept = stage.sweep();
    match played {
        Ok(played) => played?,
        Err(panic) => resume_unwind(panic),
    }
    swept.context("what the rule made could not be removed")
}

impl Stage {
    fn new() -> Result<Self> {
        let programs = programs()?;
        let engine = docker(&["version", "--format", "{{.Server.Version}}"]);
        engine.context("no engine answers; `make engine` starts one")?;
        Ok(Self {
            folder: tempfile::Builder::new().prefix("jackin-e2e-").tempdir()?,
            programs,
            variables: Vec::new(),
            person: format!("jackin-e2e-{}", uuid::Uuid::new_v4().simple()),
            engine: engine::Client::default(),
            user: None,
        })
    }

    /// A stage beside this one: another home on the same engine.
    pub(crate) fn another(&self) -> Result<Self> {
        Self::new()
    }

    /// The state directory.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A path for the rule's own files.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Gives the commands, and a controller that they start, one more variable.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The owner id of this home; there is one once a controller ran.
    pub(crate) fn owner(&self) -> Result<String> {
        let owner = std::fs::read_to_string(self.home().join("owner")).context("this home has no owner id yet")?;
        Ok(owner.trim().to_owned())
    }

    /// A name for what a person makes beside jackin; it is swept too.
    pub(crate) fn person(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.person)
    }

    /// The label that what a person makes must bear in order to be swept.
    pub(crate) fn person_label(&self) -> String {
        format!("jackin-e2e={}", self.person)
    }

    /// From now on everything is done by a user whom no image knows; its number.
    pub(crate) fn become_a_stranger(&mut self) -> Result<u32> {
        let (stranger, programs) = Stranger::with_programs(&self.programs, self.folder.path())?;
        self.programs = programs;
        self.set_variable("HOME", &self.path("user").to_string_lossy());
        let uid = stranger.uid();
        self.user = Some(stranger);
        Ok(uid)
    }

    /// Takes those variables back.
    pub(crate) fn clear_variables(&mut self) {
        self.variables.clear();
    }

    /// The program, ready for arguments.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let jackin = self.programs.join("jackin");
        let mut command = match &self.user {
            None => Command::new(jackin),
            Some(user) => user.command(&jackin),
        };
        command
            .args(arguments)
            .env("JACKIN_HOME", self.home())
            .env("NO_COLOR", "1")
            .env_remove("JACKIN_NAMESPACE")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it, whatever comes of it.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Ran> {
        let output = self.command(arguments).output().context("the program does not run")?;
        Ok(Ran::of(&output))
    }

    /// Runs it; what it printed. It must succeed.
    pub(crate) fn jackin<S: AsRef<OsStr> + std::fmt::Debug>(&self, arguments: &[S]) -> Result<String> {
        let ran = self.run(arguments)?;
        ensure!(ran.code == 0, "jackin {arguments:?} ended with {}: {}", ran.code, ran.said());
        Ok(ran.stdout)
    }

    /// Writes the manifest and applies it, whatever comes of it.
    pub(crate) fn try_apply(&self, manifest: &str, flags: &[&str]) -> Result<Ran> {
        let path = self.write("manifest.yaml", manifest)?;
        let path = path.to_str().context("a path in UTF-8")?;
        let arguments: Vec<_> = ["apply", "-f", path].iter().chain(flags).copied().collect();
        self.run(&arguments)
    }

    /// Applies the manifest and waits until all is ready; what it printed.
    pub(crate) fn apply(&self, manifest: &str) -> Result<String> {
        let ran = self.try_apply(manifest, &["--wait", "--timeout", "60s"])?;
        ensure!(ran.code == 0, "apply ended with {}: {}", ran.code, ran.said());
        Ok(ran.stdout)
    }

    /// Applies the manifest and does not wait.
    pub(crate) fn submit(&self, manifest: &str) -> Result<String> {
        let ran = self.try_apply(manifest, &[])?;
        ensure!(ran.code == 0, "apply ended with {}: {}", ran.code, ran.said());
        Ok(ran.stdout)
    }

    /// Waits until the instance's session stands at its prompt: from then on nothing changes by itself.
    pub(crate) fn settle(&self, instance: &str) -> Result<()> {
        eventually(&format!("the session of {instance} to stand at its prompt"), || {
            let instance = self.object("instance", instance)?;
            Ok((instance["status"]["sessions"][0]["state"] == "Idle").then_some(()))
        })
    }

    /// Leaves a command at work in the instance's session, with nobody attached.
    pub(crate) fn leave_at_work(&self, instance: &str) -> Result<()> {
        let mut terminal = Terminal::start(self, &["attach", instance])?;
        terminal.wait_until("the prompt to show", |screen| !screen.trim().is_empty())?;
        terminal.type_text("echo be''gun; sleep 1000; echo en''ded\n")?;
        terminal.wait_until("the command to begin", |screen| screen.contains("begun"))?;
        terminal.detach()?;
        eventually("the session to be seen at work", || {
            let instance = self.object("instance", instance)?;
            Ok((instance["status"]["sessions"][0]["state"] == "Working").then_some(()))
        })
    }

    /// Waits until a condition of an object has a status.
    pub(crate) fn wait_for(&self, object: &str, condition: &str) -> Result<()> {
        let goal = format!("--for=condition={condition}");
        self.jackin(&["wait", object, &goal, "--timeout", "60s"]).map(drop)
    }

    /// An object as JSON, `Null` when there is none.
    pub(crate) fn object(&self, kind: &str, name: &str) -> Result<Value> {
        let ran = self.run(&["get", kind, name, "-o", "json"])?;
        match ran.code {
            0 => Ok(serde_json::from_str(&ran.stdout)?),
            1 => Ok(Value::Null),
            code => bail!("jackin get {kind} {name} ended with {code}: {}", ran.stderr),
        }
    }

    /// A condition of an object, as JSON; `Null` when it is not stated.
    pub(crate) fn condition(&self, kind: &str, name: &str, type_: &str) -> Result<Value> {
        let object = self.object(kind, name)?;
        let conditions = object["status"]["conditions"].as_array();
        let found = conditions.and_then(|all| all.iter().find(|condition| condition["type"] == type_));
        Ok(found.cloned().unwrap_or_default())
    }

    /// Waits until a condition has a status; the condition.
    pub(crate) fn until_condition(&self, kind: &str, name: &str, type_: &str, status: &str) -> Result<Value> {
        eventually(&format!("{kind} {name} to have {type_}={status}"), || {
            let condition = self.condition(kind, name, type_)?;
            Ok((condition["status"] == status).then_some(condition))
        })
    }

    /// All that is stored, as text.
    pub(crate) fn dump(&self) -> Result<String> {
        self.jackin(&["controller", "dump"])
    }

    /// Stops the controller; instances go on.
    pub(crate) fn stop_controller(&self) -> Result<()> {
        self.jackin(&["controller", "stop"]).map(drop)
    }

    /// The controller's process, started if there is none.
    pub(crate) fn controller(&self) -> Result<u32> {
        self.jackin(&["controller", "start"])?;
        self.running_controller()?.context("a started controller does not run")
    }

    /// The controller's process, if one runs.
    pub(crate) fn running_controller(&self) -> Result<Option<u32>> {
        let ran = self.run(&["controller", "status", "-o", "json"])?;
        let status: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.said())?;
        Ok(status["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()))
    }

    #[expect(clippy::print_stderr, reason = "a test that failed tells why")]
    fn tell(&self) {
        let log = std::fs::read_to_string(self.home().join("run/daemon.log")).unwrap_or_default();
        let start = log.len().saturating_sub(6000);
        let start = (start..log.len()).find(|&at| log.is_char_boundary(at)).unwrap_or(0);
        eprintln!("---- the controller's log\n{}", &log[start..]);
        for arguments in [&["get", "instances", "-o", "yaml"][..], &["get", "workspaces,images,events"]] {
            if let Ok(ran) = self.run(arguments) {
                eprintln!("---- jackin {}\n{}", arguments.join(" "), ran.said());
            }
        }
    }

    fn sweep(&self) -> Result<()> {
        let stopped = self.run(&["controller", "stop"])?;
        engine::sweep(&self.person_label())?;
        if let Ok(owner) = self.owner() {
            engine::sweep(&format!("jackin.owner={owner}"))?;
        }
        ensure!(stopped.code == 0, "the controller does not stop: {}", stopped.said());
        Ok(())
    }
}

impl Drop for Stage {
    /// For stages that `play` did not make; the others are swept already.
    fn drop(&mut self) {
        let _ = self.sweep();
    }
}

/// Ends a process as a crash does, and waits until it is gone.
pub(crate) fn kill(pid: u32) -> Result<()> {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status()?;
    ensure!(killed.success(), "the process {pid} could not be killed");
    eventually(&format!("the process {pid} to be gone"), || {
        // One that nobody waited for stays; it has its sockets open until the last of its threads ended.
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let ended = status.contains("State:\tZ") && status.contains("Threads:\t1\n");
        Ok((status.is_empty() || ended).then_some(()))
    })
}

/// The folder of the built programs: the one whose `deps` this test lies in.
fn programs() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).map(Path::to_owned);
    let folder = folder.context("this test lies in no target folder")?;
    for program in ["jackin", "jackin-capsule"] {
        let path = folder.join(program);
        ensure!(path.exists(), "{} is missing: `cargo build -p {program}` makes it", path.display());
    }
    Ok(folder)
}

/// Looks again and again until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} for {what}");
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}
