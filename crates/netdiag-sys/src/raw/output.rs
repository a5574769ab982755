//! Standard output, written to without ever being deaf to signals.

use super::{Result, check};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether descriptor 1 was closed when the process started, which can only be seen before
/// something is opened in its place.
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks whether it is; called once, at the start.
pub(super) fn look() {
    // SAFETY: F_GETFD takes no pointer.
    let closed = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } < 0;
    WAS_CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether standard output was closed when the process started.
pub(crate) fn stdout_was_closed() -> bool {
    WAS_CLOSED.load(Ordering::Relaxed)
}

/// Waits until standard output takes bytes. While it does not, the signals that end a process do so
/// (`ppoll(2)` with an empty mask): nobody else could act on them.
pub(crate) fn wait_for_stdout() -> Result<()> {
    let mut set = libc::pollfd { fd: libc::STDOUT_FILENO, events: libc::POLLOUT, revents: 0 };
    let mut mask = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call only writes to the set.
    unsafe { libc::sigemptyset(mask.as_mut_ptr()) };
    // SAFETY: as above. SIGQUIT asks for figures, which cannot be written now.
    unsafe { libc::sigaddset(mask.as_mut_ptr(), libc::SIGQUIT) };
    loop {
        // SAFETY: one pollfd and an initialised mask that live until the call returns.
        let ready = unsafe { libc::ppoll(&raw mut set, 1, std::ptr::null(), mask.as_ptr()) };
        match check(ready) {
            Ok(_) => return Ok(()),
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Writes to standard output; returns how many bytes it took.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<usize> {
    // SAFETY: the pointer and length are those of `bytes`.
    let written = unsafe { libc::write(libc::STDOUT_FILENO, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(written).map_err(|_| super::last_errno())
}
