//! Probes of ICMP that are no echoes: timestamps (RFC 792) and extended echo (RFC 8335). Their
//! answers bring no tag back: source, identifier, sequence number, and of a timestamp the time that
//! was sent, are all that names the probe.

use super::Engine;
use super::operations::wire_key;
use super::receive::{Arrival, HEADER, plain_reply};
use crate::interface_query::InterfaceQuery;
use crate::measurement::Measurement;
use crate::outcome::{InterfaceAnswer, Reason, Reply, ReplyDetail, Timestamps};
use crate::table::{Carrier, Entry};
use crate::template::Body;
use netdiag_model::{Destination, Family};
use netdiag_wire::icmp::{self, ExtendedEcho, Timestamp};
use std::net::Ipv6Addr;

/// Three times of 32 bits behind the header.
pub(super) const TIMES: u16 = 12;

impl<M: Measurement> Engine<M> {
    pub(super) fn on_timestamp_reply(
        &mut self,
        arrival: &Arrival,
        reply: &Timestamp,
        intact: bool,
    ) {
        let Timestamp { ident, seq, originate, receive, transmit, .. } = *reply;
        let named = self.by_wire_key(Family::Ipv4, Carrier::Timestamp, ident, seq);
        let Some((index, entry)) = self.answered_query(named, arrival, intact) else { return };
        if self.body(&entry) != Body::Originate(originate) {
            return self.reject_for(index, arrival, Reason::BadTag);
        }
        let bytes = HEADER + usize::from(TIMES);
        let times = Timestamps { originate, receive, transmit };
        let plain = plain_reply(&entry, arrival, ReplyDetail::Timestamps(times));
        self.on_reply(index, Reply { bytes, sent_bytes: bytes, ..plain });
    }

    pub(super) fn on_interface_reply(
        &mut self,
        family: Family,
        arrival: &Arrival,
        reply: &ExtendedEcho<'_>,
        intact: bool,
    ) {
        let sequence = u16::from(reply.seq);
        let named = self.by_wire_key(family, Carrier::Interface, reply.ident, sequence);
        let Some((index, entry)) = self.answered_query(named, arrival, intact) else { return };
        let bytes = HEADER + reply.body.len();
        let answer = InterfaceAnswer {
            code: reply.code,
            state: reply.state(),
            active: reply.is_active(),
            ipv4: reply.has_ipv4(),
            ipv6: reply.has_ipv6(),
        };
        let plain = plain_reply(&entry, arrival, ReplyDetail::Interface(answer));
        self.on_reply(index, Reply { bytes, sent_bytes: bytes, ..plain });
    }

    /// The probe that an answer is to, unless something is wrong with it, which is counted.
    fn answered_query(
        &mut self,
        named: Option<u32>,
        arrival: &Arrival,
        intact: bool,
    ) -> Option<(u32, Entry)> {
        let Some((index, entry)) = named.and_then(|index| Some((index, self.table.get(index)?)))
        else {
            let reason = if intact { Reason::UnknownProbe } else { Reason::BadChecksum };
            self.reject(arrival, reason);
            return None;
        };
        let objection = if !intact {
            Reason::BadChecksum
        } else if !entry.destination.is_source(arrival.from) {
            Reason::WrongSource
        } else {
            return Some((index, entry));
        };
        self.reject_for(index, arrival, objection);
        None
    }

    fn body(&self, entry: &Entry) -> Body {
        self.table.template(entry).body
    }

    /// The number of a question, the same for the same one: probes remember only that.
    pub(super) fn question_number(&mut self, question: &InterfaceQuery) -> u16 {
        let known = self.questions.iter().position(|known| known == question);
        let place = known.unwrap_or_else(|| {
            self.questions.push(question.clone());
            self.questions.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    /// Writes a request of ICMP that is no echo into the scratch buffer; of others nothing.
    pub(super) fn emit_query(&mut self, index: u32, entry: &Entry) {
        let (ident, sequence) = wire_key(&self.config, index, entry);
        let template = self.table.template(entry);
        match (template.body, entry.destination) {
            (Body::Data, _) => {}
            (Body::Syn(mss, ecn), _) => self.emit_syn(index, entry, (mss, ecn)),
            (Body::Originate(originate), _) => {
                let request = Timestamp {
                    reply: false,
                    code: 0,
                    ident,
                    seq: sequence,
                    originate,
                    receive: 0,
                    transmit: 0,
                };
                icmp::emit_timestamp(&request, &mut self.scratch);
            }
            (Body::Question(number), destination) => {
                let Some(question) = self.questions.get(usize::from(number)) else { return };
                let [_, seq] = sequence.to_be_bytes();
                let (is_local, body) = (question.is_local(), question.structure());
                let request = ExtendedEcho::request(ident, seq, is_local, body);
                emit_question(destination, &request, &mut self.scratch);
            }
        }
    }

    /// Whether as much of what stood behind the header of a request as is quoted is what was sent.
    pub(super) fn quotes_query(&self, entry: &Entry, quoted: &[u8]) -> bool {
        let times;
        let sent: &[u8] = match self.body(entry) {
            Body::Data | Body::Syn(..) => &[],
            Body::Originate(originate) => {
                times = [originate, 0, 0].map(u32::to_be_bytes);
                times.as_flattened()
            }
            Body::Question(number) => {
                self.questions.get(usize::from(number)).map_or(&[], InterfaceQuery::structure)
            }
        };
        quoted.iter().zip(sent).all(|(quoted, sent)| quoted == sent)
    }
}

fn emit_question(destination: Destination, request: &ExtendedEcho<'_>, out: &mut Vec<u8>) {
    const KERNEL: Option<(Ipv6Addr, Ipv6Addr)> = None;
    match destination.family() {
        Family::Ipv4 => icmp::emit_extended_echo_v4(false, request, out),
        Family::Ipv6 => icmp::emit_extended_echo_v6(false, request, KERNEL, out),
    }
}
