//! Numbers of all sockets at a moment, and what was counted since the moment before: the figures of
//! `sar -n SOCK,SOCK6,IP,TCP,ETCP`, which take no look at the tables.

use crate::counters::{Counted, counter, numbers, stat};
use crate::port::Kernel;
use crate::totals::Totals;
use netdiag_model::Instant;
use serde::Serialize;

/// One sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Sockets of every kind (`totsck`).
    pub sockets: Option<u64>,
    /// TCP sockets in use, over IPv4 and IPv6 (`tcpsck` and `tcp6sck`).
    pub tcp: Option<u64>,
    /// UDP sockets in use, over IPv4 and IPv6.
    pub udp: Option<u64>,
    /// Raw sockets in use, over IPv4 and IPv6.
    pub raw: Option<u64>,
    /// Those of IPv4.
    pub ipv4: InUse,
    /// Those of IPv6.
    pub ipv6: InUse,
    /// Connections in TIME-WAIT (`tcp-tw`).
    pub time_wait: Option<u64>,
    /// Sockets that no program has any more, in all network namespaces.
    pub orphans: Option<u64>,
    /// Pages of memory that TCP uses, in all network namespaces.
    pub tcp_pages: Option<u64>,
    /// From where on TCP saves memory (`tcp_mem`), in pages.
    pub tcp_pressure_pages: Option<u64>,
    /// The limit of that memory (`tcp_mem`), in pages.
    pub tcp_limit_pages: Option<u64>,
    /// Connections that began here, a second (`active/s`).
    pub active_per_second: Option<f64>,
    /// Connections that began at the other end, a second (`passive/s`).
    pub passive_per_second: Option<f64>,
    /// Segments received, a second (`iseg/s`).
    pub received_per_second: Option<f64>,
    /// Segments sent, without those that were sent again, a second (`oseg/s`).
    pub sent_per_second: Option<f64>,
    /// Attempts to connect that failed, a second (`atmptf/s`).
    pub failed_per_second: Option<f64>,
    /// Open connections that were reset, by either end, a second (`estres/s`).
    pub resets_per_second: Option<f64>,
    /// Segments sent again, a second (`retrans/s`).
    pub retransmitted_per_second: Option<f64>,
    /// Per cent of all segments sent since the sample before that were sent again.
    pub retransmitted_percent: Option<f64>,
    /// Segments received that were broken, a second (`isegerr/s`).
    pub errors_per_second: Option<f64>,
    /// Resets sent, a second (`orsts/s`).
    pub resets_sent_per_second: Option<f64>,
    /// Accept queues that were found full, a second.
    pub overflows_per_second: Option<f64>,
    /// SYNs that were dropped at a listener, for whatever reason.
    pub listen_drops_per_second: Option<f64>,
    /// Packets of IPv4.
    pub ip: Packets,
}

/// Sockets of one family that are in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InUse {
    /// TCP (`tcpsck`, `tcp6sck`).
    pub tcp: Option<u64>,
    /// UDP (`udpsck`, `udp6sck`).
    pub udp: Option<u64>,
    /// Raw sockets (`rawsck`, `raw6sck`).
    pub raw: Option<u64>,
    /// Packets that wait for their other fragments (`ip-frag`, `ip6-frag`).
    pub fragments: Option<u64>,
}

impl InUse {
    /// From the text of /proc/net/sockstat, or of sockstat6, whose names end in 6.
    fn parse(text: &str, end: &str) -> Self {
        let of = |group: &str| stat(text, &format!("{group}{end}"), "inuse");
        Self { tcp: of("TCP"), udp: of("UDP"), raw: of("RAW"), fragments: of("FRAG") }
    }
}

/// Packets of IPv4, a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Packets {
    /// Received (`irec/s`).
    pub received_per_second: Option<f64>,
    /// Passed on for others (`fwddgm/s`).
    pub forwarded_per_second: Option<f64>,
    /// Given to protocols of this machine (`idel/s`).
    pub delivered_per_second: Option<f64>,
    /// Sent by protocols of this machine (`orq/s`).
    pub sent_per_second: Option<f64>,
    /// Fragments received (`asmrq/s`).
    pub fragments_received_per_second: Option<f64>,
    /// Put together from fragments (`asmok/s`).
    pub reassembled_per_second: Option<f64>,
    /// Taken apart (`fragok/s`).
    pub fragmented_per_second: Option<f64>,
    /// Fragments made (`fragcrt/s`).
    pub fragments_made_per_second: Option<f64>,
}

