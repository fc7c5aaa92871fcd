//! What an agent's hook runs: one word to the capsule about the session in which it runs.
//!
//! An agent must not be disturbed by it. Nothing is printed, nothing is waited for longer than [`PATIENCE`], and where no capsule
//! answers that is no failure: the same settings may be in use beside jackin.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use jackin_api::wire::{DATA_CHUNK, Decoder, Frame, Hello, PROTOCOL, Report, Request};

/// The variable of a session with its id.
pub(crate) const SESSION: &str = "JACKIN_SESSION";

/// The variable with the path of the capsule's socket.
pub(crate) const SOCKET: &str = "JACKIN_SOCKET";

/// The variable with the path of this program.
pub(crate) const CAPSULE: &str = "JACKIN_CAPSULE";

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn run(mut report: Report) -> ExitCode {
    // Connecting has no timeout of its own.
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        std::process::exit(0);
    });
    if report.session.is_empty() {
        report.session = std::env::var(SESSION).unwrap_or_default();
    }
    if !report.session.is_empty()
        && let Some(socket) = std::env::var_os(SOCKET)
    {
        // Nobody is told of a capsule that does not answer.
        let _ = UnixStream::connect(socket).and_then(|stream| tell(stream, report));
    }
    ExitCode::SUCCESS
}

/// Sends it, and waits for the answer so that the words of two hooks come in their order.
fn tell(mut stream: UnixStream, report: Report) -> std::io::Result<()> {
    let hello = Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() };
    for frame in [Frame::Hello(hello), Frame::Request(Request::Report(report))] {
        stream.write_all(&frame.encode().map_err(std::io::Error::other)?)?;
    }
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; DATA_CHUNK];
    loop {
        while let Some(raw) = decoder.next_frame().map_err(std::io::Error::other)? {
            if let Ok(Frame::Reply(_)) = Frame::parse(raw) {
                return Ok(());
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => decoder.push(&buffer[..count]),
        }
    }
}
