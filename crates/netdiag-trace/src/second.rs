//! A second kind of probe where nothing is heard of the first one any more: whether the path stops
//! there, or only that kind does. To probes as large as pass it is a small one of their kind. And where
//! somebody else answers for the target: whether it is a router that passes the other kind on.

use crate::Measurement;
use crate::config::SIZE;
use crate::end::StopReason;
use crate::measurement::Flight;
use crate::protocol::{self, Meaning, Protocol};
use netdiag_engine::{Next, Outcome, Probe};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How often each hop behind the last one is asked: what the rule of `path-stops` takes.
pub(crate) const QUERIES: u64 = 3;
/// From one round over these hops to the next one.
const APART: Duration = Duration::from_millis(20);
/// How soon it is asked again whether a probe has left.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// The longest that an answer is waited for where none has come at all.
const MOST_WAIT: Duration = Duration::from_secs(1);

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    pub(crate) protocol: Protocol,
    /// The hops that are asked.
    first: u8,
    last: u8,
    began: Instant,
    asked: u64,
    open: BTreeMap<u64, Flight>,
    /// How many left.
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// Who answered from behind the last hop, and at which one.
    pub(crate) heard: Option<(u8, IpAddr)>,
}

impl Second {
    fn hops(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }

    /// Whether each hop was asked as often as the rule takes, and said nothing.
    pub(crate) fn is_silent(&self) -> bool {
        self.heard.is_none() && self.lost >= self.hops() * QUERIES
    }

    /// Which hop is asked next, and not before which time; `None`: none.
    fn due(&self) -> Option<(u8, Instant)> {
        let round = u32::try_from(self.asked / self.hops()).unwrap_or(u32::MAX);
        let place = u8::try_from(self.asked % self.hops()).unwrap_or(0);
        let is_wanted = self.heard.is_none() && u64::from(round) < QUERIES;
        is_wanted.then(|| (self.first + place, self.began + APART * round))
    }
}

impl Measurement {
    /// What comes next of the second kind once nothing more comes of the first; `None`: nothing.
    pub(crate) fn next_of_second(&mut self, now: Instant) -> Option<Next> {
        let end = self.end?;
        let first = match end.reason {
            StopReason::GapLimit | StopReason::MaxTtl if self.rounds.is_none() => {
                self.farthest().saturating_add(1)
            }
            StopReason::Reached => self.stands_in_at()?,
            _ => return None,
        };
        let protocol = self.config.second?;
        if first > end.ttl {
            return None;
        }
        let wait = self.wait_of(first.saturating_sub(1)).min(MOST_WAIT);
        let spacing = self.last_asked.map_or(now, |last| last + self.config.spacing);
        let second = self.second.get_or_insert_with(|| Second {
            protocol,
            first,
            last: end.ttl,
            began: now,
            asked: 0,
            open: BTreeMap::new(),
            sent: 0,
            lost: 0,
            heard: None,
        });
        let is_heard = second.heard.is_some();
        let until = |flight: &Flight| flight.sent_at.unwrap_or(flight.asked_at) + wait;
        // One that has not left may still wait in a queue.
        let has_left = |flight: &Flight| flight.sent_at.is_some();
        let is_over = |it: &Flight| has_left(it) && (is_heard || until(it) <= now);
        let over = second.open.iter().filter(|open| is_over(open.1));
        let over: Vec<u64> = over.map(|(seq, _)| *seq).collect();
        if !over.is_empty() {
            return Some(Next::GiveUp(over));
        }
        let look = |it: &Flight| if has_left(it) { now } else { now + LOOK_AGAIN };
        let settles = second.open.values().map(|it| until(it).max(look(it))).min();
        match second.due().map(|(ttl, due)| (ttl, due.max(spacing))) {
            Some((ttl, due)) if due <= now => Some(self.ask_second(ttl, now)),
            Some((_, due)) => Some(Next::NotBefore(settles.map_or(due, |it| it.min(due)))),
            None => settles.map(Next::NotBefore),
        }
    }

    fn ask_second(&mut self, ttl: u8, now: Instant) -> Next {
        let (seq, flight) = self.flight(ttl, 0, now);
        let flight = Flight { size: self.second_size(), ..flight };
        let protocol = self.second.as_mut().map(|second| {
            second.asked += 1;
            second.open.insert(seq, flight);
            second.protocol
        });
        Next::Probe(self.spec(seq, ttl, protocol.unwrap_or_default(), (0, flight.size)))
    }

    /// Data bytes of one of the second kind.
    fn second_size(&self) -> u16 {
        if self.config.finds_mtu { SIZE } else { self.size }
    }

    /// The second kind in words, and whether it differs from the first one by its size alone.
    pub(crate) fn second_name(&self, second: &Second) -> (String, bool) {
        let bytes = self.config.packet_bytes(self.second_size());
        match bytes.filter(|_| second.protocol == self.config.protocol) {
            Some(bytes) => (format!("packets of {bytes} bytes"), true),
            None => (second.protocol.name().to_ascii_uppercase(), false),
        }
    }

    /// One of the second kind left.
    pub(crate) fn second_sent(&mut self, probe: &Probe) {
        let Some(second) = &mut self.second else { return };
        if let Some(flight) = second.open.get_mut(&probe.seq) {
            flight.sent_at = Some(probe.sent_at);
            second.sent += 1;
            self.last_at = self.last_at.max(Some(probe.sent_at));
        }
    }

    /// One of the second kind came to its end.
    pub(crate) fn settle_second(&mut self, probe: &Probe, outcome: &Outcome) {
        let Some(second) = &mut self.second else { return };
        let Some(flight) = second.open.remove(&probe.seq) else { return };
        if matches!(outcome, Outcome::TimedOut) {
            second.lost += 1;
        }
        let goes_on = |answer: &protocol::Answer| answer.meaning != Meaning::Stopped;
        if let Some(answer) = protocol::answer(probe, outcome).filter(goes_on) {
            second.heard.get_or_insert_with(|| (flight.ttl, answer.from.address()));
            self.last_at = self.last_at.max(Some(probe.sent_at + answer.rtt));
            if answer.meaning == Meaning::Passed && self.stands_in_at() == Some(flight.ttl) {
                self.deny_stand_in();
            }
        }
    }
}
