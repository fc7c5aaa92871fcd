//! A hostile container: what lies in the socket's place, what comes out of it, and what of it reaches the host.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use jackin_api::wire::{
    Attach, AttachMode, Attached, DATA_CHUNK, Event, Exec, Exit, Frame, FrameKind, HEADER_BYTES, Hello, MAX_PAYLOAD,
    Output, PROTOCOL, Reply, Request, Session, Size,
};
use jackin_daemon::capsule::{CapsuleClient, CapsuleError, StreamItem, StreamReader};
use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "jackin.sock";

/// A capsule that says what it is told to, in pieces of this many bytes, and never reads an answer.
fn says(pieces: Vec<Vec<u8>>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join(NAME)).expect("bound");
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(speak(stream, pieces.clone()));
        }
    });
    folder
}

async fn speak(mut stream: UnixStream, pieces: Vec<Vec<u8>>) {
    for piece in pieces {
        // The client may have heard enough.
        if stream.write_all(&piece).await.is_err() {
            return;
        }
    }
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// One that floods with the same bytes for as long as it is heard.
fn floods(first: Vec<u8>, flood: Vec<u8>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join(NAME)).expect("bound");
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let (first, flood) = (first.clone(), flood.clone());
            tokio::spawn(async move {
                let mut goes_on = stream.write_all(&first).await.is_ok();
                while goes_on {
                    goes_on = stream.write_all(&flood).await.is_ok();
                }
            });
        }
    });
    folder
}

fn bytes(frame: &Frame) -> Vec<u8> {
    frame.encode().expect("a frame")
}

fn hello() -> Vec<u8> {
    bytes(&Frame::Hello(Hello { protocol: PROTOCOL, version: "0".to_owned() }))
}

fn attached() -> Vec<u8> {
    let session = serde_json::json!({"id": "s-1", "name": "main", "pid": 1});
    let session: Session = serde_json::from_value(session).expect("a session");
    bytes(&Frame::Reply(Reply::Attached(Attached { session, mode: AttachMode::Write })))
}

async fn client(folder: &Path) -> CapsuleClient {
    CapsuleClient::connect(folder, NAME, None).await.expect("greeted")
}

async fn look(folder: &Path) -> StreamReader {
    client(folder).await.attach(Attach::default()).await.expect("attached").1
}

/// Resident memory of this process, in kilobytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn whatever_lies_in_the_sockets_place_is_neither_followed_nor_opened() {
    let host = tempfile::tempdir().expect("a folder");
    let secret = host.path().join("secret.sock");
    let listener = std::os::unix::net::UnixListener::bind(&secret).expect("a socket of the host");
    listener.set_nonblocking(true).expect("set");
    let file = host.path().join("file");
    std::fs::write(&file, "of the host").expect("a file");

    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    symlink(&secret, at("link-to-socket")).expect("a link");
    symlink(&file, at("link-to-file")).expect("a link");
    symlink(host.path(), at("link-to-folder")).expect("a link");
    symlink(at("turning"), at("turning")).expect("a link");
    std::fs::create_dir(at("folder")).expect("a folder");
    std::fs::write(at("file"), "").expect("a file");
    // Opening one to read would wait for somebody who writes.
    rustix::fs::mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a fifo");

    for name in ["link-to-socket", "link-to-file", "link-to-folder", "turning", "folder", "file", "fifo"] {
        let refused = CapsuleClient::connect(folder.path(), name, None).await.expect_err("refused");
        assert!(matches!(refused, CapsuleError::NotASocket { .. }), "{name}: {refused:?}");
    }
    for name in ["link-to-folder/secret.sock", "../secret.sock", ".."] {
        let refused = CapsuleClient::connect(folder.path(), name, None).await.expect_err("refused");
        assert!(matches!(refused, CapsuleError::Open { .. }), "{name}: {refused:?}");
    }
    let through = at("link-to-folder");
    let refused = CapsuleClient::connect(&through, "secret.sock", None).await.expect_err("refused");
    assert!(matches!(refused, CapsuleError::Open { .. }), "{refused:?}");
    let heard = listener.accept().expect_err("nobody came");
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "of the host");
}

#[tokio::test]
async fn a_flood_of_frames_that_nobody_knows_is_an_error_in_time_and_no_memory() {
    let unknown =
        [&u32::try_from(MAX_PAYLOAD).expect("fits").to_be_bytes()[..], &[200], &vec![0; MAX_PAYLOAD]].concat();
    let folder = floods(hello(), unknown);
    let mut client = client(folder.path()).await.with_timeout(Duration::from_millis(500));
    let before = memory();
    assert!(matches!(client.status().await, Err(CapsuleError::TimedOut { what: "status", .. })));
    assert!(memory() < before + 32 * 1024, "{} kB after {before}", memory());
}

#[tokio::test]
async fn a_flood_of_output_is_read_frame_by_frame_and_no_memory() {
    let folder = floods([hello(), attached()].concat(), Frame::data(FrameKind::Output, &vec![b'y'; MAX_PAYLOAD]));
    let mut reader = look(folder.path()).await;
    let before = memory();
    for _ in 0..200 {
        let Some(StreamItem::Output(bytes)) = reader.next().await.expect("a stream") else { panic!("no output") };
        assert_eq!(bytes.len(), MAX_PAYLOAD);
    }
    assert!(memory() < before + 32 * 1024, "{} kB after {before}", memory());
}

