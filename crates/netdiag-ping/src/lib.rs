//! The echo prober: a series of probes to one target, by ICMP, UDP or TCP.
//!
//! It says what to send next ([`Measurement`]), keeps what came of it, and gives the result as the
//! JSON contract has it ([`result::Target`]) with its verdicts ([`findings`]). It touches no socket
//! and prints nothing. Every other prober has the same files: `config`, `measurement`, `event`,
//! `result`, `findings`, `metrics`.
//!
//! ```
//! use netdiag_engine::{Events, Measurement as _, Next};
//! use netdiag_model::{Destination, Instant};
//! use netdiag_ping::{Config, Measurement};
//!
//! let config = Config::new(0, Destination::new("192.0.2.1".parse().expect("an address")));
//! let mut measurement = Measurement::new(config);
//! let Next::Probe(first) = measurement.next(Instant::ZERO, &mut Events::new()) else { panic!() };
//! assert_eq!(first.seq, 1);
//! ```
#![forbid(unsafe_code)]

pub mod answers;
pub mod config;
mod drive;
pub mod event;
pub mod findings;
pub mod goal;
mod iputils;
pub mod measurement;
pub mod metrics;
pub mod protocol;
pub mod result;
mod rotation;
mod sources;
pub mod sweep;
mod tally;
mod way;

pub use config::{Cast, Config, Manner, Probing};
pub use event::Event;
pub use measurement::Measurement;
pub use protocol::Protocol;
