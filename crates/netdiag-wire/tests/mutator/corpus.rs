//! Valid messages of every kind, built with the crate's own emitters.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netdiag_wire::extension::{
    ExtensionWriter, InterfaceId, InterfaceInfo, InterfaceRole, MplsLabel,
};
use netdiag_wire::icmp::{
    self, AppendedExtensions, ErrorMessage, ErrorSpec, ExtendedEcho, Timestamp,
};
use netdiag_wire::ipv4::{self, Ipv4Header};
use netdiag_wire::ipv6::{self, Fragment, Ipv6Header};
use netdiag_wire::protocol;
use netdiag_wire::tcp::{self, TcpFlags, TcpRepr};
use netdiag_wire::udp;

const A4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const A6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const B6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const V4: (IpAddr, IpAddr) = (IpAddr::V4(A4), IpAddr::V4(B4));
const V6: (IpAddr, IpAddr) = (IpAddr::V6(A6), IpAddr::V6(B6));

/// UDP datagrams.
pub(crate) fn udp(ends: (IpAddr, IpAddr)) -> Vec<Vec<u8>> {
    [0, 2, 32, 700].map(|length| udp_of(length, ends)).into()
}

/// TCP segments.
pub(crate) fn tcp(ends: (IpAddr, IpAddr)) -> Vec<Vec<u8>> {
    let syn = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
    let sack = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
    let options: [&[u8]; 5] = [&[], &syn, &sack, &[1; 40], &[34, 4, 1, 2, 0, 0, 0, 0]];
    options.map(|options| tcp_of(options, ends)).into()
}

/// Both, over IPv4.
pub(crate) fn transport() -> Vec<Vec<u8>> {
    [udp(V4), tcp(V4)].concat()
}

/// IPv4 datagrams, with and without options, whole and as fragments.
pub(crate) fn ipv4() -> Vec<Vec<u8>> {
    let mut echo = Vec::new();
    icmp::emit_echo_v4(false, 1, 2, &[7; 56], &mut echo);
    let record_route = [7, 11, 8, 192, 0, 2, 1, 0, 0, 0, 0, 0];
    let timestamp = [68, 12, 9, 1, 192, 0, 2, 1, 0, 0, 0, 5];
    let routes = [131, 7, 4, 1, 2, 3, 4, 137, 3, 4, 148, 4, 0, 0, 1, 0];
    let mut all = vec![ipv4_of(protocol::ICMP, &[], 0, &echo)];
    for options in [&record_route[..], &timestamp, &routes, &[1; 40]] {
        all.push(ipv4_of(protocol::ICMP, options, 0, &echo));
    }
    all.push(ipv4_of(protocol::ICMP, &[], 1480, &echo));
    for question in questions() {
        let mut query = Vec::new();
        let request = ExtendedEcho::request(1, 2, true, &question);
        icmp::emit_extended_echo_v4(false, &request, &mut query);
        all.push(ipv4_of(protocol::ICMP, &[], 0, &query));
    }
    all.extend(udp(V4).iter().map(|bytes| ipv4_of(protocol::UDP, &[], 0, bytes)));
    all.extend(tcp(V4).iter().map(|bytes| ipv4_of(protocol::TCP, &[], 0, bytes)));
    all
}

