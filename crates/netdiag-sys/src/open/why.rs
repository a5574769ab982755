//! Why a kind of socket could not be had, in the words of a method's `because`.

use crate::privileges::has_net_raw;
use netdiag_engine::port::{NetworkError, Refused};
use netdiag_model::contract::SocketKind;
use netdiag_model::errno::Errno;

/// Why there is no raw socket.
pub(super) fn no_raw(error: &NetworkError) -> String {
    match error.errno {
        libc::EPERM | libc::EACCES if has_net_raw() => {
            or_filtered("CAP_NET_RAW does not reach this network namespace")
        }
        libc::EPERM | libc::EACCES => "no CAP_NET_RAW".to_owned(),
        other => format!("no raw sockets ({})", Errno::new(other).name),
    }
}

/// Why there is no ICMP datagram socket.
fn no_datagram(error: &NetworkError) -> String {
    match error.errno {
        libc::EPERM | libc::EACCES => {
            or_filtered("net.ipv4.ping_group_range does not allow this group")
        }
        other => format!("no ICMP datagram sockets ({})", Errno::new(other).name),
    }
}

/// What may be the reason, unless a filter of system calls is (seccomp(2)).
fn or_filtered(reason: &str) -> String {
    if is_filtered() {
        format!("{reason}, or a seccomp filter refuses it")
    } else {
        reason.to_owned()
    }
}

/// Whether system calls of this process are filtered, as the kernel tells (proc_pid_status(5)).
fn is_filtered() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Seccomp:") && line.ends_with('2'))
}

/// Why there is no socket for ICMP at all; `None` where there is one or none was wanted.
pub(super) fn no_icmp(refused: &[Refused]) -> Option<String> {
    let reasons = refused.iter().filter_map(|one| match one.socket {
        SocketKind::Raw => Some(no_raw(&one.error)),
        SocketKind::IcmpDatagram => Some(no_datagram(&one.error)),
        _ => None,
    });
    let reasons: Vec<String> = reasons.collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