#[tokio::test]
async fn a_length_that_lies_ends_the_stream_and_one_that_promises_more_waits_without_memory() {
    let oversize = [0xff, 0xff, 0xff, 0xff, FrameKind::Output as u8];
    let folder = says(vec![hello(), attached(), oversize.to_vec()]);
    let mut reader = look(folder.path()).await;
    assert!(matches!(reader.next().await, Err(CapsuleError::Decode(_))));
    assert!(matches!(reader.next().await, Err(CapsuleError::Decode(_))), "an error is final");

    let mut promise = u32::try_from(MAX_PAYLOAD).expect("fits").to_be_bytes().to_vec();
    promise.extend([FrameKind::Reply as u8, b'{']);
    assert!(promise.len() > HEADER_BYTES);
    let folder = says(vec![hello(), promise]);
    let mut client = client(folder.path()).await.with_timeout(Duration::from_millis(50));
    assert!(matches!(client.status().await, Err(CapsuleError::TimedOut { .. })));
}

#[tokio::test]
async fn frames_in_the_wrong_state_are_an_error_before_the_reply_and_nothing_after_it() {
    for wrong in [
        Frame::Paint(b"paint".to_vec()),
        Frame::Output(b"output".to_vec()),
        Frame::Event(Event::TakenOver),
        Frame::Hello(Hello { protocol: PROTOCOL, version: "again".to_owned() }),
        Frame::Request(Request::Status),
        Frame::Reply(Reply::Done),
    ] {
        let folder = says(vec![hello(), bytes(&wrong)]);
        let refused = client(folder.path()).await.attach(Attach::default()).await.expect_err("refused");
        assert!(matches!(refused, CapsuleError::UnexpectedReply { request: "attach" }), "{wrong:?}: {refused:?}");
    }
    let folder = says(vec![
        hello(),
        attached(),
        bytes(&Frame::Request(Request::Status)),
        bytes(&Frame::Input(b"typed from inside".to_vec())),
        bytes(&Frame::Reply(Reply::Done)),
        bytes(&Frame::Event(Event::Resized { size: Size { rows: 0, cols: u16::MAX } })),
        bytes(&Frame::Event(Event::Ended { exit: Some(Exit::with_code(3)) })),
    ]);
    let mut reader = look(folder.path()).await;
    let size = Size { rows: 1, cols: Size::MAX };
    assert_eq!(reader.next().await.expect("a stream"), Some(StreamItem::Resized(size)));
    assert_eq!(reader.next().await.expect("a stream"), Some(StreamItem::Ended(Some(Exit::with_code(3)))));
}

#[tokio::test]
async fn a_greeting_that_never_ends_or_is_none_is_an_error() {
    let folder = says(vec![bytes(&Frame::Output(vec![b'x'; DATA_CHUNK]))]);
    let refused = CapsuleClient::connect(folder.path(), NAME, None).await.expect_err("refused");
    assert!(matches!(refused, CapsuleError::UnexpectedReply { request: "hello" }), "{refused:?}");
    let refused = says(vec![b"HTTP/1.1 400 Bad Request\r\n".to_vec()]);
    let refused = CapsuleClient::connect(refused.path(), NAME, None).await.expect_err("refused");
    assert!(matches!(refused, CapsuleError::Decode(_)), "{refused:?}");
}

/// All that a stream shows until its end.
async fn shown(mut reader: StreamReader) -> String {
    let mut shown = Vec::new();
    loop {
        match reader.next().await.expect("a stream") {
            Some(StreamItem::Paint(bytes) | StreamItem::Output(bytes)) => shown.extend(bytes),
            Some(StreamItem::Ended(_)) | None => return String::from_utf8_lossy(&shown).into_owned(),
            Some(other) => panic!("unexpected: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_clipboard_is_out_of_reach_however_the_command_is_cut_into_frames() {
    let stream = b"before \x1b]52;c;c2VjcmV0\x07\x1b[1mafter\x1b]52;p;?\x1b\\ the end";
    for cut in 0..stream.len() {
        let (first, second) = stream.split_at(cut);
        let ended = bytes(&Frame::Event(Event::Ended { exit: None }));
        let output = [Frame::data(FrameKind::Paint, first), Frame::data(FrameKind::Output, second), ended].concat();
        let folder = says(vec![hello(), attached(), output]);
        let text = shown(look(folder.path()).await).await;
        assert_eq!(text, "before \x1b\\\x1b[1mafter\x1b\\ the end", "cut at {cut}");
    }
}

#[tokio::test]
async fn the_clipboard_is_reached_where_it_is_allowed_and_by_bytes_between_pipes() {
    let command = "\x1b]52;c;c2VjcmV0\x07";
    let output = Frame::data(FrameKind::Output, command.as_bytes());
    let ended = bytes(&Frame::Event(Event::Ended { exit: None }));
    let folder = says(vec![hello(), attached(), output.clone(), ended.clone()]);
    assert_eq!(shown(look(folder.path()).await.allow_clipboard()).await, command);

    let started = bytes(&Frame::Reply(Reply::Started { pid: 7 }));
    let exec = |tty| Exec { argv: vec!["x".to_owned()], tty, ..Exec::default() };
    let folder = says(vec![hello(), started, output.clone(), ended.clone()]);
    let (pipes, _writer) = client(folder.path()).await.exec(exec(None)).await.expect("started");
    assert_eq!(shown(pipes).await, command);
    let (terminal, _writer) = client(folder.path()).await.exec(exec(Some(Size::default()))).await.expect("started");
    assert_eq!(shown(terminal).await, "\x1b\\");

    let folder = says(vec![hello(), bytes(&Frame::Reply(Reply::Done)), output, ended]);
    let logs = Output { session: None, follow: false, tail: None };
    assert_eq!(shown(client(folder.path()).await.output(logs).await.expect("output")).await, "\x1b\\");
}
