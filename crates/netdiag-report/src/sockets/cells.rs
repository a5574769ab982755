//! The cells of the table.

use super::bytes;
use netdiag_sockets::look::Entry;
use netdiag_sockets::owners::Owner;
use netdiag_sockets::{Owners, Socket, TcpInfo, TimerKind};
use std::io::Write;

/// Adds what the kernel waits for.
pub(super) fn timer(out: &mut Vec<u8>, socket: &Socket) {
    let Some(timer) = socket.timer else { return out.push(b'-') };
    match timer.kind {
        TimerKind::Keepalive => {
            out.extend_from_slice(b"keepalive ");
            span(out, timer.expires_ms);
        }
        TimerKind::TimeWait => {
            out.extend_from_slice(b"time-wait ");
            span(out, timer.expires_ms);
        }
        TimerKind::Orphan => {
            out.extend_from_slice(b"orphan ");
            span(out, timer.expires_ms);
        }
        TimerKind::Retransmit if timer.retransmits == 0 => out.extend_from_slice(b"retransmit"),
        TimerKind::Retransmit => {
            out.extend_from_slice(b"retransmit ");
            ordinal(out, timer.retransmits);
        }
        // The peer answers each, and its window stays shut.
        TimerKind::Probe if timer.retransmits == 0 => out.extend_from_slice(b"window probe"),
        TimerKind::Probe => {
            out.extend_from_slice(b"window probe ");
            ordinal(out, timer.retransmits);
        }
    }
}

fn span(out: &mut Vec<u8>, ms: u32) {
    let (value, unit): (u32, &[u8]) = match ms {
        ..1_000 => (ms, b" ms"),
        1_000..120_000 => (ms / 1_000, b" s"),
        120_000..7_200_000 => (ms / 60_000, b" min"),
        _ => (ms / 3_600_000, b" h"),
    };
    bytes::number(out, value.into());
    out.extend_from_slice(unit);
}

fn ordinal(out: &mut Vec<u8>, value: u8) {
    bytes::number(out, value.into());
    let end: &[u8] = match (value % 10, value / 10 % 10) {
        (1, tens) if tens != 1 => b"st",
        (2, tens) if tens != 1 => b"nd",
        (3, tens) if tens != 1 => b"rd",
        _ => b"th",
    };
    out.extend_from_slice(end);
}

/// Adds who has it.
pub(super) fn owner(out: &mut Vec<u8>, owner: Owner<'_>, owners: &Owners) {
    match owner {
        Owner::Nobody => out.push(b'-'),
        Owner::NotAccepted => out.extend_from_slice(b"not accepted yet"),
        Owner::NotVisible => out.extend_from_slice(b"not visible"),
        Owner::Known(all) => {
            for (place, descriptor) in all.iter().enumerate() {
                /// Of a socket that many share.
                const SHOWN: usize = 3;
                if place == SHOWN {
                    let _ = write!(out, ", {} more", all.len() - SHOWN);
                    break;
                }
                let Some(process) = owners.process(*descriptor) else { continue };
                if place > 0 {
                    out.extend_from_slice(b", ");
                }
                let (name, pid, fd) = (process.name.escaped(), process.pid, descriptor.fd);
                let _ = write!(out, "{name} ({pid}) fd {fd}");
            }
        }
    }
}

/// A line of what else is known of a socket.
pub(super) fn details(entry: &Entry<'_>) -> Option<String> {
    let socket = &entry.socket;
    let mut parts: Vec<String> = Vec::new();
    if let Some(info) = &entry.info {
        parts.extend(measured(info));
    }
    if socket.inode != 0 {
        parts.push(format!("uid {}, inode {}", socket.uid, socket.inode));
    }
    if let (Some(Owner::Known(all)), Some(owners)) = (entry.owner, entry.owners) {
        let process = all.first().and_then(|first| owners.process(*first));
        let group = process.and_then(|process| process.cgroup.as_ref());
        parts.extend(group.map(|group| format!("cgroup {}", group.escaped())));
    }
    (!parts.is_empty()).then(|| format!("      {}", parts.join(", ")))
}

fn measured(info: &TcpInfo) -> Vec<String> {
    let mut parts = Vec::new();
    if let (Some(rtt), Some(variation)) = (info.rtt_ms, info.rttvar_ms) {
        parts.push(format!("rtt {rtt:.3} ms (+-{variation:.3})"));
    }
    parts.push(format!("rto {:.0} ms", info.rto_ms));
    let mss = info.snd_mss.map_or_else(|| "-".to_owned(), |mss| mss.to_string());
    parts.push(format!("mss {mss}, cwnd {}", info.snd_cwnd));
    if info.unacked + info.lost + info.total_retrans > 0 {
        parts.push(format!(
            "unacked {}, lost {}, retransmitted {}",
            info.unacked, info.lost, info.total_retrans
        ));
    }
    let times = [info.last_data_sent_ms, info.last_data_received_ms, info.last_ack_received_ms];
    parts.push(match times {
        [Some(sent), Some(received), Some(ack)] => {
            format!("sent {sent} ms, received {received} ms, ACK {ack} ms ago")
        }
        _ => "sent -, received -, ACK -".to_owned(),
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_sockets::Protocol;
    use netdiag_sockets::socket::Timer;

    #[test]
    fn timers_say_what_the_kernel_waits_for() {
        let mut bytes = [0; Socket::BYTES];
        (bytes[0], bytes[1]) = (2, 1);
        let socket = Socket::decode(Protocol::Tcp, &bytes).expect("a socket");
        let shown = |kind, retransmits| {
            let timer = Some(Timer { kind, expires_ms: 59_900, retransmits });
            let mut out = Vec::new();
            super::timer(&mut out, &Socket { timer, ..socket });
            String::from_utf8(out).expect("text")
        };
        assert_eq!(shown(TimerKind::Probe, 0), "window probe");
        assert_eq!(shown(TimerKind::Probe, 2), "window probe 2nd");
        assert_eq!(shown(TimerKind::Retransmit, 11), "retransmit 11th");
        assert_eq!(shown(TimerKind::TimeWait, 0), "time-wait 59 s");
        // No TIME-WAIT: the peer has not closed.
        assert_eq!(shown(TimerKind::Orphan, 0), "orphan 59 s");
    }

    #[test]
    fn what_was_not_measured_is_no_number() {
        let text = |info: &TcpInfo| measured(info).join(", ");
        let none = TcpInfo { rto_ms: 1_000.0, snd_cwnd: 1, ..TcpInfo::default() };
        assert_eq!(text(&none), "rto 1000 ms, mss -, cwnd 1, sent -, received -, ACK -");
        let (sent, received, ack) = (Some(1), Some(2), Some(3));
        let some = TcpInfo {
            snd_mss: Some(1448),
            last_data_sent_ms: sent,
            last_data_received_ms: received,
            last_ack_received_ms: ack,
            ..none
        };
        let said = "rto 1000 ms, mss 1448, cwnd 1, sent 1 ms, received 2 ms, ACK 3 ms ago";
        assert_eq!(text(&some), said);
    }
}
