//! Numbers of all sockets at a moment, and what was counted since the moment before: the figures of
//! `sar -n SOCK,TCP,ETCP`, which take no look at the tables.

use crate::counters::{Counted, stat};
use crate::port::Kernel;
use crate::totals::Totals;
use netdiag_model::Instant;
use serde::Serialize;

/// One sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Sockets of every kind (`totsck`).
    pub sockets: Option<u64>,
    /// TCP sockets in use (`tcpsck`).
    pub tcp: Option<u64>,
    /// UDP sockets in use (`udpsck`).
    pub udp: Option<u64>,
    /// Raw sockets in use (`rawsck`).
    pub raw: Option<u64>,
    /// Connections in TIME-WAIT (`tcp-tw`).
    pub time_wait: Option<u64>,
    /// Sockets that no program has any more, in all network namespaces.
    pub orphans: Option<u64>,
    /// Pages of memory that TCP uses.
    pub tcp_pages: Option<u64>,
    /// Connections that began here, a second.
    pub active_per_second: Option<f64>,
    /// Connections that began at the other end, a second.
    pub passive_per_second: Option<f64>,
    /// Segments received, a second.
    pub received_per_second: Option<f64>,
    /// Segments sent, a second.
    pub sent_per_second: Option<f64>,
    /// Segments sent again, a second.
    pub retransmitted_per_second: Option<f64>,
    /// Connections reset, a second.
    pub resets_per_second: Option<f64>,
    /// Accept queues that were found full, a second.
    pub overflows_per_second: Option<f64>,
}

/// Takes samples.
#[derive(Debug, Default)]
pub struct Sampler {
    before: Option<(Instant, Counted)>,
}

impl Sampler {
    /// The next sample; the first has no rates.
    pub fn sample(&mut self, kernel: &mut dyn Kernel) -> (Instant, Sample) {
        let at = kernel.now();
        let totals = Totals::read(kernel);
        let text = kernel.file("/proc/net/sockstat").unwrap_or_default();
        let now = Counted::read(kernel);
        let rate = |of: fn(&Counted) -> Option<u64>| {
            let (since, before) = self.before.as_ref()?;
            let seconds = at.since(*since).as_secs_f64();
            let more = of(&now)?.checked_sub(of(before)?)?;
            (seconds > 0.0).then(|| more as f64 / seconds)
        };
        let sample = Sample {
            sockets: totals.sockets,
            tcp: totals.tcp,
            udp: totals.udp,
            raw: totals.raw,
            time_wait: totals.time_wait,
            orphans: totals.orphans,
            tcp_pages: stat(&text, "TCP", "mem"),
            active_per_second: rate(|counted| counted.active_opens),
            passive_per_second: rate(|counted| counted.passive_opens),
            received_per_second: rate(|counted| counted.segments_received),
            sent_per_second: rate(|counted| counted.segments_sent),
            retransmitted_per_second: rate(|counted| counted.segments_retransmitted),
            resets_per_second: rate(|counted| counted.resets_received),
            overflows_per_second: rate(|counted| counted.listen_overflows),
        };
        self.before = Some((at, now));
        (at, sample)
    }
}
