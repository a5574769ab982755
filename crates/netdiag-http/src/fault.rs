//! Why there is no answer, or no more of one.

use std::fmt;

/// What went wrong with a request, or with all of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In a word.
    pub reason: Reason,
    /// In a sentence without a full stop, safe to print.
    pub message: String,
    /// The other end has not looked at the request: it may be made again whatever it does (RFC 9113
    /// section 8.7).
    pub is_untouched: bool,
}

/// What went wrong, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// What came is no HTTP.
    Malformed,
    /// The other end closed before the answer was whole.
    Closed,
    /// It took the request back (`RST_STREAM`, `RESET_STREAM`).
    Reset,
    /// It takes no more requests over this connection (GOAWAY).
    GoAway,
    /// It broke the rules of HTTP/2.
    Protocol,
    /// It broke the rules of HTTP/3.
    Protocol3,
    /// The answer is longer than is read.
    TooLarge,
    /// The request is none that can be made.
    Impossible,
}

impl Reason {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Closed => "closed",
            Self::Reset => "stream-reset",
            Self::GoAway => "goaway",
            Self::Protocol => "http2-error",
            Self::Protocol3 => "http3-error",
            Self::TooLarge => "too-large",
            Self::Impossible => "impossible",
        }
    }
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), is_untouched: false }
    }

    /// What came instead of HTTP.
    pub(crate) fn malformed(why: &str, came: &[u8]) -> Self {
        Self::foreign(&format!("no HTTP ({why})"), came)
    }

    /// What came is this.
    pub(crate) fn foreign(what: &str, came: &[u8]) -> Self {
        const SHOWN: usize = 40;
        let shown = crate::message::text(came.get(..SHOWN).unwrap_or(came));
        let said = match came.is_empty() {
            true => String::new(),
            false => format!(": `{}`", shown.escaped()),
        };
        Self::new(Reason::Malformed, format!("what came is {what}{said}"))
    }

    /// The other end closed; what had come by then.
    pub(crate) fn closed(before: impl fmt::Display) -> Self {
        Self::new(Reason::Closed, format!("the other end closed the connection before {before}"))
    }
}
