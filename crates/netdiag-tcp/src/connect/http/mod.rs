//! Requests by HTTP/1.1 (RFC 9112) over connections that are open, and what came back.

mod body;
pub mod exchange;
mod head;
pub mod url;

use netdiag_model::{Instant, Untrusted};
use std::time::Duration;

pub use url::Url;

/// The most of a body that is kept, in bytes; all of it is counted.
pub const BODY_KEPT: usize = 65_536;
/// How many redirects are followed.
pub const REDIRECTS: usize = 10;

/// What one request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was asked for.
    pub url: Url,
    /// What came back, once its head was whole.
    pub response: Option<Response>,
    /// The connection had carried a request before.
    pub is_reused: bool,
    /// How long its connection took to open, and TLS over it; `None` of one that was open already.
    pub opened: Option<(Duration, Option<Duration>)>,
    /// When the request was handed over.
    pub asked_at: Instant,
    /// When the first byte of the answer came.
    pub first_at: Option<Instant>,
    /// When its last byte came.
    pub end_at: Option<Instant>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: &'static str,
    /// The status code (RFC 9110 section 15).
    pub status: u16,
    /// Its header fields in their order.
    pub headers: Vec<(Untrusted, Untrusted)>,
    /// The body, its first [`BODY_KEPT`] bytes.
    pub body: Vec<u8>,
    /// How long it is.
    pub body_bytes: u64,
    /// It came to its end.
    pub is_whole: bool,
}

impl Step {
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

    /// Where the answer leads to, where it is a redirect (RFC 9110 section 15.4).
    #[must_use]
    pub fn redirect(&self) -> Option<Url> {
        let response = self.response.as_ref()?;
        if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        self.url.join(response.header("location")?.as_raw())
    }
}

impl Response {
    /// A header field by its name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Untrusted> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.as_raw().eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether the connection stays open for another request (RFC 9112 section 9.3).
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        let says = |word: &str| {
            let value = self.header("connection").map(|value| value.as_raw().to_ascii_lowercase());
            value.is_some_and(|value| value.split(',').any(|one| one.trim() == word))
        };
        match self.version {
            "HTTP/1.0" => says("keep-alive"),
            _ => !says("close"),
        }
    }
}
