//! What a UDP probe gets back: its target's "port unreachable", a datagram, or somebody's error.
//!
//! All of it comes over the UDP socket and its error queue. Raw ICMP sockets see the same errors,
//! which are not counted there.

use super::Engine;
use super::errors::Said;
use super::flows::OpenThere;
use super::receive::{Arrival, HEADER, plain_reply};
use crate::identity;
use crate::measurement::Measurement;
use crate::outcome::{Detail, Reason, Reply, ReplyDetail};
use crate::port::QueuedError;
use crate::table::{Carrier, Entry};
use netdiag_model::{Destination, IcmpKind};
use netdiag_wire::quote::{Quoted, QuotedTransport};

/// Why something is not about a probe, and which probe it names, if any.
type Misfit = (Option<u32>, Reason);

impl<M: Measurement> Engine<M> {
    /// A datagram from somebody's port.
    pub(super) fn on_datagram(&mut self, arrival: &Arrival, port: u16, payload: &[u8]) {
        if self.on_message(arrival, port, payload) {
            return;
        }
        let (index, echoed) = match self.answered_probe(arrival.from, port, payload) {
            Ok(answered) => answered,
            Err(misfit) => return self.reject_misfit(misfit, arrival),
        };
        let Some(entry) = self.table.get(index) else { return };
        let bytes = HEADER + payload.len();
        let plain = plain_reply(&entry, arrival, ReplyDetail::Datagram { echoed });
        let reply = if echoed {
            let sent_bytes = HEADER + usize::from(self.table.template(&entry).size);
            Reply { bytes, sent_bytes, corruption: self.corruption(&entry, payload), ..plain }
        } else {
            Reply { bytes, sent_bytes: bytes, ..plain }
        };
        self.on_reply(index, reply);
    }

    /// An ICMP error about a datagram of ours to this port.
    pub(super) fn on_udp_error(
        &mut self,
        kind: IcmpKind,
        arrival: &Arrival,
        port: u16,
        error: &QueuedError<&[u8]>,
        said: Said<'_>,
    ) {
        let index = match self.quoted_datagram(error.destination, port, error.quote()) {
            Ok(index) => index,
            Err(misfit) => return self.reject_misfit(misfit, arrival),
        };
        let Some(entry) = self.table.get(index) else { return };
        let from_target = error.offender.is_some_and(|from| entry.destination.is_source(from));
        let is_answer = entry.carrier == Carrier::Udp && kind.is_port_unreachable() && from_target;
        if !is_answer {
            return self.on_error_of(index, kind, arrival, said);
        }
        self.explain(index, &said.detail(arrival.from));
        let bytes = HEADER + error.quote().len();
        let plain = plain_reply(&entry, arrival, ReplyDetail::PortUnreachable);
        self.on_reply(index, Reply { bytes, sent_bytes: bytes, ..plain });
    }

    /// An ICMP error that a raw socket heard of quotes something of ours. What it means for a datagram
    /// is told by the UDP socket's error queue; this one has the headers.
    pub(super) fn on_datagram_quoted(&mut self, quoted: &Quoted<'_>, detail: &Detail<'_>) {
        let QuotedTransport::Udp { destination_port, payload, .. } = quoted.transport else {
            return;
        };
        let to = Destination::new(quoted.destination);
        if let Ok(index) = self.quoted_datagram(to, destination_port, payload) {
            self.explain(index, detail);
        }
    }

    /// The probe that a datagram answers, and whether it brings index and tag back.
    fn answered_probe(
        &self,
        from: Destination,
        port: u16,
        payload: &[u8],
    ) -> Result<(u32, bool), Misfit> {
        let named = self.named_in(payload);
        let goes_there = |index| self.goes_to(index, from, port);
        if let Some((index, entry)) = named {
            let size = self.table.template(&entry).size;
            if self.config.secret.verify(&entry.identity(index), size, payload) {
                let misfit = (Some(index), Reason::WrongSource);
                return if goes_there(index) { Ok((index, true)) } else { Err(misfit) };
            }
        }
        let named = named.map(|(index, _)| index).filter(|index| goes_there(*index));
        match (self.flows.there(&self.table, from, port), named) {
            (OpenThere::Only(index), _) => Ok((index, false)),
            (_, Some(index)) => Err((Some(index), Reason::BadTag)),
            (OpenThere::Several, None) => Err((None, Reason::Ambiguous)),
            (OpenThere::Nothing, None) => Err((None, Reason::UnknownProbe)),
        }
    }

    /// The probe that an error is about: the one that its quote names, or, where quote or probe are
    /// too short for a name, the only one that is open there. Whatever is quoted must be what was
    /// sent.
    fn quoted_datagram(&self, to: Destination, port: u16, quote: &[u8]) -> Result<u32, Misfit> {
        if let Some(index) = self.quoted_message(to, port, quote) {
            return Ok(index);
        }
        let index = match self.named_in(quote) {
            Some((index, _)) if self.goes_to(index, to, port) => index,
            _ => match self.flows.there(&self.table, to, port) {
                OpenThere::Only(index) if !self.would_be_named(index, quote) => index,
                OpenThere::Several if identity::index_of(quote).is_none() => {
                    return Err((None, Reason::Ambiguous));
                }
                _ => return Err((None, Reason::UnknownProbe)),
            },
        };
        if self.quotes(index, quote) { Ok(index) } else { Err((Some(index), Reason::BadTag)) }
    }

    /// The remembered UDP probe that data names.
    fn named_in(&self, data: &[u8]) -> Option<(u32, Entry)> {
        let index = identity::index_of(data)?;
        let entry = self.table.get(index).filter(|entry| entry.left_as(Carrier::Udp))?;
        identity::has_index(self.table.template(&entry).size).then_some((index, entry))
    }

    /// Whether a quote of this probe would have room for its index.
    fn would_be_named(&self, index: u32, quote: &[u8]) -> bool {
        let size = self.table.get(index).map_or(0, |entry| self.table.template(&entry).size);
        identity::has_index(size) && identity::index_of(quote).is_some()
    }

    pub(super) fn goes_to(&self, index: u32, to: Destination, port: u16) -> bool {
        self.table.get(index).is_some_and(|entry| {
            entry.destination.is_source(to) && self.table.template(&entry).port == port
        })
    }

    fn reject_misfit(&mut self, (named, reason): Misfit, arrival: &Arrival) {
        match named {
            Some(index) => self.reject_for(index, arrival, reason),
            None => self.reject(arrival, reason),
        }
    }
}
