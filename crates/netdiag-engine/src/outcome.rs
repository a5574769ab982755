//! What became of a probe: one vocabulary for every command.

use crate::port::{IpOptions, SendError, TcpInfo};
use crate::probe::Probe;
use netdiag_model::contract::Options;
use netdiag_model::{Destination, Family, IcmpKind, Instant, StampSource};
use netdiag_wire::extension::Extensions;
use netdiag_wire::quote::Quoted;
pub use netdiag_wire::tcp::{Offer, TcpFlags};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How a probe ended. Each probe ends exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came in time.
    Replied(Reply),
    /// Nothing came in time.
    TimedOut,
    /// A router or the target said that it could not be delivered.
    NetError(IcmpError),
    /// The other end answered that it will not: a TCP reset.
    Refused(Refusal),
    /// It never left this machine. Not loss.
    LocalError(SendError),
    /// Something on this machine made the sample meaningless. Not loss.
    Unknown(Why),
}

/// An answer that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who answered.
    pub from: Destination,
    /// Receive stamp less send stamp; at most the timeout.
    pub rtt: Duration,
    /// Whose clock the round trip was taken with: the kernel's only if both ends were.
    pub stamp: StampSource,
    /// Kernel stamps were there and contradicted the user's clock, so that the user's were taken
    ///.
    pub clock_adjusted: bool,
    /// When it came.
    pub received_at: Instant,
    /// The TTL or hop limit it arrived with, where known.
    pub hop_limit: Option<u8>,
    /// Bytes of the answer: the ICMP message or UDP datagram with its header; of a "port
    /// unreachable" what it quotes of our datagram.
    pub bytes: usize,
    /// Bytes that were sent, likewise counted; more than `bytes` when the answer was cut. The same
    /// as `bytes` where the answer is not what was sent.
    pub sent_bytes: usize,
    /// The first data byte that is not what was sent.
    pub corruption: Option<Corruption>,
    /// The IPv4 options that it came with, where the probe had some.
    pub options: Option<IpOptions>,
    /// What only some kinds of probe bring.
    pub detail: ReplyDetail,
}

impl Reply {
    /// Whether the answer is shorter than what was sent.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.bytes < self.sent_bytes
    }
}

/// What only some kinds of probe bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyDetail {
    /// An echo reply.
    Echo,
    /// A timestamp reply.
    Timestamps(Timestamps),
    /// An extended echo reply.
    Interface(InterfaceAnswer),
    /// A TCP reset, where a prober counts one as an answer.
    Reset,
    /// A TCP segment that acknowledges a SYN.
    Segment(Segment),
    /// The target itself said that nobody listens at the port.
    PortUnreachable,
    /// A UDP datagram came from the address and port that were probed.
    Datagram {
        /// It carries index and tag of the probe; otherwise it is its answer since no other probe
        /// to that address and port was open.
        echoed: bool,
    },
    /// A UDP datagram that the measurement takes for the answer to its message: its payload.
    Message(Vec<u8>),
    /// A TCP connection opened.
    Connected {
        /// The local end.
        local: SocketAddr,
        /// What the kernel knows of the handshake.
        info: Option<TcpInfo>,
    },
    /// A dialog was answered.
    Exchanged {
        /// Time to connect, and from the request to the end of the answer.
        phases: [Duration; 2],
        /// The answer.
        answer: Vec<u8>,
    },
}

/// The times of a timestamp reply as they came: milliseconds since midnight UTC, unless the highest
/// bit is set (RFC 792 page 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// When the request left, by the clock of this machine.
    pub originate: u32,
    /// When it arrived there, by the clock there.
    pub receive: u32,
    /// When the reply left there.
    pub transmit: u32,
}

