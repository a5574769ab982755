//! Round-trip times (RFC 2681): their ends, their mean, their spread.

use super::{PercentileKind, Samples, from_nanos_f64, nanos};
use netdiag_model::{contract, milliseconds};
use std::time::Duration;

/// The round-trip times of one target, hop or responder.
///
/// First replies in time are recorded; late ones and duplicates are not. Mean and variance are
/// computed by Welford's recurrence in `f64`, so no square of a time is ever an integer.
#[derive(Clone, Debug, Default)]
pub struct RttStats {
    samples: Samples,
    last: u64,
    mean: f64,
    /// The sum of squared distances from the mean, in ns².
    squares: f64,
}

/// All of [`RttStats`] at one moment, to a nanosecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RttSummary {
    /// The shortest.
    pub min: Duration,
    /// The arithmetic mean.
    pub mean: Duration,
    /// The longest.
    pub max: Duration,
    /// The standard deviation of a sample, with n - 1; `None` for a single one.
    pub stddev: Option<Duration>,
    /// The standard deviation of the population, with n, as iputils prints it.
    pub mdev: Duration,
    /// The one recorded last.
    pub last: Duration,
    /// The median.
    pub p50: Duration,
    /// The 90th percentile.
    pub p90: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// So many were recorded.
    pub samples: u64,
    /// What the percentiles were read from.
    pub percentiles: PercentileKind,
}

impl From<RttSummary> for contract::Rtt {
    fn from(rtt: RttSummary) -> Self {
        Self {
            min: milliseconds(rtt.min),
            mean: milliseconds(rtt.mean),
            max: milliseconds(rtt.max),
            stddev: rtt.stddev.map(milliseconds),
            mdev: milliseconds(rtt.mdev),
            last: milliseconds(rtt.last),
            p50: milliseconds(rtt.p50),
            p90: milliseconds(rtt.p90),
            p95: milliseconds(rtt.p95),
            p99: milliseconds(rtt.p99),
            samples: rtt.samples,
        }
    }
}

impl RttStats {
    /// No times yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { samples: Samples::new(), last: 0, mean: 0.0, squares: 0.0 }
    }

    /// Adds one round-trip time.
    pub fn record(&mut self, rtt: Duration) {
        self.samples.record(rtt);
        self.last = nanos(rtt);
        let x = self.last as f64;
        let before = x - self.mean;
        self.mean += before / self.samples.len() as f64;
        self.squares += before * (x - self.mean);
    }

    /// So many were recorded.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.samples.len()
    }

    /// Whether none was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The values behind the percentiles.
    #[must_use]
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The shortest.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.samples.min()
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        self.samples.max()
    }

    /// The one recorded last.
    #[must_use]
    pub fn last(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_nanos(self.last))
    }

    /// The arithmetic mean.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| from_nanos_f64(self.mean))
    }

    /// The standard deviation of a sample, √(ssd/(n-1)); `None` for fewer than two.
    #[must_use]
    pub fn stddev(&self) -> Option<Duration> {
        (self.len() > 1).then(|| from_nanos_f64((self.squares / (self.len() - 1) as f64).sqrt()))
    }

    /// The standard deviation of the population, √(ssd/n), which iputils calls mdev. (iputils lets
    /// duplicates in; they are no samples here.)
    #[must_use]
    pub fn mdev(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| from_nanos_f64((self.squares / self.len() as f64).sqrt()))
    }

    /// The percentile by nearest rank, `p` from 0 to 100.
    #[must_use]
    pub fn percentile(&self, p: f64) -> Option<Duration> {
        self.samples.percentile(p)
    }

    /// Everything at once, or `None` without a reply.
    #[must_use]
    pub fn summary(&self) -> Option<RttSummary> {
        let [min, p50, p90, p95, p99, max] =
            self.samples.percentiles([0.0, 50.0, 90.0, 95.0, 99.0, 100.0])?;
        Some(RttSummary {
            min,
            mean: self.mean()?,
            max,
            stddev: self.stddev(),
            mdev: self.mdev()?,
            last: self.last()?,
            p50,
            p90,
            p95,
            p99,
            samples: self.len(),
            percentiles: self.samples.kind(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = Duration>) -> RttStats {
        let mut rtt = RttStats::new();
        for value in values {
            rtt.record(value);
        }
        rtt
    }

    #[test]
    fn the_summary_is_the_one_by_hand() {
        let ms = Duration::from_millis;
        // Mean 25; squared distances 25 + 225 + 225 + 25 = 500; √(500/3) and √(500/4).
        assert_eq!(
            of([20, 40, 10, 30].map(ms)).summary(),
            Some(RttSummary {
                min: ms(10),
                mean: ms(25),
                max: ms(40),
                stddev: Some(Duration::from_nanos(12_909_944)),
                mdev: Duration::from_nanos(11_180_340),
                last: ms(30),
                p50: ms(20),
                p90: ms(40),
                p95: ms(40),
                p99: ms(40),
                samples: 4,
                percentiles: PercentileKind::Exact,
            })
        );
    }

    #[test]
    fn no_reply_has_no_summary_and_one_has_no_deviation() {
        assert_eq!(RttStats::new().summary(), None);
        assert_eq!(RttStats::new().mean(), None);
        assert_eq!(RttStats::new().last(), None);
        assert_eq!(RttStats::new().mdev(), None);
        let one = of([Duration::from_nanos(17)]).summary().expect("one reply");
        assert_eq!((one.mean, one.mdev, one.stddev), (one.min, Duration::ZERO, None));
    }

    #[test]
    fn a_constant_stream_has_no_spread_whatever_its_length() {
        let same = Duration::from_nanos(123_456_789);
        let summary = of((0..100_000).map(|_| same)).summary().expect("replies");
        assert_eq!((summary.min, summary.mean, summary.max), (same, same, same));
        assert_eq!((summary.stddev, summary.mdev), (Some(Duration::ZERO), Duration::ZERO));
        assert_eq!((summary.p50, summary.p99, summary.last), (same, same, same));
    }

    #[test]
    fn a_small_spread_on_a_large_time_is_not_rounded_away() {
        // 0 and 2 ns around an hour: mean +1 ns, mdev 1 ns. Squares of the times would need 2^83.
        let hour = Duration::from_secs(3600);
        let rtt = of((0..1000).map(|i| hour + Duration::from_nanos(i % 2 * 2)));
        assert_eq!(rtt.mean(), Some(hour + Duration::from_nanos(1)));
        assert_eq!(rtt.mdev(), Some(Duration::from_nanos(1)));
    }

    #[test]
    fn the_longest_times_neither_wrap_nor_panic() {
        let rtt = of([Duration::MAX, Duration::ZERO, Duration::MAX]);
        assert_eq!(rtt.min(), Some(Duration::ZERO));
        assert!(rtt.mean() < rtt.max() && rtt.stddev() > rtt.mdev());
    }
}
