//! How soon a key that is typed is seen: through `jackin attach`, on a bare terminal of this machine, and through docker's client.

use std::time::Duration;

use anyhow::{Context, bail};
use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::{Instant, timeout};

use super::bare::Bare;
use super::report::{Bar, Row, Samples, milliseconds};
use super::stage::Stage;
use super::subject::Subject;
use super::terminal::{container, docker};

/// What a key through us may take over one on a bare terminal.
const PTY_BAR: f64 = 2.0;
/// What it may take of one through docker's client.
const DOCKER_BAR: f64 = 1.0;
/// How long an echo may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One key on each terminal, in turns. On all of them `cat` runs, and the terminal it has echoes.
pub(crate) async fn keys(stage: &Stage, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let name = Subject::PLAIN.instance(0);
    let inner = container(stage, &name);
    let cat = Bare::of(stage, &inner).await?.cat("keys").await?;
    stage.run(&["sessions", "new", &name, "--name", "keys", "--", "cat"]).await?;
    let ours = Command::new(stage.jackin()).args(["attach", &name, "--session", "keys"]);
    let mut typists = [
        Typist::start(ours.env("JACKIN_HOME", stage.home())).await.context("jackin attach")?,
        Typist::start(Command::new("cat")).await.context("cat")?,
        Typist::start(Command::new(docker()).args(["exec", "-it", &inner, "cat"])).await.context("docker exec")?,
        Typist::start(Command::new(docker()).args(["attach", &cat])).await.context("docker attach")?,
    ];
    let mut samples = [const { Samples::new() }; 4];
    for round in 0..=rounds {
        for (typist, samples) in typists.iter_mut().zip(&mut samples) {
            let took = typist.press().await?;
            if round > 0 {
                samples.push(milliseconds(took));
            }
        }
    }
    for mut typist in typists {
        typist.child.kill().await?;
    }
    let [ours, bare, executing, attaching] = samples;
    let row = |name, bar, bare| Row { ours: ours.clone(), bare: Some(bare), ..Row::new(name, bar) };
    Ok(vec![
        row("key-and-bare-terminal", Bar::Over(PTY_BAR), bare),
        row("key-and-docker-exec", Bar::Ratio(DOCKER_BAR), executing),
        row("key-and-docker-attach", Bar::Ratio(DOCKER_BAR), attaching),
    ])
}

/// Who types on a terminal and looks for what comes back.
struct Typist {
    child: Child,
    input: OwnedWritePty,
    output: OwnedReadPty,
    pressed: usize,
}

impl Typist {
    /// Starts a program, and waits until what is typed comes back.
    async fn start(command: Command) -> anyhow::Result<Self> {
        let (pty, other_end) = pty_process::open()?;
        pty.resize(Size::new(24, 80))?;
        let child = command.env("TERM", "xterm-256color").kill_on_drop(true).spawn(other_end)?;
        let (output, input) = pty.into_split();
        let mut typist = Self { child, input, output, pressed: 0 };
        // What is typed before a program listens is echoed by the terminal that it starts on, or lost.
        typist.press().await?;
        tokio::time::sleep(SETTLE).await;
        typist.press().await?;
        Ok(typist)
    }

    /// Presses a key that nothing on the screen shows yet; how long it takes to be seen.
    async fn press(&mut self) -> anyhow::Result<Duration> {
        const KEYS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
        let key = KEYS[self.pressed % KEYS.len()];
        self.pressed += 1;
        let begun = Instant::now();
        self.input.write_all(&[key]).await?;
        timeout(PATIENCE, self.see(key)).await.context("a key is not echoed")??;
        let took = begun.elapsed();
        if self.pressed.is_multiple_of(KEYS.len()) {
            // A terminal holds a line of some thousand bytes.
            self.input.write_all(b"\r").await?;
            timeout(PATIENCE, self.see(b'\n')).await.context("a line is not echoed")??;
        }
        Ok(took)
    }

    async fn see(&mut self, key: u8) -> anyhow::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let count = self.output.read(&mut buffer).await.unwrap_or_default();
            if count == 0 {
                bail!("the program ended");
            }
            if buffer[..count].contains(&key) {
                return Ok(());
            }
        }
    }
}

/// How long a terminal may take to be as its program wants it, before anything counts.
const SETTLE: Duration = Duration::from_secs(1);
