//! The sockets of this machine: their states by the names of RFC 9293, who has them, which are
//! wanted, how many there are, and what is wrong.
//!
//! It is pure: what the kernel and /proc tell comes in through the [port](port::Kernel), as bytes of
//! sock_diag (sock_diag(7)) and as text, and nothing here opens, waits or prints.
//!
//! ```
//! use netdiag_sockets::State;
//!
//! assert_eq!(State::parse("CLOSE_WAIT"), Some(vec![State::CloseWait]));
//! assert_eq!(State::CloseWait.name(), "CLOSE-WAIT");
//! ```
#![forbid(unsafe_code)]

pub mod audit;
pub mod counters;
pub mod destinations;
pub mod filter;
pub mod findings;
pub mod info;
pub mod layout;
pub mod look;
pub mod metrics;
pub mod namespaces;
pub mod owners;
pub mod port;
pub mod ports;
pub mod result;
pub mod sample;
pub mod socket;
pub mod state;
pub mod summary;
pub mod tally;
pub mod thresholds;
pub mod totals;
pub mod verdict;
pub mod watch;

mod told;

pub use filter::{Filter, FilterError};
pub use info::TcpInfo;
pub use owners::Owners;
pub use ports::Ports;
pub use socket::{Endpoint, Protocol, Socket, TimerKind};
pub use state::State;
pub use tally::Tally;
