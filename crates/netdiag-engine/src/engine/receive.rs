//! What an echo reply is: an answer, a late one, a second one, or none of ours.

use super::Engine;
use super::operations::{identifiers, wire_key};
use super::settle::STAMP_TOLERANCE;
use crate::identity::{self, BALANCE, FULL_TAG};
use crate::measurement::Measurement;
use crate::outcome::{Corruption, Outcome, Reason, Rejection, Reply, ReplyDetail, Stray};
use crate::port::{IpOptions, Message, Received};
use crate::table::{Carrier, Entry, KernelStamp, State};
use crate::template::Template;
use netdiag_model::{Destination, Family, IcmpKind, Stamp, StampSource};
use netdiag_wire::icmp::{self, Echo, Icmp, Timestamp};
use netdiag_wire::{ipv4, protocol};
use std::net::IpAddr;
use std::time::Duration;

/// Bytes of an ICMP echo header, and of a UDP header.
pub(super) const HEADER: usize = 8;

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) stamp: Stamp,
    pub(super) from: Destination,
    pub(super) to: Option<IpAddr>,
    /// The local port that it came to, of an answer to a query.
    pub(super) local_port: Option<u16>,
    pub(super) hop_limit: Option<u8>,
    pub(super) options: Option<IpOptions>,
    /// Where the packet was going that it is about, of an error queue.
    pub(super) about: Option<Destination>,
}

impl Arrival {
    /// Why it is not counted, and what it said.
    pub(super) const fn rejection(
        &self,
        reason: Reason,
        said: Option<(IcmpKind, Option<u32>)>,
    ) -> Rejection {
        Rejection { from: self.from, at: self.stamp.at, reason, said, about: self.about }
    }
}

impl<M: Measurement> Engine<M> {
    pub(super) fn on_received(&mut self, received: &Received<&[u8]>) {
        let Received { stamp, from, to, hop_limit, options, .. } = *received;
        let (local_port, about) = (None, None);
        let mut arrival = Arrival { stamp, from, to, local_port, hop_limit, options, about };
        match received.message {
            Message::Ipv4(packet) => match ipv4::parse(packet) {
                Ok((header, payload)) if header.protocol == protocol::ICMP => {
                    arrival.hop_limit = Some(header.hop_limit);
                    arrival.options = IpOptions::from_bytes(header.options);
                    arrival.to = Some(IpAddr::V4(header.destination));
                    self.on_icmp(Family::Ipv4, &arrival, payload);
                }
                Ok((header, payload)) if header.protocol == protocol::TCP => {
                    arrival.hop_limit = Some(header.hop_limit);
                    arrival.to = Some(IpAddr::V4(header.destination));
                    self.on_segment(&arrival, payload);
                }
                Ok(_) => {}
                Err(_) => self.reject(&arrival, Reason::Truncated),
            },
            Message::Icmpv4(bytes) => self.on_icmp(Family::Ipv4, &arrival, bytes),
            Message::Icmpv6(bytes) => self.on_icmp(Family::Ipv6, &arrival, bytes),
            Message::Udp(port, bytes) => self.on_datagram(&arrival, port, bytes),
            Message::Answer { from, to, bytes } => {
                arrival.local_port = Some(to);
                self.on_datagram(&arrival, from, bytes);
            }
            Message::Tcp(bytes) => self.on_segment(&arrival, bytes),
        }
    }

    fn on_icmp(&mut self, family: Family, arrival: &Arrival, bytes: &[u8]) {
        let parsed = match family {
            Family::Ipv4 => icmp::parse_v4(bytes),
            Family::Ipv6 => icmp::parse_v6(bytes),
        };
        let Ok(message) = parsed else { return self.reject(arrival, Reason::Truncated) };
        let intact = checksum_ok(family, arrival, bytes);
        match message {
            Icmp::EchoRequest(_)
            | Icmp::ExtendedEchoRequest(_)
            | Icmp::Timestamp(Timestamp { reply: false, .. }) => {}
            Icmp::EchoReply(echo) => self.on_echo_reply(family, arrival, &echo, intact),
            Icmp::Timestamp(reply) => self.on_timestamp_reply(arrival, &reply, intact),
            Icmp::ExtendedEchoReply(reply) => {
                self.on_interface_reply(family, arrival, &reply, intact);
            }
            _ if !intact => self.reject(arrival, Reason::BadChecksum),
            other => self.on_icmp_error(family, arrival, &other),
        }
    }

