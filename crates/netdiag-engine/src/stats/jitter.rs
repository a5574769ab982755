//! How much the delay varies: three definitions, each under its own name.

use super::{RttStats, from_nanos_f64, nanos};
use netdiag_model::{contract, milliseconds};
use std::time::Duration;

/// Interarrival jitter (RFC 3550 section 6.4.1), from round-trip times.
///
/// Each reply, in order of arrival, moves the estimate a sixteenth of the way to its difference
/// from the reply before. It starts at 0, so it reads too low at first: after 50 differences 4 % of
/// that start is left, and about so many are needed. There is no echo of the far end's clock, so D
/// is the difference of two round-trip times and holds the variation of both directions.
#[derive(Clone, Copy, Debug, Default)]
pub struct InterarrivalJitter {
    previous: Option<u64>,
    jitter: f64,
    samples: u64,
}

impl InterarrivalJitter {
    /// No replies yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { previous: None, jitter: 0.0, samples: 0 }
    }

    /// Adds the next reply in order of arrival.
    pub fn record(&mut self, rtt: Duration) {
        let rtt = nanos(rtt);
        if let Some(previous) = self.previous.replace(rtt) {
            // RFC 3550 section 6.4.1: D(i,j) = (Rj - Sj) - (Ri - Si); J += (|D| - J) / 16.
            let difference = rtt.abs_diff(previous) as f64;
            self.jitter += (difference - self.jitter) / 16.0;
            self.samples += 1;
        }
    }

    /// The estimate; `None` before the second reply.
    #[must_use]
    pub fn jitter(&self) -> Option<Duration> {
        (self.samples > 0).then(|| from_nanos_f64(self.jitter))
    }

    /// So many differences went into the estimate.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }
}

/// IP packet delay variation (RFC 3393 section 2.4) with consecutive packets selected, on
/// round-trip times: the delay of a packet minus the delay of the packet before it, signed.
///
/// It is fed in order of sequence. RFC 3393 section 2.4 leaves the value undefined when either
/// packet is lost, so a gap in the sequence is no pair.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ipdv {
    previous: Option<(u64, u64)>,
    pairs: u64,
    min_ns: i64,
    max_ns: i64,
    mean_ns: f64,
    abs_mean_ns: f64,
}

/// What [`Ipdv`] amounts to. Signed values are nanoseconds, because a `Duration` has no sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IpdvSummary {
    /// The greatest fall of the delay between two packets, or the smallest rise.
    pub min_ns: i64,
    /// The mean of the signed differences; near 0 when the delay has no trend.
    pub mean_ns: f64,
    /// The greatest rise.
    pub max_ns: i64,
    /// The mean of the absolute differences.
    pub abs_mean: Duration,
    /// So many pairs of consecutive packets were both answered.
    pub pairs: u64,
}

impl Ipdv {
    /// No replies yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { previous: None, pairs: 0, min_ns: 0, max_ns: 0, mean_ns: 0.0, abs_mean_ns: 0.0 }
    }

    /// Adds the reply to probe `seq`, a larger one at each call.
    pub fn record(&mut self, seq: u64, rtt: Duration) {
        let rtt = nanos(rtt);
        if let Some((before, previous)) = self.previous.replace((seq, rtt))
            && before.checked_add(1) == Some(seq)
        {
            // Both are at most i64::MAX, so the difference neither wraps nor overflows.
            self.add(rtt as i64 - previous as i64);
        }
    }

    /// The statistics; `None` without a pair.
    #[must_use]
    pub fn summary(&self) -> Option<IpdvSummary> {
        (self.pairs > 0).then(|| IpdvSummary {
            min_ns: self.min_ns,
            mean_ns: self.mean_ns,
            max_ns: self.max_ns,
            abs_mean: from_nanos_f64(self.abs_mean_ns),
            pairs: self.pairs,
        })
    }

    fn add(&mut self, difference: i64) {
        if self.pairs == 0 {
            (self.min_ns, self.max_ns) = (difference, difference);
        }
        self.pairs += 1;
        self.min_ns = self.min_ns.min(difference);
        self.max_ns = self.max_ns.max(difference);
        let (n, x) = (self.pairs as f64, difference as f64);
        self.mean_ns += (x - self.mean_ns) / n;
        self.abs_mean_ns += (x.abs() - self.abs_mean_ns) / n;
    }
}

/// The 95th percentile of the packet delay variation (RFC 5481 section 4.2): delay minus the
/// shortest delay of the series. `None` without a reply.
#[must_use]
pub fn pdv_p95(rtt: &RttStats) -> Option<Duration> {
    Some(rtt.percentile(95.0)?.saturating_sub(rtt.min()?))
}

/// Every kind of jitter of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JitterSummary {
    /// [`InterarrivalJitter`]; `None` before the second reply.
    pub rfc3550: Option<Duration>,
    /// [`Ipdv`]; `None` without two consecutive replies.
    pub ipdv: Option<IpdvSummary>,
    /// [`pdv_p95`].
    pub pdv_p95: Duration,
}

