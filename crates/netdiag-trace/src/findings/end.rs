//! Where the path ends, and whether that is the target.

use crate::Measurement;
use crate::end::{REFUSALS, StopReason, cycle};
use crate::second::{QUERIES, Second};
use netdiag_model::finding::{Finding, Severity};

/// From so many probes to each hop on their silence is worth a verdict.
const SILENT_PROBES: u64 = 3;
/// What a path that stops may mean.
const EITHER: &str = "a fault lies there, or a silent filter";
/// In so many rounds a cycle must have been seen.
const ROUNDS: u64 = 2;

impl Measurement {
    pub(super) fn end_findings(&self) -> Vec<Finding> {
        let found = match self.end.map(|end| end.reason) {
            Some(StopReason::Unreachable) => match self.without_neighbour() {
                Some(said) => Some(said.finding(|code, severity, subject, message| {
                    self.finding(code, severity, subject, message)
                })),
                None => self.stopped_by_router(),
            },
            Some(StopReason::Loop) => self.routing_loop(),
            Some(StopReason::GapLimit | StopReason::MaxTtl) => self.path_stops(),
            _ => None,
        };
        found.into_iter().collect()
    }

    fn path_stops(&self) -> Option<Finding> {
        let farthest = self.farthest();
        let beyond = || self.path().filter(|hop| hop.ttl > farthest);
        let tried = u8::try_from(beyond().count()).unwrap_or(u8::MAX);
        let is_known = tried >= self.config.gap.min(self.config.max_ttl - farthest)
            && beyond().all(|hop| hop.stats.counters().lost() >= SILENT_PROBES);
        if tried == 0 || !is_known {
            return None;
        }
        let kind = self.config.protocol.name();
        let name = kind.to_ascii_uppercase();
        let last = self.hop(farthest).and_then(crate::hop::Hop::main);
        let from = last.map_or_else(
            || "no hop answered".to_owned(),
            |main| format!("nothing answered beyond hop {farthest} ({})", main.address.address()),
        );
        let second = self.second.as_ref();
        let heard = second.and_then(|second| Some((second, second.heard?)));
        let silent = second.filter(|second| second.is_silent());
        // By cycles a silent hop is asked less often.
        let probes = beyond().map(|hop| hop.stats.counters().sent()).min().unwrap_or(0);
        let asked = format!("{tried} hops of {probes} {name} probes each");
        let message = match (heard, silent) {
            (Some((other, (ttl, who))), _) => match self.second_name(other) {
                (other, true) => format!(
                    "{from} as large as they are: {asked}; {other} go on, {who} answers them at hop \
                     {ttl}: larger ones vanish there without a message"
                ),
                (other, false) => format!(
                    "{from} by {name}: {asked}; {other} goes on, {who} answers it at hop {ttl}: a \
                     filter of {name} lies there"
                ),
            },
            (None, Some(other)) => match self.second_name(other) {
                (other, true) => format!("{from}: {asked}, and {QUERIES} {other}; {EITHER}"),
                (other, false) => format!("{from}: {asked}, and {QUERIES} {other} ones; {EITHER}"),
            },
            (None, None) if self.config.finds_mtu => {
                format!("{from} as large as they are: {asked}; {EITHER}, or only large ones vanish")
            }
            (None, None) => format!("{from}: {asked}; {EITHER}"),
        };
        let is_other = |second: &&Second| second.protocol != self.config.protocol;
        let other = heard.map(|(second, _)| second.protocol.name());
        let silent = silent.filter(is_other).map(|second| second.protocol.name());
        let advice = match heard.filter(|(second, _)| !is_other(second)) {
            Some(_) => "`netdiag mtu` tells the largest that passes".to_owned(),
            None if self.config.finds_mtu && second.is_none() => {
                "`netdiag mtu` tells whether only large ones vanish".to_owned()
            }
            None if self.is_large() => {
                let other = self.other_kind(other, silent);
                format!("`netdiag mtu` tells whether only large ones vanish; {other}")
            }
            None => self.other_kind(other, silent),
        };
        let finding = self.finding_at("path-stops", Severity::Critical, farthest, message);
        Some(
            finding
                .with("last_hop", farthest)
                .with("hops_tried", tried)
                .with("kinds", [kind].into_iter().chain(silent).collect::<Vec<_>>())
                .with("other_kind", other)
                .with("other_hop", heard.map(|(_, (ttl, _))| ttl))
                .with("other_from", heard.map(|(_, (_, who))| who.to_string()))
                .with("n", probes)
                .with("threshold_probes", SILENT_PROBES)
                .advise(advice),
        )
    }

