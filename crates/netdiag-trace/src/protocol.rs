//! What is sent, and what an outcome means on a path.

use crate::Config;
use crate::multipath::Vertex;
use netdiag_engine::outcome::{IcmpError, Reply, ReplyDetail, Segment};
use netdiag_engine::port::TcpInfo;
use netdiag_engine::{ConnectSpec, EchoSpec, Outcome, Probe, ProbeKind, SynSpec, UdpSpec};
use netdiag_model::{Destination, IcmpKind, StampSource};
use netdiag_wire::tcp::SYN_LENGTH;
use std::time::Duration;

/// The header of an echo request or a datagram, in bytes.
pub(crate) const HEADER: u32 = 8;

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
    /// A probe of this kind and flow, with so many data bytes.
    pub(crate) fn kind(&self, protocol: Protocol, flow: u64, size: u16) -> ProbeKind {
        let pattern = self.pattern;
        let [.., high, low] = flow.to_be_bytes();
        let low = u16::from_be_bytes([high, low]);
        match protocol {
            Protocol::Icmp => {
                // What routers balance by is the checksum; without a balance it differs.
                let balance = (!self.vary_flow).then_some(low);
                ProbeKind::Echo(EchoSpec { size, pattern, flow: 0, balance, group: false })
            }
            Protocol::Udp { port } => {
                let port = port.wrapping_add(low).max(1);
                ProbeKind::Udp(UdpSpec { port, size, pattern })
            }
            Protocol::Tcp { port } => match self.syn {
                Some(syn) => {
                    let flow = self.port_of(flow);
                    ProbeKind::Syn(SynSpec { port, flow, mss: syn.mss, ecn: false })
                }
                None => ProbeKind::Connect(ConnectSpec::to(port)),
            },
        }
    }
}

/// How many flows cycles take in turn: a port that is counted up for hours comes to those of services.
const FLOWS_OF_CYCLES: u64 = 256;

impl Config {
    /// The flow of the probe with this number, from 1, where nothing else is wanted.
    pub(crate) const fn flow_of(&self, seq: u64) -> u64 {
        match (self.vary_flow, self.rounds.is_some()) {
            (false, _) => 0,
            (true, false) => seq.saturating_sub(1),
            (true, true) => seq.saturating_sub(1) % FLOWS_OF_CYCLES,
        }
    }

    /// The bytes of a packet with so much data; `None` where the kernel makes it.
    pub(crate) fn packet_bytes(&self, size: u16) -> Option<u32> {
        let data = match self.protocol {
            Protocol::Tcp { .. } => self.syn.map(|_| SYN_LENGTH as u32)?,
            _ => HEADER + u32::from(size),
        };
        Some(data + self.ip_header())
    }

    /// As large packets as pass are sent, from this size on, in bytes.
    pub fn begin_with(&mut self, bytes: u32) {
        // The lengths of IPv4 and of a datagram have 16 bits.
        self.size = self.data_of(bytes.min(u32::from(u16::MAX)));
        self.finds_mtu = true;
    }

    /// The data that a packet of so many bytes has room for.
    pub(crate) fn data_of(&self, bytes: u32) -> u16 {
        let data = bytes.saturating_sub(self.ip_header() + HEADER);
        u16::try_from(data).unwrap_or(u16::MAX)
    }

    pub(crate) fn ip_header(&self) -> u32 {
        u32::try_from(self.destination.family().header_len()).unwrap_or(0)
    }

    /// Which of its ports a SYN of this flow leaves from.
    pub(crate) fn port_of(&self, flow: u64) -> u8 {
        let ports = self.syn.map_or(1, |syn| syn.ports.max(1));
        u8::try_from(flow % u64::from(ports)).unwrap_or(0)
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

impl Answer {
    /// Who answered, as one that packets pass or not.
    pub(crate) fn vertex(&self) -> Vertex {
        Vertex::Node { address: self.from.address(), is_last: self.meaning != Meaning::Passed }
    }
}

#[cfg(test)]
impl Answer {
    /// One that came after a millisecond.
    pub(crate) const fn of(from: Destination, meaning: Meaning) -> Self {
        Self {
            from,
            rtt: Duration::from_millis(1),
            stamp: StampSource::Kernel,
            hop_limit: None,
            quoted_hop_limit: None,
            icmp: None,
            mtu: None,
            segment: None,
            meaning,
        }
    }
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

/// After which time the kernel sends a SYN again: a second (`TCP_TIMEOUT_INIT`, net/tcp.h), less what
/// its clock may be early by.
const SENT_AGAIN: Duration = Duration::from_millis(990);

/// Whether a connection's SYN was answered only once the kernel may have sent it again, so that nobody
/// knows which of them that was an answer to: the first one was not answered in its time.
pub(crate) fn is_of_later_syn(outcome: &Outcome) -> bool {
    let is_late = |rtt: Duration| rtt >= SENT_AGAIN;
    match outcome {
        Outcome::Replied(reply) => match &reply.detail {
            ReplyDetail::Connected { info: Some(info), .. } => info.total_retransmits > 0,
            _ => is_late(reply.rtt),
        },
        Outcome::NetError(error) => is_late(error.rtt),
        Outcome::Refused(refusal) => is_late(refusal.rtt),
        Outcome::TimedOut | Outcome::LocalError(_) | Outcome::Unknown(_) => false,
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

#[cfg(test)]
mod tests {
    use crate::{Config, Rounds};
    use netdiag_model::Destination;
    use std::time::Duration;

    /// A trace counts up as the classic does; what goes on for hours comes back to where it began.
    #[test]
    fn flows_of_cycles_are_few() {
        let to = Destination::new("192.0.2.1".parse().expect("an address"));
        let mut config = Config::new(0, to);
        assert_eq!([1, 2, 70_000].map(|seq| config.flow_of(seq)), [0, 0, 0]);
        config.vary_flow = true;
        assert_eq!([1, 2, 70_000].map(|seq| config.flow_of(seq)), [0, 1, 69_999]);
        config.rounds =
            Some(Rounds { interval: Duration::from_secs(1), count: None, figures: None });
        assert_eq!([1, 2, 257, 70_000].map(|seq| config.flow_of(seq)), [0, 1, 0, 111]);
    }
}
