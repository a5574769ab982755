//! What this machine did: it must be said before the network is blamed.

use crate::Measurement;
use crate::protocol::Protocol;
use crate::result::Context;
use netdiag_engine::identity;
use netdiag_engine::local::Local;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;

impl Measurement {
    /// Whether so much went wrong on this machine that nothing is said about the network.
    pub(super) fn is_locally_disturbed(&self) -> bool {
        let counters = self.stats.counters();
        self.tally.changes.receive_drops > 0
            || (counters.local_errors() > 0
                && counters.local_errors().saturating_mul(10) >= counters.attempted())
    }

    pub(super) fn local_findings(&self, context: &Context) -> Vec<Finding> {
        let local = self.local(context);
        let all = [
            local.unsent(),
            local.no_source(),
            local.link_changed(),
            local.receive_drops(),
            self.local_probes_skipped(),
            self.clock_adjusted(),
            self.weak_matching(),
        ];
        all.into_iter().flatten().collect()
    }

    /// What this machine did, as every prober tells it.
    fn local<'a>(&'a self, context: &'a Context) -> Local<'a> {
        let (counters, tally) = (self.stats.counters(), &self.tally);
        let tcp_port = match self.config.protocol {
            Protocol::Tcp { port, .. } | Protocol::Tls { port } | Protocol::Http { port, .. } => {
                Some(port)
            }
            _ => None,
        };
        Local {
            target_index: self.config.target_index,
            subject: context.target.escaped().to_string(),
            destination: self.config.destination,
            source: self.config.control.source,
            way: self.config.way,
            anchor: context.anchor,
            attempted: counters.attempted(),
            sent: counters.sent(),
            unknown: counters.unknown(),
            tcp_port,
            unsent: &tally.unsent,
            changes: &tally.changes,
        }
    }

    fn clock_adjusted(&self) -> Option<Finding> {
        let tally = &self.tally;
        let stepped: i64 = tally.clock_steps.iter().sum();
        if tally.clock_steps.is_empty() && tally.suspends.is_empty() && tally.clock_adjusted == 0 {
            return None;
        }
        let slept: f64 = tally.suspends.iter().map(|length| milliseconds(*length)).sum();
        let mut said = Vec::new();
        if !tally.clock_steps.is_empty() {
            said.push(format!("the wall clock was set by {:+.3} s", stepped as f64 / 1e9));
        }
        if !tally.suspends.is_empty() {
            said.push(format!("the machine slept {:.1} s", slept / 1e3));
        }
        if tally.clock_adjusted > 0 {
            said.push(format!(
                "{} round trips were taken by the user's clock",
                tally.clock_adjusted
            ));
        }
        let message = format!("during the run {}", said.join(", "));
        let finding =
            self.finding("clock-adjusted", Severity::Info, "this machine".to_owned(), message);
        Some(
            finding
                .with("step_ms", stepped as f64 / 1e6)
                .with("suspended_ms", slept)
                .with("user_clock_samples", tally.clock_adjusted)
                .with("unknown", self.stats.counters().unknown()),
        )
    }

    fn weak_matching(&self) -> Option<Finding> {
        let has_data = self.config.protocol.has_data();
        has_data.then(|| weak_matching(Some(self.config.target_index), self.config.size)).flatten()
    }

    pub(super) fn finding(
        &self,
        code: &str,
        severity: Severity,
        subject: String,
        message: String,
    ) -> Finding {
        Finding::new(Some(self.config.target_index), code, severity, subject, message)
    }
}

/// That so many bytes have no room for the whole tag, where that is so.
pub(crate) fn weak_matching(target_index: Option<usize>, size: u16) -> Option<Finding> {
    if identity::is_strong(size) {
        return None;
    }
    let message = format!(
        "weak matching: {size} data bytes have no room for the full tag of {} bytes",
        identity::FULL_TAG
    );
    let subject = "every probe".to_owned();
    let finding = Finding::new(target_index, "weak-matching", Severity::Info, subject, message);
    let finding = finding.with("size", size).with("threshold", identity::FULL_TAG);
    Some(finding.advise("`--size 16` or more"))
}
