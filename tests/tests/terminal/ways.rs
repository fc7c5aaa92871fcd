//! The two ways to a capsule: its socket, and the engine.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::desk::{Desk, PROMPT};
use super::window::HOST_PROMPT;

/// The folder of the capsule's socket, taken from this host's reach until it is put back: what is there instead has a socket that
/// nobody serves, as where an engine's virtual machine shares files.
struct OutOfReach {
    folder: PathBuf,
    away: PathBuf,
}

impl OutOfReach {
    fn of(desk: &Desk) -> Result<Self> {
        let folder = socket_folder(&desk.home.root())?.context("no capsule's socket in the state directory")?;
        let away = folder.with_extension("away");
        std::fs::rename(&folder, &away)?;
        std::fs::create_dir(&folder)?;
        drop(UnixListener::bind(folder.join("jackin.sock"))?);
        Ok(Self { folder, away })
    }

    fn put_back(self) -> Result<()> {
        std::fs::remove_dir_all(&self.folder)?;
        Ok(std::fs::rename(&self.away, &self.folder)?)
    }
}

fn socket_folder(folder: &std::path::Path) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with("jackin.sock") {
            return Ok(Some(folder.to_owned()));
        }
        let is_folder = std::fs::symlink_metadata(&path)?.is_dir();
        if let Some(found) = is_folder.then(|| socket_folder(&path)).transpose()?.flatten() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[test]
fn a_terminal_through_the_engine_is_like_one_at_the_socket() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.window("one")?;
    window.enter("jackin attach desk-one --via exec")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("echo typed $((40 + 2)); stty size")?;
    window.wait_for("\ntyped 42\n30 100\n")?;
    window.resize(83, 21)?;
    window.enter("until [ \"$(stty size)\" = '21 83' ]; do sleep 0.05; done; echo resized $((40 + 2))")?;
    window.wait_for("\nresized 42\n")?;
    desk.detach(&window)?;
    desk.until_sessions("its place is free", |items| items[0]["attached"] == 0)?;
    window.enter("clear; jackin attach desk-one --via exec")?;
    window.wait_for("\nresized 42\n")?;
    window.enter("exit 7")?;
    window.wait_for("session ended with exit code 7")?;
    window.wait_for_prompt(HOST_PROMPT)?;
    Ok(())
}

#[test]
fn commands_through_the_engine_have_their_streams_and_codes() -> Result<()> {
    let desk = Desk::new()?;
    let run = |arguments: &[&str]| -> Result<(i32, String, String)> {
        let ran = desk.home.run(arguments)?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok((ran.status.code().unwrap_or(-1), text(&ran.stdout), text(&ran.stderr)))
    };
    let script = "echo out; echo err >&2; head -c 500000 /dev/zero | tr '\\0' x; exit 42";
    let (code, out, err) = run(&["exec", "desk-one", "--via", "exec", "--", "sh", "-c", script])?;
    assert_eq!((code, out.len(), err.as_str()), (42, 500_004, "err\n"));
    desk.home.must(&["send", "desk-one", "--via", "exec", "echo sent $((40 + 2))", "--enter"])?;
    desk.until_sessions("it is idle", |items| items[0]["state"] == "idle")?;
    let (code, out, _) = run(&["logs", "desk-one", "--via", "exec"])?;
    ensure!(code == 0 && out.contains("sent 42"), "{out}");
    Ok(())
}

#[test]
fn where_the_socket_is_out_of_reach_the_engine_is_gone_through_by_itself() -> Result<()> {
    let desk = Desk::new()?;
    let away = OutOfReach::of(&desk)?;
    let refused = desk.home.run(&["exec", "desk-one", "--via", "socket", "--", "true"])?;
    assert_eq!(refused.status.code(), Some(1));
    let code = desk.home.run(&["exec", "desk-one", "--", "sh", "-c", "exit 42"])?;
    assert_eq!((code.status.code(), code.stderr.as_slice()), (Some(42), &b""[..]), "and says nothing of it");
    let verbose = desk.home.run(&["-v", "exec", "desk-one", "--", "true"])?;
    let told = String::from_utf8_lossy(&verbose.stderr).into_owned();
    assert_eq!(told.matches("going through the engine").count(), 1, "{told}");
    let window = desk.window("one")?;
    window.enter("jackin attach desk-one")?;
    window.wait_for_prompt(PROMPT)?;
    window.enter("echo through $((40 + 2))")?;
    window.wait_for("\nthrough 42\n")?;

    // The controller goes the same way: it sees the session that was started, and repairs nothing.
    let container = desk.inside("cut -d' ' -f22 /proc/1/stat")?;
    desk.home.must(&["sessions", "new", "desk-one", "--name", "second"])?;
    desk.until_status("it sees both sessions", |status| status["sessions"].as_array().map(Vec::len) == Some(2))?;
    desk.home.must(&["wait", "instance/desk-one", "--for=condition=Ready"])?;
    away.put_back()?;
    assert_eq!(desk.inside("cut -d' ' -f22 /proc/1/stat")?, container);
    window.enter("echo still $((40 + 2))")?;
    window.wait_for("\nstill 42\n")?;
    Ok(())
}
