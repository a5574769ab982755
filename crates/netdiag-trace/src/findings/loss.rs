//! Loss that is only a limit of answers, against loss that goes on to the target.

use crate::Measurement;
use crate::hop::Hop;
use netdiag_engine::stats::Loss;
use netdiag_model::finding::{Finding, Severity};

/// From so many probes on two hops are compared.
const SAMPLE: u64 = 20;
/// Below this a hop's loss is not worth a word, in per cent.
const LEAST_LOSS: f64 = 5.0;
/// From so many probes on, and so many lost, the target's loss is located.
const LOCATED_SAMPLE: u64 = 100;
const LOCATED_LOST: u64 = 5;
/// The loss of the target, by the lower end of its interval, that warns and that is critical.
const WARNING: f64 = 1.0;
const CRITICAL: f64 = 10.0;
/// Errors that a host sends a second at the least, and a little for the clock.
const ERRORS_A_SECOND: f64 = 1.05;
/// More answers than so many, and so many a second, no known limit of hosts and routers lets pass, ...
const LIMITED_BURST: f64 = 10.0;
const LIMITED_RATE: f64 = 4.0;
/// ... but those that are met from so many probes a second on (FreeBSD's `icmplim`, OpenBSD's
/// `errppslimit`).
const UNLIMITED_BELOW: f64 = 100.0;
/// So few probes tell that a hop is silent.
const SILENT_PROBES: u64 = 3;

/// The loss of a hop that has enough probes.
fn loss(hop: &Hop, least: u64) -> Option<Loss> {
    hop.stats.counters().loss().filter(|loss| loss.of() >= least)
}

impl Measurement {
    pub(super) fn loss_findings(&self) -> Vec<Finding> {
        let silent = self.silent_hops();
        let limited = self.path().filter_map(|hop| self.rate_limit(hop));
        let behind = self.target_limits().into_iter().chain(self.loss_starts());
        silent.into_iter().chain(limited).chain(behind).collect()
    }

    /// Whether the target answers by ICMP errors, and probes went there faster than hosts send those: then
    /// what is missing says nothing of the path (RFC 1812 section 4.3.2.8; Linux sends six, then one a
    /// second). Where far more answers came than such a limit lets pass, what is missing was lost.
    pub(crate) fn is_target_limited(&self) -> bool {
        let Some(target) = self.reached_at() else { return false };
        let counters = target.stats.counters();
        let who = target.target(self.config.destination);
        let by_errors = who.is_some_and(|who| who.icmp.is_some());
        let span = target.first_asked.zip(target.last_asked);
        let seconds = span.map_or(0.0, |(first, last)| last.since(first).as_secs_f64());
        let asked = target.asked.saturating_sub(1) as f64;
        let is_few = counters.received() as f64 <= LIMITED_BURST + LIMITED_RATE * seconds;
        let is_fast = match is_few {
            true => asked > ERRORS_A_SECOND * seconds,
            false => asked > UNLIMITED_BELOW * seconds,
        };
        // What came late was not held back.
        by_errors && is_fast && counters.lost() > counters.late()
    }

    fn target_limits(&self) -> Option<Finding> {
        let target = self.reached_at().filter(|_| self.is_target_limited())?;
        let counters = target.stats.counters();
        let (received, sent) = (counters.received(), counters.sent());
        let message = format!(
            "the target answers by ICMP errors, which hosts limit: {received} of {sent} came, and what \
             is missing tells nothing of the path"
        );
        let finding = self.finding_at("icmp-rate-limit", Severity::Info, target.ttl, message);
        let finding = finding.with("answers", received).with("n", sent);
        let advice =
            "`--interval 1` or more, or probes that it answers otherwise: `--icmp`, an open port";
        Some(finding.with("threshold_per_s", ERRORS_A_SECOND).advise(advice.to_owned()))
    }

    /// The first hop behind this one that loses less, by their intervals: then its own loss is none of
    /// the path.
    fn clean_behind(&self, hop: &Hop) -> Option<&Hop> {
        let own = loss(hop, SAMPLE)?.wilson95().0;
        let behind = self.path().filter(|other| other.ttl > hop.ttl);
        let mut clean =
            behind.filter(|other| loss(other, SAMPLE).is_some_and(|loss| loss.wilson95().1 < own));
        clean.next().filter(|_| own > LEAST_LOSS)
    }

    /// Whether the loss of a hop is only that it answers little.
    pub(crate) fn is_limited(&self, hop: &Hop) -> bool {
        hop.has_answered() && self.clean_behind(hop).is_some()
    }

