//! Extended echo: asking a node about one of its interfaces, or about a neighbour (RFC 8335).

use core::net::Ipv6Addr;

use super::emit::{finish_v4, finish_v6};
use super::numbers::{field, v4, v6};
use crate::bytes::{array_at, tail, u16_at};
use crate::extension::{self, Extensions};

/// The L bit of a request: the interface that is asked about is one of the node itself.
const LOCAL: u8 = 0b1;
const ACTIVE: u8 = 0b100;
const HAS_IPV4: u8 = 0b10;
const HAS_IPV6: u8 = 0b1;

/// An extended echo request or reply (RFC 8335 sections 2 and 3).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Identifier          |Sequence Number|   Reserved  |L|   request
/// |           Identifier          |Sequence Number|State|Res|A|4|6|   reply
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   ICMP extension structure, of a request
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedEcho<'a> {
    /// Of a request zero; of a reply how it went (section 3).
    pub code: u8,
    /// Identifier.
    pub ident: u16,
    /// Sequence number.
    pub seq: u8,
    /// The last byte of the header.
    pub flags: u8,
    /// What follows the header: of a request the question; of a reply nothing, by the RFC. Linux
    /// sends the question back.
    pub body: &'a [u8],
}

impl<'a> ExtendedEcho<'a> {
    /// A request about an interface of the node itself, or, not `local`, about a neighbour of it.
    #[must_use]
    pub const fn request(ident: u16, seq: u8, local: bool, body: &'a [u8]) -> Self {
        let flags = if local { LOCAL } else { 0 };
        Self { code: 0, ident, seq, flags, body }
    }

    /// The message behind type and code, where its header is there.
    pub(super) fn read(code: u8, bytes: &'a [u8]) -> Option<Self> {
        let [seq, flags] = array_at::<2>(bytes, field::SEQ)?;
        let ident = u16_at(bytes, field::IDENT)?;
        Some(Self { code, ident, seq, flags, body: tail(bytes, super::HEADER_LENGTH) })
    }

    /// Of a request: whether it is about the node's own interfaces.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.flags & LOCAL != 0
    }

    /// Of a reply: the state of the neighbour's table entry, 0 to 7; 0 where none was asked for.
    #[must_use]
    pub const fn state(&self) -> u8 {
        self.flags >> 5
    }

    /// Of a reply: whether the interface is active.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.flags & ACTIVE != 0
    }

    /// Of a reply: whether IPv4 runs on the interface.
    #[must_use]
    pub const fn has_ipv4(&self) -> bool {
        self.flags & HAS_IPV4 != 0
    }

    /// Of a reply: whether IPv6 runs on the interface.
    #[must_use]
    pub const fn has_ipv6(&self) -> bool {
        self.flags & HAS_IPV6 != 0
    }

    /// Of a reply: its last header byte.
    #[must_use]
    pub fn reply_flags(state: u8, active: bool, ipv4: bool, ipv6: bool) -> u8 {
        let bit = |is: bool, bit: u8| if is { bit } else { 0 };
        state << 5 | bit(active, ACTIVE) | bit(ipv4, HAS_IPV4) | bit(ipv6, HAS_IPV6)
    }

    /// Of a request: the question.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        extension::parse(self.body)
    }
}

/// Appends an extended echo request or reply over IPv4, with its checksum.
pub fn emit_extended_echo_v4(reply: bool, echo: &ExtendedEcho<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let kind = if reply { v4::EXTENDED_ECHO_REPLY } else { v4::EXTENDED_ECHO_REQUEST };
    append(kind, echo, out);
    finish_v4(start, out);
}

/// Appends an extended echo request or reply over IPv6.
///
/// Without addresses (source, destination) the checksum stays 0: the kernel fills it in.
pub fn emit_extended_echo_v6(
    reply: bool,
    echo: &ExtendedEcho<'_>,
    addresses: Option<(Ipv6Addr, Ipv6Addr)>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let kind = if reply { v6::EXTENDED_ECHO_REPLY } else { v6::EXTENDED_ECHO_REQUEST };
    append(kind, echo, out);
    finish_v6(addresses, start, out);
}

