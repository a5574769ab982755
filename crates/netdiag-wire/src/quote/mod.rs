//! The datagram that an ICMP error quotes: the probe as a router on the way saw it.
//!
//! Eight bytes behind the IP header are enough (RFC 792 promises no more); what is beyond is read
//! where it is there. Nothing is guessed: where the transport header cannot be found for certain,
//! there is a [`QuoteError`].

use core::error::Error;
use core::fmt;
use core::net::IpAddr;

mod sum;

pub use sum::{QuotedChecksum, Shift};

use crate::bytes::{tail, u16_at, u32_at};
use crate::error::ParseError;
use crate::icmp;
use crate::icmp::numbers::{field, v4, v6};
use crate::ipv6::ChainEnd;
use crate::protocol::{ICMP, ICMPV6, TCP, UDP};
use crate::tcp::TcpFlags;
use crate::{ipv4, ipv6, tcp, udp};

/// Bytes of the transport header that must be quoted: "64 bits of Data Datagram" (RFC 792).
pub const LEAST_TRANSPORT: usize = 8;

mod tcp_field {
    pub(super) const SOURCE_PORT: usize = 0;
    pub(super) const DESTINATION_PORT: usize = 2;
    pub(super) const SEQUENCE: usize = 4;
    pub(super) const ACKNOWLEDGEMENT: usize = 8;
    pub(super) const DATA_OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const WINDOW: usize = 14;
    pub(super) const CHECKSUM: usize = 16;
    pub(super) const URGENT: usize = 18;
}

/// A quoted datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted<'a> {
    /// Who sent it, as seen there: behind a NAT not the address we sent from.
    pub source: IpAddr,
    /// Whom it was for.
    pub destination: IpAddr,
    /// The transport protocol, behind any extension headers.
    pub protocol: u8,
    /// Hop limit on arrival there; 0 or 1 where it ran out.
    pub hop_limit: u8,
    /// Type of service or traffic class on arrival there.
    pub tos: u8,
    /// The datagram's identification; IPv6 has one only in a fragment header, which does not count here.
    pub identification: Option<u16>,
    /// Whether routers must not fragment it; IPv4 only.
    pub dont_fragment: Option<bool>,
    /// The flow label; IPv6 only.
    pub flow_label: Option<u32>,
    /// Bytes of the whole datagram, as the quoted header claims; of a fragment its own.
    pub total_length: u32,
    /// It is the first of several fragments.
    pub is_fragment: bool,
    /// What of the transport header there is.
    pub transport: QuotedTransport<'a>,
    /// The checksum of a transport that is quoted to its last byte.
    pub checksum: Option<QuotedChecksum>,
}

/// The transport header of a quoted datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotedTransport<'a> {
    /// An ICMP echo.
    Echo {
        /// A reply, not a request.
        reply: bool,
        /// Identifier.
        ident: u16,
        /// Sequence number.
        seq: u16,
        /// Checksum.
        checksum: u16,
        /// What there is of the payload.
        payload: &'a [u8],
    },
    /// A request of ICMP that is no echo: a timestamp (type 13), an extended echo (42, over IPv6
    /// 160).
    Query {
        /// The type.
        kind: u8,
        /// Identifier.
        ident: u16,
        /// Sequence number; of an extended echo its upper half alone (RFC 8335 section 2).
        seq: u16,
        /// What there is behind the header.
        body: &'a [u8],
    },
    /// A UDP datagram.
    Udp {
        /// Port it came from.
        source_port: u16,
        /// Port it was for.
        destination_port: u16,
        /// Bytes of header and payload, as the header claims.
        length: u16,
        /// Checksum.
        checksum: u16,
        /// What there is of the payload.
        payload: &'a [u8],
    },
    /// A TCP segment.
    Tcp {
        /// Port it came from.
        source_port: u16,
        /// Port it was for.
        destination_port: u16,
        /// Sequence number.
        sequence: u32,
        /// The rest of the header, where it is quoted in full.
        rest: Option<TcpRest<'a>>,
    },
    /// Anything else.
    Other {
        /// The protocol number.
        protocol: u8,
        /// What there is of it.
        bytes: &'a [u8],
    },
}