/// IPv6 datagrams, with extension headers of every kind.
pub(crate) fn ipv6() -> Vec<Vec<u8>> {
    let mut echo = Vec::new();
    icmp::emit_echo_v6(false, 1, 2, &[7; 56], Some((A6, B6)), &mut echo);
    let mut all = vec![ipv6_of(protocol::ICMPV6, &echo)];
    all.extend(udp(V6).iter().map(|bytes| ipv6_of(protocol::UDP, bytes)));
    all.extend(tcp(V6).iter().map(|bytes| ipv6_of(protocol::TCP, bytes)));
    let udp = udp_of(20, V6);
    for offset in [0, 1448] {
        let fragment = Fragment { offset, more: true, identification: 77 };
        let mut bytes = Vec::new();
        ipv6::emit_fragment(protocol::UDP, fragment, &mut bytes);
        bytes.extend_from_slice(&udp);
        let mut behind_options = vec![protocol::FRAGMENT, 0, 1, 4, 0, 0, 0, 0];
        behind_options.extend_from_slice(&bytes);
        all.push(ipv6_of(protocol::FRAGMENT, &bytes));
        all.push(ipv6_of(protocol::HOP_BY_HOP, &behind_options));
    }
    for count in [1, 7, 8, 9] {
        let mut bytes = [protocol::DEST_OPTIONS, 0, 1, 4, 0, 0, 0, 0].repeat(count);
        bytes[8 * (count - 1)] = protocol::UDP;
        bytes.extend_from_slice(&udp);
        all.push(ipv6_of(protocol::DEST_OPTIONS, &bytes));
    }
    for wall in [protocol::AH, protocol::ESP, protocol::NO_NEXT_HEADER, protocol::MOBILITY] {
        all.push(ipv6_of(wall, &udp));
    }
    all
}

/// ICMP messages over IPv4: every kind, quoting everything, with and without extensions.
pub(crate) fn icmp_v4() -> Vec<Vec<u8>> {
    let messages = [
        ErrorMessage::DestinationUnreachable { code: 3, mtu: None },
        ErrorMessage::DestinationUnreachable { code: 4, mtu: Some(1400) },
        ErrorMessage::TimeExceeded { code: 0 },
        ErrorMessage::ParameterProblem { code: 0, pointer: 20 },
        ErrorMessage::RedirectV4 { code: 1, gateway: A4 },
    ];
    let mut all = vec![vec![40, 1, 2, 3, 4]];
    for reply in [false, true] {
        let mut bytes = Vec::new();
        icmp::emit_echo_v4(reply, 0x1234, 5, &[9; 56], &mut bytes);
        all.push(bytes);
        let time =
            Timestamp { reply, code: 0, ident: 1, seq: 2, originate: 3, receive: 4, transmit: 5 };
        let mut bytes = Vec::new();
        icmp::emit_timestamp(&time, &mut bytes);
        all.push(bytes);
    }
    for body in &questions() {
        for reply in [false, true] {
            let echo = ExtendedEcho { code: 0, ident: 1, seq: 2, flags: 7, body };
            let mut bytes = Vec::new();
            icmp::emit_extended_echo_v4(reply, &echo, &mut bytes);
            all.push(bytes);
        }
    }
    each_error(&messages, &ipv4(), |spec| {
        let mut bytes = Vec::new();
        icmp::emit_error_v4(spec, &mut bytes).ok()?;
        all.push(bytes);
        Some(())
    });
    all
}

/// The same over IPv6.
pub(crate) fn icmp_v6() -> Vec<Vec<u8>> {
    let messages = [
        ErrorMessage::DestinationUnreachable { code: 4, mtu: None },
        ErrorMessage::PacketTooBig { mtu: 1280 },
        ErrorMessage::TimeExceeded { code: 0 },
        ErrorMessage::ParameterProblem { code: 1, pointer: 40 },
        ErrorMessage::RedirectV6 { target: A6, destination: B6 },
    ];
    let mut all = vec![vec![200, 1, 2, 3, 4]];
    for reply in [false, true] {
        let mut bytes = Vec::new();
        icmp::emit_echo_v6(reply, 0x1234, 5, &[9; 56], Some((A6, B6)), &mut bytes);
        all.push(bytes);
    }
    for body in &questions() {
        for reply in [false, true] {
            let echo = ExtendedEcho { code: 0, ident: 1, seq: 2, flags: 7, body };
            let mut bytes = Vec::new();
            icmp::emit_extended_echo_v6(reply, &echo, Some((A6, B6)), &mut bytes);
            all.push(bytes);
        }
    }
    each_error(&messages, &ipv6(), |spec| {
        let mut bytes = Vec::new();
        icmp::emit_error_v6(spec, Some((A6, B6)), &mut bytes).ok()?;
        all.push(bytes);
        Some(())
    });
    all
}

