//! What the network did.

use super::{OUTAGE_LENGTH, OUTAGE_PROBES, loss_text};
use crate::Measurement;
use crate::event::Cause;
use crate::result::{Context, initial_ttl};
use netdiag_engine::stats::Loss;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;
use std::time::Duration;

impl Measurement {
    pub(super) fn network_findings(&self, context: &Context) -> Vec<Finding> {
        let target = context.target.escaped().to_string();
        let n = self.stats.counters().loss().map_or(0, |loss| loss.of());
        let unanswered = self
            .no_connection(&target, n)
            .or_else(|| self.unreachable(n))
            .or_else(|| self.no_reply(&target, n, context));
        let limited = self.icmp_rate_limit(&target);
        let (silenced, limits) = (unanswered.is_some(), limited.is_some());
        let all = [
            unanswered,
            self.mtu_message_implausible(),
            limited,
            self.outage(context).filter(|_| !limits),
            self.packet_loss(&target).filter(|_| !silenced && !limits),
            self.syn_retransmitted(&target),
            self.delay_variation(&target),
            self.late_replies(&target, n),
            self.duplicate_replies(&target, n),
            self.reordering(&target),
            self.reply_path_changed(context),
            self.identifier_stuck(context),
        ];
        all.into_iter().flatten().collect()
    }

    fn outage(&self, context: &Context) -> Option<Finding> {
        let count = self.long_outages().count();
        let longest = self.long_outages().max_by_key(|outage| outage.length)?;
        let date = context.anchor.rfc3339(longest.started_at);
        let clock = date.get(11..21).unwrap_or(&date);
        let cause = match longest.cause {
            Cause::Timeout => "no ICMP error".to_owned(),
            cause => cause.to_string(),
        };
        let which = if count == 1 {
            "one outage".to_owned()
        } else {
            format!("{count} outages, the longest")
        };
        let message = format!(
            "{which} from {clock} UTC for {:.1} s: {} probes lost in a row, {cause}",
            longest.length.as_secs_f64(),
            longest.lost
        );
        let target = context.target.escaped().to_string();
        Some(
            self.finding("outage", Severity::Warning, target, message)
                .with("count", count)
                .with("started_at", date)
                .with("duration_ms", milliseconds(longest.length))
                .with("lost", longest.lost)
                .with("cause", longest.cause.to_string())
                .with("threshold_probes", OUTAGE_PROBES)
                .with("threshold_ms", milliseconds(OUTAGE_LENGTH)),
        )
    }

    fn packet_loss(&self, target: &str) -> Option<Finding> {
        let loss = self.stats.counters().loss()?;
        let (low, high) = loss.wilson95();
        if loss.of() < 20 || loss.lost() < 3 || low <= 1.0 {
            return None;
        }
        if self.long_outages().count() > 0 && self.outside_outages(loss).wilson95().0 < 1.0 {
            return None;
        }
        let severity = if low > 10.0 { Severity::Critical } else { Severity::Warning };
        let message = format!("{} of {} probes lost: {}", loss.lost(), loss.of(), loss_text(loss));
        Some(
            self.finding("packet-loss", severity, target.to_owned(), message)
                .with("lost", loss.lost())
                .with("n", loss.of())
                .with("loss_percent", loss.percent())
                .with("loss_ci95_percent", vec![low, high])
                .with("threshold_percent", if low > 10.0 { 10 } else { 1 })
                .advise(format!("`netdiag mtr --report -c 100 {target}`")),
        )
    }

    fn delay_variation(&self, target: &str) -> Option<Finding> {
        let rtt = self.stats.rtt().summary().filter(|rtt| rtt.samples >= 50)?;
        let above = rtt.p95.checked_sub(rtt.min)?;
        if above <= Duration::from_millis(30) || above <= rtt.min * 2 {
            return None;
        }
        let message = format!(
            "one reply in 20 took {:.1} ms or more longer than the fastest: min {:.3}, p50 {:.3}, p95 {:.3} ms",
            milliseconds(above),
            milliseconds(rtt.min),
            milliseconds(rtt.p50),
            milliseconds(rtt.p95)
        );
        Some(
            self.finding("delay-variation", Severity::Warning, target.to_owned(), message)
                .with("min_ms", milliseconds(rtt.min))
                .with("p50_ms", milliseconds(rtt.p50))
                .with("p95_ms", milliseconds(rtt.p95))
                .with("n", rtt.samples)
                .with("threshold_ms", 30)
                .advise("a queue on the way, Wi-Fi or power saving: repeat it idle and loaded"),
        )
    }

