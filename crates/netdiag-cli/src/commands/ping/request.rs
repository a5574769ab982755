//! What a run needs open.

use super::check::Checked;
use super::plan;
use crate::args::PingArguments;
use crate::commands::checks;
use crate::commands::resolve::literal;
use crate::{DontFragment, OpenRequest, SignalRule, Terminal, UdpSockets};
use netdiag_engine::port::Control;
use netdiag_model::Family;
use netdiag_ping::Protocol;
use netdiag_ping::protocol::SYN_PORTS;

/// The sockets and their options.
pub(super) fn open_request(
    arguments: &PingArguments,
    checked: &Checked,
    terminal: Terminal,
) -> OpenRequest {
    let protocols = arguments.protocols();
    let has_icmp = protocols.iter().any(|protocol| protocol.is_icmp());
    let has_echo = protocols.contains(&Protocol::Icmp);
    let is_udp = |protocol: &Protocol| {
        matches!(protocol, Protocol::Udp { .. } | Protocol::Dns { .. } | Protocol::Quic { .. })
    };
    let has_udp = protocols.iter().any(is_udp);
    let has_syn = protocols.iter().any(|protocol| matches!(protocol, Protocol::Syn { .. }));
    OpenRequest {
        backend: arguments.backend,
        family: only_family(arguments),
        identifier: arguments.ident,
        dont_fragment: dont_fragment(arguments),
        mark: arguments.mark,
        mark_or_none: arguments.classic,
        send_buffer: arguments.send_buffer.map(|size| usize::try_from(size).unwrap_or(usize::MAX)),
        direct: arguments.direct,
        broadcast: arguments.broadcast,
        debug: arguments.debug,
        flow_label: checked.flow_label,
        ip_options: arguments.has_ip_options(),
        no_loopback: arguments.no_loopback,
        user_stamps: arguments.user_stamps,
        prompt_stamps: false,
        // Beside SYNs for what is said of them.
        icmp: has_icmp || has_syn,
        udp: match (has_udp, has_echo && !arguments.classic) {
            (true, _) => UdpSockets::Always,
            (false, true) => UdpSockets::InsteadOfIcmp,
            (false, false) => UdpSockets::Never,
        },
        udp_port: None,
        udp_quotes: false,
        queries: false,
        tcp_ports: if has_syn { SYN_PORTS } else { 0 },
        tcp_answers: false,
        marked_connects: 0,
        control: control(arguments, checked),
        patience: Some(netdiag_engine::remembered_for(arguments.timeout())),
        names: arguments.hosts.iter().any(|host| literal(host).is_none())
            || plan::names_addresses(arguments, terminal),
        screen: false,
        signals: SignalRule::Usual,
        tables: false,
        files: Vec::new(),
        own_lookup: None,
        confine_later: false,
    }
}

/// The only family that can come up: the one that was asked for, or that of all hosts where these
/// are addresses. Sockets of the other would cost a tenth of the time to the first packet.
fn only_family(arguments: &PingArguments) -> Option<Family> {
    if arguments.classic && arguments.verbose {
        // iputils opens both, and then says so.
        return None;
    }
    let families = arguments.hosts.iter().map(|host| literal(host).map(Family::of));
    family(arguments).or_else(|| checks::only_family(families))
}

/// The family that was asked for: timestamps exist in IPv4 alone.
pub(super) fn family(arguments: &PingArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ if arguments.protocols() == [Protocol::IcmpTimestamp] => Some(Family::Ipv4),
        _ => None,
    }
}

/// iputils does not fragment what goes to a group.
fn dont_fragment(arguments: &PingArguments) -> Option<DontFragment> {
    let is_group = |host: &String| {
        let address = host.split('%').next().and_then(netdiag_model::parse_address);
        address.is_some_and(|address| address.is_multicast())
    };
    let may_be_group = arguments.broadcast || arguments.hosts.iter().any(is_group);
    arguments.df.or_else(|| (arguments.classic && may_be_group).then_some(DontFragment::Do))
}

/// What every packet carries.
pub(super) fn control(arguments: &PingArguments, checked: &Checked) -> Control {
    Control {
        hop_limit: arguments.ttl,
        traffic_class: arguments.traffic_class(),
        source: checked.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
        flow_label: checked.flow_label,
        options: checked.options,
    }
}
