//! What an error quotes, and the RFC 4884 extensions behind the quote.

use super::HEADER_LENGTH;
use super::numbers::field::{V4_QUOTE_LENGTH, V6_QUOTE_LENGTH};
use crate::bytes::tail;
use crate::extension::{self, Extensions, Malformation};
use crate::protocol::IpVersion;

/// Bytes that the quote takes at least when extensions follow (RFC 4884 section 4.1), and exactly
/// in messages from before the length field (section 5.4).
pub(crate) const LEAST_EXTENDED_QUOTE: usize = 128;

/// The body of an ICMP error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// The start of the datagram that the error is about, perhaps with padding: see [`crate::quote`].
    pub quoted_bytes: &'a [u8],
    /// What the router adds.
    pub extensions: Extensions<'a>,
}

impl<'a> ErrorBody<'a> {
    /// A body of a message that carries no extensions.
    #[must_use]
    pub const fn plain(quoted_bytes: &'a [u8]) -> Self {
        Self { quoted_bytes, extensions: Extensions::Absent }
    }

    /// Splits a message of a type that may carry extensions (RFC 4884 section 4).
    pub(crate) fn extended(version: IpVersion, message: &'a [u8]) -> Self {
        let body = tail(message, HEADER_LENGTH);
        match claimed_length(version, message) {
            0 => Self::without_length(body),
            claimed => Self::with_length(claimed, body),
        }
    }

    /// No length given: extensions may still stand behind 128 bytes (RFC 4884 section 5.4).
    ///
    /// As the quote may just as well be longer, only a structure with a correct checksum counts.
    fn without_length(body: &'a [u8]) -> Self {
        let Some((quoted_bytes, rest)) = body.split_at_checked(LEAST_EXTENDED_QUOTE) else {
            return Self::plain(body);
        };
        match extension::parse_guarded(rest) {
            Some(extensions) => Self { quoted_bytes, extensions },
            None => Self::plain(body),
        }
    }

    fn with_length(claimed: usize, body: &'a [u8]) -> Self {
        let Some((quoted_bytes, rest)) = body.split_at_checked(claimed) else {
            return Self::malformed(body, Malformation::QuoteLengthBeyondMessage);
        };
        if claimed < LEAST_EXTENDED_QUOTE {
            // Against section 4.1, so it takes a correct checksum to believe it.
            return match extension::parse_guarded(rest) {
                Some(extensions) => Self { quoted_bytes, extensions },
                None if rest.is_empty() => Self::plain(body),
                None => Self::malformed(body, Malformation::QuoteLengthTooShort),
            };
        }
        let extensions = match rest {
            [] => Extensions::Absent,
            _ => extension::parse(rest),
        };
        Self { quoted_bytes, extensions }
    }

    const fn malformed(quoted_bytes: &'a [u8], why: Malformation) -> Self {
        Self { quoted_bytes, extensions: Extensions::Malformed(why) }
    }
}

/// Where the length of the quote stands, and the bytes that one unit of it means.
pub(crate) const fn length_field(version: IpVersion) -> (usize, usize) {
    match version {
        IpVersion::V4 => (V4_QUOTE_LENGTH, 4),
        IpVersion::V6 => (V6_QUOTE_LENGTH, 8),
    }
}

fn claimed_length(version: IpVersion, message: &[u8]) -> usize {
    let (at, unit) = length_field(version);
    let units = message.get(at).copied().unwrap_or_default();
    usize::from(units).saturating_mul(unit)
}
