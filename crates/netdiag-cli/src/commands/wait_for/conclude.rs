//! From what was waited for to checks, a verdict and the exit status.

use super::spec::Spec;
use super::waiting::{Waiter, Waiting};
use crate::ExitStatus;
use crate::commands::lanes::{Conclusion, interrupted, kept_back_or_silent};
use crate::commands::secret::without_secrets;
use netdiag_check::result::{Check, CheckStatus};
use netdiag_engine::failure::plain;
use netdiag_model::contract::Method;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::finding::Finding;
use netdiag_model::{Instant, Untrusted, milliseconds};
use serde_json::Value;

/// What each that was waited for came to.
pub(super) fn check(
    spec: &Spec,
    waiting: &Waiting,
    place: usize,
    started: Instant,
    now: Instant,
) -> Option<Check> {
    let waiter = waiting.waiters.get(place)?;
    let last = waiter.last.as_ref();
    let is_ready = waiter.ready_at.is_some();
    let status = match (is_ready, waiter.is_measured) {
        (true, _) => CheckStatus::Pass,
        // Of several of which one is enough the others need not be.
        (false, _) if waiting.is_ready() => CheckStatus::Skip,
        (false, true) => CheckStatus::Fail,
        (false, false) => CheckStatus::Unknown,
    };
    let is_told = matches!(status, CheckStatus::Fail | CheckStatus::Unknown);
    let said = last.and_then(|last| last.failure.clone());
    let failure = said.unwrap_or_else(|| without_word(waiting, waiter, status));
    let text = Untrusted::from(without_secrets(&spec.text));
    Some(Check {
        name: text.clone(),
        kind: spec.kind.to_owned(),
        target: text,
        tags: Vec::new(),
        status,
        failure: is_told.then_some(failure),
        failed_expectation: None,
        depends_on: None,
        peer: last.and_then(|last| last.peer.clone()),
        figures: last.map(|last| last.figures.clone()).filter(|text| is_ready && !text.is_empty()),
        attempts: waiter.attempts,
        elapsed_ms: milliseconds(waiter.ready_at.unwrap_or(now).since(started)),
        method: last.and_then(|last| last.method.clone()),
        measurement: last.map_or(Value::Null, |last| last.measurement.clone()),
        perfdata: Vec::new(),
    })
}

/// Why one is not ready of which no attempt tells.
pub(super) fn without_word(waiting: &Waiting, waiter: &Waiter, status: CheckStatus) -> Failure {
    match (waiting.stopped, waiter.attempts) {
        (true, _) => interrupted(),
        (false, 0) if waiter.is_planning => no_address(),
        (false, 0) => no_try(),
        (false, _) if status == CheckStatus::Unknown => kept_back_or_silent(),
        (false, _) => no_answer(),
    }
}

fn no_answer() -> Failure {
    plain(Stage::Request, "timeout", "no answer in time")
}

fn no_address() -> Failure {
    plain(Stage::Resolve, "timeout", "its name was looked up until no time was left")
}

fn no_try() -> Failure {
    plain(Stage::Send, "not-begun", "no time was left for an attempt")
}

/// What is to be said of the last attempts, and how they were measured.
pub(super) fn told(waiting: &Waiting) -> (Vec<Finding>, Vec<Method>) {
    let all: Vec<(usize, &Conclusion)> = waiting
        .waiters
        .iter()
        .enumerate()
        .filter_map(|(place, waiter)| Some((place, waiter.last.as_ref()?)))
        .collect();
    let findings = all.iter().flat_map(|(place, last)| {
        let own = last.findings.iter().cloned();
        own.map(|one| Finding { target_index: Some(*place), ..one })
    });
    let methods = all.iter().filter_map(|(_, last)| last.method.clone());
    (findings.collect(), methods.collect())
}

/// What it comes to, in a sentence.
pub(super) fn verdict(
    checks: &[Check],
    waiting: &Waiting,
    seconds: f64,
    status: ExitStatus,
) -> String {
    let attempts: u64 = checks.iter().map(|check| check.attempts).sum();
    let tries = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
    if waiting.is_ready() {
        let ready = checks.iter().find(|check| check.status == CheckStatus::Pass);
        let which = match (checks, ready) {
            ([_], Some(only)) => only.figures.clone().map(|figures| format!(": {figures}")),
            (_, Some(one)) if checks.iter().any(|it| it.status == CheckStatus::Skip) => {
                Some(format!(": {}", one.name.escaped()))
            }
            (all, _) => Some(format!(": all {}", all.len())),
        };
        let took = took(seconds);
        return format!("ready after {took}, {tries}{}", which.unwrap_or_default());
    }
    let code = status.code();
    let bad: Vec<String> = checks
        .iter()
        .zip(&waiting.waiters)
        .filter(|(check, _)| check.status != CheckStatus::Pass)
        .map(|(check, waiter)| cause(check, waiter, checks.len() > 1))
        .collect();
    let ended = if waiting.stopped { "ended, not ready" } else { "not ready" };
    format!("{ended} after {}, {tries}, {}; exit {code}", took(seconds), bad.join("; "))
}

/// A time in seconds, and one that is shorter than what is shown of these in milliseconds.
fn took(seconds: f64) -> String {
    match seconds < 0.1 {
        true => format!("{:.0} ms", seconds * 1e3),
        false => format!("{seconds:.1} s"),
    }
}

/// Why one is not ready: `all refused: ...`.
fn cause(check: &Check, waiter: &Waiter, is_named: bool) -> String {
    let reasons: Vec<String> = match waiter.reasons.iter().collect::<Vec<_>>().as_slice() {
        [] => vec!["none ended".to_owned()],
        [(reason, 1)] => vec![(*reason).clone()],
        [(reason, _)] => vec![format!("all {reason}")],
        several => several.iter().map(|(reason, count)| format!("{count} {reason}")).collect(),
    };
    let said = check.failure.as_ref().map(|failure| failure.message.as_str()).unwrap_or_default();
    let said = Untrusted::from(said).escaped().to_string();
    let named = if is_named { format!("{} ", check.name.escaped()) } else { String::new() };
    format!("{named}{}: {said}", reasons.join(", "))
}
