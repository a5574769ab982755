//! What the kernel counts of sockets by itself, as `ss -s` tells it: no table is read for it.

use crate::counters::{counter, stat};
use crate::port::Kernel;
use serde::Serialize;

/// Sockets of a network namespace, by counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Totals {
    /// Sockets of every kind, those of AF_UNIX and netlink included.
    pub sockets: Option<u64>,
    /// TCP sockets but those in TIME-WAIT and SYN-RECEIVED, over IPv4 and IPv6.
    pub tcp: Option<u64>,
    /// ESTABLISHED and CLOSE-WAIT, which the kernel counts together (`tcpCurrEstab` of RFC 4022).
    pub established_or_close_wait: Option<u64>,
    /// TIME-WAIT, and FIN-WAIT-2 that no program has any more: the kernel keeps and counts them together
    /// (net/ipv4/inet_timewait_sock.c).
    pub time_wait: Option<u64>,
    /// The same as `time_wait`, by the name of what it is.
    pub time_wait_or_fin_wait_2: Option<u64>,
    /// TCP sockets that no program has any more, in all network namespaces.
    pub orphans: Option<u64>,
    /// UDP sockets.
    pub udp: Option<u64>,
    /// Raw sockets.
    pub raw: Option<u64>,
}

impl Totals {
    /// Reads them.
    pub fn read(kernel: &mut dyn Kernel) -> Self {
        let text = kernel.file("/proc/net/sockstat").unwrap_or_default();
        // A machine without IPv6 has no such file.
        let text6 = kernel.file("/proc/net/sockstat6").unwrap_or_default();
        let snmp = kernel.file("/proc/net/snmp").unwrap_or_default();
        let both = |group: &str| {
            let v6 = stat(&text6, &format!("{group}6"), "inuse").unwrap_or(0);
            stat(&text, group, "inuse").map(|v4| v4 + v6)
        };
        let waiting = stat(&text, "TCP", "tw");
        Self {
            sockets: stat(&text, "sockets", "used"),
            tcp: both("TCP"),
            established_or_close_wait: counter(&snmp, "Tcp", "CurrEstab"),
            time_wait: waiting,
            time_wait_or_fin_wait_2: waiting,
            orphans: stat(&text, "TCP", "orphan"),
            udp: both("UDP"),
            raw: both("RAW"),
        }
    }
}
