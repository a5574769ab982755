//! QUIC as data (RFC 9000): datagrams that came go in, datagrams to be sent come out, and so does what
//! became of each question that was put over a stream of its own.
//!
//! The protocol is quinn-proto's, which has no I/O either; the handshake is that of [`netdiag_tls`],
//! so that certificates are judged as they are over TCP. Nothing here opens a socket, reads a clock or
//! draws a random number: time comes with every call, and what must be hard to guess is given. None of
//! quinn's types is seen from outside.
//!
//! ```
//! use netdiag_model::{ClockAnchor, Instant};
//! use netdiag_quic::{Clock, Connection, Start};
//! use netdiag_tls::{Client, Demand, Roots, Terms};
//!
//! let client = Client::new(Roots::none()).expect("nothing odd");
//! let terms = Terms { name: "dns.example", alpn: &["doq"], demand: Demand::Believed, pins: &[] };
//! let anchor = ClockAnchor { instant: Instant::ZERO, unix_nanos: 0 };
//! # #[allow(clippy::disallowed_methods)]
//! let clock = Clock { at: Instant::ZERO, std: std::time::Instant::now() };
//! let to = "192.0.2.53:853".parse().expect("an address and a port");
//! let random = [7; 52];
//! let start =
//!     Start { client: &client, terms: &terms, anchor: &anchor, to, clock, random, beside: 0 };
//! let mut connection = Connection::new(&start, Instant::ZERO);
//! let first = connection.poll_output(Instant::ZERO).expect("a hello");
//! assert_eq!(first.len(), 1_200, "what comes first is filled up (RFC 9000 section 14.1)");
//! ```
#![forbid(unsafe_code)]

mod clock;
mod connection;
mod crypto;
mod ending;
mod streams;

pub use clock::Clock;
pub use connection::{Connection, Event, RANDOM, Start};
pub use ending::Ending;
