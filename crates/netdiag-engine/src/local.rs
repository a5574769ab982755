//! What this machine did to a measurement, as findings: it must be said before the network is blamed.

use crate::port::InterfaceChange;
use netdiag_model::errno::{self, Errno};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{ClockAnchor, Destination, Instant};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a measurement knows of this machine's part in it.
#[derive(Clone, Debug)]
pub struct Local<'a> {
    /// The target's place in the run.
    pub target_index: usize,
    /// The target in words.
    pub subject: String,
    /// Where probes go.
    pub destination: Destination,
    /// The source that was asked for.
    pub source: Option<IpAddr>,
    /// Turns instants into dates.
    pub anchor: ClockAnchor,
    /// Probes that were tried.
    pub attempted: u64,
    /// Probes that left.
    pub sent: u64,
    /// Probes that this machine made meaningless.
    pub unknown: u64,
    /// Probes that never left, by error number.
    pub errors: &'a BTreeMap<i32, u64>,
    /// The MTU in the way, with EMSGSIZE.
    pub mtu: Option<u32>,
    /// Changes of the way out, the first of them.
    pub changes: &'a [(Instant, InterfaceChange)],
    /// How many there were.
    pub change_count: u64,
    /// Packets that our own socket dropped.
    pub receive_drops: u64,
}

impl Local<'_> {
    /// Probes that never left.
    #[must_use]
    pub fn send_blocked(&self) -> Option<Finding> {
        let (number, count) = self.errors.iter().max_by_key(|(_, count)| **count)?;
        let severity = if self.sent == 0 { Severity::Critical } else { Severity::Warning };
        let errno = Errno::new(*number);
        let meaning = errno::send_meaning(*number).unwrap_or("the kernel would not send it");
        let (subject, refused) = (self.subject.clone(), self.attempted - self.sent);
        let mut message =
            format!("{} of {} probes to {subject} were not sent: ", refused, self.attempted,);
        if self.errors.len() == 1 {
            message.push_str(&format!("{meaning} ({} {number})", errno.name));
        } else {
            let causes = self.errors.iter();
            let causes =
                causes.map(|(number, count)| format!("{} {count}", Errno::new(*number).name));
            message.push_str(&causes.collect::<Vec<_>>().join(", "));
        }
        let address = self.destination.address();
        let advice = match number {
            1 => "see the output rules: `nft list ruleset`".to_owned(),
            90 => "smaller packets (`--size`), or `--df dont`".to_owned(),
            11 => "smaller bursts: a longer `--interval`, fewer targets at once".to_owned(),
            122 => "a longer `--interval`, fewer targets at once, or root".to_owned(),
            105 => "the queue of the interface is full: `ip -s link`, or a longer `--interval`"
                .to_owned(),
            _ => format!("see the route: `ip route get {address}{}`", self.source_asked_for()),
        };
        if let Some(source) = self.source.filter(|_| errno::is_route(*number)) {
            message.push_str(&format!("; the source {source} was asked for"));
        }
        let finding = self.finding("local-send-blocked", severity, subject, message);
        let finding = finding
            .with("errno", errno.name)
            .with("errno_number", *number)
            .with("count", *count)
            .with("local_errors", refused)
            .with("attempted", self.attempted)
            .advise(advice);
        Some(match self.mtu {
            Some(mtu) => finding.with("mtu", mtu),
            None => finding,
        })
    }

    /// The source that was asked for, as ip-route(8) takes it.
    fn source_asked_for(&self) -> String {
        self.source.map(|source| format!(" from {source}")).unwrap_or_default()
    }

    /// Changes of the way out.
    #[must_use]
    pub fn link_changed(&self) -> Option<Finding> {
        /// How many changes a sentence tells.
        const TOLD: usize = 4;
        let changes = self.changes;
        let (_, first) = changes.first()?;
        let when = |at: &Instant| self.anchor.rfc3339(*at);
        let told = changes.iter().take(TOLD).map(|(at, change)| {
            let at = when(at);
            format!("{change} at {}", at.get(11..21).unwrap_or(&at))
        });
        let mut told = told.collect::<Vec<String>>().join(", ");
        let more = self.change_count.saturating_sub(TOLD as u64);
        if more > 0 {
            told.push_str(&format!(" and {more} changes more"));
        }
        let unknown = self.unknown;
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
            self.finding("local-link-changed", Severity::Warning, interface.clone(), message);
        Some(
            finding
                .at("interface", interface.clone())
                .with("interface", interface)
                .with("count", self.change_count)
                .with("times", times)
                .with("what", what)
                .with("unknown", unknown),
        )
    }

    /// Packets that our own socket dropped.
    #[must_use]
    pub fn receive_drops(&self) -> Option<Finding> {
        let drops = Some(self.receive_drops).filter(|drops| *drops > 0)?;
        let unknown = self.unknown;
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

    fn finding(&self, code: &str, severity: Severity, subject: String, message: String) -> Finding {
        Finding::new(Some(self.target_index), code, severity, subject, message)
    }
}
