//! A capsule of the first release, as it was recorded, and the program of today.
//!
//! Containers outlive upgrades: their capsule is as old as they are. Here a controller answers only where the capsule is, and the
//! capsule only what its recording has; to everything else it says that it does not know the request.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use axum::routing::get;
use axum::{Json, Router};
use jackin_api::wire::{Decoder, FrameKind, RawFrame};
use serde_json::{Value, json};

use super::sandbox::Sandbox;

const RECORDING: &str = include_str!("../../../capsule/tests/conversations/first.txt");

/// One line of the recording.
struct Said {
    connection: &'static str,
    by_client: bool,
    kind: u8,
    payload: Vec<u8>,
}

fn recorded() -> Vec<Said> {
    let said = |line: &'static str| {
        let fields: Vec<_> = line.splitn(4, ' ').collect();
        let [connection, speaker, kind, payload] = fields[..] else { panic!("not four fields: {line}") };
        let kind = kind.parse().expect("a number");
        Said { connection, by_client: speaker == ">", kind, payload: unescaped(payload) }
    };
    RECORDING.lines().filter(|line| !line.starts_with('#')).map(said).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = if byte == b'\\' { rest.next() } else { None };
        bytes.push(match escaped {
            None => byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            Some(other) => other,
        });
    }
    bytes
}

/// Answers one client out of the recording.
fn serve(mut stream: UnixStream, recorded: &[Said]) {
    let mut reading = stream.try_clone().expect("cloned");
    let mut send = |kind: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("short");
        // A client may leave at any time.
        let _ = stream.write_all(&[&length.to_be_bytes()[..], &[kind], payload].concat());
    };
    send(FrameKind::Hello as u8, br#"{"protocol":1,"version":"0.1.0"}"#);
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 65536];
    // What is to be said and heard on this connection.
    let mut rest: Vec<&Said> = Vec::new();
    while let Ok(count @ 1..) = reading.read(&mut buffer) {
        decoder.push(&buffer[..count]);
        while let Some(RawFrame { kind, payload }) = decoder.next_frame().expect("frames") {
            if kind == FrameKind::Request as u8 {
                let Some(place) = recorded.iter().position(|said| said.by_client && is_same(said, &payload)) else {
                    let refusal = br#"{"kind":"error","code":"unknown-request","message":"this capsule does not know the request"}"#;
                    send(FrameKind::Reply as u8, refusal);
                    continue;
                };
                let here = recorded[place].connection;
                let follows = |said: &&Said| said.connection == here && said.kind != FrameKind::Hello as u8;
                rest = recorded[place + 1..].iter().rev().filter(follows).collect();
            } else if rest.last().is_some_and(|next| next.by_client && next.kind == kind) {
                rest.pop();
            } else {
                continue;
            }
            while let Some(said) = rest.pop_if(|next| !next.by_client) {
                send(said.kind, &said.payload);
            }
        }
    }
}

/// Whether a recorded frame is the same sort of request.
fn is_same(said: &Said, payload: &[u8]) -> bool {
    let kind = |payload: &[u8]| serde_json::from_slice::<Value>(payload).ok().map(|request| request["kind"].clone());
    said.kind == FrameKind::Request as u8 && kind(&said.payload) == kind(payload)
}

/// A sandbox whose one instance has a capsule of the first release.
fn with_a_former_capsule() -> Sandbox {
    let sandbox = Sandbox::new();
    let run = sandbox.path("state/run");
    let capsule = sandbox.path("capsule");
    for folder in [&run, &capsule] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let listener = UnixListener::bind(capsule.join("jackin.sock")).expect("bound");
    std::thread::spawn(move || {
        let recorded = recorded();
        listener.incoming().flatten().for_each(|stream| serve(stream, &recorded));
    });
    control(
        &run,
        json!({
            "directory": capsule, "socket": "jackin.sock",
            "session": { "name": "main", "agent": "shell", "argv": ["@shell"] },
        }),
    );
    sandbox
}

