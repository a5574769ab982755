//! When what is waited for is tried, and when it is ready.

use super::spec::Spec;
use crate::commands::lanes::{Conclusion, Ended, KEPT_BACK_AFTER, PATIENCE, Supervisor, Turn};
use netdiag_model::Instant;
use netdiag_model::contract::Judgement;
use netdiag_model::failure::Stage;
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
    pub(super) stopped: bool,
}

/// One that is waited for.
#[derive(Default)]
pub(super) struct Waiter {
    /// Silence that was shorter says nothing of the target.
    telling: Duration,
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
    /// A plan is being made: once it is, there is an attempt.
    pub(super) is_planning: bool,
}

impl Waiting {
    pub(super) fn new(
        specs: &[Spec],
        (any, consecutive): (bool, u32),
        started_at: Instant,
        timeout: Duration,
    ) -> Self {
        let telling =
            |spec: &Spec| if spec.kind == "tcp" { KEPT_BACK_AFTER } else { Duration::ZERO };
        let waiter = |spec: &Spec| Waiter {
            telling: telling(spec),
            patience: spec.patience,
            ..Waiter::default()
        };
        let waiters = specs.iter().map(waiter).collect();
        let deadline = started_at + timeout;
        Self { waiters, any, consecutive, started_at, deadline, stopped: false }
    }

    /// Whether what was waited for is there.
    pub(super) fn is_ready(&self) -> bool {
        let mut ready = self.waiters.iter().map(|one| one.ready_at.is_some());
        if self.any { ready.any(|it| it) } else { ready.all(|it| it) }
    }

    /// Whether nothing more is to be waited for.
    fn is_over(&self, now: Instant) -> bool {
        self.is_ready() || self.stopped || now >= self.deadline
    }

    /// From one attempt to the next.
    fn pace(&self, now: Instant) -> Duration {
        if now.since(self.started_at) < PATIENT_AFTER { AT_FIRST } else { LATER }
    }
}

impl Supervisor for Waiting {
    const ADDRESSES_LAST: Duration = Duration::from_secs(10);

    fn turn(&mut self, lane: usize, now: Instant, under_way: usize, is_planned: bool) -> Turn {
        let (is_over, pace, deadline) = (self.is_over(now), self.pace(now), self.deadline);
        let Some(waiter) = self.waiters.get_mut(lane) else { return Turn::End };
        if is_over || waiter.ready_at.is_some() {
            return Turn::End;
        }
        if under_way >= MOST {
            return Turn::Wait(deadline);
        }
        // What became of a plan is tried at once.
        let is_new = std::mem::take(&mut waiter.is_planning) && is_planned;
        let next_at = waiter.next_at.filter(|at| *at > now && !is_new);
        if let Some(next_at) = next_at {
            return Turn::Wait(next_at.min(deadline));
        }
        waiter.next_at = Some(now + pace);
        waiter.is_planning = !is_planned;
        match is_planned {
            true => Turn::Begin((now + waiter.patience).min(deadline)),
            false => Turn::Plan((now + PATIENCE).min(deadline)),
        }
    }

    fn is_settled(&self, _: usize, now: Instant) -> bool {
        self.is_over(now)
    }

    fn concluded(&mut self, lane: usize, mut conclusion: Conclusion, how: Ended) {
        let Ended { begun, end, cut } = how;
        if cut.is_some() {
            // That it was under way is no cause.
            conclusion.failure = conclusion.failure.filter(|it| it.stage < Stage::Connect);
        }
        let stopped = self.stopped;
        let Some(waiter) = self.waiters.get_mut(lane) else { return };
        waiter.attempts += 1;
        // One that was cut short says nothing of the target.
        let is_told = cut.is_none_or(|waited| !stopped && waited >= waiter.telling);
        waiter.is_measured |= is_told && conclusion.judgement != Judgement::Unmeasured;
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
        if cut.is_some() && (stopped || waiter.last.is_some()) {
            return;
        }
        let told = conclusion.failure.as_ref().filter(|_| cut.is_none());
        let reason = told.map_or("timeout", |failure| failure.reason.as_str());
        *waiter.reasons.entry(reason.to_owned()).or_default() += 1;
        waiter.last = Some(conclusion);
    }

    fn stop(&mut self, _: Instant) {
        self.stopped = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::conclude::without_word;
    use super::*;
    use netdiag_check::result::CheckStatus;

    /// Whichever comes first, the end of the look-up or that of the time.
    #[test]
    fn a_name_that_is_looked_up_until_the_end_is_the_cause() {
        let deadline = Instant::ZERO + Duration::from_secs(1);
        let waiters = vec![Waiter { patience: PATIENCE, ..Waiter::default() }];
        let (any, consecutive, started_at) = (false, 1, Instant::ZERO);
        let mut waiting =
            Waiting { waiters, any, consecutive, started_at, deadline, stopped: false };
        let why = |waiting: &Waiting| {
            let waiter = waiting.waiters.first().expect("there is one");
            without_word(waiting, waiter, CheckStatus::Unknown).stage
        };
        assert_eq!(why(&waiting), Stage::Send);
        assert!(matches!(waiting.turn(0, Instant::ZERO, 0, false), Turn::Plan(_)));
        assert_eq!(waiting.turn(0, deadline, 0, true), Turn::End);
        assert_eq!(why(&waiting), Stage::Resolve);
    }
}
