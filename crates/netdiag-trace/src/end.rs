//! Where a path ends, and why.

use crate::Measurement;
use crate::hop::Hop;
use crate::protocol::Meaning;
use std::net::IpAddr;

/// Why nothing further is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The target answered.
    Reached,
    /// The last hop that may be asked did not reach it.
    MaxTtl,
    /// So many hops in a row were silent.
    GapLimit,
    /// The same routers came a second time.
    Loop,
    /// A router said that it goes no further.
    Unreachable,
    /// The time was over.
    Deadline,
    /// A signal ended it.
    Interrupted,
    /// Nothing left this machine.
    LocalError,
}

/// The last hop that belongs to the path, and why it is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) ttl: u8,
    pub(crate) reason: StopReason,
}

/// So many answers of a router that it goes no further are enough.
pub(crate) const REFUSALS: u64 = 2;
/// How many probes that this machine refused to send mean that it sends none.
const REFUSED: u64 = 3;

impl Measurement {
    /// The farthest hop that answered; the one before the first where none did.
    pub(crate) fn farthest(&self) -> u8 {
        let answered = self.hops.iter().rev().find(|hop| hop.has_answered());
        answered.map_or(self.config.first_ttl - 1, |hop| hop.ttl)
    }

    /// The last hop that may belong to the path.
    pub(crate) fn last(&self) -> u8 {
        let by_gap = self.farthest().saturating_add(self.config.gap);
        self.end.map_or_else(|| by_gap.min(self.config.max_ttl), |end| end.ttl)
    }

    /// The same after an answer from there: only who was there before begins a cycle.
    pub(crate) fn find_end_after(&mut self, from: IpAddr) {
        let times = self.hops.iter().filter(|hop| hop.only() == Some(from)).count();
        self.find_end_among(times > 1);
    }

    /// Looks again where the path ends, after an answer. What was told of stays.
    pub(crate) fn find_end(&mut self) {
        self.find_end_among(true);
    }

    fn find_end_among(&mut self, may_be_cycle: bool) {
        self.find_stand_in();
        let reached = self.hops.iter().find(|hop| hop.reached);
        let stopped = || self.hops.iter().find(|hop| hop.stopped > 0);
        let reached_at = reached.map(|hop| hop.ttl);
        let kept = self.without_neighbour().map(|_| self.config.first_ttl);
        if std::mem::replace(&mut self.ends_here, kept.is_some()) && kept.is_none() {
            self.end = None;
        }
        let found = match (reached, reached.map_or_else(stopped, |_| None)) {
            (None, None) if kept.is_some() => {
                kept.map(|ttl| End { ttl, reason: StopReason::Unreachable })
            }
            (Some(hop), _) => Some(End { ttl: hop.ttl, reason: StopReason::Reached }),
            (None, Some(hop)) => Some(End { ttl: hop.ttl, reason: StopReason::Unreachable }),
            (None, None) if !may_be_cycle => None,
            (None, None) => cycle(&self.hops)
                .map(|cycle| End { ttl: cycle.second_end(), reason: StopReason::Loop }),
        };
        // Other flows may get further.
        let searched = self.multipath.as_ref().map_or(0, |multipath| multipath.farthest);
        let least = self.told.max(searched);
        self.end = found.map(|end| End { ttl: end.ttl.max(least), ..end }).or(self.end);
        if let (Some(hop), Some(spread)) = (reached_at, &self.config.spread) {
            spread.note_reached(hop);
        }
        if self.refusals() >= REFUSALS {
            // A router limits these, too, and what was to go further met the same one.
            let ttl = self.last();
            if let Some(hop) = self.hops.iter_mut().find(|hop| hop.ttl == ttl) {
                hop.wanted = hop.asked;
            }
        }
    }

    /// A path that was thought to end at a hop does not, where a router answers there.
    pub(crate) fn doubt_end(&mut self, ttl: u8, meaning: Meaning) {
        let end = self.end.filter(|end| end.reason == StopReason::Reached && end.ttl == ttl);
        let is_reached = self.hop(ttl).is_some_and(|hop| hop.reached);
        if end.is_some() && meaning == Meaning::Passed && !is_reached {
            self.end = None;
            if let Some(rounds) = &mut self.rounds {
                rounds.known = ttl;
            }
        }
    }

