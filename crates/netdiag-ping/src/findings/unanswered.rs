//! When nothing came back: who said why, or that nobody did.

use crate::Measurement;
use crate::protocol::Protocol;
use crate::result::Context;
use netdiag_engine::port;
use netdiag_model::finding::{Finding, Severity};
use std::net::IpAddr;

impl Measurement {
    pub(super) fn no_reply(&self, target: &str, n: u64, context: &Context) -> Option<Finding> {
        let counters = self.stats.counters();
        let is_tcp = matches!(self.config.protocol, Protocol::Tcp { .. });
        if is_tcp || n < 3 || counters.received() > 0 || counters.net_errors() > 0 {
            return None;
        }
        let span = self.span()?;
        let mut message = format!("{target} answered none of {n} probes");
        let errors: u64 = self.tally.icmp_errors.values().sum();
        if let (opened @ 1.., Some(port)) = (self.tally.opened, self.config.protocol.port()) {
            let what = if opened == 1 { "connection" } else { "connections" };
            message.push_str(&format!(
                ", though {opened} {what} to port {port} opened: the kernel there is alive, the \
                 program is not"
            ));
        } else if errors > 0 {
            message.push_str(&format!("; {errors} ICMP errors came after their timeout"));
        } else if self.tally.rejected.is_empty() {
            message.push_str(", and nobody sent an error");
        }
        let mut advice = match self.config.protocol {
            Protocol::Udp { .. } => {
                format!("UDP may be dropped there: `netdiag trace {target}`, `--proto tcp:PORT`")
            }
            Protocol::Syn { port } => {
                format!("a filter, or nobody there: `netdiag trace {target}:{port}`")
            }
            Protocol::Tls { port } => {
                format!("`netdiag tcp-connect -v --tls {target}:{port}` says how far it gets")
            }
            Protocol::Http { port, .. } => {
                format!("`netdiag tcp-connect -v {target}:{port}` says how far it gets")
            }
            Protocol::Dns { .. } => {
                format!("is a server of DNS there: `netdiag dns . NS @{target}`")
            }
            Protocol::Quic { port } => {
                format!("no QUIC there, or UDP is dropped: `netdiag ping --proto udp:{port} {target}`")
            }
            Protocol::IcmpTimestamp => format!(
                "many hosts do not answer timestamp requests: `netdiag ping {target}`"
            ),
            Protocol::IcmpProbe => format!(
                "few answer such questions; Linux only where net.ipv4.icmp_echo_enable_probe is 1, \
                 and about its own interfaces: `netdiag ping {target}`"
            ),
            _ if self.is_group() => "hosts need not answer a group; Linux answers a broadcast and \
                                     IPv4 multicast only where net.ipv4.icmp_echo_ignore_broadcasts \
                                     is 0"
                .to_owned(),
            _ => format!(
                "ICMP may be filtered: `netdiag tcp-connect {target}:443`, `netdiag trace {target}`"
            ),
        };
        if let Some(rejected) = self.rejected_text() {
            message.push_str(&format!("; {rejected}"));
            advice = format!("see who sends those: `{}`", self.shows_rejected(target));
        }
        if context.method.lost.iter().any(|lost| lost == port::UNTOLD_SENDS) {
            message.push_str(
                "; whether they left this machine is not known: an ICMPv6 datagram socket is not \
                 told what a firewall here drops",
            );
            advice = format!("see the output rules: `nft list ruleset`; {advice}");
        }
        if let Some(largest) = self.tally.largest_late.filter(|_| counters.late() > 0) {
            message.push_str(&format!("; {} answers came late", counters.late()));
            advice = format!("it answers: `--timeout {:.1}`", largest.as_secs_f64() * 1.2);
        }
        Some(
            self.finding("no-reply", Severity::Critical, target.to_owned(), message)
                .with("sent", counters.sent())
                .with("n", n)
                .with("late", counters.late())
                .with("seconds", span.as_secs_f64())
                .with("threshold_n", 3)
                .advise(advice),
        )
    }

