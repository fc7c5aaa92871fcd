//! A terminal that the program is started in, with the screen that a person would see.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use pty_process::Size;
use pty_process::blocking::{Command as PtyCommand, Pty, open};

use super::{Stage, eventually};

const ROWS: NonZeroU16 = NonZeroU16::new(30).expect("more than none");
const COLUMNS: NonZeroU16 = NonZeroU16::new(100).expect("more than none");

/// A program on a terminal.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// Starts the program on a terminal.
    pub(crate) fn start(stage: &Stage, arguments: &[&str]) -> Result<Self> {
        let (pty, pts) = open()?;
        pty.resize(Size::new(ROWS.get(), COLUMNS.get()))?;
        let command: Command = stage.command(arguments);
        let mut started = PtyCommand::new(command.get_program()).args(command.get_args()).env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                started = started.env(name, value);
            }
        }
        let child = started.spawn(pts)?;
        let pty = Arc::new(pty);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let (reader, shown) = (pty.clone(), screen.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = (&*reader).read(&mut buffer) {
                if length == 0 {
                    return;
                }
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.process(&buffer[..length]);
            }
        });
        Ok(Self { pty, child, screen })
    }

    /// Types.
    pub(crate) fn type_text(&self, text: &str) -> Result<()> {
        (&*self.pty).write_all(text.as_bytes()).context("the terminal takes no text")
    }

    /// What the screen shows.
    pub(crate) fn screen(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.screen().contents()
    }

    /// Waits until the screen shows what is wanted.
    pub(crate) fn wait_until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let shown = eventually(what, || {
            let screen = self.screen();
            if wanted(&screen) {
                return Ok(Some(screen));
            }
            match self.child.try_wait()? {
                Some(ended) => bail!("the program ended with {ended}: {}", self.screen()),
                None => Ok(None),
            }
        });
        shown.with_context(|| format!("the screen shows:\n{}", self.screen()))
    }

    /// Ends the program as a crash does.
    pub(crate) fn crash(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Leaves the session with the detach key; the program must end well.
    pub(crate) fn detach(mut self) -> Result<()> {
        self.type_text("\x1c")?;
        let ended = eventually("the program to detach", || Ok(self.child.try_wait()?))?;
        anyhow::ensure!(ended.success(), "detaching ended with {ended}");
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
