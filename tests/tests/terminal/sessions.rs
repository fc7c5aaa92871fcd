//! `jackin sessions`: listed, started, renamed and ended from outside.

use anyhow::Result;

use super::desk::{Desk, PROMPT};

/// What a command said and how it ended.
fn said(desk: &Desk, arguments: &[&str]) -> Result<(i32, String)> {
    let ran = desk.home.run(arguments)?;
    let text = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ok((ran.status.code().unwrap_or(-1), text))
}

fn row(table: &str, name: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no row of {name} in\n{table}"));
    line.split("   ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn sessions_are_listed_with_who_looks_at_them_and_how_they_ended() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("printf '\\033]2;the title\\007'; echo titled $((40 + 2))")?;
    window.wait_for("\ntitled 42\n")?;
    let started = desk.home.must(&["sessions", "new", "desk-one", "--", "sh", "-c", "exit 3"])?;
    assert_eq!(started, "session/sh started\n");
    desk.until_sessions("sh has ended", |items| items.iter().any(|one| one["exit"]["code"] == 3))?;

    let table = desk.home.must(&["sessions", "desk-one"])?;
    let header: Vec<_> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(header, ["NAME", "AGENT", "STATE", "ATTACHED", "WRITER", "AGE", "EXIT", "TITLE"]);
    let main = row(&table, "main");
    assert_eq!((main[1].as_str(), main[3].as_str(), main[4].as_str()), ("shell", "1", "yes"), "{table}");
    assert_eq!(main.last().map(String::as_str), Some("the title"), "{table}");
    let ended = row(&table, "sh");
    assert_eq!(
        (ended[1].as_str(), ended[2].as_str(), ended.last().map(String::as_str)),
        ("<none>", "exited", Some("3"))
    );
    let wide = desk.home.must(&["sessions", "desk-one", "-o", "wide"])?;
    assert!(row(&wide, "sh").contains(&"exit code 3".to_owned()), "{wide}");
    assert_eq!(desk.home.must(&["sessions", "-o", "name"])?, "desk-one/main\ndesk-one/sh\n");
    assert!(desk.home.must(&["sessions"])?.starts_with("INSTANCE   NAME"));
    Ok(())
}

#[test]
fn a_session_is_started_beside_the_others_in_the_environment_that_it_is_given() -> Result<()> {
    let desk = Desk::new()?;
    let new = |arguments: &[&str]| said(&desk, &[&["sessions", "new", "desk-one"], arguments].concat());
    assert_eq!(new(&["--agent", "shell"])?, (0, "session/shell started\n".to_owned()));
    assert_eq!(new(&["--agent", "shell"])?, (0, "session/shell-2 started\n".to_owned()), "each time another one");
    assert_eq!(new(&[])?, (0, "session/main-2 started\n".to_owned()));
    let script = "echo $GREETING from $PWD; exec sleep 1000";
    let told = new(&["--name", "greeter", "--env", "GREETING=hello", "--cwd", "/var", "--", "sh", "-c", script])?;
    assert_eq!(told, (0, "session/greeter started\n".to_owned()));
    let window = desk.window("one")?;
    window.enter("jackin attach desk-one --session greeter")?;
    window.wait_for("hello from /var")?;

    let (code, told) = new(&["--name", "greeter", "--", "true"])?;
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("session `greeter` is alive already"), "{told}");
    assert_eq!(new(&["--name", "a b", "--", "true"])?.0, 2);
    let (code, told) = new(&["--", "no-such-program"])?;
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("there is no program `no-such-program`"), "{told}");
    Ok(())
}

#[test]
fn a_renamed_session_is_found_by_its_new_name_and_whoever_looks_at_it_stays() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    let rename = |session, name| said(&desk, &["sessions", "rename", "desk-one", session, name]);
    assert_eq!(rename("main", "work")?, (0, "session/main renamed to work\n".to_owned()));
    window.enter("echo still $((40 + 2))")?;
    window.wait_for("\nstill 42\n")?;
    desk.detach(&window)?;
    window.enter("jackin attach desk-one --session work")?;
    window.wait_for("\nstill 42\n")?;

    desk.home.must(&["sessions", "new", "desk-one", "--name", "other"])?;
    let (code, told) = rename("other", "work")?;
    assert_eq!(code, 5, "{told}");
    assert!(told.starts_with("error: another session has the name `work`\n"), "{told}");
    assert_eq!(rename("other", "a b")?.0, 2);
    assert_eq!(rename("main", "x")?.0, 1, "that name is nobody's any more");
    // The controller sees a session, whatever its name, and starts no other one.
    desk.until_sessions("both go on", |items| items.len() == 2)
}

#[test]
fn a_session_is_ended_gracefully_and_one_that_will_not_is_killed() -> Result<()> {
    let desk = Desk::new()?;
    let new = |name: &str, script: &str| {
        desk.home.must(&["sessions", "new", "desk-one", "--name", name, "--", "sh", "-c", script])
    };
    new("polite", "trap 'exit 7' HUP; while :; do sleep 0.05; done")?;
    new("stubborn", "trap '' HUP TERM; touch /tmp/deaf; while :; do sleep 0.05; done")?;
    desk.inside("until [ -e /tmp/deaf ]; do sleep 0.05; done")?;
    let kill = |arguments: &[&str]| said(&desk, &[&["sessions", "kill", "desk-one"], arguments].concat());
    let (code, told) = kill(&["polite", "stubborn", "--grace", "1s"])?;
    assert_eq!(code, 0, "{told}");
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("session/polite ended with "), "{told}");
    assert_eq!(lines[1], "session/stubborn killed: it had not ended within 1s", "{told}");
    let (code, told) = kill(&["stubborn"])?;
    let expected = "error: session `stubborn` ended before, with signal 9\nhint: `jackin sessions desk-one` lists those that are there\n";
    assert_eq!((code, told.as_str()), (1, expected));

    new("listener", "trap 'exit 9' USR1; touch /tmp/listens; while :; do sleep 0.05; done")?;
    desk.inside("until [ -e /tmp/listens ]; do sleep 0.05; done")?;
    assert_eq!(kill(&["listener", "--signal", "usr1"])?, (0, "session/listener was sent SIGUSR1\n".to_owned()));
    desk.until_sessions("it took the signal", |items| items.iter().any(|one| one["exit"]["code"] == 9))?;
    let (code, told) = kill(&["nobody"])?;
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("there is no session `nobody`\nhint: known are main, "), "{told}");
    let window = desk.attached("one")?;
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}
