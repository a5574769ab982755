//! The rung that needs no right: UDP, with ICMP errors from the socket's error queue (ip(7),
//! IP_RECVERR). Never connected: one socket serves all targets.

use super::probe::{self, ProbeSocket, StampKeys};
use super::{OpenRequest, why};
use crate::raw;
use netdiag_engine::port::{Identifiers, NetworkError, Opening, Refused};
use netdiag_model::Family;
use netdiag_model::contract::SocketKind;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

/// Opens one on the port that was asked for, or one of the kernel's choice. `has_quotes`: a raw socket hears what routers quote of
/// datagrams. `refused`: what of ICMP could not be had; empty where
/// ICMP is open as well.
pub(super) fn open(
    request: &OpenRequest,
    family: Family,
    refused: &[Refused],
    has_quotes: bool,
) -> Result<ProbeSocket, NetworkError> {
    let (domain, call) = match family {
        Family::Ipv4 => (Domain::IPV4, "socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP)"),
        Family::Ipv6 => (Domain::IPV6, "socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP)"),
    };
    let socket =
        Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(probe::error(call))?;
    probe::ask_for_stamps(&socket, request);
    let port = bind(&socket, family, request.udp_port.unwrap_or(0))?;
    probe::set_options(&socket, request, family)?;
    let opening = Opening {
        socket: SocketKind::UdpErrorQueue,
        identifiers: Identifiers { first: port, count: 1 },
        because: why::no_icmp(refused).unwrap_or_else(|| "UDP was asked for".to_owned()),
        lost: LOST
            .iter()
            .filter(|lost| !has_quotes || **lost != HEADERS)
            .map(|lost| (*lost).to_owned())
            .collect(),
    };
    Ok(ProbeSocket::new(socket, family, opening, request))
}

/// Another one for queries, on a port of the kernel's choice, with what was asked for of all sockets.
pub(crate) fn another(
    request: &OpenRequest,
    family: Family,
    stamp_keys: StampKeys,
) -> Result<ProbeSocket, NetworkError> {
    let domain = match family {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    };
    let socket =
        Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(probe::error("socket"))?;
    probe::ask_for_stamps(&socket, request);
    let port = bind(&socket, family, 0)?;
    probe::set_requested(socket.as_fd(), request, family)?;
    probe::ask_for_news(&socket, family, true);
    let opening = Opening {
        socket: SocketKind::UdpErrorQueue,
        identifiers: Identifiers { first: port, count: 1 },
        because: String::new(),
        lost: Vec::new(),
    };
    let mut socket = ProbeSocket::new(socket, family, opening, request);
    socket.stamp_keys = stamp_keys;
    Ok(socket)
}

/// Takes another port of the kernel's choice: a port that nobody named goes with the association
/// (`__udp_disconnect` in net/ipv4/udp.c).
pub(crate) fn renew(socket: &ProbeSocket) -> Result<u16, NetworkError> {
    raw::disconnect(socket.as_fd()).map_err(|errno| NetworkError { call: "connect", errno })?;
    let any: IpAddr = match socket.family {
        Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    bind_any(&SockRef::from(socket), any, 0)
}

/// What a raw ICMP socket beside it hears.
const HEADERS: &str = "IP headers of replies, and of our probe as routers quote it";

/// What UDP with an error queue cannot tell.
const LOST: &[&str] = &[
    "hosts that answer pings but drop UDP count as lost",
    "targets limit their \"port unreachable\" (Linux: one a second after a burst of 6): \
     what they hold back counts as lost",
    "which of several probes to one port a router means that quotes only 8 bytes",
    HEADERS,
    "redirects and source quench",
    "ICMP errors that found no room in the socket are not counted",
];

/// Takes a port now, so that it is ours from the start. SO_REUSEADDR and SO_REUSEPORT stay off:
/// nobody else gets what is sent to it. 0: one of the kernel's choice.
pub(super) fn bind(socket: &Socket, family: Family, port: u16) -> Result<u16, NetworkError> {
    match family {
        Family::Ipv4 => bind_any(socket, Ipv4Addr::UNSPECIFIED.into(), port),
        Family::Ipv6 => bind_v6(socket, true, port),
    }
}

/// The same of IPv6, and of IPv4 too unless `only`.
pub(super) fn bind_v6(socket: &Socket, only: bool, port: u16) -> Result<u16, NetworkError> {
    raw::set_int(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_V6ONLY, i32::from(only))
        .map_err(|errno| NetworkError { call: "setsockopt(IPV6_V6ONLY)", errno })?;
    bind_any(socket, Ipv6Addr::UNSPECIFIED.into(), port)
}

fn bind_any(socket: &Socket, any: IpAddr, port: u16) -> Result<u16, NetworkError> {
    socket.bind(&SockAddr::from(SocketAddr::new(any, port))).map_err(probe::error("bind"))?;
    if port == 0 { probe::local_port(socket) } else { Ok(port) }
}
