//! ICMP errors, and the probes that they are about.

use super::Engine;
use super::receive::{Arrival, HEADER, round_trip};
use crate::measurement::Measurement;
use crate::outcome::{Detail, IcmpError, Outcome, Reason, Stray, Why, least_mtu};
use crate::port::{Channel, ErrorOrigin, QueuedError};
use crate::table::{Carrier, State};
use crate::template::Template;
use netdiag_model::{Destination, Family, IcmpKind};
use netdiag_wire::extension::Extensions;
use netdiag_wire::icmp::{self, ErrorBody, Icmp};
use netdiag_wire::protocol::IpVersion;
use netdiag_wire::quote::{self, Quoted, QuotedTransport};
use std::net::IpAddr;

/// What an ICMP error says beside its quote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    info: Option<u32>,
    gateway: Option<IpAddr>,
    quoted: Option<Quoted<'a>>,
    extensions: Extensions<'a>,
}

impl Said<'_> {
    /// Nothing.
    const NOTHING: Self =
        Self { info: None, gateway: None, quoted: None, extensions: Extensions::Absent };

    /// What it brings for whoever wants to know more than its kind.
    pub(super) const fn detail(&self, from: Destination) -> Detail<'_> {
        Detail { from, quoted: self.quoted, extensions: self.extensions }
    }
}

/// The request that an error quotes.
struct QuotedRequest<'a> {
    destination: IpAddr,
    carrier: Carrier,
    ident: u16,
    sequence: u16,
    payload: &'a [u8],
}

impl<M: Measurement> Engine<M> {
    /// An ICMP message that is no echo, with its quote.
    pub(super) fn on_icmp_error(&mut self, family: Family, arrival: &Arrival, message: &Icmp<'_>) {
        let kind = IcmpKind { family, kind: message.kind(version(family)), code: message.code() };
        let (quoted, said) = match message {
            Icmp::DestinationUnreachable { mtu, body, .. } => {
                let info = mtu.filter(|mtu| *mtu != 0).map(u32::from);
                (body.quoted_bytes, Said { info, ..with(body) })
            }
            Icmp::PacketTooBig { mtu, body, .. } => {
                (body.quoted_bytes, Said { info: Some(*mtu), ..with(body) })
            }
            Icmp::ParameterProblem { pointer, body, .. } => {
                (body.quoted_bytes, Said { info: Some(*pointer), ..with(body) })
            }
            Icmp::TimeExceeded { body, .. } => (body.quoted_bytes, with(body)),
            Icmp::Redirect { gateway, body, .. } => {
                (body.quoted_bytes, Said { gateway: Some(*gateway), ..with(body) })
            }
            // Type, code and checksum are off already; four unused bytes stand before the quote.
            Icmp::Other { kind: SOURCE_QUENCH, body, .. } if family == Family::Ipv4 => {
                (body.get(4..).unwrap_or_default(), Said::NOTHING)
            }
            _ => return,
        };
        let parsed = match family {
            Family::Ipv4 => quote::parse_v4(quoted),
            Family::Ipv6 => quote::parse_v6(quoted),
        };
        let Ok(quoted) = parsed else { return self.reject(arrival, Reason::UnparsableQuote) };
        let said = Said { quoted: Some(quoted), ..said };
        if let QuotedTransport::Tcp { .. } = quoted.transport {
            return self.on_segment_quoted(kind, arrival, &quoted, said);
        }
        let Some(request) = quoted_request(&quoted) else {
            return self.on_datagram_quoted(&quoted, &said.detail(arrival.from));
        };
        self.on_error_about(kind, arrival, &request, said);
    }