/// What of a TCP header is beyond its first eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpRest<'a> {
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window.
    pub window: u16,
    /// Checksum.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// What there is of the options: see [`tcp::TcpOptions::new`].
    pub options: &'a [u8],
}

/// Why a quote could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteError {
    /// It ends before the eighth byte of the transport header.
    Short {
        /// Bytes needed from where the count started: the datagram's first.
        needed: usize,
        /// Bytes there are.
        had: usize,
    },
    /// It is no IP datagram of the family.
    NotIp,
    /// It is a fragment other than the first: there is no transport header in it.
    NonFirstFragment,
    /// Its extension headers do not lead to a transport header: encrypted, unknown, or too many.
    UnparsableChain,
}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { needed, had } => write!(f, "quote of {had} bytes, {needed} needed"),
            Self::NotIp => f.write_str("quote is not an IP datagram"),
            Self::NonFirstFragment => f.write_str("quote of a later fragment"),
            Self::UnparsableChain => f.write_str("no way through the quoted extension headers"),
        }
    }
}

impl Error for QuoteError {}

impl From<ParseError> for QuoteError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Truncated { needed, had } => Self::Short { needed, had },
            ParseError::BadVersion { .. } | ParseError::BadLength { .. } => Self::NotIp,
        }
    }
}

/// Reads what an ICMP error over IPv4 quotes.
///
/// # Errors
///
/// See [`QuoteError`].
pub fn parse_v4(bytes: &[u8]) -> Result<Quoted<'_>, QuoteError> {
    let (header, payload) = ipv4::parse_quoted(bytes)?;
    if header.fragment_offset != 0 {
        return Err(QuoteError::NonFirstFragment);
    }
    let addresses = (header.source.into(), header.destination.into());
    Ok(Quoted {
        source: addresses.0,
        destination: addresses.1,
        protocol: header.protocol,
        hop_limit: header.hop_limit,
        tos: header.tos,
        identification: Some(header.identification),
        dont_fragment: Some(header.dont_fragment),
        flow_label: None,
        total_length: u32::from(header.total_length),
        is_fragment: header.more_fragments,
        transport: transport(ICMP, header.protocol, payload, bytes)?,
        checksum: usize::from(header.total_length)
            .checked_sub(header.header_length())
            .filter(|_| !header.more_fragments)
            .and_then(|length| sum::checksum(addresses, header.protocol, payload, length)),
    })
}

/// Reads what an ICMP error over IPv6 quotes.
///
/// # Errors
///
/// See [`QuoteError`].
pub fn parse_v6(bytes: &[u8]) -> Result<Quoted<'_>, QuoteError> {
    let (header, payload) = ipv6::parse_quoted(bytes)?;
    let walk = ipv6::walk_extensions(header.next_header, payload);
    let (protocol, upper) = match walk.end {
        ChainEnd::Upper { protocol, bytes } => (protocol, bytes),
        ChainEnd::NonFirstFragment { .. } => return Err(QuoteError::NonFirstFragment),
        ChainEnd::Truncated { .. } => {
            return Err(QuoteError::Short {
                needed: bytes.len().saturating_add(LEAST_TRANSPORT),
                had: bytes.len(),
            });
        }
        ChainEnd::Authenticated
        | ChainEnd::Encrypted
        | ChainEnd::Nothing
        | ChainEnd::Unknown { .. }
        | ChainEnd::TooMany => return Err(QuoteError::UnparsableChain),
    };
    let header_length = u32::try_from(ipv6::HEADER_LENGTH).unwrap_or_default();
    let addresses = (header.source.into(), header.destination.into());
    let before = payload.len().saturating_sub(upper.len());
    Ok(Quoted {
        source: addresses.0,
        destination: addresses.1,
        protocol,
        hop_limit: header.hop_limit,
        tos: header.traffic_class,
        identification: None,
        dont_fragment: None,
        flow_label: Some(header.flow_label),
        total_length: u32::from(header.payload_length).saturating_add(header_length),
        is_fragment: walk.fragment.is_some(),
        transport: transport(ICMPV6, protocol, upper, bytes)?,
        checksum: usize::from(header.payload_length)
            .checked_sub(before)
            .and_then(|length| sum::checksum(addresses, protocol, upper, length)),
    })
}

