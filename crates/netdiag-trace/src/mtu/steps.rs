//! What is sent next, and how long it is waited for.

use super::hops::Level;
use super::measurement::{Flight, Measurement, What};
use super::segments::Segments;
use super::silence::{Doubt, Need, suspicion};
use super::sparing::Sparing;
use netdiag_model::Instant;
use std::time::Duration;

/// A probe is waited for as long as so many of the longest round trips, ...
const ROUND_TRIPS: u32 = 3;
/// ... and at least so much longer than one.
const LEAST_WAIT: Duration = Duration::from_millis(100);
/// So much longer than one the target's answer is waited for where a router said that a packet is too
/// big.
const LEAST_DOUBT: Duration = Duration::from_millis(10);
/// How soon it is asked again whether a probe has left.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What comes next.
pub(super) enum Step {
    /// Send this.
    Ask(What),
    /// Nothing before this time, unless something settles.
    Wait(Instant),
    /// Nothing more.
    Over,
}

impl Measurement {
    /// How long a probe is waited for: once the target has answered, or somebody at least as far away as
    /// the hop that it is for, some round trips of the slowest.
    fn wait(&self, what: What) -> Duration {
        let is_near = match what {
            What::Hop(ttl, _) => ttl <= self.hops.farthest_address(),
            What::Target(_) | What::Connection(_) => false,
        };
        // Or a router has said that nothing goes as far as the target.
        let is_heard = self.target_rtt.is_some() || self.refusal.is_some();
        let slowest = self.slowest.filter(|_| is_near || is_heard);
        let known = slowest.map(|rtt| (rtt * ROUND_TRIPS).max(rtt + LEAST_WAIT));
        known.map_or(self.config.timeout, |wait| wait.min(self.config.timeout))
    }

    /// The probes that are not waited for any longer, and when the next one will not be.
    pub(super) fn expired(&self, now: Instant) -> (Vec<u64>, Instant) {
        let (mut expired, mut next) = (Vec::new(), Instant::FAR);
        for (seq, Flight { what, asked_at, sent_at }) in &self.open {
            if matches!(what, What::Connection(_)) {
                continue;
            }
            let wait = self.wait(*what);
            if wait >= self.config.timeout {
                // The engine's own deadline is as early.
                continue;
            }
            let until = sent_at.unwrap_or(*asked_at) + wait;
            match sent_at {
                _ if until > now => next = next.min(until),
                Some(_) => expired.push(*seq),
                None => next = next.min(now + LOOK_AGAIN),
            }
        }
        (expired, next)
    }

