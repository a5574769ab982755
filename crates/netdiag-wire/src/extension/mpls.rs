//! MPLS label stacks (RFC 4950 section 2, RFC 3032 section 2.1).

pub(super) const CLASS: u8 = 1;
pub(super) const LABEL_STACK: u8 = 1;
const ENTRY: usize = 4;
/// The most that a label's 20 bits hold.
const MAX_LABEL: u32 = 0xf_ffff;

/// One entry of a label stack.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                Label                  | TC  |S|       TTL     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MplsLabel {
    /// The label; 20 bits, more are cut when written.
    pub label: u32,
    /// Traffic class (RFC 5462); three bits, more are cut when written.
    pub tc: u8,
    /// The last entry of the stack.
    pub bottom: bool,
    /// Time to live of the label.
    pub ttl: u8,
}

impl MplsLabel {
    /// The entry that these bytes mean.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        let [_, _, low, ttl] = bytes;
        Self {
            label: u32::from_be_bytes(bytes) >> 12,
            tc: low >> 1 & 0b111,
            bottom: low & 1 != 0,
            ttl,
        }
    }

    /// The entry's bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let word = (self.label & MAX_LABEL) << 12
            | u32::from(self.tc & 0b111) << 9
            | u32::from(self.bottom) << 8
            | u32::from(self.ttl);
        word.to_be_bytes()
    }
}

/// The entries of a label stack, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MplsStack<'a> {
    entries: &'a [[u8; ENTRY]],
}

impl<'a> MplsStack<'a> {
    /// The stack, if there is at least one entry and no part of one.
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        let (entries, rest) = data.as_chunks::<ENTRY>();
        (rest.is_empty() && !entries.is_empty()).then_some(Self { entries })
    }
}

impl Iterator for MplsStack<'_> {
    type Item = MplsLabel;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.entries.split_first()?;
        self.entries = rest;
        Some(MplsLabel::from_bytes(*first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bits_beyond_the_fields_are_cut() {
        let wide = MplsLabel { label: u32::MAX, tc: 255, bottom: false, ttl: 0 };
        assert_eq!(wide.to_bytes(), [0xff, 0xff, 0xfe, 0x00]);
    }

    proptest! {
        #[test]
        fn entries_survive_both_ways(bytes in any::<[u8; 4]>()) {
            prop_assert_eq!(MplsLabel::from_bytes(bytes).to_bytes(), bytes);
        }
    }
}
