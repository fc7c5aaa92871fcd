//! Full-screen programs look the same before a detach and after the next attach, whatever the window's size was meanwhile.

use anyhow::Result;

use super::desk::{Desk, PROMPT};
use super::window::{Cells, Window};

/// Sizes at which a program is left and found again; the last is the one that windows are opened with.
const SIZES: [Cells; 3] =
    [Cells { columns: 80, rows: 24 }, Cells { columns: 132, rows: 40 }, Cells { columns: 100, rows: 30 }];

/// A program that is looked at in a window.
pub(crate) struct Shown<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) window: &'a Window<'a>,
    /// The program's name.
    pub(crate) program: &'a str,
    /// What attaches to its session.
    pub(crate) attach: &'a str,
    /// Whether the characters of a screen are all that the program draws at this size.
    pub(crate) is_drawn: &'a dyn Fn(&[&str], Cells) -> bool,
}

impl Shown<'_> {
    /// Leaves and comes back; the picture must be the one from before, and the program the same process.
    pub(crate) fn comes_back(&self) -> Result<()> {
        let Self { desk, window, program, attach, is_drawn: _ } = self;
        let process = desk.process(program)?;
        let before = window.picture()?;
        desk.detach(window)?;
        window.enter(attach)?;
        window.wait_for_picture(&before)?;
        assert_eq!(desk.process(program)?, process);
        Ok(())
    }

    /// Comes back at three sizes, and at one that the window got while nobody was attached.
    pub(crate) fn comes_back_at_every_size(&self) -> Result<()> {
        let Self { desk, window, program: _, attach, is_drawn } = self;
        for size in SIZES {
            window.resize(size.columns, size.rows)?;
            window.wait_until_drawn(size, is_drawn)?;
            self.comes_back()?;
        }
        let Cells { columns, rows } = SIZES[0];
        desk.detach(window)?;
        window.resize(columns, rows)?;
        // tmux lets a window know of its size a little later.
        window.enter(&format!("until [ \"$(stty size)\" = '{rows} {columns}' ]; do sleep 0.05; done; {attach}"))?;
        window.wait_until_drawn(SIZES[0], is_drawn)?;
        self.comes_back()
    }
}

#[test]
fn vim_renders_the_same_after_an_attach_and_leaves_the_shells_screen_as_it_was() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    desk.inside("for n in $(seq 1 99); do echo \"int line_$n = $n; /* comment */ \\\"text\\\"\"; done > /tmp/file.c")?;
    window.enter("echo before vim")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("vim -u NONE -N -n /tmp/file.c")?;
    window.wait_for("99L")?;
    window.enter(":set number hlsearch laststatus=2 ruler | split | 50")?;
    window.wait_for("50,1")?;
    window.enter("/comment")?;
    window.wait_for("50,22")?;
    window.press(&["V", "j", "j"])?;
    window.wait_for("-- VISUAL LINE --")?;
    window.wait_for("52,22")?;
    let is_drawn = |lines: &[&str], size: Cells| lines[usize::from(size.rows) - 2].contains("file.c");
    let vim =
        Shown { desk: &desk, window: &window, program: "vim", attach: "jackin attach desk-one", is_drawn: &is_drawn };
    vim.comes_back_at_every_size()?;

    // It still takes keys, in the mode in which it was left.
    window.press(&["d"])?;
    window.wait_for("3 fewer lines")?;
    window.press(&["o"])?;
    window.wait_for("-- INSERT --")?;
    vim.comes_back()?;
    window.press(&["Escape"])?;
    window.enter(":qa!")?;
    window.wait_for_prompt(PROMPT)?;
    let shell = window.text()?;
    assert!(shell.contains("\nbefore vim\n") && !shell.contains("line_50"), "{shell}");
    Ok(())
}

#[test]
fn less_renders_the_same_after_an_attach() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    desk.inside(
        "for n in $(seq 1 400); do printf 'line %d \\033[3%dmcolour\\033[0m\\n' $n $((n % 8)); done > /tmp/text",
    )?;
    window.enter("less -R -N /tmp/text")?;
    window.wait_for("line 29 ")?;
    window.enter("/line 20[0-9]")?;
    window.wait_for("line 205 ")?;
    window.press(&["Down", "Down"])?;
    window.wait_for("line 230 ")?;
    let is_drawn = |lines: &[&str], _: Cells| lines.last().is_some_and(|line| line.starts_with([':', '(']));
    let less =
        Shown { desk: &desk, window: &window, program: "less", attach: "jackin attach desk-one", is_drawn: &is_drawn };
    less.comes_back_at_every_size()?;
    window.press(&["G"])?;
    window.wait_for("line 400 ")?;
    window.wait_for("(END)")?;
    less.comes_back()?;
    window.press(&["q"])?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}

#[test]
fn htop_renders_the_same_after_an_attach() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("htop --delay=100")?;
    window.wait_for("F10")?;
    window.wait_for("htop --delay=100")?;
    // What it shows holds still.
    window.press(&["Z"])?;
    window.wait_for("PAUSED")?;
    let is_drawn = |lines: &[&str], _: Cells| lines.last().is_some_and(|line| line.starts_with("F1"));
    let htop =
        Shown { desk: &desk, window: &window, program: "htop", attach: "jackin attach desk-one", is_drawn: &is_drawn };
    htop.comes_back_at_every_size()?;
    window.press(&["q"])?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}
