//! The first rung: raw ICMP sockets (raw(7)). Never bound and never connected, since neither can
//! be undone after the privileges are gone; source and interface travel with each packet.

use super::OpenRequest;
use super::probe::{self, ProbeSocket};
use crate::filter::Quotes;
use crate::{filter, random, raw};
use netdiag_engine::port::{Identifiers, NetworkError, Opening, Refused};
use netdiag_model::Family;
use netdiag_model::contract::SocketKind;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

/// `SO_LOCK_FILTER` (socket(7)).
const SO_LOCK_FILTER: i32 = 44;
/// `ICMPV6_FILTER` of linux/icmpv6.h, at the level IPPROTO_ICMPV6.
const ICMPV6_FILTER: i32 = 1;

/// More packets than a receive buffer of the usual size holds.
const MOST_FOREIGN: usize = 4_096;

/// Opens one with its filter attached and locked.
pub(super) fn open(
    request: &OpenRequest,
    family: Family,
    _: &[Refused],
) -> Result<ProbeSocket, NetworkError> {
    let (domain, protocol, call) = match family {
        Family::Ipv4 => (Domain::IPV4, Protocol::ICMPV4, "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)"),
        Family::Ipv6 => {
            (Domain::IPV6, Protocol::ICMPV6, "socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)")
        }
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).map_err(probe::error(call))?;
    probe::ask_for_stamps(&socket, request);
    let identifiers = identifiers(request)?;
    let quotes = Quotes { udp: request.udp_quotes, tcp: request.tcp_ports > 0 };
    attach_filter(&socket, family, identifiers, quotes)?;
    forget_foreign(&socket);
    probe::set_options(&socket, request, family)?;
    let opening = Opening {
        socket: SocketKind::Raw,
        identifiers,
        because: "CAP_NET_RAW is present".to_owned(),
        lost: Vec::new(),
    };
    let mut socket = ProbeSocket::new(socket, family, opening, request);
    socket.only_listens = quotes != Quotes::default();
    Ok(socket)
}

/// The identifier that was asked for, or a random block of 16 that is not the first.
fn identifiers(request: &OpenRequest) -> Result<Identifiers, NetworkError> {
    if let Some(first) = request.identifier {
        return Ok(Identifiers { first, count: 1 });
    }
    loop {
        let drawn = random::bytes().map_err(probe::error("getrandom"))?;
        let first = u16::from_ne_bytes(drawn) & !15;
        if first != 0 {
            return Ok(Identifiers { first, count: 16 });
        }
    }
}

/// Forgets what came between the opening of the socket and its filter: nothing was sent, so nothing
/// is for us.
pub(crate) fn forget_foreign(socket: &Socket) {
    let mut byte = [MaybeUninit::uninit()];
    let mut forget = || socket.recv_with_flags(&mut byte, libc::MSG_DONTWAIT).is_ok();
    let _ = (0..MOST_FOREIGN).find(|_| !forget());
}

fn attach_filter(
    socket: &Socket,
    family: Family,
    identifiers: Identifiers,
    quotes: Quotes,
) -> Result<(), NetworkError> {
    let program = match family {
        Family::Ipv4 => filter::ipv4(identifiers, quotes),
        Family::Ipv6 => filter::ipv6(identifiers, quotes),
    };
    lock_filter(socket, &program)?;
    if family == Family::Ipv6 {
        // Only spares the kernel a copy of what the filter drops, so a refusal is no matter.
        let types = filter::icmp6_types();
        let _ = raw::set_bytes(socket.as_fd(), libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &types);
    }
    Ok(())
}

/// Attaches a filter for good.
pub(crate) fn lock_filter(socket: &Socket, program: &[SockFilter]) -> Result<(), NetworkError> {
    socket.attach_filter(program).map_err(probe::error("setsockopt(SO_ATTACH_FILTER)"))?;
    raw::set_int(socket.as_fd(), libc::SOL_SOCKET, SO_LOCK_FILTER, 1)
        .map_err(|errno| NetworkError { call: "setsockopt(SO_LOCK_FILTER)", errno })
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;

    /// What an attacker could want of a descriptor that outlives the privileges.
    #[test]
    fn the_filter_is_locked_and_headers_are_the_kernels() {
        for family in [Family::Ipv4, Family::Ipv6] {
            let socket = match open(&OpenRequest::default(), family, &[]) {
                Ok(socket) => socket,
                Err(error) => {
                    assert_eq!(
                        error.errno,
                        libc::EPERM,
                        "only a missing right is a reason: {error}"
                    );
                    continue;
                }
            };
            let raw = SockRef::from(&socket);
            let block = Identifiers { first: 16, count: 16 };
            for change in
                [raw.attach_filter(&filter::ipv4(block, Quotes::default())), raw.detach_filter()]
            {
                let refused = change.expect_err("the filter stays");
                assert_eq!(refused.raw_os_error(), Some(libc::EPERM), "{refused}");
            }
            let own_headers = match family {
                Family::Ipv4 => raw.header_included_v4(),
                Family::Ipv6 => raw.header_included_v6(),
            };
            assert!(!own_headers.expect("asked"), "the source address is the kernel's to check");
        }
    }

    /// The identifiers are random for each start, whoever the process is.
    #[test]
    fn the_identifiers_are_a_random_block_of_sixteen() {
        let draw = || identifiers(&OpenRequest::default()).expect("getrandom");
        let drawn: Vec<Identifiers> = (0..8).map(|_| draw()).collect();
        for block in &drawn {
            assert_eq!((block.first % 16, block.count), (0, 16));
            assert_ne!(block.first, 0);
        }
        assert!(drawn.iter().any(|block| block.first != drawn[0].first), "{drawn:?}");
    }
}
