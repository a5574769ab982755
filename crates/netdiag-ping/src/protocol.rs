//! What is sent, and what counts as an answer to it.

use crate::Measurement;
use crate::config::Cast;
use netdiag_engine::outcome::{Refusal, Reply, ReplyDetail};
use netdiag_engine::{
    ConnectSpec, EchoSpec, InterfaceSpec, Outcome, Pattern, Probe, ProbeKind, SynSpec,
    TimestampSpec, UdpSpec,
};
use netdiag_model::{Family, Instant, StampSource};
use std::borrow::Cow;

/// The port of UDP probes where none is given, as traceroute's first.
pub const UDP_PORT: u16 = 33_434;
/// The port of TCP probes where none is given.
pub const TCP_PORT: u16 = 443;
/// The ports of services where none is given.
pub const HTTP_PORT: u16 = 80;
/// The same of TLS, and of HTTP over it.
pub const TLS_PORT: u16 = 443;
/// The same of DNS.
pub const DNS_PORT: u16 = 53;
/// From how many ports of this machine SYNs of a series leave, one after the other: none is asked for
/// again while an answer to an earlier one may be on its way.
pub const SYN_PORTS: u8 = 16;
/// What connect(2) says of a reset.
const ECONNREFUSED: i32 = 111;

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// ICMP echo requests; echo replies count.
    #[default]
    Icmp,
    /// ICMP timestamp requests, over IPv4 (RFC 792); timestamp replies count.
    IcmpTimestamp,
    /// Extended echo requests (RFC 8335): questions about an interface; whatever is answered counts.
    IcmpProbe,
    /// UDP datagrams; the target's own "port unreachable" counts, and whatever answers at the port.
    Udp {
        /// The destination port.
        port: u16,
    },
    /// TCP connections, opened by the kernel and closed at once; one that opens counts.
    Tcp {
        /// The destination port.
        port: u16,
        /// Whether a reset counts too: the host is there, whatever listens on it.
        any_answer: bool,
    },
    /// TLS over a connection; a handshake that comes to its end counts, whatever it shows.
    Tls {
        /// The destination port.
        port: u16,
    },
    /// A request by HTTP over a connection; an answer of whatever status counts.
    Http {
        /// The destination port.
        port: u16,
        /// Whether TLS is spoken below it.
        tls: bool,
    },
    /// A question of DNS over UDP; an answer of whatever rcode counts.
    Dns {
        /// The destination port.
        port: u16,
    },
    /// QUIC over UDP; a handshake that comes to its end counts, whatever it shows.
    Quic {
        /// The destination port.
        port: u16,
    },
    /// SYNs of our own, over a raw socket; a SYN-ACK counts. Their control must name the source.
    Syn {
        /// The destination port.
        port: u16,
    },
}

