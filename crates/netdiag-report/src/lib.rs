//! Results and events as people and programs read them: text, JSON, JSON Lines, CSV.
//!
//! It measures nothing and decides nothing: it writes what it is given to an [`std::io::Write`].
//! Text from outside passes one encoder on its way out, so that nothing from the network reaches a
//! terminal raw.
//!
//! ```
//! let line = netdiag_report::json::to_string(&serde_json::json!({"name": "a\u{9b}b"}));
//! assert_eq!(line, r#"{"name":"a\u009bb"}"#);
//! ```
#![forbid(unsafe_code)]

pub mod adapters;
mod changes;
pub mod checks;
pub mod connect;
pub mod csv;
pub mod dns;
mod document;
mod fields;
mod fold;
pub mod json;
mod json_lines;
mod limiter;
pub mod mtu;
pub mod number;
pub mod ping;
mod port;
mod report;
pub mod sockets;
pub mod style;
pub mod sweep;
pub mod syn;
pub mod trace;
pub mod verdict;

pub use document::{CsvReport, JsonReport};
pub use report::{Report, Run, Subject, interim};
