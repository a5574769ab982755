//! Limits that are near: ports, memory, descriptors.

use super::Judge;
use crate::State;
use crate::counters::numbers;
use netdiag_model::finding::{Finding, Severity};

/// How long the kernel keeps a port in TIME-WAIT, in seconds (TCP_TIMEWAIT_LEN of net/tcp.h).
const TIME_WAIT_S: u64 = 60;

impl Judge<'_> {
    pub(super) fn limits(&mut self) -> Vec<Finding> {
        let mut all = self.ports();
        all.extend(self.resources());
        all.extend(self.retransmits());
        all
    }

    /// The ports that the kernel can pick for one destination.
    pub(super) fn available(&self) -> u64 {
        let (first, last) = self.seen.tally.range;
        (u64::from(last.saturating_sub(first)) + 1).saturating_sub(self.reserved).max(1)
    }

    /// Ephemeral ports to one destination.
    fn ports(&self) -> Vec<Finding> {
        let available = self.available();
        let least = self.threshold("ephemeral-ports-low");
        let tally = &self.seen.tally;
        let mut found = Vec::new();
        for (to, used) in tally.destinations.busiest(3) {
            let used = u64::from(used);
            let share = used as f64 / available as f64 * 100.0;
            if share < least {
                break;
            }
            let severity = if share >= 90.0 { Severity::Critical } else { Severity::Warning };
            let remote = std::net::SocketAddr::new(to.remote, to.port);
            let ceiling = available / TIME_WAIT_S;
            let message = format!(
                "ports to {remote}: {used} of {available} used ({share:.0} %), {ceiling} new a second \
                 possible"
            );
            let code = "ephemeral-ports-low";
            let finding = self.found(code, severity, remote.to_string(), message);
            let finding = finding
                .at("socket", remote.to_string())
                .with("local", to.local.to_string())
                .with("used", used)
                .with("count_may_be_low_by", tally.destinations.error())
                .with("available", available)
                .with("time_wait", tally.of(State::TimeWait))
                .with("ceiling_per_second", ceiling);
            found.push(finding.advise(
                "use a connection pool; or net.ipv4.tcp_tw_reuse=1, or more source addresses; \
                 tcp_fin_timeout does not help",
            ));
        }
        found
    }

    fn resources(&mut self) -> Vec<Finding> {
        let Some(memory) = self.memory else { return Vec::new() };
        let mut limits = vec![
            ("tcp memory (net.ipv4.tcp_mem)", memory.tcp_pages, memory.limit_pages, "pages"),
            ("orphans (net.ipv4.tcp_max_orphans)", memory.orphans, memory.orphans_limit, "sockets"),
        ];
        let files = numbers(self.kernel, "fs/file-nr");
        let conntrack = ["count", "max"].map(|what| {
            numbers(self.kernel, &format!("net/netfilter/nf_conntrack_{what}")).first().copied()
        });
        limits.push((
            "open files (fs.file-max)",
            files.first().copied(),
            files.get(2).copied(),
            "files",
        ));
        limits.push((
            "tracked connections (net.netfilter.nf_conntrack_max)",
            conntrack[0],
            conntrack[1],
            "entries",
        ));
        let least = self.threshold("resource-near-limit");
        let near = limits.into_iter().filter_map(|(what, used, limit, unit)| {
            let (used, limit) = (used?, limit.filter(|limit| *limit > 0)?);
            let share = used as f64 / limit as f64 * 100.0;
            let severity = if share >= 95.0 { Severity::Critical } else { Severity::Warning };
            let message = format!("{what}: {used} of {limit} {unit} in use ({share:.0} %)");
            (share >= least).then(|| {
                let code = "resource-near-limit";
                let finding = self.found(code, severity, what.to_owned(), message);
                finding.with("used", used).with("limit", limit).advise(
                    "raise that limit, or find out what uses it up: `netdiag sockets --summary`",
                )
            })
        });
        near.collect()
    }

    fn retransmits(&self) -> Option<Finding> {
        let counted = self.counted?;
        /// Segments that a share means something of.
        const SEGMENTS: u64 = 10_000;
        let (share, sent) = (counted.retransmitted_percent()?, counted.segments_sent?);
        if sent < SEGMENTS || share <= self.threshold("retransmits-high") {
            return None;
        }
        let message = format!(
            "{share:.2} % of {sent} segments were sent again since this network namespace began"
        );
        let finding = self.found("retransmits-high", Severity::Warning, "TCP".to_owned(), message);
        let again = counted.segments_retransmitted;
        Some(finding.with("segments", sent).with("retransmitted", again).with("percent", share).advise(
            "which peers: `netdiag sockets --verbose state established` shows total_retrans of each",
        ))
    }
}
