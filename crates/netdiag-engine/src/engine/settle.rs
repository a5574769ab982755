//! How probes and measurements end.

use super::timers::Timer;
use super::{Engine, NAME_GRACE, Phase, Queued};
use crate::measurement::{Measurement, WayOut};
use crate::outcome::{Outcome, Rejection, Stray, Why};
use crate::port::{Change, SendError};
use crate::table::{Carrier, Entry, KernelStamp, State};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Stamp, StampSource, Untrusted};
use std::time::Duration;

/// Errors that pass by themselves: a full queue, a full buffer, no memory, and what a user may send
/// (ENOBUFS, EAGAIN, ENOMEM, EDQUOT).
const TRANSIENT: [i32; 4] = [105, 11, 12, EDQUOT];
const EDQUOT: i32 = 122;
const BACK_OFF_FIRST: Duration = Duration::from_millis(1);
const BACK_OFF_MOST: Duration = Duration::from_millis(50);
/// How far two clocks read at the same moment may be apart.
pub(super) const STAMP_TOLERANCE: Duration = Duration::from_micros(50);

impl<M: Measurement> Engine<M> {
    pub(super) fn on_sent(&mut self, index: u32, stamp: Stamp) {
        let now = self.now;
        let Some(mut entry) = self.table.get(index) else { return };
        if entry.state == State::InFlight {
            return self.on_late_stamp(index, &entry, stamp);
        }
        if entry.state != State::Queued {
            return;
        }
        let timer_at = entry.deadline();
        // It left between the request for it and now, whatever the stamp says.
        let user = stamp.user.min(now).max(entry.user_sent_at);
        entry.user_sent_at = user;
        entry.kernel = kernel_stamp(Stamp { user, ..stamp }, now);
        self.table.set_state(index, State::InFlight);
        self.table.set_sent(index, user, entry.kernel);
        let (id, probe, deadline) = (entry.measurement, entry.probe(), entry.deadline());
        if deadline < timer_at {
            self.timers.push(deadline, Timer::Deadline(index));
        }
        if let Some((slot, events)) = self.unfinished(id) {
            slot.measurement.sent(&probe, events);
        }
        if self.suspended_at.is_some_and(|at| probe.sent_at <= at) {
            self.settle(index, State::Void, &Outcome::Unknown(Why::Suspended));
        }
    }

    /// The kernel says when a probe left of which it had said nothing: it waited in a queue of this
    /// machine until now, which is no part of its round trip. Its deadline moves with it.
    fn on_late_stamp(&mut self, index: u32, entry: &Entry, stamp: Stamp) {
        let user = entry.user_sent_at;
        let kernel = kernel_stamp(Stamp { user, ..stamp }, self.now);
        if entry.kernel == KernelStamp::Missing && matches!(kernel, KernelStamp::After(_)) {
            self.table.set_sent(index, user, kernel);
        }
    }

    pub(super) fn on_send_failed(&mut self, index: u32, error: SendError) {
        let Some(entry) = self.table.get(index) else { return };
        if entry.state != State::Queued {
            return;
        }
        let patience = self.table.template(&entry).patience;
        let back_off = back_off(&entry);
        let in_time = self.now + back_off <= entry.user_sent_at + patience;
        if TRANSIENT.contains(&error.errno) && in_time {
            self.table.count_try(index);
            if error.errno != EDQUOT {
                self.met.entry(index).or_insert(error);
            }
            return self.timers.push(self.now + back_off, Timer::Retry(index));
        }
        // That trying again was too much for one user is not why it had to be tried again.
        let cause = self.met.get(&index).filter(|_| error.errno == EDQUOT).copied();
        self.settle(index, State::Closed, &Outcome::LocalError(cause.unwrap_or(error)));
    }

    /// Ends a probe. The only place where one ends, and so where it is made sure that `sent` was told
    /// before, unless it never left.
    pub(super) fn settle(&mut self, index: u32, state: State, outcome: &Outcome) {
        let Some(entry) = self.table.get(index) else { return };
        if !entry.is_open() {
            return;
        }
        self.met.remove(&index);
        self.waiting.remove(&index);
        self.refused.remove(&index);
        let left = !matches!(outcome, Outcome::LocalError(_));
        let untold = left && entry.state != State::InFlight;
        self.table.set_state(index, state);
        let (id, probe) = (entry.measurement, entry.probe());
        self.flows.close(&self.table, index);
        if entry.left_as(Carrier::Message) {
            self.queue.push_back(Queued::Close(index));
        }
        if let Some((slot, events)) = self.unfinished(id) {
            slot.open = slot.open.saturating_sub(1);
            if untold {
                slot.measurement.sent(&probe, events);
            }
            slot.measurement.settle(&probe, outcome, events);
        }
        self.make_ready(id);
    }

    pub(super) fn stray(&mut self, entry: &Entry, stray: &Stray) {
        if let Some((slot, events)) = self.unfinished(entry.measurement) {
            slot.measurement.stray(&entry.probe(), stray, events);
        }
        if matches!(stray, Stray::Late(_)) {
            self.make_ready(entry.measurement);
        }
    }

    pub(super) fn unmatched(&mut self, rejection: &Rejection) {
        let running = self.slots.iter_mut().filter(|slot| slot.phase != Phase::Finished);
        for slot in running {
            if slot.measurement.unmatched(rejection, &mut self.events) {
                return;
            }
        }
    }

