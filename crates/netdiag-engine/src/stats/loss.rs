//! The loss ratio and how far it can be trusted.

/// The two-sided 95 % quantile of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// So many probes lost out of so many: `0 <= lost <= of`, `of > 0`.
///
/// The counts are those of round-trip loss (RFC 6673 section 4): a probe is lost when no reply came
/// in time, whatever the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    lost: u64,
    of: u64,
}

impl Loss {
    /// `None` when `of` is 0, where no ratio exists, or smaller than `lost`.
    #[must_use]
    pub const fn new(lost: u64, of: u64) -> Option<Self> {
        if of == 0 || lost > of { None } else { Some(Self { lost, of }) }
    }

    /// Probes without a reply.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Probes that count.
    #[must_use]
    pub const fn of(&self) -> u64 {
        self.of
    }

    /// Between 0 and 1.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.lost as f64 / self.of as f64
    }

    /// Between 0 and 100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        (100.0 * self.lost as f64 / self.of as f64).min(100.0)
    }

    /// The 95 % confidence interval in per cent, `(low, high)`.
    #[must_use]
    pub fn wilson95(&self) -> (f64, f64) {
        self.wilson(Z95)
    }

    /// The score interval (Wilson 1927) in per cent for a normal quantile `z`, `(low, high)`.
    ///
    /// It always contains [`percent`](Self::percent), stays within 0 and 100, and says something
    /// useful when nothing or everything was lost: then that end is exactly 0 or 100.
    #[must_use]
    pub fn wilson(&self, z: f64) -> (f64, f64) {
        let (n, p) = (self.of as f64, self.ratio());
        let z2 = z * z;
        let centre = p + z2 / (2.0 * n);
        let spread = z.abs() * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        let scale = 100.0 / (1.0 + z2 / n);
        let (low, high) = (scale * (centre - spread), scale * (centre + spread));
        let percent = self.percent();
        // Rounding must not push an end past the ratio; with nothing or everything lost it is that.
        (low.clamp(0.0, percent), high.clamp(percent, 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interval in per cent, to two decimals.
    #[track_caller]
    fn check(lost: u64, of: u64, percent: f64, expect: (f64, f64)) {
        let loss = Loss::new(lost, of).expect("a valid ratio");
        let (low, high) = loss.wilson95();
        assert!((loss.percent() - percent).abs() < 0.005, "{}", loss.percent());
        assert!((low - expect.0).abs() < 0.0051, "low {low}");
        assert!((high - expect.1).abs() < 0.0051, "high {high}");
    }

    #[test]
    fn intervals_are_the_published_ones() {
        // Newcombe 1998, table I, method 3 (score without continuity correction).
        check(81, 263, 30.80, (25.53, 36.62));
        check(15, 148, 10.14, (6.24, 16.05));
        check(0, 20, 0.0, (0.0, 16.11));
        check(1, 29, 3.45, (0.61, 17.18));
        // By hand: z² = 3.8415, centre 0.18201/1.06402, spread 1.96 × √0.0023919 / 1.06402.
        check(9, 60, 15.0, (8.10, 26.11));
    }

    #[test]
    fn nothing_and_everything_lost_are_exact_at_their_end() {
        for n in [1, 2, 3, 20, 1_000_003] {
            let (none, all) = (Loss::new(0, n).expect("n > 0"), Loss::new(n, n).expect("n > 0"));
            assert_eq!((none.ratio(), none.percent(), none.wilson95().0), (0.0, 0.0, 0.0));
            assert_eq!((all.ratio(), all.percent(), all.wilson95().1), (1.0, 100.0, 100.0));
            // Both ends mirror each other.
            assert!((none.wilson95().1 - (100.0 - all.wilson95().0)).abs() < 1e-9);
        }
    }

    #[test]
    fn without_doubt_the_interval_is_the_ratio() {
        let (low, high) = Loss::new(1, 4).expect("a valid ratio").wilson(0.0);
        assert_eq!((low, high), (25.0, 25.0));
    }

    #[test]
    fn a_ratio_that_does_not_exist_is_none() {
        assert_eq!(Loss::new(0, 0), None);
        assert_eq!(Loss::new(2, 1), None);
    }
}
