//! What the kernel counts for a network namespace: /proc/net/{snmp,netstat,sockstat} and sysctls.

use crate::port::Kernel;
use serde::Serialize;

/// The value of a counter in the form of /proc/net/snmp and /proc/net/netstat: a line of names and one
/// of values, both of which begin with the group.
#[must_use]
pub fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let place = lines.next()?.split_ascii_whitespace().position(|found| found == name)?;
    lines.next()?.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// The value behind a word in a line of /proc/net/sockstat: `TCP: inuse 4 orphan 0 ... mem 2`.
#[must_use]
pub fn stat(text: &str, group: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(group)?.strip_prefix(':'))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

/// The numbers of a file under /proc/sys.
pub fn numbers(kernel: &mut dyn Kernel, path: &str) -> Vec<u64> {
    let text = kernel.file(&format!("/proc/sys/{path}")).unwrap_or_default();
    text.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// The number of a file under /proc/sys that has one.
pub fn number(kernel: &mut dyn Kernel, path: &str) -> Option<u64> {
    numbers(kernel, path).first().copied()
}

/// Connections that have begun in this namespace, at either end.
pub fn opened(kernel: &mut dyn Kernel) -> Option<u64> {
    changes(kernel).map(|[active, passive, _]| active + passive)
}

/// What is another when a table of TCP is another: connections that have begun here, those that have at
/// the other end, and how many are open.
pub fn changes(kernel: &mut dyn Kernel) -> Option<[u64; 3]> {
    let text = kernel.file("/proc/net/snmp")?;
    let count = |name| counter(&text, "Tcp", name);
    Some([count("ActiveOpens")?, count("PassiveOpens")?, count("CurrEstab")?])
}

/// What this network namespace has counted since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Counted {
    /// Segments that were sent for the first time: those that were sent again are not among them.
    pub segments_sent: Option<u64>,
    /// Segments that were received.
    pub segments_received: Option<u64>,
    /// Segments that were sent again.
    pub segments_retransmitted: Option<u64>,
    /// Connections that began here.
    pub active_opens: Option<u64>,
    /// Connections that began at the other end.
    pub passive_opens: Option<u64>,
    /// Attempts that failed.
    pub failed_attempts: Option<u64>,
    /// Connections that went from ESTABLISHED or CLOSE-WAIT to CLOSED at once (`tcpEstabResets` of
    /// RFC 4022): reset by the other end or by a program here, and one between two programs here at
    /// both its ends. Not the resets that were received, which the kernel does not count: the name of
    /// `connections_reset` says it better.
    pub resets_received: Option<u64>,
    /// The same as `resets_received`, by the name of what it is.
    pub connections_reset: Option<u64>,
    /// Resets that were sent.
    pub resets_sent: Option<u64>,
    /// Connections that found an accept queue full.
    pub listen_overflows: Option<u64>,
    /// SYNs that were dropped at a listener, for whatever reason.
    pub listen_drops: Option<u64>,
    /// SYN cookies that were sent.
    pub syn_cookies_sent: Option<u64>,
    /// SYN cookies that came back.
    pub syn_cookies_received: Option<u64>,
    /// SYN cookies that came back wrong.
    pub syn_cookies_failed: Option<u64>,
}

impl Counted {
    /// Reads the counters.
    pub fn read(kernel: &mut dyn Kernel) -> Self {
        let snmp = kernel.file("/proc/net/snmp").unwrap_or_default();
        let netstat = kernel.file("/proc/net/netstat").unwrap_or_default();
        let tcp = |name| counter(&snmp, "Tcp", name);
        let more = |name| counter(&netstat, "TcpExt", name);
        Self {
            segments_sent: tcp("OutSegs"),
            segments_received: tcp("InSegs"),
            segments_retransmitted: tcp("RetransSegs"),
            active_opens: tcp("ActiveOpens"),
            passive_opens: tcp("PassiveOpens"),
            failed_attempts: tcp("AttemptFails"),
            resets_received: tcp("EstabResets"),
            connections_reset: tcp("EstabResets"),
            resets_sent: tcp("OutRsts"),
            listen_overflows: more("ListenOverflows"),
            listen_drops: more("ListenDrops"),
            syn_cookies_sent: more("SyncookiesSent"),
            syn_cookies_received: more("SyncookiesRecv"),
            syn_cookies_failed: more("SyncookiesFailed"),
        }
    }

