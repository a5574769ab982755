//! The figures of mtr 0.95 that have no RFC behind them, by its own formulas (`net_process_ping` in
//! ui/net.c): whole microseconds, cut off at each step.

use std::time::Duration;

/// What mtr keeps of the round trips of one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Letters {
    returned: u32,
    last: i64,
    best: i64,
    worst: i64,
    mean: i64,
    squares: i64,
    geometric_mean: i64,
    jitter: i64,
    jitter_mean: i64,
    jitter_max: i64,
    interarrival: i64,
}

/// The figures themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) last: Duration,
    pub(crate) best: Duration,
    pub(crate) worst: Duration,
    pub(crate) mean: Duration,
    pub(crate) stddev: Duration,
    pub(crate) geometric_mean: Duration,
    pub(crate) jitter: Duration,
    pub(crate) jitter_mean: Duration,
    pub(crate) jitter_max: Duration,
    pub(crate) interarrival: Duration,
}

impl Letters {
    /// Before the first answer.
    pub(crate) const fn new() -> Self {
        Self {
            returned: 0,
            last: 0,
            best: 0,
            worst: 0,
            mean: 0,
            squares: 0,
            geometric_mean: 0,
            jitter: 0,
            jitter_mean: 0,
            jitter_max: 0,
            interarrival: 0,
        }
    }

    /// A round trip, in the order in which answers come.
    pub(crate) fn record(&mut self, rtt: Duration) {
        let rtt = i64::try_from(rtt.as_micros()).unwrap_or(i64::MAX >> 20);
        self.jitter = (rtt - self.last).abs();
        self.last = rtt;
        if self.returned == 0 {
            (self.geometric_mean, self.jitter) = (rtt, 0);
            (self.best, self.worst) = (rtt, rtt);
        }
        (self.best, self.worst) = (self.best.min(rtt), self.worst.max(rtt));
        self.jitter_max = self.jitter_max.max(self.jitter);
        self.returned = self.returned.saturating_add(1);
        let (n, x, before) = (f64::from(self.returned), rtt as f64, self.mean as f64);
        self.mean = (before + (x - before) / n) as i64;
        let squares = self.squares as f64 + (x - before) * (x - self.mean as f64);
        self.squares = squares as i64;
        let before = self.jitter_mean as f64;
        self.jitter_mean = (before + (self.jitter as f64 - before) / n) as i64;
        self.interarrival += self.jitter - ((self.interarrival + 8) >> 4);
        if self.returned > 1 {
            let before = self.geometric_mean as f64;
            self.geometric_mean = (before.powf((n - 1.0) / n) * x.powf(1.0 / n)) as i64;
        }
    }

    /// What they amount to; `None` before the first answer.
    pub(crate) fn figures(&self) -> Option<Figures> {
        let time = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        let deviation = match self.returned {
            0 => return None,
            1 => 0.0,
            n => (self.squares as f64 / (f64::from(n) - 1.0)).sqrt(),
        };
        Some(Figures {
            last: time(self.last),
            best: time(self.best),
            worst: time(self.worst),
            mean: time(self.mean),
            stddev: time(deviation as i64),
            geometric_mean: time(self.geometric_mean),
            jitter: time(self.jitter),
            jitter_mean: time(self.jitter_mean),
            jitter_max: time(self.jitter_max),
            interarrival: time(self.interarrival),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: &[u64]) -> Option<[u128; 7]> {
        let mut letters = Letters::new();
        micros.iter().for_each(|micros| letters.record(Duration::from_micros(*micros)));
        let Figures {
            mean,
            stddev,
            geometric_mean,
            jitter,
            jitter_mean,
            jitter_max,
            interarrival,
            ..
        } = letters.figures()?;
        let all = [mean, stddev, geometric_mean, jitter, jitter_mean, jitter_max, interarrival];
        Some(all.map(|time| time.as_micros()))
    }

    #[test]
    fn figures_are_those_of_mtr_by_hand() {
        assert_eq!(of(&[]), None);
        // The first has no jitter; 0 + 0 - (8 >> 4) = 0.
        assert_eq!(of(&[1000]), Some([1000, 0, 1000, 0, 0, 0, 0]));
        // Mean 1500; squares 1000 * 500; root of 500000; root of 2000000; 1000, 1000 / 2; 1000.
        assert_eq!(of(&[1000, 2000]), Some([1500, 707, 1414, 1000, 500, 1000, 1000]));
        // Mean 1500 + 1500/3; squares 500000 + 1500 * 1000; 2000000^(1/2) cut to 1414, then
        // 1414^(2/3) * 3000^(1/3); jitter 1000, mean 500 + 500/3; 1000 + 1000 - (1008 >> 4).
        assert_eq!(of(&[1000, 2000, 3000]), Some([2000, 1000, 1816, 1000, 666, 1000, 1937]));
    }

    /// P16: what mtr calls "Jint" is sixteen times the interarrival jitter of RFC 3550.
    #[test]
    fn its_interarrival_jitter_goes_to_sixteen_times_the_true_one() {
        let swings: Vec<u64> = (0..2000).map(|n| 10_000 + n % 2 * 1000).collect();
        let jitter = of(&swings).expect("answers")[6];
        assert!((15_900..=16_000).contains(&jitter), "{jitter}");
    }
}
