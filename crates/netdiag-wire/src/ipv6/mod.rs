//! The IPv6 header (RFC 8200) and the chain of headers behind it.

mod chain;

pub use chain::{Chain, ChainEnd, Fragment, MAX_EXTENSION_HEADERS, emit_fragment, walk_extensions};

use core::net::Ipv6Addr;

use pnet::packet::ipv6::Ipv6Packet;

use crate::bytes::tail;
use crate::error::{EmitError, ParseError};

/// Bytes of the fixed header.
pub const HEADER_LENGTH: usize = 40;
/// The most that the flow label's 20 bits hold.
pub const MAX_FLOW_LABEL: u32 = 0xf_ffff;

const VERSION: u8 = 6;
/// No transport puts fewer bytes into a datagram; a payload length below that is not believed in a quote.
const LEAST_TRANSPORT: usize = 8;

/// What an IPv6 header says (RFC 8200 section 3).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Traffic Class |           Flow Label                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Payload Length        |  Next Header  |   Hop Limit   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Source Address (16 bytes)                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Destination Address (16 bytes)                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6Header {
    /// Who sent it.
    pub source: Ipv6Addr,
    /// Whom it is for.
    pub destination: Ipv6Addr,
    /// What follows this header: see [`crate::protocol`] and [`walk_extensions`].
    pub next_header: u8,
    /// Routers it may still pass.
    pub hop_limit: u8,
    /// Six bits DSCP (RFC 2474), two bits ECN (RFC 3168).
    pub traffic_class: u8,
    /// Packets of one flow carry the same label; 20 bits.
    pub flow_label: u32,
    /// Bytes behind this header, as the sender claims; computed when emitted.
    pub payload_length: u16,
}

/// Reads a datagram as it arrived: its header, and its payload cut to the payload length.
///
/// A jumbogram (RFC 2675) has a payload length of 0 and so an empty payload.
///
/// # Errors
///
/// The version is not 6, or the length promises more than there is.
pub fn parse(bytes: &[u8]) -> Result<(Ipv6Header, &[u8]), ParseError> {
    let (header, rest) = parse_header(bytes)?;
    match rest.get(..usize::from(header.payload_length)) {
        Some(payload) => Ok((header, payload)),
        None => {
            let needed = usize::from(header.payload_length).saturating_add(HEADER_LENGTH);
            Err(ParseError::Truncated { needed, had: bytes.len() })
        }
    }
}

/// Reads a datagram as an ICMP error quotes it: what there is of the payload.
///
/// A payload length is used only to cut off padding behind the payload, and only if it leaves
/// room for a transport header.
///
/// # Errors
///
/// The version is not 6, or the header is not there in full.
pub fn parse_quoted(bytes: &[u8]) -> Result<(Ipv6Header, &[u8]), ParseError> {
    let (header, rest) = parse_header(bytes)?;
    let believed = Some(usize::from(header.payload_length)).filter(|n| *n >= LEAST_TRANSPORT);
    let payload = believed.and_then(|length| rest.get(..length)).unwrap_or(rest);
    Ok((header, payload))
}

/// Appends a header for `payload_length` bytes behind it.
///
/// # Errors
///
/// The payload is too long for its field, or the flow label has more than 20 bits.
pub fn emit(
    header: &Ipv6Header,
    payload_length: usize,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let Ok(length) = u16::try_from(payload_length) else {
        return Err(EmitError::TooLong { length: payload_length, most: usize::from(u16::MAX) });
    };
    if header.flow_label > MAX_FLOW_LABEL {
        return Err(EmitError::OutOfRange { value: header.flow_label, most: MAX_FLOW_LABEL });
    }
    let first_word =
        u32::from(VERSION) << 28 | u32::from(header.traffic_class) << 20 | header.flow_label;
    out.extend_from_slice(&first_word.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[header.next_header, header.hop_limit]);
    out.extend_from_slice(&header.source.octets());
    out.extend_from_slice(&header.destination.octets());
    Ok(())
}