    /// What is sent next.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        if let Some(free) = self.last_asked.map(|last| last + self.config.spacing)
            && free > now
        {
            return Step::Wait(free);
        }
        if self.alone && !self.open.is_empty() {
            return Step::Wait(Instant::FAR);
        }
        let sparing = self.sparing.as_ref().filter(|_| self.is_reached());
        if sparing.is_some_and(|sparing| sparing.is_given_up(now)) {
            return if self.open.is_empty() { Step::Over } else { Step::Wait(Instant::FAR) };
        }
        if let Some(asked) = self.segments.as_mut().and_then(Segments::ask) {
            return Step::Ask(What::Connection(asked));
        }
        let is_later = self.is_later(now);
        if let Some(level) = self.levels().into_iter().find_map(|level| {
            let ttl = self.hops.next_of(level, is_later)?;
            Some(What::Hop(ttl, level.size))
        }) {
            return Step::Ask(level);
        }
        // What follows the target may answer.
        if let Some(free) = self.sparing.as_ref().map(|sparing| sparing.free_at(now))
            && free > now
        {
            return match self.is_settled(now) {
                true => Step::Over,
                false => Step::Wait(free),
            };
        }
        let sparing = self.sparing.as_ref().filter(|_| self.is_reached());
        if let Some(step) = sparing.and_then(|sparing| self.tell_limit(sparing)) {
            return step;
        }
        self.next_to_target(now)
    }

    /// What comes before all else where it is not known whether packets are lost or only have no answer
    /// left: the smallest one. Where there is no more than one answer a second each packet goes alone.
    fn tell_limit(&self, sparing: &Sparing) -> Option<Step> {
        let smallest = self.search.smallest;
        match (sparing.is_unsure(), sparing.is_scarce() && !self.open.is_empty()) {
            (_, true) => Some(Step::Wait(Instant::FAR)),
            (true, _) if self.search.trial(smallest).open > 0 => Some(Step::Wait(Instant::FAR)),
            (true, false) => Some(Step::Ask(What::Target(smallest))),
            (false, false) => None,
        }
    }

    fn next_to_target(&mut self, now: Instant) -> Step {
        if !self.cannot_send()
            && let Some(size) = self.search.next(now >= self.sure_at())
        {
            return Step::Ask(What::Target(size));
        }
        if let Some(ttl) =
            self.hops.next_unknown(self.is_later(now)).filter(|_| !self.cannot_send())
        {
            return Step::Ask(What::Hop(ttl, self.search.smallest));
        }
        if let Some(ttl) = self.next_hidden() {
            let free = self.last_asked.map_or(now, |last| last + Sparing::REFILL);
            return match (self.open.is_empty(), free > now) {
                (false, _) => Step::Wait(Instant::FAR),
                (true, true) => Step::Wait(free),
                (true, false) => Step::Ask(What::Hop(ttl, self.search.smallest)),
            };
        }
        match self.doubt.map(|doubt| doubt.need(&self.search, now)) {
            Some(Need::Ask(size)) => Step::Ask(What::Target(size)),
            Some(Need::Wait(until)) => Step::Wait(until),
            Some(Need::Settled | Need::Nothing) | None => {
                match (self.is_settled(now), self.sure_at()) {
                    (_, sure) if sure > now => Step::Wait(sure),
                    (true, _) => Step::Over,
                    (false, _) => Step::Wait(Instant::FAR),
                }
            }
        }
    }

    /// A router refuses, and its limit of answers may hide at which hop it is: the nearest silent one is
    /// asked once more, when there is an answer again.
    fn next_hidden(&self) -> Option<u8> {
        let (kind, _) = self.refusal?;
        let is_hidden = !kind.is_time_exceeded() && !self.is_reached() && !self.cannot_send();
        self.hops.next_unknown(true).filter(|_| is_hidden)
    }

    /// From when on what was said to be too big would have been answered, if it was not: whoever forges
    /// a message cannot keep the answer from coming.
    fn sure_at(&self) -> Instant {
        let Some(left) = self.told_of else { return Instant::ZERO };
        let known = self.target_rtt.map(|rtt| (rtt * 2).max(rtt + LEAST_DOUBT));
        left + known.map_or(self.config.timeout, |wait| wait.min(self.config.timeout))
    }

    fn is_later(&self, now: Instant) -> bool {
        self.doubt.is_some_and(|doubt| doubt.is_later(now))
    }

    /// Whether nothing is left to be done.
    fn is_settled(&self, now: Instant) -> bool {
        let is_measured = self.search.is_over() || self.cannot_send();
        let has_need =
            self.doubt.is_some_and(|doubt| !matches!(doubt.need(&self.search, now), Need::Nothing));
        let is_connected = self.segments.as_ref().is_none_or(|segments| !segments.is_open());
        self.open.is_empty()
            && is_connected
            && (self.cannot_send()
                || is_measured
                    && !has_need
                    && self.hops.next_unknown(self.is_later(now)).is_none()
                    && self.next_hidden().is_none()
                    && self
                        .levels()
                        .into_iter()
                        .all(|level| self.hops.is_known(level, self.is_later(now))))
    }

    /// Whether this machine sends nothing.
    pub(super) fn cannot_send(&self) -> bool {
        /// So many sends that failed are enough.
        const ENOUGH: u64 = 3;
        let failed: u64 = self.tally.unsent.all().map(|(_, count)| count).sum();
        self.sent == 0 && failed >= ENOUGH
    }

    /// The sizes that were said not to pass, largest first: the top, and those that a router said
    /// would pass; at the end the one that vanishes.
    pub(super) fn levels(&self) -> Vec<Level> {
        let said = self.search.trials.iter().rev().filter(|(size, trial)| {
            trial.passed == 0
                && !trial.told.is_empty()
                && (**size == self.search.top
                    || self.is_said_to_pass(**size)
                    || self.search.silence().is_some_and(|(heard, _)| heard == **size))
        });
        let told = said.map(|(size, _)| Level { size: *size, is_silent: false });
        // What was said to pass and does not reach the target comes further than that, if it is true.
        let tried = self.search.trials.iter().rev().filter(|(size, trial)| {
            trial.passed == 0
                && trial.told.is_empty()
                && trial.lost > 0
                && self.is_said_to_pass(**size)
        });
        let tried = tried.map(|(size, _)| Level { size: *size, is_silent: false });
        let lost = suspicion(&self.search).map(|(_, size)| Level { size, is_silent: true });
        told.chain(tried).chain(lost).collect()
    }

    fn is_said_to_pass(&self, size: u32) -> bool {
        let mut told = self.search.trials.values().flat_map(|trial| &trial.told);
        told.any(|told| told.mtu == Some(size))
    }

    /// Whether what is lost is to be lost again, before it is said to vanish.
    pub(super) fn look_for_silence(&mut self, at: Instant) {
        self.doubt = self.doubt.filter(|doubt| !doubt.is_refuted(&self.search));
        let Some(sizes) = suspicion(&self.search) else { return };
        if self.doubt.is_none_or(|doubt| !doubt.is_about(sizes)) {
            self.doubt = Some(Doubt::new(sizes, at));
        }
    }
}
