//! Questions to name servers, and what comes back.
//!
//! A [`Question`] is made a message by [`QueryOptions`]; [`Message`] is what came back as far as it can
//! be read, and [`Class`] what that means: an answer, no such name, no such data, a failure. A
//! [`Measurement`] asks some servers some questions, once or as a series, and says what became of each.
//!
//! It opens no socket, reads no clock and prints nothing. Everything that a message says is text in the
//! presentation format of zone files or [`Untrusted`](netdiag_model::Untrusted).
#![forbid(unsafe_code)]

mod aliases;
mod class;
pub mod compare;
pub mod config;
mod data;
pub mod dnssec;
pub mod event;
mod findings;
mod kind;
mod measurement;
pub mod message;
pub mod metrics;
mod query;
mod question;
pub mod resolv;
pub mod result;
pub mod setup;
mod text;
mod told;
pub mod transfer;
pub mod tsig;
mod verdict;
pub mod walk;

pub use class::Class;
pub use config::{Choice, Config, Origin, Server, Transport};
pub use event::{Event, EventKind, Settled};
pub use kind::{RecordClass, RecordType};
pub use measurement::Measurement;
pub use message::Message;
pub use query::{EdnsQuery, QueryFlags, QueryOptions, UDP_SIZE};
pub use question::{DomainName, NameError, Question};
pub use setup::Setup;
pub use text::{Presented, hex};
pub use told::Told;
pub use verdict::TOLD;
pub use walk::Walk;
