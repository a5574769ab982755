//! SYNs of our own, and what comes of them: the target's SYN-ACK or reset, or somebody's ICMP error.
//!
//! A SYN is known by its sequence number, which is its index under the key of the run. So an answer
//! must acknowledge exactly that plus one, from the address and port that were probed, to the port
//! that the SYN left from; and an ICMP error is told by eight quoted bytes.

use super::Engine;
use super::errors::Said;
use super::operations::ports;
use super::receive::{Arrival, HEADER, plain_reply};
use crate::measurement::Measurement;
use crate::outcome::{Reason, Reply, ReplyDetail, Segment};
use crate::port::Control;
use crate::table::{Carrier, Entry};
use crate::template::Body;
use netdiag_model::{Family, IcmpKind};
use netdiag_wire::quote::{Quoted, QuotedTransport};
use netdiag_wire::tcp::{self, Offer, SYN_LENGTH, Syn, TcpFlags, TcpRepr};
use std::net::IpAddr;

/// Bytes of a SYN beyond the first eight, which are counted as the header of every probe.
pub(super) const SYN_SIZE: u16 = (SYN_LENGTH - HEADER) as u16;

/// Whether it is said where a SYN leaves from.
pub(super) fn has_source(control: &Control, family: Family) -> bool {
    control.source.is_some_and(|source| Family::of(source) == family)
}

impl<M: Measurement> Engine<M> {
    /// Writes a SYN into the scratch buffer.
    pub(super) fn emit_syn(&mut self, index: u32, entry: &Entry, (mss, ecn): (u16, bool)) {
        let template = self.table.template(entry);
        let Some(source) = template.control.source else { return };
        let syn = Syn {
            source_port: self.port_of(entry),
            destination_port: template.port,
            sequence: self.config.secret.syn_sequence(index),
            mss,
            // Counts milliseconds, as Linux's does, from a number that is another in each run.
            timestamp: self.config.secret.syn_sequence(0).wrapping_add(self.millis()),
            ecn,
        };
        tcp::emit_syn(&syn, source, entry.destination.address(), &mut self.scratch);
    }

    /// Milliseconds, modulo 2^32.
    fn millis(&self) -> u32 {
        let [.., a, b, c, d] = (self.now.as_nanos() / 1_000_000).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The port that a SYN leaves from.
    fn port_of(&self, entry: &Entry) -> u16 {
        let first = ports(&self.config.opened, entry.destination.family()).0;
        first.wrapping_add(u16::from(entry.ident))
    }

    /// A segment to one of our ports.
    pub(super) fn on_segment(&mut self, arrival: &Arrival, bytes: &[u8]) {
        let Ok((header, _)) = tcp::parse(bytes) else {
            return self.reject(arrival, Reason::Truncated);
        };
        let (syn_ack, rst) = (TcpFlags::SYN | TcpFlags::ACK, TcpFlags::RST | TcpFlags::ACK);
        // What else a peer may say to a SYN settles nothing: a second SYN on a half-open connection is
        // answered by a bare ACK for the first (RFC 5961 section 4).
        if !(header.flags.contains(syn_ack) || header.flags.contains(rst)) {
            return;
        }
        let Some((index, entry)) = self.remembered_syn(header.acknowledgement.wrapping_sub(1))
        else {
            return self.reject(arrival, Reason::WrongSequence);
        };
        if let Some(reason) = self.objection_to(&entry, arrival, &header, bytes) {
            return self.reject_for(index, arrival, reason);
        }
        let flags = TcpFlags(header.flags.0 & (TcpFlags::SYN | rst).0);
        let offer = match flags.contains(TcpFlags::RST) {
            true => Offer::default(),
            false => header.offer(),
        };
        // Where it was not asked for nothing is agreed to.
        let asks = matches!(self.table.template(&entry).body, Body::Syn(_, true));
        let ecn = asks.then_some(offer.ecn);
        let segment = Segment { flags, window: header.window, offer, ecn };
        let plain = plain_reply(&entry, arrival, ReplyDetail::Segment(segment));
        self.on_reply(index, Reply { bytes: bytes.len(), sent_bytes: bytes.len(), ..plain });
    }

    /// Why a segment does not answer the SYN that it acknowledges.
    fn objection_to(
        &self,
        entry: &Entry,
        arrival: &Arrival,
        header: &TcpRepr<'_>,
        bytes: &[u8],
    ) -> Option<Reason> {
        let port = self.table.template(entry).port;
        if !is_intact(bytes, arrival) {
            Some(Reason::BadChecksum)
        } else if !entry.destination.is_source(arrival.from) {
            Some(Reason::WrongSource)
        } else if (header.source_port, header.destination_port) != (port, self.port_of(entry)) {
            Some(Reason::WrongPort)
        } else {
            None
        }
    }

    /// An ICMP error quotes a segment: perhaps of ours, perhaps of another program's connection. A
    /// translation on the way may have changed the source and its port, and nothing else.
    pub(super) fn on_segment_quoted(
        &mut self,
        kind: IcmpKind,
        arrival: &Arrival,
        quoted: &Quoted<'_>,
        said: Said<'_>,
    ) {
        let QuotedTransport::Tcp { source_port, destination_port, sequence, .. } = quoted.transport
        else {
            return;
        };
        let family = Family::of(quoted.destination);
        let named = self.remembered_syn(sequence).filter(|(_, entry)| {
            entry.destination.address() == quoted.destination
                && self.table.template(entry).port == destination_port
        });
        let (first, count) = ports(&self.config.opened, family);
        match named {
            Some((index, _)) => self.on_error_of(index, kind, arrival, said),
            None if source_port.wrapping_sub(first) < count.into() && first != 0 => {
                self.reject(arrival, Reason::UnknownProbe);
            }
            None => {}
        }
    }

    /// The remembered SYN with this sequence number.
    fn remembered_syn(&self, sequence: u32) -> Option<(u32, Entry)> {
        let index = self.config.secret.syn_index(sequence);
        let entry = self.table.get(index).filter(|entry| entry.left_as(Carrier::Tcp))?;
        Some((index, entry))
    }
}

/// Whether the checksum holds, or was never to be computed: the packet never left this machine.
fn is_intact(bytes: &[u8], arrival: &Arrival) -> bool {
    let (from, to): (IpAddr, Option<IpAddr>) = (arrival.from.address(), arrival.to);
    to.is_none_or(|to| tcp::checksum_ok(bytes, from, to) || tcp::checksum_left_out(bytes, from, to))
}
