//! The second rung: ICMP datagram ("ping") sockets (icmp(7), net.ipv4.ping_group_range).

use super::probe::{self, ProbeSocket};
use super::{OpenRequest, why};
use crate::{random, raw};
use netdiag_engine::port::{Identifiers, NetworkError, Opening, Refused};
use netdiag_model::Family;
use netdiag_model::contract::SocketKind;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

/// How many identifiers are tried before giving up: by then every second one is taken.
const DRAWS: usize = 64;

/// Opens one, bound to an identifier that nobody else can bind.
pub(super) fn open(
    request: &OpenRequest,
    family: Family,
    better: &[Refused],
) -> Result<ProbeSocket, NetworkError> {
    let (domain, protocol, call) = match family {
        Family::Ipv4 => {
            (Domain::IPV4, Protocol::ICMPV4, "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)")
        }
        Family::Ipv6 => {
            (Domain::IPV6, Protocol::ICMPV6, "socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6)")
        }
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(protocol)).map_err(probe::error(call))?;
    probe::ask_for_stamps(&socket, request);
    let first = bind(&socket, request.identifier, family)?;
    probe::set_options(&socket, request, family)?;
    let opening = Opening {
        socket: SocketKind::IcmpDatagram,
        identifiers: Identifiers { first, count: 1 },
        because: because(better),
        lost: lost(request, family),
    };
    Ok(ProbeSocket::new(socket, family, opening, request))
}

/// The same with and without IP_RECVOPTS.
const HEADERS: &str = "IP headers of replies (options, identification, type of service)";
const HEADERS_BUT_OPTIONS: &str = "IP headers of replies (identification, type of service)";

/// What an ICMP datagram socket cannot tell.
const LOST: &[&str] = &[
    HEADERS,
    "the IP header of our probe as routers quote it",
    "redirects, source quench, and answers under another identifier",
    "timestamp requests cannot be sent",
];

fn lost(request: &OpenRequest, family: Family) -> Vec<String> {
    let said = |said: &'static str| match said {
        HEADERS if request.ip_options && family == Family::Ipv4 => HEADERS_BUT_OPTIONS,
        other => other,
    };
    LOST.iter().copied().map(|lost| said(lost).to_owned()).collect()
}

fn because(better: &[Refused]) -> String {
    match better.first() {
        None => "an ICMP datagram socket was asked for".to_owned(),
        Some(refused) => {
            let raw = why::no_raw(&refused.error);
            format!("{raw}; net.ipv4.ping_group_range allows this group")
        }
    }
}

/// Binds to the identifier that was asked for, or to a random one. These sockets start with
/// SO_REUSEADDR on, and then whoever binds the same identifier last gets all the replies.
fn bind(socket: &Socket, asked: Option<u16>, family: Family) -> Result<u16, NetworkError> {
    raw::set_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 0)
        .map_err(|errno| NetworkError { call: "setsockopt(SO_REUSEADDR)", errno })?;
    if let Some(identifier) = asked {
        if identifier == 0 {
            // To the kernel that is any.
            return Err(NetworkError { call: "bind", errno: libc::EINVAL });
        }
        bind_to(socket, identifier, family)?;
        return probe::local_port(socket);
    }
    for _ in 0..DRAWS {
        let drawn = random::bytes().map_err(probe::error("getrandom"))?;
        match bind_to(socket, u16::from_ne_bytes(drawn).max(1), family) {
            Err(error) if error.errno == libc::EADDRINUSE => {}
            Err(error) => return Err(error),
            Ok(()) => return probe::local_port(socket),
        }
    }
    Err(NetworkError { call: "bind", errno: libc::EADDRINUSE })
}

fn bind_to(socket: &Socket, identifier: u16, family: Family) -> Result<(), NetworkError> {
    let any = match family {
        Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let address = SockAddr::from(SocketAddr::new(any, identifier));
    socket.bind(&address).map_err(probe::error("bind"))
}
