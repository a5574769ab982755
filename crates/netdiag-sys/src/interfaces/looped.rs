//! How many packets came and went by an interface, whosever they are.

use super::ask;
use super::message::Rtnl;

/// The loopback interface has this index in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// How many packets came by the loopback interface so far: those that never leave this machine.
/// `None` where the kernel does not tell.
pub(crate) fn looped() -> Option<u64> {
    Some(packets(LOOPBACK)?.0)
}

/// How many packets the driver of an interface took so far. A driver that tells them only when they
/// are out keeps them in the memory of their sockets until then.
pub(crate) fn sent_by(index: u32) -> Option<u64> {
    Some(packets(index)?.1)
}

/// How many came, and how many went.
fn packets(index: u32) -> Option<(u64, u64)> {
    match ask("RTM_GETLINK", Rtnl::GetLink(index)).ok()? {
        Rtnl::NewLink(link) => link.packets,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn what_is_sent_to_oneself_is_counted() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let both =
            || (looped().expect("every machine has it"), sent_by(LOOPBACK).expect("it, too"));
        let (came, went) = both();
        let own = socket.local_addr().expect("an address");
        socket.send_to(b"x", own).expect("sent");
        socket.recv_from(&mut [0; 8]).expect("received");
        let (come, gone) = both();
        assert!(come > came && gone > went);
    }
}
