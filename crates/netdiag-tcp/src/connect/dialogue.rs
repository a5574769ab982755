//! What is said over a connection once it is open, and what comes back.

use super::http::exchange::Exchange;
use super::proxy::Refusal;
use super::tls::{Demand, Talked};
use netdiag_model::errno::Errno;
use regex_lite::{Regex, RegexBuilder};
use std::net::SocketAddr;
use std::time::Duration;

/// The most of what comes that is looked at and kept, in bytes.
pub const MOST_HEARD: usize = 16_384;
/// The largest that a pattern may become, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// What is done with connections that open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialogue {
    /// What is sent first.
    pub send: Vec<u8>,
    /// What must come, else any byte will do.
    pub expect: Option<Pattern>,
    /// How long it stays open, from when it opened.
    pub hold: Duration,
}

/// A pattern that text from a service must match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// What became of the talk over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// What came, the first [`MOST_HEARD`] bytes.
    pub heard: Vec<u8>,
    /// From when the service could be spoken to until all that it was told first was with the kernel; by
    /// HTTP that of the last request.
    pub request: Option<Duration>,
    /// From when it opened, with TLS if that is spoken, until the first byte came.
    pub first_byte: Option<Duration>,
    /// How it went.
    pub end: TalkResult,
    /// How far it had come by then.
    pub stage: Stage,
    /// What TLS showed, where it was spoken.
    pub tls: Option<Box<Talked>>,
    /// Why the service does not go on by TLS, safe to print.
    pub refused: Option<String>,
    /// What a proxy was asked for, and what came of it.
    pub proxy: Option<Box<Proxied>>,
    /// What was asked by HTTP, and what came back.
    pub http: Option<Box<Exchange>>,
    /// How many bytes of ours were acknowledged, where the kernel tells.
    pub acknowledged: Option<u64>,
    /// How long it was open.
    pub lasted: Duration,
    /// Whether any byte came over it, of whatever.
    pub has_come: bool,
    /// The run ended before it did.
    pub is_cut: bool,
    /// How it ended, of one that was to be held open for longer.
    pub early: Option<Early>,
    /// Where TLS was spoken, of a connection that a redirect led to.
    pub tls_at: Option<SocketAddr>,
}

/// What a proxy was asked for, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// Host and port, safe to print.
    pub asked: String,
    /// From the open connection until the proxy had one, too; `None`: it came to none.
    pub took: Option<Duration>,
    /// Why not, where it said so.
    pub refusal: Option<Refusal>,
}

/// How a connection ended that was to be held open for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Early {
    /// The other end closed it (FIN).
    Closed,
    /// It broke, with this error number.
    Broken(i32),
}

/// How a talk went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalkResult {
    /// What was waited for came, or nothing was waited for.
    AsExpected,
    /// Not a byte came.
    Silent,
    /// Something came, and it is not what was waited for.
    Other,
    /// The other end closed before what was waited for came.
    Closed,
    /// The connection broke with this error number.
    Failed(i32),
    /// TLS failed, or what it showed is not to be believed.
    Untrusted,
    /// The service does not go on by TLS, or the proxy not to the service.
    Refused,
    /// A redirect leads to where no connection opens.
    Astray,
    /// What came is no HTTP, or no answer by it.
    Malformed,
}

/// How far a talk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A proxy is asked for the target.
    Proxy,
    /// TLS is being agreed on in plain text.
    Upgrade,
    /// TLS is being negotiated.
    Tls,
    /// The service itself speaks.
    Service,
}

impl Talk {
    /// The same, over a connection that took so long to open.
    pub(super) fn opened(mut self, took: Duration) -> Self {
        let tls = self.tls_took();
        let took = took + self.proxy_took().unwrap_or_default();
        if let Some(first) = self.http.as_mut().and_then(|http| http.steps.first_mut()) {
            first.opened = Some((took, tls));
        }
        self
    }

    /// How long the handshake of TLS took, where it was done.
    #[must_use]
    pub fn tls_took(&self) -> Option<Duration> {
        self.tls.as_ref().and_then(|tls| tls.took)
    }

    /// How long a proxy took to open a connection, where it did.
    #[must_use]
    pub fn proxy_took(&self) -> Option<Duration> {
        self.proxy.as_ref().and_then(|proxy| proxy.took)
    }

    /// Whether a proxy opened no connection: nothing is known of the target but what it says.
    #[must_use]
    pub const fn is_barred(&self) -> bool {
        matches!(self.stage, Stage::Proxy)
    }

    /// How it ended, where it was to be held open for longer, in a few words.
    #[must_use]
    pub fn ended_early(&self) -> Option<String> {
        let seconds = self.lasted.as_secs_f64();
        Some(match self.early? {
            Early::Closed => format!("closed by the other end after {seconds:.1} s (FIN)"),
            Early::Broken(number) => {
                format!("broken after {seconds:.1} s ({} {number})", Errno::new(number).name)
            }
        })
    }

    /// Whether it came to what was asked for. Nobody asked for TLS that was only tried.
    #[must_use]
    pub fn is_as_asked(&self) -> bool {
        let is_tried = self.tls.as_ref().is_some_and(|tls| tls.demand == Demand::Tried);
        self.end == TalkResult::AsExpected || (is_tried && self.stage == Stage::Tls)
    }
}

impl Dialogue {
    /// Whether something is waited for.
    #[must_use]
    pub const fn waits(&self) -> bool {
        !self.send.is_empty() || self.expect.is_some()
    }

    /// Whether what came is what is waited for.
    #[must_use]
    pub fn is_met(&self, heard: &[u8]) -> bool {
        match &self.expect {
            Some(pattern) => pattern.regex.is_match(&String::from_utf8_lossy(heard)),
            None => !heard.is_empty(),
        }
    }
}

impl Pattern {
    /// A regular expression, in which `^` and `$` are the ends of what came.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
        let regex = regex.map_err(|error| format!("no regular expression: {error}"))?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// The bytes of a text with escapes: `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH`.
///
/// # Errors
/// When another letter stands behind a backslash.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match letters.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let mut digit = || letters.next()?.to_digit(16);
                let byte = digit().zip(digit()).and_then(|(a, b)| u8::try_from(a * 16 + b).ok());
                byte.ok_or_else(|| "\\x takes two hexadecimal digits".to_owned())?
            }
            _ => return Err("behind a backslash stands r, n, t, 0, xHH or another one".to_owned()),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unescape("QUIT\\r\\n"), Ok(b"QUIT\r\n".to_vec()));
        assert_eq!(unescape("\\x00\\xfF\\\\\\t\\0\u{e4}"), Ok(b"\0\xff\\\t\0\xc3\xa4".to_vec()));
        for wrong in ["\\", "\\q", "\\x1", "\\xg0"] {
            assert!(unescape(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pattern_is_met_by_what_came_so_far_whatever_bytes_those_are() {
        let expect = Some(Pattern::new("^220 .*ready").expect("a pattern"));
        let dialogue = Dialogue { expect, ..Dialogue::default() };
        assert!(dialogue.waits() && !dialogue.is_met(b"220 mail"));
        assert!(dialogue.is_met(b"220 mail \xff\x1b ready\r\n"));
        assert!(!dialogue.is_met(b"421 not ready"));
        assert!(!Dialogue::default().waits());
        assert!(Pattern::new("(").is_err() && Pattern::new("(a{1000}){1000}").is_err());
    }
}
