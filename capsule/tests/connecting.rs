//! `jackin-capsule connect`: the socket on standard input and output.

mod support;

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use jackin_api::wire::{Decoder, Frame, Hello, PROTOCOL, Reply, Request};
use support::Capsule;

fn connect(socket: &std::path::Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_jackin-capsule"))
        .args(["connect", "--socket"])
        .arg(socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

#[test]
fn what_is_asked_through_it_is_answered_and_it_ends_with_its_client() {
    let capsule = Capsule::start();
    capsule.shell("main");
    let mut through = connect(&capsule.socket());
    let mut questions = through.stdin.take().expect("a pipe");
    let hello = Frame::Hello(Hello { protocol: PROTOCOL, version: "test".to_owned() });
    for frame in [hello, Frame::Request(Request::Status)] {
        questions.write_all(&frame.encode().expect("a frame")).expect("asked");
    }
    // Who has no more to ask is still answered.
    drop(questions);
    let output = through.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut decoder = Decoder::default();
    decoder.push(&output.stdout);
    let mut next = || Frame::parse(decoder.next_frame().expect("frames").expect("a frame")).expect("understood");
    assert!(matches!(next(), Frame::Hello(_)));
    let Frame::Reply(Reply::Status(status)) = next() else { panic!("not a status") };
    assert_eq!(status.sessions.len(), 1);
}

#[test]
fn where_nobody_serves_it_says_so_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut through = connect(&folder.path().join("none.sock"));
    let mut said = String::new();
    through.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(through.wait().expect("it ends").code(), Some(1));
    assert!(said.starts_with("error: connect to ") && said.contains("none.sock"), "{said}");
}
