//! Many descriptors of which few are ready at a time (epoll(7)).

use super::{Result, check};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The most that are told at once.
pub(crate) const MOST_READY: usize = 128;

/// A set of descriptors, each with a number.
pub(crate) struct Epoll(OwnedFd);

/// One that is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// Its number.
    pub(crate) number: u64,
    /// Whether an error is waiting, which a non-empty error queue also is.
    pub(crate) has_error: bool,
}

impl Epoll {
    /// An empty set.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the call takes no pointers.
        let descriptor = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Adds a descriptor, which is told as long as there is something to read or an error waits.
    pub(crate) fn add(&self, descriptor: BorrowedFd<'_>, number: u64) -> Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN.cast_unsigned(), u64: number };
        let (set, fd) = (self.0.as_raw_fd(), descriptor.as_raw_fd());
        // SAFETY: the kernel reads one event, which lives until the call returns.
        check(unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, fd, &raw mut event) }).map(drop)
    }

    /// Those that are ready now, up to [`MOST_READY`], without waiting.
    pub(crate) fn ready(&self, into: &mut Vec<Ready>) -> Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MOST_READY];
        let most = MOST_READY as libc::c_int;
        // SAFETY: the kernel writes at most `most` events, the true length of `events`.
        let count = unsafe {
            libc::epoll_pwait(self.0.as_raw_fd(), events.as_mut_ptr(), most, 0, std::ptr::null())
        };
        let count = check(count)? as usize;
        into.extend(events.iter().take(count).map(|event| {
            let has_error = event.events & libc::EPOLLERR.cast_unsigned() != 0;
            Ready { number: event.u64, has_error }
        }));
        Ok(())
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
