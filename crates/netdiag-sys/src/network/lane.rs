//! One socket and all that is under way on it.

use super::memory;
use super::queue::{Discards, Fate, Judgement, Trace};
use super::send::Prepared;
use super::unstamped::{Departed, Unstamped};
use crate::clock::StampClock;
use crate::interfaces;
use crate::open::{ProbeSocket, StampKeys};
use crate::raw::{self, Batch, MAX_BATCH};
use netdiag_engine::port::{
    Change, Channel, InputKind, Inputs, NetworkError, OperationId, SendError, Transmit,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Family, Instant, Stamp};
use std::os::fd::AsFd;

/// Room for one received packet as long as only small ones are sent.
const SMALL_MESSAGE: usize = 2_048;
/// Room for any IP packet.
pub(super) const LARGE_MESSAGE: usize = 65_536;
/// Room for what an ICMP error quotes.
const QUOTE: usize = 1_536;
/// What a reply can have beyond what was sent: IP header with options.
const OVERHEAD: usize = 128;

/// What the lanes share: the clock and the room for batches.
pub(super) struct Shared {
    pub(super) clock: StampClock,
    pub(super) packets: Batch,
    pub(super) errors: Batch,
    /// What an error queue told, until all of it is read.
    pub(super) queued: Inputs,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            clock: StampClock::new(),
            packets: Batch::new(SMALL_MESSAGE),
            errors: Batch::new(QUOTE),
            queued: Inputs::new(),
        }
    }

    /// Makes room for the reply to a packet of this size.
    pub(super) fn make_room(&mut self, sent: usize) {
        if sent + OVERHEAD > self.packets.message_space() {
            self.packets = Batch::new(LARGE_MESSAGE + OVERHEAD);
        }
    }

    /// The clock's own news.
    pub(super) fn report_changes(&mut self, now: Instant, inputs: &mut Inputs) {
        for change in self.clock.take_changes() {
            inputs.push(now, InputKind::Changed(change));
        }
    }
}

/// The sockets that are open, at most one for each kind of channel and family.
pub(super) struct Lanes(Vec<Lane>);

impl Lanes {
    /// Those of TCP come first, in what is polled and read as well: the others hear errors about their
    /// packets, whose send stamps must be known by then.
    pub(super) fn new(sockets: impl Iterator<Item = ProbeSocket>) -> Self {
        let mut lanes: Vec<Lane> = sockets.map(Lane::new).collect();
        lanes.sort_by_key(|lane| !lane.socket.is_tcp());
        Self(lanes)
    }

    /// The one that a datagram leaves by, where there is one.
    pub(super) fn for_transmit(&mut self, transmit: &Transmit<&[u8]>) -> Option<&mut Lane> {
        self.0.iter_mut().find(|lane| lane.carries(transmit))
    }

    /// The one for UDP of a family, where there is one.
    pub(super) fn udp(&mut self, family: Family) -> Option<&mut Lane> {
        self.0.iter_mut().find(|lane| lane.socket.is_udp() && lane.socket.family == family)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.0.iter_mut()
    }

    /// Those by which something was sent.
    pub(super) fn active(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.0.iter_mut().filter(|lane| lane.active)
    }

    /// When something must be told even if nothing happens.
    pub(super) fn next_deadline(&mut self, until: Instant) -> Instant {
        self.active().filter_map(|lane| lane.unstamped.deadline()).fold(until, Instant::min)
    }
}

/// One socket.
pub(super) struct Lane {
    pub(super) socket: ProbeSocket,
    pub(super) unstamped: Unstamped,
    /// Whether anything was ever sent: before that nothing that comes is for us.
    pub(super) active: bool,
    /// Where the kernel does not tell what a queue drops.
    pub(super) discards: Option<Discards>,
    drops: u32,
    /// The port that queries leave from, where they do.
    pub(super) own_port: Option<u16>,
}

impl Lane {
    pub(super) fn new(socket: ProbeSocket) -> Self {
        let active = socket.only_listens;
        let discards = socket.tells_departures.then(Discards::open).flatten();
        let (unstamped, drops, own_port) = (Unstamped::default(), 0, None);
        Self { socket, unstamped, active, discards, drops, own_port }
    }

    /// Whether a datagram leaves by it.
    pub(super) fn carries(&self, transmit: &Transmit<&[u8]>) -> bool {
        let fits = match transmit.channel {
            Channel::Icmp => !(self.socket.is_udp() || self.socket.is_tcp()),
            Channel::Udp { .. } => self.socket.is_udp(),
            Channel::Tcp => self.socket.is_tcp(),
            // Which one is decided elsewhere.
            Channel::Query { .. } => false,
        };
        fits && self.socket.family == transmit.destination.family()
    }

    /// How many packets are asked for first: one more than probably came, so that one call tells that
    /// there is no other.
    pub(super) fn expected(&self) -> usize {
        /// At a low rate there is one.
        const FEW: usize = 4;
        (self.unstamped.len() + 1).clamp(FEW, MAX_BATCH)
    }

    /// A packet left, or so the kernel said.
    pub(super) fn departed(&mut self, sent: &Prepared<'_>, user: Instant, trace: Trace) {
        match self.socket.stamp_keys {
            StampKeys::Named => self.unstamped.push_named(sent, user, trace),
            StampKeys::Counted => self.unstamped.push_counted(sent, user),
        }
    }

