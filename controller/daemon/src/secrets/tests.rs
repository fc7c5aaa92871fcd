use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;

use super::*;

fn policy() -> Policy {
    Policy {
        allow_commands: true,
        timeout: Duration::from_secs(20),
        one_password: "/nonexistent/op".to_owned(),
        github: "/nonexistent/gh".to_owned(),
        environment: |name| (name == "TOKEN").then(|| "t0ken\n".to_owned()),
    }
}

fn sources<const N: usize>(references: [(&str, &str); N]) -> BTreeMap<String, ValueSource> {
    let source = |from: &str| ValueSource { value: None, from: Some(Reference(from.to_owned())) };
    references.map(|(variable, from)| (variable.to_owned(), source(from))).into()
}

async fn values<const N: usize>(references: [(&str, &str); N], policy: &Policy) -> Vec<(String, String)> {
    let resolution = resolve(&sources(references), policy).await.unwrap();
    let exposed = resolution.values.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    exposed.collect()
}

async fn failure(reference: &str, policy: &Policy) -> ReferenceFailure {
    resolve(&sources([("X", reference)]), policy).await.unwrap_err().remove(0)
}

#[tokio::test]
async fn each_scheme_gives_its_value_without_the_last_line_break() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "two\nlines\r\n").unwrap();
    let written = folder.path().join("op.new");
    std::fs::write(&written, "#!/bin/sh\nprintf '%s' \"$*\"\n").unwrap();
    std::fs::set_permissions(&written, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Written by another process: a file that a test beside this one may hold open for writing could not be run.
    let op = folder.path().join("op");
    let copied = std::process::Command::new("cp").arg("-p").args([&written, &op]).status();
    assert!(copied.unwrap().success());
    let policy = Policy { one_password: op.to_str().unwrap().to_owned(), ..policy() };
    let file = format!("file://{}", file.display());
    let references = [("C", "cmd://echo a; echo b"), ("E", "env://TOKEN"), ("F", file.as_str()), ("O", "op://v/i/f")];
    let expected = [("C", "a\nb"), ("E", "t0ken\n"), ("F", "two\nlines"), ("O", "read --no-newline op://v/i/f")];
    assert_eq!(values(references, &policy).await, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn every_failure_is_told_with_its_variable() {
    let references = [("A", "env://NONE"), ("B", "env://TOKEN"), ("C", "file:///nonexistent"), ("D", "op://v/i/f")];
    let failures = resolve(&sources(references), &policy()).await.unwrap_err();
    let variables: Vec<_> = failures.iter().map(|failure| failure.variable.as_str()).collect();
    assert_eq!(variables, ["A", "C", "D"]);
    assert!(failures[0].hint.as_ref().unwrap().contains("NONE=… jackin controller start"));
}

#[tokio::test]
async fn commands_run_only_where_they_are_enabled() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let reference = format!("cmd://touch {}", mark.display());
    let failure = failure(&reference, &Policy { allow_commands: false, ..policy() }).await;
    assert!(failure.hint.unwrap().contains("JACKIN_ALLOW_CMD_REFERENCES=1"));
    assert!(!mark.exists());
}

#[tokio::test]
async fn no_value_is_in_an_error_or_in_debug_output() {
    let failure = failure("cmd://echo s3cret; echo s3cret >&2; exit 3", &policy()).await;
    let text = format!("{failure} {failure:?}").replace(&failure.reference.0, "");
    assert!(!text.contains("s3cret") && text.contains("exit status: 3"), "{text}");
    let resolution = resolve(&sources([("E", "env://TOKEN")]), &policy()).await.unwrap();
    assert!(!format!("{resolution:?}").contains("t0ken"));
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    // The grandchild holds the pipe open for writing: reading ends only when it is gone.
    let reference = format!("cmd://(exec sleep 600) 3>{0} & exec 3>{0}; wait", pipe.display());
    let reader = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    let failure = failure(&reference, &Policy { timeout: Duration::from_millis(500), ..policy() }).await;
    assert!(failure.reason.contains("longer"), "{failure}");
    tokio::time::timeout(Duration::from_secs(20), reader).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn references_are_read_at_the_same_time_and_shared_ones_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for pipe in ["one", "two"] {
        rustix::fs::mknodat(rustix::fs::CWD, at(pipe), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    }
    // Each waits for the other; and a second run of the first would wait for nobody.
    let (one, two) = (
        format!("cmd://echo a >{}; cat {}", at("one"), at("two")),
        format!("cmd://cat {}; echo b >{}", at("one"), at("two")),
    );
    let references = [("A", one.as_str()), ("B", two.as_str()), ("C", one.as_str())];
    let expected = [("A", "b"), ("B", "a"), ("C", "b")];
    assert_eq!(values(references, &policy()).await, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_value_that_cannot_be_a_variable_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let reference = format!("file://{}", path.display());
    for (content, words) in
        [(vec![b'x'; VALUE_BYTES + 1], "64 KiB"), (vec![0xff], "UTF-8"), (b"a\0b".to_vec(), "zero byte")]
    {
        std::fs::write(&path, content).unwrap();
        let failure = failure(&reference, &policy()).await;
        assert!(failure.reason.contains(words), "{failure}");
    }
    std::fs::write(&path, vec![b'x'; VALUE_BYTES]).unwrap();
    assert_eq!(values([("X", reference.as_str())], &policy()).await[0].1.len(), VALUE_BYTES);
    assert!(failure("file:///dev/zero", &policy()).await.reason.contains("regular"));
}