    /// How many answers said that the path ends where it does; also to probes that were to go
    /// further. None where it ends otherwise.
    pub(crate) fn refusals(&self) -> u64 {
        match self.end {
            Some(End { ttl, reason: StopReason::Unreachable }) => {
                let further = self.hops.iter().filter(|hop| hop.ttl >= ttl);
                further.map(|hop| hop.stopped).sum()
            }
            _ => 0,
        }
    }

    /// Whether nothing more can come of the hops of the path; then its end is set.
    pub(crate) fn is_over(&mut self) -> bool {
        let last = self.last();
        let of_path = || self.hops.iter().take_while(|hop| hop.ttl <= last);
        let is_under_way = match self.rounds {
            Some(_) => !self.rounds_are_over() || self.open.values().any(|probe| probe.ttl <= last),
            None => {
                let nothing_comes = self.sends_nothing() && self.open.is_empty();
                !(nothing_comes || of_path().all(Hop::is_settled))
            }
        };
        let is_searching = self.multipath.as_ref().is_some_and(|it| it.is_searching);
        let may_repeat = self.rounds.is_none() && !is_searching;
        if is_under_way || (may_repeat && self.repeat_next()) || self.searches() {
            return false;
        }
        self.merge_trial();
        self.close();
        true
    }

    /// Nothing more is asked: why the path ends where it does.
    fn close(&mut self) {
        let (last, farthest) = (self.last(), self.farthest());
        let (sent, refused) = self.sent_and_refused();
        let queries = self.queries();
        let reason = match () {
            () if self.sends_nothing() || sent == 0 && refused >= REFUSED.min(queries) => {
                StopReason::LocalError
            }
            () if last < self.config.max_ttl || last - farthest >= self.config.gap => {
                StopReason::GapLimit
            }
            () => StopReason::MaxTtl,
        };
        self.end.get_or_insert(End { ttl: last, reason });
    }

    /// Cycles were ended: what was asked and waited for at least once says where the path ends.
    pub(crate) fn close_early(&mut self) -> bool {
        let last = self.last();
        let settled = |hop: &Hop| hop.stats.counters().attempted() > 0;
        let of_path = || self.hops.iter().take_while(|hop| hop.ttl <= last);
        let is_known = self.rounds.is_some() && of_path().all(settled);
        if is_known {
            self.merge_trial();
            self.close();
        }
        is_known
    }

    /// Whether enough was tried to say that this machine sends nothing at all: a second after the first
    /// try it still did not. Of a connection nothing is known sooner. Who wants a pace of their own gets
    /// all that they asked for.
    pub(crate) fn sends_nothing(&self) -> bool {
        if self.tally.unsent.is_empty() {
            return false;
        }
        let (sent, refused) = self.sent_and_refused();
        let refused_again = || self.hops.iter().any(|hop| hop.stats.counters().local_errors() > 1);
        sent == 0
            && refused >= REFUSED
            && (self.config.connects() || self.config.interval.is_none() && refused_again())
    }

    /// How many probes left, and how many this machine kept.
    fn sent_and_refused(&self) -> (u64, u64) {
        self.hops.iter().fold((0, 0), |(sent, refused), hop| {
            let counters = hop.stats.counters();
            (sent + counters.sent(), refused + counters.local_errors())
        })
    }
}

impl Measurement {
    /// Whether the silence of a hop, or the loss of the target, may be only that answers did not say what
    /// they are about.
    pub(crate) fn is_doubtful(&self, hop: &Hop) -> bool {
        self.ambiguous > 0
            && !hop.alone
            && (hop.is_silent() || hop.reached)
            && (hop.ttl <= self.farthest().saturating_add(1) || self.ambiguous_rtt.is_some())
            && hop.stats.counters().lost() > 0
    }

