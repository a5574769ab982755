//! Values that more than one room of netdiag speaks about: instants, addresses, ICMP names, text
//! from the network, and the parts of the JSON contract that every command shares.
//!
//! It holds values and their words, nothing that happens: no clock, no socket, no formatting of
//! screens. It depends on no other room.
//!
//! ```
//! use netdiag_model::{Instant, Untrusted};
//! use std::time::Duration;
//!
//! let sent = Instant::from_nanos(1_000);
//! assert_eq!((sent + Duration::from_micros(5)).since(sent), Duration::from_micros(5));
//! assert_eq!(Untrusted::from("a\u{1b}[31m").escaped().to_string(), "a\\u{1b}[31m");
//! ```
#![forbid(unsafe_code)]

pub mod address;
pub mod contract;
pub mod errno;
pub mod explain;
pub mod failure;
pub mod finding;
pub mod icmp;
pub mod metrics;
pub mod target;
pub mod text;
pub mod time;
pub mod way;

pub use address::{Destination, Family, Found, parse_address, parse_written};
pub use icmp::IcmpKind;
pub use text::Untrusted;
pub use time::{ClockAnchor, Instant, Stamp, StampSource, rfc3339_seconds};
pub use way::{Link, Way};

/// A duration in milliseconds, the unit of every `_ms` key of the JSON contract.
#[must_use]
pub fn milliseconds(duration: std::time::Duration) -> f64 {
    // Nanoseconds are exact in an f64 up to 104 days; one division keeps it correctly rounded.
    duration.as_nanos() as f64 / 1e6
}
