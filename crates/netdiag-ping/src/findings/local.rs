//! What this machine did: it must be said before the network is blamed.

use crate::Measurement;
use crate::result::Context;
use netdiag_engine::identity;
use netdiag_engine::port::{InterfaceChange, SendError};
use netdiag_model::errno::{self, Errno};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{ClockAnchor, Instant, milliseconds};
use std::net::IpAddr;

impl Measurement {
    /// Whether so much went wrong on this machine that nothing is said about the network.
    pub(super) fn is_locally_disturbed(&self) -> bool {
        let counters = self.stats.counters();
        self.tally.receive_drops > 0
            || (counters.local_errors() > 0
                && counters.local_errors().saturating_mul(10) >= counters.attempted())
    }

    pub(super) fn local_findings(&self, context: &Context) -> Vec<Finding> {
        let all = [
            self.local_firewall(context).or_else(|| self.local_send_blocked(context)),
            self.local_link_changed(context),
            self.local_receive_drops(),
            self.local_probes_skipped(),
            self.clock_adjusted(),
            self.weak_matching(),
        ];
        all.into_iter().flatten().collect()
    }

    fn local_send_blocked(&self, context: &Context) -> Option<Finding> {
        let counters = self.stats.counters();
        let (number, count) = self.tally.local_errors.iter().max_by_key(|(_, count)| **count)?;
        let severity = if counters.sent() == 0 { Severity::Critical } else { Severity::Warning };
        let errno = Errno::new(*number);
        let cause = self.tally.cause(*number);
        let meaning = cause.meaning().unwrap_or("the kernel would not send it");
        let subject = context.target.escaped().to_string();
        let mut message = format!(
            "{} of {} probes to {subject} were not sent: ",
            counters.local_errors(),
            counters.attempted(),
        );
        if self.tally.local_errors.len() == 1 {
            message.push_str(&format!("{meaning} ({} {number})", errno.name));
        } else {
            let causes = self.tally.local_errors.iter();
            let causes =
                causes.map(|(number, count)| format!("{} {count}", Errno::new(*number).name));
            message.push_str(&causes.collect::<Vec<_>>().join(", "));
        }
        let (address, source) = (self.config.destination.address(), self.config.control.source);
        let advice = sending_advice(&cause, address, source);
        if let Some(source) = self.config.control.source.filter(|_| errno::is_route(*number)) {
            message.push_str(&format!("; the source {source} was asked for"));
        }
        let finding = self.finding("local-send-blocked", severity, subject, message);
        let finding = finding
            .with("errno", errno.name)
            .with("errno_number", *number)
            .with("count", *count)
            .with("local_errors", counters.local_errors())
            .with("attempted", counters.attempted())
            .advise(advice);
        Some(match self.tally.last_local_mtu {
            Some(mtu) => finding.with("mtu", mtu),
            None => finding,
        })
    }

    fn local_link_changed(&self, context: &Context) -> Option<Finding> {
        let changes = (self.tally.interface_changes, self.tally.interfaces.as_slice());
        let finding = link_changed(changes, self.stats.counters().unknown(), &context.anchor)?;
        Some(Finding { target_index: Some(self.config.target_index), ..finding })
    }

    fn local_receive_drops(&self) -> Option<Finding> {
        let drops = Some(self.tally.receive_drops).filter(|drops| *drops > 0)?;
        let unknown = self.stats.counters().unknown();
        let message = format!(
            "our own socket dropped {drops} packets for want of room; {unknown} probes are unknown, not lost"
        );
        let finding = self.finding(
            "local-receive-drops",
            Severity::Warning,
            "this machine".to_owned(),
            message,
        );
        Some(
            finding
                .with("drops", drops)
                .with("unknown", unknown)
                .advise("send slower; or raise net.core.rmem_max"),
        )
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
        let size = self.config.size;
        if identity::is_strong(size) || !self.config.protocol.has_data() {
            return None;
        }
        let message = format!(
            "weak matching: {size} data bytes have no room for the full tag of {} bytes",
            identity::FULL_TAG
        );
        let finding =
            self.finding("weak-matching", Severity::Info, "every probe".to_owned(), message);
        Some(
            finding
                .with("size", size)
                .with("threshold", identity::FULL_TAG)
                .advise("`--size 16` or more"),
        )
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

/// That the way out of this machine changed: how often, and the first of the changes. `unknown`
/// samples mean nothing therefore.
pub(crate) fn link_changed(
    (count, changes): (u64, &[(Instant, InterfaceChange)]),
    unknown: u64,
    anchor: &ClockAnchor,
) -> Option<Finding> {
    /// How many changes a sentence tells.
    const TOLD: usize = 4;
    let (_, first) = changes.first()?;
    let when = |at: &Instant| anchor.rfc3339(*at);
    let told = changes.iter().take(TOLD).map(|(at, change)| {
        let at = when(at);
        format!("{change} at {}", at.get(11..21).unwrap_or(&at))
    });
    let mut told = told.collect::<Vec<String>>().join(", ");
    let more = count.saturating_sub(TOLD as u64);
    if more > 0 {
        told.push_str(&format!(" and {more} changes more"));
    }
    let lost = match unknown {
        0 => String::new(),
        1 => "; 1 probe is unknown, not lost".to_owned(),
        _ => format!("; {unknown} probes are unknown, not lost"),
    };
    let message = format!("the way out of this machine changed: {told}{lost}");
    let interface = first.interface();
    let times: Vec<String> = changes.iter().map(|(at, _)| when(at)).collect();
    let what: Vec<String> = changes.iter().map(|(_, change)| change.what.to_string()).collect();
    let finding =
        Finding::new(None, "local-link-changed", Severity::Warning, interface.clone(), message);
    Some(
        finding
            .at("interface", interface.clone())
            .with("interface", interface)
            .with("count", count)
            .with("times", times)
            .with("what", what)
            .with("unknown", unknown),
    )
}

/// What shows why probes to an address were not sent, from the source that was asked for.
pub(crate) fn sending_advice(cause: &SendError, address: IpAddr, source: Option<IpAddr>) -> String {
    // As ip-route(8) takes it.
    let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
    match cause.errno {
        1 => "see the output rules: `nft list ruleset`".to_owned(),
        90 => "smaller packets (`--size`), or `--df dont`".to_owned(),
        11 => "smaller bursts: a longer `--interval`, fewer targets at once".to_owned(),
        122 => "a longer `--interval`, fewer targets at once, or root".to_owned(),
        105 => {
            "the queue of the interface is full: `ip -s link`, or a longer `--interval`".to_owned()
        }
        _ if cause.direct => format!("leave out -r; by which router: `ip route get {address}`"),
        _ => format!("see the route: `ip route get {address}{from}`"),
    }
}
