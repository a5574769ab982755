//! How an answer names its probe.
//!
//! ```text
//! data of a probe              0       4       8              16
//!                              | index |  seq  |     tag      | pattern ...
//! ```
//! The 32-bit index finds the probe; the low half of the measurement's sequence number is there for
//! people who read captures; the tag is SipHash-2-4 over index, sequence number and destination
//! under a key of this run, so that nobody who has not seen the request can answer it. No time
//! stands in the packet: what comes back is not believed.

use crate::probe::Pattern;
use netdiag_model::Destination;
use netdiag_wire::checksum::internet_checksum;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// Bytes of the data that index, sequence number and tag take.
pub const FULL_TAG: usize = 16;
/// Bytes behind them that make up for what differs from probe to probe, where that is wanted.
pub(crate) const BALANCE: usize = 2;
const TAG_OFFSET: usize = 8;
const INDEX_LEN: usize = 4;

/// The secret of a run, and where its wire sequence numbers start.
#[derive(Clone, Copy)]
pub struct Secret {
    key: [u8; 16],
    sequence_start: u16,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a probe's packet says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) index: u32,
    pub(crate) seq: u64,
    pub(crate) destination: Destination,
}

impl Secret {
    /// A secret of 18 unpredictable bytes (getrandom).
    #[must_use]
    pub fn new(random: [u8; 18]) -> Self {
        let (mut key, mut start) = ([0; 16], [0; 2]);
        key.copy_from_slice(&random[..16]);
        start.copy_from_slice(&random[16..]);
        Self { key, sequence_start: u16::from_be_bytes(start) }
    }

    /// The 16-bit sequence number on the wire of the probe with this index.
    pub(crate) fn wire_sequence(&self, index: u32) -> u16 {
        let [_, _, high, low] = index.to_be_bytes();
        self.sequence_start.wrapping_add(u16::from_be_bytes([high, low]))
    }

    /// The low 16 bits of the index of the probe with this sequence number on the wire.
    pub(crate) const fn index_low(&self, wire_sequence: u16) -> u16 {
        wire_sequence.wrapping_sub(self.sequence_start)
    }

    /// Writes the data of a probe: `size` bytes appended to `out`.
    pub(crate) fn emit(
        &self,
        identity: &Identity,
        size: u16,
        pattern: &Pattern,
        out: &mut Vec<u8>,
    ) {
        let size = usize::from(size);
        let start = out.len();
        let head = self.head(identity);
        out.extend_from_slice(head.get(..size.min(FULL_TAG)).unwrap_or(&head));
        pattern.fill(FULL_TAG..size.max(FULL_TAG), out);
        debug_assert_eq!(out.len() - start, size, "exactly the size asked for");
    }

    /// Whether `data` starts with as much of the index, sequence number and tag as `size` allows.
    pub(crate) fn verify(&self, identity: &Identity, size: u16, data: &[u8]) -> bool {
        let head = self.head(identity);
        let expected = head.get(..usize::from(size).min(FULL_TAG)).unwrap_or(&head);
        data.get(..expected.len()) == Some(expected)
    }

    /// The sequence number of the SYN with this index. A permutation of all 32-bit numbers (a Feistel
    /// network of four rounds, Luby and Rackoff 1988) under the key of this run: no two SYNs share one,
    /// and nobody who has not seen a SYN knows what its answer acknowledges.
    pub(crate) fn syn_sequence(&self, index: u32) -> u32 {
        let (left, right) = ROUNDS
            .iter()
            .fold(halves(index), |(left, right), round| (right, left ^ self.round(*round, right)));
        joined(left, right)
    }

    /// The index of the SYN with this sequence number.
    pub(crate) fn syn_index(&self, sequence: u32) -> u32 {
        let (left, right) = ROUNDS.iter().rev().fold(halves(sequence), |(left, right), round| {
            (right ^ self.round(*round, left), left)
        });
        joined(left, right)
    }

