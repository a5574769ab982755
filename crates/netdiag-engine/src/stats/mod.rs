//! What a series of probes amounts to: counters, loss, round-trip times, jitter, order, outages.
//!
//! [`SeriesStats`] is all of it for one target; the other types are its parts, each usable alone.
//! Every statistic names its definition (RFC and section) where it is computed, and a value that
//! does not exist is `None`, never 0 and never NaN.
//!
//! These types read no clock, draw no random number and keep no list that grows with the length of
//! a run: [`Samples`] moves to a histogram, [`Outages`] keeps the last ones, [`InOrder`] and
//! [`Reordering`] hold what is in flight. They know nothing of packets: the caller says what became
//! of each probe.
//!
//! ```
//! use netdiag_engine::stats::{SeriesStats, SettledKind};
//! use std::time::Duration;
//!
//! let mut series = SeriesStats::<&str>::new();
//! for (seq, sent_at_ns, rtt_ms) in [(1, 0, 10), (2, 200_000_000, 12)] {
//!     series.on_sent();
//!     let rtt = Duration::from_millis(rtt_ms);
//!     series.on_settled(seq, sent_at_ns, SettledKind::Replied { rtt }, |_change| ());
//! }
//! assert_eq!(series.counters().received(), 2);
//! assert_eq!(series.rtt().summary().map(|rtt| rtt.mean), Some(Duration::from_millis(11)));
//! ```

mod counters;
mod full;
mod histogram;
mod jitter;
mod kept;
mod loss;
mod order;
mod outage;
mod plain;
mod rtt;
mod samples;
mod series;

pub use counters::{CounterFault, Counters};
pub use jitter::{InterarrivalJitter, Ipdv, IpdvSummary, JitterSummary, pdv_p95};
pub use loss::Loss;
pub use order::{InOrder, Order, Reordering};
pub use outage::{Outage, OutageChange, Outages, Settled, SettledKind};
pub use rtt::{RttStats, RttSummary};
pub use samples::{PercentileKind, Samples};
pub use series::SeriesStats;

use std::time::Duration;

/// The longest duration told apart, in nanoseconds: 292 years, so that a difference of two fits
/// in an `i64`.
const LONGEST_NS: u64 = i64::MAX as u64;

/// Whole nanoseconds, at most [`LONGEST_NS`].
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).map_or(LONGEST_NS, |ns| ns.min(LONGEST_NS))
}

/// Nanoseconds computed in `f64`, rounded; negative and NaN become 0, which no caller passes.
fn from_nanos_f64(ns: f64) -> Duration {
    Duration::from_nanos(ns.round() as u64)
}
