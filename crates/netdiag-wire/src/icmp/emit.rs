//! Messages to bytes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Timestamp;
use super::body::{LEAST_EXTENDED_QUOTE, length_field};
use super::numbers::{field, redirected_header, v4, v6};
use crate::bytes::{pad_to_multiple, put_u16, tail};
use crate::checksum::{internet_checksum, over};
use crate::error::EmitError;
use crate::protocol::{ICMPV6, IpVersion};

/// An error message to emit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSpec<'a> {
    /// Which error.
    pub message: ErrorMessage,
    /// The start of the datagram that the error is about.
    pub quoted_bytes: &'a [u8],
    /// What stands behind the quote.
    pub extensions: AppendedExtensions<'a>,
}

/// Which error to emit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorMessage {
    /// v4 type 3, v6 type 1.
    DestinationUnreachable {
        /// Why.
        code: u8,
        /// The next hop's MTU; IPv4 only.
        mtu: Option<u16>,
    },
    /// v4 type 11, v6 type 3.
    TimeExceeded {
        /// 0: hop limit; 1: reassembly.
        code: u8,
    },
    /// v4 type 12, v6 type 4.
    ParameterProblem {
        /// Which kind of problem.
        code: u8,
        /// The byte that makes no sense; at most 255 in IPv4.
        pointer: u32,
    },
    /// v6 type 2.
    PacketTooBig {
        /// The next link's MTU.
        mtu: u32,
    },
    /// v4 type 5.
    RedirectV4 {
        /// What is redirected.
        code: u8,
        /// The better first hop.
        gateway: Ipv4Addr,
    },
    /// v6 type 137.
    RedirectV6 {
        /// The better first hop.
        target: Ipv6Addr,
        /// Where the redirect is for.
        destination: Ipv6Addr,
    },
}

