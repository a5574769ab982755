//! Folders and symbolic links, without a path for each: /proc has some hundred thousand.

use super::{Result, check, last_errno};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Opens a folder to be listed, from another one or from the root (`openat(2)`).
pub(crate) fn open_folder(from: Option<BorrowedFd<'_>>, path: &CStr) -> Result<OwnedFd> {
    let from = from.map_or(libc::AT_FDCWD, |folder| folder.as_raw_fd());
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path is a string with a terminating NUL.
    let opened = check(unsafe { libc::openat(from, path.as_ptr(), flags) })?;
    // SAFETY: the descriptor was just opened and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(opened) })
}

/// The next entries of a folder (`getdents64(2)`), as many as fit; gives how many bytes they take.
pub(crate) fn entries(folder: BorrowedFd<'_>, room: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `room.len()` bytes to `room`.
    let got = unsafe {
        libc::syscall(libc::SYS_getdents64, folder.as_raw_fd(), room.as_mut_ptr(), room.len())
    };
    usize::try_from(got).map_err(|_| last_errno())
}

/// Where a symbolic link in a folder leads (`readlinkat(2)`); what does not fit is cut off.
pub(crate) fn read_link<'a>(
    folder: BorrowedFd<'_>,
    name: &CStr,
    room: &'a mut [u8],
) -> Result<&'a [u8]> {
    // SAFETY: the name is a string with a terminating NUL, and the kernel writes at most `room.len()`
    // bytes to `room`.
    let got = unsafe {
        libc::readlinkat(folder.as_raw_fd(), name.as_ptr(), room.as_mut_ptr().cast(), room.len())
    };
    let got = usize::try_from(got).map_err(|_| last_errno())?;
    Ok(room.get(..got).unwrap_or_default())
}
