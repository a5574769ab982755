//! All statistics of one target.

use super::full::Full;
use super::plain::{Plain, Silent};
use super::{
    Counters, InterarrivalJitter, Ipdv, JitterSummary, Outage, OutageChange, Reordering, RttStats,
    SettledKind, pdv_p95,
};
use std::borrow::Cow;

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
/// else follows from these and is computed when it is asked for. Where after those nothing more
/// came, at most [`SILENT`](Self::SILENT) probes long, the outage is kept, too. After that, whatever
/// the length of the run: at most 512 bytes; the samples, at most 28.6 KiB (see [`Samples`](super::Samples)); the
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
    Silent(Box<Silent<C>>),
    Full(Box<Full<C>>),
}

impl<C: Clone + PartialEq> SeriesStats<C> {
    /// So many probes may be answered in sequence before more is kept than their times.
    pub const PLAIN: usize = 32;

    /// So many after them may be lost before more is kept than that.
    pub const SILENT: u64 = 1_024;

    /// So many outages are kept.
    pub const OUTAGES_KEPT: usize = super::Outages::<C>::KEPT;

    /// A series before its first probe.
    #[must_use]
    pub const fn new() -> Self {
        Self { tier: Tier::Plain(Plain::new()) }
    }

    /// A probe left.
    pub fn on_sent(&mut self) {
        let plain = match &mut self.tier {
            Tier::Plain(plain) => Some(plain),
            Tier::Silent(silent) => Some(&mut silent.plain),
            Tier::Full(_) => None,
        };
        if !plain.is_some_and(Plain::send) {
            self.full().on_sent();
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
        mut on_change: impl FnMut(OutageChange<C>),
    ) {
        let is_taken = match (&mut self.tier, &kind) {
            (Tier::Plain(plain), SettledKind::Replied { rtt }) => {
                plain.take(seq, *rtt, Self::PLAIN)
            }
            (Tier::Plain(plain), SettledKind::Lost(cause)) if plain.is_next(seq) => {
                let (first_seq, started_at_ns, cause) = (seq, sent_at_ns, cause.clone());
                let silent = Silent::new(std::mem::take(plain), seq, sent_at_ns, cause.clone());
                self.tier = Tier::Silent(Box::new(silent));
                on_change(OutageChange::Begin { first_seq, started_at_ns, cause });
                true
            }
            (Tier::Silent(silent), SettledKind::Lost(cause)) => {
                silent.lose(seq, cause, Self::SILENT)
            }
            _ => false,
        };
        if !is_taken {
            self.full().on_settled(seq, sent_at_ns, kind, on_change);
        }
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
            Tier::Silent(silent) => silent.finish(now_ns),
            Tier::Full(full) => full.finish(now_ns, on_change),
        }
    }

    /// How many probes went where.
    #[must_use]
    pub fn counters(&self) -> Counters {
        match &self.tier {
            Tier::Plain(plain) => plain.counters(0),
            Tier::Silent(silent) => silent.plain.counters(silent.outage.lost),
            Tier::Full(full) => full.counters,
        }
    }

    /// The round-trip times.
    #[must_use]
    pub fn rtt(&self) -> Cow<'_, RttStats> {
        match self.tier.parts() {
            Ok(plain) => {
                let mut rtt = RttStats::new();
                plain.times().for_each(|time| rtt.record(time));
                Cow::Owned(rtt)
            }
            Err(full) => Cow::Borrowed(&full.rtt),
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
        match self.tier.parts() {
            Ok(plain) => {
                let mut jitter = InterarrivalJitter::new();
                plain.times().for_each(|time| jitter.record(time));
                jitter
            }
            Err(full) => full.interarrival,
        }
    }

    /// The delay variation of consecutive probes.
    #[must_use]
    pub fn ipdv(&self) -> Ipdv {
        match self.tier.parts() {
            Ok(plain) => {
                let mut ipdv = Ipdv::new();
                (1..).zip(plain.times()).for_each(|(seq, time)| ipdv.record(seq, time));
                ipdv
            }
            Err(full) => full.ipdv,
        }
    }

