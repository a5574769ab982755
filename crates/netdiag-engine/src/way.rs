//! What a change of this machine means for the way to a destination.

use crate::measurement::WayOut;
use crate::port::{InterfaceChange, InterfaceEvent};
use netdiag_model::way::contains;
use netdiag_model::{Destination, Family, Way};
use std::net::{IpAddr, Ipv6Addr};

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
        let source = fixed.or(way.source);
        match change.what {
            InterfaceEvent::NoCarrier if ours => Self::Lost,
            InterfaceEvent::Up | InterfaceEvent::Down | InterfaceEvent::Gone if ours => {
                Self::Changed
            }
            InterfaceEvent::AddressTentative(address)
            | InterfaceEvent::AddressDuplicate(address)
                if source == Some(address) =>
            {
                Self::NoSource
            }
            // Without any other, packets leave from an address that nobody answers.
            InterfaceEvent::LastAddressRemoved(address @ IpAddr::V6(_))
                if destination.family() == Family::Ipv6
                    && (source == Some(address) || ours && fixed.is_none()) =>
            {
                Self::NoSource
            }
            InterfaceEvent::AddressAdded(address)
                if source == Some(address)
                    || ours && brings_source(address, way, fixed, destination) =>
            {
                Self::SourceBack
            }
            InterfaceEvent::AddressRemoved(address)
            | InterfaceEvent::LastAddressRemoved(address)
                if source == Some(address) =>
            {
                Self::Changed
            }
            // By another interface it is another way, which has an address of its own.
            InterfaceEvent::RouteAdded(network, length)
                if !ours
                    && change.index != 0
                    && !destination.address().is_loopback()
                    && contains(network, length, destination) =>
            {
                Self::SourceBack
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

    /// What a way means before anything was sent; `fixed` is the source address that was asked for.
    #[must_use]
    pub fn at_start(way: Way, fixed: Option<IpAddr>, destination: Destination) -> Self {
        match fixed.is_none() && has_no_source(way, destination) {
            true => Self::NoSource,
            false => Self::Untouched,
        }
    }
}

/// Whether packets to a host leave from an address that it cannot answer, since there is no better
/// one: loopback's, or one of the link to a host that is beyond it (RFC 6724 section 5, rule 2). So it
/// is while every other is still being checked (RFC 4862 section 5.4).
#[must_use]
fn has_no_source(way: Way, destination: Destination) -> bool {
    let (IpAddr::V6(to), Some(IpAddr::V6(from))) = (destination.address(), way.source) else {
        return false;
    };
    let is_near = |address: Ipv6Addr| address.is_loopback() || address.is_unicast_link_local();
    is_near(from) && !is_near(to) && !to.is_multicast()
}

/// Whether an address that came is the source that there was not before.
fn brings_source(
    address: IpAddr,
    way: Way,
    fixed: Option<IpAddr>,
    destination: Destination,
) -> bool {
    fixed.is_none()
        && has_no_source(way, destination)
        && !has_no_source(Way { source: Some(address), ..way }, destination)
        && address.is_ipv6()
}
