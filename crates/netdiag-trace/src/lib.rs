//! The path prober: which routers a packet to a target passes, by ICMP, UDP or TCP.
//!
//! It says which hop to ask next ([`Measurement`]), keeps what each hop tells, and gives the result
//! as the JSON contract has it ([`result::Target`]) with its verdicts ([`findings`]). It touches no
//! socket and prints nothing. In [`mtu`] is the prober that asks which packets pass it whole.
//!
//! ```
//! use netdiag_engine::{Events, Measurement as _, Next};
//! use netdiag_model::{Destination, Instant};
//! use netdiag_trace::{Config, Measurement};
//!
//! let config = Config::new(0, Destination::new("192.0.2.1".parse().expect("an address")));
//! let mut measurement = Measurement::new(config);
//! let Next::Probe(first) = measurement.next(Instant::ZERO, &mut Events::new()) else { panic!() };
//! assert_eq!(first.control.hop_limit, Some(1));
//! ```
#![forbid(unsafe_code)]

pub mod asn;
pub mod classic;
pub mod config;
mod end;
mod epoch;
pub mod event;
mod farther;
pub mod findings;
mod hop;
mod letters;
pub mod measurement;
pub mod metrics;
pub mod mtr;
pub mod mtu;
pub mod multipath;
mod neighbour;
mod order;
pub mod protocol;
mod responder;
pub mod result;
mod rounds;
mod second;
mod spread;
mod tally;
mod translation;
mod verdict;

pub use config::{Config, Rounds, Syn};
pub use event::Event;
pub use measurement::Measurement;
pub use protocol::Protocol;
pub use rounds::keys;
pub use spread::Spread;