/// What a node says of an interface or a neighbour (RFC 8335 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAnswer {
    /// How it went.
    pub code: u8,
    /// The state of a neighbour's table entry.
    pub state: u8,
    /// Whether the interface is active.
    pub active: bool,
    /// Whether IPv4 runs on it.
    pub ipv4: bool,
    /// Whether IPv6 runs on it.
    pub ipv6: bool,
}

/// The answer to a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its flags: SYN and ACK, or RST.
    pub flags: TcpFlags,
    /// Its window in bytes, not scaled.
    pub window: u16,
    /// What it offers; of a reset nothing.
    pub offer: Offer,
    /// Whether it agrees to explicit congestion notification; `None`: it was not asked to.
    pub ecn: Option<bool>,
}

impl Segment {
    /// Whether somebody listens at the port.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.flags.contains(TcpFlags::RST)
    }

    /// What it offers, in the words of the contract; `None` of a reset.
    #[must_use]
    pub fn options(&self) -> Option<Options> {
        let Offer { mss, window_scale, sack_permitted, timestamps, .. } = self.offer;
        let (wscale, sack, ecn) = (window_scale, sack_permitted, self.ecn);
        self.is_open().then_some(Options { mss, wscale, sack, timestamps, ecn })
    }
}

/// A data byte that changed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// Offset in the data.
    pub offset: usize,
    /// What was sent.
    pub sent: u8,
    /// What came back.
    pub received: u8,
}

/// A refusal by the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// ECONNREFUSED or ECONNRESET.
    pub errno: i32,
    /// From the attempt to the refusal: a true round trip.
    pub rtt: Duration,
    /// Whose clock.
    pub stamp: StampSource,
}

/// An ICMP message about one of our probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Type and code.
    pub kind: IcmpKind,
    /// Who sent it.
    pub from: Destination,
    /// From our probe to the message.
    pub rtt: Duration,
    /// Whose clock.
    pub stamp: StampSource,
    /// The TTL or hop limit with which it arrived, where known.
    pub hop_limit: Option<u8>,
    /// The error number that the kernel gave with it, of a connection.
    pub errno: Option<i32>,
    /// The MTU of a "too big"; the pointer of a parameter problem.
    pub info: Option<u32>,
    /// The better next hop of a redirect.
    pub gateway: Option<IpAddr>,
    /// The hop limit that our packet had when it was quoted, where the quote tells.
    pub quoted_hop_limit: Option<u8>,
}

/// The smallest MTU that a link may have, in bytes (RFC 791 section 3.2, RFC 8200 section 5).
#[must_use]
pub const fn least_mtu(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 68,
        Family::Ipv6 => 1280,
    }
}

/// What an ICMP error brings beside its kind: our packet as its sender saw it, and what it adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail<'a> {
    /// Who sent the error.
    pub from: Destination,
    /// The packet as it is quoted, where headers are told: not by an error queue.
    pub quoted: Option<Quoted<'a>>,
    /// The extensions behind it (RFC 4884).
    pub extensions: Extensions<'a>,
}

/// Why a sample is meaningless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The machine slept while the probe was under way.
    Suspended,
    /// Our own socket dropped packets while the probe was under way.
    ReceiveDrops,
    /// The interface, its address or the route changed while the probe was under way.
    InterfaceChanged,
    /// Nothing says whether the probe left this machine.
    DepartureUnknown,
    /// It was refused by the destination or by this machine's own firewall.
    RefuserUnknown,
}

impl Why {
    /// A stable word for the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::ReceiveDrops => "receive-drops",
            Self::InterfaceChanged => "interface-changed",
            Self::DepartureUnknown => "departure-unknown",
            Self::RefuserUnknown => "refuser-unknown",
        }
    }

    /// The same in words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Suspended => "the machine slept while it was under way",
            Self::ReceiveDrops => "our own socket dropped packets while it was under way",
            Self::InterfaceChanged => {
                "the way out of this machine was not there, or changed, while it was under way"
            }
            Self::DepartureUnknown => "whether it left this machine is not known",
            Self::RefuserUnknown => {
                "whether the destination refused it or a firewall of this machine is not known"
            }
        }
    }
}

