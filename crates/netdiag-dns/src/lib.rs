//! Questions to name servers, and what comes back.
//!
//! A [`Question`] is made a message by [`QueryOptions`]; [`Message`] is what came back as far as it can
//! be read, and [`Class`] what that means: an answer, no such name, no such data, a failure. A
//! [`Measurement`] asks some servers some questions, once or as a series, and says what became of each.
//!
//! It opens no socket, reads no clock and prints nothing. Everything that a message says is text in the
//! presentation format of zone files or [`Untrusted`](netdiag_model::Untrusted).
#![forbid(unsafe_code)]

mod data;
mod kind;
pub mod message;
mod query;
mod question;
mod text;

pub use kind::{RecordClass, RecordType};
pub use message::Message;
pub use query::{EdnsQuery, QueryFlags, QueryOptions, UDP_SIZE};
pub use question::{DomainName, NameError, Question};
pub use text::{Presented, hex};
