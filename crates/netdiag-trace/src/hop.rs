//! What is known of one hop.

use crate::findings::Turns;
use crate::letters::Letters;
use crate::protocol::{Answer, Meaning};
use crate::responder::{Responder, Told};
use netdiag_engine::stats::{SeriesStats, SettledKind};
use netdiag_model::{Destination, Instant, milliseconds};
use std::net::IpAddr;
use std::time::Duration;

/// How many responders of a hop are told apart: a hostile network can make any number.
const RESPONDERS_KEPT: usize = 64;

/// One hop: the probes with one TTL, and who answered them. What is looked at of all hops after each
/// answer comes first, in one line of a cache: many paths are traced at once.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Hop {
    pub(crate) ttl: u8,
    /// What the answers say of the path, each kind once.
    pub(crate) passed: bool,
    pub(crate) reached: bool,
    /// It is asked while nothing else is under way, since its answers do not say what they are about.
    pub(crate) alone: bool,
    /// In the order in which they first answered.
    pub(crate) responders: Vec<Responder>,
    pub(crate) stopped: u64,
    /// Probes that were begun.
    pub(crate) asked: u64,
    /// Probes that it gets.
    pub(crate) wanted: u64,
    /// Probes that have not settled.
    pub(crate) open: u64,
    pub(crate) first_asked: Option<Instant>,
    pub(crate) last_asked: Option<Instant>,
    /// The longest round trip.
    pub(crate) slowest: Option<Duration>,
    pub(crate) stats: SeriesStats<()>,
    /// When each answer of this hop came, for the rate of a limit: the first and the last.
    pub(crate) answered: Option<(Instant, Instant)>,
    /// Who answered, and what that meant, each once.
    pub(crate) met: Vec<Met>,
    /// The figures of mtr, by mtr's formulas.
    pub(crate) letters: Letters,
    /// The largest packet that was answered, where as large ones are sent as pass.
    pub(crate) mtu: Option<u32>,
    /// Who answered the probes of one flow.
    pub(crate) turns: Turns,
    /// What came for it and is no answer, the last of its kind.
    pub(crate) uncounted: Option<Box<Uncounted>>,
    /// The logarithms of the round trips in milliseconds, added up, and how many they are.
    pub(crate) logarithms: (f64, u64),
}

/// What came for a hop and does not count as an answer: too late, or of an MTU that cannot be true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uncounted {
    pub(crate) from: IpAddr,
    pub(crate) rtt: Option<Duration>,
    pub(crate) mtu: Option<u32>,
}

/// One that answered, and whether it passes packets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) address: Destination,
    pub(crate) role: Role,
}

/// What an answer makes of the one that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Router,
    Target,
    Refuses,
}

impl Met {
    pub(crate) const fn new(answer: &Answer) -> Self {
        let role = match answer.meaning {
            Meaning::Passed => Role::Router,
            Meaning::Reached(_) => Role::Target,
            Meaning::Stopped => Role::Refuses,
        };
        Self { address: answer.from, role }
    }
}

impl Hop {
    pub(crate) const fn new(ttl: u8, wanted: u64) -> Self {
        Self {
            ttl,
            stats: SeriesStats::new(),
            asked: 0,
            wanted,
            open: 0,
            first_asked: None,
            last_asked: None,
            responders: Vec::new(),
            slowest: None,
            passed: false,
            reached: false,
            stopped: 0,
            answered: None,
            alone: false,
            met: Vec::new(),
            letters: Letters::new(),
            mtu: None,
            turns: Turns::new(),
            uncounted: None,
            logarithms: (0.0, 0),
        }
    }

    /// Whether nothing more comes of it.
    pub(crate) const fn is_settled(&self) -> bool {
        self.asked >= self.wanted && self.open == 0
    }

    /// Whether anybody answered.
    pub(crate) const fn has_answered(&self) -> bool {
        !self.responders.is_empty()
    }

    /// Whether it was asked and nobody answered at all.
    pub(crate) const fn is_silent(&self) -> bool {
        self.is_settled() && self.responders.is_empty()
    }

    /// Who answered most, the first of equals.
    pub(crate) fn main(&self) -> Option<&Responder> {
        self.responders.iter().rev().max_by_key(|responder| responder.received)
    }

    /// The same, and what its answers mean.
    pub(crate) fn main_met(&self) -> Option<Met> {
        let main = self.main()?;
        self.met.iter().rev().find(|met| met.address == main.address).copied()
    }

    /// The target, if it answered here: the one that has its address, or else one that answers for it.
    pub(crate) fn target(&self, destination: Destination) -> Option<&Responder> {
        let is_target = |who: &Responder| {
            let mut met = self.met.iter().filter(|met| met.address == who.address);
            met.any(|met| met.role == Role::Target)
        };
        let mut targets: Vec<&Responder> =
            self.responders.iter().filter(|who| is_target(who)).collect();
        targets.sort_by_key(|who| !destination.is_source(who.address));
        targets.first().copied()
    }

