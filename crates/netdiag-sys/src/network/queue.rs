//! What the queue of an interface dropped without a word: an ICMPv6 datagram socket is told that its
//! packet was sent (ping_v6_sendmsg in net/ipv6/ping.c).
//!
//! Such a packet came to the queue and not to the driver, by its stamps. So did one that waits there,
//! and one whose driver knows no stamps. The first is still charged to its socket. The second the
//! kernel does not count as discarded; its figure is the whole machine's, so it acquits for certain,
//! and convicts only as many as it counts. Both hold for any number of queues and in any order.
//!
//! Where packets that went the same way have stamps, one that has none is not said to have left: it
//! waits, or was dropped later, or by what does not pass that on, as a bridge does. Its stamp may still
//! come; else nobody knows.

use super::memory;
use super::unstamped::Departed;
use crate::interfaces;
use netdiag_model::Destination;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

/// What the figures of a socket's memory, before and after a send, say of the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trace {
    /// Nothing, of packets that are sent together.
    #[default]
    Unseen,
    /// It waits somewhere, or did.
    Waits,
    /// It is nowhere on this machine.
    Gone,
}

impl Trace {
    pub(super) fn between(before: Option<u32>, after: Option<u32>) -> Self {
        match (before, after) {
            (Some(before), Some(after)) if after > before => Self::Waits,
            (_, Some(0)) => Self::Gone,
            // Less than before: one went while another may have come.
            (Some(before), Some(after)) if after == before => Self::Gone,
            _ => Self::Unseen,
        }
    }
}

/// What became of a packet that came to a queue and not to a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It left by a driver that knows no stamps.
    Left,
    /// The queue dropped it.
    Dropped,
    /// It waits, or was dropped.
    Unknown,
}

/// What is known of some of them together.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    all_gone: bool,
    /// Those that are nowhere on this machine.
    gone: Option<Fate>,
    /// Whether the kernel discarded more than those.
    is_more: bool,
    /// Where packets went that a driver stamped, and by which interfaces.
    stamped: [Option<Destination>; LAST],
    interfaces: Vec<u32>,
}

impl Judgement {
    pub(super) fn of(&self, departed: &Departed) -> Fate {
        let is_gone = self.all_gone || departed.trace == Trace::Gone;
        match self.gone {
            Some(fate) if is_gone => fate,
            _ if departed.trace == Trace::Waits && !is_gone => Fate::Unknown,
            _ if departed.trace == Trace::Unseen && self.is_more => Fate::Unknown,
            _ if self.is_stamped(departed.to) => Fate::Unknown,
            _ => Fate::Left,
        }
    }

    fn is_stamped(&self, to: Destination) -> bool {
        self.stamped.contains(&Some(to))
            || (!self.interfaces.is_empty()
                && interface(to).is_some_and(|index| self.interfaces.contains(&index)))
    }
}

/// The interface that leads to a destination.
fn interface(to: Destination) -> Option<u32> {
    interfaces::way(to, None, None).ok().map(|way| way.interface)
}

/// How many destinations are kept to which a packet left with a stamp.
const LAST: usize = 4;

/// The kernel's count of packets of IPv6 that it could not send (`Ip6OutDiscards`, RFC 4293), and what
/// is known of the drivers.
#[derive(Debug)]
pub(super) struct Discards {
    /// Opened while files still can be.
    file: File,
    last: Option<u64>,
    /// Discarded, and not yet found among our own.
    open: u64,
    /// The drivers met so far know no stamps.
    no_stamps: bool,
    stamped: [Option<Destination>; LAST],
    oldest: usize,
}

impl Discards {
    /// `None` where the kernel does not tell.
    pub(super) fn open() -> Option<Self> {
        let file = File::open("/proc/net/snmp6").ok()?;
        let (last, stamped) = (None, [None; LAST]);
        Some(Self { file, last, open: 0, no_stamps: false, stamped, oldest: 0 })
    }

    /// Something is about to be sent for the first time.
    pub(super) fn start(&mut self) {
        self.last = self.read();
    }

    /// A driver stamped a packet.
    pub(super) fn saw_stamp(&mut self, departed: &Departed) {
        self.no_stamps = false;
        if !self.stamped.contains(&Some(departed.to)) {
            self.stamped
                .iter_mut()
                .skip(self.oldest)
                .take(1)
                .for_each(|it| *it = Some(departed.to));
            self.oldest = (self.oldest + 1) % LAST;
        }
    }

    /// No packet is without its stamp any more.
    pub(super) const fn forget(&mut self) {
        self.open = 0;
    }

    /// Judges packets that came to a queue and not to a driver; `None`: they left.
    pub(super) fn judge<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        stuck: impl Iterator<Item = &'a Departed>,
    ) -> Option<Judgement> {
        if self.no_stamps {
            return None;
        }
        let all_gone = memory::waiting(socket) == Some(0);
        let gone = stuck.filter(|one| all_gone || one.trace == Trace::Gone).count() as u64;
        self.count();
        self.no_stamps = self.open == 0 && gone > 0 && self.stamped == [None; LAST];
        let fate = match self.open {
            0 => None,
            open if gone <= open => Some(Fate::Dropped),
            _ => Some(Fate::Unknown),
        };
        self.open -= gone.min(self.open);
        let (stamped, interfaces) = (self.stamped, self.interfaces());
        Some(Judgement { all_gone, gone: fate, is_more: self.open > 0, stamped, interfaces })
    }

    /// The interfaces by which stamped packets went.
    fn interfaces(&self) -> Vec<u32> {
        self.stamped.iter().flatten().filter_map(|to| interface(*to)).collect()
    }

    /// Takes in what was discarded since the last time.
    fn count(&mut self) {
        let now = self.read();
        if let (Some(last), Some(now)) = (self.last, now) {
            self.open += now.saturating_sub(last);
        }
        self.last = now.or(self.last);
    }

    /// The kernel's count as it is now.
    pub(super) fn read(&self) -> Option<u64> {
        /// All of it has some 5 KiB, and this stands in the first.
        const ROOM: usize = 2_048;
        let mut room = [0; ROOM];
        let length = self.file.read_at(&mut room, 0).ok()?;
        let text = str::from_utf8(room.get(..length)?).ok()?;
        text.lines().find_map(|line| line.strip_prefix("Ip6OutDiscards"))?.trim().parse().ok()
    }
}
