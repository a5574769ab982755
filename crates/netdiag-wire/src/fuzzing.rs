//! What must hold for any bytes: one entry function per target, for fuzzers and mutation tests.
//!
//! Each panics if a promise of the crate is broken: reading outside of the input, unbounded
//! lists, a value that does not survive being written and read again.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::extension::{ExtensionObject, ExtensionWriter, Extensions, MAX_OBJECTS, Objects};
use crate::icmp::{
    self, AppendedExtensions, Echo, ErrorBody, ErrorMessage, ErrorSpec, ExtendedEcho, Icmp,
};
use crate::ipv4::{Ipv4Option, Ipv4Options, RouteData};
use crate::ipv6::ChainEnd;
use crate::protocol::IpVersion;
use crate::quote::{self, Quoted, QuotedTransport};
use crate::tcp::{TcpOption, TcpOptions, TcpRepr};
use crate::{ipv4, ipv6, tcp, udp};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: Ipv6Addr = Ipv6Addr::LOCALHOST;

/// IPv4 header, options, payload; and the same bytes as a quote.
pub fn check_ipv4(data: &[u8]) {
    let _ = ipv4::checksum_ok(data);
    if let Ok((header, payload)) = ipv4::parse(data) {
        assert_inside(data, payload);
        assert_inside(data, header.options);
        check_ipv4_options(header.options());
        let mut again = Vec::new();
        assert_eq!(ipv4::emit(&header, payload.len(), &mut again), Ok(()));
        again.extend_from_slice(payload);
        assert!(ipv4::checksum_ok(&again));
        assert_eq!(ipv4::parse(&again), Ok((header, payload)));
    }
    if let Ok((_, payload)) = ipv4::parse_quoted(data) {
        assert_inside(data, payload);
    }
    check_quote(data, quote::parse_v4(data).ok());
}

/// IPv6 header, extension headers, payload; and the same bytes as a quote.
pub fn check_ipv6(data: &[u8]) {
    if let Ok((header, payload)) = ipv6::parse(data) {
        assert_inside(data, payload);
        check_chain(header.next_header, payload);
        let mut again = Vec::new();
        assert_eq!(ipv6::emit(&header, payload.len(), &mut again), Ok(()));
        again.extend_from_slice(payload);
        assert_eq!(ipv6::parse(&again), Ok((header, payload)));
    }
    if let Ok((header, payload)) = ipv6::parse_quoted(data) {
        assert_inside(data, payload);
        check_chain(header.next_header, payload);
    }
    check_quote(data, quote::parse_v6(data).ok());
}

/// An ICMP message over IPv4, its quote and extensions to the end.
pub fn check_icmp_v4(data: &[u8]) {
    let _ = icmp::checksum_ok_v4(data);
    let Ok(message) = icmp::parse_v4(data) else { return };
    check_icmp(IpVersion::V4, data, &message);
}

/// An ICMP message over IPv6, its quote and extensions to the end.
pub fn check_icmp_v6(data: &[u8]) {
    let _ = icmp::checksum_ok_v6(data, V6, V6);
    let Ok(message) = icmp::parse_v6(data) else { return };
    check_icmp(IpVersion::V6, data, &message);
}

/// A UDP datagram.
pub fn check_udp(data: &[u8]) {
    let _ = udp::checksum_ok(data, V4, V4);
    let Ok((header, payload)) = udp::parse(data) else { return };
    assert_inside(data, payload);
    let (from, to) = (header.source_port, header.destination_port);
    let mut again = Vec::new();
    assert_eq!(udp::emit(from, to, payload, V4, V4, &mut again), Ok(()));
    assert!(udp::checksum_ok(&again, V4, V4));
    assert_eq!(again.get(..6), data.get(..6));
    assert_eq!(again.get(udp::HEADER_LENGTH..), Some(payload));
}

/// A TCP segment with its options.
pub fn check_tcp(data: &[u8]) {
    let _ = tcp::checksum_ok(data, V4, V4);
    let _ = tcp::checksum_left_out(data, V4, V4);
    let Ok((header, payload)) = tcp::parse(data) else { return };
    assert_inside(data, payload);
    assert_inside(data, header.options);
    check_tcp_options(header.options());
    let _ = header.offer();
    let mut again = Vec::new();
    assert_eq!(tcp::emit(&header, payload, V4, V4, &mut again), Ok(()));
    assert!(tcp::checksum_ok(&again, V4, V4));
    let parsed = tcp::parse(&again).map(|(parsed, body)| (without_checksum(parsed), body));
    assert_eq!(parsed, Ok((without_checksum(header), payload)));
}

