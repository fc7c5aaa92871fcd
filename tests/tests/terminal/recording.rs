//! `jackin record` and `jackin replay`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jackin_tests::PATIENCE;
use serde_json::Value;

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

/// A time, a code and data.
type Event = (f64, String, String);

/// The lines of a recording: its header and its events.
fn lines(text: &str) -> Result<(Value, Vec<Event>)> {
    let mut lines = text.lines();
    let header = serde_json::from_str(lines.next().context("a header")?)?;
    let events = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok((header, events))
}

fn shown(events: &[Event]) -> String {
    events.iter().filter(|(_, code, _)| code == "o").map(|(_, _, data)| data.as_str()).collect()
}

fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_so()? {
        ensure!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_session_is_recorded_from_its_screen_on_with_sizes_until_its_end() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("echo there before $((40 + 2))")?;
    window.wait_for("\nthere before 42\n")?;
    let path = desk.home.files().join("session.cast");
    let file = path.to_str().context("a path in UTF-8")?.to_owned();
    let recorder = desk
        .home
        .jackin()
        .args(["record", "desk-one", "-o", &file, "--title", "a title", "--idle-limit", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    until("it records", || Ok(std::fs::read_to_string(&path).is_ok_and(|text| text.contains("there before 42"))))?;
    // Only looking: the window has the keyboard and its size.
    window.enter("stty size; echo wide 日本 $((40 + 2))")?;
    window.wait_for("\n30 100\nwide 日本 42\n")?;
    window.resize(83, 21)?;
    window.enter("until [ \"$(stty size)\" = '21 83' ]; do sleep 0.05; done; echo resized $((40 + 2)); exit 6")?;
    let output = recorder.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    ensure!(told.ends_with("; the session ended with exit code 6\n"), "{told}");

    let (header, events) = lines(&std::fs::read_to_string(&path)?)?;
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &100.into(), &30.into()));
    assert_eq!((&header["title"], &header["idle_time_limit"]), (&"a title".into(), &2.0.into()));
    ensure!(events[0].1 == "o" && events[0].2.contains("there before 42"), "{:?}", events[0]);
    ensure!(events.windows(2).all(|pair| pair[0].0 <= pair[1].0), "times go back");
    let resized = events.iter().position(|(_, code, data)| code == "r" && data == "83x21").context("a resize")?;
    ensure!(shown(&events[..resized]).contains("wide 日本 42"), "{events:?}");
    ensure!(shown(&events[resized..]).contains("resized 42"), "{events:?}");

    let again = desk.home.run(&["record", "desk-one", "-o", &file])?;
    assert_ne!(again.status.code(), Some(0));
    Ok(())
}

#[test]
fn an_interrupt_ends_a_recording_and_leaves_the_session_and_a_file_that_is_there_is_kept() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("cd; jackin record desk-one")?;
    window.wait_for("recording desk-one/main to desk-one-main.cast; Ctrl-C ends it")?;
    desk.home.must(&["send", "desk-one", "echo sent $((40 + 2))", "--enter"])?;
    let path = desk.home.files().join("desk-one-main.cast");
    until("it is recorded", || Ok(std::fs::read_to_string(&path)?.contains("sent 42")))?;
    window.press(&["C-c"])?;
    window.wait_for("to desk-one-main.cast; the session goes on")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("clear; jackin record desk-one; echo status $?")?;
    window.wait_for("`desk-one-main.cast` is there already")?;
    window.wait_for("status 5")?;
    window.enter("clear; jackin attach desk-one")?;
    window.wait_for("sent 42")?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}

#[test]
fn a_recording_is_played_faster_with_shorter_pauses_and_leaves_the_terminal_clean() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    let cast = concat!(
        "{\"version\":2,\"width\":80,\"height\":24}\n",
        "[0.1,\"o\",\"\\u001b[?1049h\\u001b[?25l\\u001b[?1000h\\u001b[2J\\u001b[Hfirst act\"]\n",
        // Whoever waits for these has no limit and no speed.
        "[100000.0,\"o\",\"\\r\\nsecond act\"]\n",
        "[200000.0,\"o\",\"\\r\\nthe end\"]\n",
        "[200000.5,\"o\",\"\\u001b[?1049lplayed\\r\\n\"]\n",
    );
    desk.home.write("play.cast", cast)?;
    window.enter("echo before $((40 + 2)); cd; jackin replay play.cast --idle-limit 1 --speed 10; echo status $?")?;
    window.wait_for("played")?;
    let screen = window.wait_for("status 0")?;
    ensure!(screen.contains("\nbefore 42\n") && !screen.contains("second act"), "{screen}");

    // In the middle, on the other screen.
    window.enter("clear; jackin replay play.cast")?;
    window.wait_for("first act")?;
    window.press(&["C-c"])?;
    window.wait_for_prompt(HOST_PROMPT)?;
    window.enter("echo after $((40 + 2)); stty -a | grep -o ' icanon'")?;
    let screen = window.wait_for("\nafter 42\n icanon\n")?;
    ensure!(!screen.contains("first act"), "{screen}");

    // One that is still being written, by who pauses.
    window.enter("clear; mkfifo pipe; exec 9<>pipe; sed 2q play.cast >&9; jackin replay pipe")?;
    window.wait_for("first act")?;
    window.press(&["C-c"])?;
    window.wait_for_prompt(HOST_PROMPT)?;

    desk.home.write("torn.cast", "{\"version\":2}\n[1,\"o\"")?;
    window.enter("clear; jackin replay torn.cast; echo status $?")?;
    window.wait_for("understand line 2 of the recording")?;
    window.wait_for("status 2")?;
    Ok(())
}
