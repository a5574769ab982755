//! Datagrams with the caller's own bytes, such as questions of DNS. Protocols of that kind name a
//! request by a random number in its first two bytes, which the answer brings back (RFC 1035 section
//! 4.1.1); what else an answer must have only the measurement knows.

use super::Engine;
use super::flows::OpenThere;
use super::receive::{Arrival, HEADER, plain_reply};
use crate::measurement::Measurement;
use crate::outcome::{Reason, Reply, ReplyDetail};
use crate::table::{Carrier, Entry};
use netdiag_model::Destination;
use std::collections::{BTreeMap, BTreeSet};

/// The message of one probe.
#[derive(Debug)]
struct Kept {
    bytes: Box<[u8]>,
    /// The local port that it left from, where it has one of its own.
    left_from: Option<u16>,
}

/// The messages of probes that are remembered.
#[derive(Debug, Default)]
pub(super) struct Messages {
    kept: BTreeMap<u32, Kept>,
    /// The same by their first two bytes.
    by_key: BTreeSet<(u16, u32)>,
}

impl Messages {
    /// Keeps the bytes of a probe.
    pub(super) fn keep(&mut self, index: u32, bytes: Vec<u8>) {
        if let Some(key) = key_of(&bytes) {
            self.by_key.insert((key, index));
        }
        self.kept.insert(index, Kept { bytes: bytes.into_boxed_slice(), left_from: None });
    }

    /// The bytes of a probe.
    pub(super) fn of(&self, index: u32) -> &[u8] {
        self.kept.get(&index).map(|kept| kept.bytes.as_ref()).unwrap_or_default()
    }

    /// A message leaves from a port; `false`: there is none of this number.
    pub(super) fn leaves(&mut self, index: u32, port: u16) -> bool {
        let kept = self.kept.get_mut(&index);
        kept.map(|kept| kept.left_from = Some(port)).is_some()
    }

    /// Whether an answer came to another local port than the one that its message left from.
    fn is_elsewhere(&self, index: u32, local_port: Option<u16>) -> bool {
        let left_from = self.kept.get(&index).and_then(|kept| kept.left_from);
        left_from.zip(local_port).is_some_and(|(left, came)| left != came)
    }

    /// Forgets those of probes that are no longer remembered, which are the oldest.
    pub(super) fn forget(&mut self, is_remembered: impl Fn(u32) -> bool) {
        while let Some(first) = self.kept.first_entry()
            && !is_remembered(*first.key())
        {
            let (index, kept) = first.remove_entry();
            if let Some(key) = key_of(&kept.bytes) {
                self.by_key.remove(&(key, index));
            }
        }
    }

    /// The probes whose message begins with the same two bytes.
    fn named_in(&self, data: &[u8]) -> Vec<u32> {
        let Some(key) = key_of(data) else { return Vec::new() };
        self.by_key.range((key, 0)..=(key, u32::MAX)).map(|(_, index)| *index).collect()
    }
}

fn key_of(data: &[u8]) -> Option<u16> {
    data.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

impl<M: Measurement> Engine<M> {
    /// A datagram from somebody's port, where it has to do with a message: `false` if not.
    pub(super) fn on_message(&mut self, arrival: &Arrival, port: u16, data: &[u8]) -> bool {
        let mut misfit = None;
        for index in self.messages.named_in(data) {
            let Some(entry) = self.message_probe(index) else { continue };
            match self.misfit_of(index, &entry, arrival, port, data) {
                None => {
                    let detail = ReplyDetail::Message(data.to_vec());
                    let plain = plain_reply(&entry, arrival, detail);
                    let bytes = HEADER + data.len();
                    self.on_reply(index, Reply { bytes, sent_bytes: bytes, ..plain });
                    return true;
                }
                Some(reason) => misfit = Some((index, reason)),
            }
        }
        let misfit = misfit.or_else(|| match self.flows.there(&self.table, arrival.from, port) {
            OpenThere::Only(index) => {
                self.message_probe(index).map(|_| (index, Reason::WrongSequence))
            }
            OpenThere::Several | OpenThere::Nothing => None,
        });
        match misfit {
            Some((index, reason)) => self.reject_for(index, arrival, reason),
            None if self.is_asked(arrival.from, port) => {
                self.reject(arrival, Reason::WrongSequence);
            }
            None => return false,
        }
        true
    }

    /// Whether several probes are open to an address and port, and messages among what is remembered.
    fn is_asked(&self, from: Destination, port: u16) -> bool {
        !self.messages.kept.is_empty()
            && self.flows.there(&self.table, from, port) == OpenThere::Several
    }

    /// Why a datagram that begins like the message of a probe is no answer to it.
    fn misfit_of(
        &self,
        index: u32,
        entry: &Entry,
        arrival: &Arrival,
        port: u16,
        data: &[u8],
    ) -> Option<Reason> {
        if !entry.destination.is_source(arrival.from) {
            return Some(Reason::WrongSource);
        }
        // "both the source and the destination port" (RFC 5452 section 9.1).
        if !self.goes_to(index, arrival.from, port)
            || self.messages.is_elsewhere(index, arrival.local_port)
        {
            return Some(Reason::WrongPort);
        }
        let slot = self.slots.get(entry.measurement as usize)?;
        slot.measurement.objection(&entry.probe(), data)
    }

    /// The message that an error quotes: one that went there and begins so, or, where too little is
    /// quoted to name it, the only one that is open there.
    pub(super) fn quoted_message(&self, to: Destination, port: u16, quote: &[u8]) -> Option<u32> {
        let named = self.messages.named_in(quote).into_iter().find(|index| {
            self.message_probe(*index).is_some()
                && self.goes_to(*index, to, port)
                && self.messages.of(*index).starts_with(quote)
        });
        named.or_else(|| match self.flows.there(&self.table, to, port) {
            OpenThere::Only(index) if key_of(quote).is_none() => {
                self.message_probe(index).map(|_| index)
            }
            _ => None,
        })
    }

    fn message_probe(&self, index: u32) -> Option<Entry> {
        self.table.get(index).filter(|entry| entry.left_as(Carrier::Message))
    }
}
