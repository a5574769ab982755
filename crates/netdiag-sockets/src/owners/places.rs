//! Where the descriptors of an inode stand: a look-up that takes as long in a table of a hundred thousand
//! as in one of ten.

use super::Descriptor;
use std::ops::Range;

/// Where ranges of inodes begin in a table that is in their order. Inodes of sockets are counted up, so
/// that ranges of one width hold about as many each.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The first inode.
    least: u32,
    /// A range has two to the power of this inodes.
    bits: u32,
    /// The first place of each range, and the end of the table.
    starts: Vec<u32>,
}

impl Places {
    /// Of descriptors in the order of their inodes: at most as many ranges as there are descriptors.
    pub(super) fn of(descriptors: &[Descriptor]) -> Self {
        let (Some(first), Some(last)) = (descriptors.first(), descriptors.last()) else {
            return Self::default();
        };
        let (least, span) = (first.inode, last.inode - first.inode);
        let most = descriptors.len() as u64;
        let bits = (0..u32::BITS).find(|bits| u64::from(span >> bits) < most).unwrap_or(0);
        let mut starts = Vec::with_capacity((span >> bits) as usize + 2);
        for (place, descriptor) in (0..).zip(descriptors) {
            let range = (descriptor.inode - least) >> bits;
            if starts.len() <= range as usize {
                starts.resize(range as usize + 1, place);
            }
        }
        starts.push(u32::try_from(descriptors.len()).unwrap_or(u32::MAX));
        Self { least, bits, starts }
    }

    /// The places among which an inode is, if it is there.
    pub(super) fn near(&self, inode: u32) -> Range<usize> {
        let range = inode.checked_sub(self.least).map(|behind| (behind >> self.bits) as usize);
        let found = range.and_then(|range| self.starts.get(range..range + 2));
        match found {
            Some([start, end]) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever inodes there are, each is found among few, and none that is not there is.
    #[test]
    fn an_inode_is_found_among_few_wherever_the_others_are() {
        let counted = |first: u32, count: u32| (first..first + count).collect::<Vec<_>>();
        let tables = [
            Vec::new(),
            vec![7],
            vec![7, 7, 7],
            vec![0, u32::MAX],
            vec![0, 1, 2, u32::MAX - 1, u32::MAX],
            counted(4_000_000_000, 1_000),
            [counted(10, 500), counted(1_000_000, 500)].concat(),
        ];
        for inodes in tables {
            let of = |(fd, inode): (u32, &u32)| Descriptor { inode: *inode, process: 0, fd };
            let table: Vec<Descriptor> = (0..).zip(&inodes).map(of).collect();
            let places = Places::of(&table);
            assert!(places.starts.len() <= table.len() + 1, "{places:?}");
            for inode in &inodes {
                let near = &table[places.near(*inode)];
                let count = inodes.iter().filter(|other| *other == inode).count();
                let found = near.iter().filter(|entry| entry.inode == *inode).count();
                assert_eq!(found, count, "{inode} of {inodes:?}");
            }
            for inode in [1, 8, 3_000_000_000, u32::MAX] {
                let near = table.get(places.near(inode)).expect("places of the table");
                let is_there = inodes.contains(&inode);
                assert_eq!(near.iter().any(|entry| entry.inode == inode), is_there, "{inode}");
            }
        }
        let even = counted(500, 4_096);
        let table: Vec<Descriptor> =
            even.iter().map(|inode| Descriptor { inode: *inode * 3, process: 0, fd: 3 }).collect();
        let places = Places::of(&table);
        assert!(even.iter().all(|inode| places.near(inode * 3).len() <= 2), "{places:?}");
    }
}
