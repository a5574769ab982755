//! The internet itself: packets in, packets out, time as an argument.

mod answer;
mod dns;
mod error;
mod forge;
mod forward;
mod link;
mod nat;
mod node;
pub(crate) mod packet;
mod query;
mod queue;
mod topology;
mod udp;

use crate::random::Random;
use crate::scenario::{Balance, Change, NodeState, Scenario};
use crate::truth::{Fact, PcapWriter, Recording, Truth};
use link::Dropped;
use netdiag_model::{ClockAnchor, Instant};
use packet::Header;
use queue::{Pool, Queue, SlotId, What};
use std::collections::VecDeque;
use std::io::{self, Write};
use topology::{HERE_ID, NodeId, Topology};

/// 2026-01-01T00:00:00Z.
pub(crate) const START_UNIX_NANOS: i128 = 1_767_225_600_000_000_000;

/// A simulated internet as seen from `here`. It has no clock and no socket: whoever mounts it says
/// what time it is, hands in the packets that leave, and takes out those that arrive.
///
/// Times must not go back. What happens depends on the scenario, its seed, and the packets and
/// times handed in, on nothing else.
#[derive(Debug)]
pub struct Internet {
    topology: Topology,
    pool: Pool,
    queue: Queue,
    arrivals: VecDeque<(u64, SlotId)>,
    /// The buffer that the last arrival was read from.
    lent: Option<SlotId>,
    injected: u64,
    changes: Vec<Change>,
    truth: Truth,
    pcap: Option<PcapWriter>,
    /// What time of the day it is.
    wall: ClockAnchor,
}

/// A packet that reached `here`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// When.
    pub at: Instant,
    /// The IP packet.
    pub packet: &'a [u8],
    /// The number of the packet from here that caused it, counted from 0.
    pub probe: u64,
    /// When that packet left.
    pub probe_sent: Instant,
    /// It is not what an honest node sends.
    pub forged: bool,
}

impl Internet {
    /// The internet of a scenario, whose times count from `start`.
    #[must_use]
    pub fn new(scenario: &Scenario, start: Instant) -> Self {
        let topology = Topology::new(scenario);
        let truth = Truth::new(topology.node_names());
        let mut queue = Queue::default();
        for (index, change) in scenario.changes.iter().enumerate() {
            let at = start + change.at.duration();
            queue.add(at.as_nanos(), What::Change(index as u32));
        }
        Self {
            topology,
            pool: Pool::default(),
            queue,
            arrivals: VecDeque::new(),
            lent: None,
            injected: 0,
            changes: scenario.changes.clone(),
            truth,
            pcap: None,
            wall: ClockAnchor { instant: start, unix_nanos: START_UNIX_NANOS },
        }
    }

    /// From now on this is the time of the day; at the start it is 2026-01-01T00:00:00Z.
    pub const fn set_wall(&mut self, wall: ClockAnchor) {
        self.wall = wall;
    }

    /// An IP packet leaves `here`, after everything that happens up to `now`. Packets to destinations without a path (a kernel's own
    /// multicasts, say) are counted as [`Fact::NoPath`] and change nothing else.
    pub fn inject(&mut self, now: Instant, packet: &[u8]) {
        let now = now.as_nanos();
        while self.step(now) {}
        let header = Header::read(packet);
        let way = header.as_ref().and_then(|header| {
            let first = self.topology.way_to(header.destination)?;
            Some(first + self.choice(first, packet, header))
        });
        let Some(way) = way else {
            self.truth.note(now, HERE_ID, u64::MAX, Fact::NoPath, packet);
            return;
        };
        let trail = self.topology.ways[way as usize].forward;
        let id = self.pool.take();
        let slot = self.pool.get_mut(id);
        slot.bytes.clear();
        slot.bytes.extend_from_slice(packet);
        (slot.probe, slot.probe_at, slot.forged) = (self.injected, now, false);
        (slot.way, slot.trail, slot.position) = (way, trail, 0);
        self.truth.note(now, HERE_ID, self.injected, Fact::Sent, packet);
        if let Some(pcap) = &mut self.pcap {
            pcap.packet(now, packet, true);
        }
        self.injected += 1;
        self.send(now, id);
    }

