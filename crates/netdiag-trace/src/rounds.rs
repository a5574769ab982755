//! Cycles over the hops of a path: each hop is asked once in each.
//!
//! The first cycle looks for the path as a trace does, at once. Those after it stand on a grid: in the
//! interval before its time a cycle asks the hops one after the other, evenly spread, so that nothing
//! sees a burst, and none behind the target. So the last probe of `n` cycles leaves `n - 1` intervals
//! after the path is known.

use crate::Measurement;
use crate::hop::Hop;
use crate::order::Step;
use netdiag_engine::schedule::tolerance;
use netdiag_model::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// A hop that is silent is asked no faster than this: it may be one that answers little (B10).
const SILENT_EVERY: Duration = Duration::from_secs(1);
/// After so many probes without an answer a hop is silent.
const SILENT_AFTER: u64 = 3;
/// How long the first cycle may take at most before the grid begins, where the interval is no longer.
const LONGEST_SEARCH: Duration = Duration::from_secs(1);

/// The keys that mean something to cycles; those of mtr.
pub mod keys {
    /// Ends them.
    pub const QUIT: char = 'q';
    /// Nothing more is sent, until it is pressed again.
    pub const PAUSE: char = 'p';
    /// All figures begin anew.
    pub const RESET: char = 'r';
}

/// How far the cycles have come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds {
    /// When the grid begins.
    pub(crate) grid: Option<Instant>,
    /// The cycle that is under way, from 1.
    pub(crate) cycle: u64,
    /// Hops up to here are asked by the grid alone.
    pub(crate) known: u8,
    /// Hops that only a probe was for that was too big: they are asked once more.
    pub(crate) again: BTreeSet<u8>,
    /// The cycle in which each hop was last asked, or left out.
    done: Vec<u64>,
    /// Cycles that were left out because this process did not run.
    pub(crate) missed: u64,
    /// Since when nothing is sent.
    pub(crate) paused: Option<Instant>,
    /// When the figures were told last.
    pub(crate) told_at: Option<Instant>,
}

impl Rounds {
    /// Before the first cycle; `known`: the hop before the first that is asked.
    pub(crate) fn new(known: u8) -> Self {
        Self { cycle: 1, known, ..Self::default() }
    }

    fn is_done(&self, ttl: u8) -> bool {
        self.done.get(usize::from(ttl)).is_some_and(|cycle| *cycle >= self.cycle)
    }

    fn do_hop(&mut self, ttl: u8) {
        let place = usize::from(ttl);
        if self.done.len() <= place {
            self.done.resize(place + 1, 0);
        }
        if let Some(done) = self.done.get_mut(place) {
            *done = self.cycle;
        }
    }
}

impl Measurement {
    /// Whether every cycle has been sent.
    pub(crate) fn rounds_are_over(&self) -> bool {
        let count = self.config.rounds.as_ref().and_then(|rounds| rounds.count);
        let Some((rounds, count)) = self.rounds.as_ref().zip(count) else { return false };
        rounds.cycle > count || (count == 1 && self.is_searched())
    }

    /// Whether every hop of the path was asked, as far as it is known.
    fn is_searched(&self) -> bool {
        let known = self.rounds.as_ref().map_or(0, |rounds| rounds.known);
        let last = self.last();
        let is_missing = |hop: &Hop| hop.ttl > known && hop.ttl <= last && hop.asked == 0;
        let is_again = self.rounds.as_ref().is_some_and(|rounds| !rounds.again.is_empty());
        !is_again && !self.hops.iter().any(is_missing)
    }

    /// How many cycles were begun.
    pub(crate) fn cycles_done(&self) -> u64 {
        let count = self.config.rounds.as_ref().and_then(|rounds| rounds.count);
        let cycle = self.rounds.as_ref().map_or(0, |rounds| rounds.cycle);
        cycle.min(count.unwrap_or(u64::MAX))
    }

    /// The next hop of the cycle, or of the search for the path.
    pub(crate) fn next_of_round(&mut self, now: Instant) -> Step {
        if let Some(free) = self.last_asked.map(|last| last + self.config.spacing)
            && free > now
        {
            return Step::Wait(free);
        }
        if self.rounds.as_ref().is_some_and(|rounds| rounds.paused.is_some()) {
            return Step::Wait(Instant::FAR);
        }
        let mut earliest = Instant::FAR;
        if let Some(ttl) = self.next_unknown(now, &mut earliest) {
            return self.asks(ttl);
        }
        if let Some(ttl) = self.rounds.as_mut().and_then(|rounds| rounds.again.pop_first()) {
            return self.asks(ttl);
        }
        if let Some(ttl) = self.next_behind() {
            return self.asks(ttl);
        }
        let Some(grid) = self.grid(now, &mut earliest) else { return Step::Wait(earliest) };
        while !self.rounds_are_over() {
            let Some((ttl, due)) = self.next_on_grid(grid) else {
                self.rounds.get_or_insert_default().cycle += 1;
                continue;
            };
            if due > now {
                return Step::Wait(earliest.min(due));
            }
            if self.skip_missed(now, due) {
                return Step::Wait(now);
            }
            if !self.is_left_out(ttl, now) {
                return self.asks(ttl);
            }
            self.rounds.get_or_insert_default().do_hop(ttl);
        }
        Step::Wait(earliest)
    }

