//! Interfaces, addresses and routes of this machine: what changes while we measure, and which way a
//! packet would take (rtnetlink(7)).

mod dump;
mod watch;
mod way;

pub use dump::has_address;
pub(crate) use dump::waits_for_neighbour;
pub(crate) use watch::Interfaces;
pub use way::way;

use netdiag_engine::port::NetworkError;
use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::route::RouteAddress;
use std::net::IpAddr;

type Message = NetlinkMessage<RouteNetlinkMessage>;

fn failed(call: &'static str, error: &std::io::Error) -> NetworkError {
    NetworkError { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

/// The messages of one datagram. What does not parse ends it: its length cannot be trusted.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message> {
    std::iter::from_fn(move || {
        let message = Message::deserialize(bytes).ok()?;
        // Messages stand at multiples of four bytes (NLMSG_ALIGN).
        let length = (message.header.length as usize).next_multiple_of(4).max(16);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(message)
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}

/// The address itself: on a point-to-point link `Address` is the other end's.
fn own_address(attributes: &[AddressAttribute]) -> Option<IpAddr> {
    let local = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}