/// A controller that says where the capsule is, and nothing else.
fn control(run: &Path, answer: Value) {
    let listener = UnixListener::bind(run.join("jackin.sock")).expect("bound");
    listener.set_nonblocking(true).expect("set");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let path = "/jackin/v1/namespaces/default/instances/desk-one/connection";
        let router = Router::new().route(path, get(async move || Json(answer.clone())));
        runtime.block_on(async {
            let listener = tokio::net::UnixListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await
        })
    });
}

#[test]
fn its_sessions_are_listed_attached_to_and_read() {
    let sandbox = with_a_former_capsule();
    let sessions = sandbox.run(&["sessions", "desk-one", "-o", "name"]);
    assert_eq!(sessions, "$ jackin sessions desk-one -o name\nexit code 0\n", "the first status was of no session");
    let attached = sandbox.output(&["attach", "desk-one", "--session", "main"]);
    let shown = String::from_utf8_lossy(&attached.stdout).into_owned();
    assert!(shown.contains("first hello there") && shown.contains("got words"), "{shown:?}");
    assert_eq!(attached.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&attached.stderr), "session ended with exit code 7\n");
    let logs = sandbox.output(&["logs", "desk-one", "-f", "--tail", "2"]);
    assert_eq!((logs.stdout.as_slice(), logs.status.code()), (&b"words\r\ngot words\r\n"[..], Some(0)));
    let captured = sandbox.run(&["capture", "desk-one"]);
    assert_eq!(captured, "$ jackin capture desk-one\nfirst hello there\nwords\ngot words\nexit code 0\n");
}

#[test]
fn commands_run_in_it_with_their_streams_and_exit_codes() {
    let sandbox = with_a_former_capsule();
    let arguments = ["exec", "-i", "desk-one", "--", "sh", "-c", "cat; echo err >&2; exit 3"];
    let told = sandbox.run_with_input(&arguments, "through the pipe");
    assert!(told.ends_with("\nthrough the pipeerr\nexit code 3\n"), "{told}");
}

#[test]
fn a_session_of_it_is_recorded_without_news_of_sizes() {
    let sandbox = with_a_former_capsule();
    let told = sandbox.run(&["record", "desk-one", "-o", "it.cast"]);
    assert!(told.contains("the session ended with exit code 7") && told.ends_with("exit code 0\n"), "{told}");
    let cast = std::fs::read_to_string(sandbox.path("it.cast")).expect("a file");
    assert!(cast.starts_with("{") && cast.contains("first hello there") && cast.contains("got words"), "{cast}");
}

#[test]
fn what_it_cannot_do_yet_is_refused_with_what_to_do() {
    let sandbox = with_a_former_capsule();
    for arguments in [&["send", "desk-one", "text"][..], &["sessions", "rename", "desk-one", "main", "other"]] {
        let told = sandbox.run(arguments);
        assert!(told.contains("error: the instance's capsule is of an older jackin"), "{told}");
        assert!(
            told.contains("hint: `jackin restart --recreate desk-one`") && told.ends_with("exit code 1\n"),
            "{told}"
        );
    }
}

#[test]
fn a_capture_replaces_a_file_only_when_told_to() {
    let sandbox = with_a_former_capsule();
    let capture = ["capture", "desk-one", "-o", "screen.txt"];
    assert!(sandbox.run(&capture).ends_with("exit code 0\n"));
    let sandbox = sandbox.with("screen.txt", "mine");
    let told = sandbox.run(&capture);
    assert!(told.contains("error: `screen.txt` is there already\nhint: ") && told.ends_with("exit code 5\n"), "{told}");
    let kept = || std::fs::read_to_string(sandbox.path("screen.txt")).expect("a file");
    assert_eq!(kept(), "mine");
    assert!(sandbox.run(&[&capture[..], &["--overwrite"]].concat()).ends_with("exit code 0\n"));
    assert!(kept().starts_with("first hello there\n"), "{}", kept());
}
