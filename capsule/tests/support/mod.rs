//! The real capsule as an ordinary process, and a blocking client for it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jackin_api::wire::{
    Attach, AttachMode, Attached, Capture, CaptureFormat, Control, DATA_CHUNK, Decoder, Event, Exec, Exit, Frame,
    FrameKind, Hello, PROTOCOL, Reply, ReplyError, Request, Session, Size, Spawn, Spawned, Status,
};
use tempfile::TempDir;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Capsule {
    pub(crate) folder: TempDir,
    pub(crate) process: Child,
}

impl Capsule {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one and waits until it says that it is ready.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let process = launch(&folder.path().join("jackin.sock"), arguments);
        Self { folder, process }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("jackin.sock")
    }

    pub(crate) fn client(&self) -> Client {
        let mut client = Client::raw(&self.socket());
        client.greet();
        client
    }

    pub(crate) fn status(&self) -> Status {
        self.client().status()
    }

    pub(crate) fn session(&self, name: &str) -> Session {
        self.status().sessions.into_iter().find(|session| session.name == name).expect("the session")
    }

    /// What a session's screen shows.
    pub(crate) fn screen(&self, name: &str) -> String {
        let capture = Capture { session: Some(name.to_owned()), format: CaptureFormat::Text, ..Capture::default() };
        match self.client().ask(Request::Capture(capture)) {
            Reply::Captured(captured) => captured.contents,
            other => panic!("not captured: {other:?}"),
        }
    }

    /// A session of `sh` with a plain prompt.
    pub(crate) fn shell(&self, name: &str) -> Spawned {
        self.client().spawn(&shell(name))
    }

    pub(crate) fn attach(&self, name: &str) -> Client {
        let mut client = self.client();
        client.attach(&Attach { session: Some(name.to_owned()), terminal: true, ..Attach::default() });
        client
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(pid_of(self.process.id()), signal).expect("signalled");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("waited") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the capsule does not end");
            pause();
        }
    }

    /// The processes that have the capsule as their parent.
    pub(crate) fn children(&self) -> Vec<u32> {
        let pid = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("children");
        children.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
    }

    /// The most memory that was resident, in kilobytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory_line("VmHWM:")
    }

    /// Resident memory in kilobytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory_line("VmRSS:")
    }

    fn memory_line(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Capsule {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            // It takes its sessions with it within the stop timeout.
            self.signal(rustix::process::Signal::TERM);
            let _ = self.process.wait();
        }
    }
}

pub(crate) fn launch(socket: &Path, arguments: &[&str]) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_jackin-capsule"))
        .arg("--socket")
        .arg(socket)
        .args(["--stop-timeout", "1"])
        .args(arguments)
        .env("SHELL", "/bin/sh")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the capsule starts");
    let mut log = BufReader::new(process.stderr.take().expect("a log"));
    let mut line = String::new();
    while !line.contains("\"event\":\"ready\"") {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("a line"), 0, "the capsule ended before it was ready");
    }
    // The log is read to its end, or the capsule would drop lines.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    process
}

pub(crate) fn shell(name: &str) -> Spawn {
    Spawn {
        name: name.to_owned(),
        argv: vec!["/bin/sh".to_owned()],
        env: [("PS1", "> ")].into_iter().collect(),
        ..Spawn::default()
    }
}

/// A session of one line of `sh`.
pub(crate) fn script(name: &str, line: &str) -> Spawn {
    Spawn { argv: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(), ..shell(name) }
}

pub(crate) fn exec(argv: &[&str]) -> Exec {
    Exec { argv: argv.iter().map(|&argument| argument.to_owned()).collect(), ..Exec::default() }
}

pub(crate) fn pid_of(pid: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid")
}

pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Asks again and again until the answer is yes.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        pause();
    }
}

pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    decoder: Decoder,
    /// All that was shown so far.
    pub(crate) shown: Vec<u8>,
}

