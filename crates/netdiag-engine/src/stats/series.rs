//! All statistics of one target.

use super::full::Full;
use super::{
    Counters, InterarrivalJitter, Ipdv, JitterSummary, Outage, OutageChange, Reordering, RttStats,
    SettledKind, pdv_p95,
};
use std::borrow::Cow;
use std::time::Duration;

/// Counters, round-trip times, jitter, reordering and outages of one series of probes.
///
/// Probes are numbered from 1 without gaps. Each is either sent ([`on_sent`](Self::on_sent)) and
/// later settled, or settled at once as a local error. They may settle in any order, which is taken
/// for the order of arrival: round-trip times, interarrival jitter and reordering follow it at once,
/// IPDV and outages wait until the sequence is complete up to there.
///
/// # Memory
/// The struct takes 32 bytes. As long as every probe was answered, in sequence, and there were at
/// most [`PLAIN`](Self::PLAIN), there is beside it a list of the round-trip times, 4 bytes each: all
/// else follows from these and is computed when it is asked for. After that, whatever the length of
/// the run: at most 512 bytes; the samples, at most 28.6 KiB (see [`Samples`](super::Samples)); the
/// history of arrivals, at most 1 KiB; the causes of an open outage, at most 8; the outages, at most
/// [`OUTAGES_KEPT`](Self::OUTAGES_KEPT); and one entry for each probe settled before one sent
/// earlier, which is at most the probes sent within one timeout.
#[derive(Clone, Debug)]
pub struct SeriesStats<C> {
    tier: Tier<C>,
}

#[derive(Clone, Debug)]
enum Tier<C> {
    Plain(Plain),
    Full(Box<Full<C>>),
}

/// Probes from 1 on that were answered one after the other, and some under way.
#[derive(Clone, Debug)]
struct Plain {
    in_flight: u32,
    /// The round-trip times in nanoseconds.
    rtts: Vec<u32>,
}

/// By so many entries the list of a plain series grows.
const STEP: usize = 8;

impl<C: Clone + PartialEq> SeriesStats<C> {
    /// So many probes may be answered in sequence before more is kept than their times.
    pub const PLAIN: usize = 32;

    /// So many outages are kept.
    pub const OUTAGES_KEPT: usize = super::Outages::<C>::KEPT;

    /// A series before its first probe.
    #[must_use]
    pub const fn new() -> Self {
        Self { tier: Tier::Plain(Plain { in_flight: 0, rtts: Vec::new() }) }
    }

    /// A probe left.
    pub fn on_sent(&mut self) {
        match &mut self.tier {
            Tier::Plain(plain) if plain.in_flight < u32::MAX => plain.in_flight += 1,
            _ => self.full().on_sent(),
        }
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
        on_change: impl FnMut(OutageChange<C>),
    ) {
        if let (Tier::Plain(plain), SettledKind::Replied { rtt }) = (&mut self.tier, &kind)
            && plain.take(seq, *rtt, Self::PLAIN)
        {
            return;
        }
        self.full().on_settled(seq, sent_at_ns, kind, on_change);
    }

    /// The first reply to a probe that was settled without one. It stays without one: its time is
    /// no sample.
    pub fn on_late(&mut self) {
        self.full().counters.on_late();
    }

    /// A further reply to a probe.
    pub fn on_duplicate(&mut self) {
        self.full().counters.on_duplicate();
    }

    /// A reply had wrong content.
    pub fn on_corrupted(&mut self) {
        self.full().counters.on_corrupted();
    }

    /// The run is over: what waits for probes still in flight is counted over the gaps, and an open
    /// outage is closed as ongoing and returned.
    pub fn finish(
        &mut self,
        now_ns: u64,
        on_change: impl FnMut(OutageChange<C>),
    ) -> Option<Outage<C>> {
        match &mut self.tier {
            Tier::Plain(_) => None,
            Tier::Full(full) => full.finish(now_ns, on_change),
        }
    }

    /// How many probes went where.
    #[must_use]
    pub fn counters(&self) -> Counters {
        match &self.tier {
            Tier::Plain(plain) => Counters::plain(plain.rtts.len() as u64, plain.in_flight.into()),
            Tier::Full(full) => full.counters,
        }
    }

