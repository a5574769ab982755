//! How a probe starts: it gets its key and is queued.

use super::operations::{identifiers, ports};
use super::queries::TIMES;
use super::segments::{SYN_SIZE, has_source};
use super::timers::Timer;
use super::{Engine, Queued};
use crate::measurement::Measurement;
use crate::outcome::Outcome;
use crate::port::SendError;
use crate::probe::{
    ConnectSpec, EchoSpec, InterfaceSpec, MessageSpec, ProbeKind, ProbeSpec, SynSpec,
    TimestampSpec, UdpSpec,
};
use crate::table::{Carrier, Entry, KernelStamp, State};
use crate::template::{Body, Template};
use netdiag_model::{Destination, Family, Instant};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// There are no timestamps in ICMPv6.
const EAFNOSUPPORT: i32 = 97;
/// A SYN has a source before it has a checksum.
const EADDRNOTAVAIL: i32 = 99;

/// How soon a probe that found no free identifier is tried again.
const HELD_RETRY: Duration = Duration::from_millis(10);

impl<M: Measurement> Engine<M> {
    /// Starts a probe, or holds it until an identifier is free.
    pub(super) fn start(&mut self, id: u32, spec: ProbeSpec) {
        if let Some(slot) = self.slots.get_mut(id as usize) {
            slot.open += 1;
        }
        // What needs an identifier waits behind those that wait for one.
        let may_wait = matches!(
            spec.kind,
            ProbeKind::Echo(_) | ProbeKind::Timestamp(_) | ProbeKind::Interface(_)
        );
        let ident = self.free_identifier(&spec).filter(|_| !may_wait || self.held.is_empty());
        match ident {
            Some(ident) => self.launch(id, spec, ident),
            None => self.hold(id, spec),
        }
    }

    /// Starts the probe that was held longest, if an identifier is free by now.
    pub(super) fn start_held(&mut self) {
        self.held_due = false;
        let Some((id, spec)) = self.held.pop_front() else { return };
        let Some(ident) = self.free_identifier(&spec) else {
            self.held.push_front((id, spec));
            return self.timers.push(self.now + HELD_RETRY, Timer::Held);
        };
        if let Some(slot) = self.slots.get_mut(id as usize) {
            slot.is_held = false;
        }
        self.held_due = !self.held.is_empty();
        self.launch(id, spec, ident);
    }

    fn hold(&mut self, id: u32, spec: ProbeSpec) {
        self.identifiers_exhausted += 1;
        if let Some(slot) = self.slots.get_mut(id as usize) {
            slot.is_held = true;
        }
        if self.held.is_empty() {
            self.timers.push(self.now + HELD_RETRY, Timer::Held);
        }
        self.held.push_back((id, spec));
    }

    /// The identifier for a probe; only those of ICMP need one, and so the others have any.
    fn free_identifier(&self, spec: &ProbeSpec) -> Option<u8> {
        let (carrier, flow) = match &spec.kind {
            ProbeKind::Echo(EchoSpec { flow, .. }) => (Carrier::Echo, *flow),
            ProbeKind::Timestamp(TimestampSpec { flow, .. }) => (Carrier::Timestamp, *flow),
            ProbeKind::Interface(InterfaceSpec { flow, .. }) => (Carrier::Interface, *flow),
            ProbeKind::Syn(SynSpec { flow, .. }) => {
                let count = ports(&self.config.opened, spec.destination.family()).1;
                return Some(*flow % count);
            }
            ProbeKind::Udp(_)
            | ProbeKind::Message(_)
            | ProbeKind::Connect(_)
            | ProbeKind::Exchange { .. } => return Some(0),
        };
        let count = identifiers(&self.config.opened, spec.destination.family()).1;
        self.table.free_identifier(carrier, flow, count, self.now)
    }