/// Something about a probe that does not settle it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// The first answer after the probe was given up: it stays lost.
    Late(Reply),
    /// A further answer.
    Duplicate(Reply),
    /// A further answer to a probe to a group: of another host, or once more of the same.
    Further(Reply),
    /// A SYN-ACK once more. The target sends it again until it hears of us (RFC 9293 section 3.8.1),
    /// so nothing says that the network doubled it.
    Repeated(Reply),
    /// Something that claims to be an answer and is not.
    Rejected(Rejection),
    /// A message that lets the probe live on: a redirect, a source quench.
    Advice(IcmpError),
    /// An ICMP error about a probe that had ended before.
    LateError(IcmpError),
}

impl Stray {
    /// When it came, for this probe.
    #[must_use]
    pub fn at(&self, probe: &Probe) -> Instant {
        match self {
            Self::Late(reply)
            | Self::Duplicate(reply)
            | Self::Further(reply)
            | Self::Repeated(reply) => reply.received_at,
            Self::Rejected(rejection) => rejection.at,
            Self::Advice(error) | Self::LateError(error) => probe.sent_at + error.rtt,
        }
    }
}

/// A packet that was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Who sent it, by its own claim.
    pub from: Destination,
    /// When.
    pub at: Instant,
    /// Why it was not counted.
    pub reason: Reason,
    /// What it said, where it was an ICMP error that could be read: its kind, and the MTU of a "too
    /// big".
    pub said: Option<(IcmpKind, Option<u32>)>,
    /// Where the packet was going that it says something about, where that is known.
    pub about: Option<Destination>,
}

/// Why a packet was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its checksum does not fit its bytes.
    BadChecksum,
    /// Too short for what it claims to be, or for its tag to be checked.
    Truncated,
    /// It comes from another address than was probed.
    WrongSource,
    /// It comes from or goes to another port than the probe.
    WrongPort,
    /// Identifier or sequence number are not those of the probe that it names; a segment acknowledges
    /// no SYN of ours.
    WrongSequence,
    /// Its tag is not the one that was sent.
    BadTag,
    /// It names a probe that was never sent, or that is long forgotten.
    UnknownProbe,
    /// An error whose quote cannot be read.
    UnparsableQuote,
    /// A "too big" whose MTU cannot be true.
    ImplausibleMtu,
    /// It answers another question than was asked.
    WrongQuestion,
    /// It is a request itself, or no message of the protocol at all.
    NoAnswer,
    /// It says too little to tell which of several open probes it is about.
    Ambiguous,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::BadChecksum,
        Self::Truncated,
        Self::WrongSource,
        Self::WrongPort,
        Self::WrongSequence,
        Self::BadTag,
        Self::UnknownProbe,
        Self::UnparsableQuote,
        Self::ImplausibleMtu,
        Self::WrongQuestion,
        Self::NoAnswer,
        Self::Ambiguous,
    ];

    /// Counts by reason, by the words of the JSON contract.
    #[must_use]
    pub fn named(counts: &BTreeMap<Self, u64>) -> BTreeMap<String, u64> {
        counts.iter().map(|(reason, count)| (reason.name().to_owned(), *count)).collect()
    }

    /// A stable word for the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadChecksum => "bad-checksum",
            Self::Truncated => "truncated",
            Self::WrongSource => "wrong-source",
            Self::WrongPort => "wrong-port",
            Self::WrongSequence => "wrong-sequence",
            Self::BadTag => "bad-tag",
            Self::UnknownProbe => "unknown-probe",
            Self::UnparsableQuote => "unparsable-quote",
            Self::ImplausibleMtu => "implausible-mtu",
            Self::WrongQuestion => "wrong-question",
            Self::NoAnswer => "no-answer",
            Self::Ambiguous => "ambiguous",
        }
    }
}