fn parse_header(bytes: &[u8]) -> Result<(Ipv6Header, &[u8]), ParseError> {
    let Some(view) = Ipv6Packet::new(bytes) else {
        return Err(ParseError::Truncated { needed: HEADER_LENGTH, had: bytes.len() });
    };
    if view.get_version() != VERSION {
        return Err(ParseError::BadVersion { found: view.get_version() });
    }
    let header = Ipv6Header {
        source: view.get_source(),
        destination: view.get_destination(),
        next_header: view.get_next_header().0,
        hop_limit: view.get_hop_limit(),
        traffic_class: view.get_traffic_class(),
        flow_label: view.get_flow_label(),
        payload_length: view.get_payload_length(),
    };
    Ok((header, tail(bytes, HEADER_LENGTH)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_stand_where_rfc_8200_puts_them() {
        let mut bytes = vec![
            0x6a, 0xb1, 0x23, 0x45, // version 6, traffic class 0xab, flow label 0x12345
            0x00, 0x08, 0x3a, 0x40, // payload length 8, ICMPv6, hop limit 64
        ];
        bytes.extend(Ipv6Addr::LOCALHOST.octets());
        bytes.extend(Ipv6Addr::UNSPECIFIED.octets());
        bytes.extend([128, 0, 0, 0, 0, 1, 0, 2]);
        let (header, payload) = parse(&bytes).unwrap();
        assert_eq!(header.source, Ipv6Addr::LOCALHOST);
        assert_eq!(header.destination, Ipv6Addr::UNSPECIFIED);
        assert_eq!((header.next_header, header.hop_limit), (58, 64));
        assert_eq!((header.traffic_class, header.flow_label), (0xab, 0x12345));
        assert_eq!(header.payload_length, 8);
        assert_eq!(payload, [128, 0, 0, 0, 0, 1, 0, 2]);

        assert_eq!(parse(&bytes[..47]), Err(ParseError::Truncated { needed: 48, had: 47 }));
        assert_eq!(parse(&bytes[..39]), Err(ParseError::Truncated { needed: 40, had: 39 }));
        assert_eq!(parse_quoted(&bytes[..44]).unwrap().1, [128, 0, 0, 0]);
        bytes[0] = 0x45;
        assert_eq!(parse(&bytes), Err(ParseError::BadVersion { found: 4 }));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_written() {
        let header = Ipv6Header {
            source: Ipv6Addr::LOCALHOST,
            destination: Ipv6Addr::LOCALHOST,
            next_header: 58,
            hop_limit: 1,
            traffic_class: 0,
            flow_label: 0x10_0000,
            payload_length: 0,
        };
        let mut out = Vec::new();
        let range = EmitError::OutOfRange { value: 0x10_0000, most: 0xf_ffff };
        assert_eq!(emit(&header, 0, &mut out), Err(range));
        let long = EmitError::TooLong { length: 65_536, most: 65_535 };
        assert_eq!(emit(&header, 65_536, &mut out), Err(long));
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn emitted_headers_parse_back(
            (source, destination) in any::<([u8; 16], [u8; 16])>(),
            (next_header, hop_limit, traffic_class) in any::<(u8, u8, u8)>(),
            flow_label in 0..=MAX_FLOW_LABEL,
            payload in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let header = Ipv6Header {
                source: source.into(),
                destination: destination.into(),
                next_header,
                hop_limit,
                traffic_class,
                flow_label,
                payload_length: u16::try_from(payload.len()).unwrap(),
            };
            let mut out = Vec::new();
            emit(&header, payload.len(), &mut out).unwrap();
            out.extend_from_slice(&payload);
            prop_assert_eq!(parse(&out), Ok((header, payload.as_slice())));
            prop_assert_eq!(parse_quoted(&out), Ok((header, payload.as_slice())));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            crate::fuzzing::check_ipv6(&bytes);
        }
    }
}
