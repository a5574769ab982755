//! How the targets of one run keep from asking one router all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

/// Which hops the targets of a run asked, and where the first of them was reached: targets of one run
/// mostly have their first routers in common, or their last ones. What was asked less comes first, so
/// that in the end no hop is left over to which all that remains must go.
#[derive(Clone, Debug, Default)]
pub struct Spread(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    of_ttl: [AtomicU32; 256],
    reached: AtomicU8,
}

impl Default for Asked {
    fn default() -> Self {
        Self { of_ttl: [const { AtomicU32::new(0) }; 256], reached: AtomicU8::new(u8::MAX) }
    }
}

impl Spread {
    /// A probe for this hop is about to leave.
    pub(crate) fn note(&self, ttl: u8) {
        if let Some(asked) = self.0.of_ttl.get(usize::from(ttl)) {
            asked.fetch_add(1, Relaxed);
        }
    }

    /// A target is as near as this.
    pub(crate) fn note_reached(&self, ttl: u8) {
        self.0.reached.fetch_min(ttl, Relaxed);
    }

    /// The lowest of hops comes first: whether it is farther than a target was, and how often it was asked.
    pub(crate) fn rank(&self, ttl: u8) -> (bool, u32) {
        let asked = self.0.of_ttl.get(usize::from(ttl)).map_or(0, |asked| asked.load(Relaxed));
        (ttl > self.0.reached.load(Relaxed), asked)
    }
}

impl PartialEq for Spread {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Spread {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_less_comes_first_and_what_is_farther_than_a_target_last() {
        let one = Spread::default();
        let other = one.clone();
        (1..=5).for_each(|ttl| one.note(ttl));
        other.note(2);
        other.note_reached(4);
        one.note_reached(7);
        let mut hops: Vec<u8> = (1..=6).collect();
        hops.sort_by_key(|ttl| one.rank(*ttl));
        assert_eq!(hops, [1, 3, 4, 2, 6, 5]);
    }
}
