//! Addresses and ports that are meant together.

use crate::socket::Endpoint;
use std::net::IpAddr;

/// Ports from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

/// A network and its ports; `None` of either: any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) network: Option<(IpAddr, u8)>,
    pub(crate) ports: Option<Ports>,
}

impl Scope {
    /// Whether an end of a connection is meant. IPv4 written as IPv6 is IPv4.
    pub(crate) fn holds(&self, end: Endpoint) -> bool {
        self.ports.is_none_or(|ports| (ports.first..=ports.last).contains(&end.port))
            && self.network.is_none_or(|(address, bits)| {
                is_in(end.canonical(), address, bits) || is_in(end.address, address, bits)
            })
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        _ => false,
    }
}
