//! The end of a session, what comes after it, and instances that have none.

use anyhow::Result;

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

#[test]
fn a_session_that_ends_says_so_and_its_exit_code_is_the_commands() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("exit 7")?;
    window.wait_for("session ended with exit code 7")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("echo status $?")?;
    window.wait_for("\nstatus 7\n")?;
    Ok(())
}

#[test]
fn a_session_that_is_killed_is_told_with_its_signal() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("kill -KILL $$")?;
    window.wait_for("session ended by signal 9")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("echo status $?")?;
    window.wait_for("\nstatus 137\n")?;
    Ok(())
}

#[test]
fn after_the_only_session_has_ended_the_next_attach_starts_it_again() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    let container = desk.inside("cut -d' ' -f22 /proc/1/stat")?;
    window.enter("echo the first is $$; exit")?;
    window.wait_for("session ended with exit code 0")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("clear; jackin attach desk-one")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("echo again in $PWD $((40 + 2))")?;
    let screen = window.wait_for("\nagain in /tmp 42\n")?;
    assert!(!screen.contains("the first is"), "{screen}");
    assert_eq!(desk.inside("cut -d' ' -f22 /proc/1/stat")?, container, "PID 1 is another one");
    Ok(())
}

#[test]
fn an_agent_that_is_named_has_a_session_of_its_own() -> Result<()> {
    let desk = Desk::new()?;
    let first = desk.attached("first")?;
    first.enter("echo first on $(tty)")?;
    first.wait_for("\nfirst on /dev/pts/0\n")?;
    let second = desk.window("second")?;
    second.enter("jackin attach desk-one --agent shell")?;
    second.wait_for_prompt(PROMPT)?;
    second.enter("echo second on $(tty)")?;
    let screen = second.wait_for("\nsecond on /dev/pts/1\n")?;
    assert!(!screen.contains("first on"), "{screen}");

    // Once more is the same session, not a third one.
    desk.detach(&second)?;
    second.enter("jackin attach desk-one --agent shell")?;
    second.wait_for("\nsecond on /dev/pts/1\n")?;
    second.enter("exit")?;
    second.wait_for("session ended with exit code 0")?;
    first.enter("echo not touched $((40 + 2))")?;
    first.wait_for("\nnot touched 42\n")?;
    Ok(())
}

#[test]
fn an_agent_that_the_role_does_not_support_is_refused_by_name() -> Result<()> {
    let desk = Desk::new()?;
    let refused = desk.home.run(&["attach", "desk-one", "--agent", "codex"])?;
    let said = String::from_utf8(refused.stderr)?;
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("role `tools` does not support agent `codex`; it has shell"), "{said}");
    Ok(())
}

#[test]
fn attaching_to_what_does_not_run_explains_itself_and_fails() -> Result<()> {
    let desk = Desk::new()?;
    desk.home.must(&["stop", "desk-one", "--wait"])?;
    let refused = desk.home.run(&["attach", "desk-one"])?;
    let said = String::from_utf8(refused.stderr)?;
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert_eq!(
        said,
        "error: instance `desk-one` does not run: `jackin start` starts it\n\
         hint: `jackin describe instance desk-one` tells why it does not run\n"
    );

    desk.home.must(&["start", "desk-one", "--wait"])?;
    let window = desk.attached("one")?;
    window.enter("echo runs $((40 + 2))")?;
    window.wait_for("\nruns 42\n")?;
    Ok(())
}

#[test]
fn attaching_to_an_instance_that_is_not_there_names_those_that_are() -> Result<()> {
    let desk = Desk::new()?;
    for (name, hint) in [("nobody", "desk-one"), ("desk", "workspace `desk` has the instances desk-one")] {
        let refused = desk.home.run(&["attach", name])?;
        let said = String::from_utf8(refused.stderr)?;
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.starts_with(&format!("error: instance `{name}` not found\n")) && said.contains(hint), "{said}");
    }
    Ok(())
}
