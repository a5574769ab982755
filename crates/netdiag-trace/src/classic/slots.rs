//! The probes of a path in their order, and what is known of each.

use super::{Config, Object, Seen};
use netdiag_model::Instant;
use std::time::Duration;

/// What an answer is taken to be late by, at least.
const PRECISION: Duration = Duration::from_millis(1);
/// Of factors.
const THOUSANDTHS: u128 = 1_000;

/// All probes that may be sent.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    first_ttl: u8,
    queries: usize,
    timeout: Duration,
    here: u64,
    near: u64,
    /// Behind the last one that belongs to the path, as far as is known.
    end: usize,
}

/// One of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) asked_at: Option<Instant>,
    /// `None` until it is known to have left.
    pub(super) sent_at: Option<Instant>,
    /// What an error about it brought.
    objects: Vec<Object>,
    /// `None` until it has settled.
    outcome: Option<Option<Seen>>,
    /// The MTU that it was sent again for.
    fitted: Option<u32>,
}

impl Slots {
    pub(super) fn new(config: &Config) -> Self {
        let path = &config.path;
        let hops = usize::from(path.max_ttl.saturating_sub(path.first_ttl)) + 1;
        let queries = usize::try_from(path.queries).unwrap_or(1).max(1);
        let end = hops * queries;
        Self {
            slots: vec![Slot::default(); end],
            first_ttl: path.first_ttl,
            queries,
            timeout: path.timeout,
            here: config.here,
            near: config.near,
            end,
        }
    }

    /// How many there can be.
    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// A probe was larger than this MTU, and is yet to be sent.
    pub(super) fn again(&mut self, place: usize, mtu: u32) {
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot { fitted: Some(mtu), ..Slot::default() };
        }
    }

    pub(super) fn fitted(&self, place: usize) -> Option<u32> {
        self.slots.get(place)?.fitted
    }

    /// Behind the last place that belongs to the path.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    pub(super) fn ttl(&self, place: usize) -> u8 {
        let hop = u8::try_from(place / self.queries).unwrap_or(u8::MAX);
        self.first_ttl.saturating_add(hop)
    }

    pub(super) const fn is_first(&self, place: usize) -> bool {
        place.is_multiple_of(self.queries)
    }

    pub(super) fn ask(&mut self, place: usize, now: Instant) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.asked_at = Some(now);
        }
    }

    pub(super) fn sent(&mut self, place: usize, at: Instant) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.sent_at = Some(at);
        }
    }

    /// What an error about a probe brings; without anything it takes nothing back.
    pub(super) fn explain(&mut self, place: usize, objects: Vec<Object>) {
        if let Some(slot) = self.slots.get_mut(place).filter(|_| !objects.is_empty()) {
            slot.objects = objects;
        }
    }

    pub(super) fn explanation(&mut self, place: usize) -> Vec<Object> {
        self.slots.get_mut(place).map(|slot| std::mem::take(&mut slot.objects)).unwrap_or_default()
    }

    /// A probe ended. Behind the hop where the first one went no further, nothing belongs to the path.
    pub(super) fn settle(&mut self, place: usize, seen: Option<Seen>) {
        if seen.as_ref().is_some_and(Seen::is_final) {
            self.end = self.end.min((place / self.queries + 1) * self.queries);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            slot.outcome = Some(seen);
        }
    }

    /// How a probe ended, if it has.
    pub(super) fn outcome(&self, place: usize) -> Option<&Option<Seen>> {
        self.slots.get(place)?.outcome.as_ref()
    }

    /// The first that was not begun.
    pub(super) fn unasked(&self) -> Option<usize> {
        let mut within = self.slots.iter().take(self.end);
        within.position(|slot| slot.asked_at.is_none())
    }

    /// Those that are under way, with their places.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (usize, &Slot)> {
        let within = self.slots.iter().take(self.end).enumerate();
        within.filter(|(_, slot)| slot.asked_at.is_some() && slot.outcome.is_none())
    }

    /// How long a probe is waited for: some times as long as another one of its hop took or, failing
    /// that, the next one behind it that was answered.
    pub(super) fn wait_of(&self, place: usize) -> Duration {
        let first = place - place % self.queries;
        let rtt = |slot: &Slot| slot.outcome.as_ref()?.as_ref().map(|seen| seen.rtt);
        let same_hop = self.slots.get(first..first + self.queries).unwrap_or_default();
        let here = same_hop.iter().find_map(rtt).filter(|_| self.here > 0);
        let behind = self.slots.iter().skip(place + 1);
        let near = || behind.take_while(|slot| slot.asked_at.is_some()).find_map(rtt);
        let wait = match (here, self.near) {
            (Some(rtt), _) => times(rtt + PRECISION, self.here),
            (None, 0) => self.timeout,
            (None, factor) => near().map_or(self.timeout, |rtt| times(rtt + PRECISION, factor)),
        };
        wait.min(self.timeout)
    }
}

/// A time, so many thousandths of it.
fn times(time: Duration, thousandths: u64) -> Duration {
    let nanos = time.as_nanos() * u128::from(thousandths) / THOUSANDTHS;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
