//! Giving rights up for good, once the sockets are open.

use crate::raw::{self, Capabilities};
use netdiag_engine::port::Mend;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::sync::OnceLock;

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

/// `CAP_SETPCAP` and `CAP_NET_RAW` of linux/capability.h, as bits.
const SETPCAP: u64 = 1 << 8;
const NET_RAW_NUMBER: u32 = 13;
const NET_RAW: u64 = 1 << NET_RAW_NUMBER;

/// `CAP_DAC_READ_SEARCH` and `CAP_SYS_PTRACE`: what other users' `/proc/PID/fd` wants of a reader.
const READING: u64 = 1 << 2 | 1 << 19;

/// Does something with CAP_NET_RAW effective, where it is permitted.
pub(crate) fn with_net_raw<T>(body: impl FnOnce() -> T) -> T {
    let lacking =
        raw::capabilities().ok().filter(|sets| sets.permitted & !sets.effective & NET_RAW != 0);
    let raised = lacking.filter(|sets| {
        let effective = sets.effective | NET_RAW;
        raw::set_capabilities(Capabilities { effective, ..*sets }).is_ok()
    });
    let done = body();
    if let Some(before) = raised {
        // A failure leaves a right that `drop_all` takes away in any case.
        let _ = raw::set_capabilities(before);
    }
    done
}

/// Whether CAP_NET_RAW is effective in this thread.
pub(crate) fn has_net_raw() -> bool {
    raw::capabilities().is_ok_and(|sets| sets.effective & NET_RAW != 0)
}

/// What would give this process a raw socket that it could not have.
pub(crate) fn mend() -> Mend {
    match () {
        () if has_net_raw() => Mend::Namespace,
        () if !raw::is_in_bounding_set(NET_RAW_NUMBER) => Mend::BoundingSet,
        () if raw::has_no_new_privileges() => Mend::NewPrivileges,
        () => Mend::Capability,
    }
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
    keep(0)
}

/// Gives up all capabilities but those for reading of other users' processes, CAP_SYS_PTRACE and
/// CAP_DAC_READ_SEARCH, where this process has them; otherwise as [`drop_all`]. Says whether it has
/// both.
///
/// # Errors
/// When a step fails, or a right is still there afterwards.
pub fn keep_reading() -> Result<bool, DropError> {
    keep(READING)?;
    Ok(raw::capabilities().is_ok_and(|sets| sets.effective == READING))
}

fn keep(kept: u64) -> Result<(), DropError> {
    // It cannot be found out any more.
    let _ = is_root();
    let sets = raw::capabilities().map_err(|errno| failed("capget", os(errno)))?;
    if sets.permitted & SETPCAP != 0 {
        if sets.effective & SETPCAP == 0 {
            let raised = Capabilities { effective: sets.effective | SETPCAP, ..sets };
            raw::set_capabilities(raised)
                .map_err(|errno| failed("raise CAP_SETPCAP", os(errno)))?;
        }
        raw::drop_bounding_set().map_err(|errno| failed("PR_CAPBSET_DROP", os(errno)))?;
    }
    // Kernels before 4.3 have no ambient set to clear.
    let _ = raw::clear_ambient_set();
    let left = sets.permitted & kept;
    let left = Capabilities { effective: left, permitted: left, inheritable: 0 };
    raw::set_capabilities(left).map_err(|errno| failed("capset", os(errno)))?;
    raw::no_new_privileges().map_err(|errno| failed("PR_SET_NO_NEW_PRIVS", os(errno)))?;
    verify(left)
}

fn verify(expected: Capabilities) -> Result<(), DropError> {
    let left = raw::capabilities().map_err(|errno| failed("capget", os(errno)))?;
    if left != expected {
        return Err(failed("capset", format!("{left:x?} are still there")));
    }
    // A capability is ambient only while it is permitted and inheritable (capabilities(7)): with
    // nothing inheritable there is none.
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

/// Whether the limits against flooding are not for this process: the real user id is 0, and rules
/// over this network. Anybody can be 0 in a user namespace of their own (user_namespaces(7)), where
/// raw sockets of a network from outside are refused. Found out at the first call, which must come
/// before [`drop_all`] or be made by it.
#[must_use]
pub fn is_root() -> bool {
    static IS_ROOT: OnceLock<bool> = OnceLock::new();
    *IS_ROOT.get_or_init(|| raw::real_user() == 0 && rules_the_network())
}

/// Whether raw sockets are not refused for lack of a right.
fn rules_the_network() -> bool {
    let socket = with_net_raw(|| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)));
    let errno = socket.err().and_then(|error| error.raw_os_error());
    !matches!(errno, Some(libc::EPERM | libc::EACCES))
}
