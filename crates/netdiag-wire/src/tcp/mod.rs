//! TCP segments (RFC 9293).

mod flags;
mod handshake;
mod options;

pub use flags::TcpFlags;
pub use handshake::{Offer, SYN_LENGTH, Syn, checksum_left_out, emit_syn};
pub use options::{SackBlocks, TcpOption, TcpOptions};

use core::net::IpAddr;

use pnet::packet::tcp::TcpPacket;

use crate::bytes::{pad_to_multiple, put_u16, tail};
use crate::checksum::{adds_up, over};
use crate::error::{EmitError, ParseError};
use crate::protocol::TCP;

/// Bytes of a header without options.
pub const MIN_HEADER_LENGTH: usize = 20;
/// Most bytes of options that the data offset has room for.
pub const MAX_OPTIONS_LENGTH: usize = 40;

const WORD: usize = 4;
const CHECKSUM_AT: usize = 16;

/// What a TCP header says (RFC 9293 section 3.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source Port          |       Destination Port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence Number                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Acknowledgment Number                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Offset|  Res. |     Flags     |            Window             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Checksum            |         Urgent Pointer        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           [Options]                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpRepr<'a> {
    /// Port it came from.
    pub source_port: u16,
    /// Port it is for.
    pub destination_port: u16,
    /// Number of the first byte, or of the SYN.
    pub sequence: u32,
    /// Number of the byte expected next, if the ACK flag is set.
    pub acknowledgement: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// Bytes that may be sent, not yet scaled.
    pub window: u16,
    /// The checksum as it stands there; computed when emitted.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// The options with their padding; see [`TcpRepr::options`].
    pub options: &'a [u8],
}

impl<'a> TcpRepr<'a> {
    /// The options one by one.
    #[must_use]
    pub const fn options(&self) -> TcpOptions<'a> {
        TcpOptions::new(self.options)
    }
}

/// Reads a segment: its header and its payload. IP says where it ends.
///
/// # Errors
///
/// The data offset is below 20 bytes or promises more than there is.
pub fn parse(bytes: &[u8]) -> Result<(TcpRepr<'_>, &[u8]), ParseError> {
    let had = bytes.len();
    let Some(view) = TcpPacket::new(bytes) else {
        return Err(ParseError::Truncated { needed: MIN_HEADER_LENGTH, had });
    };
    let claimed = usize::from(view.get_data_offset()).saturating_mul(WORD);
    if claimed < MIN_HEADER_LENGTH {
        return Err(ParseError::BadLength { claimed, least: MIN_HEADER_LENGTH });
    }
    let Some((header, payload)) = bytes.split_at_checked(claimed) else {
        return Err(ParseError::Truncated { needed: claimed, had });
    };
    let header = TcpRepr {
        source_port: view.get_source(),
        destination_port: view.get_destination(),
        sequence: view.get_sequence(),
        acknowledgement: view.get_acknowledgement(),
        flags: TcpFlags(view.get_flags()),
        window: view.get_window(),
        checksum: view.get_checksum(),
        urgent: view.get_urgent_ptr(),
        options: tail(header, MIN_HEADER_LENGTH),
    };
    Ok((header, payload))
}

/// Whether the checksum of a whole segment is correct.
#[must_use]
pub fn checksum_ok(bytes: &[u8], source: IpAddr, destination: IpAddr) -> bool {
    bytes.len() >= MIN_HEADER_LENGTH && adds_up(source, destination, TCP, bytes)
}

