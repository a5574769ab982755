//! A target that says by another of its addresses that nobody listens at a port.

use crate::Measurement;
use crate::hop::{Hop, Met, Role};
use crate::protocol::{Protocol, State};
use netdiag_model::Destination;

impl Measurement {
    /// Takes a host for the target that says "port unreachable" right behind a router that passes packets
    /// on. Filters say so, too, and answer as routers for the hop before (RFC 1122 section 3.2.2.1 has
    /// only hosts say it); whose router is silent there may be one.
    pub(crate) fn find_stand_in(&mut self) {
        let is_udp = matches!(self.config.protocol, Protocol::Udp { .. });
        if !is_udp || self.hops.iter().any(|hop| hop.reached) {
            return;
        }
        let Some((ttl, address)) = self.stand_in() else { return };
        self.state.get_or_insert(State::PortUnreachable);
        if let Some(hop) = self.hops.iter_mut().find(|hop| hop.ttl == ttl) {
            hop.reached = true;
            hop.met.push(Met { address, role: Role::Target });
        }
    }

    fn stand_in(&self) -> Option<(u8, Destination)> {
        let hop = self.hops.iter().find(|hop| hop.stopped > 0)?;
        let is_first = hop.ttl == 1;
        let is_behind = |before: &Hop| before.ttl + 1 == hop.ttl && before.passed;
        let refuses = Met { address: hop.main()?.address, role: Role::Refuses };
        let who = hop.main().filter(|who| who.icmp.is_some_and(|it| it.is_port_unreachable()))?;
        let is_router = |other: &Hop| other.ttl < hop.ttl && other.names(who.address);
        let is_other = hop.met == [refuses] && !self.hops.iter().any(is_router);
        (is_other && (is_first || self.hops.iter().any(is_behind)))
            .then_some((hop.ttl, who.address))
    }
}

impl Hop {
    /// Whether somebody answered from this address.
    fn names(&self, address: Destination) -> bool {
        self.responders.iter().any(|who| who.address == address)
    }
}