impl From<JitterSummary> for contract::Jitter {
    fn from(jitter: JitterSummary) -> Self {
        let ipdv = jitter.ipdv.as_ref();
        Self {
            rfc3550: jitter.rfc3550.map(milliseconds),
            ipdv_abs_mean: ipdv.map(|ipdv| milliseconds(ipdv.abs_mean)),
            ipdv_min: ipdv.map(|ipdv| ipdv.min_ns as f64 / 1e6),
            ipdv_max: ipdv.map(|ipdv| ipdv.max_ns as f64 / 1e6),
            pdv_p95: milliseconds(jitter.pdv_p95),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rfc3550(rtts_ms: &[u64], expect_ns: Option<u64>) {
        let mut jitter = InterarrivalJitter::new();
        for &ms in rtts_ms {
            jitter.record(Duration::from_millis(ms));
        }
        assert_eq!(jitter.jitter(), expect_ns.map(Duration::from_nanos), "{rtts_ms:?}");
        assert_eq!(jitter.samples(), rtts_ms.len().saturating_sub(1) as u64);
    }

    #[test]
    fn interarrival_jitter_moves_a_sixteenth_of_the_way() {
        check_rfc3550(&[], None);
        check_rfc3550(&[10], None);
        check_rfc3550(&[10, 26], Some(1_000_000)); // 16/16
        check_rfc3550(&[26, 10], Some(1_000_000)); // |D|
        check_rfc3550(&[10, 26, 26], Some(937_500)); // 1 - 1/16
        check_rfc3550(&[10, 26, 26, 42], Some(1_878_906)); // 0.9375 + (16 - 0.9375)/16
    }

    #[test]
    fn interarrival_jitter_of_a_constant_stream_is_zero_and_of_a_constant_step_is_the_step() {
        check_rfc3550(&[50; 200], Some(0));
        let mut jitter = InterarrivalJitter::new();
        for i in 0..1000 {
            jitter.record(Duration::from_millis(10 + i % 2 * 4));
        }
        assert_eq!(jitter.jitter(), Some(Duration::from_millis(4)));
    }

    #[test]
    fn after_50_differences_4_per_cent_of_the_start_are_left() {
        let mut jitter = InterarrivalJitter::new();
        for i in 0..=50 {
            jitter.record(Duration::from_millis(i % 2 * 100));
        }
        // 100 × (1 - (15/16)^50) = 100 × (1 - 0.0397)
        assert_eq!(jitter.jitter().map(|j| j.as_millis()), Some(96));
        assert_eq!(jitter.samples(), 50);
    }

    fn ipdv(replies: &[(u64, u64)]) -> Option<IpdvSummary> {
        let mut ipdv = Ipdv::new();
        for &(seq, ms) in replies {
            ipdv.record(seq, Duration::from_millis(ms));
        }
        ipdv.summary()
    }

    #[test]
    fn ipdv_is_signed_and_skips_pairs_with_a_lost_probe() {
        // 3 is lost: 13 - 10 and 9 - 11.
        let expect = IpdvSummary {
            min_ns: -2_000_000,
            mean_ns: 500_000.0,
            max_ns: 3_000_000,
            abs_mean: Duration::from_micros(2500),
            pairs: 2,
        };
        assert_eq!(ipdv(&[(1, 10), (2, 13), (4, 11), (5, 9)]), Some(expect));
        assert_eq!(ipdv(&[(1, 10), (3, 20), (5, 30)]), None);
        assert_eq!(ipdv(&[(1, 10)]), None);
    }

    #[test]
    fn ipdv_of_a_constant_stream_is_zero() {
        let stream: Vec<_> = (1..100).map(|seq| (seq, 42)).collect();
        let zero =
            IpdvSummary { min_ns: 0, mean_ns: 0.0, max_ns: 0, abs_mean: Duration::ZERO, pairs: 98 };
        assert_eq!(ipdv(&stream), Some(zero));
    }

    #[test]
    fn ipdv_of_a_steady_rise_is_the_step_at_both_ends() {
        let summary = ipdv(&[(7, 1), (8, 4), (9, 7)]).expect("two pairs");
        assert_eq!((summary.min_ns, summary.max_ns), (3_000_000, 3_000_000));
    }

    #[test]
    fn pdv_is_the_percentile_above_the_shortest() {
        let mut rtt = RttStats::new();
        assert_eq!(pdv_p95(&rtt), None);
        for ms in 1..=20 {
            rtt.record(Duration::from_millis(ms));
        }
        // ⌈0.95 × 20⌉ = 19th: 19 - 1.
        assert_eq!(pdv_p95(&rtt), Some(Duration::from_millis(18)));
    }

    #[test]
    fn pdv_of_a_constant_stream_is_zero() {
        let mut rtt = RttStats::new();
        for _ in 0..3000 {
            rtt.record(Duration::from_nanos(987_654_321));
        }
        assert_eq!(pdv_p95(&rtt), Some(Duration::ZERO));
    }
}
