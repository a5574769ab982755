//! A store of durations that starts small and stays small.

use super::histogram::TightHistogram;
use super::nanos;
use std::time::Duration;

/// Durations kept for percentiles, exact at first and in a histogram later.
///
/// | values | kept in | percentiles | bytes on the heap |
/// |---|---|---|---|
/// | up to 3 | the struct | exact | 0 |
/// | up to [`EXACT_CAP`](Self::EXACT_CAP) | a list of nanoseconds | exact | at most 8 KiB |
/// | more | a histogram | within [`RELATIVE_ERROR`](Self::RELATIVE_ERROR) | 12 KiB for a maximum of 1 s, 16 KiB for 4 minutes, at most 28.6 KiB |
///
/// Smallest and largest value are exact in all three. A duration over 292 years counts as 292 years;
/// in the histogram a count stays at `u32::MAX`.
#[derive(Clone, Debug)]
pub struct Samples {
    store: Store,
}

/// What a percentile of [`Samples`] was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PercentileKind {
    /// Every value is kept.
    Exact,
    /// The values are kept in a histogram, within [`Samples::RELATIVE_ERROR`].
    Histogram,
}

impl PercentileKind {
    /// The word for it in the results: `exact` or `histogram`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Histogram => "histogram",
        }
    }
}

#[derive(Clone, Debug)]
enum Store {
    Few { len: u8, values: [u64; FEW] },
    Exact(Vec<u64>),
    Many(Box<TightHistogram>),
}

impl Samples {
    /// So many values are kept as they are.
    pub const EXACT_CAP: usize = 1024;

    /// A percentile from the histogram differs from the exact one by at most this share of it.
    pub const RELATIVE_ERROR: f64 = 0.01;

    /// An empty store.
    #[must_use]
    pub const fn new() -> Self {
        Self { store: Store::Few { len: 0, values: [0; FEW] } }
    }

    /// Adds one value.
    pub fn record(&mut self, value: Duration) {
        let ns = nanos(value);
        match &mut self.store {
            Store::Few { len, values } if usize::from(*len) < FEW => {
                values[usize::from(*len)] = ns;
                *len += 1;
            }
            Store::Few { values, .. } => {
                let mut list = Vec::with_capacity(FIRST_LIST);
                list.extend_from_slice(values);
                list.push(ns);
                self.store = Store::Exact(list);
            }
            Store::Exact(list) if list.len() < Self::EXACT_CAP => list.push(ns),
            Store::Exact(list) => {
                let mut many = Box::new(TightHistogram::of(list));
                many.record(ns);
                self.store = Store::Many(many);
            }
            Store::Many(many) => many.record(ns),
        }
    }

