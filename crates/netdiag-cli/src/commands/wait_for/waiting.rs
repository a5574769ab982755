//! When what is waited for is tried, and when it is ready.

use crate::commands::ending::End;
use crate::commands::lanes::{Conclusion, Supervisor, Turn};
use netdiag_model::Instant;
use netdiag_model::contract::Judgement;
use std::collections::BTreeMap;
use std::time::Duration;

/// From one attempt to the next at first, and later.
const AT_FIRST: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(1);
/// What is waited for longer than this is tried less often.
const PATIENT_AFTER: Duration = Duration::from_secs(30);
/// The most attempts at once of each: as many as there are while one waits.
const MOST: usize = 16;

/// All that is waited for.
pub(super) struct Waiting {
    pub(super) waiters: Vec<Waiter>,
    any: bool,
    consecutive: u32,
    started_at: Instant,
    deadline: Instant,
    /// When names are looked up again.
    pub(super) until: Instant,
    pub(super) stopped: bool,
}

/// One that is waited for.
#[derive(Default)]
pub(super) struct Waiter {
    pub(super) attempts: u64,
    /// When it was ready.
    pub(super) ready_at: Option<Instant>,
    /// What the last attempt came to that says most: while it waits the last that failed.
    pub(super) last: Option<Conclusion>,
    /// How often each reason for a failure came.
    pub(super) reasons: BTreeMap<String, u64>,
    /// Some attempt was measured.
    pub(super) is_measured: bool,
    in_a_row: u32,
    /// When the first attempt of those began.
    row_since: Option<Instant>,
    next_at: Option<Instant>,
    /// How long an attempt may take.
    patience: Duration,
}

impl Waiting {
    pub(super) fn new(
        count: usize,
        (any, consecutive): (bool, u32),
        started_at: Instant,
        timeout: Duration,
    ) -> Self {
        let waiters = (0..count).map(|_| Waiter::default()).collect();
        let deadline = started_at + timeout;
        Self { waiters, any, consecutive, started_at, deadline, until: deadline, stopped: false }
    }

    /// The same, with how long an attempt of each may take.
    pub(super) fn patient(mut self, all: impl Iterator<Item = Duration>) -> Self {
        for (waiter, patience) in self.waiters.iter_mut().zip(all) {
            waiter.patience = patience;
        }
        self
    }

    /// Whether what was waited for is there.
    pub(super) fn is_ready(&self) -> bool {
        let mut ready = self.waiters.iter().map(|one| one.ready_at.is_some());
        if self.any { ready.any(|it| it) } else { ready.all(|it| it) }
    }

    /// Whether nothing more is to be waited for.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.is_ready() || self.stopped || now >= self.deadline
    }

    /// From one attempt to the next.
    pub(super) fn pace(&self, now: Instant) -> Duration {
        if now.since(self.started_at) < PATIENT_AFTER { AT_FIRST } else { LATER }
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Supervisor for Waiting {
    fn turn(&mut self, lane: usize, now: Instant, under_way: usize) -> Turn {
        let until = self.until.min(self.deadline);
        let is_over = self.is_over(now) || now >= until;
        let pace = self.pace(now);
        let Some(waiter) = self.waiters.get_mut(lane) else { return Turn::End };
        if is_over || waiter.ready_at.is_some() {
            return Turn::End;
        }
        let next_at = waiter.next_at.unwrap_or(now);
        if under_way >= MOST {
            return Turn::Wait(until);
        }
        if now < next_at {
            return Turn::Wait(next_at.min(until));
        }
        waiter.next_at = Some(now + pace);
        Turn::Begin((now + waiter.patience).min(self.deadline))
    }

    fn concluded(
        &mut self,
        lane: usize,
        conclusion: Conclusion,
        begun: Instant,
        end: End,
        cut: bool,
    ) {
        let Some(waiter) = self.waiters.get_mut(lane) else { return };
        waiter.attempts += 1;
        waiter.is_measured |= conclusion.judgement != Judgement::Unmeasured;
        if conclusion.judgement == Judgement::Holds {
            waiter.in_a_row += 1;
            waiter.row_since.get_or_insert(begun);
            if waiter.in_a_row >= self.consecutive {
                waiter.ready_at.get_or_insert(end.at);
                waiter.last = Some(conclusion);
            }
            return;
        }
        // One that began before the first of those that succeeded says nothing of them.
        if waiter.row_since.is_some_and(|since| begun < since) {
            return;
        }
        (waiter.in_a_row, waiter.row_since) = (0, None);
        // What was ended without an answer says less than what one said before.
        if cut && waiter.last.is_some() {
            return;
        }
        let told = conclusion.failure.as_ref().filter(|_| !cut);
        let reason = told.map_or("timeout", |failure| failure.reason.as_str());
        *waiter.reasons.entry(reason.to_owned()).or_default() += 1;
        waiter.last = Some(conclusion);
    }

    fn stop(&mut self, _: Instant) {
        self.stopped = true;
    }
}
