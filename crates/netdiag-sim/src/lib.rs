//! The simulated internet and netlab, for tests only.
//!
//! A [`Scenario`] is a TOML file: a vantage point `here`, routers and hosts, links with delay and
//! faults, name servers, forged replies, changes at a time. An [`Internet`] is what the file
//! describes: packets are handed in with the time they leave, and taken out with the time they
//! arrive. It has no clock, no socket and no randomness but the file's seed, so the same packets at
//! the same times give the same bytes. It is mounted twice:
//!
//! - [`VirtualNetwork`] is the engine's port in virtual time: a day of pinging in seconds, with the
//!   kernel's part played as well.
//! - [`lab`] is the program `netlab`: the internet behind the real kernel in a network namespace,
//!   for any program, the classic tools included.
//!
//! [`Truth`] is the record of what really happened, to compare reports with.
//!
//! What it does not do: fragment and reassemble, resend TCP segments, run more than one machine
//! `here`, or send a packet anywhere but into a namespace of its own.
//!
//! ```
//! use netdiag_model::Instant;
//! use netdiag_sim::{Fact, Internet, Scenario};
//!
//! let scenario: Scenario = r#"
//!     name = "a router and a host, 20 ms"
//!     [here]
//!     ipv4 = "10.9.0.2/24"
//!     [[node]]
//!     name = "r1"
//!     kind = "router"
//!     ipv4 = "10.9.0.1"
//!     [[node]]
//!     name = "b"
//!     kind = "host"
//!     ipv4 = "10.9.2.2"
//!     [[path]]
//!     to = "10.9.2.0/24"
//!     via = ["r1"]
//!     [[link]]
//!     a = "r1"
//!     b = "b"
//!     delay = "10ms"
//! "#
//! .parse()?;
//!
//! let mut request = Vec::new();
//! netdiag_wire::icmp::emit_echo_v4(false, 7, 1, b"hello", &mut request);
//! let header = netdiag_wire::ipv4::Ipv4Header {
//!     source: "10.9.0.2".parse()?,
//!     destination: "10.9.2.2".parse()?,
//!     protocol: netdiag_wire::protocol::ICMP,
//!     hop_limit: 64,
//!     tos: 0,
//!     identification: 0,
//!     dont_fragment: true,
//!     more_fragments: false,
//!     fragment_offset: 0,
//!     options: &[],
//!     total_length: 0,
//! };
//! let mut packet = Vec::new();
//! netdiag_wire::ipv4::emit(&header, request.len(), &mut packet)?;
//! packet.extend_from_slice(&request);
//!
//! let mut internet = Internet::new(&scenario, Instant::ZERO);
//! internet.inject(Instant::ZERO, &packet);
//! let reply = internet.poll(Instant::FAR).expect("a reply");
//! assert_eq!(reply.at, Instant::from_nanos(20_000_000));
//! assert_eq!(internet.truth().count(Fact::Forwarded), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod internet;
pub mod lab;
pub mod network;
mod random;
pub mod scenario;
pub mod truth;

pub use internet::{Arrival, Internet};
pub use network::VirtualNetwork;
pub use scenario::{Scenario, ScenarioError};
pub use truth::{Fact, PcapWriter, Recording, Truth};
