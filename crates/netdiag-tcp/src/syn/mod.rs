//! `syn`: sends a SYN to every port of every address and says what answers, and who. No connection is
//! completed: what answers a SYN is reset by this machine's own stack, which knows of none.
//!
//! One measurement has all targets, at one rate, each port in turn over all addresses, so that none is
//! asked faster than the others. A port is a few bytes, whatever became of it.
//!
//! ```
//! use netdiag_engine::{Events, Measurement as _, Next};
//! use netdiag_model::Instant;
//! use netdiag_model::target::{AddressRange, Targets};
//! use netdiag_tcp::syn::{Config, Group, Measurement};
//! use std::sync::Arc;
//!
//! let mut targets = Targets::default();
//! targets.push_range(AddressRange::one("192.0.2.1".parse().expect("an address")));
//! let mut config = Config::new(vec![Group { targets, ports: vec![22, 80] }]);
//! config.control.source = Some("192.0.2.9".parse().expect("an address"));
//! let mut measurement = Measurement::new(Arc::new(config));
//! let Next::Probe(first) = measurement.next(Instant::ZERO, &mut Events::new()) else { panic!() };
//! assert_eq!(first.destination.to_string(), "192.0.2.1");
//! ```

pub mod config;
pub mod event;
mod findings;
pub mod measurement;
pub mod metrics;
mod places;
pub mod result;

pub use config::{Config, Group};
pub use event::{Answer, Ending, Event, Port, Progress, Row, State, Try};
pub use measurement::Measurement;
