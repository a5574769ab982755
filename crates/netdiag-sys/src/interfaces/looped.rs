//! Packets that never leave this machine.

use super::ask;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};

/// The loopback interface has this index in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// How many packets came by the loopback interface so far, whosever they are (`IFLA_STATS64`);
/// `None` where the kernel does not tell.
pub(crate) fn looped() -> Option<u64> {
    let mut link = LinkMessage::default();
    link.header.index = LOOPBACK;
    let answer = ask("RTM_GETLINK", RouteNetlinkMessage::GetLink(link)).ok()?;
    let RouteNetlinkMessage::NewLink(link) = answer else { return None };
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Stats64(stats) => Some(stats.rx_packets),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::looped;
    use std::net::UdpSocket;

    #[test]
    fn what_is_sent_to_oneself_is_counted() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let before = looped().expect("every machine has it");
        let own = socket.local_addr().expect("an address");
        socket.send_to(b"x", own).expect("sent");
        socket.recv_from(&mut [0; 8]).expect("received");
        assert!(looped().expect("it still has it") > before);
    }
}
