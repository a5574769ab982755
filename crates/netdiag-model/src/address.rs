//! Where a probe goes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The two internet protocols.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4, RFC 791.
    Ipv4,
    /// IPv6, RFC 8200.
    Ipv6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// `ipv4` or `ipv6`, the word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// Bytes of the IP header without options: 20 or 40.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::Ipv4 => 20,
            Self::Ipv6 => 40,
        }
    }
}

/// An address as the network layer needs it: IPv6 link-local addresses carry their interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address and its scope: an interface index, 0 where the address needs none.
    V6(Ipv6Addr, u32),
}

impl Destination {
    /// A destination without a scope.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self::scoped(address, 0)
    }

    /// A destination with a scope, which IPv4 ignores.
    #[must_use]
    pub const fn scoped(address: IpAddr, scope: u32) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6(v6, scope),
        }
    }

    /// The address alone.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::V4(v4) => IpAddr::V4(v4),
            Self::V6(v6, _) => IpAddr::V6(v6),
        }
    }

    /// The interface index that a link-local address belongs to, 0 for none.
    #[must_use]
    pub const fn scope(self) -> u32 {
        match self {
            Self::V4(_) => 0,
            Self::V6(_, scope) => scope,
        }
    }

    /// The family.
    #[must_use]
    pub const fn family(self) -> Family {
        Family::of(self.address())
    }

    /// Whether a packet from `from` comes from here. Scopes must agree where both are known:
    /// two interfaces can each have a neighbour with the same link-local address.
    #[must_use]
    pub fn is_source(self, from: Self) -> bool {
        self.address() == from.address()
            && (self.scope() == 0 || from.scope() == 0 || self.scope() == from.scope())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(v4) => v4.fmt(f),
            Self::V6(v6, 0) => v6.fmt(f),
            Self::V6(v6, scope) => write!(f, "{v6}%{scope}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_answer_from_another_interface_is_another_host() {
        let here = Destination::scoped("fe80::1".parse().expect("an address"), 2);
        let there = Destination::scoped("fe80::1".parse().expect("an address"), 3);
        assert!(here.is_source(here));
        assert!(!here.is_source(there));
        assert!(here.is_source(Destination::new(there.address())));
    }
}
