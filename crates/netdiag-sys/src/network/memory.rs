//! What a socket's memory tells (`SO_MEMINFO`, sock_diag(7): an array of 32-bit figures).

use crate::raw;
use std::os::fd::BorrowedFd;

const SO_MEMINFO: i32 = 55;
/// `SK_MEMINFO_WMEM_ALLOC` of linux/sock_diag.h.
const WAITS: usize = 2;
const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;

/// How many bytes are charged to it for packets that are somewhere on this machine: with a neighbour
/// to be found, in the queue of an interface, or with a driver that has not sent them.
pub(super) fn waiting(socket: BorrowedFd<'_>) -> Option<u32> {
    figure(socket, WAITS)
}

/// How many packets it had no room for.
pub(super) fn drops(socket: BorrowedFd<'_>) -> Option<u32> {
    figure(socket, DROPS)
}

fn figure(socket: BorrowedFd<'_>, place: usize) -> Option<u32> {
    let mut words = [0; 4 * (DROPS + 1)];
    let got = raw::get_bytes(socket, libc::SOL_SOCKET, SO_MEMINFO, &mut words).ok()?;
    let word = words.get(..got)?.get(4 * place..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*word))
}
