//! What one backend can do and another cannot.

use crate::Backend;
use crate::args::PingArguments;
use netdiag_ping::Protocol;

/// The most data of which surge-ping sees the whole reply: it reads 2,048 bytes of a packet, an IPv4
/// header of up to 60 among them.
const PORTABLE_SIZE: u16 = 2_048 - 60 - 8;

/// Refuses what the backend that was asked for would not do.
pub(super) fn check(arguments: &PingArguments) -> Result<(), String> {
    if arguments.backend == Backend::Linux {
        return Ok(());
    }
    let asked = [
        ("--dscp", arguments.marking.dscp.is_some()),
        ("--ecn", arguments.marking.ecn.is_some()),
        ("--tos", arguments.tos.is_some()),
        ("--df", arguments.df.is_some()),
        ("--mark", arguments.mark.is_some()),
        ("--ident", arguments.ident.is_some()),
        ("-r", arguments.direct),
        ("-S", arguments.send_buffer.is_some()),
        ("-L", arguments.no_loopback),
        ("-B", arguments.sticky_source),
        ("--broadcast", arguments.broadcast),
        ("--multicast", arguments.multicast),
        ("--record-route", arguments.record_route),
        ("--ip-timestamps", arguments.ip_timestamps.is_some()),
        ("--flow-label", arguments.flow_label.is_some()),
        ("-d", arguments.debug),
        ("--classic", arguments.classic),
        ("--proto", arguments.protocols() != [Protocol::Icmp]),
    ];
    if let Some((option, _)) = asked.into_iter().find(|(_, asked)| *asked) {
        return Err(format!("{option}: --backend portable cannot do it"));
    }
    if arguments.size() > PORTABLE_SIZE {
        return Err(format!(
            "--size: at most {PORTABLE_SIZE} with --backend portable, which reads no longer reply"
        ));
    }
    Ok(())
}
