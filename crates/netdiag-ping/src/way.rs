//! What a change of this machine means for the way to the target.

use crate::Measurement;
use netdiag_engine::WayOut;
use netdiag_engine::port::{InterfaceChange, InterfaceEvent};
use netdiag_model::way::contains;
use netdiag_model::{Destination, Way};
use std::net::IpAddr;

impl Measurement {
    /// Whether a change touches the way that our probes take out of this machine.
    pub(crate) fn touched_by(&self, change: &InterfaceChange) -> WayOut {
        let fixed = self.config.control.source;
        self.config
            .way
            .map_or(WayOut::Untouched, |way| touched(change, way, fixed, self.config.destination))
    }
}

/// Whether a change touches the way to a destination; `fixed` is the source address that was asked
/// for.
pub(crate) fn touched(
    change: &InterfaceChange,
    way: Way,
    fixed: Option<IpAddr>,
    destination: Destination,
) -> WayOut {
    let ours = change.index == way.interface;
    match change.what {
        InterfaceEvent::NoCarrier if ours => WayOut::Lost,
        InterfaceEvent::Up | InterfaceEvent::Down | InterfaceEvent::Gone if ours => WayOut::Changed,
        InterfaceEvent::AddressAdded(address) | InterfaceEvent::AddressRemoved(address)
            if fixed.or(way.source) == Some(address) =>
        {
            WayOut::Changed
        }
        // No route but the machine's own leads to loopback.
        InterfaceEvent::RouteAdded(network, length)
        | InterfaceEvent::RouteRemoved(network, length)
            if !destination.address().is_loopback() && contains(network, length, destination) =>
        {
            WayOut::Changed
        }
        _ => WayOut::Untouched,
    }
}
