//! Verdicts with evidence. Thresholds stand in the evidence.

mod balance;
mod change;
mod end;
mod loss;
mod packet;
mod senders;
mod way;

pub(crate) use balance::Turns;
pub(crate) use senders::Senders;
pub(crate) use way::routers;

use crate::Measurement;
use crate::protocol::Protocol;
use crate::result::Context;
use netdiag_engine::local::Local;
use netdiag_model::finding::{Finding, Severity};

impl Measurement {
    /// The verdicts over this target. What this machine did comes first, and silences what it may
    /// explain.
    #[must_use]
    pub fn findings(&self, context: &Context) -> Vec<Finding> {
        self.concluded().concluded_findings(context)
    }

    fn concluded_findings(&self, context: &Context) -> Vec<Finding> {
        let local = self.local(context);
        let said = [local.unsent(), local.no_source(), local.link_changed(), local.receive_drops()];
        let said: Vec<Finding> = said.into_iter().flatten().collect();
        let refused = local.attempted - local.sent;
        let is_disturbed =
            local.changes.receive_drops > 0 || (refused > 0 && refused * 10 >= local.attempted);
        if is_disturbed {
            return said;
        }
        let network = self.end_findings().into_iter().chain(self.loss_findings());
        let network = network.chain(self.way_findings()).chain(self.packet_findings());
        let network = network.chain(self.other_sender()).chain(self.change_findings(context));
        let network = network.chain(self.balance_findings()).chain(self.multipath_findings());
        network.chain(said).collect()
    }

    fn local(&self, context: &Context) -> Local<'_> {
        let counters = || self.path().map(|hop| hop.stats.counters());
        let sent = counters().map(|counters| counters.sent()).sum();
        let refused: u64 = counters().map(|counters| counters.local_errors()).sum();
        let tcp_port = match self.config.protocol {
            Protocol::Tcp { port } => Some(port),
            Protocol::Icmp | Protocol::Udp { .. } => None,
        };
        Local {
            target_index: self.config.target_index,
            subject: context.target.escaped().to_string(),
            destination: self.config.destination,
            source: self.config.control.source,
            way: self.config.way,
            anchor: context.anchor,
            attempted: sent + refused,
            sent,
            unknown: counters().map(|counters| counters.unknown()).sum(),
            tcp_port,
            unsent: &self.tally.unsent,
            changes: &self.tally.changes,
        }
    }

    pub(crate) fn finding(
        &self,
        code: &str,
        severity: Severity,
        subject: String,
        message: String,
    ) -> Finding {
        Finding::new(Some(self.config.target_index), code, severity, subject, message)
    }

    /// A finding about one hop.
    fn finding_at(&self, code: &str, severity: Severity, ttl: u8, message: String) -> Finding {
        let who = self.hop(ttl).and_then(crate::hop::Hop::main);
        let subject = match who {
            Some(who) => format!("hop {ttl} ({})", who.address.address()),
            None => format!("hop {ttl}"),
        };
        self.finding(code, severity, subject, message).at("hop", ttl)
    }
}