/// How an extension structure (see [`crate::extension::ExtensionWriter`]) follows the quote.
///
/// The bytes are taken as they are, so that a simulator can send broken ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendedExtensions<'a> {
    /// Not at all.
    Absent,
    /// Behind a padded quote whose length is given (RFC 4884 section 4).
    Rfc4884(&'a [u8]),
    /// Behind a quote of exactly 128 bytes, no length given (RFC 4884 section 5.4).
    Legacy(&'a [u8]),
}

/// Appends an echo request or reply over IPv4, with its checksum.
pub fn emit_echo_v4(reply: bool, ident: u16, seq: u16, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    echo(if reply { v4::ECHO_REPLY } else { v4::ECHO_REQUEST }, ident, seq, payload, out);
    finish_v4(start, out);
}

/// Appends an echo request or reply over IPv6.
///
/// Without addresses (source, destination) the checksum stays 0: the kernel fills it in
/// (RFC 3542 section 3.1).
pub fn emit_echo_v6(
    reply: bool,
    ident: u16,
    seq: u16,
    payload: &[u8],
    addresses: Option<(Ipv6Addr, Ipv6Addr)>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    echo(if reply { v6::ECHO_REPLY } else { v6::ECHO_REQUEST }, ident, seq, payload, out);
    finish_v6(addresses, start, out);
}

/// Appends a timestamp request or reply over IPv4, with its checksum.
pub fn emit_timestamp(timestamp: &Timestamp, out: &mut Vec<u8>) {
    let start = out.len();
    let kind = if timestamp.reply { v4::TIMESTAMP_REPLY } else { v4::TIMESTAMP_REQUEST };
    out.extend_from_slice(&[kind, timestamp.code, 0, 0]);
    out.extend_from_slice(&timestamp.ident.to_be_bytes());
    out.extend_from_slice(&timestamp.seq.to_be_bytes());
    for time in [timestamp.originate, timestamp.receive, timestamp.transmit] {
        out.extend_from_slice(&time.to_be_bytes());
    }
    finish_v4(start, out);
}

/// Appends an error over IPv4, with its checksum.
///
/// # Errors
///
/// The message does not exist in IPv4 or carries no extensions there, a number is too large for
/// its field, or the quote is too long to be followed by extensions.
pub fn emit_error_v4(spec: &ErrorSpec<'_>, out: &mut Vec<u8>) -> Result<(), EmitError> {
    use ErrorMessage as M;
    let mut rest = [0; 4];
    let (kind, code, extensible) = match spec.message {
        M::DestinationUnreachable { code, mtu } => {
            let [high, low] = mtu.unwrap_or_default().to_be_bytes();
            rest = [0, 0, high, low];
            (v4::DESTINATION_UNREACHABLE, code, true)
        }
        M::TimeExceeded { code } => (v4::TIME_EXCEEDED, code, true),
        M::ParameterProblem { code, pointer } => {
            let Ok(pointer) = u8::try_from(pointer) else {
                return Err(EmitError::OutOfRange { value: pointer, most: u32::from(u8::MAX) });
            };
            rest = [pointer, 0, 0, 0];
            (v4::PARAMETER_PROBLEM, code, true)
        }
        M::RedirectV4 { code, gateway } => {
            rest = gateway.octets();
            (v4::REDIRECT, code, false)
        }
        M::PacketTooBig { .. } | M::RedirectV6 { .. } => return Err(EmitError::WrongFamily),
    };
    let start = out.len();
    out.extend_from_slice(&[kind, code, 0, 0]);
    out.extend_from_slice(&rest);
    append_body(spec, IpVersion::V4, extensible, start, out)?;
    finish_v4(start, out);
    Ok(())
}

/// Appends an error over IPv6.
///
/// Without addresses (source, destination) the checksum stays 0: the kernel fills it in.
///
/// # Errors
///
/// The message does not exist in IPv6 or carries no extensions there, or the quote is too long
/// for its length field.
pub fn emit_error_v6(
    spec: &ErrorSpec<'_>,
    addresses: Option<(Ipv6Addr, Ipv6Addr)>,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    use ErrorMessage as M;
    let start = out.len();
    let (kind, code, rest, extensible) = match spec.message {
        M::DestinationUnreachable { code, mtu: None } => {
            (v6::DESTINATION_UNREACHABLE, code, 0, true)
        }
        M::TimeExceeded { code } => (v6::TIME_EXCEEDED, code, 0, true),
        M::PacketTooBig { mtu } => (v6::PACKET_TOO_BIG, 0, mtu, false),
        M::ParameterProblem { code, pointer } => (v6::PARAMETER_PROBLEM, code, pointer, false),
        M::RedirectV6 { target, destination } => {
            redirect_v6(spec, target, destination, out)?;
            finish_v6(addresses, start, out);
            return Ok(());
        }
        M::DestinationUnreachable { mtu: Some(_), .. } | M::RedirectV4 { .. } => {
            return Err(EmitError::WrongFamily);
        }
    };
    out.extend_from_slice(&[kind, code, 0, 0]);
    out.extend_from_slice(&u32::to_be_bytes(rest));
    append_body(spec, IpVersion::V6, extensible, start, out)?;
    finish_v6(addresses, start, out);
    Ok(())
}

fn echo(kind: u8, ident: u16, seq: u16, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind, 0, 0, 0]);
    out.extend_from_slice(&ident.to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends quote and extensions; takes the header at `start` back if they do not fit.
fn append_body(
    spec: &ErrorSpec<'_>,
    version: IpVersion,
    extensible: bool,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let appended = append_quote_and_extensions(spec, version, extensible, start, out);
    if appended.is_err() {
        out.truncate(start);
    }
    appended
}

fn append_quote_and_extensions(
    spec: &ErrorSpec<'_>,
    version: IpVersion,
    extensible: bool,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    let quote_at = out.len();
    out.extend_from_slice(spec.quoted_bytes);
    let structure = match spec.extensions {
        AppendedExtensions::Absent => return Ok(()),
        _ if !extensible => return Err(EmitError::WrongFamily),
        AppendedExtensions::Legacy(structure) => {
            out.resize(quote_at.saturating_add(LEAST_EXTENDED_QUOTE), 0);
            structure
        }
        AppendedExtensions::Rfc4884(structure) => {
            let (at, unit) = length_field(version);
            out.resize(out.len().max(quote_at.saturating_add(LEAST_EXTENDED_QUOTE)), 0);
            pad_to_multiple(out, quote_at, unit);
            let length = out.len().saturating_sub(quote_at);
            let Ok(units) = u8::try_from(length.checked_div(unit).unwrap_or_default()) else {
                let most = usize::from(u8::MAX).saturating_mul(unit);
                return Err(EmitError::TooLong { length, most });
            };
            if let Some(field) = out.get_mut(start.saturating_add(at)) {
                *field = units;
            }
            structure
        }
    };
    out.extend_from_slice(structure);
    Ok(())
}

/// A redirect with the quote in a redirected header option (RFC 4861 section 4.5).
fn redirect_v6(
    spec: &ErrorSpec<'_>,
    target: Ipv6Addr,
    destination: Ipv6Addr,
    out: &mut Vec<u8>,
) -> Result<(), EmitError> {
    if spec.extensions != AppendedExtensions::Absent {
        return Err(EmitError::WrongFamily);
    }
    let length = spec.quoted_bytes.len().saturating_add(redirected_header::HEADER);
    let Ok(units) = u8::try_from(length.div_ceil(redirected_header::UNIT)) else {
        let most = usize::from(u8::MAX).saturating_mul(redirected_header::UNIT);
        return Err(EmitError::TooLong { length, most });
    };
    out.extend_from_slice(&[v6::REDIRECT, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&target.octets());
    out.extend_from_slice(&destination.octets());
    let option_at = out.len();
    out.extend_from_slice(&[redirected_header::KIND, units, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(spec.quoted_bytes);
    pad_to_multiple(out, option_at, redirected_header::UNIT);
    Ok(())
}

pub(super) fn finish_v4(start: usize, out: &mut [u8]) {
    let checksum = internet_checksum(tail(out, start));
    put_u16(out, start.saturating_add(field::CHECKSUM), checksum);
}

pub(super) fn finish_v6(addresses: Option<(Ipv6Addr, Ipv6Addr)>, start: usize, out: &mut [u8]) {
    let Some((source, destination)) = addresses else { return };
    let (source, destination) = (IpAddr::V6(source), IpAddr::V6(destination));
    let checksum = over(source, destination, ICMPV6, tail(out, start));
    put_u16(out, start.saturating_add(field::CHECKSUM), checksum);
}
