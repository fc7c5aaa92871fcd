//! `jackin-capsule connect`: standard input and output as a connection to a capsule's socket.
//!
//! The engine runs it in the container for a host that cannot reach the socket itself. It knows nothing of what passes through.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use jackin_api::wire::DATA_CHUNK;

pub(crate) fn run(socket: &Path) -> ExitCode {
    match pass_through(socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: connect to {}: {error}", socket.display());
            ExitCode::FAILURE
        }
    }
}

/// Passes bytes both ways until the capsule closes.
fn pass_through(socket: &Path) -> io::Result<()> {
    let mut answers = UnixStream::connect(socket)?;
    let mut questions = answers.try_clone()?;
    // The descriptors themselves: nothing may wait in a buffer for the end of a line.
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    std::thread::spawn(move || {
        // Whoever has no more to say may still listen.
        let _ = pass_on(&mut stdin, &mut questions);
        let _ = questions.shutdown(Shutdown::Write);
    });
    match pass_on(&mut answers, &mut stdout) {
        // Nobody listens any more, which is how a client leaves.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        passed => passed,
    }
}

/// Passes on what comes as it comes. `io::copy` would splice into the pipe, which then waits for more than a greeting.
fn pass_on(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; DATA_CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
