//! The histogram behind [`Samples`](super::Samples).

use super::LONGEST_NS;
use hdrhistogram::Histogram;

/// A histogram that covers its largest value and no more, and the two ends exactly.
#[derive(Clone, Debug)]
pub(super) struct TightHistogram {
    histogram: Histogram<u32>,
    min: u64,
    max: u64,
}

impl TightHistogram {
    pub(super) fn of(values: &[u64]) -> Self {
        let mut histogram = Self { histogram: covering(0), min: LONGEST_NS, max: 0 };
        for &ns in values {
            histogram.record(ns);
        }
        histogram
    }

    pub(super) fn record(&mut self, ns: u64) {
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        if ns > self.histogram.high() {
            // The histogram's own growth may double the capacity of its list; this one is tight.
            // Each step at least doubles the range, so there are fewer than 64 in a life.
            let mut wider = covering(ns);
            wider.add(&self.histogram).expect("the wider range holds the narrower one");
            self.histogram = wider;
        }
        self.histogram.saturating_record(ns);
    }

    pub(super) fn len(&self) -> u64 {
        self.histogram.len()
    }

    pub(super) const fn min(&self) -> u64 {
        self.min
    }

    pub(super) const fn max(&self) -> u64 {
        self.max
    }

    /// Itself included, for it lives in a box.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.histogram.distinct_values() * size_of::<u32>()
    }

    /// For each rank from 1 the middle of the bucket that holds its value; exact at both ends.
    pub(super) fn at_ranks<const N: usize>(&self, ranks: [u64; N]) -> [u64; N] {
        let mut values = ranks.map(|rank| if rank == 1 { self.min } else { self.max });
        let mut passed = 0;
        for bucket in self.histogram.iter_recorded() {
            let before = passed;
            passed += u64::from(bucket.count_at_value());
            let here = |rank: u64| rank > before.max(1) && rank <= passed && rank < self.len();
            for (value, _) in values.iter_mut().zip(ranks).filter(|&(_, rank)| here(rank)) {
                let middle = self.histogram.median_equivalent(bucket.value_iterated_to());
                *value = middle.clamp(self.min, self.max);
            }
        }
        values
    }
}

/// An empty histogram up to the next power of two above `ns`, in steps of 1 ns at the bottom.
fn covering(ns: u64) -> Histogram<u32> {
    let bits = (u64::BITS - ns.leading_zeros()).max(SMALLEST_RANGE_BITS);
    Histogram::new_with_bounds(1, (1 << bits) - 1, SIGNIFICANT_DIGITS)
        .expect("1 ns to at most 63 bits with two digits is a valid range")
}

/// Two digits need 128 buckets for each doubling: a bucket is at most 1/128 of its value wide, and
/// its middle is at most 0.4 % from any value in it.
const SIGNIFICANT_DIGITS: u8 = 2;
/// 16.8 ms: most series never widen.
const SMALLEST_RANGE_BITS: u32 = 24;
