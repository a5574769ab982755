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
        if !is_udp || self.is_answered_by_filter || self.hops.iter().any(|hop| hop.reached) {
            return;
        }
        let Some((ttl, address)) = self.stand_in() else { return };
        self.state.get_or_insert(State::PortUnreachable);
        if let Some(hop) = self.hops.iter_mut().find(|hop| hop.ttl == ttl) {
            hop.reached = true;
            hop.met.push(Met { address, role: Role::Target });
        }
    }

    /// The hop at which somebody answers for the target who was asked by UDP.
    pub(crate) fn stands_in_at(&self) -> Option<u8> {
        let hop = self.reached_at()?;
        let who = hop.target(self.config.destination)?;
        let is_udp = matches!(self.config.protocol, Protocol::Udp { .. });
        (is_udp && !self.config.destination.is_source(who.address)).then_some(hop.ttl)
    }

    /// Packets of another kind go on there: it is a filter that says so.
    pub(crate) fn deny_stand_in(&mut self) {
        if let Some(hop) = self.hops.iter_mut().find(|hop| hop.reached) {
            hop.reached = false;
            hop.met.retain(|met| met.role != Role::Target);
        }
        self.is_answered_by_filter = true;
        (self.state, self.end) = (None, None);
        self.find_end();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::StopReason;
    use crate::protocol::{Answer, Meaning};
    use crate::{Config, Rounds};
    use netdiag_engine::{Events, Measurement as Policy, Next, ProbeSpec};
    use netdiag_model::{IcmpKind, Instant};
    use std::time::Duration;

    #[test]
    fn who_passes_another_kind_on_is_not_the_target() {
        let [target, router, other] =
            [1, 2, 3].map(|octet| Destination::V4([192, 0, 2, octet].into()));
        let protocol = Protocol::Udp { port: 33_434 };
        let mut config = Config { protocol, max_ttl: 4, ..Config::new(0, target) };
        config.second = Some(Protocol::Icmp);
        config.rounds = Some(Rounds { interval: Duration::ZERO, count: Some(1), figures: None });
        let mut path = Measurement::new(config);
        let port_unreachable = Some(IcmpKind::v4(3, 3));
        let says = [
            Answer::of(router, Meaning::Passed),
            Answer { icmp: port_unreachable, ..Answer::of(other, Meaning::Stopped) },
        ];
        for (hop, answer) in path.hops.iter_mut().zip(says) {
            hop.ask(Instant::ZERO);
            hop.answer(Instant::ZERO, &answer, None);
        }
        path.find_end();
        let reason = |path: &Measurement| path.end.map(|end| end.reason);
        assert_eq!((reason(&path), path.stands_in_at()), (Some(StopReason::Reached), Some(2)));
        // At the end of the last cycle it is asked.
        path.rounds.get_or_insert_default().cycle = 2;
        let next = path.next(Instant::ZERO, &mut Events::new());
        assert!(matches!(next, Next::Probe(ProbeSpec { target: 2, .. })), "{next:?}");
        path.deny_stand_in();
        assert_eq!((reason(&path), path.stands_in_at()), (Some(StopReason::Unreachable), None));
    }
}
