//! What a measurement asks to be sent, and what it is told about it afterwards.

use crate::interface_query::InterfaceQuery;
use crate::port::{Control, ExchangeFraming, Over};
use netdiag_model::{Destination, Family, Instant};
use std::ops::Range;
use std::time::Duration;

/// One probe that a measurement wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSpec {
    /// The measurement's own number for the target; comes back in [`Probe::target`].
    pub target: u32,
    /// The measurement's own number for the probe; comes back in [`Probe::seq`]. 64 bits, so that
    /// it never wraps.
    pub seq: u64,
    /// Where it goes.
    pub destination: Destination,
    /// After which time without an answer it is lost.
    pub timeout: Duration,
    /// How long a full queue of this machine may delay it before it counts as not sent.
    pub patience: Duration,
    /// What its packets carry beside their bytes.
    pub control: Control,
    /// What it is.
    pub kind: ProbeKind,
}

/// The kinds of probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// An ICMP echo request (RFC 792, RFC 4443 section 4.1).
    Echo(EchoSpec),
    /// An ICMP timestamp request (RFC 792 page 16), over IPv4 and raw sockets only.
    Timestamp(TimestampSpec),
    /// An extended echo request (RFC 8335): a question about an interface.
    Interface(InterfaceSpec),
    /// A UDP datagram. It needs no right: what it asks for is the target's "port unreachable", or
    /// whatever answers at the port.
    Udp(UdpSpec),
    /// A UDP datagram with bytes of the caller's, whose answer begins with the same two bytes; what
    /// else makes it one, [`Measurement::objection`](crate::Measurement::objection) says.
    Message(MessageSpec),
    /// A TCP SYN over a raw socket. What it asks for is the target's SYN-ACK or reset; the connection
    /// is never completed: this machine's own stack, which knows of none, resets it.
    Syn(SynSpec),
    /// A connect to a port, by the kernel.
    Connect(ConnectSpec),
    /// A request and its answer over a TCP connection.
    Exchange {
        /// The destination port.
        port: u16,
        /// How messages are told apart on the stream.
        framing: ExchangeFraming,
        /// The request.
        request: Vec<u8>,
    },
}

/// What a connection is opened to, and from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectSpec {
    /// By which protocol.
    pub over: Over,
    /// The destination port.
    pub port: u16,
    /// The local port; 0: any that is free.
    pub source_port: u16,
    /// It stays open: what comes over it is told with [`Measurement::heard`], until
    /// [`Next::HangUp`].
    ///
    /// [`Measurement::heard`]: crate::Measurement::heard
    /// [`Next::HangUp`]: crate::Next::HangUp
    pub stays: bool,
}

impl ConnectSpec {
    /// A TCP connection to a port, from whichever port is free.
    #[must_use]
    pub const fn to(port: u16) -> Self {
        Self { over: Over::Tcp, port, source_port: 0, stays: false }
    }
}

/// What a timestamp request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampSpec {
    /// Which identifier of the block to use, as in [`EchoSpec`].
    pub flow: u8,
    /// The time of the day when the probe starts, in milliseconds since midnight UTC. The answer must
    /// bring it back.
    pub originate: u32,
}

/// What an extended echo request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// Which identifier of the block to use, as in [`EchoSpec`]. Each has 256 sequence numbers; a
    /// probe waits where all are taken by probes that may still be answered.
    pub flow: u8,
    /// What is asked.
    pub query: InterfaceQuery,
}

/// What an echo request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoSpec {
    /// Data bytes after the ICMP header.
    pub size: u16,
    /// What fills the data after index and tag.
    pub pattern: Pattern,
    /// Which identifier of the block to use: probes with the same value share a flow. Taken modulo
    /// the size of the block.
    pub flow: u8,
    /// Two bytes behind the tag are set so that the checksum is that of every other such probe with this
    /// identifier and this number: routers that balance by it send them one way (Paris traceroute), and
    /// those with another number perhaps another. 0 and 65535 are one. Takes 18 data bytes.
    pub balance: Option<u16>,
    /// Whether it goes to many hosts, by multicast or broadcast: then an answer may come from any of
    /// them, the first one settles it, and further ones are [`Stray::Further`].
    ///
    /// [`Stray::Further`]: crate::Stray::Further
    pub group: bool,
}

/// What a UDP probe carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpSpec {
    /// The destination port. Of two probes to one address and port that are open at the same time,
    /// an answer that quotes too little is ascribed to neither.
    pub port: u16,
    /// Payload bytes.
    pub size: u16,
    /// What fills the payload after index and tag.
    pub pattern: Pattern,
}

/// A UDP datagram with the caller's own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSpec {
    /// The destination port.
    pub port: u16,
    /// The payload. Its first two bytes name it and must be hard to guess:
    /// [`Secret::message_id`](crate::Secret::message_id).
    pub bytes: Vec<u8>,
}