    fn late_replies(&self, target: &str, n: u64) -> Option<Finding> {
        // Of some others it is not known what became of them: those are not lost.
        let late = self.stats.counters().late().saturating_sub(self.tally.late_unknown);
        let largest = self.tally.largest_late?;
        if n < 20 || late < 2 || late.saturating_mul(100) < n {
            return None;
        }
        let timeout = milliseconds(self.config.timeout);
        let message = format!(
            "{late} answers came after the timeout of {timeout:.0} ms, the latest after {:.0} ms; they count as lost",
            milliseconds(largest)
        );
        Some(
            self.finding("late-replies", Severity::Info, target.to_owned(), message)
                .with("count", late)
                .with("n", n)
                .with("largest_late_rtt_ms", milliseconds(largest))
                .with("timeout_ms", timeout)
                .advise(format!("`--timeout {:.1}`", largest.as_secs_f64() * 1.2)),
        )
    }

    fn duplicate_replies(&self, target: &str, n: u64) -> Option<Finding> {
        let duplicates = self.stats.counters().duplicates();
        if n < 20 || duplicates < 3 || duplicates.saturating_mul(100) < n {
            return None;
        }
        let share = Loss::new(duplicates.min(n), n)?.percent();
        let message =
            format!("{duplicates} answers came twice or more ({share:.1} % of {n} probes)");
        let ttls = self.tally.reply_ttl.as_ref();
        Some(
            self.finding("duplicate-replies", Severity::Warning, target.to_owned(), message)
                .with("count", duplicates)
                .with("n", n)
                .with("share_percent", share)
                .with("ttl_min", ttls.map(|ttl| ttl.min))
                .with("ttl_max", ttls.map(|ttl| ttl.max))
                .advise("a loop of bridges, or two hosts with one address: compare `ip neigh`"),
        )
    }

    fn reordering(&self, target: &str) -> Option<Finding> {
        let (reordered, replies) =
            (self.stats.counters().reordered(), self.stats.counters().received());
        if replies < 100 || reordered < 3 || reordered.saturating_mul(100) < replies {
            return None;
        }
        let share = Loss::new(reordered, replies)?.percent();
        let severity = if share >= 5.0 { Severity::Warning } else { Severity::Info };
        let message = format!("{reordered} of {replies} replies came out of order ({share:.1} %)");
        Some(
            self.finding("reordering", severity, target.to_owned(), message)
                .with("count", reordered)
                .with("n", replies)
                .with("share_percent", share)
                .with("largest_extent", self.stats.reordering().largest_extent())
                .advise("balancing by packet: `netdiag trace --multipath`"),
        )
    }

    fn reply_path_changed(&self, context: &Context) -> Option<Finding> {
        let held = self.tally.reply_ttl.as_ref()?.held();
        let [.., (before, _), (after, since)] = held.as_slice() else { return None };
        let target = context.target.escaped().to_string();
        let routers = |ttl: u8| initial_ttl(ttl) - ttl;
        let (old, new) = (routers(*before), routers(*after));
        let why = if old == new {
            format!(
                "probably another system answers, or it was set so: {new} routers back both times"
            )
        } else {
            format!("probably another way back: {old} routers, then {new}")
        };
        let changes = held.len() - 1;
        let times = if changes == 1 { "once".to_owned() } else { format!("{changes} times") };
        let message =
            format!("replies arrive with ttl {after} instead of {before}, changed {times}; {why}");
        Some(
            self.finding("reply-path-changed", Severity::Info, target.clone(), message)
                .with("ttl_before", *before)
                .with("ttl_after", *after)
                .with("at", context.anchor.rfc3339(*since))
                .with("changes", held.len() - 1)
                .advise(format!("`netdiag mtr {target}`")),
        )
    }
}