/// Reads the transport header; `icmp` is the number that ICMP has in the quoted family.
fn transport<'a>(
    icmp: u8,
    protocol: u8,
    bytes: &'a [u8],
    quote: &[u8],
) -> Result<QuotedTransport<'a>, QuoteError> {
    if bytes.len() < LEAST_TRANSPORT {
        let missing = LEAST_TRANSPORT.saturating_sub(bytes.len());
        let had = quote.len();
        return Err(QuoteError::Short { needed: had.saturating_add(missing), had });
    }
    let known = match protocol {
        UDP => read_udp(bytes),
        TCP => read_tcp(bytes),
        _ if protocol == icmp => read_icmp(icmp, bytes),
        _ => None,
    };
    Ok(known.unwrap_or(QuotedTransport::Other { protocol, bytes }))
}

fn read_udp(bytes: &[u8]) -> Option<QuotedTransport<'_>> {
    let header = udp::parse_header(bytes).ok()?;
    Some(QuotedTransport::Udp {
        source_port: header.source_port,
        destination_port: header.destination_port,
        length: header.length,
        checksum: header.checksum,
        payload: tail(bytes, udp::HEADER_LENGTH),
    })
}

fn read_tcp(bytes: &[u8]) -> Option<QuotedTransport<'_>> {
    Some(QuotedTransport::Tcp {
        source_port: u16_at(bytes, tcp_field::SOURCE_PORT)?,
        destination_port: u16_at(bytes, tcp_field::DESTINATION_PORT)?,
        sequence: u32_at(bytes, tcp_field::SEQUENCE)?,
        rest: read_tcp_rest(bytes),
    })
}

fn read_tcp_rest(bytes: &[u8]) -> Option<TcpRest<'_>> {
    let header_length = usize::from(bytes.get(tcp_field::DATA_OFFSET)? >> 4).saturating_mul(4);
    let options_end =
        header_length.clamp(tcp::MIN_HEADER_LENGTH, bytes.len().max(tcp::MIN_HEADER_LENGTH));
    Some(TcpRest {
        acknowledgement: u32_at(bytes, tcp_field::ACKNOWLEDGEMENT)?,
        flags: TcpFlags(*bytes.get(tcp_field::FLAGS)?),
        window: u16_at(bytes, tcp_field::WINDOW)?,
        checksum: u16_at(bytes, tcp_field::CHECKSUM)?,
        urgent: u16_at(bytes, tcp_field::URGENT)?,
        options: bytes.get(tcp::MIN_HEADER_LENGTH..options_end).unwrap_or_default(),
    })
}

fn read_icmp(protocol: u8, bytes: &[u8]) -> Option<QuotedTransport<'_>> {
    let body = tail(bytes, icmp::HEADER_LENGTH);
    let kind = *bytes.first()?;
    let reply = match (protocol, kind) {
        (ICMP, v4::ECHO_REQUEST) | (ICMPV6, v6::ECHO_REQUEST) => false,
        (ICMP, v4::ECHO_REPLY) | (ICMPV6, v6::ECHO_REPLY) => true,
        (ICMP, v4::TIMESTAMP_REQUEST | v4::EXTENDED_ECHO_REQUEST)
        | (ICMPV6, v6::EXTENDED_ECHO_REQUEST) => {
            let (ident, seq) = (u16_at(bytes, field::IDENT)?, u16_at(bytes, field::SEQ)?);
            return Some(QuotedTransport::Query { kind, ident, seq, body });
        }
        _ => return None,
    };
    Some(QuotedTransport::Echo {
        reply,
        ident: u16_at(bytes, field::IDENT)?,
        seq: u16_at(bytes, field::SEQ)?,
        checksum: u16_at(bytes, field::CHECKSUM)?,
        payload: body,
    })
}

#[cfg(test)]
mod tests;
