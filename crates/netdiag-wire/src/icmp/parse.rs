//! Bytes to messages.

use core::net::{Ipv4Addr, Ipv6Addr};

use pnet::packet::icmp::IcmpPacket;
use pnet::packet::icmpv6::Icmpv6Packet;

use super::numbers::{field, redirected_header, v4, v6};
use super::{Echo, ErrorBody, ExtendedEcho, HEADER_LENGTH, Icmp, Timestamp};
use crate::bytes::{array_at, tail, u16_at, u32_at};
use crate::error::ParseError;
use crate::protocol::IpVersion;

/// Type, code and checksum: what every message has.
pub(crate) const LEAST: usize = 4;
/// Options that are looked at in a redirect.
const MAX_NEIGHBOUR_OPTIONS: usize = 16;

/// Reads an ICMP message that came over IPv4 (RFC 792); its checksum is not looked at.
///
/// # Errors
///
/// The message is shorter than its type needs.
pub fn parse_v4(bytes: &[u8]) -> Result<Icmp<'_>, ParseError> {
    let Some(view) = IcmpPacket::new(bytes) else { return Err(truncated(bytes, LEAST)) };
    let (kind, code) = (view.get_icmp_type().0, view.get_icmp_code().0);
    known_v4(kind, code, bytes)
}

/// Reads an ICMP message that came over IPv6 (RFC 4443); its checksum is not looked at.
///
/// # Errors
///
/// The message is shorter than its type needs.
pub fn parse_v6(bytes: &[u8]) -> Result<Icmp<'_>, ParseError> {
    let Some(view) = Icmpv6Packet::new(bytes) else { return Err(truncated(bytes, LEAST)) };
    let (kind, code) = (view.get_icmpv6_type().0, view.get_icmpv6_code().0);
    known_v6(kind, code, bytes)
}

fn known_v4(kind: u8, code: u8, bytes: &[u8]) -> Result<Icmp<'_>, ParseError> {
    let with_extensions = || ErrorBody::extended(IpVersion::V4, bytes);
    Ok(match kind {
        v4::ECHO_REQUEST => Icmp::EchoRequest(echo(code, bytes)?),
        v4::ECHO_REPLY => Icmp::EchoReply(echo(code, bytes)?),
        v4::DESTINATION_UNREACHABLE => {
            let mtu = require(bytes, HEADER_LENGTH, u16_at(bytes, field::V4_MTU))?;
            let needed = code == v4::FRAGMENTATION_NEEDED && mtu != 0;
            Icmp::DestinationUnreachable {
                code,
                mtu: needed.then_some(mtu),
                body: with_extensions(),
            }
        }
        v4::TIME_EXCEEDED => {
            require(bytes, HEADER_LENGTH, u32_at(bytes, field::REST))?;
            Icmp::TimeExceeded { code, body: with_extensions() }
        }
        v4::PARAMETER_PROBLEM => {
            require(bytes, HEADER_LENGTH, u32_at(bytes, field::REST))?;
            let pointer = require(bytes, HEADER_LENGTH, bytes.get(field::V4_POINTER))?;
            Icmp::ParameterProblem { code, pointer: u32::from(*pointer), body: with_extensions() }
        }
        v4::REDIRECT => {
            let gateway = require(bytes, HEADER_LENGTH, array_at::<4>(bytes, field::V4_GATEWAY))?;
            Icmp::Redirect {
                code,
                gateway: Ipv4Addr::from(gateway).into(),
                destination: None,
                body: ErrorBody::plain(tail(bytes, HEADER_LENGTH)),
            }
        }
        v4::TIMESTAMP_REQUEST => Icmp::Timestamp(timestamp(false, code, bytes)?),
        v4::TIMESTAMP_REPLY => Icmp::Timestamp(timestamp(true, code, bytes)?),
        v4::EXTENDED_ECHO_REQUEST => Icmp::ExtendedEchoRequest(extended(code, bytes)?),
        v4::EXTENDED_ECHO_REPLY => Icmp::ExtendedEchoReply(extended(code, bytes)?),
        _ => Icmp::Other { kind, code, body: tail(bytes, field::REST) },
    })
}

