//! Connections that stay open: what is said and heard over them.

use super::{Engine, Queued};
use crate::measurement::{Heard, Measurement};
use crate::port::TalkEnd;
use netdiag_model::Instant;

impl<M: Measurement> Engine<M> {
    /// A connection opened; where it is to stay so, it does, if that was in time.
    pub(super) fn keep_open(&mut self, index: u32, in_time: bool) {
        let Some(entry) = self.table.get(index) else { return };
        if !self.table.template(&entry).stays {
            return;
        }
        match in_time && self.unfinished(entry.measurement).is_some() {
            true => _ = self.talks.insert(index, (entry.measurement, entry.probe())),
            false => self.queue.push_back(Queued::Close(index)),
        }
    }

    /// Sends bytes over a connection of a measurement; over one that has ended nothing is sent.
    pub(super) fn say(&mut self, id: u32, seq: u64, bytes: Vec<u8>) {
        if let Some(index) = self.talk(id, seq) {
            self.requests.entry(index).or_default().push_back(bytes);
            self.queue.push_back(Queued::Say(index));
        }
        self.make_ready(id);
    }

    pub(super) fn hang_up(&mut self, id: u32, seq: u64) {
        if let Some(index) = self.talk(id, seq) {
            self.queue.push_back(Queued::HangUp(index));
        }
        self.make_ready(id);
    }

    fn talk(&self, id: u32, seq: u64) -> Option<u32> {
        let mut talks = self.talks.iter();
        talks.find(|(_, (whose, probe))| (*whose, probe.seq) == (id, seq)).map(|(index, _)| *index)
    }

    pub(super) fn on_said(&mut self, index: u32, at: Instant) {
        if self.talks.contains_key(&index) {
            self.hear(index, at, Heard::Said);
        }
    }

    pub(super) fn on_heard(&mut self, index: u32, at: Instant, bytes: &[u8]) {
        if self.talks.contains_key(&index) {
            self.hear(index, at, Heard::Bytes(bytes));
        }
    }

    pub(super) fn on_ended(&mut self, index: u32, at: Instant, end: TalkEnd) {
        if self.talks.contains_key(&index) {
            self.hear(index, at, Heard::End(end));
            self.talks.remove(&index);
            self.requests.remove(&index);
        }
    }

    fn hear(&mut self, index: u32, at: Instant, heard: Heard<'_>) {
        let Some((id, probe)) = self.talks.get(&index).copied() else { return };
        if let Some((slot, events)) = self.unfinished(id) {
            slot.measurement.heard(&probe, at, heard, events);
        }
        self.make_ready(id);
    }

    /// Ends the connections of a measurement that is about to finish: nothing more is heard of them.
    pub(super) fn close_talks(&mut self, id: u32) {
        let of_it = self.talks.iter().filter(|(_, (whose, _))| *whose == id);
        for index in of_it.map(|(index, _)| *index).collect::<Vec<u32>>() {
            self.talks.remove(&index);
            self.requests.remove(&index);
            self.queue.push_back(Queued::Close(index));
        }
    }
}
