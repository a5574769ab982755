//! What a change of this machine means for the way to the target.

use crate::Measurement;
use netdiag_engine::WayOut;
use netdiag_engine::port::{InterfaceChange, InterfaceEvent};
use netdiag_model::way::contains;
use std::net::IpAddr;

impl Measurement {
    /// Whether a change touches the way that our probes take out of this machine.
    pub(crate) fn touched_by(&self, change: &InterfaceChange) -> WayOut {
        let Some(way) = self.config.way else { return WayOut::Untouched };
        let ours = change.index == way.interface;
        match change.what {
            InterfaceEvent::NoCarrier if ours => WayOut::Lost,
            InterfaceEvent::Up | InterfaceEvent::Down | InterfaceEvent::Gone if ours => {
                WayOut::Changed
            }
            InterfaceEvent::AddressAdded(address) | InterfaceEvent::AddressRemoved(address)
                if self.is_our_source(address) =>
            {
                WayOut::Changed
            }
            InterfaceEvent::RouteAdded(network, length)
            | InterfaceEvent::RouteRemoved(network, length)
                if self.is_on_our_way(network, length) =>
            {
                WayOut::Changed
            }
            _ => WayOut::Untouched,
        }
    }

    fn is_our_source(&self, address: IpAddr) -> bool {
        let chosen = self.config.way.and_then(|way| way.source);
        self.config.control.source.or(chosen) == Some(address)
    }

    /// No route but the machine's own leads to loopback.
    fn is_on_our_way(&self, network: IpAddr, length: u8) -> bool {
        let destination = self.config.destination;
        !destination.address().is_loopback() && contains(network, length, destination)
    }
}
