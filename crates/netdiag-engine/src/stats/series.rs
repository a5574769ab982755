//! All statistics of one target.

use super::{
    Counters, InOrder, InterarrivalJitter, Ipdv, JitterSummary, Order, Outage, OutageChange,
    Outages, Reordering, RttStats, Settled, SettledKind, pdv_p95,
};
use std::time::Duration;

/// Counters, round-trip times, jitter, reordering and outages of one series of probes.
///
/// Probes are numbered from 1 without gaps. Each is either sent ([`on_sent`](Self::on_sent)) and
/// later settled, or settled at once as a local error. They may settle in any order, which is taken
/// for the order of arrival: round-trip times, interarrival jitter and reordering follow it at once,
/// IPDV and outages wait until the sequence is complete up to there.
///
/// # Memory
/// Whatever the length of the run, outside the struct: the samples, at most 28.6 KiB (see
/// [`Samples`](super::Samples)); the history of arrivals, at most 1 KiB; the causes of an open
/// outage, at most 8; the outages, at most [`Outages::KEPT`]; and one entry for each probe settled
/// before one sent earlier, which is at most the probes sent within one timeout.
#[derive(Clone, Debug)]
pub struct SeriesStats<C> {
    counters: Counters,
    rtt: RttStats,
    interarrival: InterarrivalJitter,
    ipdv: Ipdv,
    reordering: Reordering,
    order: InOrder<Settled<C>>,
    outages: Outages<C>,
}

impl<C: Clone + PartialEq> SeriesStats<C> {
    /// A series before its first probe.
    #[must_use]
    pub const fn new() -> Self {
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

    /// A probe left.
    pub fn on_sent(&mut self) {
        self.counters.on_attempt_sent();
    }

    /// A probe settled, in order of arrival; `on_change` hears of outages that begin and end, in
    /// order of sequence.
    ///
    /// # Panics
    /// When it is no local error and no probe is in flight.
    pub fn on_settled(
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

    /// The first reply to a probe that was settled without one. It stays without one: its time is
    /// no sample.
    pub fn on_late(&mut self) {
        self.counters.on_late();
    }

    /// A further reply to a probe.
    pub fn on_duplicate(&mut self) {
        self.counters.on_duplicate();
    }

    /// A reply had wrong content.
    pub fn on_corrupted(&mut self) {
        self.counters.on_corrupted();
    }

    /// The run is over: what waits for probes still in flight is counted over the gaps, and an open
    /// outage is closed as ongoing and returned.
    pub fn finish(
        &mut self,
        now_ns: u64,
        mut on_change: impl FnMut(OutageChange<C>),
    ) -> Option<Outage<C>> {
        while let Some(settled) = self.order.pop_over_gap() {
            self.in_sequence(settled, &mut on_change);
        }
        self.outages.finish(now_ns)
    }

    /// How many probes went where.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The round-trip times.
    #[must_use]
    pub const fn rtt(&self) -> &RttStats {
        &self.rtt
    }

    /// The jitter; `None` without a reply.
    #[must_use]
    pub fn jitter(&self) -> Option<JitterSummary> {
        Some(JitterSummary {
            rfc3550: self.interarrival.jitter(),
            ipdv: self.ipdv.summary(),
            pdv_p95: pdv_p95(&self.rtt)?,
        })
    }

    /// The interarrival jitter.
    #[must_use]
    pub const fn interarrival(&self) -> &InterarrivalJitter {
        &self.interarrival
    }

    /// The delay variation of consecutive probes.
    #[must_use]
    pub const fn ipdv(&self) -> &Ipdv {
        &self.ipdv
    }

    /// The replies out of order.
    #[must_use]
    pub const fn reordering(&self) -> &Reordering {
        &self.reordering
    }

    /// The outages.
    #[must_use]
    pub const fn outages(&self) -> &Outages<C> {
        &self.outages
    }

    /// Settled probes that wait for an earlier one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.order.waiting()
    }

    /// Bytes held outside the struct for samples and the history of arrivals.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
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

impl<C: Clone + PartialEq> Default for SeriesStats<C> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Loss, PercentileKind};

    fn replied(ms: u64) -> SettledKind<char> {
        SettledKind::Replied { rtt: Duration::from_millis(ms) }
    }

    /// Settles probes sent every 100 ns, all sent before the first settles.
    fn series(
        settled: Vec<(u64, SettledKind<char>)>,
    ) -> (SeriesStats<char>, Vec<OutageChange<char>>) {
        let mut series = SeriesStats::new();
        let mut changes = Vec::new();
        for _ in settled.iter().filter(|(_, kind)| !matches!(kind, SettledKind::LocalError(_))) {
            series.on_sent();
        }
        for (seq, kind) in settled {
            series.on_settled(seq, seq * 100, kind, |change| changes.push(change));
            assert_eq!(series.counters().check(), Ok(()));
        }
        (series, changes)
    }