/// What is read of /proc/net/snmp beyond [`Counted`]: errors of TCP, and packets.
#[derive(Clone, Copy, Debug, Default)]
struct More([Option<u64>; 9]);

impl More {
    fn parse(text: &str) -> Self {
        let ip = |name| counter(text, "Ip", name);
        Self([
            counter(text, "Tcp", "InErrs"),
            ip("InReceives"),
            ip("ForwDatagrams"),
            ip("InDelivers"),
            ip("OutRequests"),
            ip("ReasmReqds"),
            ip("ReasmOKs"),
            ip("FragOKs"),
            ip("FragCreates"),
        ])
    }
}

/// Takes samples.
#[derive(Debug, Default)]
pub struct Sampler {
    before: Option<(Instant, Counted, More)>,
}

impl Sampler {
    /// The next sample; the first has no rates.
    pub fn sample(&mut self, kernel: &mut dyn Kernel) -> (Instant, Sample) {
        let at = kernel.now();
        let totals = Totals::read(kernel);
        let text = kernel.file("/proc/net/sockstat").unwrap_or_default();
        let text6 = kernel.file("/proc/net/sockstat6").unwrap_or_default();
        let memory = numbers(kernel, "net/ipv4/tcp_mem");
        let now = Counted::read(kernel);
        let more = More::parse(&kernel.file("/proc/net/snmp").unwrap_or_default());
        let before = self.before.replace((at, now.clone(), more));
        let grown = |of: &dyn Fn(&Counted, &More) -> Option<u64>| {
            let (_, counted, others) = before.as_ref()?;
            of(&now, &more)?.checked_sub(of(counted, others)?)
        };
        let seconds = before.as_ref().map_or(0.0, |(since, ..)| at.since(*since).as_secs_f64());
        let a_second = |count: u64| (seconds > 0.0).then(|| count as f64 / seconds);
        let rate =
            |of: fn(&Counted) -> Option<u64>| grown(&|counted, _| of(counted)).and_then(a_second);
        let other = |place: usize| {
            grown(&|_, more| more.0.get(place).copied().flatten()).and_then(a_second)
        };
        let again = grown(&|counted, _| counted.segments_retransmitted);
        let sent = grown(&|counted, _| counted.segments_sent);
        let sample = Sample {
            sockets: totals.sockets,
            tcp: totals.tcp,
            udp: totals.udp,
            raw: totals.raw,
            ipv4: InUse::parse(&text, ""),
            ipv6: InUse::parse(&text6, "6"),
            time_wait: totals.time_wait,
            orphans: totals.orphans,
            tcp_pages: stat(&text, "TCP", "mem"),
            tcp_pressure_pages: memory.get(1).copied(),
            tcp_limit_pages: memory.get(2).copied(),
            active_per_second: rate(|counted| counted.active_opens),
            passive_per_second: rate(|counted| counted.passive_opens),
            received_per_second: rate(|counted| counted.segments_received),
            sent_per_second: rate(|counted| counted.segments_sent),
            failed_per_second: rate(|counted| counted.failed_attempts),
            resets_per_second: rate(|counted| counted.resets_received),
            retransmitted_per_second: rate(|counted| counted.segments_retransmitted),
            retransmitted_percent: percent(again, sent),
            errors_per_second: other(0),
            resets_sent_per_second: rate(|counted| counted.resets_sent),
            overflows_per_second: rate(|counted| counted.listen_overflows),
            listen_drops_per_second: rate(|counted| counted.listen_drops),
            ip: Packets {
                received_per_second: other(1),
                forwarded_per_second: other(2),
                delivered_per_second: other(3),
                sent_per_second: other(4),
                fragments_received_per_second: other(5),
                reassembled_per_second: other(6),
                fragmented_per_second: other(7),
                fragments_made_per_second: other(8),
            },
        };
        (at, sample)
    }
}

/// The share of segments that were sent again; the kernel counts them beside the others.
fn percent(again: Option<u64>, sent: Option<u64>) -> Option<f64> {
    let (again, sent) = again.zip(sent)?;
    (again + sent > 0).then(|| again as f64 / (again + sent) as f64 * 100.0)
}
