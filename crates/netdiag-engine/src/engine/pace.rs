//! How fast packets leave: no burst that our own queues or the target's would drop.

use netdiag_model::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// Lets at most `burst` packets go in any stretch of time that is a tick long, and at most so many
/// between two looks at what came back.
#[derive(Debug)]
pub(super) struct Pace {
    burst: usize,
    tick: Duration,
    /// When the packets of the last tick went, oldest first.
    recent: VecDeque<Instant>,
    /// How many of them, the last, were given away but are not known to have left.
    leaving: usize,
    /// How many went since the sockets were last looked at.
    unlooked: usize,
}

impl Pace {
    pub(super) fn new(burst: u32, tick: Duration) -> Self {
        let burst = usize::try_from(burst).unwrap_or(usize::MAX).max(1);
        Self { burst, tick, recent: VecDeque::new(), leaving: 0, unlooked: 0 }
    }

    /// Until when the next packet must wait; `None` when it may go now.
    pub(super) fn blocked_until(&mut self, now: Instant) -> Option<Instant> {
        while self.recent.front().is_some_and(|first| *first + self.tick <= now) {
            self.recent.pop_front();
        }
        self.leaving = self.leaving.min(self.recent.len());
        if self.unlooked >= self.burst {
            return Some(now);
        }
        let first = self.recent.front().filter(|_| self.recent.len() >= self.burst)?;
        Some(*first + self.tick)
    }

    /// A packet goes.
    pub(super) fn count(&mut self, now: Instant) {
        self.unlooked += 1;
        self.leaving += 1;
        self.recent.push_back(now);
    }

    /// Those that went have left, at this time at the latest: it is later than what was the time
    /// when they were let go, and the tick is one of the wire.
    pub(super) fn left(&mut self, at: Instant) {
        let known = self.recent.len().saturating_sub(self.leaving);
        self.leaving = 0;
        self.recent.range_mut(known..).for_each(|gone| *gone = at.max(*gone));
    }

    /// Everything that came was taken in.
    pub(super) const fn looked(&mut self) {
        self.unlooked = 0;
    }
}
