//! Waiting for descriptors.

use super::{Result, check};
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// One entry of a poll set.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct PollFd(libc::pollfd);

impl PollFd {
    /// Waits for something to read (errors always count), or to write too.
    pub(crate) fn new(descriptor: BorrowedFd<'_>, write: bool) -> Self {
        let events = if write { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
        Self(libc::pollfd { fd: descriptor.as_raw_fd(), events, revents: 0 })
    }

    /// Waits for something on standard input.
    pub(crate) const fn stdin() -> Self {
        Self(libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 })
    }

    /// Waits until standard output takes bytes.
    pub(crate) const fn stdout() -> Self {
        Self(libc::pollfd { fd: libc::STDOUT_FILENO, events: libc::POLLOUT, revents: 0 })
    }

    /// Whether anything happened.
    pub(crate) const fn is_ready(self) -> bool {
        self.0.revents != 0
    }

    /// Whether an error is waiting, which a non-empty error queue also is.
    pub(crate) const fn has_error(self) -> bool {
        self.0.revents & libc::POLLERR != 0
    }

    /// Whether it can be written to.
    pub(crate) const fn is_writable(self) -> bool {
        self.0.revents & libc::POLLOUT != 0
    }
}

/// Waits for the first event, at most `timeout` (`ppoll(2)`); returns how many entries are ready.
pub(crate) fn poll(set: &mut [PollFd], timeout: Duration) -> Result<usize> {
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos() as _,
    };
    // SAFETY: PollFd is a transparent pollfd, so `set` is an array of that many; the timeout lives
    // until the call returns; no signal mask is given.
    let ready = unsafe {
        libc::ppoll(
            set.as_mut_ptr().cast(),
            set.len() as libc::nfds_t,
            &raw const timeout,
            std::ptr::null(),
        )
    };
    check(ready).map(|ready| ready as usize)
}

/// A counter that wakes a poll when another thread adds to it (`eventfd(2)`).
pub(crate) fn event_counter() -> Result<File> {
    // SAFETY: the call takes no pointers.
    let descriptor = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the descriptor was just opened and belongs to nobody else.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}
