//! The Internet checksum: the one's complement of a one's-complement sum (RFC 1071).

use core::net::IpAddr;

/// A one's-complement sum under way; bytes may come in pieces of any length.
///
/// ```
/// use netdiag_wire::checksum::{Checksum, internet_checksum};
///
/// let mut pieces = Checksum::new();
/// pieces.add_bytes(&[0x00, 0x01, 0xf2]);
/// pieces.add_bytes(&[0x03]);
/// assert_eq!(pieces.finish(), internet_checksum(&[0x00, 0x01, 0xf2, 0x03]));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Checksum {
    sum: u64,
    /// An odd number of bytes is in: the next one is the low half of its word.
    odd: bool,
}

impl Checksum {
    /// An empty sum.
    #[must_use]
    pub const fn new() -> Self {
        Self { sum: 0, odd: false }
    }

    /// Adds bytes as they stand on the wire.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if self.odd {
            let Some((low, rest)) = bytes.split_first() else { return };
            self.add(u64::from(*low));
            self.odd = false;
            bytes = rest;
        }
        // Words of 32 bits give the same sum as words of 16: 2^16 = 1 modulo 2^16 - 1 (RFC 1071 section 2(C)).
        let (words, rest) = bytes.as_chunks::<4>();
        for word in words {
            self.add(u64::from(u32::from_be_bytes(*word)));
        }
        let (halves, rest) = rest.as_chunks::<2>();
        for half in halves {
            self.add(u64::from(u16::from_be_bytes(*half)));
        }
        if let [high] = rest {
            self.add(u64::from(*high) << 8);
            self.odd = true;
        }
        // Room for the next 2^32 words.
        self.sum = fold(self.sum, 32);
    }

    /// Adds a 16-bit number.
    pub fn add_u16(&mut self, value: u16) {
        self.add_bytes(&value.to_be_bytes());
    }

    /// Adds a 32-bit number.
    pub fn add_u32(&mut self, value: u32) {
        self.add_bytes(&value.to_be_bytes());
    }

    /// The checksum to transmit; 0 if the sum included a correct one.
    #[must_use]
    pub fn finish(self) -> u16 {
        let folded = fold(fold(self.sum, 32), 16);
        !u16::try_from(folded).unwrap_or(u16::MAX)
    }

    fn add(&mut self, value: u64) {
        self.sum = self.sum.wrapping_add(value);
    }
}

/// The checksum of one run of bytes.
#[must_use]
pub fn internet_checksum(bytes: &[u8]) -> u16 {
    let mut checksum = Checksum::new();
    checksum.add_bytes(bytes);
    checksum.finish()
}

/// The sum that TCP, UDP and ICMPv6 start from (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1).
///
/// The two families differ only in where the zeros stand, so one sum serves both.
/// `length` is that of the upper-layer header and its data.
#[must_use]
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: u32) -> Checksum {
    let mut checksum = Checksum::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(v4) => checksum.add_bytes(&v4.octets()),
            IpAddr::V6(v6) => checksum.add_bytes(&v6.octets()),
        }
    }
    checksum.add_u32(length);
    checksum.add_u16(u16::from(protocol));
    checksum
}

/// Whether `bytes` with the checksum in them add up after a pseudo-header.
pub(crate) fn adds_up(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> bool {
    over(source, destination, protocol, bytes) == 0
}

/// The checksum of `bytes` after a pseudo-header.
pub(crate) fn over(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut checksum = pseudo_header(source, destination, protocol, length);
    checksum.add_bytes(bytes);
    checksum.finish()
}

/// Adds what is above `bits` to what is below until nothing is above.
fn fold(sum: u64, bits: u32) -> u64 {
    let mut sum = sum;
    let low = u64::MAX >> 64_u32.wrapping_sub(bits);
    while sum > low {
        sum = (sum & low).wrapping_add(sum.wrapping_shr(bits));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071_section_3() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(internet_checksum(&bytes), !0xddf2);
    }

    #[test]
    fn nothing_sums_to_nothing() {
        assert_eq!(internet_checksum(&[]), 0xffff);
        assert_eq!(internet_checksum(&[0xff, 0xff]), 0);
    }

    #[test]
    fn a_datagram_checksum_over_the_pseudo_header() {
        // UDP 53 -> 53, length 9, "a", from 192.0.2.1 to 192.0.2.2.
        let udp = [0x00, 0x35, 0x00, 0x35, 0x00, 0x09, 0x00, 0x00, 0x61];
        let (a, b) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let by_hand: u32 = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 17 + 9 + 0x35 + 0x35 + 9 + 0x6100;
        let by_hand = (by_hand & 0xffff) + (by_hand >> 16);
        assert_eq!(u32::from(over(a.into(), b.into(), 17, &udp)), !by_hand & 0xffff);
    }

    #[test]
    fn ipv6_addresses_count_in_full() {
        let sum = pseudo_header(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), 58, 8);
        assert_eq!(sum.finish(), !(1 + 1 + 58 + 8));
    }

    proptest! {
        #[test]
        fn pieces_make_the_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut checksum = Checksum::new();
            pieces.iter().for_each(|piece| checksum.add_bytes(piece));
            prop_assert_eq!(checksum.finish(), internet_checksum(&pieces.concat()));
        }

        #[test]
        fn wide_words_give_the_plain_sum(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut plain = 0_u32;
            for pair in bytes.chunks(2) {
                plain += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |b| u32::from(*b));
                plain = (plain & 0xffff) + (plain >> 16);
            }
            prop_assert_eq!(u32::from(internet_checksum(&bytes)), !plain & 0xffff);
        }
    }
}
