//! Which hop is asked next, and how long it is waited for.

use crate::Measurement;
use crate::config::{Config, WINDOW};
use crate::end::StopReason;
use crate::hop::Hop;
use crate::measurement::Flight;
use crate::protocol::State;
use netdiag_model::Instant;
use std::time::Duration;

/// The most probes to one hop that are under way at once.
const AT_ONCE: u64 = 3;
/// What Linux lets a router send to one destination at once, and then one a second
/// (`net.ipv4.icmp_ratelimit`, `XRLIM_BURST_FACTOR` in net/ipv4/route.c): a little more than that.
pub(crate) const BURST: u64 = 6;
pub(crate) const AFTER_BURST: Duration = Duration::from_millis(1_050);
/// How soon a hop is asked again of which nobody knows whether it is there.
const FOLLOW: Duration = Duration::from_secs(1);
/// After how long without news all hops up to the gap are asked at once.
const STALLED: Duration = Duration::from_millis(500);
/// A probe is waited for as long as so many round trips of the slowest hop from there on, ...
const ROUND_TRIPS: u32 = 3;
/// ... and at least so much longer than one.
const LEAST_WAIT: Duration = Duration::from_millis(80);

/// How soon it is asked again whether a probe has left.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What comes next.
pub(crate) enum Step {
    /// Ask this hop.
    Ask(u8),
    /// Ask this hop by this flow.
    AskBy(u8, u64),
    /// Nothing before this time.
    Wait(Instant),
}

/// The hops that come before others: those that were asked least, a stretch of the nearest of them.
#[derive(Default)]
struct Group {
    turn: (u64, u8),
    ttls: [u8; WINDOW as usize],
    len: usize,
}

impl Group {
    /// One that may be asked now.
    fn add(&mut self, turn: (u64, u8), ttl: u8) {
        if self.len == 0 || turn < self.turn {
            (self.turn, self.len) = (turn, 0);
        }
        if turn == self.turn
            && let Some(slot) = self.ttls.get_mut(self.len)
        {
            *slot = ttl;
            self.len += 1;
        }
    }

    /// In the order of the path, which each target of a run begins at another place of the stretch
    /// `begin..=end`, so that many targets at once are no burst to the router that they have in common.
    /// What others of the run asked less comes first.
    fn pick(&self, (begin, end): (u8, u8), config: &Config) -> Option<u8> {
        let size = usize::from(end.saturating_sub(begin)) + 1;
        let behind = |ttl: &u8| {
            let place = usize::from(ttl.saturating_sub(begin));
            (place + size - config.target_index % size) % size
        };
        let rank = |ttl: &u8| config.spread.as_ref().map(|spread| spread.rank(*ttl));
        self.ttls.get(..self.len)?.iter().copied().min_by_key(|ttl| (rank(ttl), behind(ttl)))
    }
}

impl Measurement {
    /// How long a probe to this hop is waited for. Once somebody at least as far away has answered, what
    /// has not come in some of its round trips will hardly come.
    pub(crate) fn wait_of(&self, ttl: u8) -> Duration {
        let farther = self.hops.iter().rev().take_while(|hop| hop.ttl >= ttl);
        self.wait_for(farther.filter_map(|hop| hop.slowest).max().max(self.ambiguous_rtt))
    }

    /// The same where that is the slowest answer of those at least as far away.
    fn wait_for(&self, slowest: Option<Duration>) -> Duration {
        let names_its_probe = !self.config.protocol.is_limited_at_the_end();
        if self.rounds.is_some() && names_its_probe && !self.rounds_are_over() {
            // Who looks for long wants to know how late answers come. Of UDP an open probe may make
            // the answer to another one ambiguous.
            return self.config.timeout;
        }
        let known = slowest.map(|rtt| (rtt * ROUND_TRIPS).max(rtt + LEAST_WAIT));
        known.map_or(self.config.timeout, |wait| wait.min(self.config.timeout))
    }

    /// How long probes to each hop are waited for: the first hop first.
    fn waits(&self) -> Vec<Duration> {
        // Nobody is farther away than the target.
        let mut slowest = self.ambiguous_rtt;
        let slower = self.hops.iter().rev().map(|hop| {
            slowest = slowest.max(hop.slowest);
            self.wait_for(slowest)
        });
        let mut waits: Vec<Duration> = slower.collect();
        waits.reverse();
        waits
    }

    /// Whether a probe may not be waited for any longer: one that was asked for so long ago that the
    /// shortest wait is over.
    pub(crate) fn may_expire(&self, now: Instant) -> bool {
        let least = LEAST_WAIT.min(self.config.timeout);
        self.open.first_key_value().is_some_and(|(_, oldest)| oldest.asked_at + least <= now)
    }