    /// An entry of a socket's error queue. A local one is no news: the network answers the
    /// `Transmit` that it is about with `SendFailed`.
    pub(super) fn on_queued_error(&mut self, error: &QueuedError<&[u8]>) {
        if error.origin != ErrorOrigin::Icmp {
            return;
        }
        let family = error.destination.family();
        let kind = IcmpKind { family, kind: error.kind, code: error.code };
        let arrival = Arrival {
            stamp: error.stamp,
            from: error.offender.unwrap_or(error.destination),
            to: None,
            local_port: None,
            hop_limit: error.hop_limit,
            options: None,
            about: Some(error.destination),
        };
        let carries = kind.is_too_big()
            || matches!((family, kind.kind), (Family::Ipv4, 12) | (Family::Ipv6, 4));
        let unsaid = error.info == 0 && kind.is_too_big() && family == Family::Ipv4;
        let info = Some(error.info).filter(|_| carries && !unsaid);
        let said = Said { info, extensions: error.extensions(), ..Said::NOTHING };
        match error.channel {
            Channel::Icmp => self.on_queued_echo_error(kind, &arrival, error, said),
            Channel::Udp { port } | Channel::Query { port } => {
                self.on_udp_error(kind, &arrival, port, error, said)
            }
            Channel::Tcp => {}
        }
    }

    fn on_queued_echo_error(
        &mut self,
        kind: IcmpKind,
        arrival: &Arrival,
        error: &QueuedError<&[u8]>,
        said: Said<'_>,
    ) {
        let parsed = match kind.family {
            Family::Ipv4 => icmp::parse_v4(error.quote()),
            Family::Ipv6 => icmp::parse_v6(error.quote()),
        };
        // The kernel takes no other request over the sockets that have such a queue.
        let (carrier, ident, sequence, payload) = match parsed {
            Ok(Icmp::EchoRequest(echo)) => (Carrier::Echo, echo.ident, echo.seq, echo.payload),
            Ok(Icmp::ExtendedEchoRequest(echo)) => {
                (Carrier::Interface, echo.ident, u16::from(echo.seq), echo.body)
            }
            _ => return self.reject(arrival, Reason::UnparsableQuote),
        };
        let destination = error.destination.address();
        let request = QuotedRequest { destination, carrier, ident, sequence, payload };
        self.on_error_about(kind, arrival, &request, said);
    }

    fn on_error_about(
        &mut self,
        kind: IcmpKind,
        arrival: &Arrival,
        request: &QuotedRequest<'_>,
        said: Said<'_>,
    ) {
        let Some(index) = self.quoted_probe(kind.family, request) else {
            let about = Some(Destination::new(request.destination));
            let arrival = Arrival { about: arrival.about.or(about), ..*arrival };
            let said = Some((kind, said.info));
            return self.unmatched(&arrival.rejection(Reason::UnknownProbe, said));
        };
        if self.quotes(index, request.payload) {
            self.on_error_of(index, kind, arrival, said);
        } else {
            self.reject_error(index, kind, arrival, said, Reason::BadTag);
        }
    }

    /// Whether as much of a probe's data as is quoted is what was sent.
    pub(super) fn quotes(&self, index: u32, payload: &[u8]) -> bool {
        self.table.get(index).is_some_and(|entry| {
            if entry.carrier == Carrier::Tcp {
                // The sequence number is all of it.
                return true;
            }
            if matches!(entry.carrier, Carrier::Timestamp | Carrier::Interface) {
                return self.quotes_query(&entry, payload);
            }
            if entry.carrier == Carrier::Message {
                return self.messages.of(index).starts_with(payload);
            }
            let size = self.table.template(&entry).size;
            let quoted = u16::try_from(payload.len()).unwrap_or(u16::MAX).min(size);
            self.config.secret.verify(&entry.identity(index), quoted, payload)
        })
    }

    /// Counts an ICMP error that names a probe and is not believed.
    pub(super) fn reject_error(
        &mut self,
        index: u32,
        kind: IcmpKind,
        arrival: &Arrival,
        said: Said<'_>,
        reason: Reason,
    ) {
        self.reject_as(index, &arrival.rejection(reason, Some((kind, said.info))));
    }

    /// Tells a measurement what an error about its probe brings.
    pub(super) fn explain(&mut self, index: u32, detail: &Detail<'_>) {
        let Some(entry) = self.table.get(index) else { return };
        if let Some((slot, _)) = self.unfinished(entry.measurement) {
            slot.measurement.explained(&entry.probe(), detail);
        }
    }

