//! Bytes to values and back: IP, ICMP, UDP, TCP, quoted datagrams, ICMP extensions.
//!
//! A message is read in one step into a value that borrows from the bytes; a value is written in
//! one step to the end of a `Vec<u8>`. There is an enum variant per kind of message, so whoever
//! holds an [`icmp::Echo`] holds an echo. Values that this crate has no name for are kept as they
//! came (`Other`, `Unknown`): a diagnostic tool shows what arrived.
//!
//! An answer to a probe takes these steps:
//!
//! | step | gives |
//! |---|---|
//! | [`ipv4::parse`], [`ipv6::parse`] and [`ipv6::walk_extensions`] | who answered, and the ICMP message |
//! | [`icmp::parse_v4`], [`icmp::parse_v6`] | an [`icmp::Icmp`]: echo, error, or other |
//! | [`icmp::Icmp::error_body`] | for an error: the quote and the [`extension::Extensions`] |
//! | [`quote::parse_v4`], [`quote::parse_v6`] | the probe as the router saw it |
//!
//! What holds for every module:
//!
//! * No bytes make it panic, loop for long, or read outside of what it was given.
//! * `parse(emit(x)) == x`, but for fields that `emit` computes: lengths and checksums.
//! * Lengths from the network are claims: what is returned was there.
//! * Parsing does not allocate. Emitting appends to the caller's buffer; on an error the buffer
//!   is as it was.
//! * Checksums are checked by functions of their own: what arrived damaged can still be shown.
//!
//! What the crate does not do: it opens no socket and reads no clock; it does not match answers to
//! probes, reassemble fragments, follow a TCP connection, or make text from the network safe to
//! print.
//!
//! ```
//! use netdiag_wire::icmp::{self, Icmp};
//!
//! let mut request = Vec::new();
//! icmp::emit_echo_v4(false, 0x1234, 1, b"are you there?", &mut request);
//!
//! assert!(icmp::checksum_ok_v4(&request));
//! let Icmp::EchoRequest(echo) = icmp::parse_v4(&request)? else { panic!("not an echo request") };
//! assert_eq!((echo.ident, echo.seq, echo.payload), (0x1234, 1, &b"are you there?"[..]));
//! # Ok::<(), netdiag_wire::ParseError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod bytes;
pub mod checksum;
mod error;
pub mod extension;
#[doc(hidden)]
pub mod fuzzing;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
mod options;
pub mod protocol;
pub mod quote;
pub mod tcp;
pub mod udp;

pub use error::{EmitError, ParseError};