    #[test]
    fn arrival_order_and_sequence_order_each_get_their_statistics() {
        // Arrivals 1, 3, 2: D = 30 - 10, 20 - 30; pairs by sequence: 20 - 10, 30 - 20.
        let (series, changes) = series(vec![(1, replied(10)), (3, replied(30)), (2, replied(20))]);
        let jitter = series.jitter().expect("replies");
        // J = 20/16 = 1.25; + (10 - 1.25)/16 = 1.796875
        assert_eq!(jitter.rfc3550, Some(Duration::from_nanos(1_796_875)));
        let ipdv = jitter.ipdv.expect("pairs");
        assert_eq!((ipdv.min_ns, ipdv.max_ns, ipdv.pairs), (10_000_000, 10_000_000, 2));
        assert_eq!(jitter.pdv_p95, Duration::from_millis(20));
        assert_eq!(series.rtt().last(), Some(Duration::from_millis(20)));
        assert_eq!((series.counters().reordered(), series.waiting()), (1, 0));
        assert_eq!(series.reordering().largest_extent(), Some(1));
        assert_eq!(changes, []);
    }

    #[test]
    fn a_timeout_that_comes_after_later_replies_is_an_outage_in_its_place() {
        let (series, changes) = series(vec![
            (1, replied(1)),
            (3, replied(1)),
            (4, replied(1)),
            (2, SettledKind::Lost('t')),
        ]);
        let [OutageChange::Begin { first_seq: 2, .. }, OutageChange::End(outage)] = &changes[..]
        else {
            panic!("{changes:?}");
        };
        assert_eq!((outage.started_at_ns, outage.ended_at_ns, outage.lost), (200, 300, 1));
        assert_eq!(series.ipdv().summary().map(|ipdv| ipdv.pairs), Some(1));
        assert_eq!((series.counters().reordered(), series.interarrival().samples()), (0, 2));
    }

    #[test]
    fn local_errors_are_part_of_an_outage_and_not_of_the_loss() {
        let (series, changes) = series(vec![
            (1, replied(1)),
            (2, SettledKind::LocalError('e')),
            (3, SettledKind::NetError('n')),
            (4, SettledKind::LocalError('e')),
            (5, SettledKind::Unknown),
            (6, replied(1)),
        ]);
        assert_eq!(series.counters().loss(), Loss::new(1, 3));
        let Some(OutageChange::End(outage)) = changes.last() else { panic!("{changes:?}") };
        assert_eq!((outage.lost, outage.local_errors, outage.cause), (1, 2, 'e'));
    }

    #[test]
    fn the_end_of_the_run_does_not_wait_for_what_is_in_flight() {
        let mut series = SeriesStats::new();
        for _ in 0..4 {
            series.on_sent();
        }
        let mut changes = 0;
        series.on_settled(2, 20, SettledKind::Lost('t'), |_| changes += 1);
        series.on_settled(4, 40, SettledKind::Lost('t'), |_| changes += 1);
        assert_eq!((changes, series.waiting()), (0, 2));
        let outage = series.finish(50, |_| changes += 1).expect("the last probes were lost");
        assert_eq!((changes, series.waiting(), series.counters().in_flight()), (1, 0, 2));
        assert_eq!((outage.first_seq, outage.lost, outage.duration().as_nanos()), (2, 2, 30));
        assert!(outage.ongoing);
    }

    #[test]
    fn late_and_duplicate_replies_are_no_samples() {
        let (mut series, _) = series(vec![(1, replied(5)), (2, SettledKind::Lost('t'))]);
        series.on_late();
        series.on_duplicate();
        series.on_corrupted();
        assert_eq!((series.rtt().len(), series.counters().late()), (1, 1));
        assert_eq!((series.counters().duplicates(), series.counters().corrupted()), (1, 1));
        assert_eq!(series.counters().check(), Ok(()));
    }

    #[test]
    fn an_empty_series_has_no_values() {
        let series = SeriesStats::<()>::default();
        assert_eq!((series.jitter(), series.rtt().summary()), (None, None));
        assert_eq!((series.counters().loss(), series.heap_bytes()), (None, 0));
    }

    #[test]
    fn a_million_probes_fit_in_32_kib() {
        let mut series = SeriesStats::<[u64; 2]>::new();
        for first in (1..=1_000_000_u64).step_by(4) {
            for _ in 0..4 {
                series.on_sent();
            }
            // The last of four arrives first; round-trip times over the whole range, to 146 years.
            for seq in (first..first + 4).rev() {
                let rtt = Duration::from_nanos(1 << (seq % 63));
                series.on_settled(seq, seq, SettledKind::Replied { rtt }, |_| ());
            }
        }
        assert_eq!(
            series.rtt().summary().map(|rtt| rtt.percentiles),
            Some(PercentileKind::Histogram)
        );
        assert_eq!((series.counters().received(), series.waiting()), (1_000_000, 0));
        assert!(series.heap_bytes() < 32 << 10, "{}", series.heap_bytes());
        assert!(
            size_of::<SeriesStats<[u64; 2]>>() <= 512,
            "{}",
            size_of::<SeriesStats<[u64; 2]>>()
        );
    }
}