    fn on_echo_reply(&mut self, family: Family, arrival: &Arrival, echo: &Echo<'_>, intact: bool) {
        let Some(index) = self.named_by(family, echo) else {
            let reason = if intact { Reason::UnknownProbe } else { Reason::BadChecksum };
            return self.reject(arrival, reason);
        };
        if let Some(reason) = self.objection(index, arrival, echo, intact) {
            return self.reject_for(index, arrival, reason);
        }
        let Some(entry) = self.table.get(index) else { return };
        let reply = self.reply(&entry, arrival, echo);
        self.on_reply(index, reply);
    }

    /// Settles a probe with its answer, or finds the answer late or repeated.
    ///
    /// For a probe that is still queued the network owes a `Sent` before this; without it the time of
    /// the attempt stands.
    pub(super) fn on_reply(&mut self, index: u32, reply: Reply) {
        let Some(entry) = self.table.get(index) else { return };
        match entry.state {
            State::Queued | State::Trying | State::InFlight if reply.rtt <= entry.timeout() => {
                self.note_answer(&entry, &reply);
                self.settle(index, State::Answered, &Outcome::Replied(reply));
            }
            // Its stamp says that it came too late, though the deadline was not yet looked at.
            State::Queued | State::Trying | State::InFlight => {
                let entry = Entry { state: State::Answered, ..entry };
                self.settle(index, State::Answered, &Outcome::TimedOut);
                self.stray(&entry, &Stray::Late(reply));
            }
            // After an ICMP error too: the first answer is no repetition, and the probe has ended.
            State::GivenUp | State::Refused => {
                self.table.set_state(index, State::Answered);
                self.stray(&entry, &Stray::Late(reply));
            }
            State::Answered => {
                let stray = match (self.table.template(&entry).group, &reply.detail) {
                    (true, _) => Stray::Further(reply),
                    (false, ReplyDetail::Segment(segment)) if segment.is_open() => {
                        Stray::Repeated(reply)
                    }
                    (false, _) => Stray::Duplicate(reply),
                };
                self.stray(&entry, &stray);
            }
            State::Void | State::Closed => {}
        }
    }

    /// What an answer tells of the way out.
    fn note_answer(&mut self, entry: &Entry, reply: &Reply) {
        let Some(way) = self.ways.get_mut(&entry.measurement) else { return };
        let slot = self.slots.get(entry.measurement as usize);
        if slot.is_some_and(|slot| slot.measurement.has_one_way()) {
            way.answered(entry.sent_at(), reply.received_at);
        }
    }

    /// The remembered probe that an echo reply claims to answer: by the index in its data, or by
    /// its sequence number where the data has no room for one.
    fn named_by(&self, family: Family, echo: &Echo<'_>) -> Option<u32> {
        let by_index = identity::index_of(echo.payload).filter(|index| {
            let entry = self.table.get(*index);
            entry.is_some_and(|entry| {
                entry.left_as(Carrier::Echo) && entry.destination.family() == family
            })
        });
        by_index.or_else(|| self.by_wire_key(family, Carrier::Echo, echo.ident, echo.seq))
    }

    /// The newest remembered probe of a kind with this identifier and sequence number.
    pub(super) fn by_wire_key(
        &self,
        family: Family,
        carrier: Carrier,
        ident: u16,
        sequence: u16,
    ) -> Option<u32> {
        let first = identifiers(&self.config.opened, family).0;
        let low = self.config.secret.index_low(sequence);
        self.table.with_low_bits(low, carrier.sequence_numbers()).find(|index| {
            self.table.get(*index).is_some_and(|entry| {
                entry.left_as(carrier)
                    && entry.destination.family() == family
                    && first.wrapping_add(u16::from(entry.ident)) == ident
            })
        })
    }

    /// Why an echo reply does not answer the probe that it names.
    fn objection(
        &self,
        index: u32,
        arrival: &Arrival,
        echo: &Echo<'_>,
        intact: bool,
    ) -> Option<Reason> {
        let entry = self.table.get(index)?;
        let key = wire_key(&self.config, index, &entry);
        let Template { size, group, .. } = *self.table.template(&entry);
        let identity = entry.identity(index);
        if !intact {
            Some(Reason::BadChecksum)
        } else if !may_answer(entry.destination, group, arrival.from) {
            Some(Reason::WrongSource)
        } else if (echo.ident, echo.seq) != key {
            Some(Reason::WrongSequence)
        } else if echo.payload.len() < usize::from(size).min(FULL_TAG) {
            Some(Reason::Truncated)
        } else if !self.config.secret.verify(&identity, size, echo.payload) {
            Some(Reason::BadTag)
        } else {
            None
        }
    }

