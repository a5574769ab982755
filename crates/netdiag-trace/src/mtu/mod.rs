//! The path MTU: which packets pass to a target whole, where larger ones are refused, and where they
//! vanish.
//!
//! Probes must not be fragmented, and what the kernel remembers of the path must not be asked: the
//! sockets are to be opened so (`IP_PMTUDISC_PROBE`). A size passes where it was answered; a message
//! that a packet is too big is a hint, which is tried: nothing is believed that was not answered.

pub mod config;
pub mod event;
mod findings;
mod hops;
mod measurement;
pub mod metrics;
mod outcome;
pub mod result;
mod search;
mod segments;
mod silence;
mod sparing;
mod steps;
mod stops;
mod told;
mod verdict;

pub use config::Config;
pub use event::{Event, EventKind};
pub use measurement::Measurement;
