//! What a change of this machine means for the way to a destination.

use crate::measurement::WayOut;
use crate::port::{InterfaceChange, InterfaceEvent};
use netdiag_model::way::contains;
use netdiag_model::{Destination, Way};
use std::net::IpAddr;

impl WayOut {
    /// Whether a change touches the way to a destination; `fixed` is the source address that was asked
    /// for.
    #[must_use]
    pub fn after(
        change: &InterfaceChange,
        way: Way,
        fixed: Option<IpAddr>,
        destination: Destination,
    ) -> Self {
        let ours = change.index == way.interface;
        match change.what {
            InterfaceEvent::NoCarrier if ours => Self::Lost,
            InterfaceEvent::Up | InterfaceEvent::Down | InterfaceEvent::Gone if ours => {
                Self::Changed
            }
            InterfaceEvent::AddressAdded(address) | InterfaceEvent::AddressRemoved(address)
                if fixed.or(way.source) == Some(address) =>
            {
                Self::Changed
            }
            // No route but the machine's own leads to loopback.
            InterfaceEvent::RouteAdded(network, length)
            | InterfaceEvent::RouteRemoved(network, length)
                if !destination.address().is_loopback()
                    && contains(network, length, destination) =>
            {
                Self::Changed
            }
            _ => Self::Untouched,
        }
    }
}
