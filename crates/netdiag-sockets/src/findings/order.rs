//! Which of two sockets of programs is the newer one: the kernel keeps no age, but counts inodes.

use crate::port::Kernel;

/// Inodes that each processor takes from the common count at once (`LAST_INO_BATCH` of fs/inode.c).
const BATCH: u32 = 1_024;
/// Where it is not known how many processors there are.
const MANY: u32 = 1_024;

/// How a connection is to others, by its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// Older than all of them.
    Older,
    /// They are too near.
    Unknown,
    /// Newer than most of them.
    Newer,
}

/// How far apart inodes must be, that one which was given later has the higher number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    apart: u32,
}

impl Order {
    /// That of this machine.
    pub(super) fn of(kernel: &mut dyn Kernel) -> Self {
        let text = kernel.file("/proc/stat").unwrap_or_default();
        let is_processor = |line: &&str| {
            line.strip_prefix("cpu")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let processors = u32::try_from(text.lines().filter(is_processor).count()).unwrap_or(MANY);
        let processors = if processors == 0 { MANY } else { processors };
        Self { apart: processors.saturating_mul(BATCH) }
    }

    /// How one is to others. The count begins anew after its highest number: the nearer way counts.
    pub(super) fn age(self, inode: u32, others: &[u32]) -> Age {
        const HALF: u32 = 1 << 31;
        let is_after = |one: u32, other: u32| {
            let ahead = one.wrapping_sub(other);
            ahead > self.apart && ahead < HALF
        };
        let newer = others.iter().filter(|other| is_after(inode, **other)).count();
        let older = others.iter().filter(|other| is_after(**other, inode)).count();
        match (newer * 2 > others.len(), older == others.len()) {
            (true, _) => Age::Newer,
            (_, true) => Age::Older,
            _ => Age::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_that_are_far_enough_apart_tell_which_was_later() {
        let order = Order { apart: 2_048 };
        let others = [10_000, 10_001, 10_002];
        for (inode, age) in [
            (12_100, Age::Newer),
            (11_000, Age::Unknown),
            (10_001, Age::Unknown),
            (7_000, Age::Older),
            (u32::MAX - 5, Age::Older),
        ] {
            assert_eq!(order.age(inode, &others), age, "{inode}");
        }
        assert_eq!(order.age(5_000, &[u32::MAX - 5]), Age::Newer);
    }
}
