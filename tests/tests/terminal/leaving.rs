//! Leaving and coming back: the session goes on and its screen is as it was.

use anyhow::Result;

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

/// Colours, wide characters, a line that wraps, and more lines than the screen has.
const DRAWING: &str = r"for line in $(seq 1 40); do printf '\e[3%dm%d\e[0m \e[7mreverse\e[0m \e[4;38;5;208mline\e[0m\n' $((line % 8)) $line; done; printf '日本 %0120d\n' 7";

/// Writes down every signal that a terminal could send, what is typed, and the end of input.
const WATCHER: &str = r#"use strict;
sub note { open(my $file, '>>', '/tmp/told') or die; print $file @_; close $file }
for my $signal (qw(HUP INT QUIT TERM WINCH CONT TSTP PIPE TTIN TTOU)) { $SIG{$signal} = sub { note("$signal\n") } }
syswrite(STDOUT, "ready-" . (40 + 2) . "\n");
while (1) {
    my $count = sysread(STDIN, my $typed, 100);
    next unless defined $count;
    note($count ? "read $typed" : "end\n");
    last unless $count;
}
"#;

#[test]
fn either_detach_key_leaves_and_the_next_attach_shows_the_same_screen() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter(DRAWING)?;
    window.wait_for("0007")?;
    window.wait_for_prompt(PROMPT)?;
    let before = window.picture()?;
    for keys in [&["C-p", "C-q"][..], &["C-\\"]] {
        window.press(keys)?;
        window.wait_for("detached from desk-one; the session goes on")?;
        window.wait_for_prompt(HOST_PROMPT)?;
        window.enter("echo left with $?; stty -a | grep -o ' icanon'")?;
        window.wait_for("\nleft with 0\n icanon\n")?;
        window.enter("jackin attach desk-one")?;
        window.wait_for_picture(&before)?;
    }
    Ok(())
}

#[test]
fn who_pastes_into_a_program_that_reads_nothing_can_still_leave() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("stty raw -echo; echo deaf $((40 + 2)); sleep 1000")?;
    window.wait_for("deaf 42")?;
    let file = desk.home.write("paste", &"x".repeat(1_000_000))?;
    window.paste(&file.display().to_string())?;
    window.press(&["C-\\"])?;
    window.wait_for("detached from desk-one; the session goes on")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    desk.until_sessions("its place is free", |items| items[0]["attached"] == 0)?;
    Ok(())
}

#[test]
fn a_key_that_could_begin_to_detach_is_the_programs_when_it_does_not() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("echo first $((40 + 2))")?;
    window.wait_for("\nfirst 42\n")?;
    window.enter("clear")?;
    window.wait_for_prompt(PROMPT)?;
    window.press(&["C-p", "C-p", "Enter"])?;
    window.wait_for("\nfirst 42\n")?;
    // Alone, too: it comes after a moment.
    window.press(&["C-p"])?;
    window.wait_for_prompt(&format!("{PROMPT} echo first $((40 + 2))"))?;
    Ok(())
}

#[test]
fn another_detach_key_can_be_chosen_and_then_the_usual_ones_are_the_sessions() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("jackin attach desk-one --detach-keys ctrl-x,d")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("echo begun $((40 + 2)); cat")?;
    window.wait_for("\nbegun 42\n")?;
    window.enter("runs")?;
    window.wait_for("runs\nruns\n")?;
    window.press(&["C-\\"])?;
    window.wait_for("Quit")?;
    window.press(&["C-x", "d"])?;
    window.wait_for("detached from desk-one")?;
    Ok(())
}

#[test]
fn detach_keys_come_from_the_environment_where_no_flag_says_other_ones() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("export JACKIN_DETACH_KEYS=ctrl-x; jackin attach desk-one")?;
    window.wait_for_prompt(PROMPT)?;
    window.press(&["C-x"])?;
    window.wait_for("detached from desk-one")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("clear; jackin attach desk-one --detach-keys ctrl-y")?;
    window.wait_for_prompt(PROMPT)?;
    window.press(&["C-y"])?;
    window.wait_for("detached from desk-one")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("clear; JACKIN_DETACH_KEYS=escape jackin attach desk-one; echo status $?")?;
    window.wait_for("status 2")?;
    Ok(())
}

#[test]
fn a_session_works_on_while_nobody_looks() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    let shell = desk.process("bash")?;
    window.enter("until [ -e /tmp/go ]; do sleep 0.05; done; echo went $((40 + 2)) > /tmp/gone; cat /tmp/gone")?;
    desk.detach(&window)?;
    desk.inside("touch /tmp/go; until [ -s /tmp/gone ]; do sleep 0.05; done")?;
    window.enter("jackin attach desk-one")?;
    window.wait_for("\nwent 42\n")?;
    assert_eq!(desk.process("bash")?, shell);
    Ok(())
}

#[test]
fn a_program_is_told_nothing_of_a_detach_and_an_attach() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    desk.inside(&format!("cat > /tmp/watcher <<'END'\n{WATCHER}END"))?;
    window.enter("perl /tmp/watcher")?;
    window.wait_for("\nready-42\n")?;
    let process = desk.process("perl")?;
    for _ in 0..3 {
        desk.detach(&window)?;
        window.enter("jackin attach desk-one")?;
        window.wait_for("\nready-42\n")?;
    }
    window.enter("typed")?;
    desk.inside("until grep -qs typed /tmp/told; do sleep 0.05; done")?;
    assert_eq!(desk.inside("cat /tmp/told")?, "read typed");
    assert_eq!(desk.process("perl")?, process);

    // It would have been told: this rule can fail.
    window.resize(80, 20)?;
    desk.inside("until grep -qs WINCH /tmp/told; do sleep 0.05; done")?;
    Ok(())
}

#[test]
fn a_window_that_is_closed_leaves_the_session_to_the_next_one() -> Result<()> {
    let desk = Desk::new()?;
    let shell = desk.process("bash")?;
    let window = desk.attached("one")?;
    window.enter("echo from the first $((40 + 2))")?;
    window.wait_for("\nfrom the first 42\n")?;
    // Before the other one goes: the terminals' server ends with its last window, and one that is ending opens none.
    let next = desk.window("two")?;
    window.close()?;
    next.enter("jackin attach desk-one")?;
    next.wait_for("\nfrom the first 42\n")?;
    next.enter("echo from the second $((41 + 2))")?;
    next.wait_for("\nfrom the second 43\n")?;
    assert_eq!(desk.process("bash")?, shell);
    Ok(())
}
