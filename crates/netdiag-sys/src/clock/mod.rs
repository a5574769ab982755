//! Clocks: the monotonic clock of every stamp, and the wall clock of the kernel's stamps.

mod domain;

use crate::raw;
use domain::{Domain, Reading};
use netdiag_engine::port::Change;
use netdiag_model::{ClockAnchor, Instant, Stamp};
use std::time::Duration;

/// How far a kernel stamp may lie outside the times that this process read around it.
const STAMP_SLACK: Duration = Duration::from_micros(50);

/// A reading of two clocks is taken again when it took longer than this.
const TIGHT_NANOS: u64 = 20_000;

/// The monotonic clock (CLOCK_MONOTONIC, clock_gettime(2)).
#[must_use]
pub fn now() -> Instant {
    Instant::from_nanos(raw::clock_nanos(libc::CLOCK_MONOTONIC))
}

/// The wall clock (CLOCK_REALTIME), in nanoseconds since 1970-01-01 UTC.
#[must_use]
pub fn unix_nanos() -> i128 {
    i128::from(raw::clock_nanos(libc::CLOCK_REALTIME))
}

/// Time since boot, sleep included (CLOCK_BOOTTIME).
#[must_use]
pub fn boot_time() -> Duration {
    Duration::from_nanos(raw::clock_nanos(libc::CLOCK_BOOTTIME))
}

/// One reading of the monotonic and the wall clock together, for printing dates.
#[must_use]
pub fn anchor() -> ClockAnchor {
    let reading = read();
    let instant = Instant::from_nanos(reading.before.midpoint(reading.after));
    ClockAnchor { instant, unix_nanos: i128::from(reading.real) }
}

/// The monotonic clock as Rust's own library has it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the library of QUIC wants its time so")]
pub fn std_now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Reads both clocks as close to each other as the scheduler lets us.
fn read() -> Reading {
    let mut best = read_once();
    for _ in 0..3 {
        if best.width() <= TIGHT_NANOS {
            break;
        }
        let again = read_once();
        if again.width() < best.width() {
            best = again;
        }
    }
    best
}

fn read_once() -> Reading {
    let before = raw::clock_nanos(libc::CLOCK_MONOTONIC);
    let real = raw::clock_nanos(libc::CLOCK_REALTIME);
    Reading { before, real, after: raw::clock_nanos(libc::CLOCK_MONOTONIC) }
}

/// Turns the kernel's stamps into instants, and watches for steps of the wall clock and for sleep.
pub(crate) struct StampClock {
    domain: Domain,
    changes: Vec<Change>,
}

impl StampClock {
    /// A clock that starts now.
    pub(crate) fn new() -> Self {
        Self { domain: Domain::new(read(), boot_offset()), changes: Vec::new() }
    }

    /// The time now; compares the clocks too. Call before sends and after receives.
    pub(crate) fn observe(&mut self) -> Instant {
        let reading = read();
        if let Some(step) = self.domain.observe(reading) {
            self.changes.extend(self.domain.explain(step, boot_offset()));
        }
        Instant::from_nanos(reading.after)
    }

    /// What the clocks did, since the last call.
    pub(crate) fn take_changes(&mut self) -> impl Iterator<Item = Change> {
        self.changes.drain(..)
    }

    /// Whatever was stamped before the last step has been read: stamps can be trusted again.
    pub(crate) const fn settle(&mut self) {
        self.domain.settle();
    }

    /// A stamp of the kernel as an instant; `None` where it may be from before a step.
    pub(crate) fn to_monotonic(&self, real: u64) -> Option<Instant> {
        self.domain.to_monotonic(real)
    }

    /// The best stamp of a packet that the kernel says it handled at `real`, and that this process
    /// knows was handled between `earliest` and `latest`. `fallback` is one of the two.
    pub(crate) fn stamp(
        &self,
        real: Option<u64>,
        earliest: Instant,
        latest: Instant,
        fallback: Instant,
    ) -> Stamp {
        match real.and_then(|real| self.to_monotonic(real)) {
            Some(at) if at + STAMP_SLACK >= earliest && at <= latest + STAMP_SLACK => {
                Stamp::kernel(at, fallback)
            }
            _ => Stamp::user(fallback),
        }
    }
}

/// CLOCK_BOOTTIME minus CLOCK_MONOTONIC: all the sleep since boot, in nanoseconds.
fn boot_offset() -> i64 {
    let mono = raw::clock_nanos(libc::CLOCK_MONOTONIC);
    raw::clock_nanos(libc::CLOCK_BOOTTIME).wrapping_sub(mono).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_run_together() {
        let mut clock = StampClock::new();
        let before = now();
        let anchor = anchor();
        let after = clock.observe();
        assert!(before <= anchor.instant && anchor.instant <= after);
        let drift = anchor.unix_nanos_at(now()) - unix_nanos();
        assert!(drift.abs() < 1_000_000_000, "drift {drift}");
        assert_eq!(clock.take_changes().count(), 0);
        assert!(boot_time().as_nanos() > 0);
    }

    #[test]
    fn a_kernel_stamp_outside_of_what_we_saw_ourselves_is_not_believed() {
        let clock = StampClock::new();
        let real = raw::clock_nanos(libc::CLOCK_REALTIME);
        let (early, late) = (now() - Duration::from_secs(1), now());
        assert_eq!(clock.stamp(Some(real), early, late, late).source.name(), "kernel");
        let future = real + 2_000_000_000;
        assert_eq!(clock.stamp(Some(future), early, late, late), Stamp::user(late));
        let past = real - 2_000_000_000;
        assert_eq!(clock.stamp(Some(past), early, late, early), Stamp::user(early));
        assert_eq!(clock.stamp(None, early, late, late), Stamp::user(late));
    }
}
