//! An operator's terminal window, which is a pane of tmux.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jackin_tests::PATIENCE;

/// What the host's shell prompts with. Nothing inside an instance does.
pub(crate) const HOST_PROMPT: &str = "host> ";

/// For how many looks a picture must be the same to be taken for finished.
const STILL: usize = 5;

/// A size in character cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

/// A tmux server of its own. Ended when dropped, with all its windows.
#[derive(Debug)]
pub(crate) struct Terminals {
    socket: PathBuf,
    environment: Vec<(String, String)>,
}

impl Terminals {
    /// A server at `socket`, whose windows run a shell with this environment.
    pub(crate) fn new(socket: PathBuf, environment: Vec<(String, String)>) -> Self {
        Self { socket, environment }
    }

    /// Opens a window with a shell of the host in it.
    pub(crate) fn open(&self, name: &'static str, columns: u16, rows: u16) -> Result<Window<'_>> {
        let window = Window { server: self, name };
        let mut command = self.command();
        command.args(["new-session", "-d", "-s", name]);
        command.args(["-x", &columns.to_string(), "-y", &rows.to_string(), "exec /bin/sh"]);
        run(command)?;
        window.wait_for_prompt(HOST_PROMPT)?;
        Ok(window)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-f", "/dev/null", "-u", "-S"]).arg(&self.socket);
        command.env_clear().envs(self.environment.clone());
        command
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        let mut command = self.command();
        command.arg("kill-server");
        // Where no window was opened there is no server.
        let _ = command.output();
    }
}

/// One window.
#[derive(Debug)]
pub(crate) struct Window<'server> {
    server: &'server Terminals,
    name: &'static str,
}

impl Window<'_> {
    /// Types a line and presses Enter.
    pub(crate) fn enter(&self, line: &str) -> Result<()> {
        self.tmux(&["send-keys", "-t", self.name, "-l", line])?;
        self.press(&["Enter"])
    }

    /// Presses keys, by tmux's names for them.
    pub(crate) fn press(&self, keys: &[&str]) -> Result<()> {
        let mut arguments = vec!["send-keys", "-t", self.name];
        arguments.extend(keys);
        self.tmux(&arguments).map(drop)
    }

    /// Pastes what is in a file.
    pub(crate) fn paste(&self, file: &str) -> Result<()> {
        self.tmux(&["load-buffer", file])?;
        self.tmux(&["paste-buffer", "-t", self.name]).map(drop)
    }

    /// The characters on the screen.
    pub(crate) fn text(&self) -> Result<String> {
        self.tmux(&["capture-pane", "-t", self.name, "-p"])
    }

    /// Everything that can be seen: each row's characters with how they look, then the cursor.
    pub(crate) fn picture(&self) -> Result<String> {
        let shown = self.tmux(&["capture-pane", "-t", self.name, "-p", "-e"])?;
        let cursor = "cursor #{cursor_x},#{cursor_y} shown #{cursor_flag}, alternate #{alternate_on}";
        Ok(looks(&shown)? + &self.tmux(&["display-message", "-t", self.name, "-p", cursor])?)
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-t", self.name, "-x", &columns, "-y", &rows]).map(drop)
    }

    /// Closes it under whatever runs in it.
    pub(crate) fn close(self) -> Result<()> {
        self.tmux(&["kill-session", "-t", self.name]).map(drop)
    }

    /// Waits until a text is on the screen; the screen then.
    pub(crate) fn wait_for(&self, wanted: &str) -> Result<String> {
        self.wait_until(&format!("`{wanted}`"), Self::text, |screen| screen.contains(wanted))
    }

    /// Waits until the screen begins with a text.
    pub(crate) fn wait_for_start(&self, wanted: &str) -> Result<String> {
        let what = format!("`{wanted}` at its top");
        self.wait_until(&what, Self::text, |screen| screen.starts_with(wanted))
    }

    /// Waits until the last line with anything on it begins with a text: a prompt that waits. The screen then.
    pub(crate) fn wait_for_prompt(&self, prompt: &str) -> Result<String> {
        let prompt = prompt.trim_end();
        let is_last = |screen: &str| screen.trim_end().lines().last().is_some_and(|line| line.trim_end() == prompt);
        self.wait_until(&format!("the prompt `{prompt}`"), Self::text, is_last)
    }

    /// Waits until everything is drawn at this size and stays so for a few looks.
    pub(crate) fn wait_until_drawn(&self, size: Cells, is_drawn: &dyn Fn(&[&str], Cells) -> bool) -> Result<()> {
        let last = std::cell::RefCell::new((String::new(), 0));
        let is_still = |picture: &str| {
            let (seen, looks) = &mut *last.borrow_mut();
            if seen == picture {
                *looks += 1;
            } else {
                (*seen, *looks) = (picture.to_owned(), 0);
            }
            *looks >= STILL
        };
        self.wait_until("all of the program's screen", Self::picture, |picture| {
            let text = self.text().unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            is_still(picture) && lines.len() == usize::from(size.rows) && is_drawn(&lines, size)
        })
        .map(drop)
    }

    /// Waits until the window shows exactly this picture.
    pub(crate) fn wait_for_picture(&self, wanted: &str) -> Result<()> {
        let waited = self.wait_until("the picture", Self::picture, |picture| picture == wanted);
        waited.map(drop).with_context(|| {
            let seen = self.picture().unwrap_or_default();
            let mut lines = wanted.lines().zip(seen.lines()).enumerate();
            match lines.find(|(_, (wanted, seen))| wanted != seen) {
                Some((row, (wanted, seen))) => format!("row {row} should be\n{wanted:?}\nand is\n{seen:?}"),
                None => format!("it should be\n{wanted}"),
            }
        })
    }

    fn wait_until(
        &self,
        what: &str,
        look: impl Fn(&Self) -> Result<String>,
        is_right: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let begun = Instant::now();
        loop {
            let seen = look(self)?;
            if is_right(&seen) {
                return Ok(seen);
            }
            if begun.elapsed() > PATIENCE / 4 {
                bail!("window `{}` does not show {what}:\n{seen}", self.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn tmux(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.server.command();
        command.args(arguments);
        run(command)
    }
}

/// The rows of a capture, in a notation in which what looks the same is the same: tmux writes a colour also where only blanks have
/// it, and at the row where it changes rather than where it holds.
fn looks(capture: &str) -> Result<String> {
    let (rows, columns) = (u16::try_from(capture.lines().count())?.max(1), 300);
    let size = |cells| NonZeroU16::new(cells).context("a size");
    let mut parser = vt100::Parser::new(size(rows)?, size(columns)?, 0);
    parser.process(capture.trim_end_matches('\n').replace('\n', "\r\n").as_bytes());
    let mut rendered = String::new();
    for row in 0..rows {
        let mut line = String::new();
        let mut last = String::new();
        for column in 0..columns {
            let Some(cell) = parser.screen().cell(row, column) else {
                continue;
            };
            let is_blank = cell.contents().trim().is_empty();
            let mut look = format!("{:?}", cell.bgcolor());
            if cell.inverse() || cell.underline() || !is_blank {
                let attributes = (cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse());
                look += &format!(" {:?} {attributes:?}", cell.fgcolor());
            }
            if look != last && !(is_blank && look == "Default") {
                line += &format!("<{look}>");
                last = look;
            }
            line += if is_blank { " " } else { cell.contents() };
        }
        rendered += line.trim_end();
        rendered.push('\n');
    }
    Ok(rendered)
}

fn run(mut command: Command) -> Result<String> {
    let output = command.output().context("run tmux: is the package `tmux` installed?")?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
