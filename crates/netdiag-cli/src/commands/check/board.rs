//! Who runs the checks: which begins when, which is tried again, and what each comes to.

use super::item::Item;
use crate::commands::ending::End;
use crate::commands::lanes::{Conclusion, Supervisor, Turn, Verdict};
use netdiag_check::result::{Check, CheckStatus};
use netdiag_model::contract::Method;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::finding::Finding;
use netdiag_model::{Instant, Untrusted, milliseconds};
use serde_json::Value;

/// All checks of a run.
pub(super) struct Board {
    items: Vec<Item>,
    states: Vec<State>,
    /// When all must have ended.
    until: Instant,
    stopped: bool,
}

#[derive(Default)]
struct State {
    began: Option<Instant>,
    attempts: u64,
    check: Option<Check>,
    findings: Vec<Finding>,
    method: Option<Method>,
}

impl Board {
    pub(super) fn new(items: Vec<Item>, until: Instant) -> Self {
        let states = items.iter().map(|_| State::default()).collect();
        Self { items, states, until, stopped: false }
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
    pub(super) fn into_all(mut self, why: &str) -> (Vec<Check>, Vec<Finding>, Vec<Method>) {
        for lane in 0..self.items.len() {
            if self.check(lane).is_none() {
                self.end_unmeasured(lane, why);
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

    fn end_unmeasured(&mut self, lane: usize, why: &str) {
        let reason = "not-begun".to_owned();
        let message = why.to_owned();
        let failure = Failure { stage: Stage::Send, reason, errno: None, icmp: None, message };
        let check = self.empty(lane, Verdict::unknown(failure));
        if let Some(state) = self.states.get_mut(lane) {
            state.check = check;
        }
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

impl Supervisor for Board {
    fn turn(&mut self, lane: usize, now: Instant, under_way: usize) -> Turn {
        if self.check(lane).is_some() {
            return Turn::End;
        }
        if under_way > 0 {
            return Turn::Wait(Instant::FAR);
        }
        if self.stopped || now >= self.until {
            let why = if self.stopped { "the run was ended" } else { "no time was left for it" };
            self.end_unmeasured(lane, why);
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
                let began = *state.began.get_or_insert(now);
                Turn::Begin((began + deadline).min(self.until))
            }
        }
    }

    fn concluded(&mut self, lane: usize, conclusion: Conclusion, _: Instant, end: End, cut: bool) {
        let stopped = self.stopped;
        let Some(item) = self.items.get(lane) else { return };
        let known = item.asked.known();
        let mut verdict = item.expected.judge(&conclusion, known, cut && !stopped);
        // What was ended from outside has not failed.
        if cut && stopped && verdict.status == CheckStatus::Fail {
            let failure = verdict.failure.take().filter(|failure| failure.stage < Stage::Request);
            let message = "ended before it was known".to_owned();
            let reason = "interrupted".to_owned();
            let own = Failure { stage: Stage::Request, reason, errno: None, icmp: None, message };
            verdict = Verdict::unknown(failure.unwrap_or(own));
        }
        let (retries, deadline) = (u64::from(item.retries), item.deadline);
        let perfdata = item.expected.perfdata(&item.name, Some(&conclusion), known);
        let Some(state) = self.states.get_mut(lane) else { return };
        state.attempts += 1;
        let began = *state.began.get_or_insert(end.at);
        let may_try = state.attempts <= retries && !stopped && end.at < began + deadline;
        let is_bad = matches!(verdict.status, CheckStatus::Fail | CheckStatus::Unknown);
        if is_bad && may_try {
            return;
        }
        let elapsed_ms = milliseconds(end.at.since(began));
        let Some(check) = self.empty(lane, verdict) else { return };
        let check = Check {
            peer: conclusion.peer,
            figures: Some(conclusion.figures).filter(|text| !text.is_empty()),
            elapsed_ms,
            method: conclusion.method.clone(),
            measurement: conclusion.measurement,
            perfdata,
            ..check
        };
        let Some(state) = self.states.get_mut(lane) else { return };
        let own = conclusion.findings.into_iter();
        state.findings = own.map(|one| Finding { target_index: Some(lane), ..one }).collect();
        state.method = conclusion.method;
        state.check = Some(check);
    }

    fn stop(&mut self, _: Instant) {
        self.stopped = true;
    }
}
