//! What is not known of connections that this machine's own firewall may have kept from opening; what
//! is known is in `netdiag_engine::local`.

use crate::Measurement;
use netdiag_engine::local::RULES;
use std::time::Duration;

/// A SYN is sent again after 1 s, and only of one that is sent again does the kernel tell whether it
/// left; its timers are up to 80 ms late (CONFIG_HZ=100).
const TOLD_AFTER: Duration = Duration::from_millis(1_100);

impl Measurement {
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