    /// The only one that answered.
    pub(crate) fn only(&self) -> Option<IpAddr> {
        match self.responders.as_slice() {
            [one] => Some(one.address.address()),
            _ => None,
        }
    }

    /// The geometric mean of the round trips in milliseconds; 0 where one of them is.
    pub(crate) fn geometric_mean_ms(&self) -> Option<f64> {
        let (sum, count) = self.logarithms;
        (count > 0).then(|| (sum / count as f64).exp())
    }

    /// Another probe begins; gives its number in this hop, from 1.
    pub(crate) fn ask(&mut self, now: Instant) -> u64 {
        self.asked += 1;
        self.open += 1;
        self.first_asked.get_or_insert(now);
        self.last_asked = Some(now);
        self.asked
    }

    /// A probe ended; one that left counts as sent from then on.
    pub(crate) fn settle(&mut self, query: u64, sent_at: Instant, kind: SettledKind<()>) {
        self.open = self.open.saturating_sub(1);
        if !matches!(kind, SettledKind::LocalError(())) {
            self.stats.on_sent();
        }
        self.stats.on_settled(query, sent_at.as_nanos(), kind, |_| ());
    }

    /// Somebody answered in time.
    pub(crate) fn answer(&mut self, at: Instant, answer: &Answer, told: Option<Told>) {
        self.slowest = self.slowest.max(Some(answer.rtt));
        self.letters.record(answer.rtt);
        let (sum, count) = self.logarithms;
        self.logarithms = (sum + milliseconds(answer.rtt).ln(), count + 1);
        let met = Met::new(answer);
        if !self.met.contains(&met) && self.met.len() < RESPONDERS_KEPT {
            self.met.reserve_exact(1);
            self.met.push(met);
        }
        let first = self.answered.map_or(at, |(first, _)| first);
        self.answered = Some((first, at));
        match answer.meaning {
            Meaning::Passed => self.passed = true,
            Meaning::Reached(_) => self.reached = true,
            Meaning::Stopped => self.stopped += 1,
        }
        if let Some(responder) = self.responder(answer.from) {
            responder.answer(answer, told);
        }
    }

    /// Somebody says that nothing gets further than here, too late to be an answer, or where the target
    /// answers.
    pub(crate) fn refuse(&mut self, answer: &Answer) {
        self.stopped += 1;
        if let Some(responder) = self.responder(answer.from) {
            responder.refuse(answer);
        }
    }

    /// One that answered before tells more.
    pub(crate) fn tell(&mut self, from: Destination, told: Told) {
        if let Some(known) = self.responders.iter_mut().find(|who| who.address == from) {
            known.tell(told);
        }
    }

    /// Asks it all again, alone: what was sent before says nothing.
    pub(crate) fn repeat(&mut self, queries: u64) {
        let before = self.stats.counters().sent();
        *self = Self::new(self.ttl, before + queries);
        self.asked = before;
        self.alone = true;
        for query in 1..=before {
            self.stats.on_sent();
            self.stats.on_settled(query, 0, SettledKind::Unknown, |_| ());
        }
    }

    /// The one that answered from there; `None` where there are too many.
    fn responder(&mut self, from: Destination) -> Option<&mut Responder> {
        let known = self.responders.iter().position(|responder| responder.address == from);
        let place = match known {
            Some(place) => place,
            None if self.responders.len() < RESPONDERS_KEPT => {
                // Most hops have one, and room for more would be most of what is kept of a path.
                self.responders.reserve_exact(1);
                self.responders.push(Responder::new(from));
                self.responders.len() - 1
            }
            None => return None,
        };
        self.responders.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::State;

    #[test]
    fn the_target_is_who_answers_as_such_however_often_others_do() {
        let [target, other] = [1, 66].map(|octet| Destination::V4([192, 0, 2, octet].into()));
        let answer = Answer::of;
        let mut hop = Hop::new(5, 3);
        hop.answer(Instant::ZERO, &answer(other, Meaning::Stopped), None);
        hop.answer(Instant::ZERO, &answer(other, Meaning::Passed), None);
        assert_eq!(hop.target(target).map(|who| who.address), None);
        hop.answer(Instant::ZERO, &answer(target, Meaning::Reached(State::EchoReply)), None);
        let named = [hop.main(), hop.target(target)].map(|who| who.map(|who| who.address));
        assert_eq!(named, [Some(other), Some(target)]);
        let mut stands_in = Hop::new(5, 3);
        stands_in.answer(Instant::ZERO, &answer(other, Meaning::Reached(State::Open)), None);
        assert_eq!(stands_in.target(target).map(|who| who.address), Some(other));
    }
}
