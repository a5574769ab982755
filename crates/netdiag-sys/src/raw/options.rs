//! Socket options, and interface indexes.

use super::{Result, check, last_errno};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

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

/// `connect(2)` to nobody: after it a datagram socket that is not bound has no peer, no interface and no
/// address (AF_UNSPEC, udp(7)).
pub(crate) fn disconnect(socket: BorrowedFd<'_>) -> Result<()> {
    let nobody =
        libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of_val(&nobody) as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `nobody`, which lives until it returns.
    check(unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, length) }).map(drop)
}

/// `SIOCGIFNAME` and `SIOCGIFINDEX` of linux/sockios.h.
pub(crate) const INTERFACE_NAME: u32 = 0x8910;
pub(crate) const INTERFACE_INDEX: u32 = 0x8933;

/// Asks about an interface (netdevice(7)). The functions of the C library ask over a UNIX socket,
/// which a process in its sandbox cannot have.
fn ask_interface(request: u32, about: &mut libc::ifreq) -> Result<()> {
    // By any socket: one of IPv4 where there is IPv4, else one of IPv6.
    let socket = [libc::AF_INET, libc::AF_INET6].into_iter().find_map(|family| {
        // SAFETY: the call takes no pointers.
        let socket = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        (socket >= 0).then(|| unsafe { OwnedFd::from_raw_fd(socket) })
    });
    let socket = socket.ok_or_else(last_errno)?;
    // SAFETY: both requests read and write one ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), request.into(), std::ptr::from_mut(about)) })
        .map(drop)
}

fn ifreq() -> libc::ifreq {
    // SAFETY: ifreq is a C struct of bytes and integers, for which all zeroes is a value.
    unsafe { std::mem::zeroed() }
}

/// The index of the interface with this name.
pub(crate) fn interface_index(name: &CStr) -> Result<u32> {
    let mut about = ifreq();
    let name = name.to_bytes();
    // With its terminating NUL.
    if name.len() >= about.ifr_name.len() {
        return Err(libc::ENODEV);
    }
    for (to, from) in about.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed() as libc::c_char;
    }
    ask_interface(INTERFACE_INDEX, &mut about)?;
    // SAFETY: the kernel wrote the index.
    Ok(unsafe { about.ifr_ifru.ifru_ifindex }.unsigned_abs())
}

/// The name of the interface with this index.
pub(crate) fn interface_name(index: u32) -> Option<String> {
    let mut about = ifreq();
    about.ifr_ifru.ifru_ifindex = index.cast_signed();
    ask_interface(INTERFACE_NAME, &mut about).ok()?;
    let name = about.ifr_name.map(|letter| letter as u8);
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    Some(name.to_string_lossy().into_owned())
}