impl Protocol {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::IcmpTimestamp => "icmp-timestamp",
            Self::IcmpProbe => "icmp-probe",
            Self::Udp { .. } => "udp",
            Self::Tcp { .. } => "tcp",
            Self::Tls { .. } => "tls",
            Self::Http { tls: true, .. } => "https",
            Self::Http { tls: false, .. } => "http",
            Self::Dns { .. } => "dns",
            Self::Quic { .. } => "quic",
            Self::Syn { .. } => "syn",
        }
    }

    /// The destination port, of protocols that have one.
    #[must_use]
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::Icmp | Self::IcmpTimestamp | Self::IcmpProbe => None,
            Self::Udp { port }
            | Self::Tcp { port, .. }
            | Self::Tls { port }
            | Self::Http { port, .. }
            | Self::Dns { port }
            | Self::Quic { port }
            | Self::Syn { port } => Some(port),
        }
    }

    /// Whether a probe carries data of ours.
    #[must_use]
    pub const fn has_data(self) -> bool {
        matches!(self, Self::Icmp | Self::Udp { .. })
    }

    /// Whether a probe is a connection that the kernel opens, with whatever is said over it.
    #[must_use]
    pub const fn is_connection(self) -> bool {
        matches!(self, Self::Tcp { .. } | Self::Tls { .. } | Self::Http { .. })
    }

    /// Whether a probe is a dialog with a service, which another prober leads: a series is fed with
    /// what comes of it.
    #[must_use]
    pub const fn is_dialog(self) -> bool {
        matches!(self, Self::Tls { .. } | Self::Http { .. } | Self::Dns { .. } | Self::Quic { .. })
    }

    /// Whether an answer is one of a service that somebody wants, not only of the host.
    #[must_use]
    pub const fn is_service(self) -> bool {
        self.is_dialog() || matches!(self, Self::Tcp { .. } | Self::Syn { .. })
    }

    /// Whether a probe leaves by an ICMP socket.
    #[must_use]
    pub const fn is_icmp(self) -> bool {
        matches!(self, Self::Icmp | Self::IcmpTimestamp | Self::IcmpProbe)
    }

    /// A probe, with so much data where it carries any.
    pub(crate) const fn probe(
        self,
        family: Family,
        data: (u16, Pattern),
        flow: u8,
        group: bool,
    ) -> ProbeKind {
        let (size, pattern) = data;
        match self {
            // What these need stands in the configuration of `ping`: nobody else sends them.
            Self::Icmp | Self::IcmpTimestamp | Self::IcmpProbe => {
                ProbeKind::Echo(EchoSpec { size, pattern, flow, balance: None, group })
            }
            Self::Udp { port } => ProbeKind::Udp(UdpSpec { port, size, pattern }),
            // Of a dialog this only says that the next one is due.
            Self::Tcp { port, .. }
            | Self::Tls { port }
            | Self::Http { port, .. }
            | Self::Dns { port }
            | Self::Quic { port } => ProbeKind::Connect(ConnectSpec::to(port)),
            Self::Syn { port } => {
                let mss = SynSpec::ethernet_mss(family);
                ProbeKind::Syn(SynSpec { port, flow, mss, ecn: false })
            }
        }
    }

    /// What an outcome means to this protocol.
    pub(crate) fn understood<'a>(self, probe: &Probe, outcome: &'a Outcome) -> Cow<'a, Outcome> {
        match outcome {
            // The host is there, and nobody listens: as of a connection.
            Outcome::Replied(Reply {
                detail: ReplyDetail::Segment(segment), rtt, stamp, ..
            }) if !segment.is_open() => {
                let (errno, rtt, stamp) = (ECONNREFUSED, *rtt, *stamp);
                Cow::Owned(Outcome::Refused(Refusal { errno, rtt, stamp }))
            }
            Outcome::Replied(reply) => match by_the_kernel(reply) {
                Some(reply) => Cow::Owned(Outcome::Replied(reply)),
                None => Cow::Borrowed(outcome),
            },
            Outcome::Refused(refusal) if self.counts_refusals() => {
                Cow::Owned(Outcome::Replied(reset(probe, refusal)))
            }
            other => Cow::Borrowed(other),
        }
    }

    const fn counts_refusals(self) -> bool {
        matches!(self, Self::Tcp { any_answer: true, .. })
    }
}

impl Measurement {
    /// The probe with this number, from 1.
    pub(crate) fn kind(&self, seq: u64, now: Instant) -> ProbeKind {
        let data = (self.config.size, self.config.pattern);
        let flow = match self.config.protocol {
            // Each begins a connection of its own.
            Protocol::Syn { .. } => u8::try_from(seq % u64::from(SYN_PORTS)).unwrap_or(0),
            _ => self.flow(),
        };
        match (self.config.protocol, &self.config.query) {
            (Protocol::IcmpTimestamp, _) => {
                let originate = self.config.wall.day_millis_at(now);
                return ProbeKind::Timestamp(TimestampSpec { flow, originate });
            }
            (Protocol::IcmpProbe, Some(query)) => {
                return ProbeKind::Interface(InterfaceSpec { flow, query: query.clone() });
            }
            _ => {}
        }
        let family = self.config.destination.family();
        self.config.protocol.probe(family, data, flow, self.config.cast != Cast::Unicast)
    }
}

/// The kernel knows the time from SYN to SYN-ACK, unless it had to send the SYN again: then the whole
/// time to the connection stands.
fn by_the_kernel(reply: &Reply) -> Option<Reply> {
    let ReplyDetail::Connected { info: Some(info), .. } = &reply.detail else { return None };
    let is_measured = info.total_retransmits == 0 && !info.rtt.is_zero() && info.rtt <= reply.rtt;
    is_measured.then(|| Reply { rtt: info.rtt, stamp: StampSource::Kernel, ..reply.clone() })
}

/// A reset as the answer that it is.
fn reset(probe: &Probe, refusal: &Refusal) -> Reply {
    Reply {
        from: probe.destination,
        rtt: refusal.rtt,
        stamp: refusal.stamp,
        clock_adjusted: false,
        received_at: probe.sent_at + refusal.rtt,
        hop_limit: None,
        bytes: 0,
        sent_bytes: 0,
        corruption: None,
        options: None,
        detail: ReplyDetail::Reset,
    }
}
