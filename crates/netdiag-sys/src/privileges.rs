//! Giving rights up for good, once the sockets are open.

use crate::raw;
use caps::{CapSet, Capability};
use std::io;

/// Why rights could not be given up. The process should then end.
#[derive(Debug, thiserror::Error)]
#[error("cannot drop privileges: {step}: {reason}")]
pub struct DropError {
    step: &'static str,
    reason: String,
}

fn failed(step: &'static str, reason: impl ToString) -> DropError {
    DropError { step, reason: reason.to_string() }
}

/// Gives up all capabilities for good: the bounding set where CAP_SETPCAP allows it, then the
/// ambient, inheritable, permitted and effective sets, and sets no_new_privs; then reads the last three
/// sets back (capabilities(7), PR_SET_NO_NEW_PRIVS(2const)). The user id stays.
///
/// Capabilities belong to a thread: call it before another thread starts. Sockets that are open
/// stay as powerful as they are.
///
/// # Errors
/// When a step fails, or a right is still there afterwards.
pub fn drop_all() -> Result<(), DropError> {
    let has_setpcap = caps::has_cap(None, CapSet::Permitted, Capability::CAP_SETPCAP);
    if has_setpcap.map_err(|error| failed("capget", error))? {
        caps::raise(None, CapSet::Effective, Capability::CAP_SETPCAP)
            .map_err(|error| failed("raise CAP_SETPCAP", error))?;
        raw::drop_bounding_set().map_err(|errno| failed("PR_CAPBSET_DROP", os(errno)))?;
    }
    // Kernels before 4.3 have no ambient set to clear.
    let _ = caps::clear(None, CapSet::Ambient);
    for set in [CapSet::Inheritable, CapSet::Permitted, CapSet::Effective] {
        caps::clear(None, set).map_err(|error| failed("capset", error))?;
    }
    raw::no_new_privileges().map_err(|errno| failed("PR_SET_NO_NEW_PRIVS", os(errno)))?;
    verify()
}

fn verify() -> Result<(), DropError> {
    for set in [CapSet::Inheritable, CapSet::Permitted, CapSet::Effective] {
        let left = caps::read(None, set).map_err(|error| failed("capget", error))?;
        if !left.is_empty() {
            return Err(failed("capset", format!("{left:?} are still there")));
        }
    }
    // A capability is ambient only while it is permitted and inheritable (capabilities(7)): with
    // both sets empty there is none.
    Ok(())
}

fn os(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

/// Makes sure that descriptors 0, 1 and 2 are open, on `/dev/null` where they are not, so that no
/// socket can be taken for standard output. Call it before anything is opened.
///
/// # Errors
/// When `/dev/null` cannot be opened.
pub fn ensure_standard_descriptors() -> io::Result<()> {
    (0..=2).try_for_each(|descriptor| raw::open_null_if_closed(descriptor).map_err(os))
}

/// The real user id, which the limits against flooding look at.
#[must_use]
pub fn real_user() -> u32 {
    raw::real_user()
}
