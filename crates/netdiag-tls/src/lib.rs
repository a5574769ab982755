//! TLS as data: bytes that came go in, bytes to be sent come out, and what the other end showed of
//! itself stays: version, cipher, certificates, and whether they are to be believed. In [`quic`] the
//! same without records, as QUIC has it.
//!
//! Nothing here opens a socket or reads a clock: the time that certificates are judged by is given.
//! The randomness of a handshake is the one thing that rustls, with ring, draws from the kernel by
//! itself. None of their types is seen from outside.
//!
//! ```
//! use netdiag_tls::{Client, Hello, Roots, Session};
//! use std::time::Duration;
//!
//! let client = Client::new(Roots::none()).expect("nothing odd");
//! let hello = Hello { name: "example.net", sni: true, alpn: &["h2", "http/1.1"] };
//! let now = Duration::from_secs(1_767_225_600);
//! let mut session = Session::new(&client, &hello, now).expect("a name");
//! assert_eq!(session.take_output()[0], 22, "a handshake record comes first");
//! ```
#![forbid(unsafe_code)]

mod asked;
mod certificate;
mod client;
pub mod contract;
mod der;
mod fault;
mod first;
mod layer;
mod opening;
pub mod quic;
mod session;
mod staple;
mod talked;
mod verdict;

pub use asked::{Asked, Terms};
pub use certificate::Certificate;
pub use client::{Client, Hello, Roots};
pub use fault::{Fault, Reason};
pub use layer::{Layer, pin};
pub use session::{Session, Shown};
pub use staple::{Staple, Status};
pub use talked::{Demand, Talked};