    /// The command that shows each answer that was rejected.
    fn shows_rejected(&self, target: &str) -> String {
        let protocol = self.config.protocol;
        let name = protocol.name();
        match (protocol, protocol.port()) {
            (Protocol::Icmp, _) => format!("netdiag ping --verbose {target}"),
            (_, Some(port)) => format!("netdiag ping --verbose --proto {name}:{port} {target}"),
            (_, None) => format!("netdiag ping --verbose --proto {name} {target}"),
        }
    }

    pub(super) fn unreachable(&self, n: u64) -> Option<Finding> {
        let ((from, kind), count) =
            self.tally.unanswered.iter().max_by_key(|(_, count)| **count)?;
        if *count < 2 || count.saturating_mul(2) < n {
            return None;
        }
        let said = kind.ping_text();
        let is_ours = self.is_ours(*from);
        let whose = match (*from == self.config.destination.address(), is_ours) {
            (true, _) => "the target itself",
            (false, true) => "this machine",
            (false, false) => "a router on the way",
        };
        let who = if is_ours { format!("this machine ({from})") } else { from.to_string() };
        let message = format!("{who} answered {count} of {n} probes with: {said}");
        let advice = match kind.reason().as_str() {
            "prohibited" => format!("{whose} refuses it by a filter rule"),
            "host-unreachable" if self.stats.counters().received() > 0 => format!(
                "{whose} says so only at times: its link to there comes and goes, or a filter says it"
            ),
            "host-unreachable" => format!(
                "{whose} found no neighbour with that address: it is down, or the address is wrong"
            ),
            "network-unreachable" => format!("{whose} has no route to that network"),
            "time-exceeded" => {
                "a routing loop, or a --ttl below the length of the path: `netdiag trace`"
                    .to_owned()
            }
            "too-big" if from.is_ipv4() => "smaller packets (`--size`), or `--df dont`".to_owned(),
            "too-big" => "smaller packets (`--size`)".to_owned(),
            "port-unreachable" => format!("{whose} is up, and nobody listens at the port"),
            "protocol-unreachable" => format!("{whose} does not take ICMP echo requests"),
            _ => format!("sent by {whose}"),
        };
        // An own address that rejects is a rule of this machine's firewall; one that found no
        // neighbour only tells of the neighbour.
        let is_rule = is_ours && kind.reason() != "host-unreachable";
        let (code, advice) = match is_rule {
            true => ("local-firewall", "the packet did not leave: `nft list ruleset`".to_owned()),
            false => ("unreachable", advice),
        };
        Some(
            self.finding(code, Severity::Critical, from.to_string(), message)
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("name", kind.name())
                .with("from", from.to_string())
                .with("count", *count)
                .with("n", n)
                .advise(advice),
        )
    }

    /// Whether an address is this machine's, and not the target.
    fn is_ours(&self, address: IpAddr) -> bool {
        let chosen = self.config.way.and_then(|way| way.source);
        let own = self.config.control.source.or(chosen);
        own == Some(address) && address != self.config.destination.address()
    }

    /// "Too big" messages that cannot be true: somebody forges them, or a router is broken.
    pub(super) fn mtu_message_implausible(&self) -> Option<Finding> {
        let untrue = self.tally.untrue_mtu?;
        let (from, sent) = (untrue.from, self.packet_len());
        let said = untrue.mtu.map_or_else(|| "no MTU".to_owned(), |mtu| format!("an MTU of {mtu}"));
        let message = format!(
            "\"too big\" that cannot be true, ignored, {} times: {from} names {said} for a packet of {sent} bytes",
            untrue.count
        );
        let code = "mtu-message-implausible";
        Some(
            self.finding(code, Severity::Warning, from.to_string(), message)
                .with("from", from.to_string())
                .with("mtu", untrue.mtu)
                .with("sent_bytes", sent)
                .with("count", untrue.count)
                .advise("someone forges them, or that router is broken"),
        )
    }

    /// Bytes of a request with its IP header.
    fn packet_len(&self) -> usize {
        self.config.destination.family().header_len() + 8 + usize::from(self.config.size)
    }
}
