//! A container that means harm: what it puts in its socket's place, and the words that it has shown.

use std::io::ErrorKind;
use std::os::unix::net::UnixListener;

use anyhow::{Result, ensure};

use crate::stage::{MAIN, desk, eventually, play};

#[test]
fn whatever_a_container_puts_in_its_sockets_place_is_refused_and_nothing_of_the_host_is_reached() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let file = stage.write("of-the-host", "untouched")?;
        let socket = stage.path("host.sock");
        let listener = UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        let container = stage.container("desk-main")?.name;
        let inside =
            |script: &str| stage.docker(&["exec", &container, "sh", "-c", &format!("cd /jackin/run && {script}")]);
        inside("mv jackin.sock kept")?;
        for instead in [
            format!("ln -s {} jackin.sock", socket.display()),
            format!("ln -s {} jackin.sock", file.display()),
            "ln -s kept jackin.sock".to_owned(),
            "mkfifo jackin.sock".to_owned(),
            "echo > jackin.sock".to_owned(),
            "mkdir jackin.sock".to_owned(),
        ] {
            inside(&format!("rm -rf jackin.sock && {instead}"))?;
            for arguments in
                [&["exec", "desk-main", "--", "true"][..], &["attach", "desk-main"], &["logs", "desk-main"]]
            {
                let ran = stage.run(arguments)?;
                ensure!(
                    ran.code != 0 && ran.said().contains("it is not a socket"),
                    "{instead}: {arguments:?}: {ran:?}"
                );
            }
        }
        let came = listener.accept().map(drop).map_err(|error| error.kind());
        ensure!(came == Err(ErrorKind::WouldBlock), "somebody came to the host's socket: {came:?}");
        assert_eq!(std::fs::read_to_string(&file)?, "untouched");

        inside("rm -rf jackin.sock && mv kept jackin.sock")?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "echo", "as before"])?.trim_end(), "as before");
        Ok(())
    })
}

#[test]
fn another_process_of_the_container_that_serves_the_socket_is_not_taken_for_the_capsule() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let container = stage.container("desk-main")?.name;
        let inside = |script: &str| stage.docker(&["exec", &container, "sh", "-c", script]);
        inside("mv /jackin/run/jackin.sock /jackin/run/kept")?;
        // The capsule's own program, started once more by somebody else.
        stage.docker(&[
            "exec",
            "-d",
            &container,
            "/jackin/bin/jackin-capsule",
            "--socket",
            "/jackin/run/jackin.sock",
        ])?;
        eventually("the other one to serve", || Ok(inside("test -S /jackin/run/jackin.sock").is_ok().then_some(())))?;
        let ran = stage.run(&["exec", "desk-main", "--", "true"])?;
        ensure!(ran.code != 0 && ran.said().contains("its process id is"), "{ran:?}");
        Ok(())
    })
}

#[test]
fn the_words_of_a_container_are_shown_without_what_could_steer_a_terminal() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let container = stage.container("desk-main")?.name;
        let script =
            r#"name="/tmp/$(printf 'p\033[2Jq')"; printf '#!/bin/sh\nsleep 1000\n' > "$name"; chmod +x "$name""#;
        stage.docker(&["exec", &container, "sh", "-c", script])?;
        let title = r"printf '\033]2;ti\342\200\256tle\007'; /tmp/p*q";
        stage.jackin(&["send", "desk-main", title, "--enter"])?;
        eventually("the program to be seen at work", || {
            let instance = stage.object("instance", "desk-main")?;
            Ok((instance["status"]["sessions"][0]["state"] == "Working").then_some(()))
        })?;
        for arguments in [
            &["sessions", "desk-main"][..],
            &["sessions", "desk-main", "-o", "wide"],
            &["sessions", "desk-main", "-o", "json"],
            &["get", "instances", "-o", "wide"],
            &["get", "instance", "desk-main", "-o", "yaml"],
            &["describe", "instance", "desk-main"],
            &["events"],
        ] {
            let said = stage.run(arguments)?.said();
            let steers = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
            ensure!(!said.contains(steers), "{arguments:?} shows {said:?}");
        }
        let sessions = stage.jackin(&["sessions", "desk-main", "-o", "json"])?;
        ensure!(sessions.contains("ti\u{fffd}tle"), "the title is not told: {sessions}");
        Ok(())
    })
}
