//! Verdicts with evidence. One cause is one finding, however many ports it is met at.

mod local;
mod middlebox;
mod network;
mod slow;
mod tls;

use super::event::Attempt;
use super::measurement::Measurement;
use super::series::Series;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{ClockAnchor, Destination};

/// How many ports a sentence and its evidence name.
const NAMED: usize = 20;

/// A finding, and the places of the targets that it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The finding.
    pub finding: Finding,
    /// The targets, by their places in the run.
    pub targets: Vec<usize>,
}

impl Measurement {
    /// What is to be said of the run; `anchor` turns instants into dates.
    #[must_use]
    pub fn findings(&self, anchor: &ClockAnchor) -> Vec<Found> {
        let mut found = self.local_findings(anchor);
        // What this machine did says nothing of the network.
        let told: Vec<&Series> =
            self.series.iter().filter(|series| !self.is_disturbed(series)).collect();
        found.extend(self.refused(&told));
        found.extend(self.reset(&told));
        found.extend(self.middlebox_answers(&told));
        found.extend(self.prohibited(&told));
        found.extend(self.unreachable(&told));
        found.extend(self.filtered(&told));
        found.extend(self.application_silent(&told));
        found.extend(self.accept_queue(&told));
        let is_explained = |series: &Series| {
            let explains = |one: &&Found| one.finding.code.starts_with("accept-queue");
            let target = self.index_of(series);
            found.iter().filter(explains).any(|one| one.targets.contains(&target))
        };
        let slow: Vec<&Series> = told.iter().copied().filter(|one| !is_explained(one)).collect();
        let slow = self.syn_retransmitted(&slow);
        found.extend(slow);
        found.extend(self.family_broken());
        found.extend(self.self_connected(&told));
        found.extend(self.tls_findings(&told));
        found
    }

    /// Whether so much went wrong on this machine that nothing is said of the network.
    fn is_disturbed(&self, series: &Series) -> bool {
        let local = series.counts.local;
        self.changes.receive_drops > 0
            || (local > 0 && local.saturating_mul(10) >= series.counts.settled())
    }

    /// The place in the run of the target of a series.
    fn index_of(&self, series: &Series) -> usize {
        self.config.targets.get(series.target).map_or(0, |target| target.index)
    }

    /// A finding about some series, which is about a target where they are all of one.
    fn found(
        &self,
        series: &[&Series],
        (code, severity): (&str, Severity),
        subject: String,
        message: String,
    ) -> Found {
        let mut targets: Vec<usize> = series.iter().map(|series| self.index_of(series)).collect();
        targets.sort_unstable();
        targets.dedup();
        let index = match targets.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let mut ports: Vec<u16> = series.iter().map(|series| series.port).take(NAMED).collect();
        ports.dedup();
        let finding = Finding::new(index, code, severity, subject, message).with("ports", ports);
        let finding = match series.len() > NAMED {
            true => finding.with("ports_omitted", series.len() - NAMED),
            false => finding,
        };
        Found { finding, targets }
    }

    /// The host of a series as the user wrote it, or the proxy that is asked for it, safe to print.
    fn host(&self, series: &Series) -> String {
        if let Some(proxy) = &self.config.proxy {
            return proxy.to_string();
        }
        let target = self.config.targets.get(series.target);
        target.map_or_else(String::new, |target| target.host.host().escaped().to_string())
    }
}

/// Those series that a rule is about, grouped by what they have in common, in the order of the first
/// of each group.
fn groups<'a, T, K: PartialEq>(
    series: &[&'a T],
    key: impl Fn(&T) -> Option<K>,
) -> Vec<(K, Vec<&'a T>)> {
    let mut groups: Vec<(K, Vec<&'a T>)> = Vec::new();
    for one in series {
        let Some(key) = key(one) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
}

/// The ports of some series in words: `port 80`, `ports 80, 81 and 3 more`.
fn ports(series: &[&Series]) -> String {
    const TOLD: usize = 6;
    // Of a proxy it is the same for all targets.
    let mut all: Vec<u16> = series.iter().map(|series| series.port).collect();
    all.dedup();
    let told: Vec<String> = all.iter().take(TOLD).map(u16::to_string).collect();
    let more = all.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let word = if all.len() == 1 { "port" } else { "ports" };
    format!("{word} {}{more}", told.join(", "))
}

/// An address and a port as one word, as commands take it: an IPv6 address stands in brackets (RFC 3986
/// section 3.2.2), with its zone.
pub(super) fn with_port(to: Destination, port: u16) -> String {
    match to {
        Destination::V4(_) => format!("{to}:{port}"),
        Destination::V6(..) => format!("[{to}]:{port}"),
    }
}

/// How long attempts took until an answer came, the shortest, in milliseconds.
fn shortest<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Option<f64> {
    attempts.map(|attempt| attempt.took).min().map(netdiag_model::milliseconds)
}
