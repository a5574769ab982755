//! Quotes whose IP headers are longer than usual (B15): options of IPv4, extension headers of IPv6.

use crate::errors::{EXPIRED, Taken, WHOLE, check};
use crate::harness::{V4, V6};
use netdiag_engine::outcome::Reason;
use netdiag_model::IcmpKind;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ENCRYPTED: u8 = 50;
const AUTHENTICATED: u8 = 51;
const DESTINATION: u8 = 60;
const UNPARSABLE: Taken = Taken::Unmatched(Reason::UnparsableQuote);

fn expired_v4() -> Taken {
    Taken::NetError(IcmpKind::v4(11, 0), None)
}

fn expired_v6() -> Taken {
    Taken::NetError(IcmpKind::v6(3, 0), None)
}

/// Puts so many words of options behind the header: 1 is "no operation" (RFC 791 section 3.1).
fn with_options(quote: &mut Vec<u8>, words: u8, option: u8) {
    let more = vec![option; usize::from(words) * 4];
    let length = u16::from_be_bytes([quote[2], quote[3]]) + more.len() as u16;
    quote[2..4].copy_from_slice(&length.to_be_bytes());
    quote[0] = 0x45 + words;
    quote.splice(20..20, more);
}

/// Puts a chain of headers of eight bytes behind the fixed one; each is a number and its bytes behind the
/// next header and length.
fn with_chain(quote: &mut Vec<u8>, chain: &[(u8, [u8; 7])]) {
    let mut next = quote[6];
    let mut bytes = Vec::new();
    for (number, rest) in chain.iter().rev() {
        let header: Vec<u8> = [next].iter().chain(rest).copied().collect();
        bytes.splice(0..0, header);
        next = *number;
    }
    quote[6] = next;
    let length = u16::from_be_bytes([quote[4], quote[5]]) + bytes.len() as u16;
    quote[4..6].copy_from_slice(&length.to_be_bytes());
    quote.splice(40..40, bytes);
}

/// A length of no further units, and padding (RFC 8200 section 4.2).
const PADDED: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

#[test]
fn options_of_every_length_are_passed() {
    for words in 1..=10 {
        check(V4, EXPIRED, WHOLE, |quote| with_options(quote, words, 1), &expired_v4());
        // As little as routers must quote: the header and eight bytes.
        let least = 20 + usize::from(words) * 4 + 8;
        check(V4, EXPIRED, least, |quote| with_options(quote, words, 1), &expired_v4());
        check(V4, EXPIRED, least - 1, |quote| with_options(quote, words, 1), &UNPARSABLE);
    }
    // What options mean is not looked at: one that claims a length of nothing is no trap.
    check(V4, EXPIRED, WHOLE, |quote| with_options(quote, 2, 0x87), &expired_v4());
}

#[test]
fn a_header_that_claims_more_than_there_is_is_no_guess() {
    let claims = |quote: &mut Vec<u8>| quote[0] = 0x4f;
    for length in [20, 28, 40, 59] {
        check(V4, EXPIRED, length, claims, &UNPARSABLE);
    }
}

#[test]
fn extension_headers_are_passed_up_to_eight() {
    let known = [HOP_BY_HOP, DESTINATION, ROUTING, DESTINATION];
    for count in 1..=known.len() {
        let chain: Vec<(u8, [u8; 7])> = known[..count].iter().map(|it| (*it, PADDED)).collect();
        check(V6, EXPIRED, WHOLE, |quote| with_chain(quote, &chain), &expired_v6());
        let least = 40 + 8 * count + 8;
        check(V6, EXPIRED, least, |quote| with_chain(quote, &chain), &expired_v6());
        check(V6, EXPIRED, least - 1, |quote| with_chain(quote, &chain), &UNPARSABLE);
    }
    for (count, want) in [(8, expired_v6()), (9, UNPARSABLE), (60, UNPARSABLE)] {
        let chain = vec![(DESTINATION, PADDED); count];
        check(V6, EXPIRED, WHOLE, |quote| with_chain(quote, &chain), &want);
    }
}

#[test]
fn only_the_first_fragment_names_a_probe() {
    let fragment = |offset: u16, more: u16| {
        let [high, low] = (offset << 3 | more).to_be_bytes();
        [(FRAGMENT, [0, high, low, 0, 0, 0, 7])]
    };
    for (offset, more, want) in
        [(0, 1, expired_v6()), (0, 0, expired_v6()), (1, 0, UNPARSABLE), (185, 1, UNPARSABLE)]
    {
        let chain = fragment(offset, more);
        check(V6, EXPIRED, WHOLE, |quote| with_chain(quote, &chain), &want);
    }
}

#[test]
fn what_cannot_be_looked_into_is_no_guess() {
    for number in [AUTHENTICATED, ENCRYPTED, 59, 253] {
        check(V6, EXPIRED, WHOLE, |quote| with_chain(quote, &[(number, PADDED)]), &UNPARSABLE);
    }
    // One that claims 2,048 bytes.
    let mut long = PADDED;
    long[0] = 255;
    check(V6, EXPIRED, WHOLE, |quote| with_chain(quote, &[(DESTINATION, long)]), &UNPARSABLE);
}