    /// Gives a probe its key and queues it.
    fn launch(&mut self, id: u32, spec: ProbeSpec, ident: u8) {
        let ProbeSpec { target, seq, destination, timeout, patience, control, kind } = spec;
        let (template, carrier, state) = match &kind {
            ProbeKind::Echo(EchoSpec { size, pattern, balance, group, .. }) => {
                let template = Template {
                    control,
                    patience,
                    size: *size,
                    pattern: *pattern,
                    balance: *balance,
                    group: *group,
                    ..Template::default()
                };
                (template, Carrier::Echo, State::Queued)
            }
            ProbeKind::Timestamp(TimestampSpec { originate, .. }) => {
                let body = Body::Originate(*originate);
                let template =
                    Template { control, patience, size: TIMES, body, ..Template::default() };
                (template, Carrier::Timestamp, State::Queued)
            }
            ProbeKind::Interface(InterfaceSpec { query, .. }) => {
                let body = Body::Question(self.question_number(query));
                let size = u16::try_from(query.structure().len()).unwrap_or(u16::MAX);
                let template = Template { control, patience, size, body, ..Template::default() };
                (template, Carrier::Interface, State::Queued)
            }
            ProbeKind::Udp(UdpSpec { port, size, pattern }) => {
                let (port, size, pattern) = (*port, *size, *pattern);
                let template =
                    Template { control, patience, port, size, pattern, ..Template::default() };
                (template, Carrier::Udp, State::Queued)
            }
            ProbeKind::Message(MessageSpec { port, bytes }) => {
                let size = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
                let template =
                    Template { control, patience, port: *port, size, ..Template::default() };
                (template, Carrier::Message, State::Queued)
            }
            ProbeKind::Syn(SynSpec { port, mss, ecn, .. }) => {
                let (port, size, body) = (*port, SYN_SIZE, Body::Syn(*mss, *ecn));
                let template =
                    Template { control, patience, port, size, body, ..Template::default() };
                (template, Carrier::Tcp, State::Queued)
            }
            ProbeKind::Connect(spec) => {
                let ConnectSpec { over, port, source_port, stays } = *spec;
                let own = Template { control, patience, ..Template::default() };
                let template = Template { over, port, source_port, stays, ..own };
                (template, Carrier::Dialog, State::Trying)
            }
            ProbeKind::Exchange { port, .. } => (
                Template { control, patience, port: *port, ..Template::default() },
                Carrier::Dialog,
                State::Trying,
            ),
        };
        let entry = Entry {
            destination,
            seq,
            user_sent_at: self.now,
            timeout_nanos: u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
            kernel: KernelStamp::Missing,
            measurement: id,
            target,
            template: 0,
            ident,
            tries: 0,
            carrier,
            state,
        };
        let index = self.table.push(entry, &template);
        if entry.is_datagram() {
            self.flows.open(destination, template.port, index);
        }
        if carrier == Carrier::Tcp && !has_source(&control, destination.family()) {
            let error = SendError::new(EADDRNOTAVAIL);
            return self.settle(index, State::Closed, &Outcome::LocalError(error));
        }
        if carrier == Carrier::Timestamp && destination.family() == Family::Ipv6 {
            let error = SendError::new(EAFNOSUPPORT);
            return self.settle(index, State::Closed, &Outcome::LocalError(error));
        }
        self.timers.push(self.now + timeout, Timer::Deadline(index));
        self.pace.count(self.now);
        self.queue_probe(index, kind);
        self.make_ready(id);
    }

    fn queue_probe(&mut self, index: u32, kind: ProbeKind) {
        let queued = match kind {
            ProbeKind::Echo(_)
            | ProbeKind::Timestamp(_)
            | ProbeKind::Interface(_)
            | ProbeKind::Udp(_)
            | ProbeKind::Syn(_) => {
                return self.queue.push_back(Queued::Datagram(index));
            }
            ProbeKind::Message(MessageSpec { bytes, .. }) => {
                self.messages.keep(index, bytes);
                return self.queue.push_back(Queued::Datagram(index));
            }
            ProbeKind::Connect(_) => Queued::Connect(index),
            ProbeKind::Exchange { port, framing, request } => {
                self.requests.insert(index, VecDeque::from([request]));
                Queued::Exchange(index, port, framing)
            }
        };
        self.dialogs.insert(index);
        self.queue.push_back(queued);
    }

    pub(super) fn look_up(&mut self, id: u32, address: IpAddr) {
        // A look-up only takes a number, so that no probe gets the same one.
        let number = Entry {
            destination: Destination::new(address),
            seq: 0,
            user_sent_at: Instant::ZERO,
            timeout_nanos: 0,
            kernel: KernelStamp::Missing,
            measurement: id,
            target: 0,
            template: 0,
            ident: 0,
            tries: 0,
            carrier: Carrier::Dialog,
            state: State::Closed,
        };
        let index = self.table.push(number, &Template::default());
        if let Some(slot) = self.slots.get_mut(id as usize) {
            slot.lookups += 1;
        }
        self.lookups.insert(index, (id, address));
        self.queue.push_back(Queued::Lookup(index));
        self.make_ready(id);
    }
}
