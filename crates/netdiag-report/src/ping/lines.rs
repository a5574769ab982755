//! The lines of `ping`, one probe each: iputils' words, so that what parses `ping` goes on working,
//! and what iputils does not say behind them.

use super::Resolved;
use crate::number::{ms_classic, ms3};
use netdiag_engine::Outcome;
use netdiag_engine::outcome::{IcmpError, Rejection, Reply, ReplyDetail};
use netdiag_model::errno::Errno;
use netdiag_model::{ClockAnchor, Family, IcmpKind, Untrusted};
use netdiag_ping::Protocol;
use netdiag_ping::answers::{IcmpProbe, IcmpTimestamp};
use netdiag_ping::event::{Identifier, Settled};
use std::net::IpAddr;
use std::time::Duration;

/// The sequence number that iputils prints: 16 bits.
const fn printed(seq: u64) -> u64 {
    seq % 65_536
}

/// Whose first line it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Ours,
    /// That of iputils, with the name of the address, which is the one that was given.
    Classic,
    /// That of iputils with `-n`.
    Numeric,
}

/// The first line of a target.
pub(super) fn header(resolved: &Resolved, style: Style) -> String {
    let Some(destination) = &resolved.destination else { return String::new() };
    let address = destination.address();
    let given = resolved.target.host().escaped().to_string();
    let size = usize::from(resolved.size);
    let from = match &resolved.from {
        (None, None) => String::new(),
        (source, interface) => {
            let source = source.map(|source| source.to_string()).unwrap_or_default();
            let interface = interface.as_ref().map(|name| name.escaped().to_string());
            // iputils leaves the blank also where no interface was named.
            format!("from {source} {}: ", interface.unwrap_or_default())
        }
    };
    let flow = resolved.flow_label.map(|label| format!(", flow 0x{label:05x}, "));
    let flow = flow.unwrap_or_default();
    match (resolved.protocol, destination.family()) {
        (Protocol::Udp { port }, _) => {
            return format!("PING {given} ({address}) {from}udp port {port}, {size} data bytes");
        }
        (Protocol::Tcp { port, .. }, _) => {
            return format!("PING {given} ({address}) {from}tcp port {port}");
        }
        (
            Protocol::Tls { port }
            | Protocol::Http { port, .. }
            | Protocol::Dns { port }
            | Protocol::Quic { port }
            | Protocol::Syn { port },
            _,
        ) => {
            let name = resolved.protocol.name();
            return format!("PING {given} ({address}) {from}{name} port {port}");
        }
        (Protocol::IcmpTimestamp, _) => {
            return format!("PING {given} ({address}) {from}{flow}icmp timestamp requests");
        }
        (Protocol::IcmpProbe, _) => {
            let query = resolved.query.as_ref().map(|query| query.escaped().to_string());
            let query = query.unwrap_or_default();
            return format!(
                "PING {given} ({address}) {from}{flow}icmp extended echo about {query}"
            );
        }
        (Protocol::Icmp, _) => {}
    }
    match destination.family() {
        Family::Ipv4 => {
            let whole = size + 28 + resolved.options_len;
            format!("PING {given} ({address}) {from}{size}({whole}) bytes of data.")
        }
        Family::Ipv6 if is_literal(&given) && style != Style::Ours => {
            format!("PING {given}({address}{}) {flow}{from}{size} data bytes", zone(&given))
        }
        Family::Ipv6 if style == Style::Classic => {
            format!("PING {given}({given} ({address})) {flow}{from}{size} data bytes")
        }
        Family::Ipv6 => format!("PING {given}({address}) {flow}{from}{size} data bytes"),
    }
}

/// Whether a host was given as an address, perhaps with a zone.
fn is_literal(given: &str) -> bool {
    given.split('%').next().unwrap_or(given).parse::<IpAddr>().is_ok()
}

/// The zone of an address with its sign, or nothing.
pub(super) fn zone(given: &str) -> &str {
    given.find('%').and_then(|at| given.get(at..)).unwrap_or_default()
}

/// iputils' words for an ICMP error: it knows fewer codes.
pub(super) fn classic_error(seq: u64, error: &IcmpError) -> String {
    let kind = error.kind;
    let text = match (kind.family, kind.kind, kind.code) {
        (Family::Ipv6, 1, 5..) => format!("Destination unreachable: Unknown code {}", kind.code),
        _ => error_text(error),
    };
    format!("From {} icmp_seq={} {text}", error.from.address(), printed(seq))
}

/// Who a line is about: a name and its address, or the address alone.
pub(super) fn who(address: IpAddr, name: Option<&Untrusted>) -> String {
    match name {
        Some(name) => format!("{} ({address})", name.escaped()),
        None => address.to_string(),
    }
}

