//! The prober of TCP services: [`connect`] opens connections, and says whether they open, how fast,
//! and if not, why; [`syn`] sends SYNs, and says what answers without completing a connection.
//!
//! It says what to open next, keeps what came of it, and gives the result as the JSON contract has it
//! with its verdicts. It touches no socket and prints nothing. What the names of ports mean is in
//! [`services`], lists of ports are [`Ports`].
//!
//! ```
//! use netdiag_tcp::{Ports, services};
//!
//! let ports: Ports = "22,http,8000-8002".parse().expect("a list");
//! assert_eq!(ports.numbers(services::port).expect("known"), [22, 80, 8000, 8001, 8002]);
//! ```
#![forbid(unsafe_code)]

pub mod connect;
pub mod ports;
pub mod services;
pub mod syn;

pub use ports::Ports;