    /// Whether probes are larger than by default, so that another size may pass.
    fn is_large(&self) -> bool {
        let is_tcp = matches!(self.config.protocol, crate::Protocol::Tcp { .. });
        !is_tcp && self.config.size > crate::config::SIZE
    }

    /// Which kind of probe may tell more: one that is known to, or another.
    fn other_kind(&self, known: Option<&str>, silent: Option<&str>) -> String {
        match (known, self.config.protocol) {
            (Some(other), _) => format!("`--{other}` measures the path from there on"),
            (None, crate::Protocol::Tcp { .. }) => {
                let other = if silent.is_some() { "udp" } else { "icmp" };
                format!("another kind of probe may pass: `--{other}`")
            }
            (None, _) => "another kind of probe may pass: `--tcp --port 443`".to_owned(),
        }
    }

    fn stopped_by_router(&self) -> Option<Finding> {
        let ttl = self.end?.ttl;
        let hop = self.hop(ttl).filter(|_| self.refusals() >= REFUSALS.min(self.queries()))?;
        let who = hop
            .responders
            .iter()
            .find(|who| who.icmp.is_some_and(|kind| !kind.is_time_exceeded()))?;
        let (kind, from) = (who.icmp?, who.address.address());
        let words = kind.name().replace('-', " ");
        let message =
            format!("stopped at hop {ttl} by {from}: {words}, ICMP {}/{}", kind.kind, kind.code);
        let advice = match (kind.is_prohibited(), self.config.protocol) {
            (true, crate::Protocol::Icmp) => {
                "a filter there refuses ICMP; try `--tcp --port 443`".to_owned()
            }
            (true, other) => format!(
                "a filter there refuses {}{}; `--icmp` shows whether the path itself is whole",
                other.name().to_ascii_uppercase(),
                other.port().map(|port| format!(" {port}")).unwrap_or_default()
            ),
            (false, _) if kind.is_too_big() => {
                let mtu = who.mtu.map(|mtu| format!(" than {mtu} bytes")).unwrap_or_default();
                format!("nothing larger{mtu} goes on from there: `netdiag mtu` tells what does")
            }
            (false, crate::Protocol::Icmp) if kind.is_port_unreachable() => {
                format!("{from} is not the target: a filter there refuses the probes")
            }
            (false, _) if kind.is_port_unreachable() && self.may_stand_in() => format!(
                "a filter there refuses the port, or {from} is another address of the target: `--tcp` \
                 tells which"
            ),
            (false, _) if kind.is_port_unreachable() => {
                format!("{from} is not the target: a filter there refuses the port; try `--icmp`")
            }
            (false, _) if kind.is_host_unreachable() => format!(
                "{from} has no way to the target; where it is the last router, the host is off or does \
                 not answer it (ARP, neighbour discovery)"
            ),
            (false, _) if kind.is_unreachable() => {
                format!("{from} has no way to the target: whose router it is")
            }
            (false, _) => {
                format!("{from} does not take the packet as it is; another kind may pass")
            }
        };
        let finding = self.finding_at("stopped-by-router", Severity::Critical, ttl, message);
        Some(
            finding
                .with("mark", kind.mark())
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("from", from.to_string())
                .with("count", self.refusals())
                .with("threshold", REFUSALS)
                .advise(advice),
        )
    }

    fn routing_loop(&self) -> Option<Finding> {
        let cycle = cycle(&self.hops)?;
        let of_it =
            self.hops.iter().filter(|hop| (cycle.first..=cycle.second_end()).contains(&hop.ttl));
        let rounds = of_it.map(|hop| hop.stats.counters().received()).min()?;
        if rounds < ROUNDS.min(self.queries()) {
            return None;
        }
        let names: Vec<String> = cycle.addresses.iter().map(ToString::to_string).collect();
        let message = format!(
            "packets go round between {} from hop {} on: seen twice over, in {rounds} rounds",
            names.join(" and "),
            cycle.first
        );
        let finding = self.finding_at("routing-loop", Severity::Critical, cycle.first, message);
        Some(
            finding
                .with("cycle", names)
                .with("first_hop", cycle.first)
                .with("last_hop", cycle.second_end())
                .with("rounds", rounds)
                .advise("the routers point at each other: their routes to the target"),
        )
    }
}
