//! ICMP for both families: echo, errors, redirects, timestamps, extended echo (RFC 792,
//! RFC 4443, RFC 4861, RFC 8335).
//!
//! Numbers differ between the families, meanings mostly do not: so there is one [`Icmp`], and
//! [`Icmp::kind`] takes the family. Checksums are checked apart from parsing, because what arrived
//! damaged is still worth showing.

mod body;
mod emit;
mod extended;
pub(crate) mod numbers;
mod parse;

pub use body::ErrorBody;
pub use emit::{
    AppendedExtensions, ErrorMessage, ErrorSpec, emit_echo_v4, emit_echo_v6, emit_error_v4,
    emit_error_v6, emit_timestamp,
};
pub use extended::{ExtendedEcho, emit_extended_echo_v4, emit_extended_echo_v6};
pub use parse::{parse_v4, parse_v6};

use core::net::{IpAddr, Ipv6Addr};

use crate::checksum::{adds_up, internet_checksum};
use crate::protocol::{ICMPV6, IpVersion};
use numbers::{v4, v6};

/// Bytes in front of what an echo carries or an error quotes.
pub const HEADER_LENGTH: usize = 8;

/// What an ICMP message says.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  identifier and sequence, MTU, pointer, gateway: by the type  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  payload of an echo, or the datagram that an error quotes ... |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmp<'a> {
    /// A request to send the same back (v4 type 8, v6 type 128).
    EchoRequest(Echo<'a>),
    /// The answer to it (v4 type 0, v6 type 129).
    EchoReply(Echo<'a>),
    /// The datagram could not be delivered (v4 type 3, v6 type 1).
    DestinationUnreachable {
        /// Why.
        code: u8,
        /// The next hop's MTU in "fragmentation needed" (RFC 1191 section 4); old routers leave it out.
        mtu: Option<u16>,
        /// What is quoted.
        body: ErrorBody<'a>,
    },
    /// The hop limit ran out, or the time to reassemble (v4 type 11, v6 type 3).
    TimeExceeded {
        /// 0: hop limit; 1: reassembly.
        code: u8,
        /// What is quoted.
        body: ErrorBody<'a>,
    },
    /// Something in the datagram makes no sense (v4 type 12, v6 type 4).
    ParameterProblem {
        /// Which kind of problem.
        code: u8,
        /// The byte that makes no sense.
        pointer: u32,
        /// What is quoted.
        body: ErrorBody<'a>,
    },
    /// IPv6 only: the datagram is larger than the next link takes (type 2).
    PacketTooBig {
        /// Zero is what is sent.
        code: u8,
        /// The next link's MTU.
        mtu: u32,
        /// What is quoted.
        body: ErrorBody<'a>,
    },
    /// A better first hop (v4 type 5, v6 type 137).
    Redirect {
        /// What is redirected; 0 in IPv6.
        code: u8,
        /// The better first hop; in IPv6 the destination itself if it is a neighbour.
        gateway: IpAddr,
        /// Where the redirect is for: IPv6 says so, IPv4 leaves it to the quote.
        destination: Option<Ipv6Addr>,
        /// What is quoted; in IPv6 the content of the redirected header option (RFC 4861 section 4.6.3).
        body: ErrorBody<'a>,
    },
    /// IPv4 only: milliseconds since midnight UT, or asking for them (types 13 and 14).
    Timestamp(Timestamp),
    /// A question about an interface (v4 type 42, v6 type 160).
    ExtendedEchoRequest(ExtendedEcho<'a>),
    /// The answer to it (v4 type 43, v6 type 161).
    ExtendedEchoReply(ExtendedEcho<'a>),
    /// Any other message.
    Other {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// What follows type, code and checksum.
        body: &'a [u8],
    },
}

/// An echo request or reply (RFC 792 page 14, RFC 4443 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Zero is what is sent; what came is kept.
    pub code: u8,
    /// Identifier.
    pub ident: u16,
    /// Sequence number.
    pub seq: u16,
    /// What is to come back.
    pub payload: &'a [u8],
}

/// A timestamp request or reply (RFC 792 page 16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// A reply, not a request.
    pub reply: bool,
    /// Zero is what is sent; what came is kept.
    pub code: u8,
    /// Identifier.
    pub ident: u16,
    /// Sequence number.
    pub seq: u16,
    /// When the request was sent.
    pub originate: u32,
    /// When it arrived.
    pub receive: u32,
    /// When the reply was sent.
    pub transmit: u32,
}

impl<'a> Icmp<'a> {
    /// The type as it stands on the wire of that family.
    ///
    /// What exists in one family only has its number there in either case.
    #[must_use]
    pub const fn kind(&self, version: IpVersion) -> u8 {
        let (in_v4, in_v6) = match *self {
            Self::EchoRequest(_) => (v4::ECHO_REQUEST, v6::ECHO_REQUEST),
            Self::EchoReply(_) => (v4::ECHO_REPLY, v6::ECHO_REPLY),
            Self::DestinationUnreachable { .. } => {
                (v4::DESTINATION_UNREACHABLE, v6::DESTINATION_UNREACHABLE)
            }
            Self::TimeExceeded { .. } => (v4::TIME_EXCEEDED, v6::TIME_EXCEEDED),
            Self::ParameterProblem { .. } => (v4::PARAMETER_PROBLEM, v6::PARAMETER_PROBLEM),
            Self::PacketTooBig { .. } => (v6::PACKET_TOO_BIG, v6::PACKET_TOO_BIG),
            Self::Redirect { .. } => (v4::REDIRECT, v6::REDIRECT),
            Self::Timestamp(Timestamp { reply: false, .. }) => {
                (v4::TIMESTAMP_REQUEST, v4::TIMESTAMP_REQUEST)
            }
            Self::Timestamp(_) => (v4::TIMESTAMP_REPLY, v4::TIMESTAMP_REPLY),
            Self::ExtendedEchoRequest(_) => (v4::EXTENDED_ECHO_REQUEST, v6::EXTENDED_ECHO_REQUEST),
            Self::ExtendedEchoReply(_) => (v4::EXTENDED_ECHO_REPLY, v6::EXTENDED_ECHO_REPLY),
            Self::Other { kind, .. } => (kind, kind),
        };
        match version {
            IpVersion::V4 => in_v4,
            IpVersion::V6 => in_v6,
        }
    }

    /// The code as it stands on the wire.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match *self {
            Self::EchoRequest(echo) | Self::EchoReply(echo) => echo.code,
            Self::Timestamp(timestamp) => timestamp.code,
            Self::ExtendedEchoRequest(echo) | Self::ExtendedEchoReply(echo) => echo.code,
            Self::DestinationUnreachable { code, .. }
            | Self::TimeExceeded { code, .. }
            | Self::ParameterProblem { code, .. }
            | Self::PacketTooBig { code, .. }
            | Self::Redirect { code, .. }
            | Self::Other { code, .. } => code,
        }
    }

    /// What the message quotes, if it is one that quotes.
    #[must_use]
    pub const fn error_body(&self) -> Option<ErrorBody<'a>> {
        match *self {
            Self::DestinationUnreachable { body, .. }
            | Self::TimeExceeded { body, .. }
            | Self::ParameterProblem { body, .. }
            | Self::PacketTooBig { body, .. }
            | Self::Redirect { body, .. } => Some(body),
            Self::EchoRequest(_)
            | Self::EchoReply(_)
            | Self::Timestamp(_)
            | Self::ExtendedEchoRequest(_)
            | Self::ExtendedEchoReply(_)
            | Self::Other { .. } => None,
        }
    }
}

/// Whether the checksum of an ICMP message over IPv4 is correct (RFC 792).
#[must_use]
pub fn checksum_ok_v4(bytes: &[u8]) -> bool {
    bytes.len() >= parse::LEAST && internet_checksum(bytes) == 0
}

/// Whether the checksum of an ICMP message over IPv6 is correct (RFC 4443 section 2.3).
#[must_use]
pub fn checksum_ok_v6(bytes: &[u8], source: Ipv6Addr, destination: Ipv6Addr) -> bool {
    bytes.len() >= parse::LEAST && adds_up(source.into(), destination.into(), ICMPV6, bytes)
}

#[cfg(test)]
mod tests;
