//! A target that says by another of its addresses that nobody listens at a port.

use crate::Measurement;
use crate::hop::{Hop, Met, Role};
use crate::protocol::{Protocol, State};
use netdiag_model::Destination;

impl Measurement {
    /// Takes a host for the target that says "port unreachable", until another kind of probe tells. Filters
    /// say so, too (RFC 1122 section 3.2.2.1 has only hosts say it). Where no other kind will be asked
    /// nobody is taken for the target.
    pub(crate) fn find_stand_in(&mut self) {
        let is_endless = self.config.rounds.as_ref().is_some_and(|rounds| rounds.count.is_none());
        let is_asked = self.config.second.is_some_and(|second| second != self.config.protocol);
        let is_reached = || self.hops.iter().any(|hop| hop.reached);
        if is_endless || !is_asked || self.is_answered_by_filter || is_reached() {
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

    /// Whether who ended the path may be the target by another address, as far as anybody knows.
    pub(crate) fn may_stand_in(&self) -> bool {
        let is_heard = self.second.as_ref().is_some_and(|second| second.heard.is_some());
        !is_heard && self.stand_in().is_some()
    }

    /// Nothing more is asked: who was taken for the target is it only where the target itself answered
    /// the other kind of probe there.
    pub(crate) fn settle_stand_in(&mut self) {
        let is_heard = self.second.as_ref().is_some_and(|second| second.heard.is_some());
        if self.stands_in_at().is_some() && !is_heard {
            self.deny_stand_in();
        }
    }

    /// Packets of another kind go on there, or nobody knows better: it is not the target that says so.
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
        if !matches!(self.config.protocol, Protocol::Udp { .. }) {
            return None;
        }
        let hop = self.hops.iter().find(|hop| hop.stopped > 0)?;
        let refuses = Met { address: hop.main()?.address, role: Role::Refuses };
        let who = hop.main().filter(|who| who.icmp.is_some_and(|it| it.is_port_unreachable()))?;
        let is_router = |other: &Hop| other.ttl < hop.ttl && other.names(who.address);
        let is_other = hop.met == [refuses] && !self.hops.iter().any(is_router);
        is_other.then_some((hop.ttl, who.address))
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

    /// What a router on the way and then somebody who is not the target say, where `second` may be asked.
    fn path(second: Option<Protocol>, count: Option<u64>) -> Measurement {
        let [target, router, other] =
            [1, 2, 3].map(|octet| Destination::V4([192, 0, 2, octet].into()));
        let protocol = Protocol::Udp { port: 33_434 };
        let mut config = Config { protocol, max_ttl: 4, ..Config::new(0, target) };
        config.second = second;
        config.rounds = Some(Rounds { interval: Duration::ZERO, count, figures: None });
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
        path
    }

    fn reason(path: &Measurement) -> Option<StopReason> {
        path.end.map(|end| end.reason)
    }

    /// Where nobody else is asked, or only at an end that does not come, there is nothing to wait for.
    #[test]
    fn another_address_is_not_the_target_where_no_other_kind_tells() {
        let same = Some(Protocol::Udp { port: 33_434 });
        for (second, count) in [(None, Some(1)), (same, Some(1)), (Some(Protocol::Icmp), None)] {
            let path = path(second, count);
            assert_eq!(reason(&path), Some(StopReason::Unreachable), "{second:?}");
            assert!(path.may_stand_in() && path.verdict().contains("not by the target's own"));
        }
        // Nor where what was asked came back with nothing.
        let mut silent = path(Some(Protocol::Icmp), Some(1));
        assert_eq!(reason(&silent), Some(StopReason::Reached));
        silent.settle_stand_in();
        assert_eq!(reason(&silent), Some(StopReason::Unreachable));
        assert!(silent.may_stand_in());
    }

    /// It is another kind of probe that tells, not who is before it.
    #[test]
    fn it_may_be_the_target_behind_a_silent_router_too() {
        let mut path = path(Some(Protocol::Icmp), Some(1));
        path.deny_stand_in();
        path.is_answered_by_filter = false;
        if let Some(router) = path.hops.first_mut() {
            (router.passed, router.responders) = (false, Vec::new());
        }
        path.find_end();
        assert_eq!((reason(&path), path.stands_in_at()), (Some(StopReason::Reached), Some(2)));
    }

    #[test]
    fn who_passes_another_kind_on_is_not_the_target() {
        let mut path = path(Some(Protocol::Icmp), Some(1));
        assert_eq!((reason(&path), path.stands_in_at()), (Some(StopReason::Reached), Some(2)));
        // At the end of the last cycle it is asked.
        path.rounds.get_or_insert_default().cycle = 2;
        let next = path.next(Instant::ZERO, &mut Events::new());
        assert!(matches!(next, Next::Probe(ProbeSpec { target: 2, .. })), "{next:?}");
        path.deny_stand_in();
        assert_eq!((reason(&path), path.stands_in_at()), (Some(StopReason::Unreachable), None));
    }
}
