//! Attaching: what is typed arrives, what is printed is seen, the window's size is the session's.

use anyhow::Result;

use super::desk::{Desk, PROMPT};

#[test]
fn what_is_typed_runs_in_the_instance_and_its_output_is_seen() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("echo $(hostname) has $((40 + 2))")?;
    window.wait_for("\ndesk-one has 42\n")?;
    window.enter("printf 'h\u{e9}llo \u{65e5}\u{672c} %s\\n' \"$(tty)\"")?;
    window.wait_for("\nh\u{e9}llo \u{65e5}\u{672c} /dev/pts/0\n")?;
    // Keys that the host's terminal would act on belong to the session.
    // Input that comes before the terminal is the command's would be the shell's.
    window.enter("echo begun $((40 + 2)); cat")?;
    window.wait_for("\nbegun 42\n")?;
    window.enter("typed into cat")?;
    window.wait_for("typed into cat\ntyped into cat\n")?;
    window.press(&["C-c"])?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("echo after $?")?;
    window.wait_for("\nafter 130\n")?;
    Ok(())
}

#[test]
fn the_session_has_the_size_of_the_window_also_when_that_changes() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("stty size")?;
    window.wait_for("\n30 100\n")?;
    window.enter("until [ \"$(stty size)\" = '21 83' ]; do sleep 0.05; done; echo resized $((40 + 2))")?;
    window.resize(83, 21)?;
    window.wait_for("\nresized 42\n")?;

    // Changed while nobody was attached: the size comes with the next one.
    desk.detach(&window)?;
    window.resize(90, 25)?;
    // tmux lets a window know of its size a little later.
    window.enter("until [ \"$(stty size)\" = '25 90' ]; do sleep 0.05; done; jackin attach desk-one")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("stty size")?;
    window.wait_for("\n25 90\n")?;
    Ok(())
}

#[test]
fn the_terminal_goes_on_while_the_controller_is_killed_and_started_again() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    let shell = desk.process("bash")?;
    let controller = desk.home.daemon_pid().expect("a controller runs");
    assert!(std::process::Command::new("kill").args(["-KILL", &controller.to_string()]).status()?.success());
    window.enter("echo still $((40 + 2))")?;
    window.wait_for("\nstill 42\n")?;

    // The next command starts another controller, which leaves the session alone.
    desk.home.must(&["wait", "instance/desk-one", "--for=condition=Ready"])?;
    assert_ne!(desk.home.daemon_pid(), Some(controller));
    window.enter("echo and $((41 + 2))")?;
    window.wait_for("\nand 43\n")?;
    assert_eq!(desk.process("bash")?, shell);
    Ok(())
}

#[test]
fn hardline_is_another_name_for_attach() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("jackin hardline instance/desk-one")?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}