impl Client {
    /// Connected, not greeted.
    pub(crate) fn raw(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream, decoder: Decoder::default(), shown: Vec::new() }
    }

    pub(crate) fn greet(&mut self) {
        self.send(&Frame::Hello(Hello { protocol: PROTOCOL, version: "test".to_owned() }));
        assert!(matches!(self.next(), Some(Frame::Hello(Hello { protocol: PROTOCOL, .. }))));
    }

    pub(crate) fn send(&mut self, frame: &Frame) {
        self.stream.write_all(&frame.encode().expect("a frame")).expect("sent");
    }

    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(raw) = self.decoder.next_frame().expect("frames") {
                return Some(Frame::parse(raw).expect("a frame"));
            }
            let mut buffer = vec![0; DATA_CHUNK];
            let count = self.stream.read(&mut buffer).expect("something within the time");
            if count == 0 {
                return None;
            }
            self.decoder.push(&buffer[..count]);
        }
    }

    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        self.send(&Frame::Request(request));
        match self.next() {
            Some(Frame::Reply(reply)) => reply,
            other => panic!("not a reply: {other:?}"),
        }
    }

    pub(crate) fn refused(&mut self, request: Request) -> ReplyError {
        match self.ask(request) {
            Reply::Error(error) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn status(&mut self) -> Status {
        match self.ask(Request::Status) {
            Reply::Status(status) => status,
            other => panic!("not a status: {other:?}"),
        }
    }

    pub(crate) fn spawn(&mut self, spawn: &Spawn) -> Spawned {
        match self.ask(Request::Spawn(spawn.clone())) {
            Reply::Spawned(spawned) => spawned,
            other => panic!("not spawned: {other:?}"),
        }
    }

    pub(crate) fn attach(&mut self, attach: &Attach) -> Attached {
        match self.ask(Request::Attach(attach.clone())) {
            Reply::Attached(attached) => attached,
            other => panic!("not attached: {other:?}"),
        }
    }

    pub(crate) fn exec(&mut self, exec: &Exec) {
        let reply = self.ask(Request::Exec(exec.clone()));
        assert!(matches!(reply, Reply::Started { .. }), "{reply:?}");
    }

    pub(crate) fn input(&mut self, bytes: &[u8]) {
        self.stream.write_all(&Frame::data(FrameKind::Input, bytes)).expect("typed");
    }

    pub(crate) fn control(&mut self, control: Control) {
        self.send(&Frame::Control(control));
    }

    /// Reads until this was shown.
    pub(crate) fn see(&mut self, wanted: &str) {
        while !self.text().contains(wanted) {
            match self.next() {
                Some(Frame::Paint(bytes) | Frame::Output(bytes)) => self.shown.extend(bytes),
                Some(Frame::Event(Event::TakenOver | Event::Resized { .. })) => {}
                other => panic!("{other:?} instead of {wanted:?}; shown: {}", self.text()),
            }
        }
    }

    /// Reads until the end; standard error apart.
    pub(crate) fn finish(&mut self) -> (Option<Exit>, Vec<u8>) {
        let mut errors = Vec::new();
        loop {
            match self.next() {
                Some(Frame::Paint(bytes) | Frame::Output(bytes)) => self.shown.extend(bytes),
                Some(Frame::ErrorOutput(bytes)) => errors.extend(bytes),
                Some(Frame::Event(Event::Ended { exit })) => return (exit, errors),
                Some(Frame::Event(_)) => {}
                other => panic!("{other:?} instead of an end; shown: {}", self.text()),
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

pub(crate) fn watching(name: &str) -> Attach {
    Attach { session: Some(name.to_owned()), mode: AttachMode::Watch, ..Attach::default() }
}

pub(crate) fn writing(name: &str, rows: u16, cols: u16) -> Attach {
    Attach { session: Some(name.to_owned()), size: Some(Size { rows, cols }), terminal: true, ..Attach::default() }
}
