//! What is counted of outcomes, and told of hops.

use super::Flight;
use crate::Measurement;
use crate::config::Config;
use crate::epoch::Settlement;
use crate::event::{Event, EventKind, Settled};
use crate::protocol;
use crate::responder::Sent;
use crate::result::OutcomeName;
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{Events, Outcome, Probe};
use netdiag_model::{Family, Instant};

impl Measurement {
    /// Our packet as it was sent, as far as that is known.
    pub(super) fn sent_packet(&self, flow: u64, size: u16) -> Sent {
        let Config { control, way, destination, syn, .. } = &self.config;
        let family = destination.family();
        Sent {
            source: control.source.or_else(|| way.and_then(|way| way.source)),
            source_port: self
                .config
                .source_port
                .map(|port| port + u16::from(self.config.port_of(flow))),
            traffic_class: control.traffic_class.unwrap_or(0),
            dont_fragment: self.config.dont_fragment.filter(|_| family == Family::Ipv4),
            flow_label: control.flow_label,
            mss: syn.map(|syn| syn.mss),
            total_length: self.config.packet_bytes(size),
        }
    }

    /// Tells of the hops that are known for good, in their order.
    pub(super) fn tell_hops(&mut self, at: Instant, is_last: bool, events: &mut Events<Event>) {
        if !self.config.tells_hops {
            return;
        }
        if !is_last && self.multipath.as_ref().is_some_and(|multipath| !multipath.is_done) {
            return;
        }
        let (last, farthest) = (self.last(), self.farthest());
        loop {
            let ttl = self.told.max(self.config.first_ttl - 1).saturating_add(1);
            let Some(hop) = self.hop(ttl).filter(|_| ttl <= last) else { return };
            let missing =
                |who: &crate::responder::Responder| self.names.is_missing(who.address.address());
            let is_known = hop.is_settled()
                && !self.is_doubtful(hop)
                && (ttl <= farthest || self.end.is_some())
                && !hop.responders.iter().any(missing);
            if !(is_last && hop.asked > 0 || is_known) {
                return;
            }
            let hop = Box::new(self.hop_result(hop));
            self.told = ttl;
            events.push(self.event(at, EventKind::Hop(hop)));
        }
    }

    /// Takes an outcome into its hop.
    pub(super) fn take(
        &mut self,
        probe: &Probe,
        flight: Flight,
        outcome: &Outcome,
        events: &mut Events<Event>,
    ) -> Settled {
        let is_own = matches!(outcome, Outcome::NetError(error) if self.is_by_this_machine(error));
        let answer = protocol::answer(probe, outcome).filter(|_| !is_own);
        let too_big = answer.filter(|it| self.shrink(it, &flight));
        let answer = answer.filter(|_| too_big.is_none());
        let told = self.explained.remove(&probe.seq);
        let (kind, name) = match (&answer, outcome) {
            (Some(answer), _) => (SettledKind::Replied { rtt: answer.rtt }, OutcomeName::Reply),
            (None, Outcome::LocalError(error)) => {
                self.tally.unsent.count(error);
                (SettledKind::LocalError(()), OutcomeName::LocalError)
            }
            (None, _) if flight.is_check => (SettledKind::Unknown, OutcomeName::Unknown),
            (None, _) if is_own => (SettledKind::Lost(()), OutcomeName::NetError),
            // It never came as far as the hop that it was for.
            (None, Outcome::NetError(_) | Outcome::Unknown(_)) => {
                (SettledKind::Unknown, OutcomeName::Unknown)
            }
            (None, _) => (SettledKind::Lost(()), OutcomeName::Timeout),
        };
        let before = self.farthest();
        let bytes = self.config.packet_bytes(flight.size).filter(|_| self.config.finds_mtu);
        let is_of_one_flow = flight.flow == 0 && !self.config.connects();
        let at = answer.map_or(probe.sent_at, |answer| probe.sent_at + answer.rtt);
        let settlement =
            Settlement { sent_at: probe.sent_at, kind, answer, told, is_of_one_flow, bytes };
        if let Some(multipath) = &mut self.multipath {
            let met = answer.as_ref().map(protocol::Answer::vertex);
            multipath.on_settled(flight.ttl, flight.flow, met, name == OutcomeName::Timeout);
        }
        let change = self.settle_on_path(probe.seq, flight, settlement);
        if let Some(answer) = &answer {
            self.contradict(&flight, answer);
            self.on_answer(flight.ttl, answer, before, at);
        }
        if is_own {
            self.find_end();
        }
        if let Some(change) = change {
            let kind = EventKind::PathChanged(self.path_change(&change));
            events.push(self.event(at, kind));
        }
        let Flight { ttl, number, .. } = flight;
        Settled { ttl, query: number, outcome: name, answer }
    }

    fn on_answer(&mut self, ttl: u8, answer: &protocol::Answer, before: u8, at: Instant) {
        self.tally.on_stamp(answer.stamp);
        if let protocol::Meaning::Reached(state) = answer.meaning {
            self.state.get_or_insert(state);
            self.segment = self.segment.or(answer.segment);
            self.count_mss(answer);
            if self.config.destination.is_source(answer.from) {
                self.senders.note(answer);
            }
            self.answered_at = self.answered_at.max(Some(at));
        }
        if self.farthest() > before {
            self.progress_at = self.progress_at.max(Some(at));
        }
        if self.config.wants_names {
            self.names.want(answer.from.address());
        }
        self.doubt_end(ttl, answer.meaning);
        self.find_end_after(answer.from.address());
    }

    /// Takes the MSS that the target offers where it is smaller than ours.
    fn count_mss(&mut self, answer: &protocol::Answer) {
        let ours = self.config.syn.map_or(0, |syn| syn.mss);
        let mss = answer.segment.and_then(|segment| segment.offer.mss);
        if let Some(mss) = mss.filter(|mss| *mss < ours) {
            let count = self.low_mss.map_or(0, |(_, count)| count);
            self.low_mss = Some((mss, count + 1));
        }
    }
}
