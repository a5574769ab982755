//! Verdicts over a whole sweep. Those over one series are [`crate::Measurement::findings`].

use super::event::State;
use super::measurement::Measurement;
use super::naming::Nameless;
use super::totals::Group;
use crate::findings::firewall::leaving_unknown;
use crate::findings::local::weak_matching;
use crate::protocol::Protocol;
use netdiag_engine::local::{EPERM, RULES, link_changed, sending_advice};
use netdiag_engine::port::{SendCause, SendError};
use netdiag_model::errno::Errno;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{ClockAnchor, Family, IcmpKind};
use std::net::IpAddr;

const EAGAIN: i32 = 11;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const EMSGSIZE: i32 = 90;
const ENOBUFS: i32 = 105;
const EDQUOT: i32 = 122;
/// From so many targets on, refused by one sender, it is one fault and not many.
const SAME_SENDER: u32 = 2;
/// So many connections without any answer are a finding.
const SILENT_CONNECTIONS: u64 = 3;

impl Measurement {
    /// The verdicts over all targets together.
    #[must_use]
    pub fn findings(&self, anchor: &ClockAnchor) -> Vec<Finding> {
        let totals = self.totals();
        let mut findings = Vec::new();
        findings.extend(link_changed(&totals.changes, totals.unknown, anchor));
        findings.extend(self.drops());
        findings.extend(totals.not_sent.values().map(|(error, group)| self.not_sent(error, group)));
        let errors = totals.errors.iter();
        findings.extend(errors.filter_map(|((from, kind), group)| self.said(*from, *kind, group)));
        findings.extend(self.silent_connections());
        findings.extend(self.nameless());
        findings.extend(self.weak_matching());
        findings
    }

    /// Whether the verdicts over all targets say already what one over a series says.
    #[must_use]
    pub fn explains(&self, finding: &Finding) -> bool {
        let has = |key: &str, value: serde_json::Value| finding.evidence.get(key) == Some(&value);
        match finding.code.as_str() {
            "local-send-blocked" | "local-firewall" => true,
            "unreachable" => self.totals().errors.iter().any(|((from, kind), group)| {
                has("from", from.to_string().into())
                    && has("type", kind.kind.into())
                    && has("code", kind.code.into())
                    && self.said(*from, *kind, group).is_some()
            }),
            _ => false,
        }
    }