    /// A 16-bit number for the message with this number: hard to guess, and no other of the same
    /// 65,536 has it.
    #[must_use]
    pub fn message_id(&self, number: u64) -> u16 {
        let [.., high, low] = number.to_be_bytes();
        let epoch = number >> 16;
        let (left, right) = ROUNDS.iter().fold((high, low), |(left, right), round| {
            let mut hasher = SipHasher24::new_with_key(&self.key);
            hasher.write_u8(*round);
            hasher.write_u64(epoch);
            hasher.write_u8(right);
            let [first, ..] = hasher.finish().to_be_bytes();
            (right, left ^ first)
        });
        u16::from_be_bytes([left, right])
    }

    /// Eight bytes that are the same for the same text in this run, and mean nothing to others.
    #[must_use]
    pub fn cookie(&self, about: &[u8]) -> [u8; 8] {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(about);
        hasher.finish().to_be_bytes()
    }

    /// Fills bytes likewise, as many as are wanted.
    pub fn fill(&self, about: &[u8], out: &mut [u8]) {
        for (number, part) in (0_u64..).zip(out.chunks_mut(8)) {
            let bytes = self.cookie(&[about, &number.to_be_bytes()].concat());
            part.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }

    fn round(&self, round: u8, half: u16) -> u16 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(round);
        hasher.write_u16(half);
        let [high, low, ..] = hasher.finish().to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    fn head(&self, identity: &Identity) -> [u8; FULL_TAG] {
        let mut head = [0; FULL_TAG];
        let [.., b4, b5, b6, b7] = identity.seq.to_be_bytes();
        head[..INDEX_LEN].copy_from_slice(&identity.index.to_be_bytes());
        head[INDEX_LEN..TAG_OFFSET].copy_from_slice(&[b4, b5, b6, b7]);
        head[TAG_OFFSET..].copy_from_slice(&self.tag(identity).to_be_bytes());
        head
    }

    fn tag(&self, identity: &Identity) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u32(identity.index);
        hasher.write_u64(identity.seq);
        match identity.destination {
            Destination::V4(address) => hasher.write(&address.octets()),
            Destination::V6(address, _) => hasher.write(&address.octets()),
        }
        hasher.finish()
    }
}

/// Rounds of the permutation of SYNs.
const ROUNDS: [u8; 4] = [1, 2, 3, 4];

