//! The IPv4 header (RFC 791).

mod options;

pub use options::{Ipv4Option, Ipv4Options, RouteData};

use core::net::Ipv4Addr;

use pnet::packet::ipv4::{Ipv4Flags, Ipv4Packet};

use crate::bytes::{pad_to_multiple, put_u16, tail};
use crate::checksum::internet_checksum;
use crate::error::{EmitError, ParseError};

/// Bytes of a header without options.
pub const MIN_HEADER_LENGTH: usize = 20;
/// Most bytes of options that the header length field (RFC 791 section 3.1, "IHL") has room for.
pub const MAX_OPTIONS_LENGTH: usize = 40;

const VERSION: u8 = 4;
/// The header length field counts words of four bytes.
const WORD: usize = 4;
const CHECKSUM_AT: usize = 10;
/// No transport puts fewer bytes into a datagram; a total length below that is not believed in a quote.
const LEAST_TRANSPORT: usize = 8;

/// What an IPv4 header says (RFC 791 section 3.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version|  IHL  |Type of Service|          Total Length         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Identification        |Flags|      Fragment Offset    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Time to Live |    Protocol   |         Header Checksum       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Source Address                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Destination Address                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Options                    |    Padding    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4Header<'a> {
    /// Who sent it.
    pub source: Ipv4Addr,
    /// Whom it is for.
    pub destination: Ipv4Addr,
    /// What the payload is: see [`crate::protocol`].
    pub protocol: u8,
    /// Time to live.
    pub hop_limit: u8,
    /// Type of service: six bits DSCP (RFC 2474), two bits ECN (RFC 3168).
    pub tos: u8,
    /// Common to all fragments of a datagram.
    pub identification: u16,
    /// Routers must not fragment it.
    pub dont_fragment: bool,
    /// It is a fragment, and not the last.
    pub more_fragments: bool,
    /// Where the payload belongs in the whole datagram, in bytes: a multiple of eight.
    pub fragment_offset: u16,
    /// The options with their padding; see [`Ipv4Header::options`].
    pub options: &'a [u8],
    /// Bytes of header and payload, as the sender claims; computed when emitted.
    pub total_length: u16,
}

impl<'a> Ipv4Header<'a> {
    /// The options one by one.
    #[must_use]
    pub const fn options(&self) -> Ipv4Options<'a> {
        Ipv4Options::new(self.options)
    }

    /// Bytes that the header takes on the wire.
    #[must_use]
    pub fn header_length(&self) -> usize {
        padded_options(self.options).saturating_add(MIN_HEADER_LENGTH)
    }
}

/// Reads a datagram as it arrived: its header, and its payload cut to the total length.
///
/// The header checksum is not looked at: see [`checksum_ok`].
///
/// # Errors
///
/// The version is not 4, a length field contradicts itself or promises more than there is.
pub fn parse(bytes: &[u8]) -> Result<(Ipv4Header<'_>, &[u8]), ParseError> {
    let (header, rest) = parse_header(bytes)?;
    let claimed = usize::from(header.total_length);
    let least = header.header_length();
    let Some(length) = claimed.checked_sub(least) else {
        return Err(ParseError::BadLength { claimed, least });
    };
    match rest.get(..length) {
        Some(payload) => Ok((header, payload)),
        None => Err(ParseError::Truncated { needed: claimed, had: bytes.len() }),
    }
}

/// Reads a datagram as an ICMP error quotes it: what there is of the payload.
///
/// The payload is usually cut short, the checksum stale, and the total length sometimes in the
/// byte order of the router's processor. A total length is used only to cut off padding behind
/// the payload, and only if it leaves room for a transport header.
///
/// # Errors
///
/// The version is not 4, the header length is below 20, or the header is not there in full.
pub fn parse_quoted(bytes: &[u8]) -> Result<(Ipv4Header<'_>, &[u8]), ParseError> {
    let (header, rest) = parse_header(bytes)?;
    let claimed = usize::from(header.total_length).checked_sub(header.header_length());
    let believed = claimed.filter(|length| *length >= LEAST_TRANSPORT);
    let payload = believed.and_then(|length| rest.get(..length)).unwrap_or(rest);
    Ok((header, payload))
}