    /// The probes that are not waited for any longer, and when the next one will not be.
    pub(crate) fn expired(&self, now: Instant) -> (Vec<u64>, Instant) {
        let (mut expired, mut next) = (Vec::new(), Instant::FAR);
        if self.open.is_empty() {
            return (expired, next);
        }
        let (last, waits) = (self.last(), self.waits());
        for (seq, flight) in self.open.iter().filter(|(_, flight)| flight.ttl <= last) {
            let place = usize::from(flight.ttl.saturating_sub(self.config.first_ttl));
            let wait = waits.get(place).copied().unwrap_or(self.config.timeout);
            if wait >= self.config.timeout {
                // The engine's own deadline is as early.
                continue;
            }
            let until = flight.sent_at.unwrap_or(flight.asked_at) + wait;
            if until <= now && flight.sent_at.is_none() {
                next = next.min(now + LOOK_AGAIN);
            } else if until <= now {
                expired.push(*seq);
            } else {
                next = next.min(until);
            }
        }
        (expired, next)
    }

    /// The hop that is asked next: the one that was asked least, the nearest of those.
    pub(crate) fn step(&self, now: Instant) -> Step {
        let mut earliest = Instant::FAR;
        if let Some(free) = self.last_asked.map(|last| last + self.config.spacing)
            && free > now
        {
            return Step::Wait(free);
        }
        if self.sends_nothing() {
            return Step::Wait(Instant::FAR);
        }
        let farthest = self.farthest();
        let frontier = self.frontier(farthest, now, &mut earliest);
        let mut first = Group::default();
        for hop in self.hops.iter().take_while(|hop| hop.ttl <= frontier) {
            if hop.asked >= hop.wanted {
                continue;
            }
            if hop.alone && !self.open.is_empty() {
                earliest = earliest.min(now + LOOK_AGAIN);
                continue;
            }
            if let Some(until) = self.half_open_until(hop).filter(|until| *until > now) {
                earliest = earliest.min(until);
                continue;
            }
            let due = self.due(hop, hop.ttl <= farthest);
            match due {
                None => {}
                Some(due) if due > now => earliest = earliest.min(due),
                Some(_) => {
                    let place = hop.ttl.saturating_sub(self.config.first_ttl);
                    first.add((hop.asked, place / WINDOW), hop.ttl);
                }
            }
        }
        let begin = self.config.first_ttl.saturating_add(first.turn.1.saturating_mul(WINDOW));
        let end = frontier.min(begin.saturating_add(WINDOW - 1));
        let next = first.pick((begin, end), &self.config);
        next.map_or(Step::Wait(earliest), Step::Ask)
    }

    /// Until when a hop is not asked that may be the target, since a SYN that is under way may find a
    /// connection half open there, or be what opens it: a second one is then not answered (RFC 5961
    /// section 4). An answer has this machine reset the connection, which comes before what is sent
    /// after it; so only what was sent since the last one counts.
    fn half_open_until(&self, hop: &Hop) -> Option<Instant> {
        if !self.config.shares_a_connection() {
            return None;
        }
        let passed = self.hops.iter().rev().find(|hop| hop.passed).map_or(0, |hop| hop.ttl);
        if hop.ttl <= passed {
            return None;
        }
        let sent = |flight: &Flight| flight.sent_at.unwrap_or(flight.asked_at);
        match self.state {
            None => hop.last_asked.filter(|_| hop.open > 0).map(|last| last + self.follow()),
            Some(State::Open) => {
                let since = self.answered_at.unwrap_or_default();
                let others = self.open.values().filter(|it| it.ttl > passed && sent(it) > since);
                let last = self.last();
                others.map(|it| sent(it) + self.wait_of(it.ttl.min(last))).max()
            }
            Some(_) => None,
        }
    }

    /// How soon a hop is asked again of which nobody knows whether it is there.
    fn follow(&self) -> Duration {
        FOLLOW.min(self.config.timeout / 2)
    }

    /// The last hop that may be asked now, given the farthest that answered; notes when that changes by
    /// itself.
    pub(crate) fn frontier(&self, farthest: u8, now: Instant, earliest: &mut Instant) -> u8 {
        if self.end.is_some() {
            return self.last();
        }
        let Self { config, .. } = self;
        let stalled_at = self.progress_at.unwrap_or(now) + STALLED;
        let limited = config.protocol.is_limited_at_the_end();
        let ahead = if config.finds_mtu && now < stalled_at {
            // A router that calls them too big answers all that go further.
            1
        } else if now >= stalled_at {
            config.gap.max(config.window)
        } else if limited {
            // What goes past the target is answered by it, too.
            let queries = if config.rounds.is_some() { 1 } else { config.queries };
            let own = u8::try_from(queries.min(BURST)).unwrap_or(u8::MAX);
            config.window.min((BURST as u8 + 1 - own).max(1))
        } else {
            // The farther it is, the more there are under way.
            let answered = self.hops.iter().filter(|hop| hop.has_answered()).count();
            config.window.saturating_add(u8::try_from(answered).unwrap_or(u8::MAX))
        };
        if now < stalled_at && (limited || config.finds_mtu) {
            *earliest = (*earliest).min(stalled_at);
        }
        farthest.saturating_add(ahead).min(config.max_ttl)
    }