    /// Lets the user stamp stand for every packet that left at `limit` or earlier, and tells of those
    /// that never did.
    pub(super) fn give_up_stamps(&mut self, limit: Instant, inputs: &mut Inputs) {
        let mut early = Vec::new();
        let judgement = self.judge_stuck(limit);
        while let Some(departed) = self.unstamped.take_older(limit) {
            let is_in_doubt = !departed.queued && self.socket.tells_departures;
            if is_in_doubt && limit == Instant::FAR {
                // Nothing can answer it before it is told of.
                early.push(departed);
                continue;
            }
            let fate =
                judgement.as_ref().filter(|_| departed.queued).map(|known| known.of(&departed));
            if is_in_doubt && self.was_dropped() {
                push_unseen(&departed, libc::EPERM, inputs);
            } else if fate == Some(Fate::Dropped) {
                push_unseen(&departed, libc::ENOBUFS, inputs);
            } else {
                // Nothing is told of what may or may not have left, but by a stamp that comes late.
                if fate != Some(Fate::Unknown) {
                    push_sent(departed.id, Stamp::user(departed.user), inputs);
                }
                self.unstamped.remember(departed);
            }
        }
        self.unstamped.put_back(early);
        if self.unstamped.len() == 0 {
            self.discards.iter_mut().for_each(Discards::forget);
        }
    }

    /// What became of packets that left at `limit` or earlier, came to a queue and not to a driver, if
    /// there are any.
    fn judge_stuck(&mut self, limit: Instant) -> Option<Judgement> {
        let discards = self.discards.as_mut()?;
        let stuck = || self.unstamped.older(limit).filter(|departed| departed.queued);
        stuck().next()?;
        discards.judge(self.socket.as_fd(), stuck())
    }

    /// Whether a packet that came to no queue of an interface was dropped by this machine's
    /// firewall, and does not wait for a neighbour; nor may the stamps of many have found no room.
    fn was_dropped(&self) -> bool {
        const MANY: usize = 64;
        self.unstamped.len() < MANY && interfaces::waits_for_neighbour() == Ok(false)
    }

    /// Whether the socket's figure also counts packets with a wrong checksum, as those of raw ICMPv6
    /// and of UDP do: then only a queue that was really long says that there was no room. Otherwise whoever
    /// sends us broken packets could pass loss off as our own.
    fn counts_broken_packets(&self) -> bool {
        let is_raw = self.socket.opening.socket == SocketKind::Raw;
        self.socket.is_udp() || (is_raw && self.socket.family == Family::Ipv6)
    }

    /// Whether a queue of so many packets may have filled the socket's buffer.
    pub(super) fn may_have_overflowed(&self, packets: usize) -> bool {
        /// What the kernel charges for a small packet, at the most.
        const CHARGE: usize = 2304;
        const WORTH_ASKING: usize = 4;
        packets >= WORTH_ASKING
            && self.counts_broken_packets()
            && raw::get_int(self.socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF)
                .is_ok_and(|room| packets * CHARGE >= usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// Takes the figure that came with a packet.
    pub(super) fn note_drops(&mut self, total: u32, now: Instant, inputs: &mut Inputs) {
        if !self.counts_broken_packets() {
            self.report_drops(total, now, inputs);
        }
    }

    /// Reports what the socket dropped so far, if that is more than before.
    fn report_drops(&mut self, total: u32, now: Instant, inputs: &mut Inputs) {
        let count = total.wrapping_sub(self.drops);
        // The two sources of the figure are read at different times, so one may lag behind.
        if count.cast_signed() > 0 {
            self.drops = total;
            inputs.push(now, InputKind::Changed(Change::ReceiveDrops { count: count.into() }));
        }
    }

    /// Asks the socket itself what it dropped: after the last packet of an overflow no other comes
    /// that could carry the figure.
    pub(super) fn check_drops(&mut self, was_long: bool, now: Instant, inputs: &mut Inputs) {
        if let Some(total) = memory::drops(self.socket.as_fd()) {
            if was_long || !self.counts_broken_packets() {
                self.report_drops(total, now, inputs);
            } else {
                self.drops = total;
            }
        }
    }
}

/// Reads one batch; an error of the socket itself (which an earlier packet's ICMP error can be) is
/// cleared by reading it, so the read is tried again.
pub(super) fn receive(
    batch: &mut Batch,
    socket: &ProbeSocket,
    count: usize,
    flags: i32,
) -> Result<usize, NetworkError> {
    let mut tries = 0;
    loop {
        match batch.receive(socket.as_fd(), count, flags) {
            Ok(received) => return Ok(received),
            Err(_) if tries < 16 => tries += 1,
            Err(errno) => return Err(NetworkError { call: "recvmmsg", errno }),
        }
    }
}

/// A packet did not leave, though the kernel did not say so.
fn push_unseen(departed: &Departed, errno: i32, inputs: &mut Inputs) {
    let error = SendError { unseen: true, ..SendError::new(errno) };
    inputs.push(departed.user, InputKind::SendFailed { id: departed.id, error });
}

pub(super) fn push_sent(id: OperationId, stamp: Stamp, inputs: &mut Inputs) {
    inputs.push(stamp.at, InputKind::Sent { id, stamp });
}
