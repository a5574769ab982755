//! HTTP as data: requests become bytes to be sent, and bytes that came become what they say: statuses,
//! fields, bodies, and why there is no more of them.
//!
//! HTTP/1.1 (RFC 9112) is read by httparse, HTTP/2 (RFC 9113) by h2, which runs over two buffers here, and
//! HTTP/3 (RFC 9114) is read in [`three`], over streams of a connection of QUIC that somebody else has.
//! Nothing opens a socket; whatever comes is bounded. h2 looks at a clock for one thing, after which
//! time it forgets streams that were reset.
//!
//! ```
//! use netdiag_http::{Client, Event, Request, Spoken, Url};
//!
//! let url = Url::parse("http://example.net/").expect("a URL");
//! let mut client = Client::new(Spoken::Http1);
//! let number = client.ask(Request::get(&url));
//! assert!(client.take_output().starts_with(b"GET / HTTP/1.1\r\nHost: example.net\r\n"));
//! let events = client.receive(b"HTTP/1.1 204 No Content\r\n\r\n");
//! assert!(matches!(&events[..], [Event::Head(_, head), Event::End(last, _)]
//!     if head.status == 204 && *last == number));
//! ```
#![forbid(unsafe_code)]

mod client;
mod fault;
mod message;
mod one;
pub mod three;
mod two;
pub mod url;

pub use client::{Client, Event, Spoken};
pub use fault::{Fault, Reason};
pub use message::{Fields, Head, Method, Request, Version};
pub use url::Url;

/// The largest head that is read, in bytes: all fields with their names.
pub const LARGEST_HEAD: usize = 65_536;
/// How many fields a head may have over HTTP/1.1.
pub const MOST_FIELDS: usize = 128;
