//! Time as data: instants that tests can write and snapshots can show.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point of the monotonic clock, in nanoseconds since an epoch that the clock's owner chose.
///
/// Only differences mean anything. Nothing here reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);
    /// Later than everything: "no deadline".
    pub const FAR: Self = Self(u64::MAX);

    /// An instant `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time from `earlier` to `self`, or `None` when `earlier` is later.
    #[must_use]
    pub const fn checked_since(self, earlier: Self) -> Option<Duration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(Duration::from_nanos(nanos)),
            None => None,
        }
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::FAR`].
    fn add(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::ZERO`].
    fn sub(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// Who read the clock for a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StampSource {
    /// The kernel, as the packet passed.
    Kernel,
    /// This process, before a send or after a receive returned; scheduling delays are inside.
    User,
}

impl StampSource {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::User => "user",
        }
    }
}

/// When a packet was sent or received, by the kernel where it told, and by this process always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The best known time of the packet.
    pub at: Instant,
    /// The time that this process read itself.
    pub user: Instant,
    /// Whose time `at` is.
    pub source: StampSource,
}

impl Stamp {
    /// A stamp of the kernel at `at`, seen by this process at `user`.
    #[must_use]
    pub const fn kernel(at: Instant, user: Instant) -> Self {
        Self { at, user, source: StampSource::Kernel }
    }

    /// A stamp where the kernel told nothing.
    #[must_use]
    pub const fn user(at: Instant) -> Self {
        Self { at, user: at, source: StampSource::User }
    }
}

/// One reading of both clocks: turns instants into dates, for printing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockAnchor {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock at that instant, in nanoseconds since 1970-01-01 UTC.
    pub unix_nanos: i128,
}

impl ClockAnchor {
    /// The wall-clock time of `instant`, in nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn unix_nanos_at(&self, instant: Instant) -> i128 {
        self.unix_nanos + instant.as_nanos() as i128 - self.instant.as_nanos() as i128
    }

    /// Milliseconds since midnight UTC, as timestamps of the internet count (RFC 792 page 17).
    #[must_use]
    pub fn day_millis_at(&self, instant: Instant) -> u32 {
        const DAY: i128 = 86_400_000;
        let millis = self.unix_nanos_at(instant).div_euclid(1_000_000).rem_euclid(DAY);
        u32::try_from(millis).unwrap_or_default()
    }

    /// The date of `instant`, UTC, RFC 3339 with microseconds.
    #[must_use]
    pub fn rfc3339(&self, instant: Instant) -> String {
        match jiff::Timestamp::from_nanosecond(self.unix_nanos_at(instant)) {
            Ok(date) => format!("{date:.6}"),
            Err(_) => String::new(),
        }
    }

    /// The date of `instant`, UTC, as calendars of Unix write it: `Sat Nov 21 12:00:00 UTC 2026`.
    #[must_use]
    pub fn calendar(&self, instant: Instant) -> String {
        match jiff::Timestamp::from_nanosecond(self.unix_nanos_at(instant)) {
            Ok(date) => date.strftime("%a %b %d %H:%M:%S UTC %Y").to_string(),
            Err(_) => String::new(),
        }
    }
}

/// A date as RFC 3339 has it, UTC, of seconds since 1970-01-01; empty where that is no date.
#[must_use]
pub fn rfc3339_seconds(unix: i64) -> String {
    jiff::Timestamp::from_second(unix).map(|date| format!("{date:.0}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_needs_no_fraction() {
        assert_eq!(rfc3339_seconds(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339_seconds(i64::MAX), "");
    }

    #[test]
    fn a_day_has_milliseconds_and_begins_at_midnight() {
        let at = |unix_nanos| {
            let anchor = ClockAnchor { instant: Instant::from_nanos(5), unix_nanos };
            anchor.day_millis_at(Instant::from_nanos(5))
        };
        assert_eq!(at(0), 0);
        assert_eq!(at(1_767_225_600_000_000_000 + 1_999_999), 1);
        assert_eq!(at(1_767_225_600_000_000_000 - 1), 86_399_999);
        assert_eq!(at(-1), 86_399_999);
    }

    #[test]
    fn differences_saturate_instead_of_wrapping() {
        let early = Instant::from_nanos(5);
        assert_eq!(early.since(Instant::from_nanos(9)), Duration::ZERO);
        assert_eq!(early.checked_since(Instant::from_nanos(9)), None);
        assert_eq!(early - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(early + Duration::MAX, Instant::FAR);
    }

    #[test]
    fn an_anchor_dates_instants_on_both_sides_of_it() {
        let anchor = ClockAnchor { instant: Instant::from_nanos(100), unix_nanos: 1_000 };
        assert_eq!(anchor.unix_nanos_at(Instant::from_nanos(150)), 1_050);
        assert_eq!(anchor.unix_nanos_at(Instant::from_nanos(50)), 950);
        assert_eq!(anchor.rfc3339(Instant::from_nanos(2_100)), "1970-01-01T00:00:00.000003Z");
    }
}