/// What the lines of a target call its probes: `icmp_seq=3`.
pub(super) fn seq_of(protocol: Protocol, seq: u64) -> String {
    format!("{}_seq={}", protocol.name(), printed(seq))
}

/// What a host says of a UDP port at which nobody listens.
pub(crate) const fn closed(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "closed (ICMP 3/3)",
        Family::Ipv6 => "closed (ICMPv6 1/4)",
    }
}

fn port_of(protocol: Protocol) -> String {
    protocol.port().map(|port| format!(" port {port}")).unwrap_or_default()
}

/// A reply, without its marks.
pub(super) fn reply(protocol: Protocol, seq: u64, reply: &Reply, who: &str) -> String {
    let seq = seq_of(protocol, seq);
    let ttl = reply.hop_limit.map(|ttl| format!(" ttl={ttl}")).unwrap_or_default();
    let port = port_of(protocol);
    let said = match &reply.detail {
        ReplyDetail::PortUnreachable => {
            let said = closed(reply.from.family());
            format!("{} {said} from {who}", port.trim_start())
        }
        ReplyDetail::Connected { info: Some(info), .. } if info.total_retransmits > 0 => {
            format!("connected to {who}{port} after {} SYNs", info.total_retransmits + 1)
        }
        ReplyDetail::Connected { .. } => format!("connected to {who}{port}"),
        ReplyDetail::Reset => format!("reset by {who}{port}"),
        ReplyDetail::Segment(_) => format!("syn-ack from {who}{port}"),
        ReplyDetail::Exchanged { answer, .. } => {
            let answer = Untrusted::from(String::from_utf8_lossy(answer).into_owned());
            format!("{} from {who}{port}", answer.escaped())
        }
        _ => format!("{} bytes from {who}{port}", reply.bytes),
    };
    let time = ms3(reply.rtt);
    match &reply.detail {
        ReplyDetail::Interface(answer) => {
            format!("{said}: {seq}{ttl} time={time} ms: {}", IcmpProbe::new(answer).words())
        }
        _ => format!("{said}: {seq}{ttl} time={time} ms"),
    }
}

/// The times of a timestamp reply, as a line below it.
pub(super) fn times(settled: &Settled, wall: &ClockAnchor) -> String {
    let Outcome::Replied(reply) = &settled.outcome else { return String::new() };
    let ReplyDetail::Timestamps(times) = &reply.detail else { return String::new() };
    let told = IcmpTimestamp::new(times, wall, settled.sent_at, reply.rtt);
    let odd = |standard| if standard { "" } else { " (not standard)" };
    let difference = match told.clock_difference_ms.zip(told.clock_difference_error_ms) {
        Some((difference, error)) => {
            format!("; clock there {difference:+.1} ms, an estimate +-{error:.1} ms")
        }
        None => String::new(),
    };
    format!(
        "\n    originate={} receive={}{} transmit={}{} ms of the day{difference}",
        told.originate_ms,
        told.receive_ms,
        odd(told.receive_standard),
        told.transmit_ms,
        odd(told.transmit_standard),
    )
}

/// iputils' line of a reply up to the time.
pub(super) fn classic_reply(seq: u64, reply: &Reply, who: &str, identifier: Option<u16>) -> String {
    let identifier = identifier.map(|number| format!(" ident={number}")).unwrap_or_default();
    let ttl = reply.hop_limit.map(|ttl| format!(" ttl={ttl}")).unwrap_or_default();
    format!("{} bytes from {who}: icmp_seq={}{identifier}{ttl}", reply.bytes, printed(seq))
}

/// The time of a reply as iputils rounds it; it counts whole microseconds.
pub(super) fn classic_time(rtt: Duration) -> String {
    let micros = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
    format!(" time={} ms", ms_classic(Duration::from_micros(micros)))
}

/// What is wrong with a reply that counts, as marks behind its line.
pub(super) fn marks(reply: &Reply, reordered: bool) -> String {
    let mut marks = String::new();
    if reply.is_truncated() {
        marks.push_str(&format!(" (truncated {} of {} bytes)", reply.bytes, reply.sent_bytes));
    }
    if reply.bytes > reply.sent_bytes {
        marks.push_str(&format!(" ({} bytes more than sent)", reply.bytes - reply.sent_bytes));
    }
    if reordered {
        marks.push_str(" (reordered)");
    }
    if let Some(corruption) = reply.corruption {
        marks.push_str(&format!(
            "\nwrong data byte #{} should be 0x{:x} but was 0x{:x}",
            corruption.offset, corruption.sent, corruption.received
        ));
    }
    marks
}

