//! What the measurement tells while it runs.

use super::dialogue::Talk;
use netdiag_engine::Outcome;
use netdiag_engine::outcome::{ReplyDetail, Why};
use netdiag_engine::port::{Change, SendError, TcpState};
use netdiag_model::{Destination, IcmpKind, Instant};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const ECONNRESET: i32 = 104;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// To which target; `None`: to this machine.
    pub target_index: Option<usize>,
    /// When it happened.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An attempt ended.
    Attempt(Attempt),
    /// Attempts to an address began to fail.
    OutageBegan {
        /// The address.
        address: IpAddr,
        /// Why the first one failed.
        cause: Cause,
    },
    /// They succeed again, or the run is over.
    OutageEnded(Outage),
    /// Something about this machine changed.
    Changed(Change),
    /// How far the run has come was asked for.
    Interim {
        /// Attempts that have ended.
        done: u64,
        /// Those that opened a connection.
        connected: u64,
    },
    /// Nothing more comes.
    Finished,
}

/// One attempt to open a connection, ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number among those to this address, from 1.
    pub number: u64,
    /// Where it went.
    pub destination: Destination,
    /// The port there.
    pub port: u16,
    /// When it began.
    pub started_at: Instant,
    /// From there to its end, by this process's clock.
    pub took: Duration,
    /// The local end, of one that could begin.
    pub local: Option<SocketAddr>,
    /// How often its SYN was sent again, as far as the kernel tells.
    pub retransmits: Option<u32>,
    /// How it ended.
    pub ending: Ending,
    /// What was said and heard, where that was asked for and it opened.
    pub talk: Option<Box<Talk>>,
    /// It went to a proxy, which was to open one to the target.
    pub is_proxied: bool,
    /// The TTL or hop limit that its SYN-ACK came with; `None`: not seen, or none came.
    pub reply_ttl: Option<u8>,
    /// The same of a reset.
    pub reset_ttl: Option<u8>,
    /// What the kernel knew of it when it opened, where that is kept.
    pub state: Option<Box<TcpState>>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The connection opened.
    Connected {
        /// From the SYN to the SYN-ACK, by the kernel; `None` where the SYN was sent again.
        handshake: Option<Duration>,
    },
    /// Nobody listens: a reset that acknowledges our SYN.
    Refused,
    /// It opened, and was reset at once.
    Reset,
    /// A router, or the target, said by ICMP that it could not be had.
    Icmp {
        /// Type and code.
        kind: IcmpKind,
        /// Who said so.
        from: IpAddr,
        /// The error number that the kernel made of it.
        errno: Option<i32>,
    },
    /// Nothing came in time.
    TimedOut,
    /// It did not leave this machine, or ended here.
    Local(SendError),
    /// What became of it is not known.
    Unknown(Why),
}

/// What an attempt came to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The connection opened.
    Connected,
    /// The host is up, nobody listens.
    Refused,
    /// It opened, and was reset at once.
    Reset,
    /// No answer of any kind.
    Timeout,
    /// A router or the host says that there is no way.
    Unreachable,
    /// A filter says that it may not be.
    Prohibited,
    /// It failed on this machine.
    Local,
    /// Something on this machine made it meaningless.
    Unknown,
    /// The connection to the proxy opened, and the proxy opened none to the target.
    ProxyFailed,
}

/// Why attempts of an outage failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing came in time.
    Timeout,
    /// An ICMP error: type, code, sender.
    Icmp(IcmpKind, IpAddr),
    /// Nobody listened.
    Refused,
    /// It was reset.
    Reset,
    /// The error number on this machine.
    Local(i32),
}

/// A run of attempts to one address that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The address.
    pub address: IpAddr,
    /// When the first one began.
    pub started_at: Instant,
    /// From there to the first one that succeeded again.
    pub length: Duration,
    /// How many failed, without those that failed on this machine.
    pub failed: u64,
    /// How many failed on this machine.
    pub local_errors: u64,
    /// What most of them met.
    pub cause: Cause,
    /// The run ended before it did.
    pub ongoing: bool,
}

