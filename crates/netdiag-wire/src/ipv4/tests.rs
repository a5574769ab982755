use super::*;
use proptest::prelude::*;

const HEADER: [u8; 20] = [
    0x45, 0x02, 0x00, 0x1c, // version 4, IHL 5, tos 2, total length 28
    0x12, 0x34, 0x40, 0x00, // identification, don't fragment
    0x40, 0x01, 0x00, 0x00, // hop limit 64, ICMP, checksum below
    0xc0, 0x00, 0x02, 0x01, // 192.0.2.1
    0xc6, 0x33, 0x64, 0x02, // 198.51.100.2
];

fn datagram() -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    bytes.extend([8, 0, 0, 0, 0, 1, 0, 2]);
    let checksum = internet_checksum(&bytes[..20]);
    put_u16(&mut bytes, 10, checksum);
    bytes
}

#[test]
fn fields_stand_where_rfc_791_puts_them() {
    let bytes = datagram();
    let (header, payload) = parse(&bytes).unwrap();
    assert_eq!(header.source, Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(header.destination, Ipv4Addr::new(198, 51, 100, 2));
    assert_eq!((header.protocol, header.hop_limit, header.tos), (1, 64, 2));
    assert_eq!(header.identification, 0x1234);
    assert!(header.dont_fragment && !header.more_fragments);
    assert_eq!((header.fragment_offset, header.total_length), (0, 28));
    assert_eq!(payload, [8, 0, 0, 0, 0, 1, 0, 2]);
    assert!(checksum_ok(&bytes));
}

#[test]
fn a_flipped_bit_breaks_the_checksum() {
    let mut bytes = datagram();
    bytes[8] ^= 1;
    assert!(!checksum_ok(&bytes));
    assert!(!checksum_ok(&bytes[..19]));
}

#[test]
fn link_padding_behind_the_payload_is_cut() {
    let mut bytes = datagram();
    bytes.extend([0; 18]);
    assert_eq!(parse(&bytes).unwrap().1.len(), 8);
}

#[test]
fn lengths_are_claims() {
    let mut bytes = datagram();
    assert_eq!(parse(&bytes[..19]), Err(ParseError::Truncated { needed: 20, had: 19 }));
    assert_eq!(parse(&bytes[..27]), Err(ParseError::Truncated { needed: 28, had: 27 }));
    bytes[3] = 19;
    assert_eq!(parse(&bytes), Err(ParseError::BadLength { claimed: 19, least: 20 }));
    bytes[0] = 0x44;
    assert_eq!(parse(&bytes), Err(ParseError::BadLength { claimed: 16, least: 20 }));
    bytes[0] = 0x4f;
    assert_eq!(parse(&bytes), Err(ParseError::Truncated { needed: 60, had: 28 }));
    bytes[0] = 0x65;
    assert_eq!(parse(&bytes), Err(ParseError::BadVersion { found: 6 }));
}

#[test]
fn a_quote_may_be_short() {
    let mut bytes = datagram();
    bytes[3] = 84;
    assert_eq!(parse_quoted(&bytes).unwrap().1.len(), 8);
}

#[test]
fn a_quote_loses_its_padding_but_not_to_a_swapped_length() {
    let mut bytes = datagram();
    bytes.extend([0; 100]);
    assert_eq!(parse_quoted(&bytes).unwrap().1.len(), 8);
    // 28 in the other byte order: 7168.
    (bytes[2], bytes[3]) = (0x1c, 0x00);
    assert_eq!(parse_quoted(&bytes).unwrap().1.len(), 108);
    // 5120 in the other byte order: 20, no room for any transport.
    (bytes[2], bytes[3]) = (0x00, 0x14);
    assert_eq!(parse_quoted(&bytes).unwrap().1.len(), 108);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_written() {
    let bytes = datagram();
    let (header, _) = parse(&bytes).unwrap();
    let mut out = vec![7];
    assert_eq!(
        emit(&header, 65_516, &mut out),
        Err(EmitError::TooLong { length: 65_536, most: 65_535 })
    );
    let odd = Ipv4Header { fragment_offset: 9, ..header };
    assert_eq!(emit(&odd, 0, &mut out), Err(EmitError::BadFragmentOffset { offset: 9 }));
    let long = Ipv4Header { options: &[1; 41], ..header };
    assert_eq!(emit(&long, 0, &mut out), Err(EmitError::TooLong { length: 41, most: 40 }));
    assert_eq!(out, [7]);
}

proptest! {
    #[test]
    fn emitted_headers_parse_back(
        (source, destination) in any::<([u8; 4], [u8; 4])>(),
        (protocol, hop_limit, tos) in any::<(u8, u8, u8)>(),
        identification in any::<u16>(),
        (dont_fragment, more_fragments) in any::<(bool, bool)>(),
        eighths in 0_u16..8192,
        option_words in 0_usize..=10,
        payload in prop::collection::vec(any::<u8>(), 0..64),
        before in 0_usize..5,
    ) {
        let options = vec![1; option_words * 4];
        let header = Ipv4Header {
            source: source.into(),
            destination: destination.into(),
            protocol,
            hop_limit,
            tos,
            identification,
            dont_fragment,
            more_fragments,
            fragment_offset: eighths * 8,
            options: &options,
            total_length: u16::try_from(20 + options.len() + payload.len()).unwrap(),
        };
        let mut out = vec![0xee; before];
        emit(&header, payload.len(), &mut out).unwrap();
        prop_assert_eq!(out.len() - before, header.header_length());
        out.extend_from_slice(&payload);
        prop_assert!(checksum_ok(&out[before..]));
        prop_assert_eq!(parse(&out[before..]), Ok((header, payload.as_slice())));
        if payload.len() >= 8 {
            prop_assert_eq!(parse_quoted(&out[before..]), Ok((header, payload.as_slice())));
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        crate::fuzzing::check_ipv4(&bytes);
    }
}
