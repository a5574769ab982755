//! The prober of `sweep`: many targets, one probe each or a series, at one rate.
//!
//! One measurement has all targets, since a measurement of its own for each would cost more than
//! what is known of it. A target of which one answer is wanted is a few bytes until it has settled;
//! one of which a series is wanted is a [`crate::Measurement`] that this one feeds.

pub mod config;
pub mod event;
mod fault;
mod findings;
mod fping;
pub mod measurement;
mod naming;
mod pending;
pub mod result;
mod strays;
mod totals;

pub use config::{Config, Fping, Manner};
pub use event::{Before, Event, Found, Progress, Row, State};
pub use fault::Fault;
pub use measurement::Measurement;
pub use naming::Nameless;
pub use netdiag_model::target::{Given, Target, Targets};
pub use strays::Strays;
pub use totals::{Group, Totals};