const fn halves(number: u32) -> (u16, u16) {
    let [a, b, c, d] = number.to_be_bytes();
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

const fn joined(high: u16, low: u16) -> u32 {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    u32::from_be_bytes([a, b, c, d])
}

/// Sets the bytes behind the tag so that sequence number and data together add up to `sum` (RFC 1071:
/// of 0 they do not change the checksum). Data without room for them stays as it is.
pub(crate) fn balance(wire_sequence: u16, sum: u16, data: &mut [u8]) {
    let Some(room) = data.get_mut(FULL_TAG..FULL_TAG + BALANCE) else { return };
    room.copy_from_slice(&wire_sequence.to_be_bytes());
    let (missing, carry) = internet_checksum(data).overflowing_add(sum);
    let missing = missing.wrapping_add(u16::from(carry));
    if let Some(room) = data.get_mut(FULL_TAG..FULL_TAG + BALANCE) {
        room.copy_from_slice(&missing.to_be_bytes());
    }
}

/// The index that the data of a probe or of its answer names, where there is room for one.
pub(crate) fn index_of(data: &[u8]) -> Option<u32> {
    data.first_chunk::<INDEX_LEN>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Whether data of this size carries the index.
pub(crate) const fn has_index(size: u16) -> bool {
    size as usize >= INDEX_LEN
}

/// Whether data of this size carries index and tag in full.
#[must_use]
pub const fn is_strong(size: u16) -> bool {
    size as usize >= FULL_TAG
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let destination = Destination::new("192.0.2.1".parse().expect("an address"));
        Identity { index: 7, seq: 3, destination }
    }

    #[test]
    fn what_was_emitted_verifies_and_nothing_else_does() {
        let secret = Secret::new([5; 18]);
        for size in [0_u16, 3, 4, 8, 15, 16, 17, 56, 1000] {
            let mut data = Vec::new();
            secret.emit(&identity(), size, &Pattern::COUNTING, &mut data);
            assert_eq!(data.len(), usize::from(size));
            assert!(secret.verify(&identity(), size, &data), "size {size}");
            for place in 0..data.len().min(FULL_TAG) {
                let mut forged = data.clone();
                forged[place] ^= 1;
                assert!(!secret.verify(&identity(), size, &forged), "size {size} byte {place}");
            }
        }
    }

    #[test]
    fn the_tag_depends_on_key_destination_and_sequence() {
        let secret = Secret::new([5; 18]);
        let tag = |identity: &Identity| secret.tag(identity);
        let other = Destination::new("192.0.2.2".parse().expect("an address"));
        assert_ne!(tag(&identity()), tag(&Identity { destination: other, ..identity() }));
        assert_ne!(tag(&identity()), tag(&Identity { seq: 1 << 32 | 3, ..identity() }));
        assert_ne!(tag(&identity()), Secret::new([6; 18]).tag(&identity()));
    }

    #[test]
    fn balanced_data_adds_up_to_the_same_whatever_is_in_it() {
        let secret = Secret::new([5; 18]);
        let sums = [0, 1, 77, 0x8000, 0xfffe, 0xffff];
        let probes = [(1_u16, 18_u16), (0xffff, 19), (0x1234, 32), (77, 57)];
        for ((seq, size), sum) in probes.into_iter().flat_map(|p| sums.map(|sum| (p, sum))) {
            let mut data = Vec::new();
            secret.emit(&identity(), size, &Pattern::COUNTING, &mut data);
            balance(seq, sum, &mut data);
            let all: Vec<u8> = seq.to_be_bytes().into_iter().chain(data.clone()).collect();
            let expected = if sum == 0 { 0 } else { !sum };
            assert_eq!(internet_checksum(&all), expected, "{size}, {sum}");
            assert!(secret.verify(&identity(), size, &data), "the tag stays");
        }
    }

    #[test]
    fn a_syn_leads_back_to_its_index_and_no_two_are_alike() {
        let secret = Secret::new([5; 18]);
        let mut seen = std::collections::BTreeSet::new();
        for index in (0..2_000).chain(u32::MAX - 2_000..=u32::MAX) {
            let sequence = secret.syn_sequence(index);
            assert_eq!(secret.syn_index(sequence), index);
            assert!(seen.insert(sequence));
            assert_ne!(sequence, Secret::new([6; 18]).syn_sequence(index));
        }
        // Neighbours are nowhere near each other: a second SYN is in no window of the first.
        let apart = |index: u32| {
            secret.syn_sequence(index).abs_diff(secret.syn_sequence(index + 1)) > 1 << 20
        };
        assert!((0..2_000).filter(|index| apart(*index)).count() > 1_990);
    }

    #[test]
    fn no_two_messages_in_a_row_share_a_number() {
        let secret = Secret::new([5; 18]);
        let seen: std::collections::BTreeSet<u16> =
            (0..=0xffff).map(|number| secret.message_id(number)).collect();
        assert_eq!(seen.len(), 0x1_0000);
        assert_ne!(secret.message_id(0), secret.message_id(0x1_0000), "not the same order again");
        assert_ne!(secret.message_id(0), Secret::new([6; 18]).message_id(0));
        assert_eq!(secret.cookie(b"a"), secret.cookie(b"a"));
        assert_ne!(secret.cookie(b"a"), secret.cookie(b"b"));
    }

    #[test]
    fn wire_sequence_numbers_lead_back_to_the_index() {
        let secret = Secret::new([0xff; 18]);
        for index in [0_u32, 1, 65_535, 65_536, u32::MAX] {
            assert_eq!(u32::from(secret.index_low(secret.wire_sequence(index))), index & 0xffff);
        }
    }
}
