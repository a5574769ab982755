//! What is counted of outcomes, and told of hops.

use super::Flight;
use crate::Measurement;
use crate::config::Config;
use crate::event::{Event, EventKind, Settled};
use crate::protocol::{self, Protocol};
use crate::responder::Sent;
use crate::result::OutcomeName;
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{Events, Outcome, Probe};
use netdiag_model::{Family, Instant};

impl Measurement {
    /// Our packet as it was sent, as far as that is known.
    pub(super) fn sent_packet(&self) -> Sent {
        let Config { control, way, size, destination, .. } = &self.config;
        let family = destination.family();
        let data = match self.config.protocol {
            Protocol::Tcp { .. } => None,
            _ => Some(8 + u32::from(*size)),
        };
        Sent {
            source: control.source.or_else(|| way.and_then(|way| way.source)),
            source_port: self.config.source_port,
            traffic_class: control.traffic_class.unwrap_or(0),
            dont_fragment: self.config.dont_fragment.filter(|_| family == Family::Ipv4),
            flow_label: control.flow_label,
            total_length: data.map(|data| data + u32::try_from(family.header_len()).unwrap_or(0)),
        }
    }

    /// Tells of the hops that are known for good, in their order.
    pub(super) fn tell_hops(&mut self, at: Instant, is_last: bool, events: &mut Events<Event>) {
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
    pub(super) fn take(&mut self, probe: &Probe, flight: Flight, outcome: &Outcome) -> Settled {
        let answer = protocol::answer(probe, outcome);
        let told = self.explained.remove(&probe.seq);
        let (kind, name) = match (&answer, outcome) {
            (Some(answer), _) => (SettledKind::Replied { rtt: answer.rtt }, OutcomeName::Reply),
            (None, Outcome::LocalError(error)) => {
                self.tally.unsent.count(error);
                (SettledKind::LocalError(()), OutcomeName::LocalError)
            }
            (None, Outcome::Unknown(_)) => (SettledKind::Unknown, OutcomeName::Unknown),
            (None, _) => (SettledKind::Lost(()), OutcomeName::Timeout),
        };
        let before = self.farthest();
        let at = answer.map_or(probe.sent_at, |answer| probe.sent_at + answer.rtt);
        if let Some(hop) = self.hop_mut(flight.ttl) {
            hop.settle(flight.query, probe.sent_at, kind);
            if let Some(answer) = &answer {
                hop.answer(at, answer, told);
            }
        }
        if let Some(answer) = &answer {
            self.on_answer(answer, before, at);
        }
        Settled { ttl: flight.ttl, query: flight.query, outcome: name, answer }
    }

    fn on_answer(&mut self, answer: &protocol::Answer, before: u8, at: Instant) {
        self.tally.on_stamp(answer.stamp);
        if let protocol::Meaning::Reached(state) = answer.meaning {
            self.state.get_or_insert(state);
        }
        if self.farthest() > before {
            self.progress_at = self.progress_at.max(Some(at));
        }
        if self.config.wants_names {
            self.names.want(answer.from.address());
        }
        self.find_end();
    }
}
