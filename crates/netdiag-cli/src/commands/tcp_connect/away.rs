//! Hosts that redirects lead to: their names are looked up beside the run.

use crate::commands::resolve::lookup_failure;
use crate::{LookUps, World};
use netdiag_engine::Pause;
use netdiag_model::{Family, Instant};
use netdiag_tcp::connect::Names;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// The longest that a look-up takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether names are known.
const LOOK: Duration = Duration::from_millis(2);

/// Names that are looked up.
pub(crate) struct Away {
    names: Names,
    family: Option<Family>,
    under_way: RefCell<Vec<UnderWay>>,
    /// Somebody looks after them.
    is_attended: Cell<bool>,
}

struct UnderWay {
    names: Vec<String>,
    look_ups: LookUps,
    /// How many nothing is known of yet.
    left: usize,
}

impl Away {
    pub(super) fn new(family: Option<Family>) -> Self {
        Self {
            names: Names::default(),
            family,
            under_way: RefCell::default(),
            is_attended: Cell::new(false),
        }
    }

    /// From now on [`beside`](Self::beside) is called.
    pub(crate) fn attend(&self) {
        self.is_attended.set(true);
    }

    /// Where a measurement says which names it wants; `None`: nobody looks them up.
    pub(super) fn names(&self) -> Option<Names> {
        self.is_attended.get().then(|| self.names.clone())
    }

    /// Begins to look up what is wanted, and tells what is known.
    pub(crate) fn beside<W: World>(&self, now: Instant, world: &mut W) -> Pause {
        let mut all = self.under_way.borrow_mut();
        let names = self.names.take_wanted();
        if !names.is_empty() {
            let look_ups = world.look_up_beside(&names, self.family, PATIENCE);
            all.push(UnderWay { left: names.len(), names, look_ups });
        }
        let mut is_news = false;
        for under_way in all.iter_mut() {
            while let Some((place, (found, took))) = (under_way.look_ups)() {
                under_way.left = under_way.left.saturating_sub(1);
                let Some(name) = under_way.names.get(place) else { continue };
                let found = found.map(|found| found.iter().copied().collect());
                let found = found.map_err(|error| lookup_failure(name, &error).message);
                self.names.tell(name, (found, took));
                is_news = true;
            }
        }
        all.retain(|under_way| under_way.left > 0);
        let until = if all.is_empty() { Instant::FAR } else { now + LOOK };
        Pause { until, ask: is_news }
    }
}