/// Whether the header checksum is correct; false where there is no whole header.
#[must_use]
pub fn checksum_ok(bytes: &[u8]) -> bool {
    let Ok((header, _)) = parse_header(bytes) else { return false };
    bytes.get(..header.header_length()).is_some_and(|header| internet_checksum(header) == 0)
}

/// Appends a header for a payload of `payload_length` bytes; length and checksum are computed.
///
/// Options are padded with zeros (end of list) to a multiple of four bytes.
///
/// # Errors
///
/// Options or datagram are too long for their fields, or the fragment offset is not a multiple of eight.
pub fn emit(
    header: &Ipv4Header<'_>,
    payload_length: usize,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let options = header.options.len();
    if options > MAX_OPTIONS_LENGTH {
        return Err(EmitError::TooLong { length: options, most: MAX_OPTIONS_LENGTH });
    }
    let header_length = header.header_length();
    let length = header_length.saturating_add(payload_length);
    let Ok(total_length) = u16::try_from(length) else {
        return Err(EmitError::TooLong { length, most: usize::from(u16::MAX) });
    };
    if !header.fragment_offset.is_multiple_of(8) {
        return Err(EmitError::BadFragmentOffset { offset: header.fragment_offset });
    }

    let start = out.len();
    let words = u8::try_from(header_length / WORD).unwrap_or_default();
    out.extend_from_slice(&[VERSION << 4 | words, header.tos]);
    out.extend_from_slice(&total_length.to_be_bytes());
    out.extend_from_slice(&header.identification.to_be_bytes());
    out.extend_from_slice(&fragment_word(header).to_be_bytes());
    out.extend_from_slice(&[header.hop_limit, header.protocol, 0, 0]);
    out.extend_from_slice(&header.source.octets());
    out.extend_from_slice(&header.destination.octets());
    out.extend_from_slice(header.options);
    pad_to_multiple(out, start, WORD);
    let checksum = internet_checksum(tail(out, start));
    put_u16(out, start.saturating_add(CHECKSUM_AT), checksum);
    Ok(())
}

/// Header and everything behind it.
fn parse_header(bytes: &[u8]) -> Result<(Ipv4Header<'_>, &[u8]), ParseError> {
    let had = bytes.len();
    let Some(view) = Ipv4Packet::new(bytes) else {
        return Err(ParseError::Truncated { needed: MIN_HEADER_LENGTH, had });
    };
    if view.get_version() != VERSION {
        return Err(ParseError::BadVersion { found: view.get_version() });
    }
    let claimed = usize::from(view.get_header_length()).saturating_mul(WORD);
    if claimed < MIN_HEADER_LENGTH {
        return Err(ParseError::BadLength { claimed, least: MIN_HEADER_LENGTH });
    }
    let Some((header, rest)) = bytes.split_at_checked(claimed) else {
        return Err(ParseError::Truncated { needed: claimed, had });
    };
    let flags = view.get_flags();
    let header = Ipv4Header {
        source: view.get_source(),
        destination: view.get_destination(),
        protocol: view.get_next_level_protocol().0,
        hop_limit: view.get_ttl(),
        tos: view.get_dscp() << 2 | view.get_ecn(),
        identification: view.get_identification(),
        dont_fragment: flags & Ipv4Flags::DontFragment != 0,
        more_fragments: flags & Ipv4Flags::MoreFragments != 0,
        fragment_offset: view.get_fragment_offset() << 3,
        options: tail(header, MIN_HEADER_LENGTH),
        total_length: view.get_total_length(),
    };
    Ok((header, rest))
}

/// The three flags and the fragment offset in units of eight bytes.
fn fragment_word(header: &Ipv4Header<'_>) -> u16 {
    let mut flags = 0;
    if header.dont_fragment {
        flags |= Ipv4Flags::DontFragment;
    }
    if header.more_fragments {
        flags |= Ipv4Flags::MoreFragments;
    }
    u16::from(flags) << 13 | header.fragment_offset >> 3
}

fn padded_options(options: &[u8]) -> usize {
    options.len().checked_next_multiple_of(WORD).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