fn check_icmp(version: IpVersion, data: &[u8], message: &Icmp<'_>) {
    assert_eq!(data.first(), Some(&message.kind(version)));
    assert_eq!(data.get(1), Some(&message.code()));
    match *message {
        Icmp::EchoRequest(echo) => check_echo(version, false, data, echo),
        Icmp::EchoReply(echo) => check_echo(version, true, data, echo),
        Icmp::Timestamp(timestamp) => {
            let mut again = Vec::new();
            icmp::emit_timestamp(&timestamp, &mut again);
            assert_eq!(icmp::parse_v4(&again), Ok(*message));
        }
        Icmp::ExtendedEchoRequest(echo) => check_extended(version, false, data, message, echo),
        Icmp::ExtendedEchoReply(echo) => check_extended(version, true, data, message, echo),
        Icmp::Other { body, .. } => assert_inside(data, body),
        _ => {}
    }
    let Some(body) = message.error_body() else { return };
    assert_inside(data, body.quoted_bytes);
    check_extensions(body.extensions);
    let quoted = match version {
        IpVersion::V4 => quote::parse_v4(body.quoted_bytes),
        IpVersion::V6 => quote::parse_v6(body.quoted_bytes),
    };
    check_quote(body.quoted_bytes, quoted.ok());
    check_error_emitted_again(version, message, body);
}

fn check_echo(version: IpVersion, reply: bool, data: &[u8], echo: Echo<'_>) {
    assert_inside(data, echo.payload);
    let mut again = Vec::new();
    let parsed = match version {
        IpVersion::V4 => {
            icmp::emit_echo_v4(reply, echo.ident, echo.seq, echo.payload, &mut again);
            assert!(icmp::checksum_ok_v4(&again));
            icmp::parse_v4(&again)
        }
        IpVersion::V6 => {
            let (ends, payload) = (Some((V6, V6)), echo.payload);
            icmp::emit_echo_v6(reply, echo.ident, echo.seq, payload, ends, &mut again);
            assert!(icmp::checksum_ok_v6(&again, V6, V6));
            icmp::parse_v6(&again)
        }
    };
    let expected = Echo { code: 0, ..echo };
    let expected = if reply { Icmp::EchoReply(expected) } else { Icmp::EchoRequest(expected) };
    assert_eq!(parsed, Ok(expected));
}

fn check_extended(
    version: IpVersion,
    reply: bool,
    data: &[u8],
    message: &Icmp<'_>,
    echo: ExtendedEcho<'_>,
) {
    assert_inside(data, echo.body);
    check_extensions(echo.extensions());
    let mut again = Vec::new();
    let parsed = match version {
        IpVersion::V4 => {
            icmp::emit_extended_echo_v4(reply, &echo, &mut again);
            assert!(icmp::checksum_ok_v4(&again));
            icmp::parse_v4(&again)
        }
        IpVersion::V6 => {
            icmp::emit_extended_echo_v6(reply, &echo, Some((V6, V6)), &mut again);
            assert!(icmp::checksum_ok_v6(&again, V6, V6));
            icmp::parse_v6(&again)
        }
    };
    assert_eq!(parsed, Ok(*message));
}

/// An error with a quote long enough to be followed by extensions survives being written again.
fn check_error_emitted_again(version: IpVersion, message: &Icmp<'_>, body: ErrorBody<'_>) {
    let mut structure = Vec::new();
    let extensions = match body.extensions {
        Extensions::Present(objects) if body.quoted_bytes.len() >= 128 => {
            write_again(objects, &mut structure);
            AppendedExtensions::Rfc4884(&structure)
        }
        Extensions::Absent => AppendedExtensions::Absent,
        _ => return,
    };
    let Some(spec) = message_again(message) else { return };
    let spec = ErrorSpec { message: spec, quoted_bytes: body.quoted_bytes, extensions };
    let mut again = Vec::new();
    let emitted = match version {
        IpVersion::V4 => icmp::emit_error_v4(&spec, &mut again),
        IpVersion::V6 => icmp::emit_error_v6(&spec, Some((V6, V6)), &mut again),
    };
    // A quote in a neighbour discovery option or in front of extensions can be too long to say so.
    if emitted.is_err() {
        assert!(again.is_empty());
        return;
    }
    let parsed = match version {
        IpVersion::V4 => icmp::parse_v4(&again),
        IpVersion::V6 => icmp::parse_v6(&again),
    };
    let Ok(parsed) = parsed else { panic_on(&again) };
    assert_eq!(parsed.kind(version), message.kind(version));
    let Some(parsed) = parsed.error_body() else { panic_on(&again) };
    // Without a length, what once was told apart by one can look like the old layout.
    if body.extensions == Extensions::Absent && parsed.extensions != Extensions::Absent {
        return;
    }
    let length = body.quoted_bytes.len();
    assert_eq!(parsed.quoted_bytes.get(..length), Some(body.quoted_bytes));
    assert!(parsed.quoted_bytes.len() <= length.next_multiple_of(8));
    assert!(parsed.extensions.objects().eq(body.extensions.objects()));
}