    /// Which of the ways that begin with this one a packet takes.
    fn choice(&self, first: u32, packet: &[u8], header: &Header) -> u32 {
        let way = &self.topology.ways[first as usize];
        let among = u64::from(way.others) + 1;
        let seed = self.topology.seed;
        let mut random = match way.balance {
            Balance::Flow => Random::new(packet::flow_hash(packet, header, seed), 0),
            Balance::Packet => Random::new(seed, self.injected),
        };
        random.below(among) as u32
    }

    /// When something happens next; `None` when nothing is under way.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        let arrival = self.arrivals.front().map(|(at, _)| *at);
        arrival.or_else(|| self.queue.next_at()).map(Instant::from_nanos)
    }

    /// The next packet that reaches `here` at or before `now`. Time runs no further than to that
    /// packet: packets handed in after it may still come before the next one.
    pub fn poll(&mut self, now: Instant) -> Option<Arrival<'_>> {
        if let Some(read) = self.lent.take() {
            self.pool.free(read);
        }
        while self.arrivals.is_empty() && self.step(now.as_nanos()) {}
        let (at, id) = self.arrivals.pop_front()?;
        self.lent = Some(id);
        let slot = self.pool.get(id);
        Some(Arrival {
            at: Instant::from_nanos(at),
            packet: &slot.bytes,
            probe: slot.probe,
            probe_sent: Instant::from_nanos(slot.probe_at),
            forged: slot.forged,
        })
    }

    /// What really happened.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Says how much of what happens is kept. At first only counts are.
    pub const fn record(&mut self, recording: Recording) {
        self.truth.set_recording(recording);
    }

    /// Writes every entry of the record to `out`, as JSON Lines.
    pub fn stream_record(&mut self, out: Box<dyn Write + Send>) {
        self.truth.set_stream(out);
    }

    /// Writes every packet that passes `here` to a pcapng file.
    pub fn capture(&mut self, pcap: PcapWriter) {
        self.pcap = Some(pcap);
    }

    /// Writes out what record and capture still hold.
    ///
    /// # Errors
    /// This or an earlier write failed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.truth.flush()?;
        self.pcap.as_mut().map_or(Ok(()), PcapWriter::flush)
    }

    /// How many packets are under way or were handed out and not yet given back.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.pool.used()
    }

    /// The packet that was last polled.
    pub(crate) fn lent(&self) -> Option<&[u8]> {
        self.lent.map(|id| self.pool.get(id).bytes.as_slice())
    }

    /// Notes what the kernel of `here` did with the packet that was last polled.
    pub(crate) fn note_here(&mut self, now: Instant, fact: Fact) {
        let Some(id) = self.lent else { return };
        let slot = self.pool.get(id);
        self.truth.note(now.as_nanos(), HERE_ID, slot.probe, fact, &slot.bytes);
    }

    /// The next event at or before `until` happens; `false` if there is none.
    fn step(&mut self, until: u64) -> bool {
        let Some((at, what)) = self.queue.pop(until) else { return false };
        match what {
            What::Arrive(id) => self.arrive(at, id),
            What::Depart(id) => self.send(at, id),
            What::Change(index) => self.change(index),
        }
        true
    }

    /// A packet enters the link to the node at its position.
    fn send(&mut self, now: u64, id: SlotId) {
        let slot = self.pool.get(id);
        let (trail, position) = (slot.trail as usize, slot.position as usize);
        let leg = self.topology.trails[trail][position];
        let passage = self.topology.directions[leg.direction as usize].pass(now, slot.bytes.len());
        let passage = match passage {
            Ok(passage) => passage,
            Err(dropped) => {
                let fact = match dropped {
                    Dropped::Lost => Fact::Lost,
                    Dropped::Overflowed => Fact::Overflowed,
                    Dropped::Down => Fact::LinkDown,
                };
                return self.drop(now, self.before(trail, position), id, fact);
            }
        };
        if passage.held_back || passage.corrupt.is_some() || passage.duplicate_at.is_some() {
            self.disturb(now, id, passage);
        }
        self.queue.add(passage.at, What::Arrive(id));
        if let Some(at) = passage.duplicate_at {
            let copy = self.pool.copy(id);
            self.queue.add(at, What::Arrive(copy));
        }
    }

    /// Does what a link does to a packet beside delaying it.
    fn disturb(&mut self, now: u64, id: SlotId, passage: link::Passage) {
        let slot = self.pool.get(id);
        let node = self.before(slot.trail as usize, slot.position as usize);
        if let Some(random) = passage.corrupt {
            let slot = self.pool.get_mut(id);
            let behind = if slot.bytes[0] >> 4 == 4 { 20 } else { 40 };
            let bits = slot.bytes.len().saturating_sub(behind) * 8;
            if bits > 0 {
                let bit = (random % bits as u64) as usize;
                slot.bytes[behind + bit / 8] ^= 1 << (bit % 8);
            }
        }
        let slot = self.pool.get(id);
        let happened = [
            (passage.corrupt.is_some(), Fact::Corrupted),
            (passage.held_back, Fact::HeldBack),
            (passage.duplicate_at.is_some(), Fact::Duplicated),
        ];
        for (_, fact) in happened.into_iter().filter(|(happened, _)| *happened) {
            self.truth.note(now, node, slot.probe, fact, &slot.bytes);
        }
    }

    /// A packet comes out of a link.
    fn arrive(&mut self, now: u64, id: SlotId) {
        let slot = self.pool.get(id);
        let trail = &self.topology.trails[slot.trail as usize];
        let leg = trail[slot.position as usize];
        let last = slot.position as usize + 1 == trail.len();
        if leg.node == HERE_ID {
            self.truth.note(now, HERE_ID, slot.probe, Fact::Delivered, &slot.bytes);
            if let Some(pcap) = &mut self.pcap {
                pcap.packet(now, &slot.bytes, false);
            }
            self.arrivals.push_back((now, id));
            return;
        }
        if self.topology.nodes[leg.node as usize].state == NodeState::Down {
            return self.drop(now, leg.node, id, Fact::NodeDown);
        }
        let way = &self.topology.ways[slot.way as usize];
        let outbound = slot.trail == way.forward;
        match (outbound, last && way.owned) {
            (true, true) => self.receive(now, leg.node, id),
            (true, false) => self.forward(now, leg.node, id, last),
            (false, _) => self.forward_back(now, leg.node, id),
        }
    }

    /// The node that a packet comes from when it enters the link of a position.
    fn before(&self, trail: usize, position: usize) -> NodeId {
        match position {
            0 => HERE_ID,
            _ => self.topology.trails[trail][position - 1].node,
        }
    }

    fn drop(&mut self, now: u64, node: NodeId, id: SlotId, fact: Fact) {
        let slot = self.pool.get(id);
        self.truth.note(now, node, slot.probe, fact, &slot.bytes);
        self.pool.free(id);
    }

    fn change(&mut self, index: u32) {
        let change = &self.changes[index as usize];
        if let Some(name) = &change.node {
            let id = self.topology.node(name) as usize;
            let node = &mut self.topology.nodes[id];
            node.state = change.state.unwrap_or(node.state);
            if let Some(refusals) = &change.refuse {
                node.refusals.clone_from(refusals);
            }
        }
        if let Some(link) = &change.link {
            self.topology.set_link(link);
        }
        if let Some(path) = &change.path {
            self.topology.set_path(path);
        }
    }
}
