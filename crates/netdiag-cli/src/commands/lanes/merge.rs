//! What must be open for several commands at once.

use crate::{OpenRequest, SignalRule, UdpSockets};
use netdiag_engine::port::Control;

/// What two commands need together.
///
/// # Errors
/// Which option of the sockets they want differently, which all have in common.
pub(crate) fn merged(one: OpenRequest, other: OpenRequest) -> Result<OpenRequest, String> {
    let mut files = one.files;
    files.extend(other.files);
    files.sort();
    files.dedup();
    Ok(OpenRequest {
        backend: match one.backend == other.backend {
            true => one.backend,
            false => return Err(apart("backend")),
        },
        family: one.family.filter(|family| Some(*family) == other.family),
        identifier: same("ident", one.identifier, other.identifier)?,
        dont_fragment: same("df", one.dont_fragment, other.dont_fragment)?,
        mark: same("mark", one.mark, other.mark)?,
        mark_or_none: one.mark_or_none && other.mark_or_none,
        send_buffer: one.send_buffer.max(other.send_buffer),
        direct: one.direct || other.direct,
        broadcast: one.broadcast || other.broadcast,
        debug: one.debug || other.debug,
        flow_label: same("flow-label", one.flow_label, other.flow_label)?,
        ip_options: one.ip_options || other.ip_options,
        no_loopback: one.no_loopback || other.no_loopback,
        user_stamps: one.user_stamps || other.user_stamps,
        prompt_stamps: one.prompt_stamps || other.prompt_stamps,
        icmp: one.icmp || other.icmp,
        udp: udp(one.udp, other.udp),
        queries: one.queries || other.queries,
        udp_port: same("source-port", one.udp_port, other.udp_port)?,
        udp_quotes: one.udp_quotes || other.udp_quotes,
        tcp_ports: one.tcp_ports.max(other.tcp_ports),
        tcp_answers: one.tcp_answers || other.tcp_answers,
        marked_connects: one.marked_connects.max(other.marked_connects),
        // Only a backend that is not used here fixes it when it opens.
        control: Control::default(),
        patience: one.patience.max(other.patience),
        names: one.names || other.names,
        screen: false,
        signals: SignalRule::Usual,
        tables: one.tables || other.tables,
        own_lookup: one.own_lookup.or(other.own_lookup),
        files,
        confine_later: one.confine_later || other.confine_later,
    })
}

/// What the one or the other wants.
fn same<T: PartialEq>(option: &str, one: Option<T>, other: Option<T>) -> Result<Option<T>, String> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(apart(option)),
        (one, other) => Ok(one.or(other)),
    }
}

fn apart(option: &str) -> String {
    format!("`{option}` must be the same for all checks of a run: they share their sockets")
}

const fn udp(one: UdpSockets, other: UdpSockets) -> UdpSockets {
    match (one, other) {
        (UdpSockets::Always, _) | (_, UdpSockets::Always) => UdpSockets::Always,
        (UdpSockets::InsteadOfIcmp, _) | (_, UdpSockets::InsteadOfIcmp) => {
            UdpSockets::InsteadOfIcmp
        }
        (UdpSockets::Never, UdpSockets::Never) => UdpSockets::Never,
    }
}