/// Appends a segment, with its data offset and checksum.
///
/// Options are padded with zeros (end of list) to a multiple of four bytes.
///
/// # Errors
///
/// There are more than 40 bytes of options.
pub fn emit(
    header: &TcpRepr<'_>,
    payload: &[u8],
    source: IpAddr,
    destination: IpAddr,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let length = header.options.len();
    if length > MAX_OPTIONS_LENGTH {
        return Err(EmitError::TooLong { length, most: MAX_OPTIONS_LENGTH });
    }
    let words = MIN_HEADER_LENGTH.saturating_add(length).div_ceil(WORD);
    let words = u8::try_from(words).unwrap_or_default();
    let start = out.len();
    out.extend_from_slice(&header.source_port.to_be_bytes());
    out.extend_from_slice(&header.destination_port.to_be_bytes());
    out.extend_from_slice(&header.sequence.to_be_bytes());
    out.extend_from_slice(&header.acknowledgement.to_be_bytes());
    out.extend_from_slice(&[words << 4, header.flags.0]);
    out.extend_from_slice(&header.window.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&header.urgent.to_be_bytes());
    out.extend_from_slice(header.options);
    pad_to_multiple(out, start, WORD);
    out.extend_from_slice(payload);
    let checksum = over(source, destination, TCP, tail(out, start));
    put_u16(out, start.saturating_add(CHECKSUM_AT), checksum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use proptest::prelude::*;

    const SYN: [u8; 24] = [
        0x9c, 0x40, 0x01, 0xbb, // ports 40000 -> 443
        0x01, 0x02, 0x03, 0x04, // sequence
        0x00, 0x00, 0x00, 0x00, // acknowledgement
        0x60, 0x02, 0xff, 0xff, // 24 bytes, SYN, window 65535
        0x12, 0x34, 0x00, 0x00, // checksum, urgent
        0x02, 0x04, 0x05, 0xb4, // MSS 1460
    ];

    #[test]
    fn fields_stand_where_rfc_9293_puts_them() {
        let (header, payload) = parse(&SYN).unwrap();
        assert_eq!((header.source_port, header.destination_port), (40_000, 443));
        assert_eq!((header.sequence, header.acknowledgement), (0x0102_0304, 0));
        assert_eq!((header.flags, header.window), (TcpFlags::SYN, 65_535));
        assert_eq!((header.checksum, header.urgent), (0x1234, 0));
        assert_eq!(header.options().collect::<Vec<_>>(), [TcpOption::MaximumSegmentSize(1460)]);
        assert!(payload.is_empty());
    }

    #[test]
    fn lengths_are_claims() {
        assert_eq!(parse(&SYN[..19]), Err(ParseError::Truncated { needed: 20, had: 19 }));
        assert_eq!(parse(&SYN[..23]), Err(ParseError::Truncated { needed: 24, had: 23 }));
        let mut bytes = SYN;
        bytes[12] = 0x40;
        assert_eq!(parse(&bytes), Err(ParseError::BadLength { claimed: 16, least: 20 }));
        let (header, _) = parse(&SYN).unwrap();
        let long = TcpRepr { options: &[1; 41], ..header };
        let any = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let error = EmitError::TooLong { length: 41, most: 40 };
        assert_eq!(emit(&long, &[], any, any, &mut Vec::new()), Err(error));
    }

    proptest! {
        #[test]
        fn emitted_segments_parse_back(
            (source_port, destination_port, window, urgent) in any::<(u16, u16, u16, u16)>(),
            (sequence, acknowledgement, flags) in any::<(u32, u32, u8)>(),
            option_words in 0_usize..=10,
            (source, destination) in any::<(IpAddr, IpAddr)>(),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let options = vec![1; option_words * 4];
            let header = TcpRepr {
                source_port,
                destination_port,
                sequence,
                acknowledgement,
                flags: TcpFlags(flags),
                window,
                checksum: 0,
                urgent,
                options: &options,
            };
            let mut out = vec![9];
            emit(&header, &payload, source, destination, &mut out).unwrap();
            prop_assert!(checksum_ok(&out[1..], source, destination));
            let (parsed, body) = parse(&out[1..]).unwrap();
            prop_assert_eq!(TcpRepr { checksum: 0, ..parsed }, header);
            prop_assert_eq!(body, payload);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            crate::fuzzing::check_tcp(&bytes);
        }
    }
}
