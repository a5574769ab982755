//! What happens at a time.

use super::{Engine, Phase};
use crate::measurement::Measurement;
use crate::outcome::{Outcome, Why};
use crate::table::{Carrier, Entry, State};
use netdiag_model::Instant;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// After this, a measurement that gave up nothing that can be given up yet is asked again: at once, it
/// would say the same for ever.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// One thing that is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A probe's time is over.
    Deadline(u32),
    /// A measurement wants to be asked.
    Wake(u32),
    /// A probe that met a full queue is sent again.
    Retry(u32),
    /// Probes without a free identifier are tried again.
    Held,
    /// A measurement has waited long enough for names.
    NamesOver(u32),
}

/// Timers, earliest first. Those that no longer matter are skipped when they come up.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// Deadlines that are not before the one pushed last: nearly all, since timeouts are alike.
    in_order: VecDeque<(Instant, Timer)>,
    others: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    pub(super) fn push(&mut self, at: Instant, timer: Timer) {
        let follows = self.in_order.back().is_none_or(|(last, _)| *last <= at);
        if follows && matches!(timer, Timer::Deadline(_)) {
            self.in_order.push_back((at, timer));
        } else {
            self.others.push(Reverse((at, timer)));
        }
    }

    pub(super) fn earliest(&self) -> Instant {
        let in_order = self.in_order.front().map_or(Instant::FAR, |(at, _)| *at);
        let other = self.others.peek().map_or(Instant::FAR, |Reverse((at, _))| *at);
        in_order.min(other)
    }

    /// Forgets deadlines of probes that have settled: nearly all, where answers are quick.
    fn prune(&mut self, is_open: impl Fn(u32) -> bool) {
        while let Some((_, Timer::Deadline(index))) = self.in_order.front()
            && !is_open(*index)
        {
            self.in_order.pop_front();
        }
    }

    fn due(&mut self, now: Instant) -> Option<Timer> {
        let other = self.others.peek().map(|Reverse(other)| *other);
        match (self.in_order.front(), other) {
            (Some(deadline), other) if other.is_none_or(|other| *deadline <= other) => {
                if deadline.0 > now {
                    return None;
                }
                self.in_order.pop_front().map(|(_, timer)| timer)
            }
            (_, Some((at, _))) if at <= now => self.others.pop().map(|Reverse((_, timer))| timer),
            _ => None,
        }
    }
}

impl<M: Measurement> Engine<M> {
    /// Does what is due at the time reached.
    pub(super) fn on_time(&mut self) {
        while let Some(timer) = self.timers.due(self.now) {
            match timer {
                Timer::Deadline(index) => self.on_deadline(index),
                Timer::Wake(id) => {
                    if let Some(slot) = self.slots.get_mut(id as usize)
                        && slot.wake <= self.now
                    {
                        slot.wake = Instant::FAR;
                        self.make_ready(id);
                    }
                }
                Timer::Retry(index) => self.again.push_back(index),
                Timer::Held => self.held_due = true,
                Timer::NamesOver(id) => {
                    let naming = self.slots.get(id as usize).map(|slot| slot.phase);
                    if naming == Some(Phase::Naming) {
                        self.finish(id);
                    }
                }
            }
        }
        self.pace.looked();
        let table = &self.table;
        self.timers.prune(|index| table.state(index).is_some_and(State::is_open));
        self.table.forget(self.now);
        let table = &self.table;
        self.messages.forget(|index| table.state(index).is_some());
        let oldest = self.table.oldest();
        self.drops.forget(oldest);
        self.ways.retain(|_, way| way.forget(oldest));
        self.looked_at = self.now;
    }

    fn on_deadline(&mut self, index: u32) {
        let Some(entry) = self.table.get(index) else { return };
        let deadline = match entry.state {
            // The network owes word of it. It does not get for ever.
            State::Queued => entry.deadline() + self.table.template(&entry).patience,
            State::Trying | State::InFlight => entry.deadline(),
            State::Answered | State::GivenUp | State::Refused | State::Void | State::Closed => {
                return;
            }
        };
        if deadline > self.now {
            return self.timers.push(deadline, Timer::Deadline(index));
        }
        self.time_out(index, entry.deadline());
    }

    /// Ends probes of a measurement before their deadline; not those that have not left.
    pub(super) fn give_up(&mut self, id: u32, seqs: &[u64]) {
        let named: Vec<u32> = self
            .table
            .indexes()
            .filter(|index| {
                self.table.get(*index).is_some_and(|entry| {
                    let has_left = matches!(entry.state, State::Trying | State::InFlight);
                    entry.measurement == id && has_left && seqs.contains(&entry.seq)
                })
            })
            .collect();
        if named.is_empty() {
            return self.wake_at(id, self.now + LOOK_AGAIN);
        }
        for index in named {
            self.time_out(index, self.now);
        }
        self.make_ready(id);
    }

    /// Whether the way out of this machine was not there, or another one, while a probe was under way
    /// until `to`.
    pub(super) fn is_way_in_doubt(&self, entry: &Entry, to: Instant) -> bool {
        let way = self.ways.get(&entry.measurement);
        way.is_some_and(|way| way.overlap(entry.sent_at(), to))
    }

    /// Ends a probe without an answer; `to`: until when it was waited for.
    fn time_out(&mut self, index: u32, to: Instant) {
        let Some(entry) = self.table.get(index) else { return };
        // A reply that this machine lost is not a reply that the network lost.
        let from = entry.sent_at();
        let outcome = if entry.state == State::Queued {
            Outcome::Unknown(Why::DepartureUnknown)
        } else if entry.carrier != Carrier::Dialog && self.drops.overlap(from, to) {
            Outcome::Unknown(Why::ReceiveDrops)
        } else if self.refused.contains(&index) {
            Outcome::Unknown(Why::RefuserUnknown)
        } else if self.is_way_in_doubt(&entry, to) {
            Outcome::Unknown(Why::InterfaceChanged)
        } else {
            Outcome::TimedOut
        };
        self.settle(index, State::GivenUp, &outcome);
        self.queue_close(index);
    }
}
