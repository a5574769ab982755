//! Capabilities of this thread (capabilities(7)), and giving them up.

use super::{Result, check, last_errno};

/// What an option of prctl(2) has no use for.
const UNUSED: libc::c_ulong = 0;

/// Sets `PR_SET_NO_NEW_PRIVS` for this thread and reads it back.
pub(crate) fn no_new_privileges() -> Result<()> {
    const YES: libc::c_ulong = 1;
    // SAFETY: these two options take no pointers.
    let set = unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, YES, UNUSED, UNUSED, UNUSED))?;
        check(libc::prctl(libc::PR_GET_NO_NEW_PRIVS, UNUSED, UNUSED, UNUSED, UNUSED))?
    };
    if set == 1 { Ok(()) } else { Err(libc::EPERM) }
}

/// Whether `PR_SET_NO_NEW_PRIVS` is set for this thread.
pub(crate) fn has_no_new_privileges() -> bool {
    // SAFETY: the option takes no pointers.
    unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, UNUSED, UNUSED, UNUSED, UNUSED) == 1 }
}

/// Whether a capability is in the bounding set (`PR_CAPBSET_READ`).
pub(crate) fn is_in_bounding_set(capability: u32) -> bool {
    // SAFETY: the option takes no pointers.
    unsafe {
        let capability = libc::c_ulong::from(capability);
        libc::prctl(libc::PR_CAPBSET_READ, capability, UNUSED, UNUSED, UNUSED) == 1
    }
}

/// Drops every capability of the bounding set (`PR_CAPBSET_DROP`), those that this program does
/// not know included.
pub(crate) fn drop_bounding_set() -> Result<()> {
    for capability in 0..64 as libc::c_ulong {
        // SAFETY: the option takes no pointers.
        let dropped = check(unsafe {
            libc::prctl(libc::PR_CAPBSET_DROP, capability, UNUSED, UNUSED, UNUSED)
        });
        match dropped {
            Ok(_) => {}
            // The first number beyond the last capability of this kernel.
            Err(libc::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Empties the ambient set (`PR_CAP_AMBIENT`, since Linux 4.3).
pub(crate) fn clear_ambient_set() -> Result<()> {
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong;
    // SAFETY: the option takes no pointers.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, UNUSED, UNUSED, UNUSED) }).map(drop)
}

/// The capability sets of this thread, a bit for each number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) effective: u64,
    pub(crate) permitted: u64,
    pub(crate) inheritable: u64,
}

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: sets of 64 bits, since Linux 2.6.26.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// `struct __user_cap_header_struct`: the version, and this thread.
const CAPABILITY_HEADER: [u32; 2] = [CAPABILITY_VERSION, 0];

/// Reads the sets of this thread (`capget(2)`).
pub(crate) fn capabilities() -> Result<Capabilities> {
    let mut header = CAPABILITY_HEADER;
    // Of `struct __user_cap_data_struct` there are two, the low halves of the sets first.
    let mut words = [0_u32; 6];
    // SAFETY: the call reads and may write the two words of the header, and writes the six words of
    // the sets, which is what this version has.
    let got = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), words.as_mut_ptr()) };
    if got < 0 {
        return Err(last_errno());
    }
    let [effective, permitted, inheritable, effective_high, permitted_high, inheritable_high] =
        words;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok(Capabilities {
        effective: join(effective, effective_high),
        permitted: join(permitted, permitted_high),
        inheritable: join(inheritable, inheritable_high),
    })
}

/// Sets the sets of this thread (`capset(2)`).
pub(crate) fn set_capabilities(sets: Capabilities) -> Result<()> {
    let mut header = CAPABILITY_HEADER;
    let all = [sets.effective, sets.permitted, sets.inheritable];
    let [low, high] = [0, 32].map(|shift| all.map(|set| (set >> shift) as u32));
    let words = [low, high];
    // SAFETY: as above; the words are only read.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), words.as_ptr()) };
    if set < 0 { Err(last_errno()) } else { Ok(()) }
}
