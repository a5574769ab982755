//! One remembered probe.

use crate::identity::Identity;
use crate::probe::Probe;
use netdiag_model::{Destination, Instant};
use std::time::Duration;

/// The late window: how long after its deadline a probe is remembered, so that a late answer or a
/// duplicate is known for what it is.
pub(crate) fn late_window(timeout: Duration) -> Duration {
    timeout.max(Duration::from_secs(2))
}

/// How long after it was sent a probe with this timeout is remembered.
#[must_use]
pub fn remembered_for(timeout: Duration) -> Duration {
    timeout.saturating_add(late_window(timeout))
}

/// One remembered probe, as it is looked at. It is kept smaller than this: [`Packed`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) destination: Destination,
    pub(crate) seq: u64,
    /// When it was sent by the user's clock; while it is queued, when it was first tried.
    pub(crate) user_sent_at: Instant,
    pub(crate) timeout_nanos: u64,
    /// What the kernel said about that.
    pub(crate) kernel: KernelStamp,
    pub(crate) measurement: u32,
    pub(crate) target: u32,
    /// The number of its template.
    pub(crate) template: u32,
    /// The identifier's offset in the block.
    pub(crate) ident: u8,
    /// How often it met a full queue.
    pub(crate) tries: u8,
    pub(crate) carrier: Carrier,
    pub(crate) state: State,
}

/// The kernel's send stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelStamp {
    /// There is none.
    Missing,
    /// It came this many nanoseconds after the user's.
    After(i32),
    /// It cannot be true.
    Contradicted,
}

/// What takes a probe to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// An echo request.
    Echo,
    /// A timestamp request.
    Timestamp,
    /// An extended echo request.
    Interface,
    /// A UDP datagram: what becomes of it is heard over the UDP socket alone.
    Udp,
    /// A UDP datagram with the caller's own bytes.
    Message,
    /// A SYN of our own: a raw TCP socket hears the answer, a raw ICMP socket errors.
    Tcp,
    /// A connection of the kernel's: nothing that an ICMP socket hears is about it.
    Dialog,
}

impl Carrier {
    /// How many sequence numbers an identifier has: of an extended echo 256 (RFC 8335 section 2),
    /// of all else 65,536.
    pub(crate) const fn sequence_numbers(self) -> u32 {
        match self {
            Self::Interface => 0x100,
            Self::Echo | Self::Timestamp | Self::Udp | Self::Message | Self::Tcp | Self::Dialog => {
                0x1_0000
            }
        }
    }
}

/// Where a probe is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A datagram given to the network, not yet known to have left.
    Queued,
    /// A dialog given to the network: only its end tells whether anything left.
    Trying,
    /// Under way.
    InFlight,
    /// Answered in time: a further answer is a duplicate.
    Answered,
    /// Given up: a first answer is late.
    GivenUp,
    /// Ended by an ICMP error: an answer is late after the timeout, and one more answer before it.
    Refused,
    /// Made meaningless by this machine: what still comes of it says nothing.
    Void,
    /// Never left, or cancelled, or the number of something else: nothing can come of it.
    Closed,
}

impl State {
    /// Whether the probe has not settled.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Trying | Self::InFlight)
    }
}

impl Entry {
    pub(crate) fn probe(&self) -> Probe {
        Probe {
            target: self.target,
            seq: self.seq,
            destination: self.destination,
            sent_at: self.sent_at(),
        }
    }

    /// When it was sent, by the best clock that can be believed.
    pub(crate) fn sent_at(&self) -> Instant {
        match self.kernel {
            KernelStamp::After(nanos) => {
                let shift = Duration::from_nanos(nanos.unsigned_abs().into());
                if nanos < 0 { self.user_sent_at - shift } else { self.user_sent_at + shift }
            }
            KernelStamp::Missing | KernelStamp::Contradicted => self.user_sent_at,
        }
    }

    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout_nanos)
    }

    /// Whether it leaves by a UDP socket.
    pub(crate) const fn is_datagram(&self) -> bool {
        matches!(self.carrier, Carrier::Udp | Carrier::Message)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.is_open()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.sent_at() + self.timeout()
    }

    /// Whether something that comes back can be about it, and this carried it.
    pub(crate) const fn left_as(&self, carrier: Carrier) -> bool {
        let is_same = self.carrier as u8 == carrier as u8;
        is_same && !matches!(self.state, State::Closed)
    }

    /// What its packet says about it.
    pub(crate) const fn identity(&self, index: u32) -> Identity {
        Identity { index, seq: self.seq, destination: self.destination }
    }

    /// Whether its late window is over.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        match self.state {
            State::Queued | State::Trying | State::InFlight => false,
            State::Closed => true,
            State::Answered | State::GivenUp | State::Refused | State::Void => {
                self.deadline() + late_window(self.timeout()) <= now
            }
        }
    }
}
