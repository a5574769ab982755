//! Verdicts with evidence: what the states say is wrong, who has it, and what to do.
//!
//! A look at the table says how many; how old a connection is the kernel tells of each by itself, so
//! suspects are looked at once more, up to [`SAMPLE`](crate::tally::SAMPLE) of a kind.

mod closing;
mod group;
mod half_open;
mod leaks;
mod limits;
mod open;
mod opening;
mod order;
mod second;
mod waiting;

use crate::counters::{Counted, Memory};
use crate::look::{Plan, Seen};
use crate::port::Kernel;
use crate::socket::attribute;
use crate::tally::{Suspect, Suspects};
use crate::verdict::thousands;
use crate::{Owners, Socket, TcpInfo, info};
pub(crate) use limits::{a_second, shown};
use netdiag_model::finding::{Finding, Severity};
use std::collections::BTreeMap;

/// What the verdicts are made from.
pub struct Judge<'a> {
    /// The machine, to look closer.
    pub kernel: &'a mut dyn Kernel,
    /// What was seen.
    pub seen: &'a Seen,
    /// What was wanted.
    pub plan: &'a Plan,
    /// The owners, where they were asked for.
    pub owners: Option<&'a Owners>,
    /// What the namespace has counted, where that was asked for.
    pub counted: Option<&'a Counted>,
    /// The memory of TCP, where that was asked for.
    pub memory: Option<&'a Memory>,
    /// Begins with 0: [`Judged::not_listed`].
    pub not_listed: u64,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// The verdicts on what is listed, and on the whole machine, the worst first.
    pub findings: Vec<Finding>,
    /// How many warnings and worse there are on sockets of which none is listed.
    pub not_listed: u64,
}

impl Judge<'_> {
    /// All verdicts, the worst first. They are made from all sockets that were read, and told where they
    /// are about one that is listed or about the machine.
    #[must_use]
    pub fn findings(mut self) -> Judged {
        let mut all = self.opening();
        all.extend(self.waiting());
        all.extend(self.open());
        all.extend(self.closing());
        all.extend(self.limits());
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Judged { findings: all, not_listed: self.not_listed }
    }

    /// The finding, if what it is about is listed.
    fn about(&mut self, finding: Finding, is_listed: bool) -> Option<Finding> {
        let is_worth = !is_listed && finding.severity != Severity::Info;
        self.not_listed += u64::from(is_worth);
        is_listed.then_some(finding)
    }

    /// Findings alike, those that matter most first, each with whether what it is about is listed: so
    /// many are told one by one, and of the others how many there are.
    fn told(
        &mut self,
        found: Vec<(Finding, bool)>,
        most: usize,
        (one, several): (&str, &str),
    ) -> Vec<Finding> {
        let about = |(finding, is_listed)| self.about(finding, is_listed);
        let mut listed: Vec<Finding> = found.into_iter().filter_map(about).collect();
        let rest = listed.split_off(listed.len().min(most));
        let mut codes: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
        for finding in rest {
            codes.entry(finding.code.clone()).or_default().push(finding);
        }
        for (code, rest) in codes {
            /// Names that stand in the evidence.
            const NAMED: usize = 1_000;
            let subjects: Vec<String> =
                rest.iter().map(|finding| finding.subject.clone()).take(NAMED).collect();
            let Some(severity) = rest.iter().map(|finding| finding.severity).max() else {
                continue;
            };
            let subject =
                many(rest.len() as u64, &format!("more {one}"), &format!("more {several}"));
            let message = format!("{subject} like these: {}", first(&subjects, rest.len()));
            let finding = self.found(&code, severity, subject, message);
            let finding = finding.with("count", rest.len()).with("subjects", subjects);
            listed.push(match rest.into_iter().next().and_then(|finding| finding.advice) {
                Some(advice) => finding.advise(advice),
                None => finding,
            });
        }
        listed
    }

    /// Whether one of these sockets is listed.
    fn lists<'s>(&self, sockets: impl IntoIterator<Item = &'s Socket>) -> bool {
        let is_listed = |socket| self.plan.wants(socket, self.owners) == Some(true);
        sockets.into_iter().any(is_listed)
    }

    fn threshold(&self, name: &str) -> f64 {
        self.plan.thresholds.of(name)
    }

    /// TCP_INFO of a suspect: as it was told, or by another look.
    fn info(&mut self, suspect: &Suspect) -> Option<TcpInfo> {
        if let Some(info) = &suspect.1 {
            return Some((**info).clone());
        }
        let message = self.kernel.look(&suspect.0)?;
        let now = Socket::decode(suspect.0.protocol, &message)?;
        // It may have gone on since.
        let is_same = (now.state, now.inode) == (suspect.0.state, suspect.0.inode);
        attribute(&message, info::ATTRIBUTE).and_then(TcpInfo::decode).filter(|_| is_same)
    }

    /// The suspects that are at least so old, by the time since the last acknowledgement, with what is
    /// known of them.
    fn old(&mut self, suspects: &Suspects, least_s: f64) -> Vec<(Socket, TcpInfo)> {
        let mut found = Vec::new();
        for suspect in &suspects.first {
            let info = self.info(suspect);
            let is_old = |info: &TcpInfo| f64::from(info.unacknowledged_ms()) / 1e3 >= least_s;
            found.extend(info.filter(is_old).map(|info| (suspect.0, info)));
        }
        found
    }

    /// Which other processes have these sockets, in words, each once.
    fn others<'s>(&self, sockets: impl Iterator<Item = &'s Socket>) -> Vec<String> {
        let Some(owners) = self.owners else { return Vec::new() };
        let named = |process: &crate::owners::Process| {
            format!("{} ({})", process.name.escaped(), process.pid)
        };
        let all = sockets.flat_map(|socket| owners.holders(socket).into_iter().skip(1));
        counts(all.map(named)).into_iter().map(|(name, _)| name).collect()
    }

    /// The listener of a port, in words.
    fn listener(&self, port: u16) -> String {
        let found = self.seen.tally.listeners.iter().find(|socket| socket.local.port == port);
        found.map_or_else(|| format!("port {port}"), |socket| self.owner(socket))
    }

    fn found(&self, code: &str, severity: Severity, subject: String, message: String) -> Finding {
        let threshold = self.threshold(code);
        let finding = Finding::new(None, code, severity, subject, message);
        if threshold.is_finite() { finding.with("threshold", threshold) } else { finding }
    }
}

/// How many there are of each, most first.
fn counts<K: Ord + Clone>(keys: impl Iterator<Item = K>) -> Vec<(K, u64)> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    let mut all: Vec<(K, u64)> = counts.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all
}

/// The names of the first, and how many more there are.
fn first(names: &[String], of: usize) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match of.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{}, {more} more", shown.join(", ")),
    }
}

/// One or many of something.
pub(crate) fn many(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {several}", thousands(count)) }
}

#[cfg(test)]
mod tests;