    /// The probes that are in the way of a hop that is asked alone.
    pub(crate) fn beside_alone(&self) -> Vec<u64> {
        if self.ambiguous == 0 {
            return Vec::new();
        }
        let is_alone = |hop: &Hop| hop.alone && !hop.is_settled();
        let Some(alone) = self.hops.iter().find(|hop| is_alone(hop)) else { return Vec::new() };
        let others = self
            .open
            .iter()
            .filter(|(_, flight)| flight.ttl != alone.ttl && flight.sent_at.is_some());
        others.map(|(seq, _)| *seq).collect()
    }

    /// Begins to ask the nearest doubtful hop alone.
    fn repeat_next(&mut self) -> bool {
        if self.ambiguous == 0 {
            return false;
        }
        let last = self.last();
        let next = self.hops.iter().find(|hop| hop.ttl <= last && self.is_doubtful(hop));
        let Some(ttl) = next.map(|hop| hop.ttl) else { return false };
        let queries = self.config.queries;
        if let Some(hop) = self.hops.iter_mut().find(|hop| hop.ttl == ttl) {
            hop.repeat(queries);
        }
        if let Some(multipath) = &mut self.multipath {
            multipath.forget(ttl);
        }
        true
    }
}

/// Routers that packets go round over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// The first hop of it.
    pub(crate) first: u8,
    /// The routers of one round.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Cycle {
    /// The last hop of the second round.
    pub(crate) fn second_end(&self) -> u8 {
        let hops = u8::try_from(2 * self.addresses.len()).unwrap_or(u8::MAX);
        self.first.saturating_add(hops - 1)
    }
}

/// The first cycle of at least two routers that was seen two full times, each hop answered by one of
/// them alone.
pub(crate) fn cycle(hops: &[Hop]) -> Option<Cycle> {
    let addresses: Vec<Option<IpAddr>> = hops.iter().map(Hop::only).collect();
    cycle_of(hops.first()?.ttl, &addresses)
}

/// The same of the one that answers each hop, from the hop `first` on.
pub(crate) fn cycle_of(first: u8, addresses: &[Option<IpAddr>]) -> Option<Cycle> {
    for (ttl, start) in (first..=u8::MAX).zip(0..addresses.len()) {
        let further = addresses.get(start..).unwrap_or_default();
        // Who does not come again begins no cycle: this is asked after each answer.
        let Some((Some(address), others)) = further.split_first() else { continue };
        let again = others.iter().enumerate().filter(|(_, other)| **other == Some(*address));
        for (before, _) in again.take_while(|(before, _)| 2 * (before + 1) <= further.len()) {
            if let Some(addresses) = round_twice(further, before + 1) {
                return Some(Cycle { first: ttl, addresses });
            }
        }
    }
    None
}

/// The first `len` of them, where they are known, several, and come twice.
fn round_twice(addresses: &[Option<IpAddr>], len: usize) -> Option<Vec<IpAddr>> {
    let (first, second) = (addresses.get(..len)?, addresses.get(len..2 * len)?);
    let is_round = first == second && first.iter().any(|address| Some(address) != first.first());
    if is_round { first.iter().copied().collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Answer;
    use netdiag_model::{Destination, Instant};

    fn path(last_octets: &[u8]) -> Vec<Hop> {
        let hops = (1..).zip(last_octets).map(|(ttl, octet)| {
            let mut hop = Hop::new(ttl, 1);
            if *octet > 0 {
                let from = Destination::V4([192, 0, 2, *octet].into());
                let answer = Answer::of(from, Meaning::Passed);
                hop.answer(Instant::ZERO, &answer, None);
            }
            hop
        });
        hops.collect()
    }

    #[test]
    fn a_cycle_is_two_full_rounds_of_at_least_two_routers() {
        let found = |octets: &[u8]| cycle(&path(octets)).map(|c| (c.first, c.second_end()));
        assert_eq!(found(&[1, 2, 3, 2, 3]), Some((2, 5)));
        assert_eq!(found(&[1, 2, 3, 4, 2, 3, 4, 2]), Some((2, 7)));
        assert_eq!(found(&[1, 2, 3, 2]), None, "not yet twice");
        assert_eq!(found(&[1, 2, 2, 2, 2]), None, "one router that answers several hops");
        assert_eq!(found(&[1, 2, 0, 2, 0]), None, "silence is nobody");
        assert_eq!(found(&[]), None);
    }
}
