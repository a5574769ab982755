//! A target that is farther away than before, behind a router that says nothing: where it was nobody
//! answers any more, and nobody behind that is asked. So when a few probes in a row were lost there, each
//! cycle asks one hop behind, and where the target answers begins another path. What was lost meanwhile
//! was met by the silent router, unless all hops behind were asked once before without an answer: then
//! the target was not to be reached for a while.

use crate::Measurement;
use crate::end::StopReason;
use crate::epoch::{Change, Logged, Settlement};
use crate::hop::{Hop, Met, Role};
use crate::measurement::Flight;
use netdiag_engine::stats::SettledKind;
use netdiag_model::Instant;

/// After so many losses in a row the target is looked for farther away.
const SOME: usize = 3;
/// So many are kept.
const MOST: usize = 4_096;

/// Losses in a row where the target was.
#[derive(Clone, Debug)]
pub(crate) struct Streak {
    ttl: u8,
    /// The hop before the first of them.
    before: Box<Hop>,
    since: Instant,
    lost: Vec<(u64, Logged)>,
    /// How many hops behind were asked, and the last cycle in which one was.
    asked: u64,
    cycle: u64,
}

/// Where the losses of a path belong to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    epoch: u64,
    ttl: u8,
    since: Instant,
}

impl Measurement {
    /// The hop behind the target that is asked in this cycle, if one is.
    pub(crate) fn next_behind(&mut self) -> Option<u8> {
        let (cycle, gap) = (self.rounds.as_ref()?.cycle, u64::from(self.config.gap));
        let is_tried = self.epochs.trial.is_some() || self.rounds_are_over();
        let streak = self.streak.as_mut().filter(|_| !is_tried)?;
        if streak.lost.len() < SOME || streak.cycle >= cycle {
            return None;
        }
        let behind = u8::try_from(streak.asked % gap).ok()?.saturating_add(1);
        (streak.asked, streak.cycle) = (streak.asked + 1, cycle);
        streak.ttl.checked_add(behind).filter(|ttl| *ttl <= self.config.max_ttl)
    }

    /// Takes note of a probe of the target that is lost, or answered from farther away.
    pub(crate) fn look_farther(&mut self, seq: u64, flight: &mut Flight, settlement: &Settlement) {
        let is_lost = matches!(settlement.kind, SettledKind::Lost(()));
        if flight.epoch != self.epochs.number {
            let Moved { epoch, ttl, since } = match self.epochs.moved {
                Some(moved) if is_lost => moved,
                _ => return,
            };
            if (epoch, ttl) == (flight.epoch, flight.ttl) && settlement.sent_at >= since {
                self.adopt(flight);
            }
            return;
        }
        let end = self.end.filter(|end| end.reason == StopReason::Reached);
        let Some(end) = end.filter(|_| self.epochs.trial.is_none()) else { return };
        match settlement.answer.as_ref().map(Met::new) {
            Some(_) if flight.ttl == end.ttl => self.streak = None,
            Some(met) if flight.ttl > end.ttl && met.role == Role::Target => {
                self.found_farther(flight, met, settlement);
            }
            None if is_lost && flight.ttl == end.ttl => {
                self.lost_at_the_end(seq, flight, settlement)
            }
            _ => {}
        }
    }

    fn lost_at_the_end(&mut self, seq: u64, flight: &Flight, settlement: &Settlement) {
        let Some(hop) = self.hop(flight.ttl) else { return };
        if self.streak.is_none() {
            let (ttl, since, before) = (flight.ttl, settlement.sent_at, Box::new(hop.clone()));
            let lost = Vec::new();
            self.streak = Some(Streak { ttl, before, since, lost, asked: 0, cycle: 0 });
        }
        let Flight { ttl, asked_at, .. } = *flight;
        let logged = Logged { ttl, asked_at, outcome: settlement.clone() };
        if let Some(streak) = self.streak.as_mut().filter(|streak| streak.lost.len() < MOST) {
            streak.since = streak.since.min(settlement.sent_at);
            streak.lost.push((seq, logged));
        }
    }

    /// The target answers from behind where it was.
    fn found_farther(&mut self, flight: &mut Flight, met: Met, settlement: &Settlement) {
        let is_ours = |streak: &Streak| streak.lost.len() >= SOME && flight.asked_at > streak.since;
        let Some(streak) = self.streak.take_if(|streak| is_ours(streak)) else { return };
        let was_silent = streak.asked <= u64::from(self.config.gap);
        let at = if was_silent { streak.since } else { settlement.sent_at };
        let moved = Moved { epoch: flight.epoch, ttl: streak.ttl, since: at };
        let change = Change { ttl: flight.ttl, at, before: None, after: met };
        self.begin_trial(change, streak.ttl);
        self.epochs.moved = Some(moved);
        if was_silent {
            self.move_losses(streak, flight.epoch);
        }
        self.adopt(flight);
    }

    /// Makes losses those of the path that is on trial.
    fn move_losses(&mut self, streak: Streak, epoch: u64) {
        let count = streak.lost.len() as u64;
        if let Some(hop) = self.hop_of(epoch, streak.ttl) {
            *hop = Hop {
                open: hop.open,
                asked: hop.asked.saturating_sub(count),
                last_asked: hop.last_asked,
                ..*streak.before
            };
        }
        for (seq, logged) in streak.lost {
            if let Some(hop) = self.hop_of(self.epochs.number, logged.ttl) {
                let query = hop.ask(logged.asked_at);
                hop.take(query, logged.outcome.clone());
            }
            if let Some(trial) = &mut self.epochs.trial {
                trial.log.push((seq, logged));
            }
        }
    }
}
