//! `jackin logs` of a session.

use anyhow::Result;

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

#[test]
fn what_a_session_printed_is_followed_to_its_end() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    let script = "echo first; echo second; echo third; until [ -e /tmp/go ]; do sleep 0.05; done; echo last; exit 3";
    desk.home.must(&["sessions", "new", "desk-one", "--name", "job", "--", "sh", "-c", script])?;
    desk.until_sessions("it printed", |items| {
        items.iter().any(|one| one["name"] == "job" && !one["lastOutputAt"].is_null())
    })?;
    window.enter("jackin logs -f desk-one --session job --tail 2; echo status $?")?;
    window.wait_for("\nsecond\nthird\n")?;
    desk.inside("touch /tmp/go")?;
    let screen = window.wait_for("\nlast\nstatus 0\n")?;
    assert!(!screen.contains("\nfirst\n"), "{screen}");
    // It ended, and what it printed is still there.
    let printed = desk.home.must(&["logs", "desk-one", "--session", "job"])?;
    assert_eq!(printed, "first\r\nsecond\r\nthird\r\nlast\r\n");
    assert_eq!(desk.home.must(&["logs", "desk-one", "--session", "job", "--tail", "0"])?, "");
    Ok(())
}

#[test]
fn a_flood_is_followed_until_whoever_reads_has_enough() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    desk.home.must(&["sessions", "new", "desk-one", "--name", "flood", "--", "yes"])?;
    window.enter("jackin logs -f desk-one --session flood | head -n 1000 | wc -l; echo ended $((40 + 2))")?;
    window.wait_for("1000\nended 42\n")?;
    window.enter("clear; cd; jackin logs -f desk-one --session flood > flood.txt")?;
    desk.eventually("it is written", || {
        std::fs::metadata(desk.home.files().join("flood.txt")).is_ok_and(|file| file.len() > 1_000_000)
    })?;
    window.press(&["C-c"])?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("clear; jackin attach desk-one")?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}
