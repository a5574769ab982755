//! The probe engine that every prober shares: a value that inputs are pushed into and outputs are
//! pulled out of.
//!
//! It owns the keys of probes, the table of what is in flight, deadlines, duplicates and lateness,
//! pacing, and the statistics; it knows nothing of what a prober wants to find out. It opens no
//! socket, reads no clock and draws no random number: time is a field of each [`port::Input`], and
//! the secret of a run is given to it. So a week of pinging runs in a second of a test, and a test
//! sees the same bytes as the wire.
//!
//! - A [`Measurement`] says what comes next and what an outcome means.
//! - An [`Engine`] runs any number of measurements at once.
//! - A [`port::Network`] does what the engine asks: the operating system, or a simulated internet.
//! - [`run()`] is the loop that joins the three.
//!
//! What the engine promises, whatever comes in, and in whatever order:
//! - each probe settles exactly once; what comes after it is a [`Stray`];
//! - a reply is judged by its stamp, not by when it was looked at;
//! - a round trip is never negative and never above the timeout;
//! - only an answer with the right source, identifier, sequence number and tag settles a probe; over
//!   UDP also one that names none, if a single probe is open to that address and port; to requests of
//!   ICMP that are no echoes one that carries no tag, since theirs have none; to a SYN one that
//!   acknowledges its sequence number, which nobody can guess;
//! - what it remembers is bounded by the probes of the last timeout and late window.
//!
//! ```
//! use netdiag_engine::schedule::Schedule;
//! use netdiag_model::Instant;
//! use std::time::Duration;
//!
//! let start = Instant::from_nanos(0);
//! let mut schedule = Schedule::new(start, Duration::from_millis(10), 1);
//! assert!(schedule.take(start + Duration::from_millis(3)), "taken late");
//! assert_eq!(schedule.due(), start + Duration::from_millis(10), "and still on the grid");
//! ```
#![forbid(unsafe_code)]

pub mod engine;
mod entry;
pub mod failure;
pub mod identity;
mod interface_query;
pub mod local;
pub mod measurement;
pub mod names;
pub mod outcome;
mod output;
pub mod port;
pub mod probe;
mod run;
pub mod schedule;
pub mod slots;
mod sources;
pub mod stats;
mod table;
mod template;
mod way;

pub use engine::{Engine, EngineConfig, MeasurementId};
pub use entry::remembered_for;
pub use identity::Secret;
pub use interface_query::InterfaceQuery;
pub use measurement::{Events, Heard, Measurement, Next, WayOut};
pub use outcome::{Outcome, Stray};
pub use output::Output;
pub use probe::{
    ConnectSpec, EchoSpec, InterfaceSpec, MessageSpec, Pattern, Probe, ProbeKind, ProbeSpec,
    SynSpec, TimestampSpec, UdpSpec,
};
pub use run::{Pause, RunEnd, run, run_beside};
pub use sources::Sources;
