use super::*;

fn find(systems: &Systems, address: &str) -> Option<u32> {
    systems.find(address.parse().expect("an address"))
}

#[test]
fn the_longest_prefix_of_lines_counts_in_every_form() {
    let text = "# a comment\n192.0.2.0\t24\t64500\n192.0.2.128/25 AS64501\r\n\n\
                0.0.0.0,0,64502_64503\n2001:db8::\t32\t64504,64505\n::/0 65536\n";
    let systems = Systems::read(text.into()).expect("readable");
    assert_eq!(find(&systems, "192.0.2.1"), Some(64_500));
    assert_eq!(find(&systems, "192.0.2.200"), Some(64_501));
    assert_eq!(find(&systems, "198.51.100.1"), Some(64_502));
    assert_eq!(find(&systems, "2001:db8::1"), Some(64_504));
    assert_eq!(find(&systems, "fd00::1"), Some(65_536));
    let one = Systems::read("192.0.2.0/24 1".into()).expect("readable");
    assert_eq!((find(&one, "192.0.3.1"), find(&one, "::1")), (None, None));
}

#[test]
fn what_is_wrong_with_lines_is_named() {
    for (text, said) in [
        ("192.0.2.0/24 64500\n192.0.2.0/33 1\n", "line 2"),
        ("192.0.2.0/24", "line 1"),
        ("192.0.2.0/24 -1", "line 1"),
        ("192.0.2.0/24 4294967296", "line 1"),
        ("2001:db8::/129 1", "line 1"),
        ("example.net 24 1", "line 1"),
        ("# nothing\n", "no prefix"),
        ("", "no prefix"),
    ] {
        let fault = Systems::read(text.into()).expect_err(text);
        assert!(fault.contains(said), "{text}: {fault}");
    }
    let fault = Systems::read(vec![0xff, 0xfe, 0]).expect_err("no text");
    assert!(fault.contains("MaxMind"), "{fault}");
}

/// A MaxMind DB of IPv4 that knows one prefix.
fn database(prefix: [u8; 3], record: &[u8]) -> Vec<u8> {
    const BITS: u32 = 24;
    let mut tree = Vec::new();
    for depth in 0..BITS {
        let bit = prefix[(depth / 8) as usize] >> (7 - depth % 8) & 1;
        // The number of nodes means that nothing is there; the data begin 16 behind that.
        let next = if depth + 1 == BITS { BITS + 16 } else { depth + 1 };
        let pair = if bit == 0 { [next, BITS] } else { [BITS, next] };
        tree.extend(pair.iter().flat_map(|number| number.to_be_bytes()[1..].to_vec()));
    }
    let text = |text: &str| [&[0x40 | text.len() as u8], text.as_bytes()].concat();
    let number = |name: &str, value: u8| [text(name), vec![0xa1, value]].concat();
    let metadata = [
        vec![0xe0 | 9],
        number("binary_format_major_version", 2),
        [text("binary_format_minor_version"), vec![0xa0]].concat(),
        [text("build_epoch"), vec![0x01, 0x02, 7]].concat(),
        [text("database_type"), text("ASN")].concat(),
        [text("description"), vec![0xe1], text("en"), text("x")].concat(),
        number("ip_version", 4),
        [text("languages"), vec![0x00, 0x04]].concat(),
        [text("node_count"), vec![0xc1, BITS as u8]].concat(),
        number("record_size", 24),
    ];
    [tree, vec![0; 16], record.to_vec(), MARKER.to_vec(), metadata.concat()].concat()
}

/// `{"autonomous_system_number": 64500}`, the number of 32 bits.
fn record() -> Vec<u8> {
    let name = b"autonomous_system_number";
    [&[0xe1, 0x40 | name.len() as u8][..], name, &[0xc2, 0xfb, 0xf4]].concat()
}

#[test]
fn a_database_is_asked_by_the_longest_prefix() {
    let systems = Systems::read(database([192, 0, 2], &record())).expect("a database");
    assert_eq!(find(&systems, "192.0.2.77"), Some(64_500));
    assert_eq!(find(&systems, "192.0.3.77"), None);
    assert_eq!(find(&systems, "2001:db8::1"), None, "it has no IPv6");
    let text = [&[0xe1, 0x43][..], b"asn", &[0x47], b"AS64501"].concat();
    let systems = Systems::read(database([192, 0, 2], &text)).expect("a database");
    assert_eq!(find(&systems, "192.0.2.1"), Some(64_501));
}

/// Every bit of a file turned around, and every end cut off: an error or an answer, never a panic.
#[test]
fn a_hostile_database_is_an_error_or_an_answer() {
    let whole = database([192, 0, 2], &record());
    let mut refused = 0;
    let mut ask = |bytes: Vec<u8>| match Systems::read(bytes) {
        Ok(systems) => {
            let _ = (find(&systems, "192.0.2.77"), find(&systems, "2001:db8::1"));
        }
        Err(fault) => refused += u64::from(!fault.is_empty()),
    };
    for place in 0..whole.len() {
        ask(whole[..place].to_vec());
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            ask(bytes);
        }
    }
    assert!(refused > 1_000, "{refused}");
}