/// A probe that was not answered.
pub(super) fn no_reply(
    protocol: Protocol,
    settled: &Settled,
    to: Option<IpAddr>,
) -> Option<String> {
    let seq = seq_of(protocol, settled.seq);
    let to = to.map(|to| format!(" to {to}{}", port_of(protocol))).unwrap_or_default();
    match &settled.outcome {
        Outcome::Replied(_) => None,
        Outcome::TimedOut => Some(format!("no answer in time for {seq}{to}")),
        Outcome::NetError(error) => Some(format!(
            "From {} {seq}{to} {} ({})",
            error.from.address(),
            error_text(error),
            numbers(error.kind),
        )),
        Outcome::Refused(refusal) => {
            let (name, time) = (Errno::new(refusal.errno).name, ms3(refusal.rtt));
            let how = match name.as_str() {
                "ECONNRESET" if protocol.is_dialog() => "reset or closed",
                "EPROTO" => "not answered as it should be",
                _ => "refused",
            };
            Some(format!("{seq}{to} {how} ({name} {}) time={time} ms", refusal.errno))
        }
        Outcome::LocalError(error) => {
            let name = Errno::new(error.errno).name;
            let meaning = error.meaning().unwrap_or("this machine could not send it");
            let mtu = error.mtu.map(|mtu| format!(", mtu={mtu}")).unwrap_or_default();
            Some(format!("{seq}{to} not sent: {meaning}{mtu} ({name} {})", error.errno))
        }
        Outcome::Unknown(why) => Some(format!("{seq}{to} not measured: {}", why.meaning())),
    }
}

/// The numbers of an ICMP message, with its family: the same numbers mean different things.
fn numbers(kind: IcmpKind) -> String {
    match kind.family {
        Family::Ipv4 => format!("ICMP {}/{}", kind.kind, kind.code),
        Family::Ipv6 => format!("ICMPv6 {}/{}", kind.kind, kind.code),
    }
}

/// The words of an ICMP error with the figures that it carries, as iputils prints them.
pub(super) fn error_text(error: &IcmpError) -> String {
    let text = error.kind.ping_text();
    let v4 = error.kind.family == Family::Ipv4;
    match (error.info, error.gateway) {
        (Some(mtu), _) if error.kind.is_too_big() && v4 => format!("{text} (mtu = {mtu})"),
        (Some(mtu), _) if error.kind.is_too_big() => format!("{text}: mtu={mtu}"),
        (Some(pointer), _) if v4 && error.kind.kind == 12 => {
            // The pointer of ICMPv4 is one byte, and iputils prints it as a number.
            format!("{text}: pointer = {pointer}")
        }
        (Some(pointer), _) if !v4 && error.kind.kind == 4 => format!("{text} at {pointer}"),
        (_, Some(gateway)) => format!("{text}(New nexthop: {gateway})"),
        _ => text,
    }
}

/// A redirect or the like.
pub(super) fn advice(protocol: Protocol, seq: u64, error: &IcmpError) -> String {
    let (from, text) = (error.from.address(), error_text(error));
    format!("From {from}: {} {text}", seq_of(protocol, seq))
}

/// An answer after the timeout.
pub(super) fn late(
    protocol: Protocol,
    seq: u64,
    late: &Reply,
    who: &str,
    timeout: Duration,
) -> String {
    let line = reply(protocol, seq, late, who);
    if late.rtt <= timeout {
        return format!("after an error that ended it: {line}");
    }
    let timeout = ms3(timeout);
    format!("late, lost after {} ms: {line}", timeout.trim_end_matches('0').trim_end_matches('.'))
}

/// An answer of a further host of a group.
pub(super) fn further(
    protocol: Protocol,
    seq: u64,
    further: &Reply,
    who: &str,
    timeout: Duration,
) -> String {
    let late = if further.rtt > timeout { "late: " } else { "" };
    format!("{late}{}", reply(protocol, seq, further, who))
}

/// Something that is no answer.
pub(super) fn rejected(protocol: Protocol, seq: Option<u64>, rejection: &Rejection) -> String {
    let seq = seq.map(|seq| format!(" {}", seq_of(protocol, seq))).unwrap_or_default();
    format!("rejected from {}:{seq} {}", rejection.from.address(), rejection.reason.name())
}

/// What became of the echo identifier.
pub(super) fn identifier(change: &Identifier, to: Option<IpAddr>) -> String {
    let to = to.map(|to| format!(" from {to}")).unwrap_or_default();
    match change {
        Identifier::Changed { timeouts } => {
            format!("-- {timeouts} requests in a row without an answer{to}: another identifier --")
        }
        Identifier::Helped { .. } => format!("-- answers{to} again, under another identifier --"),
    }
}
