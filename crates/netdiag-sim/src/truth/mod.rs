//! The record of what really happened, to compare a report with.

mod json;
mod pcapng;

pub use pcapng::PcapWriter;

use crate::internet::packet::{Header, u16_at};
use netdiag_model::Instant;
use netdiag_wire::protocol::{ICMP, ICMPV6};
use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// It left `here`.
    Sent,
    /// A router passed it on.
    Forwarded,
    /// It got lost on a link.
    Lost,
    /// A link's queue was full.
    Overflowed,
    /// A link was down.
    LinkDown,
    /// A node was down.
    NodeDown,
    /// No path leads to its destination.
    NoPath,
    /// Nobody owns its destination.
    NoOwner,
    /// Its TTL or hop limit ran out.
    Expired,
    /// It was larger than a link's MTU.
    TooBig,
    /// A node refuses its destination.
    Refused,
    /// A link doubled it.
    Duplicated,
    /// A link held it back.
    HeldBack,
    /// A link flipped a bit of it.
    Corrupted,
    /// A host found its checksum wrong and dropped it.
    BadChecksum,
    /// A host got it and does not answer such packets.
    Ignored,
    /// A node answered it honestly: this is the answer.
    Answered,
    /// A node made up this answer.
    Forged,
    /// A node would have answered, but its rate limit was reached.
    Limited,
    /// A node would have answered, but is silent.
    Silent,
    /// It reached `here`.
    Delivered,
    /// It reached `here` while the machine slept.
    Asleep,
    /// It reached `here` while the interface was down.
    Unplugged,
    /// The kernel of `here` found its checksum wrong and dropped it.
    KernelBadChecksum,
    /// No socket of `here` wanted it.
    Unwanted,
    /// The socket that wanted it had no room.
    ReceiveDropped,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 26] = [
        Self::Sent,
        Self::Forwarded,
        Self::Lost,
        Self::Overflowed,
        Self::LinkDown,
        Self::NodeDown,
        Self::NoPath,
        Self::NoOwner,
        Self::Expired,
        Self::TooBig,
        Self::Refused,
        Self::Duplicated,
        Self::HeldBack,
        Self::Corrupted,
        Self::BadChecksum,
        Self::Ignored,
        Self::Answered,
        Self::Forged,
        Self::Limited,
        Self::Silent,
        Self::Delivered,
        Self::Asleep,
        Self::Unplugged,
        Self::KernelBadChecksum,
        Self::Unwanted,
        Self::ReceiveDropped,
    ];
}

/// One thing that happened to one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// Where: an index into [`Truth::nodes`]; 0 is `here`. For what happens on a link, the end that
    /// the packet came from.
    pub node: u32,
    /// The packet from here that it is or comes from, counted from 0.
    pub probe: u64,
    /// What.
    pub fact: Fact,
    /// The packet.
    pub about: About,
}

/// What a packet was, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its protocol: 1, 58, 17, 6.
    pub protocol: u8,
    /// Its TTL or hop limit at that moment.
    pub hop_limit: u8,
    /// Its bytes, IP header included.
    pub length: u32,
    /// ICMP: type and code.
    pub icmp: Option<(u8, u8)>,
    /// The second 32 bits of the transport: of an echo, identifier and sequence number.
    pub word: [u16; 2],
}

/// What became of one packet from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// When it left.
    pub sent: Instant,
    /// When the first packet that it caused came back.
    pub first_delivered: Option<Instant>,
    /// How many packets that it caused came back.
    pub delivered: u32,
}

/// How much is recorded. Counts are always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Counts only.
    Off,
    /// Entries and probes, at most so many of each; the rest is counted in [`Truth::left_off`].
    Memory(usize),
}

/// The record.
pub struct Truth {
    recording: Recording,
    counts: [u64; Fact::ALL.len()],
    nodes: Vec<String>,
    entries: Vec<Entry>,
    probes: Vec<Probe>,
    left_off: u64,
    stream: Option<Box<dyn Write + Send>>,
    failed: Option<io::Error>,
    line: Vec<u8>,
}

