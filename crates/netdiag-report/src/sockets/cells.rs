//! The cells of the table.

use super::bytes;
use netdiag_sockets::look::Entry;
use netdiag_sockets::owners::Owner;
use netdiag_sockets::{Owners, Socket, State, TcpInfo, TimerKind};
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
            // An orphan that the kernel keeps in few bytes until tcp_fin_timeout is over.
            let is_orphan = socket.tcp_state() == Some(State::FinWait2);
            out.extend_from_slice(if is_orphan { b"orphan " } else { b"time-wait " });
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
    parts.push(format!("mss {}, cwnd {}", info.snd_mss, info.snd_cwnd));
    if info.unacked + info.lost + info.total_retrans > 0 {
        parts.push(format!(
            "unacked {}, lost {}, retransmitted {}",
            info.unacked, info.lost, info.total_retrans
        ));
    }
    parts.push(format!(
        "sent {} ms, received {} ms, ACK {} ms ago",
        info.last_data_sent_ms, info.last_data_received_ms, info.last_ack_received_ms
    ));
    parts
}
