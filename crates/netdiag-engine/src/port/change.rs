//! What can change at this machine while it measures.

use netdiag_model::Untrusted;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A change of this machine that makes samples doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The machine slept.
    Suspended {
        /// How long.
        length: Duration,
    },
    /// The wall clock was set; kernel stamps around it were replaced by user stamps.
    ClockStepped {
        /// Forwards if positive, in nanoseconds.
        nanos: i64,
    },
    /// Our own socket dropped packets for want of room.
    ReceiveDrops {
        /// How many, since the last such input.
        count: u64,
    },
    /// An interface, an address or a route changed.
    Interface(InterfaceChange),
}

/// A change of an interface, its addresses or the routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceChange {
    /// The index of the interface: of one that was made again under its name, the first; 0 for a
    /// route that leads to no interface.
    pub index: u32,
    /// Its name, where known.
    pub name: Option<Untrusted>,
    /// What happened.
    pub what: InterfaceEvent,
}

/// What can happen to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceEvent {
    /// It can be used again.
    Up,
    /// It lost its carrier: what is sent by it is lost, and nobody is told.
    NoCarrier,
    /// It was switched off.
    Down,
    /// It was deleted.
    Gone,
    /// It has an address more.
    AddressAdded(IpAddr),
    /// It will have an address more, unless another host turns out to have it (RFC 4862 section 5.4).
    AddressTentative(IpAddr),
    /// Another host has that address, and so it is not used.
    AddressDuplicate(IpAddr),
    /// It has an address less.
    AddressRemoved(IpAddr),
    /// It has an address less, and none of that family is left by which it is known beyond the link.
    LastAddressRemoved(IpAddr),
    /// There is a route to a network, with its prefix length, by it.
    RouteAdded(IpAddr, u8),
    /// There is no such route any more.
    RouteRemoved(IpAddr, u8),
}

impl InterfaceChange {
    /// The name of the interface, safe to print; its index where it has none.
    #[must_use]
    pub fn interface(&self) -> String {
        match &self.name {
            Some(name) => name.escaped().to_string(),
            None if self.index == 0 => "no interface".to_owned(),
            None => format!("interface {}", self.index),
        }
    }
}

impl fmt::Display for InterfaceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.interface(), self.what)
    }
}

impl fmt::Display for InterfaceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::NoCarrier => f.write_str("no carrier"),
            Self::Down => f.write_str("down"),
            Self::Gone => f.write_str("gone"),
            Self::AddressAdded(address) => write!(f, "address {address} added"),
            Self::AddressTentative(address) => {
                write!(f, "address {address} is being checked before use")
            }
            Self::AddressDuplicate(address) => write!(f, "address {address} is another host's"),
            Self::AddressRemoved(address) | Self::LastAddressRemoved(address) => {
                write!(f, "address {address} removed")
            }
            Self::RouteAdded(network, length) => write!(f, "route to {network}/{length} added"),
            Self::RouteRemoved(network, length) => write!(f, "route to {network}/{length} removed"),
        }
    }
}
