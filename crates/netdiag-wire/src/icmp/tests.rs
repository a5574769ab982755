use super::*;
use crate::error::{EmitError, ParseError};
use crate::extension::{ExtensionObject, ExtensionWriter, Extensions, Malformation, MplsLabel};
use core::net::Ipv4Addr;
use proptest::prelude::*;

const LABEL: MplsLabel = MplsLabel { label: 100, tc: 0, bottom: true, ttl: 1 };
const A: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const B: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

fn structure() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ExtensionWriter::new(&mut bytes);
    writer.mpls(&[LABEL]).unwrap();
    writer.finish();
    bytes
}

fn time_exceeded(quoted_bytes: &[u8], extensions: AppendedExtensions<'_>) -> Vec<u8> {
    let message = ErrorMessage::TimeExceeded { code: 0 };
    let mut out = Vec::new();
    emit_error_v4(&ErrorSpec { message, quoted_bytes, extensions }, &mut out).unwrap();
    assert!(checksum_ok_v4(&out));
    out
}

fn body_v4(bytes: &[u8]) -> ErrorBody<'_> {
    parse_v4(bytes).unwrap().error_body().unwrap()
}

fn labels(extensions: Extensions<'_>) -> Vec<MplsLabel> {
    let objects = extensions.objects();
    objects
        .flat_map(|object| match object {
            ExtensionObject::Mpls(stack) => stack.collect(),
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn an_echo_reply_as_it_comes() {
    let bytes = [
        0x00, 0x00, 0x1b, 0x87, // echo reply, code 0, checksum
        0x12, 0x34, 0x00, 0x05, // identifier, sequence
        0x61, 0x62, 0x70, 0xdd, // payload
    ];
    assert!(checksum_ok_v4(&bytes));
    let echo = Echo { code: 0, ident: 0x1234, seq: 5, payload: &bytes[8..] };
    assert_eq!(parse_v4(&bytes), Ok(Icmp::EchoReply(echo)));
    for had in 4..8 {
        assert_eq!(parse_v4(&bytes[..had]), Err(ParseError::Truncated { needed: 8, had }));
    }
    assert_eq!(parse_v4(&bytes[..3]), Err(ParseError::Truncated { needed: 4, had: 3 }));
}

#[test]
fn a_known_checksum() {
    // ping -c1 -s0: type 8, identifier 1, sequence 1: 0xffff - (0x0800 + 1 + 1).
    let mut out = Vec::new();
    emit_echo_v4(false, 1, 1, &[], &mut out);
    assert_eq!(out, [8, 0, 0xf7, 0xfd, 0, 1, 0, 1]);
}

#[test]
fn an_echo_code_is_kept() {
    let message = parse_v4(&[0, 7, 0, 0, 0, 1, 0, 2]).unwrap();
    assert_eq!((message.kind(IpVersion::V4), message.code()), (0, 7));
}

#[test]
fn fragmentation_needed_tells_the_mtu() {
    let message = |mtu: [u8; 2], code| {
        let bytes = [3, code, 0, 0, 0, 0, mtu[0], mtu[1]];
        let Ok(Icmp::DestinationUnreachable { mtu, .. }) = parse_v4(&bytes) else { panic!() };
        mtu
    };
    assert_eq!(message([0x05, 0xdc], 4), Some(1500));
    assert_eq!(message([0, 0], 4), None);
    assert_eq!(message([0x05, 0xdc], 3), None);
}

#[test]
fn parameter_problem_redirect_and_others() {
    let bytes = [12, 0, 0, 0, 20, 0, 0, 0, 0xaa];
    let body = ErrorBody::plain(&bytes[8..]);
    let problem = Icmp::ParameterProblem { code: 0, pointer: 20, body };
    assert_eq!(parse_v4(&bytes), Ok(problem));

    let bytes = [5, 1, 0, 0, 192, 0, 2, 1, 0xaa];
    let gateway = IpAddr::from([192, 0, 2, 1]);
    let body = ErrorBody::plain(&bytes[8..]);
    assert_eq!(parse_v4(&bytes), Ok(Icmp::Redirect { code: 1, gateway, destination: None, body }));

    let other = Icmp::Other { kind: 44, code: 9, body: &[1, 2] };
    assert_eq!(parse_v4(&[44, 9, 0, 0, 1, 2]), Ok(other));
    assert_eq!(other.kind(IpVersion::V4), 44);
}

#[test]
fn packet_too_big_and_redirect_in_ipv6() {
    let bytes = [2, 0, 0, 0, 0, 0, 0x05, 0x00, 0x60];
    let body = ErrorBody::plain(&bytes[8..]);
    assert_eq!(parse_v6(&bytes), Ok(Icmp::PacketTooBig { code: 0, mtu: 1280, body }));

    let message = ErrorMessage::RedirectV6 { target: A, destination: B };
    let (quoted_bytes, extensions) = (&[0x60; 16][..], AppendedExtensions::Absent);
    let mut out = Vec::new();
    let spec = ErrorSpec { message, quoted_bytes, extensions };
    emit_error_v6(&spec, Some((A, B)), &mut out).unwrap();
    assert!(checksum_ok_v6(&out, A, B));
    let body = ErrorBody::plain(quoted_bytes);
    let gateway = IpAddr::V6(A);
    assert_eq!(parse_v6(&out), Ok(Icmp::Redirect { code: 0, gateway, destination: Some(B), body }));
    // A source link-layer address option in front; then one of length zero.
    let mut with_option = out[..40].to_vec();
    with_option.extend([1, 1, 0, 0, 0, 0, 0, 0]);
    with_option.extend(&out[40..]);
    assert_eq!(parse_v6(&with_option).unwrap().error_body(), Some(body));
    with_option[41] = 0;
    assert_eq!(parse_v6(&with_option).unwrap().error_body(), Some(ErrorBody::plain(&[])));
}

#[test]
fn the_quote_ends_where_rfc_4884_says() {
    let structure = structure();
    let bytes = time_exceeded(&[0x45; 130], AppendedExtensions::Rfc4884(&structure));
    assert_eq!(bytes[5], 33);
    let body = body_v4(&bytes);
    assert_eq!(body.quoted_bytes[..130], [0x45; 130]);
    assert_eq!(body.quoted_bytes[130..], [0, 0]);
    assert_eq!(labels(body.extensions), [LABEL]);
}

#[test]
fn ipv6_counts_the_quote_in_units_of_eight() {
    let structure = structure();
    let message = ErrorMessage::TimeExceeded { code: 0 };
    let extensions = AppendedExtensions::Rfc4884(&structure);
    let spec = ErrorSpec { message, quoted_bytes: &[0x60; 130], extensions };
    let mut out = Vec::new();
    emit_error_v6(&spec, None, &mut out).unwrap();
    assert_eq!((out[4], &out[2..4]), (17, &[0, 0][..]));
    let body = parse_v6(&out).unwrap().error_body().unwrap();
    assert_eq!(body.quoted_bytes.len(), 136);
    assert_eq!(labels(body.extensions), [LABEL]);
}

#[test]
fn the_old_layout_needs_a_checksum() {
    let mut structure = structure();
    let bytes = time_exceeded(&[0x45; 60], AppendedExtensions::Legacy(&structure));
    assert_eq!(bytes[5], 0);
    let body = body_v4(&bytes);
    assert_eq!(body.quoted_bytes.len(), 128);
    assert_eq!(labels(body.extensions), [LABEL]);

    (structure[2], structure[3]) = (0, 0);
    let bytes = time_exceeded(&[0x45; 60], AppendedExtensions::Legacy(&structure));
    let body = body_v4(&bytes);
    assert_eq!((body.quoted_bytes.len(), body.extensions), (140, Extensions::Absent));
}

#[test]
fn a_long_plain_quote_has_no_extensions() {
    let bytes = time_exceeded(&[0x45; 548], AppendedExtensions::Absent);
    assert_eq!(body_v4(&bytes), ErrorBody::plain(&[0x45; 548]));
}

#[test]
fn a_lying_length_leaves_the_quote_usable() {
    let structure = structure();
    let bytes = time_exceeded(&[0x45; 128], AppendedExtensions::Rfc4884(&structure));
    let check = |length: u8, quoted: usize, why: Malformation| {
        let mut bytes = bytes.clone();
        bytes[5] = length;
        let body = body_v4(&bytes);
        assert_eq!(body.extensions, Extensions::Malformed(why));
        assert_eq!(body.quoted_bytes.len(), quoted);
    };
    check(255, 140, Malformation::QuoteLengthBeyondMessage);
    check(7, 140, Malformation::QuoteLengthTooShort);
    check(33, 132, Malformation::Version { found: 0 });
    let mut damaged = bytes.clone();
    damaged[140] ^= 1;
    let body = body_v4(&damaged);
    assert_eq!(body.extensions, Extensions::Malformed(Malformation::Checksum));
    assert_eq!(body.quoted_bytes.len(), 128);
}

#[test]
fn a_short_quote_with_a_sound_structure_is_believed() {
    let mut bytes = vec![11, 0, 0, 0, 0, 7, 0, 0];
    bytes.extend([0x45; 28]);
    bytes.extend(structure());
    let body = body_v4(&bytes);
    assert_eq!(body.quoted_bytes, [0x45; 28]);
    assert_eq!(labels(body.extensions), [LABEL]);
}

#[test]
fn types_without_extensions_get_none() {
    let mut out = Vec::new();
    let spec = |message| ErrorSpec {
        message,
        quoted_bytes: &[],
        extensions: AppendedExtensions::Legacy(&[]),
    };
    let gateway = Ipv4Addr::LOCALHOST;
    let redirect = spec(ErrorMessage::RedirectV4 { code: 0, gateway });
    assert_eq!(emit_error_v4(&redirect, &mut out), Err(EmitError::WrongFamily));
    let big = spec(ErrorMessage::PacketTooBig { mtu: 1280 });
    assert_eq!(emit_error_v6(&big, None, &mut out), Err(EmitError::WrongFamily));
    let pointer = spec(ErrorMessage::ParameterProblem { code: 0, pointer: 256 });
    let range = EmitError::OutOfRange { value: 256, most: 255 };
    assert_eq!(emit_error_v4(&pointer, &mut out), Err(range));
    let quoted_bytes = &[0; 1021];
    let extensions = AppendedExtensions::Rfc4884(&[]);
    let long =
        ErrorSpec { message: ErrorMessage::TimeExceeded { code: 0 }, quoted_bytes, extensions };
    let too_long = EmitError::TooLong { length: 1024, most: 1020 };
    assert_eq!(emit_error_v4(&long, &mut out), Err(too_long));
    assert!(out.is_empty());
}

fn any_message_v4() -> impl Strategy<Value = ErrorMessage> {
    prop_oneof![
        (1_u16..).prop_map(|mtu| ErrorMessage::DestinationUnreachable { code: 4, mtu: Some(mtu) }),
        any::<u8>().prop_map(|code| ErrorMessage::DestinationUnreachable { code, mtu: None }),
        any::<u8>().prop_map(|code| ErrorMessage::TimeExceeded { code }),
        any::<(u8, u8)>().prop_map(|(code, pointer)| ErrorMessage::ParameterProblem {
            code,
            pointer: pointer.into()
        }),
        any::<(u8, Ipv4Addr)>()
            .prop_map(|(code, gateway)| ErrorMessage::RedirectV4 { code, gateway }),
    ]
}

fn any_message_v6() -> impl Strategy<Value = ErrorMessage> {
    prop_oneof![
        any::<u8>().prop_map(|code| ErrorMessage::DestinationUnreachable { code, mtu: None }),
        any::<u8>().prop_map(|code| ErrorMessage::TimeExceeded { code }),
        any::<(u8, u32)>()
            .prop_map(|(code, pointer)| ErrorMessage::ParameterProblem { code, pointer }),
        any::<u32>().prop_map(|mtu| ErrorMessage::PacketTooBig { mtu }),
    ]
}

fn spec_of(message: Icmp<'_>) -> ErrorMessage {
    match message {
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
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn echoes_parse_back(
        (reply, ident, seq) in any::<(bool, u16, u16)>(),
        payload in prop::collection::vec(any::<u8>(), 0..80),
        before in 0_usize..4,
    ) {
        let echo = Echo { code: 0, ident, seq, payload: &payload };
        let expected = if reply { Icmp::EchoReply(echo) } else { Icmp::EchoRequest(echo) };
        let mut out = vec![0xee; before];
        emit_echo_v4(reply, ident, seq, &payload, &mut out);
        prop_assert!(checksum_ok_v4(&out[before..]));
        prop_assert_eq!(parse_v4(&out[before..]), Ok(expected));
        out.truncate(before);
        emit_echo_v6(reply, ident, seq, &payload, Some((A, B)), &mut out);
        prop_assert!(checksum_ok_v6(&out[before..], A, B));
        prop_assert_eq!(parse_v6(&out[before..]), Ok(expected));
        out.truncate(before);
        emit_echo_v6(reply, ident, seq, &payload, None, &mut out);
        prop_assert_eq!(&out[before + 2..before + 4], [0, 0]);
        prop_assert_eq!(parse_v6(&out[before..]), Ok(expected));
    }

    #[test]
    fn timestamps_parse_back(
        (reply, code, ident, seq) in any::<(bool, u8, u16, u16)>(),
        (originate, receive, transmit) in any::<(u32, u32, u32)>(),
    ) {
        let timestamp = Timestamp { reply, code, ident, seq, originate, receive, transmit };
        let mut out = Vec::new();
        emit_timestamp(&timestamp, &mut out);
        prop_assert!(checksum_ok_v4(&out));
        prop_assert_eq!(parse_v4(&out), Ok(Icmp::Timestamp(timestamp)));
        let needed = Err(ParseError::Truncated { needed: 20, had: 19 });
        prop_assert_eq!(parse_v4(&out[..19]), needed);
    }

    #[test]
    fn errors_parse_back_over_ipv4(
        message in any_message_v4(),
        quoted in prop::collection::vec(any::<u8>(), 0..600),
        extended in any::<bool>(),
    ) {
        let extended = extended && !matches!(message, ErrorMessage::RedirectV4 { .. });
        let structure = structure();
        let extensions = match extended {
            true => AppendedExtensions::Rfc4884(&structure),
            false => AppendedExtensions::Absent,
        };
        let mut out = Vec::new();
        emit_error_v4(&ErrorSpec { message, quoted_bytes: &quoted, extensions }, &mut out).unwrap();
        prop_assert!(checksum_ok_v4(&out));
        let parsed = parse_v4(&out).unwrap();
        prop_assert_eq!(spec_of(parsed), message);
        let body = parsed.error_body().unwrap();
        prop_assert_eq!(&body.quoted_bytes[..quoted.len()], &quoted);
        prop_assert_eq!(labels(body.extensions).len(), usize::from(extended));
    }

    #[test]
    fn errors_parse_back_over_ipv6(
        message in any_message_v6(),
        quoted in prop::collection::vec(any::<u8>(), 0..600),
        extended in any::<bool>(),
    ) {
        let extensible = matches!(message, ErrorMessage::TimeExceeded { .. } | ErrorMessage::DestinationUnreachable { .. });
        let extended = extended && extensible;
        let structure = structure();
        let extensions = match extended {
            true => AppendedExtensions::Rfc4884(&structure),
            false => AppendedExtensions::Absent,
        };
        let mut out = Vec::new();
        let spec = ErrorSpec { message, quoted_bytes: &quoted, extensions };
        emit_error_v6(&spec, Some((A, B)), &mut out).unwrap();
        prop_assert!(checksum_ok_v6(&out, A, B));
        let parsed = parse_v6(&out).unwrap();
        prop_assert_eq!(spec_of(parsed), message);
        let body = parsed.error_body().unwrap();
        prop_assert_eq!(&body.quoted_bytes[..quoted.len()], &quoted);
        prop_assert_eq!(labels(body.extensions).len(), usize::from(extended));
    }

    #[test]
    fn any_bytes_are_answered(
        kind in prop_oneof![any::<u8>(), Just(1), Just(3), Just(11), Just(12), Just(13), Just(137)],
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        crate::fuzzing::check_icmp_v4(&bytes);
        crate::fuzzing::check_icmp_v6(&bytes);
        let mut bytes = bytes;
        bytes.insert(0, kind);
        crate::fuzzing::check_icmp_v4(&bytes);
        crate::fuzzing::check_icmp_v6(&bytes);
    }
}