    /// When a hop may get its next probe; `None`: not before one has settled. `is_there`: a hop at
    /// least as far away has answered.
    fn due(&self, hop: &Hop, is_there: bool) -> Option<Instant> {
        let Some((first, last)) = hop.first_asked.zip(hop.last_asked) else {
            return Some(Instant::ZERO);
        };
        match self.config.interval {
            // Back to back: a few at once, and then whenever one has settled.
            Some(interval) if interval.is_zero() => {
                return (hop.open < AT_ONCE).then_some(Instant::ZERO);
            }
            Some(interval) => return Some(last + interval),
            None => {}
        }
        if hop.open >= AT_ONCE {
            return None;
        }
        let limit = match u32::try_from(hop.asked.saturating_sub(BURST - 1)) {
            Ok(0) => Instant::ZERO,
            Ok(over) => first + AFTER_BURST * over,
            Err(_) => Instant::FAR,
        };
        let known = if is_there { Instant::ZERO } else { first + self.follow() };
        // What is under way further on meets the same refusal.
        let refused = self.end.is_some_and(|end| end.reason == StopReason::Unreachable);
        let beyond = match self.last_asked {
            Some(asked) if refused && hop.ttl == self.last() => asked + self.wait_of(hop.ttl),
            _ => Instant::ZERO,
        };
        Some(limit.max(known).max(beyond))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use netdiag_engine::{Events, Measurement as _, Next};
    use netdiag_model::Destination;

    /// The hops that so many targets ask, each in turn.
    fn asked(targets: usize) -> Vec<u32> {
        let to = Destination::V4([192, 0, 2, 1].into());
        let config = |index| Config { queries: 1, ..Config::new(index, to) };
        let mut all: Vec<Measurement> = (0..targets).map(config).map(Measurement::new).collect();
        let mut asked = Vec::new();
        for _ in 0..WINDOW {
            for one in &mut all {
                if let Next::Probe(spec) = one.next(Instant::ZERO, &mut Events::new()) {
                    asked.push(spec.target);
                }
            }
        }
        asked
    }

    #[test]
    fn many_targets_are_no_burst_to_a_router() {
        assert_eq!(asked(1), [1, 2, 3, 4, 5, 6, 7, 8]);
        let many = asked(256);
        assert_eq!(many.len(), 2_048);
        let most = many.windows(20).map(|some| {
            (1..=8).map(|hop| some.iter().filter(|it| **it == hop).count()).max().unwrap_or(0)
        });
        // As many as a router answers at once by default.
        assert!(most.clone().all(|most| most <= 6), "{:?}", most.max());
    }

    fn place(target_index: usize) -> Config {
        Config::new(target_index, Destination::V4([192, 0, 2, 1].into()))
    }

    /// Those whose probe went past the target know sooner than others where the path ends.
    #[test]
    fn ends_that_are_found_one_after_another_are_no_burst_to_the_last_routers() {
        const TARGET: u8 = 4;
        let spread = crate::Spread::default();
        let mut all: Vec<(Vec<u8>, u8)> = vec![((1..=WINDOW).collect(), WINDOW); 256];
        let mut asked = Vec::new();
        for _ in 0..WINDOW {
            for (index, (rest, end)) in all.iter_mut().enumerate() {
                let mut group = Group::default();
                rest.iter().filter(|ttl| **ttl <= *end).for_each(|ttl| group.add((0, 0), *ttl));
                let config = Config { spread: Some(spread.clone()), ..place(index) };
                let Some(ttl) = group.pick((1, *end), &config) else { continue };
                spread.note(ttl);
                rest.retain(|other| *other != ttl);
                if ttl >= TARGET {
                    *end = ttl.min(*end);
                    spread.note_reached(*end);
                }
                asked.push(ttl);
            }
        }
        let count = |some: &[u8], ttl: u8| some.iter().filter(|it| **it == ttl).count();
        let most = asked.windows(20).map(|some| (1..TARGET).map(|ttl| count(some, ttl)).max());
        assert!(most.clone().all(|most| most <= Some(6)), "{:?}", most.max());
    }

    /// Where a few hops are left, too.
    #[test]
    fn what_is_left_of_a_path_is_spread_over_its_hops() {
        for left in 1..=usize::from(WINDOW) {
            let mut groups: Vec<Vec<u8>> = vec![(1..).take(left).collect(); 256];
            let mut asked = Vec::new();
            for round in 0..left {
                for (index, rest) in groups.iter_mut().enumerate() {
                    let mut group = Group::default();
                    rest.iter().for_each(|ttl| group.add((0, 0), *ttl));
                    let ttl = group.pick((1, left as u8), &place(index)).expect("some are left");
                    rest.retain(|other| *other != ttl);
                    asked.push(ttl);
                }
                assert_eq!(asked.len(), 256 * (round + 1));
            }
            let fair = 20_usize.div_ceil(left) + 1;
            for some in asked.windows(20) {
                let count = |ttl: u8| some.iter().filter(|it| **it == ttl).count();
                let most = (1..=WINDOW).map(count).max().unwrap_or(0);
                assert!(most <= fair, "{left} left: {most} of 20");
            }
        }
    }
}
