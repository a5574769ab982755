//! Which way a packet would take.

use super::message::Rtnl;
use super::{ask, ip};
use netdiag_engine::port::NetworkError;
use netdiag_model::{Destination, Way};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use std::net::IpAddr;

/// The way of a packet to `destination`, from `source` and by `interface` where those are given
/// (RTM_GETROUTE). Sends nothing but the question to the kernel.
///
/// # Errors
/// ENETUNREACH, EHOSTUNREACH, EACCES and EINVAL as a send to there would give them; whatever
/// netlink itself refuses.
pub fn way(
    destination: Destination,
    source: Option<IpAddr>,
    interface: Option<u32>,
) -> Result<Way, NetworkError> {
    const CALL: &str = "RTM_GETROUTE";
    match ask(CALL, question(destination, source, interface))? {
        Rtnl::NewRoute(route) => {
            read(&route).ok_or(NetworkError { call: CALL, errno: libc::ENETUNREACH })
        }
        _ => Err(NetworkError { call: CALL, errno: libc::EPROTO }),
    }
}

fn question(destination: Destination, source: Option<IpAddr>, interface: Option<u32>) -> Rtnl {
    let mut route = RouteMessage::default();
    let (family, length) = match destination {
        Destination::V4(_) => (AddressFamily::Inet, 32),
        Destination::V6(..) => (AddressFamily::Inet6, 128),
    };
    route.header.address_family = family;
    route.header.destination_prefix_length = length;
    route.attributes.push(RouteAttribute::Destination(RouteAddress::from(destination.address())));
    if let Some(source) = source {
        route.header.source_prefix_length = length;
        route.attributes.push(RouteAttribute::Source(RouteAddress::from(source)));
    }
    let scope = Some(destination.scope()).filter(|scope| *scope != 0);
    if let Some(interface) = interface.or(scope) {
        route.attributes.push(RouteAttribute::Oif(interface));
    }
    Rtnl::GetRoute(route)
}

fn read(route: &RouteMessage) -> Option<Way> {
    let is_broadcast = route.header.kind == RouteType::Broadcast;
    let mut way = Way { source: None, interface: 0, is_broadcast };
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => way.interface = *index,
            RouteAttribute::PrefSource(address) => way.source = ip(address),
            _ => {}
        }
    }
    (way.interface != 0).then_some(way)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str) -> Result<Way, NetworkError> {
        way(Destination::new(address.parse().expect("an address")), None, None)
    }

    #[test]
    fn the_way_to_loopback_is_by_lo() {
        let lo = crate::names::interface_index("lo").expect("every machine has it");
        for address in ["127.0.0.1", "127.9.9.9", "::1"] {
            let way = to(address).expect("a way");
            assert_eq!(way.interface, lo, "{address}");
            assert!(way.source.is_some_and(|source| source.is_loopback()), "{address}");
        }
    }

    #[test]
    fn an_interface_that_does_not_exist_leads_nowhere() {
        let loopback = Destination::new("127.0.0.1".parse().expect("an address"));
        assert!(way(loopback, None, Some(1 << 30)).is_err());
    }
}
