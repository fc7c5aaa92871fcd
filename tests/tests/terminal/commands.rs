//! `jackin exec` on a terminal.

use anyhow::Result;

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

#[test]
fn a_command_on_a_terminal_has_one_of_the_windows_size() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("jackin exec -it desk-one -- bash --norc")?;
    window.wait_for("bash-5.2#")?;
    window.enter("stty size; tty; echo $TERM $PWD")?;
    window.wait_for("\n30 100\n/dev/pts/1\nxterm-256color /tmp\n")?;
    window.resize(70, 20)?;
    window.enter("clear; stty size")?;
    window.wait_for("20 70\n")?;
    window.enter("exit 5")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("echo status $?; stty -a | grep -o ' icanon'")?;
    window.wait_for("\nstatus 5\n icanon\n")?;
    Ok(())
}

#[test]
fn an_interrupt_goes_to_the_command_and_its_end_is_the_exit_code() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("jackin exec -it desk-one -- sh -c 'echo begun-$((40 + 2)); exec sleep 1000'")?;
    window.wait_for("\nbegun-42\n")?;
    window.press(&["C-c"])?;
    window.wait_for("^Chost>")?;
    window.enter("echo status $?")?;
    window.wait_for("\nstatus 130\n")?;
    Ok(())
}

#[test]
fn an_interrupt_ends_a_command_that_reads_nothing_of_much_input() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    let command = "sh -c 'echo begun-$((40 + 2)); exec sleep 1000'";
    window.enter(&format!("head -c 2000000 /dev/zero | jackin exec -i desk-one -- {command}"))?;
    window.wait_for("\nbegun-42\n")?;
    window.press(&["C-c"])?;
    window.wait_for("^Chost>")?;
    window.enter("echo status $?")?;
    window.wait_for("\nstatus 130\n")?;
    desk.eventually("the command is gone", || {
        desk.inside("pidof sleep || echo none").is_ok_and(|told| told == "none")
    })?;
    Ok(())
}

#[test]
fn a_full_screen_command_gives_the_terminal_back_as_it_was() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("echo before $((40 + 2))")?;
    window.wait_for("\nbefore 42\n")?;
    window.enter("jackin exec desk-one -- vim -u NONE -N -n /etc/passwd")?;
    window.wait_for("root:x:0:0")?;
    window.enter(":q")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    let screen = window.text()?;
    assert!(screen.contains("\nbefore 42\n") && !screen.contains("root:x:0:0"), "{screen}");
    Ok(())
}

#[test]
fn a_command_goes_on_beside_the_session_and_is_none_itself() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("jackin exec desk-one -- bash --norc")?;
    window.wait_for("bash-5.2#")?;
    let sessions = desk.home.must(&["get", "instance", "desk-one", "-o", "json"])?;
    let sessions: serde_json::Value = serde_json::from_str(&sessions)?;
    assert_eq!(sessions["status"]["sessions"].as_array().map(Vec::len), Some(1), "{sessions}");
    let session = desk.attached("session")?;
    session.enter("echo beside $((40 + 2))")?;
    session.wait_for("\nbeside 42\n")?;
    session.wait_for_prompt(PROMPT)?;
    assert!(!window.text()?.contains("beside"));
    Ok(())
}
