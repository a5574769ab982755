//! What happens next, and the buffers of the packets that it happens to.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Names a packet's buffer.
pub(crate) type SlotId = u32;

/// One packet on its way.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The IP packet.
    pub(crate) bytes: Vec<u8>,
    /// The number of the packet from here that it is or comes from, counted from 0.
    pub(crate) probe: u64,
    /// When that packet left.
    pub(crate) probe_at: u64,
    /// The way it belongs to.
    pub(crate) way: u32,
    /// The trail it follows and how far along it is.
    pub(crate) trail: u32,
    pub(crate) position: u32,
    /// It is not what an honest node sends.
    pub(crate) forged: bool,
}

/// Buffers that are used again, so that nothing is allocated for a packet in the steady state.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    slots: Vec<Slot>,
    free: Vec<SlotId>,
}

impl Pool {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> SlotId {
        if let Some(id) = self.free.pop() {
            return id;
        }
        let id = u32::try_from(self.slots.len()).expect("fewer than 2^32 packets are under way");
        self.slots.push(Slot::default());
        id
    }

    /// A copy of a packet.
    pub(crate) fn copy(&mut self, id: SlotId) -> SlotId {
        let copy = self.take();
        let (from, to) = self.pair(id, copy);
        to.bytes.clear();
        to.bytes.extend_from_slice(&from.bytes);
        (to.probe, to.probe_at, to.forged) = (from.probe, from.probe_at, from.forged);
        (to.way, to.trail, to.position) = (from.way, from.trail, from.position);
        copy
    }

    /// Gives a buffer back.
    pub(crate) fn free(&mut self, id: SlotId) {
        self.free.push(id);
    }

    /// A packet.
    pub(crate) fn get(&self, id: SlotId) -> &Slot {
        &self.slots[id as usize]
    }

    /// A packet, to be changed.
    pub(crate) fn get_mut(&mut self, id: SlotId) -> &mut Slot {
        &mut self.slots[id as usize]
    }

    /// Two different packets.
    pub(crate) fn pair(&mut self, from: SlotId, to: SlotId) -> (&Slot, &mut Slot) {
        let [from, to] = self
            .slots
            .get_disjoint_mut([from as usize, to as usize])
            .expect("two different buffers of the pool");
        (from, to)
    }

    /// How many packets are under way.
    pub(crate) fn used(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The n-th change of the scenario.
    Change(u32),
    /// A packet reaches the node at its position.
    Arrive(SlotId),
    /// A packet leaves the node before its position.
    Depart(SlotId),
}

/// Events in the order of time; those of one time in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Event>,
    added: u64,
}

/// An event; the earlier one is the greater, as the heap wants it.
#[derive(Debug)]
struct Event {
    /// The time above the number of the event: one comparison orders both.
    key: Reverse<u128>,
    what: What,
}

impl Event {
    const fn at(&self) -> u64 {
        (self.key.0 >> 64) as u64
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Queue {
    /// Adds an event.
    pub(crate) fn add(&mut self, at: u64, what: What) {
        let key = Reverse(u128::from(at) << 64 | u128::from(self.added));
        self.heap.push(Event { key, what });
        self.added += 1;
    }

    /// When the next event is.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(Event::at)
    }

    /// Takes the next event if it is not after `until`.
    pub(crate) fn pop(&mut self, until: u64) -> Option<(u64, What)> {
        if self.next_at()? > until {
            return None;
        }
        self.heap.pop().map(|event| (event.at(), event.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_time_keep_their_order() {
        let mut queue = Queue::default();
        queue.add(5, What::Arrive(9));
        queue.add(5, What::Arrive(1));
        queue.add(4, What::Depart(7));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(5)).map(|(_, what)| what).collect();
        assert_eq!(order, [What::Depart(7), What::Arrive(9), What::Arrive(1)]);
        queue.add(6, What::Change(0));
        assert_eq!(queue.pop(5), None);
    }

    #[test]
    fn buffers_are_used_again() {
        let mut pool = Pool::default();
        let first = pool.take();
        pool.get_mut(first).bytes.extend_from_slice(b"abc");
        let copy = pool.copy(first);
        assert_eq!(pool.get(copy).bytes, b"abc");
        pool.free(first);
        assert_eq!(pool.take(), first);
        assert_eq!(pool.used(), 2);
    }
}
