//! The client of capsules, against the real capsule and against impostors.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use jackin_api::wire::{
    Attach, AttachMode, Capture, CaptureFormat, ErrorCode, Exec, Exit, Frame, Hello, Hook, HookRun, Millis, Notice,
    Output, PROTOCOL, Personalise, Reply, ReplyError, Session, SessionState, Size, Spawn, Status,
};
use jackin_daemon::capsule::{CapsuleClient, CapsuleError, Peer, StreamItem, StreamReader};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

const NAME: &str = "jackin.sock";

/// The capsule's program, built from the sources as they are.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = std::env::current_exe().expect("our own path");
        let (profile, target) = (own.ancestors().nth(2).expect("a folder"), own.ancestors().nth(4).expect("a folder"));
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "jackin-capsule"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CARGO_TARGET_DIR", target)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the capsule does not build");
        profile.join("jackin-capsule")
    })
}

struct Capsule {
    folder: TempDir,
    process: Child,
}

impl Capsule {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder")).await
    }

    async fn start_in(folder: TempDir) -> Self {
        // Relative, as the folder may have a longer name than a socket's address holds.
        let process = Command::new(program())
            .current_dir(folder.path())
            .args(["--socket", NAME, "--stop-timeout", "1"])
            .stderr(Stdio::null())
            .spawn()
            .expect("the capsule starts");
        let capsule = Self { folder, process };
        while let Err(error) = CapsuleClient::connect(capsule.path(), NAME, None).await {
            assert!(error.is_absent(), "{error:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        capsule
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn client(&self) -> CapsuleClient {
        CapsuleClient::connect(self.path(), NAME, Some(self.process.id())).await.expect("connected")
    }
}

impl Drop for Capsule {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

fn shell() -> Spawn {
    let env = [("PS1", "> ")].into_iter().collect();
    Spawn { name: "main".to_owned(), argv: vec!["/bin/sh".to_owned()], env, ..Spawn::default() }
}

/// Reads until this was shown.
async fn see(reader: &mut StreamReader, wanted: &str) {
    let mut shown = String::new();
    while !shown.contains(wanted) {
        match reader.next().await.expect("a stream") {
            Some(StreamItem::Paint(bytes) | StreamItem::Output(bytes)) => {
                shown.push_str(&String::from_utf8_lossy(&bytes));
            }
            Some(StreamItem::Resized(_)) => {}
            other => panic!("{other:?} instead of {wanted:?}; shown: {shown:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_is_started_attached_resized_left_and_found_again() {
    let capsule = Capsule::start().await;
    let mut client = capsule.client().await;
    assert_eq!(client.hello().protocol, PROTOCOL);
    let env = [("GREETING", "hello there")].into_iter().collect();
    let personalise = Personalise { digest: "d1".to_owned(), env, ..Personalise::default() };
    client.personalise(personalise).await.expect("personalised");
    assert_eq!(client.status().await.expect("a status").environment_digest.as_deref(), Some("d1"));
    assert!(client.spawn(shell()).await.expect("spawned").created);
    assert!(!client.spawn(shell()).await.expect("found").created);

    let attach = Attach { size: Some(Size { rows: 30, cols: 90 }), terminal: true, ..Attach::default() };
    let (attached, mut reader, mut writer) = client.attach(attach.clone()).await.expect("attached");
    assert_eq!((attached.mode, attached.session.name.as_str()), (AttachMode::Write, "main"));
    writer.input(b"echo \"$GREETING\"; stty size\r").await.expect("typed");
    see(&mut reader, "hello there\r\n30 90").await;
    writer.resize(Size { rows: 40, cols: 120 }).await.expect("resized");
    writer.input(b"stty size\r").await.expect("typed");
    see(&mut reader, "40 120").await;
    writer.detach().await.expect("detached");
    // The prompt may have been on its way.
    while let Some(item) = reader.next().await.expect("a clean end") {
        assert!(matches!(item, StreamItem::Output(_) | StreamItem::Resized(_)), "{item:?}");
    }

    let (_, mut again, mut writer) = capsule.client().await.attach(attach).await.expect("attached again");
    see(&mut again, "40 120").await;
    writer.input(b"exit 6\r").await.expect("typed");
    loop {
        if let StreamItem::Ended(exit) = again.next().await.expect("a stream").expect("an end") {
            break assert_eq!(exit, Some(Exit::with_code(6)));
        }
    }
    let capture = Capture { session: Some("main".to_owned()), format: CaptureFormat::Text, ..Capture::default() };
    let screen = capsule.client().await.capture(capture).await.expect("captured").contents;
    assert!(screen.contains("hello there"), "{screen}");
    let output = Output { session: Some("main".to_owned()), follow: true, tail: None };
    let mut kept = capsule.client().await.output(output).await.expect("output");
    see(&mut kept, "40 120").await;
}

#[tokio::test]
async fn notices_tell_what_happens_after_the_status_they_came_with() {
    let capsule = Capsule::start().await;
    let (before, mut notices) = capsule.client().await.subscribe().await.expect("subscribed");
    assert_eq!(before.sessions, []);
    capsule.client().await.personalise(Personalise::default()).await.expect("personalised");
    let script = ["/bin/sh", "-c", "exit 6"].map(str::to_owned).to_vec();
    capsule.client().await.spawn(Spawn { argv: script, ..shell() }).await.expect("spawned");
    let mut heard = Vec::new();
    while heard.last() != Some(&"exited") {
        heard.push(match notices.next().await.expect("notices").expect("a notice") {
            Notice::Personalised { .. } => "personalised",
            Notice::SessionStarted { .. } => "started",
            Notice::SessionExited { exit, .. } if exit == Exit::with_code(6) => "exited",
            _ => continue,
        });
    }
    assert_eq!(heard, ["personalised", "started", "exited"]);
}

#[tokio::test]
async fn a_command_gives_its_outputs_and_its_code_and_a_missing_one_its_reason() {
    let capsule = Capsule::start().await;
    let argv = ["/bin/sh", "-c", "cat; echo err >&2; exit 3"].map(str::to_owned).to_vec();
    let (mut reader, mut writer) =
        capsule.client().await.exec(Exec { argv, ..Exec::default() }).await.expect("started");
    writer.input(b"through the pipe").await.expect("sent");
    writer.end_of_input().await.expect("ended");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = loop {
        match reader.next().await.expect("a stream").expect("an end") {
            StreamItem::Output(bytes) => out.extend(bytes),
            StreamItem::ErrorOutput(bytes) => err.extend(bytes),
            StreamItem::Ended(exit) => break exit,
            other => panic!("unexpected: {other:?}"),
        }
    };
    assert_eq!(out, b"through the pipe");
    assert_eq!((err.as_slice(), exit), (&b"err\n"[..], Some(Exit::with_code(3))));
    let missing = Exec { argv: vec!["no-such-program".to_owned()], ..Exec::default() };
    let refused = capsule.client().await.exec(missing).await.expect_err("refused");
    assert_eq!(refused.code(), Some(ErrorCode::ProgramNotFound));
}

#[tokio::test]
async fn a_folder_with_a_name_longer_than_a_sockets_address_is_reached() {
    let parent = tempfile::tempdir().expect("a folder");
    let deep = parent.path().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(&deep).expect("a folder");
    let capsule = Capsule::start_in(tempfile::tempdir_in(&deep).expect("a folder")).await;
    assert!(capsule.client().await.status().await.is_ok());
}

#[tokio::test]
async fn links_files_and_strangers_in_the_sockets_place_are_refused() {
    let capsule = Capsule::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    symlink(capsule.path().join(NAME), folder.path().join("link")).expect("a link");
    symlink(capsule.path(), folder.path().join("folder")).expect("a link");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let connect =
        async |directory: &Path, name: &str| CapsuleClient::connect(directory, name, None).await.expect_err("refused");
    assert!(matches!(connect(folder.path(), "link").await, CapsuleError::NotASocket { .. }));
    assert!(matches!(connect(folder.path(), "file").await, CapsuleError::NotASocket { .. }));
    assert!(matches!(connect(&folder.path().join("folder"), NAME).await, CapsuleError::Open { .. }));
    assert!(matches!(connect(folder.path(), "folder/jackin.sock").await, CapsuleError::Open { .. }));

    let other = CapsuleClient::connect(capsule.path(), NAME, Some(1)).await.expect_err("refused");
    assert!(matches!(other, CapsuleError::WrongPeer { what: "process id", expected: 1, .. }), "{other:?}");
    let peer = Peer { pid: None, uid: Some(4_000_000) };
    let other = CapsuleClient::connect_to(capsule.path(), NAME, peer).await.expect_err("refused");
    assert!(matches!(other, CapsuleError::WrongPeer { what: "user id", expected: 4_000_000, .. }), "{other:?}");
}

#[tokio::test]
async fn a_capsule_that_is_not_there_is_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = CapsuleClient::connect(folder.path(), NAME, None).await.expect_err("absent");
    assert!(nothing.is_absent(), "{nothing:?}");
    drop(UnixListener::bind(folder.path().join(NAME)).expect("bound"));
    let left_behind = CapsuleClient::connect(folder.path(), NAME, None).await.expect_err("absent");
    assert!(left_behind.is_absent(), "{left_behind:?}");
}

/// Accepts one client and says this to it, whatever it says.
fn impostor(words: Vec<u8>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join(NAME)).expect("bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        // The client may leave in the middle of it.
        let _ = stream.write_all(&words).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    folder
}

fn hello() -> Vec<u8> {
    Frame::Hello(Hello { protocol: PROTOCOL, version: "0".to_owned() }).encode().expect("a frame")
}

async fn greeted(words: &[u8]) -> (TempDir, CapsuleClient) {
    let folder = impostor([&hello(), words].concat());
    let client = CapsuleClient::connect(folder.path(), NAME, None).await.expect("greeted");
    (folder, client)
}

#[tokio::test]
async fn lying_lengths_and_rubbish_are_errors() {
    let (_folder, mut client) = greeted(&[0xff, 0xff, 0xff, 0xff, 3]).await;
    assert!(matches!(client.status().await, Err(CapsuleError::Decode(_))));
    let (_folder, mut client) = greeted(b"\0\0\0\x02\x03{]").await;
    assert!(matches!(client.status().await, Err(CapsuleError::Parse(_))));
    let (_folder, mut client) = greeted(&Frame::Reply(Reply::Unknown).encode().expect("a frame")).await;
    assert!(matches!(client.status().await, Err(CapsuleError::UnexpectedReply { request: "status" })));
}

/// All that an error says, with what caused it.
fn told(error: &CapsuleError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_refusal_comes_without_control_characters_whether_of_the_greeting_or_of_a_request() {
    let message = "no\x1b]52;c;AAAA\x07\x1b[2J".to_owned();
    let refusal = Frame::Reply(Reply::Error(ReplyError { code: ErrorCode::TooMany, message }));
    let refusal = refusal.encode().expect("a frame");
    let folder = impostor(refusal.clone());
    let greeting = CapsuleClient::connect(folder.path(), NAME, None).await.expect_err("refused");
    let (_folder, mut client) = greeted(&refusal).await;
    let request = client.status().await.expect_err("refused");
    for error in [greeting, request] {
        assert_eq!(error.code(), Some(ErrorCode::TooMany));
        assert!(told(&error).contains("no\u{fffd}]52;c;AAAA"), "{:?}", told(&error));
        assert!(!told(&error).contains(char::is_control), "{:?}", told(&error));
    }
}

#[tokio::test]
async fn silence_is_an_error_in_time_and_ends_the_connections_use() {
    let (_folder, client) = greeted(b"").await;
    let mut client = client.with_timeout(Duration::from_millis(20));
    assert!(matches!(client.status().await, Err(CapsuleError::TimedOut { what: "status", .. })));
    assert!(
        matches!(client.status().await, Err(CapsuleError::Closed)),
        "a late answer would be taken for another request's"
    );
}

#[tokio::test]
async fn words_from_inside_come_without_control_characters_and_bounded() {
    let session = Session {
        id: "s-1".to_owned(),
        name: "main".to_owned(),
        agent: String::new(),
        argv: vec!["x".to_owned(); 1000],
        pid: 1,
        state: SessionState::Idle,
        evidence: "\x1b[2J".to_owned(),
        state_since: None,
        exit: None,
        attached: 0,
        writer: false,
        created_at: Millis(0),
        last_output_at: None,
        size: Size::default(),
        title: "t".repeat(5000),
        preparing: false,
        failed_hook: None,
    };
    let version = "1\n2".to_owned();
    let run = HookRun {
        hook: Hook::Preflight,
        session: "s-1".to_owned(),
        started_at: Millis(0),
        duration_ms: Some(3),
        exit: None,
        error: None,
        output: "\x1b[2J\n".repeat(1000),
    };
    let status =
        Status { version, started_at: Millis(0), environment_digest: None, sessions: vec![session], hooks: vec![run] };
    let (_folder, mut client) = greeted(&Frame::Reply(Reply::Status(status)).encode().expect("a frame")).await;
    let status = client.status().await.expect("a status");
    assert_eq!(status.version, "1\u{fffd}2");
    let [session] = status.sessions.as_slice() else { panic!("not one session") };
    assert_eq!(status.hooks[0].output, ["\u{fffd}[2J"; HookRun::LINES].join("\n"));
    assert_eq!((session.evidence.as_str(), session.title.len(), session.argv.len()), ("\u{fffd}[2J", 256, 256));
}
