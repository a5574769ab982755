//! Connections that this machine's own firewall kept from opening. The kernel gives no error for a SYN
//! that it drops; what there is of evidence stands in `netdiag_sys`.

use crate::Measurement;
use crate::protocol::Protocol;
use crate::result::Context;
use netdiag_model::errno::Errno;
use netdiag_model::finding::{Finding, Severity};
use std::time::Duration;

pub(crate) const EPERM: i32 = 1;

/// A SYN is sent again after 1 s, and only of one that is sent again does the kernel tell whether it
/// left; its timers are up to 80 ms late (CONFIG_HZ=100).
const TOLD_AFTER: Duration = Duration::from_millis(1_100);

/// What shows the rules that may be meant.
pub(crate) const RULES: &str = "see the output rules: `nft list ruleset`";

impl Measurement {
    pub(super) fn local_firewall(&self, context: &Context) -> Option<Finding> {
        let Protocol::Tcp { port, .. } = self.config.protocol else { return None };
        let count = *self.tally.local_errors.get(&EPERM)?;
        let counters = self.stats.counters();
        if count < counters.local_errors() {
            return None;
        }
        let target = context.target.escaped().to_string();
        let attempted = counters.attempted();
        let message = format!(
            "{count} of {attempted} connections to {target} port {port} were kept from opening by \
             this machine itself, probably by a rule of its firewall"
        );
        Some(
            self.finding("local-firewall", Severity::Critical, target, message)
                .with("errno", Errno::new(EPERM).name)
                .with("errno_number", EPERM)
                .with("count", count)
                .with("local_errors", counters.local_errors())
                .with("attempted", attempted)
                .with("port", port)
                .advise(format!("{RULES}, and those that redirect")),
        )
    }

    /// What is to be added to a verdict on connections that nobody answered, and to its advice,
    /// where the timeout is too short to know whether a SYN left.
    pub(super) fn leaving_unknown(&self) -> Option<(&'static str, String)> {
        leaving_unknown(self.config.timeout)
    }
}

/// The same of connections with this timeout.
pub(crate) fn leaving_unknown(timeout: Duration) -> Option<(&'static str, String)> {
    (timeout < TOLD_AFTER).then(|| {
        let said = "; whether they left this machine is not known: of a SYN that its firewall \
                    drops the kernel tells only after 1 s";
        (said, format!("`--timeout 2` tells it; {RULES}"))
    })
}
