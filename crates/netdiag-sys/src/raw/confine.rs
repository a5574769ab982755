//! Confining this thread, and those that it starts, for good: seccomp(2) and landlock(7).

use super::{Result, check, last_errno};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// One instruction of a filter (Documentation/userspace-api/seccomp_filter.rst).
pub(crate) type Instruction = libc::sock_filter;

/// What `landlock_create_ruleset(2)` does with this flag is tell the ABI of this kernel.
const LANDLOCK_CREATE_RULESET_VERSION: libc::c_ulong = 1;
const LANDLOCK_RULE_PATH_BENEATH: libc::c_ulong = 1;
const NO_FLAGS: libc::c_ulong = 0;

/// What a call through syscall(2) returned, or its error number.
fn checked(returned: libc::c_long) -> Result<libc::c_int> {
    if returned < 0 { Err(last_errno()) } else { Ok(returned as libc::c_int) }
}

/// Has all later system calls of this thread, and of those that it starts, judged by a program
/// (`SECCOMP_SET_MODE_FILTER`); needs no_new_privs.
pub(crate) fn filter_calls(program: &[Instruction]) -> Result<()> {
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| libc::EINVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    let filter = libc::SECCOMP_SET_MODE_FILTER as libc::c_ulong;
    // SAFETY: the kernel only reads the `len` instructions, which live until the call returns.
    checked(unsafe { libc::syscall(libc::SYS_seccomp, filter, NO_FLAGS, &raw const program) })
        .map(drop)
}

/// The number of this process.
pub(crate) fn process() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::getpid() }.unsigned_abs()
}

/// Makes a call without arguments.
#[cfg(test)]
pub(crate) fn call(number: libc::c_long) -> Result<libc::c_int> {
    // SAFETY: the tests make only calls that a filter refuses, and without a pointer to follow.
    checked(unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) })
}

/// The ABI of landlock in this kernel.
pub(crate) fn landlock_abi() -> Result<u32> {
    let nothing = std::ptr::null::<u64>();
    // SAFETY: with this flag nothing is read: the attributes are null and have no length.
    checked(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            nothing,
            0 as libc::size_t,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    })
    .map(libc::c_int::unsigned_abs)
}

/// Rules of landlock that do not hold yet.
pub(crate) struct Ruleset(OwnedFd);

impl Ruleset {
    /// Rules that refuse what `attributes` names: `struct landlock_ruleset_attr` of linux/landlock.h,
    /// as many of its fields as the kernel knows.
    pub(crate) fn new(attributes: &[u64]) -> Result<Self> {
        // SAFETY: the kernel reads as many bytes as are said to be there, and they are.
        let descriptor = checked(unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                attributes.as_ptr(),
                size_of_val(attributes),
                NO_FLAGS,
            )
        })?;
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Allows `access` to a file, or to all beneath a folder.
    pub(crate) fn allow(&self, path: &CStr, access: u64) -> Result<()> {
        // SAFETY: the path is a string with a terminating NUL.
        let file = check(unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) })?;
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        let file = unsafe { OwnedFd::from_raw_fd(file) };
        // `struct landlock_path_beneath_attr`, which is packed.
        let mut rule = [0; 12];
        let (rights, parent) = rule.split_at_mut(8);
        rights.copy_from_slice(&access.to_ne_bytes());
        parent.copy_from_slice(&file.as_raw_fd().to_ne_bytes());
        // SAFETY: the kernel reads the 12 bytes of this kind of rule.
        checked(unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                self.0.as_raw_fd(),
                LANDLOCK_RULE_PATH_BENEATH,
                rule.as_ptr(),
                NO_FLAGS,
            )
        })
        .map(drop)
    }

    /// From now on the rules hold for this thread and those that it starts; needs no_new_privs.
    pub(crate) fn enforce(self) -> Result<()> {
        let ruleset = self.0.as_raw_fd();
        // SAFETY: the call takes no pointers.
        checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, NO_FLAGS) })
            .map(drop)
    }
}