fn message_again(message: &Icmp<'_>) -> Option<ErrorMessage> {
    Some(match *message {
        Icmp::DestinationUnreachable { code, mtu, .. } => {
            ErrorMessage::DestinationUnreachable { code, mtu }
        }
        Icmp::TimeExceeded { code, .. } => ErrorMessage::TimeExceeded { code },
        Icmp::ParameterProblem { code, pointer, .. } => {
            ErrorMessage::ParameterProblem { code, pointer }
        }
        Icmp::PacketTooBig { mtu, .. } => ErrorMessage::PacketTooBig { mtu },
        Icmp::Redirect { code, gateway: IpAddr::V4(gateway), .. } => {
            ErrorMessage::RedirectV4 { code, gateway }
        }
        Icmp::Redirect { gateway: IpAddr::V6(target), destination: Some(destination), .. } => {
            ErrorMessage::RedirectV6 { target, destination }
        }
        _ => return None,
    })
}

fn check_extensions(extensions: Extensions<'_>) {
    let Extensions::Present(objects) = extensions else { return };
    let mut count = 0_usize;
    for object in objects {
        count = count.saturating_add(1);
        if let ExtensionObject::Mpls(stack) = object {
            assert!(stack.count() > 0);
        }
    }
    assert!(count <= MAX_OBJECTS);
    let mut structure = Vec::new();
    write_again(objects, &mut structure);
    let Extensions::Present(again) = crate::extension::parse(&structure) else {
        panic_on(&structure)
    };
    assert!(again.eq(objects));
}

fn write_again(objects: Objects<'_>, structure: &mut Vec<u8>) {
    let mut writer = ExtensionWriter::new(structure);
    for object in objects {
        assert_eq!(writer.copy(&object), Ok(()));
    }
    writer.finish();
}

fn check_chain(next_header: u8, payload: &[u8]) {
    let chain = ipv6::walk_extensions(next_header, payload);
    assert!(chain.headers <= ipv6::MAX_EXTENSION_HEADERS);
    if let ChainEnd::Upper { bytes, .. } | ChainEnd::NonFirstFragment { bytes, .. } = chain.end {
        assert_inside(payload, bytes);
    }
    let offset = chain.fragment.map_or(0, |fragment| fragment.offset);
    assert!(offset.is_multiple_of(8));
    assert_eq!(offset != 0, matches!(chain.end, ChainEnd::NonFirstFragment { .. }));
}

fn check_quote(data: &[u8], quoted: Option<Quoted<'_>>) {
    let Some(quoted) = quoted else { return };
    match quoted.transport {
        QuotedTransport::Echo { payload, .. } | QuotedTransport::Udp { payload, .. } => {
            assert_inside(data, payload);
        }
        QuotedTransport::Tcp { rest, .. } => {
            let options = rest.map_or(&[][..], |rest| rest.options);
            assert_inside(data, options);
            assert!(options.len() <= tcp::MAX_OPTIONS_LENGTH);
            check_tcp_options(TcpOptions::new(options));
        }
        QuotedTransport::Query { body, .. } => assert_inside(data, body),
        QuotedTransport::Other { protocol, bytes } => {
            assert_inside(data, bytes);
            assert_eq!(protocol, quoted.protocol);
        }
    }
}

fn check_ipv4_options(options: Ipv4Options<'_>) {
    let mut again = Vec::new();
    let mut count = 0_usize;
    for option in options {
        count = count.saturating_add(1);
        if let Ipv4Option::RecordRoute(route)
        | Ipv4Option::LooseSourceRoute(route)
        | Ipv4Option::StrictSourceRoute(route) = option
        {
            check_route(route);
        }
        if !matches!(option, Ipv4Option::Malformed { .. }) {
            option.emit(&mut again);
        }
    }
    assert!(count <= ipv4::MAX_OPTIONS_LENGTH);
    let well_formed = options.filter(|option| !matches!(option, Ipv4Option::Malformed { .. }));
    assert!(Ipv4Options::new(&again).eq(well_formed));
}

fn check_route(route: RouteData<'_>) {
    assert!(route.recorded().count() <= route.addresses().count());
}

fn check_tcp_options(options: TcpOptions<'_>) {
    let mut again = Vec::new();
    let mut count = 0_usize;
    for option in options {
        count = count.saturating_add(1);
        if let TcpOption::Sack(blocks) = option {
            assert!(blocks.count() <= 4);
        }
        if !matches!(option, TcpOption::Malformed { .. }) {
            option.emit(&mut again);
        }
    }
    assert!(count <= tcp::MAX_OPTIONS_LENGTH);
    let well_formed = options.filter(|option| !matches!(option, TcpOption::Malformed { .. }));
    assert!(TcpOptions::new(&again).eq(well_formed));
}

fn without_checksum(header: TcpRepr<'_>) -> TcpRepr<'_> {
    TcpRepr { checksum: 0, ..header }
}

/// Panics unless `part` lies within `whole`.
fn assert_inside(whole: &[u8], part: &[u8]) {
    if part.is_empty() {
        return;
    }
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    assert!(whole.start <= part.start && part.end <= whole.end, "a slice outside of the input");
}

#[expect(clippy::panic, reason = "telling a fuzzer is what this module is for")]
fn panic_on(emitted: &[u8]) -> ! {
    panic!("what was emitted does not parse: {emitted:02x?}");
}