    /// The replies out of order.
    #[must_use]
    pub fn reordering(&self) -> Cow<'_, Reordering> {
        match self.tier.parts() {
            Ok(plain) => {
                let mut reordering = Reordering::new();
                for (seq, _) in (1..).zip(plain.times()) {
                    reordering.record(seq);
                    reordering.forget_below(seq + 1);
                }
                Cow::Owned(reordering)
            }
            Err(full) => Cow::Borrowed(&full.reordering),
        }
    }

    /// The outages that are kept, oldest first, without an open one.
    pub fn outages(&self) -> impl Iterator<Item = Outage<C>> {
        let (full, silent) = match &self.tier {
            Tier::Plain(_) => (None, None),
            Tier::Silent(silent) => (None, silent.ended()),
            Tier::Full(full) => (Some(full), None),
        };
        full.into_iter().flat_map(|full| full.outages.iter()).chain(silent.cloned())
    }

    /// So many older outages were dropped.
    #[must_use]
    pub fn outages_omitted(&self) -> u64 {
        self.tier.parts().map_or_else(|full| full.outages.omitted(), |_| 0)
    }

    /// Settled probes that wait for an earlier one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tier.parts().map_or_else(|full| full.order.waiting(), |_| 0)
    }

    /// Bytes held outside the struct, but for outages and what waits.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.tier {
            Tier::Plain(plain) => plain.heap_bytes(),
            Tier::Silent(silent) => size_of::<Silent<C>>() + silent.plain.heap_bytes(),
            Tier::Full(full) => size_of::<Full<C>>() + full.heap_bytes(),
        }
    }

    /// All statistics, from now on kept as they are.
    fn full(&mut self) -> &mut Full<C> {
        let full = match &self.tier {
            Tier::Plain(plain) => Some(plain.to_full()),
            Tier::Silent(silent) => Some(silent.to_full()),
            Tier::Full(_) => None,
        };
        if let Some(full) = full {
            self.tier = Tier::Full(Box::new(full));
        }
        match &mut self.tier {
            Tier::Full(full) => full,
            Tier::Plain(_) | Tier::Silent(_) => unreachable!("made full above"),
        }
    }
}

impl<C> Tier<C> {
    /// The round trips, where they are all that is kept of answers.
    fn parts(&self) -> Result<&Plain, &Full<C>> {
        match self {
            Self::Plain(plain) => Ok(plain),
            Self::Silent(silent) => Ok(&silent.plain),
            Self::Full(full) => Err(full),
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
    use std::time::Duration;

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

    /// Some answers, then silence; and then something else.
    #[test]
    fn a_series_that_fell_silent_says_what_a_full_one_says() {
        for replies in [0_u64, 1, 5, 32] {
            let (mut series, mut full) = (SeriesStats::<char>::new(), Full::<char>::new());
            let (mut told, mut told_of_full) = (Vec::new(), Vec::new());
            let mut settle = |series: &mut SeriesStats<char>, full: &mut Full<char>, seq, kind| {
                series.on_sent();
                full.on_sent();
                let kind: SettledKind<char> = kind;
                series.on_settled(seq, seq * 100, kind.clone(), |change| told.push(change));
                full.on_settled(seq, seq * 100, kind, |change| told_of_full.push(change));
                assert_eq!(told, told_of_full);
                assert_eq!(series.counters(), full.counters);
                assert_eq!(series.rtt().summary(), full.rtt.summary());
                assert_eq!(series.reordering().arrivals(), full.reordering.arrivals());
                assert!(series.outages().eq(full.outages.iter()));
            };
            (1..=replies).for_each(|seq| settle(&mut series, &mut full, seq, replied(seq)));
            let lost = replies + SeriesStats::<char>::SILENT;
            for seq in replies + 1..=lost {
                settle(&mut series, &mut full, seq, SettledKind::Lost('t'));
                assert!(matches!(series.tier, Tier::Silent(_)), "{seq}");
            }
            let end = lost * 100 + 50;
            for mut one in [series.clone(), series.clone()] {
                let mut other = full.clone();
                assert_eq!(one.finish(end, |_| ()), other.finish(end, |_| ()));
                assert_eq!(one.finish(end, |_| ()), None);
                assert!(one.outages().eq(other.outages.iter()) && one.outages().count() == 1);
                one.on_late();
                assert!(one.outages().eq(other.outages.iter()), "and when more is kept of it");
            }
            for kind in [SettledKind::Lost('t'), SettledKind::Lost('u'), replied(3)] {
                let (mut series, mut full) = (series.clone(), full.clone());
                settle(&mut series, &mut full, lost + 1, kind);
                assert!(matches!(series.tier, Tier::Full(_)));
                assert_eq!(series.finish(end, |_| ()), full.finish(end, |_| ()));
            }
        }
    }

    #[test]
    fn a_silent_series_takes_little_room() {
        let (series, _) = series((1..=20).map(|seq| (seq, SettledKind::Lost('t'))).collect());
        assert!(series.heap_bytes() <= 128, "{}", series.heap_bytes());
    }

    #[test]
    fn a_plain_series_of_twenty_takes_little_room() {
        let (series, _) = series((1..=20).map(|seq| (seq, replied(1))).collect());
        assert!(size_of::<SeriesStats<[u64; 3]>>() <= 32);
        assert!(series.heap_bytes() <= 96, "{}", series.heap_bytes());
    }
}
