//! What the network tells the engine.

use super::change::Change;
use super::console::Console;
use super::operation::OperationId;
use super::packet::{QueuedError, Received};
use super::send_error::SendError;
use super::tcp_info::TcpInfo;
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Stamp, Untrusted};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<B> {
    /// When it happened, by the best clock there is: the kernel's stamp of a packet.
    pub at: Instant,
    /// What happened.
    pub kind: InputKind<B>,
}

/// Which segment answered a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnswerKind {
    /// SYN and ACK.
    SynAck,
    /// A reset.
    Reset,
}

/// What can happen. `B` is how bytes are held: a slice outside, a range inside a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind<B> {
    /// A datagram left; not told where nobody knows. Comes before anything that it caused. One with a
    /// user stamp may be told once more, with the kernel's, where that came later.
    Sent {
        /// Which one.
        id: OperationId,
        /// When.
        stamp: Stamp,
    },
    /// A datagram did not leave.
    SendFailed {
        /// Which one.
        id: OperationId,
        /// Why.
        error: SendError,
    },
    /// A packet came.
    Received(Received<B>),
    /// An error came over a socket's error queue.
    QueuedError(QueuedError<B>),
    /// A connection opened.
    Connected {
        /// Which one.
        id: OperationId,
        /// When it was known.
        stamp: Stamp,
        /// The local end.
        local: SocketAddr,
        /// What the kernel knows of it.
        info: Option<TcpInfo>,
    },
    /// A connection did not open.
    ConnectFailed {
        /// Which one.
        id: OperationId,
        /// When it was known.
        stamp: Stamp,
        /// Why.
        error: SendError,
        /// Who sent the ICMP error, where there was one: sender, type, code.
        icmp: Option<(IpAddr, u8, u8)>,
    },
    /// A connection has begun to open, or a query leaves. Told before anything else of it, and not of
    /// one that could not begin.
    Begun {
        /// Which one.
        id: OperationId,
        /// The local end.
        local: SocketAddr,
    },
    /// The SYN of a connection that is being opened was sent again.
    SentAgain {
        /// Which one.
        id: OperationId,
        /// How often by now.
        count: u32,
    },
    /// A segment answered a connection that is being opened, or came over one that stays open, and this is
    /// how far it had come. Told before what the kernel makes of it, and only where segments are seen.
    Answered {
        /// Which one.
        id: OperationId,
        /// What it was.
        kind: AnswerKind,
        /// The TTL or hop limit that it arrived with.
        hop_limit: u8,
    },
    /// A connection was refused, by the destination or by this machine, and it is being found out by
    /// whom. Ends nothing: how it ended is told later.
    Refused {
        /// Which one.
        id: OperationId,
    },
    /// All that was said over a connection that stays open was handed to the kernel, which sends it as
    /// fast as the other end takes it.
    Said {
        /// Which one.
        id: OperationId,
        /// When the last of it was.
        at: Instant,
    },
    /// Bytes came over a connection that stays open.
    Heard {
        /// Which one.
        id: OperationId,
        /// When they were there.
        at: Instant,
        /// The next of the stream, at least one; over UDP a datagram.
        bytes: B,
    },
    /// A connection that stayed open ended: by us, or by the other end.
    Ended {
        /// Which one.
        id: OperationId,
        /// When.
        at: Instant,
        /// By whom.
        end: TalkEnd,
    },
    /// An exchange ended.
    Exchanged {
        /// Which one.
        id: OperationId,
        /// Time to connect, and from the request's last byte to the answer's last byte.
        phases: [Duration; 2],
        /// The answer, or why there is none.
        result: Result<B, ExchangeError>,
    },
    /// A reverse look-up ended; `Ok(None)`: the address has no name.
    Named {
        /// Which one.
        id: OperationId,
        /// The name.
        result: Result<Option<Untrusted>, LookupError>,
    },
    /// Something about this machine changed.
    Changed(Change),
    /// Somebody wants to see the figures now (SIGQUIT).
    Interim,
    /// Somebody did something at the terminal.
    Console(Console),
    /// Nothing happened until the time that was asked for.
    Timeout,
    /// The run must end.
    Stop(StopCause),
}

/// How a connection that stayed open ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalkEnd {
    /// By us.
    HungUp {
        /// How many bytes of what was said the other end had acknowledged, where the kernel tells.
        acknowledged: Option<u64>,
    },
    /// The other end said that it will send no more.
    Closed,
    /// By an error, with this number: a reset, or silence to what was said; over UDP this machine could
    /// not send, or was refused by whomever.
    Failed(i32),
    /// By an ICMP error about a datagram.
    Told {
        /// The error number.
        errno: i32,
        /// Who says so.
        from: IpAddr,
        /// The type of the message.
        kind: u8,
        /// Its code.
        code: u8,
        /// The MTU that it names.
        mtu: Option<u32>,
    },
}

/// Why an exchange has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeError {
    /// The connection did not open.
    Connect(SendError),
    /// The connection ended before the answer did.
    Closed,
    /// Nothing came in time.
    TimedOut,
}

/// Why the run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// SIGINT: the user wants the summary.
    Interrupt,
    /// A signal that ends the process after the summary; its number.
    Signal(i32),
}

impl<B> InputKind<B> {
    /// The same input with its bytes held another way.
    pub fn map_bytes<C>(self, f: impl FnOnce(B) -> C) -> InputKind<C> {
        match self {
            Self::Sent { id, stamp } => InputKind::Sent { id, stamp },
            Self::SendFailed { id, error } => InputKind::SendFailed { id, error },
            Self::Received(received) => InputKind::Received(received.map_bytes(f)),
            Self::QueuedError(error) => InputKind::QueuedError(error.map_bytes(f)),
            Self::Connected { id, stamp, local, info } => {
                InputKind::Connected { id, stamp, local, info }
            }
            Self::ConnectFailed { id, stamp, error, icmp } => {
                InputKind::ConnectFailed { id, stamp, error, icmp }
            }
            Self::Begun { id, local } => InputKind::Begun { id, local },
            Self::SentAgain { id, count } => InputKind::SentAgain { id, count },
            Self::Answered { id, kind, hop_limit } => InputKind::Answered { id, kind, hop_limit },
            Self::Refused { id } => InputKind::Refused { id },
            Self::Said { id, at } => InputKind::Said { id, at },
            Self::Heard { id, at, bytes } => InputKind::Heard { id, at, bytes: f(bytes) },
            Self::Ended { id, at, end } => InputKind::Ended { id, at, end },
            Self::Exchanged { id, phases, result } => {
                InputKind::Exchanged { id, phases, result: result.map(f) }
            }
            Self::Named { id, result } => InputKind::Named { id, result },
            Self::Changed(change) => InputKind::Changed(change),
            Self::Interim => InputKind::Interim,
            Self::Console(console) => InputKind::Console(console),
            Self::Timeout => InputKind::Timeout,
            Self::Stop(cause) => InputKind::Stop(cause),
        }
    }
}
