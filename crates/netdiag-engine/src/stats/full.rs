//! The statistics of a series, each kept as it grows.

use super::{
    Counters, InOrder, InterarrivalJitter, Ipdv, Order, Outage, OutageChange, Outages, Reordering,
    RttStats, Settled, SettledKind,
};
use std::time::Duration;

/// What [`SeriesStats`](super::SeriesStats) is once it is more than a few round-trip times.
#[derive(Clone, Debug)]
pub(super) struct Full<C> {
    pub(super) counters: Counters,
    pub(super) rtt: RttStats,
    pub(super) interarrival: InterarrivalJitter,
    pub(super) ipdv: Ipdv,
    pub(super) reordering: Reordering,
    pub(super) order: InOrder<Settled<C>>,
    pub(super) outages: Outages<C>,
}

impl<C: Clone + PartialEq> Full<C> {
    pub(super) const fn new() -> Self {
        Self {
            counters: Counters::new(),
            rtt: RttStats::new(),
            interarrival: InterarrivalJitter::new(),
            ipdv: Ipdv::new(),
            reordering: Reordering::new(),
            order: InOrder::starting_at(1),
            outages: Outages::new(),
        }
    }

    pub(super) fn on_sent(&mut self) {
        self.counters.on_attempt_sent();
    }

    pub(super) fn on_settled(
        &mut self,
        seq: u64,
        sent_at_ns: u64,
        kind: SettledKind<C>,
        mut on_change: impl FnMut(OutageChange<C>),
    ) {
        match &kind {
            SettledKind::Replied { rtt } => self.on_reply(seq, *rtt),
            SettledKind::Lost(_) => self.counters.on_timeout(),
            SettledKind::NetError(_) => self.counters.on_net_error(),
            SettledKind::LocalError(_) => self.counters.on_local_error(),
            SettledKind::Unknown => self.counters.on_unknown(),
        }
        let mut ready = self.order.offer(seq, Settled { seq, sent_at_ns, kind });
        while let Some(settled) = ready {
            self.in_sequence(settled, &mut on_change);
            ready = self.order.pop();
        }
        self.reordering.forget_below(self.order.next());
    }

    pub(super) fn finish(
        &mut self,
        now_ns: u64,
        mut on_change: impl FnMut(OutageChange<C>),
    ) -> Option<Outage<C>> {
        while let Some(settled) = self.order.pop_over_gap() {
            self.in_sequence(settled, &mut on_change);
        }
        self.outages.finish(now_ns)
    }

    /// Bytes held for samples and the history of arrivals.
    pub(super) fn heap_bytes(&self) -> usize {
        self.rtt.samples().heap_bytes() + self.reordering.heap_bytes()
    }

    fn on_reply(&mut self, seq: u64, rtt: Duration) {
        self.counters.on_reply();
        self.rtt.record(rtt);
        self.interarrival.record(rtt);
        if self.reordering.record(seq) != Order::InOrder {
            self.counters.on_reordered();
        }
    }

    fn in_sequence(&mut self, settled: Settled<C>, on_change: &mut impl FnMut(OutageChange<C>)) {
        if let SettledKind::Replied { rtt } = settled.kind {
            self.ipdv.record(settled.seq, rtt);
        }
        if let Some(change) = self.outages.on_settled(settled) {
            on_change(change);
        }
    }
}
