//! What a queued probe becomes when it is given to the network.

use super::{Engine, EngineConfig, Phase, Queued};
use crate::identity;
use crate::measurement::Measurement;
use crate::port::{
    Channel, Connect, Exchange, Lookup, Opened, Operation, OperationId, Say, Transmit,
};
use crate::table::{Carrier, Entry, State, Table};
use crate::template::Template;
use netdiag_model::Family;
use netdiag_wire::icmp;
use std::collections::VecDeque;

impl<M: Measurement> Engine<M> {
    /// The next queued operation that was not cancelled meanwhile.
    pub(super) fn next_queued(&mut self) -> Option<Queued> {
        loop {
            let queued = self.queue.pop_front()?;
            let live = match queued {
                Queued::Datagram(index) => self.still_wanted(index),
                Queued::Say(index) | Queued::HangUp(index) => self.talks.contains_key(&index),
                Queued::Connect(index) | Queued::Exchange(index, ..) => {
                    self.dialogs.contains(&index)
                }
                Queued::Lookup(index) => self.lookups.contains_key(&index),
                Queued::Close(_) => true,
            };
            if live {
                return Some(queued);
            }
        }
    }

    /// Whether a queued datagram is still to be sent; if its measurement has finished, it will never
    /// be.
    fn still_wanted(&mut self, index: u32) -> bool {
        let Some(entry) = self.table.get(index) else { return false };
        if entry.state != State::Queued {
            return false;
        }
        let slot = self.slots.get(entry.measurement as usize);
        let wanted = slot.is_some_and(|slot| slot.phase != Phase::Finished);
        if !wanted {
            self.table.set_state(index, State::Closed);
            self.flows.close(&self.table, index);
        }
        wanted
    }

    /// What is to be sent next over a connection.
    fn next_request(&mut self, index: u32) -> Vec<u8> {
        self.requests.get_mut(&index).and_then(VecDeque::pop_front).unwrap_or_default()
    }

    /// The operation that a queued probe stands for.
    pub(super) fn operation(&mut self, queued: Queued) -> Operation<&[u8]> {
        self.scratch.clear();
        let (Queued::Datagram(index)
        | Queued::Connect(index)
        | Queued::Say(index)
        | Queued::HangUp(index)
        | Queued::Exchange(index, ..)
        | Queued::Lookup(index)
        | Queued::Close(index)) = queued;
        let id = OperationId(index);
        if let (Queued::Lookup(_), Some((_, address))) = (queued, self.lookups.get(&index)) {
            return Operation::Lookup(Lookup { id, address: *address });
        }
        match queued {
            Queued::Say(_) => {
                self.scratch = self.next_request(index);
                return Operation::Say(Say { id, bytes: self.scratch.as_slice() });
            }
            Queued::HangUp(_) => return Operation::HangUp(id),
            _ => {}
        }
        let Some(entry) = self.table.get(index) else { return Operation::Close(id) };
        let Template { control, over, port, source_port, stays, balance, .. } =
            *self.table.template(&entry);
        let destination = entry.destination;
        match queued {
            Queued::Datagram(_) => {
                self.emit_query(index, &entry);
                let (payload, out) = (&mut self.payload, &mut self.scratch);
                payload.clear();
                let (channel, bytes) = match entry.carrier {
                    Carrier::Timestamp | Carrier::Interface => (Channel::Icmp, out.as_slice()),
                    Carrier::Udp => {
                        emit_data(&self.config, &self.table, index, &entry, payload);
                        (Channel::Udp { port }, payload.as_slice())
                    }
                    Carrier::Message => (Channel::Query { port }, self.messages.of(index)),
                    Carrier::Tcp => (Channel::Tcp, out.as_slice()),
                    Carrier::Echo | Carrier::Dialog => {
                        emit_data(&self.config, &self.table, index, &entry, payload);
                        if let Some(sum) = balance {
                            let sequence = wire_key(&self.config, index, &entry).1;
                            identity::balance(sequence, sum, payload);
                        }
                        emit_echo(&self.config, index, &entry, payload, out);
                        (Channel::Icmp, out.as_slice())
                    }
                };
                Operation::Transmit(Transmit { id, channel, destination, control, bytes })
            }
            Queued::Connect(_) => {
                let to = Connect { id, over, destination, port, source_port, stays, control };
                Operation::Connect(to)
            }
            Queued::Exchange(_, port, framing) => {
                self.scratch = self.next_request(index);
                let bytes = self.scratch.as_slice();
                Operation::Exchange(Exchange { id, destination, port, control, framing, bytes })
            }
            Queued::Say(_) | Queued::HangUp(_) | Queued::Lookup(_) | Queued::Close(_) => {
                Operation::Close(id)
            }
        }
    }
}

/// The first identifier of a family's block, and how many there are.
pub(super) fn identifiers(opened: &Opened, family: Family) -> (u16, u8) {
    opened.family(family).map_or((0, 1), |o| (o.identifiers.first, o.identifiers.count))
}

/// The first port of the block that SYNs of a family leave from, and how many there are.
pub(super) fn ports(opened: &Opened, family: Family) -> (u16, u8) {
    let opening = opened.tcp(family);
    opening.map_or((0, 1), |o| (o.identifiers.first, o.identifiers.count.max(1)))
}

/// Identifier and sequence number of a probe of ICMP on the wire.
pub(super) fn wire_key(config: &EngineConfig, index: u32, entry: &Entry) -> (u16, u16) {
    let first = identifiers(&config.opened, entry.destination.family()).0;
    (first.wrapping_add(u16::from(entry.ident)), config.secret.wire_sequence(index))
}

/// Writes what a probe carries: index, sequence number, tag and filling. The same bytes each time,
/// so that a send that met a full queue can be repeated.
fn emit_data(
    config: &EngineConfig,
    table: &Table,
    index: u32,
    entry: &Entry,
    payload: &mut Vec<u8>,
) {
    let template = table.template(entry);
    config.secret.emit(&entry.identity(index), template.size, &template.pattern, payload);
}

/// Writes the echo request around the data.
fn emit_echo(config: &EngineConfig, index: u32, entry: &Entry, payload: &[u8], out: &mut Vec<u8>) {
    let (ident, sequence) = wire_key(config, index, entry);
    match entry.destination.family() {
        Family::Ipv4 => icmp::emit_echo_v4(false, ident, sequence, payload, out),
        Family::Ipv6 => icmp::emit_echo_v6(false, ident, sequence, payload, None, out),
    }
}
