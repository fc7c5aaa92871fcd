//! Full-screen programs look the same before a detach and after the next attach.

use anyhow::{Result, bail};

use super::desk::{Desk, PROMPT};
use super::window::Window;

/// Leaves and comes back; the picture must be the one from before, and the program the same process.
fn come_back(desk: &Desk, window: &Window<'_>, program: &str) -> Result<()> {
    let process = desk.process(program)?;
    let before = window.picture()?;
    desk.detach(window)?;
    window.enter("jackin attach desk-one")?;
    window.wait_for_picture(&before)?;
    assert_eq!(desk.process(program)?, process);
    Ok(())
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
    come_back(&desk, &window, "vim")?;

    // It still takes keys, in the mode in which it was left.
    window.press(&["d"])?;
    window.wait_for("3 fewer lines")?;
    window.press(&["o"])?;
    window.wait_for("-- INSERT --")?;
    come_back(&desk, &window, "vim")?;
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
    come_back(&desk, &window, "less")?;
    window.press(&["G"])?;
    window.wait_for("line 400 ")?;
    window.wait_for("(END)")?;
    come_back(&desk, &window, "less")?;
    window.press(&["q"])?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}

#[test]
fn htop_renders_the_same_after_an_attach() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    // It looks again every ten seconds, which may fall between the two pictures, but not every time.
    window.enter("htop --delay=100")?;
    window.wait_for("F10")?;
    window.wait_for("htop --delay=100")?;
    let mut last = None;
    for _ in 0..3 {
        match come_back(&desk, &window, "htop") {
            Ok(()) => {
                window.press(&["q"])?;
                window.wait_for_prompt(PROMPT)?;
                return Ok(());
            }
            Err(error) => last = Some(error),
        }
    }
    bail!("htop is never the same: {last:?}");
}
