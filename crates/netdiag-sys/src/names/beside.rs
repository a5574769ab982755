//! Names that are looked up beside a run: whoever measures does not wait for them.

use super::TOTAL;
use super::several::{Desk, LookedUp};
use crate::clock;
use netdiag_model::Family;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Look-ups that go on beside whatever this thread does.
pub struct LookUps {
    desk: Arc<Desk>,
    told: Receiver<(usize, LookedUp)>,
    /// The places of those that nothing was told of yet.
    left: BTreeSet<usize>,
}

/// Begins to look up the addresses of several targets, each as [`resolve`](super::resolve) does, on
/// threads of their own, all of them within [`TOTAL`] and `patience`. It does not wait, and no signal
/// reaches those threads.
#[must_use]
pub fn begin(names: &[String], family: Option<Family>, patience: Duration) -> LookUps {
    let end = clock::now() + TOTAL.min(patience);
    let left = (0..names.len()).collect();
    let desk = Desk::new(names.iter().cloned().enumerate().collect(), family, end, None);
    let (results, told) = channel();
    desk.start(&results);
    LookUps { desk, told, left }
}

impl LookUps {
    /// One that is known by now and was not told yet, by the place of its name; `None` while there is
    /// none, and at the end.
    pub fn known(&mut self) -> Option<(usize, LookedUp)> {
        // What they tell was told before they ended.
        let is_all = self.desk.is_done() || self.desk.is_late();
        match self.told.try_recv() {
            Ok(told) => {
                self.left.remove(&told.0);
                Some(told)
            }
            Err(_) if is_all => self.left.pop_first().map(|place| (place, self.desk.untold())),
            Err(_) => None,
        }
    }
}

impl Drop for LookUps {
    fn drop(&mut self) {
        self.desk.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::Destination;
    use std::net::Ipv4Addr;

    /// By names that need no server.
    #[test]
    fn each_name_is_told_once_by_its_place() {
        let names = ["127.0.0.9", "localhost", "no name"].map(str::to_owned);
        let mut begun = begin(&names, Some(Family::Ipv4), Duration::from_secs(5));
        let mut all: Vec<Option<LookedUp>> = vec![None; names.len()];
        while all.iter().any(Option::is_none) {
            if let Some((place, found)) = begun.known() {
                assert_eq!(all[place].replace(found), None, "{place} is told once");
            }
            std::thread::yield_now();
        }
        assert_eq!(begun.known(), None);
        let first = |place: usize| {
            let (found, _) = all[place].clone().expect("told");
            found.ok().and_then(|found| found.first().copied())
        };
        assert_eq!(first(0), Some(Destination::V4(Ipv4Addr::new(127, 0, 0, 9))));
        assert_eq!(first(1), Some(Destination::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(first(2), None);
    }
}
