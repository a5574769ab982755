//! Which way packets leave this machine.

use crate::{Destination, Family, Untrusted};
use std::net::IpAddr;

/// The way of packets to a destination, as the kernel's routes had it when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The address that they leave from, where the route names one.
    pub source: Option<IpAddr>,
    /// The index of the interface that they leave by.
    pub interface: u32,
    /// It leads to every host of a network: the destination is a broadcast address.
    pub is_broadcast: bool,
}

/// The interface that packets leave by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: Untrusted,
    /// The largest packet that it takes, in bytes with the IP header.
    pub mtu: u32,
}

/// Whether a network, as an address and the length of its prefix, holds a destination.
#[must_use]
pub fn contains(network: IpAddr, length: u8, destination: Destination) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let differ = bits(network) ^ bits(destination.address());
    Family::of(network) == destination.family() && differ.leading_zeros() >= u32::from(length)
}

/// The initial TTL of a packet that came with this one, as a guess: the smallest of the usual ones
/// that is not below it.
#[must_use]
pub fn initial_ttl(ttl: u8) -> u8 {
    [32, 64, 128].into_iter().find(|initial| *initial >= ttl).unwrap_or(u8::MAX)
}

/// Routers that a packet with this TTL has passed, as a guess.
#[must_use]
pub fn hops_back(ttl: u8) -> u8 {
    initial_ttl(ttl) - ttl
}

/// So many routers apart, answers of one address are those of two, ...
pub const OTHER_SENDER_ROUTERS: u8 = 2;
/// ... where each distance was seen so often.
pub const OTHER_SENDER_SEEN: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_has_its_prefix() {
        let within = |network: &str, length, address: &str| {
            let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
            contains(parse(network), length, Destination::new(parse(address)))
        };
        assert!(within("10.9.2.0", 24, "10.9.2.2") && !within("10.9.2.0", 24, "10.9.3.2"));
        assert!(within("0.0.0.0", 0, "192.0.2.1") && !within("0.0.0.0", 0, "::1"));
        assert!(within("10.9.2.2", 32, "10.9.2.2") && !within("10.9.2.2", 32, "10.9.2.3"));
        assert!(within("fd09::", 16, "fd09:2::2") && !within("fd09::", 32, "fd09:2::2"));
    }
}