    fn reply(&self, entry: &Entry, arrival: &Arrival, echo: &Echo<'_>) -> Reply {
        let Template { size, group, control, .. } = *self.table.template(entry);
        let plain = plain_reply(entry, arrival, ReplyDetail::Echo);
        Reply {
            // This machine hears its own packets to a group before they leave, and may answer them.
            clock_adjusted: plain.clock_adjusted && !group,
            bytes: HEADER + echo.payload.len(),
            sent_bytes: HEADER + usize::from(size),
            corruption: self.corruption(entry, echo.payload),
            options: control.options.and(arrival.options),
            ..plain
        }
    }

    /// The first byte behind the tag that is not what was sent.
    pub(super) fn corruption(&self, entry: &Entry, payload: &[u8]) -> Option<Corruption> {
        let template = self.table.template(entry);
        let start = if template.balance.is_some() { FULL_TAG + BALANCE } else { FULL_TAG };
        let end = usize::from(template.size).min(payload.len()).max(start);
        let offset = template.pattern.first_difference(start..end, payload)?;
        let received = *payload.get(offset)?;
        Some(Corruption { offset, sent: template.pattern.byte(offset), received })
    }

    /// Counts a packet that names no probe.
    pub(super) fn reject(&mut self, arrival: &Arrival, reason: Reason) {
        self.unmatched(&arrival.rejection(reason, None));
    }

    /// Counts a packet that names a probe and does not answer it.
    pub(super) fn reject_for(&mut self, index: u32, arrival: &Arrival, reason: Reason) {
        self.reject_as(index, &arrival.rejection(reason, None));
    }

    /// Counts a rejection of a packet that names a probe.
    pub(super) fn reject_as(&mut self, index: u32, rejection: &Rejection) {
        match self.table.get(index) {
            Some(entry) => self.stray(&entry, &Stray::Rejected(*rejection)),
            None => self.unmatched(rejection),
        }
    }
}

/// An answer that came so: when, from whom, how long it took.
pub(super) fn plain_reply(entry: &Entry, arrival: &Arrival, detail: ReplyDetail) -> Reply {
    let timing = round_trip(entry, arrival.stamp);
    Reply {
        from: arrival.from,
        rtt: timing.rtt,
        stamp: timing.stamp,
        clock_adjusted: timing.clock_adjusted,
        received_at: arrival.stamp.at,
        hop_limit: arrival.hop_limit,
        bytes: 0,
        sent_bytes: 0,
        corruption: None,
        options: None,
        detail,
    }
}

/// Whether an answer may come from there: where the probe went, or of a group any address that one
/// host can have.
fn may_answer(destination: Destination, group: bool, from: Destination) -> bool {
    if !group {
        return destination.is_source(from);
    }
    let address = from.address();
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    let is_group = address.is_multicast() || is_broadcast || address == destination.address();
    !(is_group || address.is_unspecified())
}

/// A round trip and the clock that it was taken with.
pub(super) struct Timing {
    pub(super) rtt: Duration,
    pub(super) stamp: StampSource,
    pub(super) clock_adjusted: bool,
}

/// From a probe's send to `stamp`: by the kernel's clock when both ends have its stamp and it does
/// not contradict the user's, else by the user's.
pub(super) fn round_trip(entry: &Entry, stamp: Stamp) -> Timing {
    let user = stamp.user.since(entry.user_sent_at);
    let by_user = |clock_adjusted| Timing { rtt: user, stamp: StampSource::User, clock_adjusted };
    match (entry.kernel, stamp.source) {
        (KernelStamp::Missing, _) | (_, StampSource::User) => by_user(false),
        (KernelStamp::Contradicted, StampSource::Kernel) => by_user(true),
        (KernelStamp::After(_), StampSource::Kernel) => {
            // The user reads the clock before the send and after the receive, so the kernel's round
            // trip is the shorter one.
            let kernel = stamp.at.checked_since(entry.sent_at());
            match kernel.filter(|rtt| *rtt <= user + STAMP_TOLERANCE) {
                Some(rtt) => Timing { rtt, stamp: StampSource::Kernel, clock_adjusted: false },
                None => by_user(true),
            }
        }
    }
}

/// Whether the checksum holds, as far as it can be known: ICMPv6's covers both addresses, and the
/// kernel has checked it already.
fn checksum_ok(family: Family, arrival: &Arrival, bytes: &[u8]) -> bool {
    match (family, arrival.from, arrival.to) {
        (Family::Ipv4, ..) => icmp::checksum_ok_v4(bytes),
        (Family::Ipv6, Destination::V6(from, _), Some(IpAddr::V6(to))) => {
            icmp::checksum_ok_v6(bytes, from, to)
        }
        (Family::Ipv6, ..) => true,
    }
}
