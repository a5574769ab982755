//! Who runs the checks: which begins when, which is tried again, and what each comes to.

use super::item::Item;
use crate::commands::lanes::{
    Conclusion, Ended, KEPT_BACK_AFTER, Planner, Supervisor, Turn, Verdict, interrupted,
    kept_back_or_silent,
};
use netdiag_check::result::{Check, CheckStatus};
use netdiag_model::contract::Method;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::finding::Finding;
use netdiag_model::{Instant, Untrusted, milliseconds};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Between two attempts: a disturbance that is short has passed by the next one, or the one after.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// All checks of a run.
pub(super) struct Board {
    items: Vec<Item>,
    states: Vec<State>,
    planner: Rc<RefCell<Planner>>,
    /// When all must have ended.
    until: Instant,
    stopped: bool,
}

#[derive(Default)]
struct State {
    /// When it began, names and all.
    began: Option<Instant>,
    attempts: u64,
    /// When it may be tried again.
    again_at: Option<Instant>,
    /// It failed by a silence that was too short to tell whether this machine kept back what was sent:
    /// what it came to, unless a second look tells that.
    in_doubt: Option<(Verdict, Conclusion)>,
    /// What the last attempt came to, while another may follow.
    tried: Option<Told>,
    check: Option<Check>,
    findings: Vec<Finding>,
    method: Option<Method>,
}

/// What a check came to, and what is to be said of it.
type Told = (Check, Vec<Finding>, Option<Method>);

impl State {
    fn end(&mut self, (check, findings, method): Told) {
        (self.check, self.findings, self.method) = (Some(check), findings, method);
    }
}

impl Board {
    pub(super) fn new(items: Vec<Item>, planner: &Rc<RefCell<Planner>>, until: Instant) -> Self {
        let states = items.iter().map(|_| State::default()).collect();
        Self { items, states, planner: Rc::clone(planner), until, stopped: false }
    }

    /// What a check came to, once it has.
    pub(super) fn check(&self, lane: usize) -> Option<&Check> {
        self.states.get(lane)?.check.as_ref()
    }

    /// How many have ended, and how many there are.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.states.iter().filter(|state| state.check.is_some()).count(), self.states.len())
    }

    /// What all came to, what is to be said of them, and how they were measured. What has not ended is
    /// not known.
    pub(super) fn into_all(
        mut self,
        now: Instant,
        why: &str,
    ) -> (Vec<Check>, Vec<Finding>, Vec<Method>) {
        for lane in 0..self.items.len() {
            if self.check(lane).is_none() {
                self.end_unmeasured(lane, now, why);
            }
        }
        let (mut checks, mut findings, mut methods) = (Vec::new(), Vec::new(), Vec::new());
        for state in self.states {
            checks.extend(state.check);
            findings.extend(state.findings);
            methods.extend(state.method);
        }
        (checks, findings, methods)
    }

    /// A check without a measurement.
    fn empty(&self, lane: usize, verdict: Verdict) -> Option<Check> {
        let item = self.items.get(lane)?;
        let perfdata = item.expected.perfdata(&item.name, None, item.asked.known());
        Some(Check {
            name: Untrusted::from(item.name.as_str()),
            kind: item.kind.clone(),
            target: Untrusted::from(item.target.as_str()),
            tags: item.tags.clone(),
            status: verdict.status,
            failure: verdict.failure,
            failed_expectation: verdict.failed_expectation,
            depends_on: None,
            peer: None,
            figures: None,
            attempts: self.states.get(lane).map_or(0, |state| state.attempts),
            elapsed_ms: 0.0,
            method: None,
            measurement: Value::Null,
            perfdata,
        })
    }

    fn end_unmeasured(&mut self, lane: usize, now: Instant, why: &str) {
        let reason = "not-begun".to_owned();
        let message = why.to_owned();
        let failure = Failure { stage: Stage::Send, reason, errno: None, icmp: None, message };
        let check = self.empty(lane, Verdict::unknown(failure));
        let Some(state) = self.states.get_mut(lane) else { return };
        if let Some(tried) = state.tried.take() {
            // That there was no time for another attempt says less.
            return state.end(tried);
        }
        let elapsed_ms = milliseconds(state.began.map_or(Duration::ZERO, |began| now.since(began)));
        state.check = check.map(|check| Check { elapsed_ms, ..check });
    }

    /// What a check came to by an attempt, and all that it took.
    fn told(
        &self,
        lane: usize,
        verdict: Verdict,
        conclusion: Conclusion,
        elapsed: Duration,
    ) -> Option<Told> {
        let item = self.items.get(lane)?;
        let perfdata = item.expected.perfdata(&item.name, Some(&conclusion), item.asked.known());
        let check = Check {
            peer: conclusion.peer,
            figures: Some(conclusion.figures).filter(|text| !text.is_empty()),
            elapsed_ms: milliseconds(elapsed),
            method: conclusion.method.clone(),
            measurement: conclusion.measurement,
            perfdata,
            ..self.empty(lane, verdict)?
        };
        let own = conclusion.findings.into_iter();
        let findings = own.map(|one| Finding { target_index: Some(lane), ..one }).collect();
        Some((check, findings, conclusion.method))
    }

    /// Ends a check since one that it depends on does not hold.
    fn skip(&mut self, lane: usize, because: usize) {
        let status = CheckStatus::Skip;
        let verdict = Verdict { status, failure: None, failed_expectation: None };
        let name = self.items.get(because).map(|item| Untrusted::from(item.name.as_str()));
        let check = self.empty(lane, verdict).map(|check| Check { depends_on: name, ..check });
        if let Some(state) = self.states.get_mut(lane) {
            state.check = check;
        }
    }

    /// What those come to that a check depends on: all hold, one does not, or some have not ended.
    fn ground(&self, lane: usize) -> Ground {
        let Some(item) = self.items.get(lane) else { return Ground::Firm };
        let mut ground = Ground::Firm;
        for place in &item.depends_on {
            match self.check(*place).map(|check| check.status) {
                Some(CheckStatus::Pass | CheckStatus::Warn) => {}
                Some(_) => return Ground::Broken(*place),
                None => ground = Ground::Open,
            }
        }
        ground
    }
}

