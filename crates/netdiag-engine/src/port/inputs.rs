//! A batch of what the network tells the engine.

use super::input::{Input, InputKind};
use netdiag_model::{Destination, Instant};
use std::ops::Range;

/// A batch of inputs; it owns their bytes.
#[derive(Debug, Default)]
pub struct Inputs {
    list: Vec<Input<Range<usize>>>,
    arena: Vec<u8>,
    now: Instant,
}

impl Inputs {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time up to which the sockets were drained: whatever came before it is in this batch or
    /// was in an earlier one. Never goes back.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Says up to which time the sockets were drained.
    pub fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Adds one, copying its bytes.
    pub fn push(&mut self, at: Instant, kind: InputKind<&[u8]>) {
        let arena = &mut self.arena;
        let kind = kind.map_bytes(|bytes| {
            let start = arena.len();
            arena.extend_from_slice(bytes);
            start..arena.len()
        });
        self.list.push(Input { at, kind });
    }

    /// Replaces the index of each interface that a packet came by, in the inputs from `start` on.
    pub fn rename_interfaces(&mut self, start: usize, new: impl Fn(u32) -> u32) {
        for input in self.list.iter_mut().skip(start) {
            let from = match &mut input.kind {
                InputKind::Received(received) => {
                    received.interface = received.interface.map(&new);
                    &mut received.from
                }
                InputKind::QueuedError(error) => &mut error.destination,
                _ => continue,
            };
            if let Destination::V6(address, scope) = *from
                && scope != 0
            {
                *from = Destination::V6(address, new(scope));
            }
        }
    }

    /// How many inputs it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The inputs in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = Input<&[u8]>> {
        self.list.iter().map(|held| Input {
            at: held.at,
            kind: held.kind.clone().map_bytes(|range| self.arena.get(range).unwrap_or_default()),
        })
    }

    /// Forgets them all, keeping the memory for the next batch, and `now`.
    pub fn clear(&mut self) {
        self.list.clear();
        self.arena.clear();
    }
}
