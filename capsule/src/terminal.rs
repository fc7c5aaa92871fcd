//! The capsule's end of a pseudo terminal.

use std::io;
use std::os::fd::OwnedFd;

use jackin_api::wire::Size;
use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// The master side: what is written here is typed, what is read here is shown.
#[derive(Debug)]
pub(crate) struct Terminal {
    master: AsyncFd<OwnedFd>,
}

impl Terminal {
    #[expect(unsafe_code, reason = "the only way to wait for a descriptor that tokio has no type for")]
    pub(crate) fn new(master: OwnedFd) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` gives the same descriptor each time it is asked and keeps it open until it is dropped.
        let master = unsafe { AsyncFd::register(master) }?;
        Ok(Self { master })
    }

    /// What was shown, or 0 when nothing has the terminal open any more. Safe to cancel.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.master.readable().await?;
            match ready.try_io(|master| Ok(rustix::io::read(master, &mut *buffer)?)) {
                // How Linux says that the other side is closed.
                Ok(Err(error)) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => return Ok(0),
                Ok(outcome) => return outcome,
                Err(_would_block) => {}
            }
        }
    }

    /// What was shown and is still to be read, without waiting for more.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> Option<usize> {
        rustix::io::read(&self.master, buffer).ok().filter(|&count| count > 0)
    }

    /// Types as much as the terminal takes now. Safe to cancel.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.master.writable().await?;
            let is_closed = ready.ready().is_write_closed();
            if let Ok(outcome) = ready.try_io(|master| Ok(rustix::io::write(master, bytes)?)) {
                return outcome;
            }
            // A terminal that is full and closed at the other side asks to be tried again, for ever.
            if is_closed {
                return Err(Errno::IO.into());
            }
        }
    }

    /// Gives it a size; programs on it are told by SIGWINCH.
    pub(crate) fn resize(&self, size: Size) -> io::Result<()> {
        let Size { rows, cols } = size;
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(rustix::termios::tcsetwinsize(&self.master, size)?)
    }

    /// The process group that has the terminal now.
    pub(crate) fn foreground_group(&self) -> Option<u32> {
        rustix::termios::tcgetpgrp(&self.master).ok().map(|group| group.as_raw_nonzero().get().unsigned_abs())
    }
}
