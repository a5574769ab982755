//! The sandbox of a process whose sockets are open and whose rights are gone: what it can still do
//! when a packet, an answer of a name server or a file has got the better of it.
//!
//! By seccomp(2) there are only the calls that this program makes; by landlock(7) only the files
//! that this run reads. Either one may be missing, on an old kernel or in a container that forbids
//! it, and then the other stands alone: a diagnosis is worth more than its confinement.

mod calls;
mod files;
mod program;

use netdiag_model::errno::Errno;
use std::fmt;

pub use files::Reads;

/// What confines this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Whether a seccomp filter does, or the error number of its refusal.
    pub seccomp: Result<(), i32>,
    /// The ABI of the landlock that does, or the error number of its refusal; `None` where the filter
    /// leaves no file to open.
    pub landlock: Option<Result<u32, i32>>,
}

/// Confines this thread and all that it starts, for good. From then on no file is written, made or
/// executed and only those of `reads` are read, and what else a measurement does not need is
/// refused: packet and raw sockets, UNIX sockets, other processes, and all other calls of the kernel.
///
/// Call it after [`drop_all`](crate::privileges::drop_all), which sets the no_new_privs that it
/// needs, and before another thread starts.
pub fn enter(reads: &Reads<'_>) -> Sandbox {
    if reads.any() {
        // In this order, since the filter knows no landlock.
        let landlock = files::confine(reads);
        return Sandbox { seccomp: calls::confine(true, reads.keys), landlock: Some(landlock) };
    }
    // Landlock would have nothing left to refuse, and costs as much as half of the filter.
    let seccomp = calls::confine(false, reads.keys);
    Sandbox { seccomp, landlock: seccomp.is_err().then(|| files::confine(reads)) }
}

/// The same for a process that reads the kernel's tables of sockets: no file is left but those under
/// /proc, the settings of sysctl.d(5), and the names of users and services. With `owners` landlock is left out, since who is confined by
/// it may not look at processes that are not (landlock(7), ptrace restrictions).
pub fn enter_tables(owners: bool) -> Sandbox {
    let landlock = (!owners).then(files::confine_to_tables);
    Sandbox { seccomp: calls::confine(true, false), landlock }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |errno: i32| Errno::new(errno).name;
        match (self.seccomp, self.landlock) {
            (Ok(()), None) => write!(f, "seccomp"),
            (Ok(()), Some(Ok(abi))) => write!(f, "seccomp, landlock ABI {abi}"),
            (Ok(()), Some(Err(errno))) => write!(f, "seccomp (no landlock: {})", name(errno)),
            (Err(errno), Some(Ok(abi))) => {
                write!(f, "landlock ABI {abi} (no seccomp: {})", name(errno))
            }
            (Err(seccomp), Some(Err(landlock))) => {
                let (seccomp, landlock) = (name(seccomp), name(landlock));
                write!(f, "none (no seccomp: {seccomp}; no landlock: {landlock})")
            }
            (Err(errno), None) => write!(f, "none (no seccomp: {})", name(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let said = |seccomp, landlock| Sandbox { seccomp, landlock: Some(landlock) }.to_string();
        assert_eq!(said(Ok(()), Ok(7)), "seccomp, landlock ABI 7");
        assert_eq!(said(Ok(()), Err(libc::ENOSYS)), "seccomp (no landlock: ENOSYS)");
        assert_eq!(said(Err(libc::EPERM), Ok(1)), "landlock ABI 1 (no seccomp: EPERM)");
        let none = "none (no seccomp: EPERM; no landlock: EOPNOTSUPP)";
        assert_eq!(said(Err(libc::EPERM), Err(libc::EOPNOTSUPP)), none);
    }
}
