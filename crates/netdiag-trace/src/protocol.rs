//! What is sent, and what an outcome means on a path.

use crate::Config;
use netdiag_engine::outcome::{IcmpError, Reply, ReplyDetail, Segment};
use netdiag_engine::port::TcpInfo;
use netdiag_engine::{ConnectSpec, EchoSpec, Outcome, Probe, ProbeKind, SynSpec, UdpSpec};
use netdiag_model::{Destination, IcmpKind, StampSource};
use std::time::Duration;

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// ICMP echo requests.
    #[default]
    Icmp,
    /// UDP datagrams to a port.
    Udp {
        /// The destination port; with a varied flow the first one.
        port: u16,
    },
    /// TCP to a port: SYNs, or connections without the right to send those.
    Tcp {
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
            Self::Udp { .. } => "udp",
            Self::Tcp { .. } => "tcp",
        }
    }

    /// The destination port, of protocols that have one.
    #[must_use]
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::Icmp => None,
            Self::Udp { port } | Self::Tcp { port } => Some(port),
        }
    }

    /// Whether the target's answers are ICMP errors, which hosts send sparingly: Linux six at once,
    /// then one a second to each destination.
    pub(crate) const fn is_limited_at_the_end(self) -> bool {
        matches!(self, Self::Udp { .. })
    }
}

impl Config {
    /// The probe with this number, from 1.
    pub(crate) fn kind(&self, seq: u64) -> ProbeKind {
        let (size, pattern) = (self.size, self.pattern);
        let step = if self.vary_flow { seq - 1 } else { 0 };
        match self.protocol {
            Protocol::Icmp => {
                // What routers balance by is the checksum; without a balance it differs.
                let constant = !self.vary_flow;
                ProbeKind::Echo(EchoSpec { size, pattern, flow: 0, constant, group: false })
            }
            Protocol::Udp { port } => {
                let [.., high, low] = step.to_be_bytes();
                let port = port.wrapping_add(u16::from_be_bytes([high, low])).max(1);
                ProbeKind::Udp(UdpSpec { port, size, pattern })
            }
            Protocol::Tcp { port } => match self.syn {
                Some(syn) => {
                    let flow = self.flow_of(seq);
                    ProbeKind::Syn(SynSpec { port, flow, mss: syn.mss })
                }
                None => ProbeKind::Connect(ConnectSpec::to(port)),
            },
        }
    }
}

impl Config {
    /// Which of its ports the SYN with this number, from 1, leaves from.
    pub(crate) fn flow_of(&self, seq: u64) -> u8 {
        let ports = self.syn.map_or(1, |syn| syn.ports.max(1));
        let step = if self.vary_flow { seq.saturating_sub(1) } else { 0 };
        u8::try_from(step % u64::from(ports)).unwrap_or(0)
    }

    /// Whether TCP is probed by connections, each with a port of its own, of which nobody tells when
    /// they left.
    pub(crate) const fn connects(&self) -> bool {
        matches!(self.protocol, Protocol::Tcp { .. }) && self.syn.is_none()
    }

    /// Whether all SYNs are of one connection to the target, so that it answers none while it waits
    /// for the end of another's handshake.
    pub(crate) const fn shares_a_connection(&self) -> bool {
        self.syn.is_some() && !self.vary_flow
    }
}

/// Who answered a probe, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who.
    pub from: Destination,
    /// From our probe to the answer.
    pub rtt: Duration,
    /// Whose clock.
    pub stamp: StampSource,
    /// The TTL or hop limit it arrived with, where known.
    pub hop_limit: Option<u8>,
    /// The TTL of our packet as quoted, where told.
    pub quoted_hop_limit: Option<u8>,
    /// What it was, of an ICMP error.
    pub icmp: Option<IcmpKind>,
    /// The MTU of a "too big".
    pub mtu: Option<u32>,
    /// The segment that answered a SYN.
    pub segment: Option<Segment>,
    /// What it says of the path.
    pub meaning: Meaning,
}

