//! Verdicts over a whole sweep. Those over one series are [`crate::Measurement::findings`].

use super::event::State;
use super::measurement::Measurement;
use netdiag_model::errno::{self, Errno};
use netdiag_model::finding::{Finding, Severity};

/// From so many targets on, refused by one sender, it is one fault and not many.
const SAME_SENDER: u32 = 2;

impl Measurement {
    /// The verdicts over all targets together.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.drops());
        findings.extend(self.not_sent());
        findings.extend(self.unreachable());
        findings
    }

    /// Our own sockets lost answers: no host is to blame for these.
    fn drops(&self) -> Option<Finding> {
        let (drops, unknown) = (self.totals().receive_drops, self.totals().of(State::Unknown));
        if drops == 0 {
            return None;
        }
        let again = if self.config().count == 1 { ", and were sent again" } else { "" };
        let message = format!(
            "our own socket dropped {drops} packets for want of room; probes under way then are \
             unknown, not lost{again}"
        );
        let subject = "this machine".to_owned();
        let finding =
            Finding::new(None, "local-receive-drops", Severity::Warning, subject, message);
        let finding = finding.with("drops", drops).with("targets_unknown", unknown);
        Some(finding.advise("a lower --rate, or a larger net.core.rmem_max".to_owned()))
    }

    fn not_sent(&self) -> impl Iterator<Item = Finding> + '_ {
        self.totals().local_errors.iter().map(|(number, targets)| {
            let errno = Errno::new(*number);
            let meaning = errno::send_meaning(*number).unwrap_or("this machine could not send");
            let message = format!(
                "nothing left this machine for {targets} targets: {meaning} ({} {number})",
                errno.name
            );
            let subject = "this machine".to_owned();
            Finding::new(None, "local-send-blocked", Severity::Warning, subject, message)
                .with("targets", *targets)
                .with("errno", errno.name)
        })
    }

    /// Targets that one sender declares unreachable.
    fn unreachable(&self) -> impl Iterator<Item = Finding> + '_ {
        let same = self.totals().errors.iter().filter(|(_, targets)| **targets >= SAME_SENDER);
        same.map(|((from, kind), targets)| {
            let message = format!("{from} says of {targets} targets: {}", kind.ping_text());
            Finding::new(None, "unreachable", Severity::Critical, from.to_string(), message)
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("from", from.to_string())
                .with("targets", *targets)
                .advise(format!("`netdiag trace` to one of them; {from} is where they stop"))
        })
    }
}
