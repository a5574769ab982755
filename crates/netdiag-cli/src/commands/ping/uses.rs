//! What there is no use for: an option that would do nothing is refused, and why is said.

use crate::World;
use crate::args::PingArguments;
use crate::args::form::{Color, Output};
use crate::commands::resolve::literal;
use crate::commands::user::LEAST_CONNECT_INTERVAL;
use netdiag_ping::Protocol;

/// The two bits of a traffic class that are ECN's (RFC 3168 section 5).
const ECN: u8 = 0b11;

/// Refuses what the protocols, the hosts or the form of the output have no use for.
pub(super) fn check<W: World>(arguments: &PingArguments, world: &W) -> Result<(), String> {
    let protocols = arguments.protocols();
    check_protocols(arguments, &protocols)?;
    check_icmp(arguments, &protocols)?;
    if let Some(protocol) = protocols.iter().find(|protocol| is_connected(**protocol)) {
        check_connected(arguments, *protocol)?;
        if !world.may_flood() && arguments.interval() < LEAST_CONNECT_INTERVAL {
            return Err("--interval: below 20 ms only root may open connections".to_owned());
        }
    }
    if arguments.classic { check_classic(arguments) } else { check_form(arguments) }
}

/// Whether ECN bits were asked for.
pub(super) fn has_ecn(arguments: &PingArguments) -> bool {
    arguments.marking.ecn.is_some() || arguments.tos.is_some_and(|class| class & ECN != 0)
}

/// The first option of a list that was given, with why it is of no use.
fn refuse(useless: &[(bool, &str, &str)]) -> Result<(), String> {
    match useless.iter().find(|(given, ..)| *given) {
        Some((_, option, why)) => Err(format!("{option}: {why}")),
        None => Ok(()),
    }
}

/// What protocols ask for, and what none of those that are sent can do.
fn check_protocols(arguments: &PingArguments, all: &[Protocol]) -> Result<(), String> {
    if arguments.classic && all != [Protocol::Icmp] {
        return Err("--proto: --classic knows only icmp".to_owned());
    }
    if arguments.probe_interface.is_some() != all.contains(&Protocol::IcmpProbe) {
        return Err(match arguments.probe_interface {
            Some(_) => "--probe-interface: only with --proto icmp-probe".to_owned(),
            None => "--proto: icmp-probe needs --probe-interface".to_owned(),
        });
    }
    if arguments.ipv6 && all.contains(&Protocol::IcmpTimestamp) {
        return Err("--ipv6: ICMPv6 has no timestamp requests".to_owned());
    }
    if !all.iter().any(|protocol| protocol.has_data()) {
        let names: Vec<&str> = all.iter().map(|protocol| protocol.name()).collect();
        let why = format!("not with --proto {}, which carries no data of ours", names.join(","));
        refuse(&[
            (arguments.size.is_some(), "--size", &why),
            (arguments.pattern.is_some(), "--pattern", &why),
        ])?;
    }
    let no_identifier = !all.iter().any(|protocol| protocol.is_icmp());
    refuse(&[
        (arguments.ident.is_some() && no_identifier, "--ident", "only icmp has an identifier"),
        (
            arguments.user_stamps && all.iter().all(|protocol| is_connected(*protocol)),
            "-U",
            "not with --proto tcp, where the kernel itself measures the handshake, nor with what is said \
             over connections, which is always this process's clock",
        ),
    ])
}

/// What only ICMP echo requests can do, and of those only IPv4's or those to groups.
fn check_icmp(arguments: &PingArguments, all: &[Protocol]) -> Result<(), String> {
    if all != [Protocol::Icmp] {
        const WHY: &str = "only with --proto icmp";
        refuse(&[
            (arguments.broadcast, "--broadcast", WHY),
            (arguments.multicast, "--multicast", WHY),
            (arguments.record_route, "--record-route", WHY),
            (arguments.ip_timestamps.is_some(), "--ip-timestamps", WHY),
        ])?;
    }
    if arguments.classic {
        return Ok(());
    }
    let literals = || arguments.hosts.iter().map(|host| literal(host));
    let only_v6 = arguments.ipv6 || literals().all(|host| host.is_some_and(|host| host.is_ipv6()));
    let only_unicast = literals().all(|host| host.is_some_and(|host| !host.is_multicast()));
    refuse(&[
        (
            arguments.no_loopback && !arguments.multicast,
            "-L",
            "only with --multicast: what goes to one host does not come back by itself",
        ),
        (arguments.multicast && only_unicast, "--multicast", "no host is a multicast group"),
        (arguments.broadcast && only_v6, "--broadcast", "IPv6 has no broadcast addresses"),
        (arguments.direct && only_v6, "-r", "not over IPv6: the kernel routes all the same"),
    ])
}

/// Whether a probe has a socket of its own, which is connected: by TCP, or of QUIC.
fn is_connected(protocol: Protocol) -> bool {
    protocol.is_connection() || matches!(protocol, Protocol::Quic { .. })
}

/// What connections do without: the kernel makes and sends their packets.
fn check_connected(arguments: &PingArguments, protocol: Protocol) -> Result<(), String> {
    let name = protocol.name();
    let not = |why: &str| format!("not with --proto {name}{why}");
    let (df, buffer) = match protocol.is_connection() {
        true => (": a SYN is never too large", ": a SYN waits in no send buffer"),
        false => (": its datagrams are never cut", ": it is not set on the sockets of connections"),
    };
    let (mark, df, unset, buffer, ecn) = (
        not(", whose sockets come after the rights that a mark needs are gone"),
        not(df),
        not(": it is not set on the sockets of connections"),
        not(buffer),
        not(": the ECN bits of a connection are not ours to choose"),
    );
    refuse(&[
        (arguments.mark.is_some(), "--mark", &mark),
        (arguments.df.is_some(), "--df", &df),
        (arguments.direct, "-r", &unset),
        (arguments.send_buffer.is_some(), "-S", &buffer),
        (arguments.flow_label.is_some(), "--flow-label", &unset),
        (arguments.debug, "-d", &unset),
        (has_ecn(arguments), if arguments.marking.ecn.is_some() { "--ecn" } else { "-Q" }, &ecn),
    ])
}

/// What iputils' output has no place for.
fn check_classic(arguments: &PingArguments) -> Result<(), String> {
    if arguments.form.output() != Output::Text {
        return Err("--classic: only with --output text".to_owned());
    }
    const WHY: &str = "not with --classic, which prints and exits as iputils' ping does";
    refuse(&[
        (arguments.names, "--names", WHY),
        (arguments.first, "--first", WHY),
        (arguments.until_up.is_some(), "--until-up", WHY),
        (arguments.until_down.is_some(), "--until-down", WHY),
        (arguments.form.color == Color::Always, "--color always", WHY),
    ])
}

/// What the form of the output has no use for. A document is quiet by itself, and without colours.
fn check_form(arguments: &PingArguments) -> Result<(), String> {
    let form = arguments.form.output();
    if form == Output::Text {
        return Ok(());
    }
    const WHY: &str = "only with --output text";
    refuse(&[
        (arguments.audible, "-a", WHY),
        (arguments.dates, "-D", WHY),
        (arguments.outstanding, "-O", WHY),
        (arguments.form.color == Color::Always, "--color always", WHY),
        (
            arguments.verbose && form != Output::Jsonl,
            "--verbose",
            "only with --output text or jsonl",
        ),
    ])
}
