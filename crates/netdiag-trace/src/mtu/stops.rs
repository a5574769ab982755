//! Why no packet comes to the target, where routers say so.

use super::measurement::Measurement;
use crate::end::REFUSALS;
use netdiag_model::finding::{Finding, Severity};

impl Measurement {
    /// A router that says that nothing goes further, more than once.
    pub(super) fn stopped_by_router(&self) -> Option<Finding> {
        if let Some(said) = self.without_neighbour().filter(|_| self.refusals >= REFUSALS) {
            return Some(said.finding(|code, severity, subject, message| {
                self.finding(code, severity, subject, message)
            }));
        }
        let (kind, from) = self.refusal.filter(|(kind, _)| !kind.is_time_exceeded())?;
        if self.is_reached() || self.refusals < REFUSALS {
            return None;
        }
        let ttl = self.hops.place(from);
        let words = kind.name().replace('-', " ");
        // Its limit of answers may hide that it is nearer.
        let is_sure = |ttl: u8| ttl == 1 || self.hops.address(ttl - 1).is_some();
        let place = match ttl {
            Some(ttl) if is_sure(ttl) => format!("at hop {ttl} "),
            Some(ttl) => format!("at or before hop {ttl} "),
            None => String::new(),
        };
        let message =
            format!("stopped {place}by {from}: {words}, ICMP {}/{}", kind.kind, kind.code);
        let advice = if kind.is_prohibited() {
            "a filter there refuses these packets; another kind may pass: `--udp`, `--icmp`"
        } else if kind.is_port_unreachable() {
            "a filter there refuses the port, or it is another address of the target; another kind may \
             pass: `--icmp`, `--tcp`"
        } else {
            "it has no way to the target: whose router it is"
        };
        let subject = ttl.map_or_else(|| from.to_string(), |ttl| self.hop_text(ttl));
        let finding = self.finding("stopped-by-router", Severity::Critical, subject, message);
        let finding = match ttl {
            Some(ttl) => finding.at("hop", ttl),
            None => finding,
        };
        Some(
            finding
                .with("mark", kind.mark())
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("from", from.to_string())
                .with("count", self.refusals)
                .with("threshold", REFUSALS)
                .advise(advice.to_owned()),
        )
    }

    /// Routers that send packets round, as hops tell and as those to the target do, whose hop limit ran
    /// out.
    pub(super) fn routing_loop(&self) -> Option<Finding> {
        let cycle = self.hops.cycle.as_ref().filter(|_| !self.is_reached())?;
        let is_expired = self.refusal.is_some_and(|(kind, _)| kind.is_time_exceeded());
        let expired = if is_expired { self.refusals } else { 0 };
        if expired < REFUSALS {
            return None;
        }
        let names: Vec<String> = cycle.addresses.iter().map(ToString::to_string).collect();
        let message = format!(
            "packets go round between {} from hop {} on: seen twice over, and {expired} packets to the \
             target ran out of hops",
            names.join(" and "),
            cycle.first
        );
        let subject = self.hop_text(cycle.first);
        let finding = self.finding("routing-loop", Severity::Critical, subject, message);
        Some(
            finding
                .at("hop", cycle.first)
                .with("cycle", names)
                .with("first_hop", cycle.first)
                .with("last_hop", cycle.second_end())
                .with("expired", expired)
                .with("threshold", REFUSALS)
                .advise("the routers point at each other: their routes to the target".to_owned()),
        )
    }
}
