//! Raw TCP (raw(7)): SYNs of our own and the answers to them.
//!
//! The ports that they leave from are reserved by TCP sockets that are bound and never listen nor
//! connect. So no connection of this machine has one of them, and what the kernel knows of an answer
//! is that nobody waits for it: it resets the connection, which ends it at the target, half open as it
//! is, with the courtesy that is due there.

use super::probe::{self, ProbeSocket};
use super::raw_icmp::{forget_foreign, lock_filter};
use super::{OpenRequest, udp};
use crate::{filter, random, raw};
use netdiag_engine::port::{Identifiers, NetworkError, Opening};
use netdiag_model::Family;
use netdiag_model::contract::SocketKind;
use socket2::{Domain, Protocol, Socket, Type};

/// How often another block of ports is tried where somebody has one of it.
const TRIES: usize = 16;
/// Blocks begin here: above the ports of services, in what RFC 6335 section 6 leaves to anybody.
const LEAST_PORT: u16 = 49_152;

/// Where descriptors are few, no more than this part of them goes into ports, if no more were asked for
/// than a measurement can do without.
const FEWEST_SHARE: usize = 4;
const DISPENSABLE: u8 = 16;

/// Opens one with its ports reserved and its filter attached and locked. `shared`: the ports that the
/// other family's has reserved for both, if it has.
pub(super) fn open(
    request: &OpenRequest,
    family: Family,
    shared: &mut Option<Identifiers>,
) -> Result<ProbeSocket, NetworkError> {
    let (domain, call) = match family {
        Family::Ipv4 => (Domain::IPV4, "socket(AF_INET, SOCK_RAW, IPPROTO_TCP)"),
        Family::Ipv6 => (Domain::IPV6, "socket(AF_INET6, SOCK_RAW, IPPROTO_TCP)"),
    };
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::TCP)).map_err(probe::error(call))?;
    probe::ask_for_stamps(&socket, request);
    let (identifiers, reserved) = match *shared {
        Some(identifiers) => (identifiers, Vec::new()),
        None if request.family.is_none() => {
            let both = reserve_some(None, request.tcp_ports);
            *shared = both.as_ref().ok().map(|(identifiers, _)| *identifiers);
            both.or_else(|_| reserve_some(Some(family), request.tcp_ports))?
        }
        None => reserve_some(Some(family), request.tcp_ports)?,
    };
    lock_filter(&socket, &filter::tcp(identifiers, family))?;
    forget_foreign(&socket);
    probe::set_options(&socket, request, family)?;
    let opening = Opening {
        socket: SocketKind::Raw,
        identifiers,
        because: "CAP_NET_RAW is present".to_owned(),
        lost: Vec::new(),
    };
    let mut socket = ProbeSocket::new(socket, family, opening, request);
    socket.reserved = Some(reserved);
    Ok(socket)
}

/// Takes `count` ports, or fewer where there are no descriptors for so many.
fn reserve_some(
    only: Option<Family>,
    mut count: u8,
) -> Result<(Identifiers, Vec<Socket>), NetworkError> {
    let reserved = match reserve(only, count) {
        Err(error) if error.errno == libc::EMFILE && (2..=DISPENSABLE).contains(&count) => {
            while count > 1 && usize::from(count) > raw::descriptor_limit() / FEWEST_SHARE {
                count /= 2;
            }
            reserve(only, count)
        }
        reserved => reserved,
    };
    reserved.map(|(first, sockets)| (Identifiers { first, count }, sockets))
}

/// Takes `count` ports in a row, a power of two, the first of which is a multiple of that.
/// Those of one family, or of both.
fn reserve(only: Option<Family>, count: u8) -> Result<(u16, Vec<Socket>), NetworkError> {
    let domain = match only {
        Some(Family::Ipv4) => Domain::IPV4,
        // A socket of IPv6 that may have both keeps a port from both.
        Some(Family::Ipv6) | None => Domain::IPV6,
    };
    let mut fault = NetworkError { call: "bind", errno: libc::EADDRINUSE };
    for _ in 0..TRIES {
        let first = match count {
            1 => 0,
            _ => {
                let drawn = random::bytes().map_err(probe::error("getrandom"))?;
                (LEAST_PORT | u16::from_ne_bytes(drawn)) & !(u16::from(count) - 1)
            }
        };
        let taken = (0..u16::from(count)).map(|n| {
            let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
                .map_err(probe::error("socket(SOCK_STREAM)"))?;
            let wanted = if first == 0 { 0 } else { first + n };
            let port = match only {
                Some(family) => udp::bind(&socket, family, wanted),
                None => udp::bind_v6(&socket, false, wanted),
            };
            port.map(|port| (port, socket))
        });
        match taken.collect::<Result<Vec<(u16, Socket)>, NetworkError>>() {
            Ok(taken) => {
                let first = taken.first().map_or(first, |(port, _)| *port);
                return Ok((first, taken.into_iter().map(|(_, socket)| socket).collect()));
            }
            Err(error) if error.errno == libc::EADDRINUSE => fault = error,
            Err(error) => return Err(error),
        }
    }
    Err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that is reserved is nobody else's, and answers to no connection.
    #[test]
    fn reserved_ports_are_a_block_that_nobody_else_gets() {
        let families = [(Domain::IPV4, Family::Ipv4), (Domain::IPV6, Family::Ipv6)];
        for only in [Some(Family::Ipv4), Some(Family::Ipv6), None] {
            for count in [1, 16, 64] {
                let (first, held) = reserve(only, count).expect("there are free ports");
                assert_eq!(held.len(), usize::from(count), "one socket a port, also of both");
                assert_eq!(first % u16::from(count), 0);
                let of = families.into_iter().filter(|(_, it)| only.is_none_or(|only| only == *it));
                for ((domain, family), port) in
                    of.flat_map(|of| (0..u16::from(count)).map(move |n| (of, first + n)))
                {
                    let other = Socket::new(domain, Type::STREAM, None).expect("a socket");
                    let taken = udp::bind(&other, family, port).expect_err("it is taken");
                    assert_eq!(taken.errno, libc::EADDRINUSE);
                }
            }
        }
    }
}
