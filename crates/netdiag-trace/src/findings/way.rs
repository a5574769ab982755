//! What is odd about the way: there and back, and hops that come twice.

use crate::Measurement;
use crate::hop::Hop;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;
use netdiag_model::way::initial_ttl;
use std::time::Duration;

/// From so many routers more or less on the way back is another one, in so many answers.
const ASYMMETRY: u8 = 3;
const ASYMMETRIC_ANSWERS: u64 = 3;
/// How much slower a router answers than it forwards, and over how many samples.
const SLOW: Duration = Duration::from_millis(10);
const SLOW_SAMPLE: u64 = 20;

impl Measurement {
    pub(super) fn way_findings(&self) -> Vec<Finding> {
        let slow = self.path().filter_map(|hop| self.slow_replies(hop));
        self.repeated_hops().into_iter().chain(slow).chain(self.asymmetry()).collect()
    }

    fn asymmetry(&self) -> Option<Finding> {
        let hop = self.reached_at().filter(|_| self.hop_count().is_some())?;
        let target = hop.responders.iter().find(|who| {
            self.config.destination.is_source(who.address) && who.received >= ASYMMETRIC_ANSWERS
        })?;
        let ttl = target.reply_ttl?;
        let guess = initial_ttl(ttl);
        // Others are no usual ones of hosts: the guess would be one of a guess.
        if !matches!(guess, 64 | 128) {
            return None;
        }
        let (there, back) = (hop.ttl, (guess - ttl).saturating_add(1));
        if there.abs_diff(back) < ASYMMETRY {
            return None;
        }
        let message = format!(
            "the way back is another one, or TTLs are rewritten: {} there, {} back (ttl {ttl}, from \
             {guess} as a guess)",
            routers(there - 1),
            back - 1
        );
        let finding = self.finding_at("path-asymmetric", Severity::Info, hop.ttl, message);
        Some(
            finding
                .with("hop_count", there)
                .with("hops_back", back - 1)
                .with("ttl", ttl)
                .with("initial_ttl_guess", guess)
                .with("n", target.received)
                .with("threshold", ASYMMETRY)
                .advise("loss may lie on the way back"),
        )
    }

    /// One address at two neighbouring hops, behind which the path goes on.
    fn repeated_hops(&self) -> Vec<Finding> {
        let hops: Vec<&Hop> = self.path().collect();
        let pairs = hops.iter().zip(hops.iter().skip(1));
        let repeated = pairs.filter(|(first, second)| {
            first.only().is_some()
                && first.only() == second.only()
                && second.stopped == 0
                && hops.last().is_some_and(|last| second.ttl < last.ttl)
                && second.ttl == first.ttl + 1
        });
        let findings = repeated.map(|(first, second)| {
            let message = format!(
                "the same router answers for hops {} and {}: it forwards at TTL 0, or ends a tunnel",
                first.ttl, second.ttl
            );
            let finding = self.finding_at("repeated-hop", Severity::Info, first.ttl, message);
            finding.with("ttls", vec![first.ttl, second.ttl])
        });
        findings.collect()
    }

    fn slow_replies(&self, hop: &Hop) -> Option<Finding> {
        let median = |hop: &Hop| {
            let rtt = hop.stats.rtt().summary().filter(|rtt| rtt.samples >= SLOW_SAMPLE);
            rtt.map(|rtt| rtt.p50)
        };
        let own = median(hop)?;
        let behind = self.path().filter(|other| other.ttl > hop.ttl && other.has_answered());
        let next: Vec<Duration> = behind.take(2).map(median).collect::<Option<_>>()?;
        let [first, second] = *next.as_slice() else { return None };
        if own <= first.max(second) + SLOW || self.is_limited(hop) {
            return None;
        }
        let message = format!(
            "hop {} answers slowly but forwards fast: {:.1} ms, the next two hops {:.1} and {:.1} ms",
            hop.ttl,
            milliseconds(own),
            milliseconds(first),
            milliseconds(second)
        );
        let finding = self.finding_at("slow-router-replies", Severity::Info, hop.ttl, message);
        let medians = [own, first, second].map(milliseconds).to_vec();
        Some(finding.with("p50_ms", medians).with("threshold_ms", milliseconds(SLOW)))
    }
}

/// So many routers, in words.
pub(crate) fn routers(count: u8) -> String {
    if count == 1 { "1 router".to_owned() } else { format!("{count} routers") }
}