/// What a SYN carries. Its control must name the source: the checksum covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynSpec {
    /// The destination port.
    pub port: u16,
    /// Which port of the block it leaves from: probes with the same value share a flow. Taken modulo
    /// the size of the block.
    pub flow: u8,
    /// The MSS that it offers, in bytes.
    pub mss: u16,
    /// It asks for explicit congestion notification (RFC 3168 section 6.1.1).
    pub ecn: bool,
}

impl SynSpec {
    /// The MSS that a host on an Ethernet offers: what is left of 1500 bytes (RFC 9293 section 3.7.1).
    #[must_use]
    pub const fn ethernet_mss(family: Family) -> u16 {
        match family {
            Family::Ipv4 => 1_460,
            Family::Ipv6 => 1_440,
        }
    }
}

/// The first bytes of the data that count.
const COUNTED: [u8; 256] = {
    let (mut bytes, mut byte) = ([0; 256], 0_u8);
    while byte < u8::MAX {
        byte += 1;
        bytes[byte as usize] = byte;
    }
    bytes
};

/// The filling of a probe: up to 16 bytes repeated, or iputils' counting bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    bytes: [u8; 16],
    len: u8,
}

impl Pattern {
    /// Byte `n` of the data is `n` modulo 256, as iputils fills it.
    pub const COUNTING: Self = Self { bytes: [0; 16], len: 0 };

    /// 1 to 16 bytes, repeated; `None` for any other number.
    #[must_use]
    pub fn repeated(bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len()).ok().filter(|len| (1..=16).contains(len))?;
        let mut held = [0; 16];
        held.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Some(Self { bytes: held, len })
    }

    /// The bytes that are repeated; none for [`Self::COUNTING`].
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Appends the data from one offset to another.
    pub fn fill(&self, offsets: Range<usize>, out: &mut Vec<u8>) {
        match self.counted(&offsets) {
            Some(counted) => out.extend_from_slice(counted),
            None => out.extend(offsets.map(|offset| self.byte(offset))),
        }
    }

    /// The first offset within these at which `data` is something else.
    #[must_use]
    pub fn first_difference(&self, offsets: Range<usize>, data: &[u8]) -> Option<usize> {
        let same = |counted| data.get(offsets.clone()) == Some(counted);
        if self.counted(&offsets).is_some_and(same) {
            return None;
        }
        let mut offsets = offsets.start..offsets.end.min(data.len());
        offsets.find(|offset| data.get(*offset) != Some(&self.byte(*offset)))
    }

    /// The data of [`Self::COUNTING`] at these offsets, where they are low enough: most probes are
    /// small, and a sweep has many.
    fn counted(&self, offsets: &Range<usize>) -> Option<&'static [u8]> {
        COUNTED.get(offsets.clone()).filter(|_| self.len == 0)
    }

    /// The byte at `offset` of the data.
    #[must_use]
    pub fn byte(&self, offset: usize) -> u8 {
        if self.len == 0 {
            return offset.to_le_bytes()[0];
        }
        let place = offset % usize::from(self.len);
        self.bytes.get(place).copied().unwrap_or_default()
    }
}

/// A probe as the measurement that asked for it is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The measurement's number for the target.
    pub target: u32,
    /// The measurement's number for the probe.
    pub seq: u64,
    /// Where it went.
    pub destination: Destination,
    /// When it was sent, by the best clock; when it was tried, for one that did not leave.
    pub sent_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_repeats_and_the_default_counts() {
        let pattern = Pattern::repeated(&[0xab, 0xcd, 0xef]).expect("three bytes");
        assert_eq!((pattern.byte(0), pattern.byte(4), pattern.byte(5)), (0xab, 0xcd, 0xef));
        assert_eq!((Pattern::COUNTING.byte(16), Pattern::COUNTING.byte(257)), (16, 1));
        for pattern in [pattern, Pattern::COUNTING] {
            for offsets in [16..64, 250..300, 0..256, 5..5, 255..257] {
                let mut data = vec![0; offsets.start];
                pattern.fill(offsets.clone(), &mut data);
                let wanted: Vec<u8> = offsets.clone().map(|offset| pattern.byte(offset)).collect();
                assert_eq!(data.get(offsets.clone()), Some(wanted.as_slice()));
                assert_eq!(pattern.first_difference(offsets.clone(), &data), None);
                // What is missing is no difference.
                assert_eq!(pattern.first_difference(offsets.start..999, &data), None);
                if let Some(last) = data.last_mut().filter(|_| !offsets.is_empty()) {
                    *last ^= 1;
                    let found = pattern.first_difference(offsets.clone(), &data);
                    assert_eq!(found, Some(offsets.end - 1));
                }
            }
        }
        assert_eq!(Pattern::repeated(&[]), None);
        assert_eq!(Pattern::repeated(&[0; 17]), None);
    }
}