    /// So many values were recorded.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.store {
            Store::Many(many) => many.len(),
            _ => self.list().len() as u64,
        }
    }

    /// Whether no value was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The smallest value, exact.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        match &self.store {
            Store::Many(many) => Some(many.min()),
            _ => self.list().iter().min().copied(),
        }
        .map(Duration::from_nanos)
    }

    /// The largest value, exact.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        match &self.store {
            Store::Many(many) => Some(many.max()),
            _ => self.list().iter().max().copied(),
        }
        .map(Duration::from_nanos)
    }

    /// The value of rank ⌈p/100 × n⌉ (nearest rank, RFC 2330 section 11.3), `p` from 0 to 100;
    /// `None` when there is no value.
    #[must_use]
    pub fn percentile(&self, p: f64) -> Option<Duration> {
        self.percentiles([p]).map(|[value]| value)
    }

    /// Several percentiles for the price of one.
    #[must_use]
    pub fn percentiles<const N: usize>(&self, ps: [f64; N]) -> Option<[Duration; N]> {
        if self.is_empty() {
            return None;
        }
        let ranks = ps.map(|p| nearest_rank(p, self.len()));
        if let Store::Many(many) = &self.store {
            return Some(many.at_ranks(ranks).map(Duration::from_nanos));
        }
        let mut sorted = self.list().to_vec();
        sorted.sort_unstable();
        Some(ranks.map(|rank| Duration::from_nanos(sorted[rank as usize - 1])))
    }

    /// Whether percentiles are exact.
    #[must_use]
    pub const fn kind(&self) -> PercentileKind {
        match self.store {
            Store::Few { .. } | Store::Exact(_) => PercentileKind::Exact,
            Store::Many(_) => PercentileKind::Histogram,
        }
    }

    /// Bytes held outside the struct.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.store {
            Store::Few { .. } => 0,
            Store::Exact(list) => list.capacity() * size_of::<u64>(),
            Store::Many(many) => many.heap_bytes(),
        }
    }

    /// The values in the order of arrival, while all are kept.
    fn list(&self) -> &[u64] {
        match &self.store {
            Store::Few { len, values } => &values[..usize::from(*len)],
            Store::Exact(list) => list,
            Store::Many(_) => &[],
        }
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

/// The rank of a percentile among `n > 0` values, from 1 to `n`.
fn nearest_rank(p: f64, n: u64) -> u64 {
    let exact = p * n as f64 / 100.0;
    // 0.14 × 5000 / 100 is 7.000000000000001 in binary: a hair above a whole number is that number.
    let whole = exact.round();
    let rank = if (exact - whole).abs() <= whole * 1e-12 { whole } else { exact.ceil() };
    (rank as u64).clamp(1, n)
}

const FEW: usize = 3;
/// A power of two, so that doubling ends at the cap.
const FIRST_LIST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::LONGEST_NS;

    fn of(values: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::new();
        for ns in values {
            samples.record(Duration::from_nanos(ns));
        }
        samples
    }

    #[track_caller]
    fn check(values: &[u64], p: f64, expect: Option<u64>) {
        let samples = of(values.iter().copied());
        assert_eq!(samples.percentile(p), expect.map(Duration::from_nanos), "p{p} of {values:?}");
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        check(&[], 50.0, None);
        check(&[7], 0.0, Some(7));
        check(&[7], 100.0, Some(7));
        // ⌈0.5 × 2⌉ = 1, ⌈0.51 × 2⌉ = 2.
        check(&[9, 3], 50.0, Some(3));
        check(&[9, 3], 51.0, Some(9));
        // The textbook five: ⌈1.5⌉ = 2, ⌈2⌉ = 2, ⌈2.5⌉ = 3.
        check(&[15, 20, 35, 40, 50], 30.0, Some(20));
        check(&[15, 20, 35, 40, 50], 40.0, Some(20));
        check(&[15, 20, 35, 40, 50], 50.0, Some(35));
        check(&[15, 20, 35, 40, 50], 100.0, Some(50));
    }

    #[test]
    fn a_rank_is_not_lost_to_binary_fractions() {
        for (p, n, rank) in [(7.0, 100, 7), (95.0, 20, 19), (99.9, 1000, 999), (0.14, 5000, 7)] {
            assert_eq!(nearest_rank(p, n), rank, "p{p} of {n}");
        }
        assert_eq!(nearest_rank(f64::NAN, 5), 1);
        assert_eq!(nearest_rank(-1.0, 5), 1);
        assert_eq!(nearest_rank(101.0, 5), 5);
    }

    #[test]
    fn the_store_moves_from_struct_to_list_to_histogram() {
        let cap = Samples::EXACT_CAP as u64;
        assert_eq!((of(0..3).kind(), of(0..3).heap_bytes()), (PercentileKind::Exact, 0));
        assert_eq!((of(0..cap).kind(), of(0..cap).len()), (PercentileKind::Exact, cap));
        assert!(of(0..cap).heap_bytes() <= 8 << 10);
        assert_eq!((of(0..=cap).kind(), of(0..=cap).len()), (PercentileKind::Histogram, cap + 1));
        assert!(size_of::<Samples>() <= 40);
    }

    #[test]
    fn the_histogram_keeps_both_ends_exact_and_its_promise_between() {
        // 1.001 ms to 3.000 ms in steps of 1 µs, then one of 10 s that widens it.
        let mut samples = of((1001..=3000).map(|us| us * 1000));
        samples.record(Duration::from_secs(10));
        assert_eq!(samples.min(), Some(Duration::from_micros(1001)));
        assert_eq!(samples.max(), Some(Duration::from_secs(10)));
        assert_eq!(
            samples.percentiles([0.0, 100.0]),
            samples.min().zip(samples.max()).map(Into::into)
        );
        // ⌈0.5 × 2001⌉ = 1001st value: 2.001 ms.
        let p50 = samples.percentile(50.0).expect("not empty").as_secs_f64();
        assert!((p50 / 0.002_001 - 1.0).abs() <= Samples::RELATIVE_ERROR, "{p50}");
    }

    #[test]
    fn extreme_durations_are_kept_in_bounds() {
        let mut samples = Samples::new();
        for _ in 0..2000 {
            samples.record(Duration::MAX);
            samples.record(Duration::ZERO);
        }
        assert_eq!(samples.min(), Some(Duration::ZERO));
        assert_eq!(samples.max(), Some(Duration::from_nanos(LONGEST_NS)));
        assert_eq!(samples.percentile(50.0), Some(Duration::ZERO));
        assert!(samples.heap_bytes() <= 29_300, "{}", samples.heap_bytes());
    }

    #[test]
    fn the_table_of_sizes_is_true() {
        for (max, bytes) in [(1_000_000_000, 12 << 10), (240_000_000_000, 16 << 10)] {
            let heap = of((0..2000).map(|i| max - i)).heap_bytes();
            assert!(heap <= bytes + 256, "{heap} bytes for {max} ns");
        }
    }

    #[test]
    fn a_constant_stream_has_one_percentile() {
        for n in [1, 3, 4, 1024, 1025, 5000] {
            let samples = of((0..n).map(|_| 1_234_567));
            let same = Duration::from_nanos(1_234_567);
            assert_eq!(samples.percentiles([0.0, 1.0, 50.0, 99.0, 100.0]), Some([same; 5]), "{n}");
        }
    }
}
