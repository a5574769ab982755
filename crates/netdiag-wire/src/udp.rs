//! UDP datagrams (RFC 768).

use core::net::IpAddr;

use pnet::packet::udp::UdpPacket;

use crate::bytes::{put_u16, tail};
use crate::checksum::{adds_up, over};
use crate::error::{EmitError, ParseError};
use crate::protocol::UDP;

/// Bytes of the header.
pub const HEADER_LENGTH: usize = 8;

const CHECKSUM_AT: usize = 6;

/// What a UDP header says.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source Port          |       Destination Port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            Length             |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpRepr {
    /// Port it came from.
    pub source_port: u16,
    /// Port it is for.
    pub destination_port: u16,
    /// Bytes of header and payload, as the sender claims.
    pub length: u16,
    /// The checksum as it stands there; 0 over IPv4: none was computed.
    pub checksum: u16,
}

/// Reads a datagram: its header, and its payload cut to the length.
///
/// # Errors
///
/// The length is below 8 or promises more than there is.
pub fn parse(bytes: &[u8]) -> Result<(UdpRepr, &[u8]), ParseError> {
    let had = bytes.len();
    let header = parse_header(bytes)?;
    let claimed = usize::from(header.length);
    if claimed < HEADER_LENGTH {
        return Err(ParseError::BadLength { claimed, least: HEADER_LENGTH });
    }
    match bytes.get(HEADER_LENGTH..claimed) {
        Some(payload) => Ok((header, payload)),
        None => Err(ParseError::Truncated { needed: claimed, had }),
    }
}

/// Reads the header alone, whatever its length says: for quotes.
///
/// # Errors
///
/// There are fewer than eight bytes.
pub fn parse_header(bytes: &[u8]) -> Result<UdpRepr, ParseError> {
    let Some(view) = UdpPacket::new(bytes) else {
        return Err(ParseError::Truncated { needed: HEADER_LENGTH, had: bytes.len() });
    };
    Ok(UdpRepr {
        source_port: view.get_source(),
        destination_port: view.get_destination(),
        length: view.get_length(),
        checksum: view.get_checksum(),
    })
}

/// Whether the checksum of a whole datagram is correct.
///
/// Over IPv4 a checksum of 0 is none at all and counts as correct (RFC 768); over IPv6 it does not
/// (RFC 8200 section 8.1).
#[must_use]
pub fn checksum_ok(bytes: &[u8], source: IpAddr, destination: IpAddr) -> bool {
    let Ok((header, _)) = parse(bytes) else { return false };
    if header.checksum == 0 {
        return source.is_ipv4();
    }
    let datagram = bytes.get(..usize::from(header.length)).unwrap_or(bytes);
    adds_up(source, destination, UDP, datagram)
}

/// Appends a datagram, with its length and checksum.
///
/// # Errors
///
/// The payload is too long for the length field.
pub fn emit(
    source_port: u16,
    destination_port: u16,
    payload: &[u8],
    source: IpAddr,
    destination: IpAddr,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let length = payload.len().saturating_add(HEADER_LENGTH);
    let Ok(length) = u16::try_from(length) else {
        return Err(EmitError::TooLong { length, most: usize::from(u16::MAX) });
    };
    let start = out.len();
    out.extend_from_slice(&source_port.to_be_bytes());
    out.extend_from_slice(&destination_port.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(payload);
    let checksum = over(source, destination, UDP, tail(out, start));
    // "If the computed checksum is zero, it is transmitted as all ones" (RFC 768).
    let checksum = if checksum == 0 { u16::MAX } else { checksum };
    put_u16(out, start.saturating_add(CHECKSUM_AT), checksum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    const BYTES: [u8; 10] = [
        0x82, 0x9a, 0x00, 0x35, // ports 33434 -> 53
        0x00, 0x0a, 0xbe, 0xef, // length 10, checksum 0xbeef
        0x61, 0x62, // "ab"
    ];
    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn fields_stand_where_rfc_768_puts_them() {
        let (header, payload) = parse(&BYTES).unwrap();
        assert_eq!((header.source_port, header.destination_port), (33434, 53));
        assert_eq!((header.length, header.checksum), (10, 0xbeef));
        assert_eq!(payload, b"ab");
        assert!(!checksum_ok(&BYTES, A, B));
    }

    #[test]
    fn lengths_are_claims() {
        assert_eq!(parse(&BYTES[..7]), Err(ParseError::Truncated { needed: 8, had: 7 }));
        assert_eq!(parse(&BYTES[..9]), Err(ParseError::Truncated { needed: 10, had: 9 }));
        let mut short = BYTES;
        short[5] = 7;
        assert_eq!(parse(&short), Err(ParseError::BadLength { claimed: 7, least: 8 }));
        assert_eq!(parse_header(&short).unwrap().length, 7);
    }

    #[test]
    fn no_checksum_is_fine_in_ipv4_only() {
        let mut bytes = BYTES;
        (bytes[6], bytes[7]) = (0, 0);
        assert!(checksum_ok(&bytes, A, B));
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert!(!checksum_ok(&bytes, v6, v6));
    }

    #[test]
    fn a_checksum_of_zero_is_sent_as_ones() {
        // With the two payload bytes set to the checksum over zeros, the sum comes out as zero.
        let mut out = Vec::new();
        emit(1, 2, &[0, 0], A, B, &mut out).unwrap();
        let fill = [out[6], out[7]];
        out.clear();
        emit(1, 2, &fill, A, B, &mut out).unwrap();
        assert_eq!(out[6..8], [0xff, 0xff]);
        assert!(checksum_ok(&out, A, B));
    }

    #[test]
    fn too_long_is_refused() {
        let mut out = Vec::new();
        let error = EmitError::TooLong { length: 65_536, most: 65_535 };
        assert_eq!(emit(1, 2, &[0; 65_528], A, B, &mut out), Err(error));
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn emitted_datagrams_parse_back(
            (source_port, destination_port) in any::<(u16, u16)>(),
            (source, destination) in any::<(IpAddr, IpAddr)>(),
            payload in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut out = vec![1, 2, 3];
            emit(source_port, destination_port, &payload, source, destination, &mut out).unwrap();
            let bytes = &out[3..];
            prop_assert!(checksum_ok(bytes, source, destination));
            let (header, body) = parse(bytes).unwrap();
            prop_assert_eq!((header.source_port, header.destination_port), (source_port, destination_port));
            prop_assert_eq!(usize::from(header.length), bytes.len());
            prop_assert_eq!(body, payload);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            crate::fuzzing::check_udp(&bytes);
        }
    }
}