    fn rate_limit(&self, hop: &Hop) -> Option<Finding> {
        let silent = self.multipath.as_ref().is_some_and(|it| it.is_partly_silent(hop.ttl));
        let later = self.clean_behind(hop).filter(|_| hop.has_answered() && !silent)?;
        let (own, other) = (loss(hop, SAMPLE)?, loss(later, SAMPLE)?);
        let received = hop.stats.counters().received();
        let (first, last) = hop.answered?;
        let seconds = last.since(first).as_secs_f64();
        let rate = (seconds > 0.0).then(|| (received.saturating_sub(1)) as f64 / seconds);
        let message = format!(
            "hop {}: {:.0} % is reply limiting, not loss: {received} answers in {seconds:.1} s, \
             hop {} loses {}",
            hop.ttl,
            own.percent(),
            later.ttl,
            if other.lost() == 0 { "nothing".to_owned() } else { text(other) }
        );
        let finding = self.finding_at("icmp-rate-limit", Severity::Info, hop.ttl, message);
        Some(
            finding
                .with("answers", received)
                .with("seconds", seconds)
                .with("rate_per_s", rate)
                .with("later_hop", later.ttl)
                .with("n", own.of())
                .with("ci95_low_percent", own.wilson95().0)
                .with("later_ci95_high_percent", other.wilson95().1)
                .with("threshold_percent", LEAST_LOSS)
                .advise("nothing is wrong; `--interval 1` or more to see it answer"),
        )
    }

    fn silent_hops(&self) -> Vec<Finding> {
        let farthest = self.farthest();
        let silent = self.path().filter(|hop| {
            let counters = hop.stats.counters();
            // Who answers late answers.
            let is_silent = hop.is_silent() && counters.late() == 0;
            hop.ttl < farthest && is_silent && counters.lost() >= SILENT_PROBES
        });
        let proven = silent.filter(|hop| {
            let behind = self.path().filter(|other| other.ttl > hop.ttl);
            behind.map(|other| other.stats.counters().received()).max() >= Some(SILENT_PROBES)
        });
        let findings = proven.map(|hop| {
            let message = format!("hop {} does not answer but passes packets on", hop.ttl);
            let finding = self.finding_at("hop-silent", Severity::Info, hop.ttl, message);
            finding.with("n", hop.stats.counters().lost())
        });
        findings.collect()
    }

    /// Where the loss of the target begins.
    fn loss_starts(&self) -> Option<Finding> {
        let target = self.reached_at().filter(|_| !self.is_target_limited())?;
        let own = loss(target, LOCATED_SAMPLE).filter(|loss| loss.lost() >= LOCATED_LOST)?;
        let (low, high) = own.wilson95();
        if low <= WARNING {
            return None;
        }
        let severity = if low > CRITICAL { Severity::Critical } else { Severity::Warning };
        let answering: Vec<(&Hop, Loss)> = self
            .path()
            .filter(|hop| hop.has_answered() && !self.is_limited(hop))
            .filter_map(|hop| Some((hop, loss(hop, SAMPLE)?)))
            .collect();
        let overlaps = |loss: &Loss| {
            let (other_low, other_high) = loss.wilson95();
            other_low <= high && low <= other_high
        };
        let clean =
            answering.iter().rev().find(|(_, loss)| !overlaps(loss) && loss.wilson95().1 < low);
        let first = answering.iter().find(|(hop, _)| clean.is_none_or(|(c, _)| hop.ttl > c.ttl))?;
        let before = clean.map(|(hop, loss)| (hop.ttl, *loss));
        let place = match before {
            None => format!("at or before hop {}", first.0.ttl),
            Some((ttl, _)) if ttl + 1 == first.0.ttl => format!("at hop {}", first.0.ttl),
            Some((ttl, _)) => format!("between hops {ttl} and {}", first.0.ttl),
        };
        let seen = before.map(|(ttl, loss)| format!("{} at hop {ttl}, ", text(loss)));
        let message = format!(
            "loss starts {place}: {}{} at hop {}, {} at the target",
            seen.unwrap_or_default(),
            text(first.1),
            first.0.ttl,
            text(own)
        );
        let finding = self.finding_at("loss-starts-at-hop", severity, first.0.ttl, message);
        Some(
            finding
                .with("last_clean_hop", before.map(|(ttl, _)| ttl))
                .with("first_lossy_hop", first.0.ttl)
                .with("lost", own.lost())
                .with("n", own.of())
                .with("ci95_percent", vec![low, high])
                .with("threshold_percent", WARNING)
                .advise("that link, or the way back from there: have it traced from the other end"),
        )
    }
}

fn text(loss: Loss) -> String {
    format!("{} of {}", loss.lost(), loss.of())
}