    fn asks(&mut self, ttl: u8) -> Step {
        self.rounds.get_or_insert_default().do_hop(ttl);
        Step::Ask(ttl)
    }

    /// A hop that nobody has asked yet, as far as the search may go now.
    fn next_unknown(&mut self, now: Instant, earliest: &mut Instant) -> Option<u8> {
        let frontier = self.frontier(self.farthest(), now, earliest);
        let known = self.rounds.as_ref().map_or(0, |rounds| rounds.known);
        let mut hops = self.hops.iter().filter(|hop| hop.ttl > known && hop.ttl <= frontier);
        hops.find(|hop| hop.asked == 0).map(|hop| hop.ttl)
    }

    /// When the grid begins, once that is known.
    fn grid(&mut self, now: Instant, earliest: &mut Instant) -> Option<Instant> {
        let interval = self.config.rounds.as_ref().map_or(Duration::ZERO, |rounds| rounds.interval);
        let latest = self.started_at.unwrap_or(now) + interval.max(LONGEST_SEARCH);
        let is_known = now >= latest || (self.end.is_some() && self.is_searched());
        let rounds = self.rounds.get_or_insert_default();
        if rounds.grid.is_none() && !is_known {
            *earliest = (*earliest).min(latest);
            return None;
        }
        if rounds.grid.is_none() {
            rounds.cycle = 2;
        }
        Some(*rounds.grid.get_or_insert(now))
    }

    /// The next hop of the cycle under way, and when it is due.
    fn next_on_grid(&self, grid: Instant) -> Option<(u8, Instant)> {
        let rounds = self.rounds.as_ref()?;
        let interval = self.config.rounds.as_ref()?.interval;
        let (first, top) = (self.config.first_ttl, self.last());
        let ttl = (first..=top).find(|ttl| !rounds.is_done(*ttl))?;
        let count = u32::from(top - first) + 1;
        let place = u32::from(ttl - first) + 1;
        let before = u32::try_from(rounds.cycle.saturating_sub(2)).unwrap_or(u32::MAX);
        let begun = grid + interval.saturating_mul(before);
        Some((ttl, begun + interval.saturating_mul(place) / count))
    }

    /// What is due since long is not caught up: the grid moves on by whole intervals.
    fn skip_missed(&mut self, now: Instant, due: Instant) -> bool {
        let Some(interval) = self.config.rounds.as_ref().map(|rounds| rounds.interval) else {
            return false;
        };
        let late = now.since(due);
        if interval.is_zero() || late <= tolerance(interval) {
            return false;
        }
        let missed = u64::try_from(late.as_nanos().div_ceil(interval.as_nanos())).unwrap_or(1);
        let rounds = self.rounds.get_or_insert_default();
        rounds.missed = rounds.missed.saturating_add(missed);
        let moved = interval.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX));
        rounds.grid = rounds.grid.map(|grid| grid + moved);
        true
    }

    /// Whether a silent hop is not asked in this cycle.
    fn is_left_out(&self, ttl: u8, now: Instant) -> bool {
        let Some(hop) = self.hop(ttl) else { return true };
        let is_silent = hop.asked >= SILENT_AFTER && !hop.has_answered();
        let interval = self.config.rounds.as_ref().map_or(Duration::ZERO, |rounds| rounds.interval);
        let slack = interval / 2;
        let asked = hop.last_asked.filter(|_| is_silent);
        asked.is_some_and(|asked| asked + SILENT_EVERY > now + slack)
    }

    /// Has the figures told as soon as there is time for it.
    pub(crate) fn show_soon(&mut self) {
        if let Some(rounds) = &mut self.rounds {
            rounds.told_at = None;
        }
    }

    /// Stops sending, or goes on.
    pub(crate) fn pause(&mut self, now: Instant) {
        let Some(rounds) = &mut self.rounds else { return };
        match rounds.paused.take() {
            None => rounds.paused = Some(now),
            Some(since) => rounds.grid = rounds.grid.map(|grid| grid + now.since(since)),
        }
    }
}
