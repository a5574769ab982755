//! Socket options, and interface indexes.

use super::{Result, check, last_errno};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `setsockopt(2)` with an `int`.
pub(crate) fn set_int(socket: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> Result<()> {
    set_bytes(socket, level, name, &value.to_ne_bytes())
}

/// `setsockopt(2)` with a struct, given as its bytes.
pub(crate) fn set_bytes(socket: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads `value.len()` bytes from `value`, which lives until it returns.
    let returned = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    check(returned).map(drop)
}

/// `getsockopt(2)` of an `int`.
pub(crate) fn get_int(socket: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32> {
    let mut value = [0; 4];
    get_bytes(socket, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// `getsockopt(2)` of a struct; returns how many bytes of `value` were written.
pub(crate) fn get_bytes(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, the true length of `value`, and then `len`.
    let returned = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut len)
    };
    check(returned)?;
    Ok(len as usize)
}

/// The index of the interface with this name (`if_nametoindex(3)`).
pub(crate) fn interface_index(name: &CStr) -> Result<u32> {
    // SAFETY: `name` is a string with a terminating NUL, which the call only reads.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 { Err(last_errno()) } else { Ok(index) }
}

/// The name of the interface with this index (`if_indextoname(3)`).
pub(crate) fn interface_name(index: u32) -> Option<String> {
    let mut name = [0_u8; libc::IF_NAMESIZE];
    // SAFETY: the call writes at most IF_NAMESIZE bytes, the terminating NUL included.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    Some(name.to_string_lossy().into_owned())
}