/// Every message about every datagram, whole and cut to 28 bytes and 128, with every layout of extensions.
fn each_error(
    messages: &[ErrorMessage],
    quotes: &[Vec<u8>],
    mut emit: impl FnMut(&ErrorSpec<'_>) -> Option<()>,
) {
    let structure = structure();
    let layouts = [
        AppendedExtensions::Absent,
        AppendedExtensions::Rfc4884(&structure),
        AppendedExtensions::Legacy(&structure),
    ];
    let mut emitted = 0;
    for &message in messages {
        for quote in quotes {
            for length in [28, 128, quote.len()] {
                let quoted_bytes = quote.get(..length).unwrap_or(quote);
                for extensions in layouts {
                    let spec = ErrorSpec { message, quoted_bytes, extensions };
                    // Types that carry no extensions refuse them.
                    emitted += usize::from(emit(&spec).is_some());
                }
            }
        }
    }
    assert!(emitted >= 5 * messages.len() * quotes.len(), "only {emitted} errors in the corpus");
}

fn structure() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ExtensionWriter::new(&mut bytes);
    let label = |label, bottom| MplsLabel { label, tc: 3, bottom, ttl: 1 };
    writer.mpls(&[label(100_000, false), label(48, true)]).expect("two labels fit");
    for address in [V4.0, V6.0] {
        let info = InterfaceInfo {
            role: InterfaceRole::Outgoing,
            index: Some(5),
            address: Some(address),
            name: Some(b"xe-0/0/1.100"),
            mtu: Some(1500),
        };
        writer.interface(&info).expect("a short name fits");
    }
    writer.object(200, 7, &[1, 2, 3, 4, 5]).expect("five bytes fit");
    writer.finish();
    bytes
}

/// An extension structure for each way to name an interface.
fn questions() -> Vec<Vec<u8>> {
    let other = InterfaceId::OtherAddress { family: 6, address: &[2, 0, 0, 0, 0, 1] };
    let ids = [
        InterfaceId::Name(b"xe-0/0/1.100"),
        InterfaceId::Index(7),
        InterfaceId::Address(V4.0),
        InterfaceId::Address(V6.0),
        other,
    ];
    let written = ids.iter().map(|id| {
        let mut bytes = Vec::new();
        let mut writer = ExtensionWriter::new(&mut bytes);
        writer.interface_id(id).expect("a short name fits");
        writer.finish();
        bytes
    });
    written.collect()
}

fn udp_of(length: usize, ends: (IpAddr, IpAddr)) -> Vec<u8> {
    let mut out = Vec::new();
    udp::emit(33434, 33435, &vec![0x61; length], ends.0, ends.1, &mut out).expect("it is short");
    out
}

fn tcp_of(options: &[u8], ends: (IpAddr, IpAddr)) -> Vec<u8> {
    let header = TcpRepr {
        source_port: 40_000,
        destination_port: 443,
        sequence: 0x0102_0304,
        acknowledgement: 0,
        flags: TcpFlags::SYN,
        window: 1024,
        checksum: 0,
        urgent: 0,
        options,
    };
    let mut out = Vec::new();
    tcp::emit(&header, b"data", ends.0, ends.1, &mut out).expect("at most 40 bytes of options");
    out
}

fn ipv4_of(protocol: u8, options: &[u8], fragment_offset: u16, payload: &[u8]) -> Vec<u8> {
    let header = Ipv4Header {
        source: A4,
        destination: B4,
        protocol,
        hop_limit: 1,
        tos: 0x2e << 2,
        identification: 0xabcd,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset,
        options,
        total_length: 0,
    };
    let mut out = Vec::new();
    ipv4::emit(&header, payload.len(), &mut out).expect("it is short");
    out.extend_from_slice(payload);
    out
}

fn ipv6_of(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        source: A6,
        destination: B6,
        next_header,
        hop_limit: 1,
        traffic_class: 0x2e << 2,
        flow_label: 0x12345,
        payload_length: 0,
    };
    let mut out = Vec::new();
    ipv6::emit(&header, payload.len(), &mut out).expect("it is short");
    out.extend_from_slice(payload);
    out
}