impl Ending {
    /// What an outcome means for a connection; `retransmits` as told before it.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Replied(reply) => {
                let info = match &reply.detail {
                    ReplyDetail::Connected { info, .. } => info.as_ref(),
                    _ => None,
                };
                let measured = info.filter(|info| info.total_retransmits == 0);
                let handshake = measured.map(|info| info.rtt).filter(|rtt| !rtt.is_zero());
                Self::Connected { handshake }
            }
            Outcome::TimedOut => Self::TimedOut,
            Outcome::NetError(error) => {
                let (from, errno) = (error.from.address(), error.errno);
                Self::Icmp { kind: error.kind, from, errno }
            }
            Outcome::Refused(refusal) if refusal.errno == ECONNRESET => Self::Reset,
            Outcome::Refused(_) => Self::Refused,
            Outcome::LocalError(error) => Self::Local(*error),
            Outcome::Unknown(why) => Self::Unknown(*why),
        }
    }

    /// The same in a word, of an attempt to an address.
    #[must_use]
    pub fn class(&self, to: IpAddr) -> Class {
        match self {
            Self::Connected { .. } => Class::Connected,
            Self::Refused => Class::Refused,
            Self::Reset => Class::Reset,
            Self::Icmp { kind, .. } if kind.is_prohibited() => Class::Prohibited,
            // Only the host itself knows that nobody listens.
            Self::Icmp { kind, from, .. } if kind.is_port_unreachable() && *from == to => {
                Class::Refused
            }
            Self::Icmp { .. } => Class::Unreachable,
            Self::TimedOut => Class::Timeout,
            Self::Local(_) => Class::Local,
            Self::Unknown(_) => Class::Unknown,
        }
    }

    /// Why it counts for an outage; `None` where it does not.
    pub(super) const fn cause(&self) -> Option<Cause> {
        match self {
            Self::Connected { .. } | Self::Unknown(_) => None,
            Self::Refused => Some(Cause::Refused),
            Self::Reset => Some(Cause::Reset),
            Self::Icmp { kind, from, .. } => Some(Cause::Icmp(*kind, *from)),
            Self::TimedOut => Some(Cause::Timeout),
            Self::Local(error) => Some(Cause::Local(error.errno)),
        }
    }
}

impl Class {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Prohibited => "prohibited",
            Self::Local => "local",
            Self::Unknown => "unknown",
            Self::ProxyFailed => "proxy-failed",
        }
    }

    /// Whether the host itself answered, by whatever.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Connected | Self::Refused | Self::Reset)
    }
}

impl Attempt {
    /// What it came to, in a word.
    #[must_use]
    pub fn class(&self) -> Class {
        self.ending.class(self.destination.address())
    }

    /// The same of the target, to which a proxy may have opened none.
    #[must_use]
    pub fn class_of_target(&self) -> Class {
        if self.is_barred() { Class::ProxyFailed } else { self.class() }
    }

    /// How long it took to open.
    #[must_use]
    pub fn connect(&self) -> Option<Duration> {
        matches!(self.ending, Ending::Connected { .. }).then_some(self.took)
    }

    /// Whether it opened, and what came then was not what was waited for.
    #[must_use]
    pub fn is_unexpected(&self) -> bool {
        self.is_self_connected() || self.talk.as_ref().is_some_and(|talk| !talk.is_as_asked())
    }

    /// Whether it opened, and the proxy that it leads to opened none further on.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.is_barred())
    }

    /// The handshake by the kernel.
    #[must_use]
    pub const fn handshake(&self) -> Option<Duration> {
        match self.ending {
            Ending::Connected { handshake } => handshake,
            _ => None,
        }
    }

    /// Whether the kernel met itself: both ends are the same address and port.
    #[must_use]
    pub fn is_self_connected(&self) -> bool {
        let to = SocketAddr::new(self.destination.address(), self.port);
        let is_same = |local: SocketAddr| local.ip() == to.ip() && local.port() == to.port();
        self.connect().is_some() && self.local.is_some_and(is_same)
    }
}
