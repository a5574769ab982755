//! The order in which addresses are tried.

use crate::raw;
use libc::EINVAL;
use netdiag_engine::port::NetworkError;
use netdiag_model::{Destination, Family};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;

/// Addresses that this machine has a route and a source for first, IPv6 before IPv4 among equals
/// (RFC 6724 section 6, rules 1 and 6), otherwise as they came, each once.
pub(super) fn sorted(found: Vec<Destination>) -> Vec<Destination> {
    sorted_by(found, can_send)
}

fn sorted_by(
    mut found: Vec<Destination>,
    can_send: impl Fn(Destination) -> bool,
) -> Vec<Destination> {
    found.sort_by_cached_key(|destination| {
        (!can_send(*destination), destination.family() == Family::Ipv4)
    });
    let mut once = Vec::with_capacity(found.len());
    for destination in found {
        if !once.contains(&destination) {
            once.push(destination);
        }
    }
    once
}

fn can_send(destination: Destination) -> bool {
    source(destination, None, None).is_ok()
}

/// The address that the kernel's routes send from to a destination; from an address or by an
/// interface where one is given. Connecting a UDP socket asks for it and sends nothing (udp(7)).
///
/// # Errors
/// `bind` says that the source is no address of this machine, `connect` that there is no route.
pub fn source(
    destination: Destination,
    from: Option<IpAddr>,
    interface: Option<u32>,
) -> Result<IpAddr, NetworkError> {
    connected(destination, from, interface, false)
}

/// The same of a broadcast address of the network that packets leave by; `None` for any other. The
/// kernel refuses one without SO_BROADCAST and takes it with it (EACCES, ip(7)); what a route
/// prohibits is refused both times. Sends nothing.
#[must_use]
pub fn broadcast_source(
    destination: Destination,
    from: Option<IpAddr>,
    interface: Option<u32>,
) -> Option<IpAddr> {
    let refused = connected(destination, from, interface, false).err()?;
    let may_be_one = destination.family() == Family::Ipv4 && refused.errno == libc::EACCES;
    connected(destination, from, interface, true).ok().filter(|_| may_be_one)
}

fn connected(
    destination: Destination,
    from: Option<IpAddr>,
    interface: Option<u32>,
    broadcast: bool,
) -> Result<IpAddr, NetworkError> {
    let socket = asker(destination.family())?;
    if broadcast {
        socket.set_broadcast(true).map_err(failed("setsockopt(SO_BROADCAST)"))?;
    }
    leave_by(&socket, interface)?;
    if let Some(from) = from {
        socket.bind(&SockAddr::from(SocketAddr::new(from, 0))).map_err(failed("bind"))?;
    }
    ask(&socket, destination)
}

/// A socket to ask with.
pub(super) fn asker(family: Family) -> Result<Socket, NetworkError> {
    let domain = if family == Family::Ipv4 { Domain::IPV4 } else { Domain::IPV6 };
    Socket::new(domain, Type::DGRAM, None).map_err(failed("socket"))
}

/// From now on it leaves by an interface, where one is given.
pub(super) fn leave_by(socket: &Socket, interface: Option<u32>) -> Result<(), NetworkError> {
    let Some(index) = interface else { return Ok(()) };
    raw::set_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, index.cast_signed())
        .map_err(|errno| NetworkError { call: "setsockopt(SO_BINDTOIFINDEX)", errno })
}

/// Where a socket that is not connected would send from; it is connected then.
pub(super) fn ask(socket: &Socket, destination: Destination) -> Result<IpAddr, NetworkError> {
    /// Any port: nothing is sent to it.
    const DISCARD: u16 = 9;
    let target = match destination {
        Destination::V4(v4) => SocketAddr::new(v4.into(), DISCARD),
        Destination::V6(v6, scope) => SocketAddrV6::new(v6, DISCARD, 0, scope).into(),
    };
    socket.connect(&SockAddr::from(target)).map_err(failed("connect"))?;
    let local = socket.local_addr().map_err(failed("getsockname"))?;
    let local = local.as_socket().ok_or(NetworkError { call: "getsockname", errno: EINVAL })?;
    Ok(local.ip())
}

fn failed(call: &'static str) -> impl FnOnce(io::Error) -> NetworkError {
    move |fault| NetworkError { call, errno: fault.raw_os_error().unwrap_or(EINVAL) }
}

/// Whether an address is one of this machine, so that packets can leave from it. Binding a UDP socket
/// asks for it (ip(7): EADDRNOTAVAIL). An IPv6 link-local address passes unasked: it belongs to an
/// interface, which is not known here.
#[must_use]
pub fn owns(address: IpAddr) -> bool {
    if address.is_unspecified() || address.is_multicast() {
        return false;
    }
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let Ok(socket) = Socket::new(domain, Type::DGRAM, None) else { return true };
    match socket.bind(&SockAddr::from(SocketAddr::new(address, 0))) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() != Some(libc::EADDRNOTAVAIL),
    }
}

/// Whether this machine has a family at all: where it has, the address that means itself is its own.
pub(crate) fn has_family(family: Family) -> bool {
    owns(match family {
        Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
        Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<Destination> {
        texts.iter().map(|text| Destination::new(text.parse().expect("an address"))).collect()
    }

    #[test]
    fn what_can_be_sent_to_comes_first_and_ipv6_before_ipv4() {
        let found = all(&["192.0.2.2", "192.0.2.1", "2001:db8::1", "192.0.2.2"]);
        let both = sorted_by(found.clone(), |_| true);
        assert_eq!(both, all(&["2001:db8::1", "192.0.2.2", "192.0.2.1"]));
        let only_ipv4 = sorted_by(found, |one| one.family() == Family::Ipv4);
        assert_eq!(only_ipv4, all(&["192.0.2.2", "192.0.2.1", "2001:db8::1"]));
    }

    #[test]
    fn this_machine_owns_loopback_and_no_documentation_address() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(owns(address("127.0.0.1")) && owns(address("127.9.9.9")));
        for foreign in ["192.0.2.1", "2001:db8::1", "224.0.0.1", "0.0.0.0", "::"] {
            assert!(!owns(address(foreign)), "{foreign}");
        }
    }

    #[test]
    fn loopback_can_be_sent_to() {
        assert!(can_send(all(&["127.0.0.1"])[0]));
    }
}
