//! The messages of a transfer, for a document: hardly more than their bytes.

/// Messages, each behind its length, in blocks: little of a block is unused, and none is copied as they
/// grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    blocks: Vec<Vec<u8>>,
}

/// The bytes of a block: many times those of a message.
const BLOCK: usize = 1 << 20;

impl Kept {
    /// One more message: its first 65,535 bytes, which is as long as one can be.
    pub(super) fn push(&mut self, message: &[u8]) {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        let message = message.get(..usize::from(length)).unwrap_or_default();
        let needed = 2 + message.len();
        let is_full = |block: &Vec<u8>| block.capacity() - block.len() < needed;
        if self.blocks.last().is_none_or(is_full) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        if let Some(block) = self.blocks.last_mut() {
            block.extend(length.to_be_bytes());
            block.extend(message);
        }
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// One by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().flat_map(|block| {
            let mut rest = block.as_slice();
            std::iter::from_fn(move || {
                let (length, behind) = rest.split_first_chunk::<2>()?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (message, behind) = behind.split_at_checked(length)?;
                rest = behind;
                Some(message)
            })
        })
    }

    /// The bytes that they take.
    #[cfg(test)]
    pub(super) fn takes(&self) -> usize {
        self.blocks.iter().map(Vec::capacity).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_take_little_more_than_their_bytes() {
        for length in [12, 40, 517, 16_384, 65_535] {
            let mut kept = Kept::default();
            assert!(kept.is_empty());
            let count = (8 << 20) / length;
            (0..count).for_each(|number| kept.push(&vec![(number % 251) as u8; length]));
            let bytes = count * length;
            assert!(kept.takes() < bytes * 5 / 4 + BLOCK, "{length}: {}", kept.takes());
            let mut all = kept.iter().enumerate();
            let is_own = |(number, one): (usize, &[u8])| {
                one.len() == length && one.iter().all(|byte| *byte == (number % 251) as u8)
            };
            assert!(all.all(is_own), "{length}");
            assert_eq!(kept.iter().count(), count);
        }
    }
}