    /// An ICMP error that is about this probe.
    pub(super) fn on_error_of(
        &mut self,
        index: u32,
        kind: IcmpKind,
        arrival: &Arrival,
        said: Said<'_>,
    ) {
        let Some(entry) = self.table.get(index) else { return };
        let Template { size, group, control, .. } = *self.table.template(&entry);
        let options = control.options.map_or(0, |options| options.padded_len());
        let header = entry.destination.family().header_len() + options;
        let total = header + HEADER + usize::from(size);
        if kind.is_too_big() && !plausible_mtu(kind.family, said.info, total) {
            return self.reject_error(index, kind, arrival, said, Reason::ImplausibleMtu);
        }
        let timing = round_trip(&entry, arrival.stamp);
        let error = IcmpError {
            kind,
            from: arrival.from,
            rtt: timing.rtt,
            stamp: timing.stamp,
            hop_limit: arrival.hop_limit,
            errno: None,
            info: said.info,
            gateway: said.gateway,
            quoted_hop_limit: said.quoted.map(|quoted| quoted.hop_limit),
        };
        self.explain(index, &said.detail(arrival.from));
        // One host of a group cannot answer for the others.
        if group
            || kind.is_redirect()
            || (kind.family == Family::Ipv4 && kind.kind == SOURCE_QUENCH)
        {
            self.stray(&entry, &Stray::Advice(error));
        } else if entry.is_open() && timing.rtt <= entry.timeout() {
            // What says so may be this machine itself, whose way out is not there.
            let outcome = match self.is_way_in_doubt(&entry, arrival.stamp.at) {
                true => Outcome::Unknown(Why::InterfaceChanged),
                false => Outcome::NetError(error),
            };
            self.settle(index, State::Refused, &outcome);
        } else {
            if entry.is_open() {
                self.settle(index, State::GivenUp, &Outcome::TimedOut);
            }
            self.stray(&entry, &Stray::LateError(error));
        }
    }

    /// The probe that a quote names: by identifier, sequence number and destination, which even the
    /// shortest quote has (RFC 792: 8 bytes). No two remembered probes of a kind share the first two.
    fn quoted_probe(&self, family: Family, request: &QuotedRequest<'_>) -> Option<u32> {
        let QuotedRequest { destination, carrier, ident, sequence, .. } = *request;
        let index = self.by_wire_key(family, carrier, ident, sequence)?;
        let entry = self.table.get(index)?;
        (entry.destination.address() == destination).then_some(index)
    }
}

/// What the body of an error brings.
const fn with<'a>(body: &ErrorBody<'a>) -> Said<'a> {
    Said { extensions: body.extensions, ..Said::NOTHING }
}

const fn version(family: Family) -> IpVersion {
    match family {
        Family::Ipv4 => IpVersion::V4,
        Family::Ipv6 => IpVersion::V6,
    }
}

const SOURCE_QUENCH: u8 = 4;
const TIMESTAMP: u8 = 13;

fn quoted_request<'a>(quoted: &Quoted<'a>) -> Option<QuotedRequest<'a>> {
    let destination = quoted.destination;
    match quoted.transport {
        QuotedTransport::Echo { reply: false, ident, seq, payload, .. } => {
            let carrier = Carrier::Echo;
            Some(QuotedRequest { destination, carrier, ident, sequence: seq, payload })
        }
        QuotedTransport::Query { kind: TIMESTAMP, ident, seq, body } => {
            let carrier = Carrier::Timestamp;
            Some(QuotedRequest { destination, carrier, ident, sequence: seq, payload: body })
        }
        QuotedTransport::Query { ident, seq, body, .. } => {
            let carrier = Carrier::Interface;
            Some(QuotedRequest { destination, carrier, ident, sequence: seq >> 8, payload: body })
        }
        QuotedTransport::Echo { reply: true, .. } => None,
        // Those of our own datagrams also stand in the UDP socket's error queue, and count there; here
        // they only tell more.
        QuotedTransport::Udp { .. } => None,
        // These have a key of another length.
        QuotedTransport::Tcp { .. } => None,
        QuotedTransport::Other { .. } => None,
    }
}

/// Whether a "too big" can be true: it must be above the least MTU and below what was sent. A router
/// from before RFC 1191 names no MTU.
fn plausible_mtu(family: Family, mtu: Option<u32>, sent: usize) -> bool {
    let least = least_mtu(family);
    mtu.is_none_or(|mtu| mtu >= least && (mtu as usize) < sent)
}
