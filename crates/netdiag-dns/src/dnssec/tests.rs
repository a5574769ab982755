//! What strangers send is read without a panic, and never proves anything by being broken.

use super::denial::Proofs;
use super::rrset::{Key, Owner, Part, sets};
use domain::base::iana::{Rtype, SecurityAlgorithm};
use domain::rdata::Dnskey;
use std::str::FromStr;

/// A record of `a.` with this type and data.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, b'a', 0];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 60]);
    bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
    bytes.extend(data);
    bytes
}

fn message() -> Vec<u8> {
    let signature = |covered: u8| {
        let times = [[0xff; 4], [0; 4]].concat();
        let start = [0, covered, 13, 1, 0, 0, 0, 60];
        [&start[..], &times, &[0, 1, 1, b'a', 0], &[7; 64]].concat()
    };
    let records = [
        record(48, &[&[1, 1, 3, 13][..], &[9; 64]].concat()),
        record(46, &signature(48)),
        record(43, &[0, 1, 13, 2, 5, 5, 5]),
        record(47, &[1, b'c', 0, 0, 1, 0x40]),
        record(46, &signature(47)),
        record(50, &[&[1, 1, 0, 10, 1, 0xab, 20][..], &[3; 20], &[0, 1, 0x40]].concat()),
        record(5, &[1, b'b', 0]),
    ];
    let mut bytes = vec![0, 1, 0x84, 0, 0, 0, 0, 7, 0, 0, 0, 0];
    bytes.extend(records.concat());
    bytes
}

/// Does all that is done with a message.
fn look(bytes: &[u8]) {
    let zone = Owner::from_str("a.").expect("a name");
    let name = Owner::from_str("x.b.a.").expect("a name");
    let key: Key =
        Dnskey::new(257, 3, SecurityAlgorithm::ECDSAP256SHA256, vec![9; 64]).expect("a key");
    for part in [Part::Answer, Part::Authority] {
        let Some(sets) = sets(bytes, part) else { continue };
        for set in &sets {
            let keys = [set.keys.as_slice(), std::slice::from_ref(&key)].concat();
            assert!(set.verify(&zone, &keys, 5).is_err(), "nobody signed that");
            let _ = (set.named(), set.target());
        }
        let proofs = Proofs::new(sets.iter());
        let _ = (proofs.deny_name(&name), proofs.deny_type(&name, Rtype::A));
        let _ = (proofs.deny_delegation(&name), proofs.deny_own(&name, &zone));
        let _ = (proofs.is_too_dear(), proofs.is_empty());
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let whole = message();
    assert_eq!(sets(&whole, Part::Answer).map(|sets| sets.len()), Some(5), "it is read");
    look(&whole);
    for len in 0..whole.len() {
        look(&whole[..len]);
    }
    for place in 0..whole.len() {
        for value in [0, 1, 0x0d, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] = value;
            look(&bytes);
        }
    }
}