/// What a check stands on.
enum Ground {
    Firm,
    Open,
    Broken(usize),
}

impl Board {
    /// What an attempt came to, in the light of a second look; `None`: that one is taken first.
    fn second_look(
        &mut self,
        lane: usize,
        verdict: Verdict,
        conclusion: Conclusion,
        how: Ended,
    ) -> Option<(Verdict, Conclusion)> {
        let (item, state) = (self.items.get(lane)?, self.states.get_mut(lane)?);
        let stage = verdict.failure.as_ref().map(|failure| failure.stage);
        if let Some(first) = state.in_doubt.take() {
            self.planner.borrow_mut().replace(lane, item.asked.clone());
            let is_kept_back = verdict.status == CheckStatus::Unknown && stage == Some(Stage::Send);
            return Some(if is_kept_back { (verdict, conclusion) } else { first });
        }
        let is_silent = verdict.status == CheckStatus::Fail
            && verdict.failure.as_ref().is_some_and(|failure| failure.reason == "timeout")
            && stage == Some(Stage::Connect);
        let again = item.asked.second_look().filter(|_| is_silent && !self.stopped);
        let Some(again) = again else { return Some((verdict, conclusion)) };
        let end = (state.began.unwrap_or(how.end.at) + item.deadline).min(self.until);
        if how.end.at + KEPT_BACK_AFTER >= end {
            return Some((Verdict::unknown(kept_back_or_silent()), conclusion));
        }
        state.in_doubt = Some((verdict, conclusion));
        self.planner.borrow_mut().replace(lane, again);
        None
    }
}

impl Supervisor for Board {
    /// Each attempt is about what the names stand for then.
    const ADDRESSES_LAST: Duration = Duration::ZERO;

    fn turn(&mut self, lane: usize, now: Instant, under_way: usize, is_planned: bool) -> Turn {
        if self.check(lane).is_some() {
            return Turn::End;
        }
        if under_way > 0 {
            return Turn::Wait(Instant::FAR);
        }
        let has_begun = self.states.get(lane).is_some_and(|state| state.began.is_some());
        // Of a plan that is there only now it is told what became of it.
        if self.stopped || (now >= self.until && !(has_begun && is_planned)) {
            let why = if self.stopped { "the run was ended" } else { "no time was left for it" };
            self.end_unmeasured(lane, now, why);
            return Turn::End;
        }
        match self.ground(lane) {
            Ground::Broken(because) => {
                self.skip(lane, because);
                Turn::End
            }
            Ground::Open => Turn::Wait(self.until),
            Ground::Firm => {
                let deadline = self.items.get(lane).map(|item| item.deadline).unwrap_or_default();
                let Some(state) = self.states.get_mut(lane) else { return Turn::End };
                if let Some(again_at) = state.again_at.filter(|at| *at > now) {
                    return Turn::Wait(again_at.min(self.until));
                }
                let began = *state.began.get_or_insert(now);
                let until = (began + deadline).min(self.until);
                if is_planned { Turn::Begin(until) } else { Turn::Plan(until) }
            }
        }
    }

    fn is_settled(&self, lane: usize, _: Instant) -> bool {
        self.check(lane).is_some()
    }

    fn concluded(&mut self, lane: usize, mut conclusion: Conclusion, how: Ended) {
        let stopped = self.stopped;
        let Some(item) = self.items.get(lane) else { return };
        let Ended { end, cut, .. } = how;
        let known = item.asked.known();
        let mut verdict = item.expected.judge(&conclusion, known, cut.filter(|_| !stopped));
        // What was ended from outside has not failed.
        if cut.is_some() && stopped && verdict.status == CheckStatus::Fail {
            let failure = verdict.failure.take().filter(|failure| failure.stage < Stage::Request);
            verdict = Verdict::unknown(failure.unwrap_or_else(interrupted));
        }
        match self.second_look(lane, verdict, conclusion, how) {
            None => return,
            Some(seen) => (verdict, conclusion) = seen,
        }
        let Some(item) = self.items.get(lane) else { return };
        let (retries, deadline) = (u64::from(item.retries), item.deadline);
        let Some(state) = self.states.get_mut(lane) else { return };
        state.attempts += 1;
        let began = *state.began.get_or_insert(end.at);
        let again_at = end.at + pause(state.attempts);
        let may_try =
            state.attempts <= retries && !stopped && again_at < (began + deadline).min(self.until);
        let is_bad = matches!(verdict.status, CheckStatus::Fail | CheckStatus::Unknown);
        let is_cut_short = verdict.status == CheckStatus::Unknown && cut.is_some();
        let elapsed = end.at.since(began);
        let Some(told) = self.told(lane, verdict, conclusion, elapsed) else { return };
        let Some(state) = self.states.get_mut(lane) else { return };
        // What was cut short says less than what an attempt before it came to.
        let told = state.tried.take().filter(|_| is_cut_short).unwrap_or(told);
        if is_bad && may_try {
            (state.again_at, state.tried) = (Some(again_at), Some(told));
        } else {
            state.end(told);
        }
    }

    fn stop(&mut self, _: Instant) {
        self.stopped = true;
    }
}

/// How long it is until the next attempt: each time twice as long.
fn pause(attempts: u64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(8);
    PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}
