//! Verdicts with evidence. Thresholds stand in the evidence.

pub(crate) mod firewall;
mod identifier;
pub(crate) mod local;
mod network;
mod service;
mod skipped;
mod unanswered;

pub use service::across;

use crate::Measurement;
use crate::goal::{Goal, Progress};
use crate::result::Context;
use netdiag_engine::stats::Loss;
use netdiag_model::finding::Finding;
use std::time::Duration;

/// From so many probes in a row, and so long, lost probes are an outage worth a finding.
const OUTAGE_PROBES: u64 = 3;
const OUTAGE_LENGTH: Duration = Duration::from_secs(1);

impl Measurement {
    /// The verdicts over this target. What this machine did comes first, and silences what it may
    /// explain.
    #[must_use]
    pub fn findings(&self, context: &Context) -> Vec<Finding> {
        let local = self.local_findings(context);
        if self.is_locally_disturbed() {
            return local;
        }
        let mut findings = self.network_findings(context);
        findings.extend(local);
        findings
    }

    /// What it came to in one sentence: whether the state that was waited for came, and the loss, where
    /// there is any to speak of.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let goal = self.config.goal.map(|goal| self.goal_verdict(goal));
        let said: Vec<String> = goal.into_iter().chain(self.loss_verdict()).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn goal_verdict(&self, goal: Goal) -> String {
        let (state, what) = match goal {
            Goal::Up(_) => ("up", if goal.wanted() == 1 { "reply" } else { "replies" }),
            Goal::Down(_) => ("down", "without an answer"),
        };
        let progress = self.drive.as_ref().map(|drive| &drive.progress);
        let begun = self.drive.as_ref().and_then(|drive| drive.started_at);
        let wanted = goal.wanted();
        match progress.and_then(Progress::reached).zip(begun) {
            Some((at, begun)) => {
                let seconds = at.since(begun).as_secs_f64();
                let in_a_row = if wanted == 1 { "" } else { " in a row" };
                format!("{state}: {wanted} {what}{in_a_row}, {seconds:.3} s after the first probe")
            }
            None => {
                let longest = progress.map_or(0, Progress::longest);
                format!("not {state}: at most {longest} of {wanted} {what} in a row")
            }
        }
    }

    fn loss_verdict(&self) -> Option<String> {
        let counters = self.stats.counters();
        if counters.sent() == 0 && counters.local_errors() > 0 {
            return Some("not measured: no probe left this machine".to_owned());
        }
        if counters.sent() > 0 && counters.sent() == counters.unknown() {
            return Some("not measured: this machine made every sample meaningless".to_owned());
        }
        if counters.loss().is_none() && counters.in_flight() > 0 {
            let under_way = under_way(counters.in_flight());
            return Some(format!("no reply before the run ended; loss not measured: {under_way}"));
        }
        let loss = counters.loss().filter(|loss| loss.lost() > 0)?;
        if self.is_limited() {
            let (answered, of) = (loss.of() - loss.lost(), loss.of());
            return Some(format!(
                "loss not measured: the target probably limits its answers, {answered} of {of} came"
            ));
        }
        if self.is_locally_disturbed() {
            let (out, attempted) = (counters.local_errors(), counters.attempted());
            return Some(format!(
                "not judged: {out} of {attempted} probes never left this machine; of the others {}",
                loss_text(loss)
            ));
        }
        let outside = self.outside_outages(loss);
        let outages = self.long_outages().count();
        let where_lost = match outages {
            0 => String::new(),
            _ => {
                let (all, it) = match (outside.lost(), outages) {
                    (0, 1) => (", all of it in one outage", "it"),
                    (0, _) => (", all of it in outages", "them"),
                    (_, 1) => ("", "the outage"),
                    _ => ("", "the outages"),
                };
                format!("{all}; outside {it} {} of {}", outside.lost(), outside.of())
            }
        };
        Some(format!("loss {}{where_lost}", loss_text(loss)))
    }

    /// Probes that ended in a way that says something about the network.
    fn settled(&self) -> u64 {
        self.stats.counters().loss().map_or(0, |loss| loss.of())
    }

    /// Outages worth a finding: lost in the network, with replies before and after.
    fn long_outages(&self) -> impl Iterator<Item = crate::event::Outage> + '_ {
        let outages = self.stats.outages().map(|outage| crate::measurement::outage_of(&outage));
        outages.filter(|outage| {
            !outage.ongoing
                && outage.first_seq > 1
                && outage.lost >= OUTAGE_PROBES
                && outage.length >= OUTAGE_LENGTH
        })
    }

    /// The loss among the probes outside such outages.
    fn outside_outages(&self, loss: Loss) -> Loss {
        let inside: u64 = self.long_outages().map(|outage| outage.lost).sum();
        let (lost, of) = (loss.lost().saturating_sub(inside), loss.of().saturating_sub(inside));
        Loss::new(lost, of.max(1)).unwrap_or(loss)
    }
}

/// How many probes had not settled when the run ended.
pub(crate) fn under_way(count: u64) -> String {
    let (probes, were) = if count == 1 { ("probe", "was") } else { ("probes", "were") };
    format!("{count} {probes} {were} under way")
}

/// Loss as a verdict says it: a fraction below 20 probes, else a per cent; always with its interval.
fn loss_text(loss: Loss) -> String {
    let (low, high) = loss.wilson95();
    if loss.of() < 20 {
        format!("{}/{} ({low:.1}-{high:.1} %)", loss.lost(), loss.of())
    } else {
        format!("{:.1} % ({low:.1}-{high:.1} %)", loss.percent())
    }
}
