//! The last rung, TCP: sockets are made for each connection, so this only asks whether there are any.

use super::probe;
use netdiag_engine::port::NetworkError;
use netdiag_model::Family;
use socket2::{Domain, Protocol, Socket, Type};

/// Whether TCP sockets of a family can be had. Opens one and closes it, and sends nothing.
///
/// # Errors
/// Why none can be had.
pub fn tcp(family: Family) -> Result<(), NetworkError> {
    let (domain, call) = match family {
        Family::Ipv4 => (Domain::IPV4, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)"),
        Family::Ipv6 => (Domain::IPV6, "socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP)"),
    };
    Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).map(drop).map_err(probe::error(call))
}
