//! Requests over connections that are open, and what came back.

pub mod exchange;
pub(super) mod live;

use netdiag_http::{Fields, Head};
use netdiag_model::{Instant, Untrusted};
use std::net::IpAddr;
use std::time::Duration;

pub use netdiag_http::{Spoken, Url};

/// The most of a body that is kept, in bytes; all of it is counted.
pub const BODY_KEPT: usize = 65_536;
/// How many redirects are followed where nothing else is said.
pub const REDIRECTS: usize = 10;

/// What one request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was asked for.
    pub url: Url,
    /// What came back, once its head was whole.
    pub response: Option<Response>,
    /// What came on the way to it: 100 to 199.
    pub interim: Vec<u16>,
    /// The connection had carried a request before.
    pub is_reused: bool,
    /// Where it was had, of a host that a redirect led to.
    pub place: Option<Place>,
    /// How long its connection took to open, and TLS over it; `None` of one that was open already.
    pub opened: Option<(Duration, Option<Duration>)>,
    /// When the request was handed over.
    pub asked_at: Instant,
    /// When all of it was with the kernel.
    pub sent_at: Option<Instant>,
    /// When the first byte of the answer came; over HTTP/2 its first frame.
    pub first_at: Option<Instant>,
    /// When its last byte came.
    pub end_at: Option<Instant>,
}

/// Where a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its address.
    pub address: IpAddr,
    /// How long the look-up of its name took, where there was one.
    pub resolved: Option<Duration>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its version, status and header fields.
    pub head: Head,
    /// The fields behind its body.
    pub trailers: Fields,
    /// The body, its first [`BODY_KEPT`] bytes.
    pub body: Vec<u8>,
    /// How long it is.
    pub body_bytes: u64,
    /// It came to its end.
    pub is_whole: bool,
}

impl Step {
    /// A request that was handed over.
    #[must_use]
    pub const fn new(url: Url, is_reused: bool, asked_at: Instant) -> Self {
        Self {
            url,
            response: None,
            interim: Vec::new(),
            is_reused,
            place: None,
            opened: None,
            asked_at,
            sent_at: None,
            first_at: None,
            end_at: None,
        }
    }

    /// Until all of the request was with the kernel.
    #[must_use]
    pub fn sending(&self) -> Option<Duration> {
        self.sent_at.map(|sent| sent.since(self.asked_at))
    }

    /// From the request to the first byte of the answer.
    #[must_use]
    pub fn first_byte(&self) -> Option<Duration> {
        self.first_at.map(|first| first.since(self.asked_at))
    }

    /// From the first byte of the answer to the last.
    #[must_use]
    pub fn transfer(&self) -> Option<Duration> {
        Some(self.end_at?.since(self.first_at?))
    }

    /// From the request to the last byte of the answer.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.end_at.map(|end| end.since(self.asked_at))
    }

    /// The same with the look-up, the connection and TLS, where they were made for it.
    #[must_use]
    pub fn total(&self) -> Option<Duration> {
        let resolved = self.place.and_then(|place| place.resolved).unwrap_or_default();
        let (connect, tls) = self.opened.unwrap_or_default();
        Some(resolved + connect + tls.unwrap_or_default() + self.took()?)
    }

    /// What is wrong with a redirect that leads to where nothing can be had, safe to print.
    #[must_use]
    pub fn dead_end(&self) -> Option<String> {
        let head = &self.response.as_ref()?.head;
        if !matches!(head.status, 301 | 302 | 303 | 307 | 308) || self.redirect().is_some() {
            return None;
        }
        Some(match head.field("location") {
            Some(to) => format!("leads to `{}`, which cannot be had", to.escaped()),
            None => "is a redirect without a Location".to_owned(),
        })
    }

    /// Where the answer leads to, where it is a redirect (RFC 9110 section 15.4).
    #[must_use]
    pub fn redirect(&self) -> Option<Url> {
        let head = &self.response.as_ref()?.head;
        if !matches!(head.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        self.url.join(head.field("location")?.as_raw())
    }
}

impl Response {
    /// One of which only the head is there.
    #[must_use]
    pub const fn new(head: Head) -> Self {
        Self { head, trailers: Vec::new(), body: Vec::new(), body_bytes: 0, is_whole: false }
    }

    /// A header field by its name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Untrusted> {
        self.head.field(name)
    }

    fn add(&mut self, text: &[u8]) {
        let room = BODY_KEPT.saturating_sub(self.body.len());
        self.body.extend_from_slice(text.get(..room).unwrap_or(text));
        self.body_bytes = self.body_bytes.saturating_add(text.len() as u64);
    }
}