    pub(super) fn on_changed(&mut self, at: Instant, change: &Change) {
        match change {
            Change::Suspended { .. } => self.on_suspended(at),
            Change::ReceiveDrops { .. } => self.drops.add(self.looked_at, at),
            Change::ClockStepped { .. } | Change::Interface(_) => {}
        }
        let looked_at = self.looked_at;
        for (id, slot) in (0..).zip(&mut self.slots) {
            if slot.phase == Phase::Finished {
                continue;
            }
            let means = slot.measurement.changed(at, change, &mut self.events);
            if means != WayOut::Untouched {
                self.ways.entry(id).or_default().note(means, looked_at, at);
            }
        }
    }

    /// What is under way is meaningless. What is queued is judged when it is known when it left.
    fn on_suspended(&mut self, at: Instant) {
        self.suspended_at = Some(at);
        for index in self.table.indexes() {
            let state = self.table.state(index);
            if matches!(state, Some(State::InFlight | State::Trying)) {
                self.settle(index, State::Void, &Outcome::Unknown(Why::Suspended));
                self.queue_close(index);
            }
        }
    }

    pub(super) fn on_named(&mut self, index: u32, result: &Result<Option<Untrusted>, LookupError>) {
        let Some((id, address)) = self.lookups.remove(&index) else { return };
        let Some((slot, events)) = self.unfinished(id) else { return };
        slot.lookups = slot.lookups.saturating_sub(1);
        slot.measurement.named(address, result, events);
        if slot.phase == Phase::Naming && slot.lookups == 0 {
            return self.finish(id);
        }
        self.make_ready(id);
    }

    /// A measurement that sends no more: ends when its probes have, and a little later at most when
    /// names are still to come.
    pub(super) fn drain(&mut self, id: u32) {
        let Some(slot) = self.slots.get_mut(id as usize) else { return };
        if slot.phase != Phase::Draining || slot.open > 0 {
            return;
        }
        if slot.lookups == 0 {
            return self.finish(id);
        }
        slot.phase = Phase::Naming;
        self.timers.push(self.now + NAME_GRACE, Timer::NamesOver(id));
    }

    pub(super) fn finish(&mut self, id: u32) {
        let now = self.now;
        let Some((slot, _)) = self.unfinished(id) else { return };
        let (open, lookups) = (slot.open, slot.lookups);
        self.close_talks(id);
        if open > 0 {
            self.held.retain(|(held, _)| *held != id);
            self.close_dialogs(id);
        }
        if lookups > 0 {
            let of_it = self.lookups.iter().filter(|(_, (whose, _))| *whose == id);
            for index in of_it.map(|(index, _)| *index).collect::<Vec<u32>>() {
                self.lookups.remove(&index);
                self.queue.push_back(Queued::Close(index));
            }
        }
        let Some((slot, events)) = self.unfinished(id) else { return };
        slot.phase = Phase::Finished;
        slot.measurement.finish(now, events);
        self.running = self.running.saturating_sub(1);
        self.wake_others();
    }

    /// Asks those again that wait for another to finish.
    fn wake_others(&mut self) {
        for id in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let Some(slot) = self.slots.get_mut(id as usize) else { continue };
            if std::mem::take(&mut slot.awaits_another) {
                self.make_ready(id);
            }
        }
    }

    /// Ends the dialogs of a measurement that is about to finish. They stay in flight.
    fn close_dialogs(&mut self, id: u32) {
        let of_it = |index: &u32| self.table.get(*index).is_some_and(|e| e.measurement == id);
        for index in self.dialogs.iter().copied().filter(of_it).collect::<Vec<u32>>() {
            self.queue_close(index);
            let Some(entry) = self.table.get(index).filter(Entry::is_open) else { continue };
            self.table.set_state(index, State::Closed);
            self.waiting.remove(&index);
            self.refused.remove(&index);
            // One that still waits for a descriptor was never sent.
            if entry.state == State::Queued {
                continue;
            }
            let probe = entry.probe();
            if let Some((slot, events)) = self.unfinished(id) {
                slot.measurement.sent(&probe, events);
            }
        }
    }

    /// Tells the network to forget a dialog: a datagram needs no forgetting.
    pub(super) fn queue_close(&mut self, index: u32) {
        self.requests.remove(&index);
        if self.dialogs.remove(&index) {
            self.queue.push_back(Queued::Close(index));
        }
    }
}

/// How long until a probe that has not left is tried again.
pub(super) fn back_off(entry: &Entry) -> Duration {
    BACK_OFF_FIRST.saturating_mul(1 << entry.tries.min(6)).min(BACK_OFF_MOST)
}

/// The kernel's send stamp, where it can be true: not before the process asked for the send, not
/// after it heard of it.
fn kernel_stamp(stamp: Stamp, now: Instant) -> KernelStamp {
    if stamp.source == StampSource::User {
        return KernelStamp::Missing;
    }
    let earliest = stamp.user - STAMP_TOLERANCE;
    if stamp.at < earliest || stamp.at > now + STAMP_TOLERANCE {
        return KernelStamp::Contradicted;
    }
    let after = i128::from(stamp.at.as_nanos()) - i128::from(stamp.user.as_nanos());
    i32::try_from(after).map_or(KernelStamp::Contradicted, KernelStamp::After)
}
