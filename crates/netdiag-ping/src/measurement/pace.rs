//! When the next request is due.

use crate::Measurement;
use netdiag_engine::schedule::Schedule;
use netdiag_engine::{Next, ProbeSpec};
use netdiag_model::Instant;
use std::time::Duration;

/// The longest that a probe waits for the one before when there is no interval (iputils' flood).
const BACK_TO_BACK: Duration = Duration::from_millis(10);
/// How much longer than the mean round trip an adaptive series waits for an answer.
const ADAPTIVE_GRACE: Duration = Duration::from_millis(1);

impl Measurement {
    /// Whether a probe is due; takes its slot if one is.
    pub(super) fn take_slot(&mut self, now: Instant) -> Result<(), Instant> {
        let preload = self.config.preload;
        let (is_adaptive, interval) = (self.config.adaptive.is_some(), self.interval());
        let drive = self.drive();
        if is_adaptive && !interval.is_zero() {
            // While an answer is due it is waited for a little: the mean is no upper bound.
            let grace = if drive.open > 0 { ADAPTIVE_GRACE } else { Duration::ZERO };
            let due = drive.last_sent.map_or(now, |last| last + interval + grace);
            let free = drive.next_seq() <= preload || due <= now;
            return if free { Ok(()) } else { Err(due) };
        }
        let schedule = drive.schedule.get_or_insert_with(|| Schedule::new(now, interval, preload));
        if interval.is_zero() {
            let earliest = drive.last_sent.map_or(now, |last| last + BACK_TO_BACK);
            let free = drive.open == 0 || drive.next_seq() <= preload;
            return if free || earliest <= now { Ok(()) } else { Err(earliest) };
        }
        if schedule.take(now) { Ok(()) } else { Err(schedule.due()) }
    }

    /// From one probe to the next: as iputils, the mean round trip in whole milliseconds where the
    /// interval adapts itself.
    fn interval(&self) -> Duration {
        let mean = self.drive.as_ref().and_then(|drive| drive.ewma_nanos);
        match (self.config.adaptive, mean) {
            (Some(least), Some(mean)) => {
                let mean = Duration::from_nanos(mean as u64) + Duration::from_micros(500);
                Duration::from_millis(u64::try_from(mean.as_millis()).unwrap_or(u64::MAX))
                    .max(least)
            }
            _ => self.config.interval,
        }
    }

    pub(super) fn probe(&mut self, now: Instant) -> Next {
        let seq = self.drive().begin(now);
        Next::Probe(ProbeSpec {
            target: 0,
            seq,
            destination: self.config.destination,
            timeout: self.config.timeout,
            patience: self.config.interval.clamp(BACK_TO_BACK, Duration::from_secs(1)),
            control: self.config.control,
            kind: self.kind(seq, now),
        })
    }
}
