//! What is expected of a check, and what it comes to: pass, warn, fail or unknown.

use super::kind::{Conclusion, Snapshot, listed};
use super::kinds::{Known, failure};
use super::words;
use netdiag_check::expr::{Evidence, Expr, Verdict as Truth};
use netdiag_check::perfdata::{Perf, Range};
use netdiag_check::result::CheckStatus;
use netdiag_model::Untrusted;
use netdiag_model::contract::Judgement;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::finding::Severity;
use netdiag_model::metrics::{MetricValue, Metrics};
use netdiag_tcp::connect::metrics::is_of_attempt;
use std::time::Duration;

/// Who says nothing for so long that was asked does not answer.
const PATIENT: Duration = Duration::from_secs(1);
/// Reasons of what was ended while it was under way.
const ENDED: &[&str] = &["deadline", "in-flight", "interrupted", "unknown"];
/// What there is only more of the longer it is measured.
const GROWING: &[&str] = &["received", "succeeded", "open", "answers", "sent", "attempts"];

/// What is expected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// What must hold.
    pub(crate) expect: Option<Expr>,
    /// What must hold for it to be well.
    pub(crate) warn: Option<Expr>,
    /// What must stand among the data of an answer.
    pub(crate) data: Option<String>,
}

/// What a check comes to.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) status: CheckStatus,
    pub(crate) failure: Option<Failure>,
    pub(crate) failed_expectation: Option<String>,
}

impl Verdict {
    /// It could not be measured.
    pub(crate) const fn unknown(failure: Failure) -> Self {
        Self { status: CheckStatus::Unknown, failure: Some(failure), failed_expectation: None }
    }
}

impl Expected {
    /// What a conclusion comes to; `cut`: there was no time for more, and for so long the oldest probe
    /// without an answer had been waited for.
    pub(crate) fn judge(
        &self,
        conclusion: &Conclusion,
        known: Known,
        cut: Option<Duration>,
    ) -> Verdict {
        let told = conclusion.failure.clone();
        let is_open = conclusion.judgement != Judgement::Holds
            && told.as_ref().is_none_or(|failure| ENDED.contains(&failure.reason.as_str()));
        match cut {
            // No answer in all the time that there was says something of the target.
            Some(waited) if is_open && waited >= PATIENT => {
                return Verdict { status: CheckStatus::Fail, ..no_time() };
            }
            Some(_) if is_open => return Verdict::unknown(too_short()),
            _ => {}
        }
        if conclusion.judgement == Judgement::Unmeasured {
            return Verdict::unknown(told.unwrap_or_else(not_measured));
        }
        let expected = self.expect.as_ref();
        let says_itself = !conclusion.is_void
            && expected.is_some_and(|expr| {
                expr.metrics().iter().any(|metric| known.outcomes.contains(metric))
            });
        if conclusion.judgement == Judgement::Fails && !says_itself {
            let failure = told.or_else(|| found(conclusion)).or_else(|| no_time().failure);
            let expectation = self.unmet(conclusion, known).map(|unmet| unmet.text);
            let failed_expectation = expectation.filter(|_| expected.is_some());
            return Verdict { status: CheckStatus::Fail, failure, failed_expectation };
        }
        if let Some(unserved) = self.unserved(conclusion) {
            let (status, failure) = (CheckStatus::Fail, Some(unserved));
            return Verdict { status, failure, failed_expectation: None };
        }
        if let Some(Unmet { reason, text, is_too_few }) = self.unmet(conclusion, known) {
            if is_too_few && cut.is_some() && conclusion.judgement == Judgement::Holds {
                let message = format!("the time was over before all was sent: {text}");
                return Verdict::unknown(failure(Stage::Expect, "deadline", message));
            }
            let own = failure(Stage::Expect, &reason, text.clone());
            let failure = told.filter(|_| conclusion.judgement == Judgement::Fails).unwrap_or(own);
            let status = CheckStatus::Fail;
            return Verdict { status, failure: Some(failure), failed_expectation: Some(text) };
        }
        if let Some(Unmet { reason, text, .. }) = unmet(self.warn.as_ref(), conclusion, known) {
            let failure = Some(failure(Stage::Expect, &reason, text.clone()));
            let status = CheckStatus::Warn;
            return Verdict { status, failure, failed_expectation: Some(text) };
        }
        Verdict { status: CheckStatus::Pass, failure: None, failed_expectation: None }
    }

    /// A server that answers with an error serves no page, unless it is said which status is right.
    fn unserved(&self, conclusion: &Conclusion) -> Option<Failure> {
        let said = [&self.expect, &self.warn].into_iter().flatten();
        let is_said = said.flat_map(Expr::metrics).any(|metric| metric == "status");
        words::unserved(conclusion, "expect `status` where that is right").filter(|_| !is_said)
    }

    /// What does not hold that must.
    fn unmet(&self, conclusion: &Conclusion, known: Known) -> Option<Unmet> {
        if let Some(wanted) = &self.data {
            let all: Vec<String> = conclusion.snapshots.iter().flat_map(data).collect();
            if !all.iter().any(|one| is_meant(one, wanted)) {
                let some: Vec<&str> = all.iter().map(String::as_str).collect();
                let said = if all.is_empty() { "nothing".to_owned() } else { listed(&some) };
                let (said, wanted) = (Untrusted::from(said), Untrusted::from(wanted.as_str()));
                let text = format!("answered {}, expected {}", said.escaped(), wanted.escaped());
                return Some(Unmet { reason: "answer".to_owned(), text, is_too_few: false });
            }
        }
        unmet(self.expect.as_ref(), conclusion, known)
    }