    /// Adds what another namespace has counted.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.segments_sent, other.segments_sent),
            (&mut self.segments_received, other.segments_received),
            (&mut self.segments_retransmitted, other.segments_retransmitted),
            (&mut self.active_opens, other.active_opens),
            (&mut self.passive_opens, other.passive_opens),
            (&mut self.failed_attempts, other.failed_attempts),
            (&mut self.resets_received, other.resets_received),
            (&mut self.connections_reset, other.connections_reset),
            (&mut self.resets_sent, other.resets_sent),
            (&mut self.listen_overflows, other.listen_overflows),
            (&mut self.listen_drops, other.listen_drops),
            (&mut self.syn_cookies_sent, other.syn_cookies_sent),
            (&mut self.syn_cookies_received, other.syn_cookies_received),
            (&mut self.syn_cookies_failed, other.syn_cookies_failed),
        ] {
            *sum = sum.zip(more).map(|(sum, more)| sum + more).or(*sum).or(more);
        }
    }

    /// Every segment that was sent, again or for the first time.
    #[must_use]
    pub fn segments(&self) -> Option<u64> {
        Some(self.segments_sent? + self.segments_retransmitted?)
    }

    /// Per cent of all segments that were sent again; `None` where none was sent.
    #[must_use]
    pub fn retransmitted_percent(&self) -> Option<f64> {
        let (again, all) = (self.segments_retransmitted?, self.segments()?);
        (all > 0).then(|| again as f64 / all as f64 * 100.0)
    }
}

/// The memory of TCP, in pages, against the limits of `tcp_mem`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Memory {
    /// Pages in use by TCP, in all network namespaces.
    pub tcp_pages: Option<u64>,
    /// From where on TCP saves memory.
    pub pressure_pages: Option<u64>,
    /// The limit.
    pub limit_pages: Option<u64>,
    /// Sockets that no program has any more.
    pub orphans: Option<u64>,
    /// How many of those there may be (`tcp_max_orphans`).
    pub orphans_limit: Option<u64>,
    /// Sockets of every kind that are in use, with `--all-namespaces` in all of them.
    pub sockets_used: Option<u64>,
}

impl Memory {
    /// Adds that of another namespace: the memory of TCP and orphans are counted for all together, and the
    /// limits are those of the first namespace of the machine, whichever is asked first.
    pub fn add(&mut self, other: Self) {
        self.sockets_used = match (self.sockets_used, other.sockets_used) {
            (Some(sum), Some(more)) => Some(sum + more),
            (sum, more) => sum.or(more),
        };
        self.tcp_pages = self.tcp_pages.or(other.tcp_pages);
        self.pressure_pages = self.pressure_pages.or(other.pressure_pages);
        self.limit_pages = self.limit_pages.or(other.limit_pages);
        self.orphans = self.orphans.or(other.orphans);
        self.orphans_limit = self.orphans_limit.or(other.orphans_limit);
    }

    /// Reads it.
    pub fn read(kernel: &mut dyn Kernel) -> Self {
        let text = kernel.file("/proc/net/sockstat").unwrap_or_default();
        let limits = numbers(kernel, "net/ipv4/tcp_mem");
        Self {
            tcp_pages: stat(&text, "TCP", "mem"),
            pressure_pages: limits.get(1).copied(),
            limit_pages: limits.get(2).copied(),
            orphans: stat(&text, "TCP", "orphan"),
            orphans_limit: number(kernel, "net/ipv4/tcp_max_orphans"),
            sockets_used: stat(&text, "sockets", "used"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_group_and_name() {
        let text =
            "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 3 17\nIpExt: InNoRoutes\nIpExt: 9\n";
        assert_eq!(counter(text, "TcpExt", "ListenOverflows"), Some(17));
        assert_eq!(counter(text, "IpExt", "InNoRoutes"), Some(9));
        assert_eq!(counter(text, "TcpExt", "InNoRoutes"), None);
        assert_eq!(counter("TcpExt: A", "TcpExt", "A"), None);
        let text = "sockets: used 191\nTCP: inuse 4 orphan 1 tw 2 alloc 6 mem 30\n";
        assert_eq!(stat(text, "TCP", "mem"), Some(30));
        assert_eq!(stat(text, "sockets", "used"), Some(191));
        assert_eq!(stat(text, "UDP", "mem"), None);
    }

    /// What is counted for the whole machine is no sum of what each namespace says of it.
    #[test]
    fn of_several_namespaces_only_what_each_counts_is_added() {
        let of = |sockets_used, limit_pages| Memory {
            tcp_pages: Some(30),
            orphans: Some(4),
            limit_pages,
            sockets_used,
            ..Memory::default()
        };
        let mut sum = of(Some(7), None);
        sum.add(of(Some(5), Some(900)));
        sum.add(of(None, Some(900)));
        assert_eq!(sum, of(Some(12), Some(900)));
    }

    /// OutSegs leaves out what was sent again: 130 of 230 is not 130 %.
    #[test]
    fn no_more_than_all_segments_were_sent_again() {
        let counted = |sent, again| Counted {
            segments_sent: Some(sent),
            segments_retransmitted: Some(again),
            ..Counted::default()
        };
        assert_eq!(counted(100, 300).retransmitted_percent(), Some(75.0));
        assert_eq!(counted(0, 0).retransmitted_percent(), None);
        assert_eq!(Counted::default().retransmitted_percent(), None);
    }
}