/// What an answer says of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A router on the way.
    Passed,
    /// The target.
    Reached(State),
    /// Nothing gets further than here.
    Stopped,
}

/// What the target said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// An echo reply.
    EchoReply,
    /// Nobody listens at the UDP port.
    PortUnreachable,
    /// Somebody listens at the port.
    Open,
    /// A TCP reset.
    Closed,
    /// The target itself refused, or nobody answered a TCP probe at all.
    Filtered,
}

/// An outcome as an answer, if it is one.
pub(crate) fn answer(probe: &Probe, outcome: &Outcome) -> Option<Answer> {
    match outcome {
        Outcome::Replied(reply) => Some(of_reply(reply)),
        Outcome::NetError(error) => Some(of_error(probe, error)),
        Outcome::Refused(refusal) => Some(Answer {
            from: probe.destination,
            rtt: refusal.rtt,
            stamp: refusal.stamp,
            hop_limit: None,
            quoted_hop_limit: None,
            icmp: None,
            mtu: None,
            segment: None,
            meaning: Meaning::Reached(State::Closed),
        }),
        Outcome::TimedOut | Outcome::LocalError(_) | Outcome::Unknown(_) => None,
    }
}

fn of_reply(reply: &Reply) -> Answer {
    let (state, icmp) = match &reply.detail {
        ReplyDetail::PortUnreachable => {
            let kind = match reply.from {
                Destination::V4(_) => IcmpKind::v4(3, 3),
                Destination::V6(..) => IcmpKind::v6(1, 4),
            };
            (State::PortUnreachable, Some(kind))
        }
        ReplyDetail::Datagram { .. } | ReplyDetail::Connected { .. } => (State::Open, None),
        ReplyDetail::Reset => (State::Closed, None),
        ReplyDetail::Segment(segment) if segment.is_open() => (State::Open, None),
        ReplyDetail::Segment(_) => (State::Closed, None),
        _ => (State::EchoReply, None),
    };
    let (rtt, stamp) = by_the_kernel(reply).unwrap_or((reply.rtt, reply.stamp));
    Answer {
        from: reply.from,
        rtt,
        stamp,
        hop_limit: reply.hop_limit,
        quoted_hop_limit: None,
        icmp,
        mtu: None,
        segment: match &reply.detail {
            ReplyDetail::Segment(segment) => Some(*segment),
            _ => None,
        },
        meaning: Meaning::Reached(state),
    }
}

/// The time from SYN to SYN-ACK, where the kernel measured it: not where the SYN went out again.
fn by_the_kernel(reply: &Reply) -> Option<(Duration, StampSource)> {
    let ReplyDetail::Connected { info, .. } = &reply.detail else { return None };
    let TcpInfo { rtt, total_retransmits, .. } = info.as_ref()?;
    let is_measured = *total_retransmits == 0 && !rtt.is_zero() && *rtt <= reply.rtt;
    is_measured.then_some((*rtt, StampSource::Kernel))
}

fn of_error(probe: &Probe, error: &IcmpError) -> Answer {
    let kind = error.kind;
    let by_target = probe.destination.is_source(error.from);
    let meaning = match kind {
        _ if kind.is_time_exceeded() => Meaning::Passed,
        _ if by_target && kind.is_port_unreachable() => Meaning::Reached(State::PortUnreachable),
        _ if by_target && (kind.is_prohibited() || kind.is_unreachable()) => {
            Meaning::Reached(State::Filtered)
        }
        _ => Meaning::Stopped,
    };
    Answer {
        from: error.from,
        rtt: error.rtt,
        stamp: error.stamp,
        hop_limit: error.hop_limit,
        quoted_hop_limit: error.quoted_hop_limit,
        icmp: Some(kind),
        mtu: error.info.filter(|_| kind.is_too_big()),
        segment: None,
        meaning,
    }
}
