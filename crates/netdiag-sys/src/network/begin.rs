//! How connections begin: their sockets, and what their packets carry.

use crate::raw;
use netdiag_engine::port::{Connect, Control, Over};
use netdiag_model::{Destination, Family};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::os::fd::AsFd;

/// What does not end a connection attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// Everything may.
    ToNothing,
    /// A segment with a TTL or hop limit below 255, as the resets have that a firewall makes.
    ToResets,
}

/// Opens a socket and starts to connect it.
pub(super) fn open(connect: &Connect, deaf: Deaf) -> raw::Result<Socket> {
    begin(unconnected(connect.destination.family(), connect.over)?, connect, deaf)
}

/// Starts to connect a socket.
pub(super) fn begin(socket: Socket, connect: &Connect, deaf: Deaf) -> raw::Result<Socket> {
    let family = connect.destination.family();
    set_options(&socket, family, connect)?;
    if deaf == Deaf::ToResets {
        let (level, least) = match family {
            Family::Ipv4 => (libc::SOL_IP, libc::IP_MINTTL),
            Family::Ipv6 => (libc::SOL_IPV6, libc::IPV6_MINHOPCOUNT),
        };
        raw::set_int(socket.as_fd(), level, least, 255)?;
    }
    let target = match connect.destination {
        Destination::V4(v4) => SocketAddr::new(v4.into(), connect.port),
        Destination::V6(v6, scope) => SocketAddrV6::new(v6, connect.port, 0, scope).into(),
    };
    match socket.connect(&SockAddr::from(target)) {
        Ok(()) => Ok(socket),
        Err(error) if errno_of(&error) == libc::EINPROGRESS => Ok(socket),
        Err(error) => Err(errno_of(&error)),
    }
}

/// A socket that connects to nobody yet.
pub(super) fn unconnected(family: Family, over: Over) -> raw::Result<Socket> {
    let (kind, protocol) = match over {
        Over::Tcp => (Type::STREAM, Protocol::TCP),
        Over::Udp => (Type::DGRAM, Protocol::UDP),
    };
    Socket::new(domain(family), kind.nonblocking(), Some(protocol))
        .map_err(|error| errno_of(&error))
}

fn set_options(socket: &Socket, family: Family, connect: &Connect) -> raw::Result<()> {
    let fd = socket.as_fd();
    let (level, errors) = match family {
        Family::Ipv4 => (libc::SOL_IP, libc::IP_RECVERR),
        Family::Ipv6 => (libc::SOL_IPV6, libc::IPV6_RECVERR),
    };
    raw::set_int(fd, level, errors, 1)?;
    if connect.over == Over::Udp {
        // A path MTU that is too small is told, and nothing cut into fragments.
        let (discover, always) = match family {
            Family::Ipv4 => (libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO),
            Family::Ipv6 => (libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
        };
        raw::set_int(fd, level, discover, always)?;
    } else if connect.stays {
        // What is said leaves when it is said, whatever is not acknowledged yet (RFC 9293 section 3.7.4).
        raw::set_int(fd, libc::SOL_TCP, libc::TCP_NODELAY, 1)?;
    }
    carry(socket, family, &connect.control, connect.source_port)
}

/// What every packet of the connection carries, and the port that it leaves from; 0: any.
pub(super) fn carry(
    socket: &Socket,
    family: Family,
    control: &Control,
    port: u16,
) -> raw::Result<()> {
    let fd = socket.as_fd();
    let (level, hop_limit, class) = match family {
        Family::Ipv4 => (libc::SOL_IP, libc::IP_TTL, libc::IP_TOS),
        Family::Ipv6 => (libc::SOL_IPV6, libc::IPV6_UNICAST_HOPS, libc::IPV6_TCLASS),
    };
    if let Some(value) = control.hop_limit {
        raw::set_int(fd, level, hop_limit, value.into())?;
    }
    if let Some(value) = control.traffic_class {
        raw::set_int(fd, level, class, value.into())?;
    }
    if let Some(index) = control.interface {
        let index = NonZeroU32::new(index);
        match family {
            Family::Ipv4 => socket.bind_device_by_index_v4(index),
            Family::Ipv6 => socket.bind_device_by_index_v6(index),
        }
        .map_err(|error| errno_of(&error))?;
    }
    let source = match (control.source, port) {
        (None, 0) => return Ok(()),
        (source, 0) => {
            // The port is chosen at connect, so that one source serves many destinations.
            let _ = raw::set_int(fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
            source
        }
        (source, _) => {
            // One port serves many destinations, and what rests in TIME-WAIT holds it for none of them.
            raw::set_int(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
            source
        }
    };
    let local = SockAddr::from(SocketAddr::new(source.unwrap_or_else(|| any(family)), port));
    socket.bind(&local).map_err(|error| errno_of(&error))
}

pub(super) const fn domain(family: Family) -> Domain {
    match family {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    }
}

/// No address in particular.
pub(super) const fn any(family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

pub(super) fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
