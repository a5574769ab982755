//! What has no safe wrapper: the TUN device, the packet socket, the scheduler. All of the crate's
//! unsafe code is here.
#![expect(
    unsafe_code,
    reason = "ioctl, bind of a packet socket, and the scheduler have no safe wrapper"
)]

use nix::errno::Errno;
use nix::libc;
use std::fs::OpenOptions;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Opens a TUN device of this name in the current network namespace: IP packets without a header.
pub(super) fn open_tun(name: &str) -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: an `ifreq` of zeros is a valid value of it: integers, arrays, a null pointer.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which lives until the call returns.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    Errno::result(result)?;
    Ok(file.into())
}

/// Opens a packet socket for IP packets of every kind on the interface with this index, frames with
/// their Ethernet header.
pub(super) fn open_packet_socket(interface: u32) -> io::Result<OwnedFd> {
    let protocol = (libc::ETH_P_ALL as u16).to_be();
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, i32::from(protocol)) };
    Errno::result(fd)?;
    // SAFETY: the descriptor was just opened and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: a `sockaddr_ll` of zeros is a valid value of it: integers and an array of them.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol;
    address.sll_ifindex = interface as i32;
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is valid for `length` bytes until the call returns.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    Errno::result(result)?;
    Ok(socket)
}

/// Asks for the real-time scheduler, so that packets are not late because of other processes.
/// Children get the normal one. Without the right to it nothing changes.
pub(super) fn prefer_real_time() {
    // SAFETY: a `sched_param` of zeros is a valid value of it: an integer.
    let mut parameters: libc::sched_param = unsafe { mem::zeroed() };
    parameters.sched_priority = 10;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the parameters live until the call returns.
    let _ = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
}