    /// What monitoring is told: the usual figures, and those that something is expected of.
    pub(crate) fn perfdata(
        &self,
        name: &str,
        conclusion: Option<&Conclusion>,
        known: Known,
    ) -> Vec<Perf> {
        let limits = |expr: Option<&Expr>| expr.map(Expr::limits).unwrap_or_default();
        let (crit, warn) = (limits(self.expect.as_ref()), limits(self.warn.as_ref()));
        let mut named: Vec<&str> = known.figures.to_vec();
        for limit in crit.iter().chain(&warn) {
            if !named.contains(&limit.metric.as_str()) {
                named.push(&limit.metric);
            }
        }
        let range = |of: &[netdiag_check::expr::Limit], metric: &str| {
            of.iter().find(|limit| limit.metric == metric).and_then(Range::of)
        };
        let value = |metric: &str| {
            let value = conclusion?.snapshots.first()?.metric(metric)?;
            match value {
                MetricValue::Number(number) => Some(number),
                MetricValue::Text(_) | MetricValue::Bool(_) => None,
            }
        };
        let infos = named.iter().filter_map(|metric| {
            let unit = known.metrics.iter().find(|info| info.name == *metric)?.unit;
            let label = format!("{name} {metric}");
            let (warn, crit) = (range(&warn, metric), range(&crit, metric));
            Some(Perf { label, value: value(metric), unit, warn, crit })
        });
        infos.collect()
    }
}

/// An expectation that does not hold.
struct Unmet {
    /// A word for it.
    reason: String,
    /// What was measured.
    text: String,
    /// More of what can only grow would make it hold.
    is_too_few: bool,
}

/// What does not hold of an expression.
fn unmet(expression: Option<&Expr>, conclusion: &Conclusion, known: Known) -> Option<Unmet> {
    let expression = expression?;
    // What is also about all attempts together is certain of one only where it is false.
    let is_certain = expression.metrics().iter().all(|name| is_of_attempt(name));
    let all = conclusion.snapshots.iter().enumerate().map(|(place, snapshot)| {
        let is_asked = place == 0 || !conclusion.is_of_attempts || is_certain;
        let is_false = || expression.evaluate(snapshot) == Truth::False;
        (is_asked || is_false()).then(|| expression.holds(snapshot).err()).flatten()
    });
    let all: Vec<Option<Evidence>> = match conclusion.snapshots.is_empty() {
        true => vec![expression.holds(&Snapshot::default()).err()],
        false => all.collect(),
    };
    if known.one_is_enough && all.iter().any(Option::is_none) {
        return None;
    }
    let (n, failed) = (all.len(), all.iter().flatten().count());
    let evidence = all.into_iter().flatten().next()?;
    let of = match conclusion.is_of_attempts && n > 1 {
        true => format!(" (in {failed} of {n} attempts)"),
        false => String::new(),
    };
    let metric = evidence.reasons().first().map_or("expectation", |reason| reason.metric());
    let is_too_few = evidence.reasons().iter().all(|reason| GROWING.contains(&reason.metric()));
    // Words of failures have hyphens.
    let reason = metric.replace(['_', '.'], "-");
    Some(Unmet { reason, text: format!("{evidence}{of}"), is_too_few })
}

/// Whether data of a record is what somebody wrote, who may leave away the dot of a name that is whole
/// and the quotes of a text.
fn is_meant(data: &str, wanted: &str) -> bool {
    let unquoted = data.strip_prefix('"').and_then(|data| data.strip_suffix('"'));
    let undotted = data.strip_suffix('.').filter(|name| !name.is_empty());
    let mut forms = [Some(data), unquoted, undotted].into_iter().flatten();
    forms.any(|form| form.eq_ignore_ascii_case(wanted))
}

/// The data of an answer.
fn data(snapshot: &Snapshot) -> Vec<String> {
    match snapshot.metric("data") {
        Some(MetricValue::Text(text)) => text.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// It was ended from outside.
pub(crate) fn interrupted() -> Failure {
    failure(Stage::Request, "interrupted", "ended before it was known".to_owned())
}

/// Silence that was too short.
pub(crate) fn kept_back_or_silent() -> Failure {
    let message =
        "no answer in time, which was too short to tell whether this machine kept it back";
    failure(Stage::Request, "timeout", message.to_owned())
}

fn no_time() -> Verdict {
    Verdict::unknown(failure(Stage::Request, "timeout", "no answer in time".to_owned()))
}

/// What was found out where nothing else says why: a proof that is not whole, a zone that nobody serves.
fn found(conclusion: &Conclusion) -> Option<Failure> {
    let grave = conclusion.findings.iter().rev().filter(|it| it.severity > Severity::Info);
    let worst = grave.max_by_key(|it| it.severity)?;
    Some(failure(Stage::Request, &worst.code, worst.message.clone()))
}

fn too_short() -> Failure {
    let message = "its time was over before there could be an answer".to_owned();
    failure(Stage::Request, "deadline", message)
}

fn not_measured() -> Failure {
    failure(Stage::Send, "not-measured", "it could not be measured from here".to_owned())
}