impl Truth {
    pub(crate) fn new(nodes: Vec<String>) -> Self {
        Self {
            recording: Recording::Off,
            counts: [0; Fact::ALL.len()],
            nodes,
            entries: Vec::new(),
            probes: Vec::new(),
            left_off: 0,
            stream: None,
            failed: None,
            line: Vec::new(),
        }
    }

    pub(crate) const fn set_recording(&mut self, recording: Recording) {
        self.recording = recording;
    }

    pub(crate) fn set_stream(&mut self, stream: Box<dyn Write + Send>) {
        self.stream = Some(stream);
    }

    /// How often something happened.
    #[must_use]
    pub const fn count(&self, fact: Fact) -> u64 {
        self.counts[fact as usize]
    }

    /// The names of the nodes; the first is `here`.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Everything that was recorded, in the order it happened.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries of one kind.
    pub fn of(&self, fact: Fact) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.fact == fact)
    }

    /// The packets that reached `here`.
    pub fn delivered(&self) -> impl Iterator<Item = &Entry> {
        self.of(Fact::Delivered)
    }

    /// What became of the packets from here, in the order they left.
    #[must_use]
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// The true round-trip time of the n-th packet from here (from 0): until the first packet that
    /// it caused came back.
    #[must_use]
    pub fn rtt(&self, probe: usize) -> Option<Duration> {
        let probe = self.probes.get(probe)?;
        Some(probe.first_delivered?.since(probe.sent))
    }

    /// How many entries did not fit into the memory that [`Recording::Memory`] allows.
    #[must_use]
    pub const fn left_off(&self) -> u64 {
        self.left_off
    }

    /// Writes out what the stream still holds.
    ///
    /// # Errors
    /// This or an earlier write to the stream failed.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.stream.as_mut().map_or(Ok(()), Write::flush)
    }

    /// Notes that something happened.
    pub(crate) fn note(&mut self, at: u64, node: u32, probe: u64, fact: Fact, packet: &[u8]) {
        self.counts[fact as usize] += 1;
        if self.recording == Recording::Off && self.stream.is_none() {
            return;
        }
        self.keep(Instant::from_nanos(at), node, probe, fact, packet);
    }

    #[cold]
    fn keep(&mut self, at: Instant, node: u32, probe: u64, fact: Fact, packet: &[u8]) {
        let Some(about) = About::read(packet) else { return };
        let entry = Entry { at, node, probe, fact, about };
        if let Some(stream) = &mut self.stream {
            self.line.clear();
            json::write_line(&entry, &self.nodes, &mut self.line);
            if let Err(error) = stream.write_all(&self.line) {
                self.failed = Some(error);
                self.stream = None;
            }
        }
        let Recording::Memory(most) = self.recording else { return };
        self.keep_probe(&entry, most);
        if self.entries.len() < most {
            self.entries.push(entry);
        } else {
            self.left_off += 1;
        }
    }

    fn keep_probe(&mut self, entry: &Entry, most: usize) {
        let index = usize::try_from(entry.probe).unwrap_or(usize::MAX);
        if entry.fact == Fact::Sent && self.probes.len() < most {
            self.probes.push(Probe { sent: entry.at, ..Probe::default() });
        } else if entry.fact == Fact::Delivered
            && let Some(probe) = self.probes.get_mut(index)
        {
            probe.delivered += 1;
            probe.first_delivered.get_or_insert(entry.at);
        }
    }
}

impl fmt::Debug for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Fact::ALL.map(|fact| (fact, self.count(fact)));
        f.debug_struct("Truth")
            .field("counts", &counts)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl About {
    /// Reads a packet; `None` when it is none.
    fn read(packet: &[u8]) -> Option<Self> {
        let header = Header::read(packet)?;
        let transport = packet.get(header.transport..)?;
        let icmp = match (header.protocol, transport) {
            (ICMP | ICMPV6, [kind, code, ..]) => Some((*kind, *code)),
            _ => None,
        };
        Some(Self {
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            hop_limit: header.hop_limit,
            length: u32::try_from(packet.len()).unwrap_or(u32::MAX),
            icmp,
            word: [u16_at(transport, 4), u16_at(transport, 6)],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_facts_is_in_the_order_of_the_enum() {
        for (index, fact) in Fact::ALL.into_iter().enumerate() {
            assert_eq!(fact as usize, index);
        }
    }
}
