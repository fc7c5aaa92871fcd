//! A folder with a state directory and a home of its own, in which the program is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::assert::OutputAssertExt;
use tempfile::TempDir;

/// The program, which `make test` builds before the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in a folder of the build");
    let program = folder.join("jackin");
    assert!(program.is_file(), "no program at {}: run `cargo build --bins` first", program.display());
    program
}

/// A place to run the program in. A controller that it started is stopped at the end.
pub(super) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let folder = TempDir::with_prefix("jackin-cli-").expect("a folder can be made");
        let sandbox = Self { folder };
        std::fs::create_dir(sandbox.path("user")).expect("a home can be made");
        sandbox
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders around it.
    pub(super) fn with(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        std::fs::write(path, text).expect("a file can be written");
        self
    }

    /// The program, ready to be run in this sandbox.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("user"))
            .env("JACKIN_HOME", self.path("state"))
            // Nothing here needs an engine, and none must be found by accident.
            .env("DOCKER_HOST", format!("unix://{}", self.path("no-engine.sock").display()))
            .stdin(Stdio::null());
        command
    }

    pub(super) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// Runs the program and gives all that it said, as a terminal would show it, and its exit code.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        self.transcript(arguments, &self.output(arguments))
    }

    /// As [`run`](Self::run), with `text` on standard input.
    pub(super) fn run_with_input(&self, arguments: &[&str], text: &str) -> String {
        std::fs::write(self.path("input"), text).expect("a file can be written");
        let input = std::fs::File::open(self.path("input")).expect("it was just written");
        let output = self.command(arguments).stdin(input).output().expect("the program runs");
        self.transcript(arguments, &output)
    }

    fn transcript(&self, arguments: &[&str], output: &Output) -> String {
        let folder = self.folder.path().display().to_string();
        let readable = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder, "[FOLDER]");
        format!(
            "$ jackin {}\n{}{}exit code {}\n",
            arguments.join(" "),
            readable(&output.stdout),
            readable(&output.stderr),
            output.status.code().expect("the program ends by itself"),
        )
    }

    /// Applies a file and expects that it is applied.
    pub(super) fn applied(&self, name: &str) {
        self.command(&["apply", "-f", name]).assert().success();
    }

    /// Whether a controller was ever started here.
    pub(super) fn was_state_touched(&self) -> bool {
        self.path("state").exists()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.was_state_touched() {
            // A controller outlives the program that started it; a test must not leave one.
            let _ = self.command(&["controller", "stop"]).output();
        }
    }
}
