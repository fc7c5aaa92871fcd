//! Attaching: what is typed arrives, what is printed is seen, the window's size is the session's.

use anyhow::Result;

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

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
fn a_connection_that_breaks_is_made_again_and_the_screen_is_as_it_was() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    // Through the engine the controller is in the way of every byte.
    window.enter("jackin attach desk-one --via exec")?;
    window.wait_for_prompt(PROMPT)?;
    let shell = desk.process("bash")?;
    window.enter("printf '\\e[31mred\\e[0m %s\\n' $((40 + 2))")?;
    window.wait_for("\nred 42\n")?;
    let before = window.picture()?;
    for _ in 0..2 {
        let controller = desk.home.daemon_pid().expect("a controller runs");
        assert!(std::process::Command::new("kill").args(["-KILL", &controller.to_string()]).status()?.success());
        // Whoever is attached starts another one.
        desk.eventually("another controller runs", || desk.home.daemon_pid().is_some_and(|pid| pid != controller))?;
        window.wait_for_picture(&before)?;
    }
    // What is typed while nothing is connected is lost, so it is typed until it arrives.
    desk.eventually("keys arrive", || {
        window.enter("echo again $((41 + 2))").is_ok() && window.text().is_ok_and(|text| text.contains("\nagain 43\n"))
    })?;
    assert_eq!(desk.process("bash")?, shell);
    Ok(())
}

#[test]
fn a_container_that_is_killed_ends_the_attach_with_what_became_of_it_and_what_to_do() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    let instance = desk.home.must(&["get", "instance", "desk-one", "-o", "json"])?;
    let instance: serde_json::Value = serde_json::from_str(&instance)?;
    let container = instance["status"]["container"]["id"].as_str().expect("an id").to_owned();
    assert!(std::process::Command::new("docker").args(["kill", &container]).output()?.status.success());
    let screen = window.wait_for("error: the session of desk-one is gone: ")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    let joined: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains("hint: `jackin attach desk-one` opens one again"), "{screen}");
    window.enter("echo status $?; stty -a | grep -o ' icanon'")?;
    window.wait_for("\nstatus 1\n icanon\n")?;
    Ok(())
}

#[test]
fn a_client_that_is_killed_leaves_its_place_and_the_session_to_the_next() -> Result<()> {
    let desk = Desk::new()?;
    let shell = desk.process("bash")?;
    let window = desk.window("one")?;
    window.enter("cd; sh -c 'echo $$ > attached.pid; exec jackin attach desk-one'")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("echo before $((40 + 2))")?;
    window.wait_for("\nbefore 42\n")?;
    let pid = std::fs::read_to_string(desk.home.files().join("attached.pid"))?;
    assert!(std::process::Command::new("kill").args(["-KILL", pid.trim()]).status()?.success());
    desk.until_sessions("its place is free", |items| items[0]["attached"] == 0 && items[0]["writer"] == false)?;
    let next = desk.attached("two")?;
    next.wait_for("\nbefore 42\n")?;
    next.enter("echo after $((41 + 2))")?;
    next.wait_for("\nafter 43\n")?;
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