fn known_v6(kind: u8, code: u8, bytes: &[u8]) -> Result<Icmp<'_>, ParseError> {
    let with_extensions = || ErrorBody::extended(IpVersion::V6, bytes);
    let plain = || ErrorBody::plain(tail(bytes, HEADER_LENGTH));
    Ok(match kind {
        v6::ECHO_REQUEST => Icmp::EchoRequest(echo(code, bytes)?),
        v6::ECHO_REPLY => Icmp::EchoReply(echo(code, bytes)?),
        v6::DESTINATION_UNREACHABLE => {
            require(bytes, HEADER_LENGTH, u32_at(bytes, field::REST))?;
            Icmp::DestinationUnreachable { code, mtu: None, body: with_extensions() }
        }
        v6::TIME_EXCEEDED => {
            require(bytes, HEADER_LENGTH, u32_at(bytes, field::REST))?;
            Icmp::TimeExceeded { code, body: with_extensions() }
        }
        v6::PACKET_TOO_BIG => {
            let mtu = require(bytes, HEADER_LENGTH, u32_at(bytes, field::V6_MTU))?;
            Icmp::PacketTooBig { code, mtu, body: plain() }
        }
        v6::PARAMETER_PROBLEM => {
            let pointer = require(bytes, HEADER_LENGTH, u32_at(bytes, field::V6_POINTER))?;
            Icmp::ParameterProblem { code, pointer, body: plain() }
        }
        v6::REDIRECT => redirect_v6(code, bytes)?,
        v6::EXTENDED_ECHO_REQUEST => Icmp::ExtendedEchoRequest(extended(code, bytes)?),
        v6::EXTENDED_ECHO_REPLY => Icmp::ExtendedEchoReply(extended(code, bytes)?),
        _ => Icmp::Other { kind, code, body: tail(bytes, field::REST) },
    })
}

fn echo(code: u8, bytes: &[u8]) -> Result<Echo<'_>, ParseError> {
    let seq = require(bytes, HEADER_LENGTH, u16_at(bytes, field::SEQ))?;
    let ident = require(bytes, HEADER_LENGTH, u16_at(bytes, field::IDENT))?;
    Ok(Echo { code, ident, seq, payload: tail(bytes, HEADER_LENGTH) })
}

fn extended(code: u8, bytes: &[u8]) -> Result<ExtendedEcho<'_>, ParseError> {
    require(bytes, HEADER_LENGTH, ExtendedEcho::read(code, bytes))
}

fn timestamp(reply: bool, code: u8, bytes: &[u8]) -> Result<Timestamp, ParseError> {
    const LENGTH: usize = 20;
    let echo = echo(code, bytes)?;
    Ok(Timestamp {
        reply,
        code,
        ident: echo.ident,
        seq: echo.seq,
        originate: require(bytes, LENGTH, u32_at(bytes, field::ORIGINATE))?,
        receive: require(bytes, LENGTH, u32_at(bytes, field::RECEIVE))?,
        transmit: require(bytes, LENGTH, u32_at(bytes, field::TRANSMIT))?,
    })
}

fn redirect_v6(code: u8, bytes: &[u8]) -> Result<Icmp<'_>, ParseError> {
    let least = field::V6_REDIRECT_OPTIONS;
    let target = array_at::<16>(bytes, field::V6_REDIRECT_TARGET);
    let destination = array_at::<16>(bytes, field::V6_REDIRECT_DESTINATION);
    let options = tail(bytes, field::V6_REDIRECT_OPTIONS);
    Ok(Icmp::Redirect {
        code,
        gateway: Ipv6Addr::from(require(bytes, least, target)?).into(),
        destination: Some(Ipv6Addr::from(require(bytes, least, destination)?)),
        body: ErrorBody::plain(redirected_quote(options).unwrap_or_default()),
    })
}

/// The quote among neighbour discovery options (RFC 4861 section 4.6).
fn redirected_quote(options: &[u8]) -> Option<&[u8]> {
    let mut rest = options;
    for _ in 0..MAX_NEIGHBOUR_OPTIONS {
        let [kind, units, ..] = *rest else { return None };
        let length = usize::from(units).saturating_mul(redirected_header::UNIT);
        let (option, behind) = rest.split_at_checked(length)?;
        if kind == redirected_header::KIND && length > 0 {
            return option.get(redirected_header::HEADER..);
        }
        // A length of zero would be an endless loop (RFC 4861 section 4.6: "MUST silently discard").
        if length == 0 {
            return None;
        }
        rest = behind;
    }
    None
}

fn require<T>(bytes: &[u8], needed: usize, found: Option<T>) -> Result<T, ParseError> {
    found.ok_or_else(|| truncated(bytes, needed))
}

const fn truncated(bytes: &[u8], needed: usize) -> ParseError {
    ParseError::Truncated { needed, had: bytes.len() }
}