    /// The round-trip times.
    #[must_use]
    pub fn rtt(&self) -> Cow<'_, RttStats> {
        match &self.tier {
            Tier::Plain(plain) => {
                let mut rtt = RttStats::new();
                plain.times().for_each(|time| rtt.record(time));
                Cow::Owned(rtt)
            }
            Tier::Full(full) => Cow::Borrowed(&full.rtt),
        }
    }

    /// The jitter; `None` without a reply.
    #[must_use]
    pub fn jitter(&self) -> Option<JitterSummary> {
        Some(JitterSummary {
            rfc3550: self.interarrival().jitter(),
            ipdv: self.ipdv().summary(),
            pdv_p95: pdv_p95(&self.rtt())?,
        })
    }

    /// The interarrival jitter.
    #[must_use]
    pub fn interarrival(&self) -> InterarrivalJitter {
        match &self.tier {
            Tier::Plain(plain) => {
                let mut jitter = InterarrivalJitter::new();
                plain.times().for_each(|time| jitter.record(time));
                jitter
            }
            Tier::Full(full) => full.interarrival,
        }
    }

    /// The delay variation of consecutive probes.
    #[must_use]
    pub fn ipdv(&self) -> Ipdv {
        match &self.tier {
            Tier::Plain(plain) => {
                let mut ipdv = Ipdv::new();
                (1..).zip(plain.times()).for_each(|(seq, time)| ipdv.record(seq, time));
                ipdv
            }
            Tier::Full(full) => full.ipdv,
        }
    }

    /// The replies out of order.
    #[must_use]
    pub fn reordering(&self) -> Cow<'_, Reordering> {
        match &self.tier {
            Tier::Plain(plain) => {
                let mut reordering = Reordering::new();
                for seq in 1..=plain.rtts.len() as u64 {
                    reordering.record(seq);
                    reordering.forget_below(seq + 1);
                }
                Cow::Owned(reordering)
            }
            Tier::Full(full) => Cow::Borrowed(&full.reordering),
        }
    }

    /// The outages that are kept, oldest first, without an open one.
    pub fn outages(&self) -> impl Iterator<Item = &Outage<C>> {
        let full = match &self.tier {
            Tier::Plain(_) => None,
            Tier::Full(full) => Some(full),
        };
        full.into_iter().flat_map(|full| full.outages.iter())
    }

    /// So many older outages were dropped.
    #[must_use]
    pub fn outages_omitted(&self) -> u64 {
        match &self.tier {
            Tier::Plain(_) => 0,
            Tier::Full(full) => full.outages.omitted(),
        }
    }

    /// Settled probes that wait for an earlier one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match &self.tier {
            Tier::Plain(_) => 0,
            Tier::Full(full) => full.order.waiting(),
        }
    }

    /// Bytes held outside the struct, but for outages and what waits.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.tier {
            Tier::Plain(plain) => plain.rtts.capacity() * size_of::<u32>(),
            Tier::Full(full) => size_of::<Full<C>>() + full.heap_bytes(),
        }
    }

    /// All statistics, from now on kept as they are.
    fn full(&mut self) -> &mut Full<C> {
        if let Tier::Plain(plain) = &self.tier {
            self.tier = Tier::Full(Box::new(plain.to_full()));
        }
        match &mut self.tier {
            Tier::Full(full) => full,
            Tier::Plain(_) => unreachable!("made full above"),
        }
    }
}

impl<C: Clone + PartialEq> Default for SeriesStats<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl Plain {
    /// Takes a reply, if it is the next one and there is room for it.
    fn take(&mut self, seq: u64, rtt: Duration, most: usize) -> bool {
        let len = self.rtts.len();
        let Ok(nanos) = u32::try_from(rtt.as_nanos()) else { return false };
        if self.in_flight == 0 || len >= most || seq != len as u64 + 1 {
            return false;
        }
        if len == self.rtts.capacity() {
            // Doubling would be too much where there are many series.
            self.rtts.reserve_exact(STEP);
        }
        self.in_flight -= 1;
        self.rtts.push(nanos);
        true
    }

    fn times(&self) -> impl Iterator<Item = Duration> {
        self.rtts.iter().map(|nanos| Duration::from_nanos((*nanos).into()))
    }

    /// What it would be, had all been kept from the start.
    fn to_full<C: Clone + PartialEq>(&self) -> Full<C> {
        let mut full = Full::new();
        for (seq, rtt) in (1..).zip(self.times()) {
            full.on_sent();
            // When it was sent matters only to an outage that it ends.
            full.on_settled(seq, 0, SettledKind::Replied { rtt }, |_| ());
        }
        (0..self.in_flight).for_each(|_| full.on_sent());
        full
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
        assert!(size_of::<Full<[u64; 2]>>() <= 512, "{}", size_of::<Full<[u64; 2]>>());
    }

    #[test]
    fn a_plain_series_says_what_a_full_one_says() {
        let mut series = SeriesStats::<char>::new();
        let mut full = Full::<char>::new();
        for seq in 1..=SeriesStats::<char>::PLAIN as u64 {
            series.on_sent();
            full.on_sent();
            let rtt = Duration::from_nanos(seq * 7_919_113 % 20_000_003);
            series.on_settled(seq, seq, SettledKind::Replied { rtt }, |_| panic!("no outage"));
            full.on_settled(seq, seq, SettledKind::Replied { rtt }, |_| ());
            assert!(matches!(series.tier, Tier::Plain(_)));
            assert_eq!(series.counters(), full.counters);
            assert_eq!(series.rtt().summary(), full.rtt.summary());
            assert_eq!(series.interarrival().jitter(), full.interarrival.jitter());
            assert_eq!(series.ipdv().summary(), full.ipdv.summary());
            assert_eq!(series.reordering().arrivals(), full.reordering.arrivals());
            assert_eq!((series.outages().count(), series.waiting()), (0, 0));
        }
        series.on_sent();
        series.on_duplicate();
        let counters = series.counters();
        assert_eq!((counters.sent(), counters.in_flight(), counters.duplicates()), (33, 1, 1));
        assert_eq!(series.rtt().summary(), full.rtt.summary());
        assert_eq!(series.jitter().and_then(|jitter| jitter.ipdv), full.ipdv.summary());
    }

    #[test]
    fn a_plain_series_of_twenty_takes_little_room() {
        let (series, _) = series((1..=20).map(|seq| (seq, replied(1))).collect());
        assert!(size_of::<SeriesStats<[u64; 3]>>() <= 32);
        assert!(series.heap_bytes() <= 96, "{}", series.heap_bytes());
    }
}
