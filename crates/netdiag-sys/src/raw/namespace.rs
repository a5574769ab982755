//! Network namespaces (network_namespaces(7)).

use super::{Result, check};
use std::os::fd::{AsRawFd, BorrowedFd};

/// From now on this thread is in the network namespace of this descriptor (`setns(2)`).
pub(crate) fn enter_network(namespace: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}