fn append(kind: u8, echo: &ExtendedEcho<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind, echo.code, 0, 0]);
    out.extend_from_slice(&echo.ident.to_be_bytes());
    out.extend_from_slice(&[echo.seq, echo.flags]);
    out.extend_from_slice(echo.body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::{ExtensionObject, ExtensionWriter, InterfaceId};
    use crate::icmp::{self, Icmp};
    use proptest::prelude::*;

    /// What Linux 6.18 answered about its loopback interface, and about one that it does not have.
    #[test]
    fn answers_of_a_kernel_are_read() {
        let up = [
            0x2b, 0x00, 0xc1, 0xc4, 0x12, 0x34, 0x01, 0x07, 0x20, 0x00, 0x70, 0x87, 0x00, 0x08,
            0x03, 0x01, 0x6c, 0x6f, 0x00, 0x00,
        ];
        assert!(icmp::checksum_ok_v4(&up));
        let Ok(Icmp::ExtendedEchoReply(reply)) = icmp::parse_v4(&up) else { panic!() };
        assert_eq!((reply.code, reply.ident, reply.seq, reply.state()), (0, 0x1234, 1, 0));
        assert!(reply.is_active() && reply.has_ipv4() && reply.has_ipv6());
        let id = ExtensionObject::InterfaceId(InterfaceId::Name(b"lo"));
        assert!(reply.extensions().objects().eq([id]));
        let none = [0x2b, 0x02, 0xc1, 0xc9, 0x12, 0x34, 0x01, 0x00];
        let Ok(Icmp::ExtendedEchoReply(reply)) = icmp::parse_v4(&none) else { panic!() };
        assert_eq!((reply.code, reply.is_active()), (2, false));
        assert!(icmp::parse_v4(&none[..7]).is_err());
    }

    #[test]
    fn a_question_has_the_bytes_of_the_rfc() {
        let mut question = Vec::new();
        let mut writer = ExtensionWriter::new(&mut question);
        writer.interface_id(&InterfaceId::Name(b"lo")).unwrap();
        writer.finish();
        let mut bytes = Vec::new();
        let request = ExtendedEcho::request(0x1234, 1, true, &question);
        emit_extended_echo_v4(false, &request, &mut bytes);
        assert_eq!(bytes[..2], [42, 0]);
        assert_eq!(
            bytes[4..],
            [0x12, 0x34, 1, 1, 0x20, 0, 0x70, 0x87, 0, 8, 3, 1, b'l', b'o', 0, 0]
        );
        bytes.clear();
        emit_extended_echo_v6(false, &request, None, &mut bytes);
        assert_eq!(bytes[..4], [160, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn every_message_reads_back(
            (reply, code, ident) in any::<(bool, u8, u16)>(),
            (seq, flags) in any::<(u8, u8)>(),
            body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let echo = ExtendedEcho { code, ident, seq, flags, body: &body };
            let expected = match reply {
                true => Icmp::ExtendedEchoReply(echo),
                false => Icmp::ExtendedEchoRequest(echo),
            };
            let mut out = Vec::new();
            emit_extended_echo_v4(reply, &echo, &mut out);
            prop_assert!(icmp::checksum_ok_v4(&out));
            prop_assert_eq!(icmp::parse_v4(&out), Ok(expected));
            out.clear();
            let ends = (Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
            emit_extended_echo_v6(reply, &echo, Some(ends), &mut out);
            prop_assert!(icmp::checksum_ok_v6(&out, ends.0, ends.1));
            prop_assert_eq!(icmp::parse_v6(&out), Ok(expected));
        }

        #[test]
        fn the_flags_of_a_reply_say_what_they_were_made_of(
            state in 0_u8..8,
            (active, ipv4, ipv6) in any::<(bool, bool, bool)>(),
        ) {
            let flags = ExtendedEcho::reply_flags(state, active, ipv4, ipv6);
            let reply = ExtendedEcho { code: 0, ident: 0, seq: 0, flags, body: &[] };
            prop_assert_eq!(reply.state(), state);
            prop_assert_eq!(reply.is_active(), active);
            prop_assert_eq!((reply.has_ipv4(), reply.has_ipv6()), (ipv4, ipv6));
        }
    }
}