    /// Our own sockets lost answers: no host is to blame for these.
    fn drops(&self) -> Option<Finding> {
        let (drops, unknown) =
            (self.totals().changes.receive_drops, self.totals().of(State::Unknown));
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

    /// That every probe is too small for the whole tag. Of series each says so itself.
    fn weak_matching(&self) -> Option<Finding> {
        let config = self.config();
        let protocol = [config.ipv4, config.ipv6].into_iter().find(|protocol| protocol.has_data());
        protocol.filter(|_| config.count == 1).and_then(|_| weak_matching(None, config.size))
    }

    /// A name that is not shown is not one that does not exist.
    fn nameless(&self) -> Option<Finding> {
        let nameless = self.totals().nameless;
        let Nameless { unasked, late, failed } = nameless;
        let all = nameless.all();
        let reasons =
            [(unasked, "not asked for"), (late, "not answered in time"), (failed, "failed")];
        let reasons = reasons.iter().filter(|(count, _)| *count > 0);
        let reasons: Vec<String> = reasons.map(|(count, why)| format!("{count} {why}")).collect();
        let message = format!(
            "of {all} {} the name is not known: {}",
            if all == 1 { "address" } else { "addresses" },
            reasons.join(", ")
        );
        let subject = "the name servers".to_owned();
        let finding = Finding::new(None, "names-unknown", Severity::Info, subject, message);
        let finding = finding.with("unasked", unasked).with("late", late).with("failed", failed);
        (all > 0).then_some(finding)
    }

    fn not_sent(&self, error: &SendError, group: &Group) -> Finding {
        let Group { attempted, sent, not_sent, .. } = *group;
        let errno = Errno::new(error.errno);
        let who = self.who(group);
        let (address, source) = (self.first_of(group), self.config().control.source);
        let family = address.map_or(Family::Ipv4, Family::of);
        let port = match self.config().protocol(family) {
            Protocol::Tcp { port, .. } if error.errno == EPERM => Some(port),
            _ => None,
        };
        let meaning = error.meaning().unwrap_or("the kernel would not send it");
        let meaning = format!("{meaning} ({} {})", errno.name, errno.number);
        let mut message = match port {
            Some(port) => format!(
                "{not_sent} of {attempted} connections to {who} port {port} were kept from opening \
                 by this machine itself, probably by a rule of its firewall"
            ),
            None if attempted == 1 => format!("the probe to {who} was not sent: {meaning}"),
            None => format!("{not_sent} of {attempted} probes to {who} were not sent: {meaning}"),
        };
        let is_critical = sent == 0 || port.is_some();
        let severity = if is_critical { Severity::Critical } else { Severity::Warning };
        if let Some(source) = source.filter(|_| netdiag_model::errno::is_route(error.errno)) {
            message.push_str(&format!("; the source {source} was asked for"));
        }
        let advice = match (port, address) {
            (Some(_), _) => format!("{RULES}, and those that redirect"),
            (None, Some(address)) => advice(error, address, source),
            (None, None) => RULES.to_owned(),
        };
        let code = if port.is_some() { "local-firewall" } else { "local-send-blocked" };
        self.of_group(group, code, severity, message)
            .with("errno", errno.name)
            .with("errno_number", errno.number)
            .with("count", not_sent)
            .with("local_errors", attempted - sent)
            .with("attempted", attempted)
            .advise(advice)
    }

    /// Targets that one sender declares unreachable. One target alone has it in its row, unless the
    /// sender is this machine, which then is the cause.
    fn said(&self, from: IpAddr, kind: IcmpKind, group: &Group) -> Option<Finding> {
        let (who, said) = (self.who(group), kind.ping_text());
        let (is_own, is_neighbour) =
            (self.is_ours(from, group), kind.reason() == "host-unreachable");
        let is_ours = is_own && !is_neighbour;
        if group.targets < SAME_SENDER && !is_ours {
            return None;
        }
        let (code, message, advice) = if is_own && is_neighbour {
            let asked = if from.is_ipv4() { "ARP" } else { "neighbour discovery" };
            let message = format!(
                "{who} do not answer {asked}, so nothing can be sent to them ({said}, told by this \
                 machine, {from})"
            );
            let advice = "they are down, or no addresses of this network: `ip neigh`".to_owned();
            ("unreachable", message, advice)
        } else if is_ours {
            let message = format!("this machine itself ({from}) says of {who}: {said}");
            let advice = "the packet did not leave: `nft list ruleset`".to_owned();
            ("local-firewall", message, advice)
        } else {
            let advice = format!("`netdiag trace` to one of them; {from} is where they stop");
            ("unreachable", format!("{from} says of {who}: {said}"), advice)
        };
        let finding = self.of_group(group, code, Severity::Critical, message);
        let finding = Finding { subject: from.to_string(), ..finding };
        Some(
            finding
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("from", from.to_string())
                .advise(advice),
        )
    }

    /// Whether an address is this machine's, and none of the targets that it speaks of.
    fn is_ours(&self, address: IpAddr, group: &Group) -> bool {
        let config = self.config();
        let chosen = config.ways.iter().filter_map(|(way, _)| way.source);
        let is_own = config.control.source.into_iter().chain(chosen).any(|own| own == address);
        is_own && self.first_of(group) != Some(address)
    }

    /// Connections of which nothing at all came back, with too short a timeout to know whether this
    /// machine let them out.
    fn silent_connections(&self) -> Option<Finding> {
        let (totals, config) = (self.totals(), self.config());
        let Protocol::Tcp { port, .. } = config.ipv4 else { return None };
        let (said, advice) = leaving_unknown(config.timeout)?;
        let targets = totals.of(State::Timeout);
        let answered = [State::Alive, State::Unreachable, State::Refused];
        let is_one_answered = answered.into_iter().any(|state| totals.of(state) > 0);
        if config.is_series() || is_one_answered || totals.sent < SILENT_CONNECTIONS || targets == 0
        {
            return None;
        }
        let sent = totals.sent;
        let message = format!(
            "none of {sent} connection attempts to port {port} was answered, not even with a \
             refusal{said}"
        );
        let subject = format!("port {port}");
        let finding =
            Finding::new(None, "connection-filtered", Severity::Critical, subject, message);
        let finding = finding.with("attempts", sent).with("targets", targets).with("port", port);
        Some(finding.with("threshold_n", SILENT_CONNECTIONS).advise(advice))
    }

    fn first_of(&self, group: &Group) -> Option<IpAddr> {
        let target = self.config().targets.get(*group.first.first()?)?;
        target.destination().map(|destination| destination.address())
    }

    /// The targets of a group in words: how many, and the first few.
    fn who(&self, group: &Group) -> String {
        let first = self.names(group).join(", ");
        let more = group.targets.saturating_sub(u32::try_from(group.first.len()).unwrap_or(0));
        match (group.targets, more) {
            (1, _) => first,
            (all, 0) => format!("{all} targets ({first})"),
            (all, more) => format!("{all} targets ({first} and {more} more)"),
        }
    }

    fn names(&self, group: &Group) -> Vec<String> {
        let targets = group.first.iter().filter_map(|index| self.config().targets.get(*index));
        targets.map(|target| target.to_string()).collect()
    }

    fn of_group(&self, group: &Group, code: &str, severity: Severity, message: String) -> Finding {
        let names = self.names(group);
        let (index, subject) = match (group.targets, group.first.as_slice(), names.as_slice()) {
            (1, [index], [name]) => (usize::try_from(*index).ok(), name.clone()),
            _ => (None, "this machine".to_owned()),
        };
        Finding::new(index, code, severity, subject, message)
            .with("targets", group.targets)
            .with("first", names)
    }
}

/// What helps where probes are not sent: by the options that a sweep has.
fn advice(error: &SendError, address: IpAddr, source: Option<IpAddr>) -> String {
    match (error.cause, error.errno) {
        (SendCause::SendBuffer, _) => "smaller packets (`--size`), or a lower `--rate`",
        (SendCause::Ports, _) => {
            "see `sysctl net.ipv4.ip_local_port_range`; a lower `--rate`, or a shorter `--timeout`"
        }
        (SendCause::Errno, EMSGSIZE) => "smaller packets (`--size`)",
        (SendCause::Errno, EAGAIN | EDQUOT) => "a lower `--rate`",
        (SendCause::Errno, ENFILE | EMFILE) => {
            "raise `ulimit -n`; or a lower `--rate`, a shorter `--timeout`"
        }
        (SendCause::Errno, ENOBUFS) => {
            "the queue of the interface is full: `ip -s link`, or a lower `--rate`"
        }
        _ => return sending_advice(error, address, source),
    }
    .to_owned()
}
