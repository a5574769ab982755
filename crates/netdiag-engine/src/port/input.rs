//! What the network tells the engine.

use super::ip_options::IpOptions;
use super::operation::{Channel, OperationId};
use netdiag_model::errno;
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Instant, Stamp, Untrusted};
use netdiag_wire::extension::{self, Extensions};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<B> {
    /// When it happened, by the best clock there is: the kernel's stamp of a packet.
    pub at: Instant,
    /// What happened.
    pub kind: InputKind<B>,
}

/// What can happen. `B` is how bytes are held: a slice outside, a range inside a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind<B> {
    /// A datagram left. Comes before anything that the datagram caused. One that was told with a user
    /// stamp may be told once more, with the kernel's, where that came later.
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
    /// A TCP connection opened.
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
    /// A TCP connection did not open.
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
    /// Nothing happened until the time that was asked for.
    Timeout,
    /// The run must end.
    Stop(StopCause),
}

/// One packet that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<B> {
    /// When.
    pub stamp: Stamp,
    /// Who sent it, with the scope of a link-local address.
    pub from: Destination,
    /// The address it was sent to, where known.
    pub to: Option<IpAddr>,
    /// The index of the interface it came by, where known.
    pub interface: Option<u32>,
    /// Its TTL or hop limit, where known (an IPv4 packet has it in its bytes).
    pub hop_limit: Option<u8>,
    /// Its IPv4 options, where they are known and do not stand in its bytes.
    pub options: Option<IpOptions>,
    /// What it is.
    pub message: Message<B>,
}

/// The layer at which the bytes of a received packet start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<B> {
    /// A whole IPv4 packet (raw sockets).
    Ipv4(B),
    /// An ICMP message without an IP header (datagram sockets).
    Icmpv4(B),
    /// An ICMPv6 message without an IP header.
    Icmpv6(B),
    /// The payload of a UDP datagram from this port.
    Udp(u16, B),
}

/// One entry of a socket's error queue (`struct sock_extended_err`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedError<B> {
    /// When.
    pub stamp: Stamp,
    /// The socket it came over; of UDP, with the port that our datagram was going to.
    pub channel: Channel,
    /// Who says so.
    pub origin: ErrorOrigin,
    /// The error number.
    pub errno: i32,
    /// The ICMP type.
    pub kind: u8,
    /// The ICMP code.
    pub code: u8,
    /// The MTU of a "too big", the pointer of a parameter problem.
    pub info: u32,
    /// Who sent the ICMP error.
    pub offender: Option<Destination>,
    /// Where our packet was going.
    pub destination: Destination,
    /// The hop limit with which the ICMP error arrived.
    pub hop_limit: Option<u8>,
    /// Our packet as quoted, from its transport payload on: for ICMP the ICMP message, for UDP the
    /// payload. May be empty. What is behind `quoted_len` is no quote.
    pub bytes: B,
    /// Where an extension structure (RFC 4884) begins in `bytes`; `None` where there is none.
    pub quoted_len: Option<u16>,
}

impl<'a> QueuedError<&'a [u8]> {
    /// Our packet as quoted.
    #[must_use]
    pub fn quote(&self) -> &'a [u8] {
        let len = self.quoted_len.map_or(self.bytes.len(), usize::from);
        self.bytes.get(..len).unwrap_or(self.bytes)
    }

    /// What the error adds.
    #[must_use]
    pub fn extensions(&self) -> Extensions<'a> {
        let structure = self.quoted_len.and_then(|len| self.bytes.get(usize::from(len)..));
        structure.map_or(Extensions::Absent, extension::parse)
    }
}

/// Who reports an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// This machine.
    Local,
    /// An ICMP or ICMPv6 message.
    Icmp,
}

/// Why a datagram did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError {
    /// The error number.
    pub errno: i32,
    /// The MTU in the way, with EMSGSIZE, where the kernel told it.
    pub mtu: Option<u32>,
    /// The socket bypasses routers (SO_DONTROUTE, socket(7)), and no network that is directly
    /// attached has the address: ENETUNREACH, whatever routes there are.
    pub direct: bool,
    /// The kernel did not say so, and it is concluded. With EPERM: that a firewall dropped it, since
    /// it never came to an interface. With ENOBUFS: that a full queue did, since it came to an
    /// interface and never to its driver. With ECONNREFUSED: that it was refused, and nobody knows
    /// whether by the destination or by a firewall of this machine.
    pub unseen: bool,
    /// What is known beyond the error number.
    pub cause: SendCause,
}

/// What lies behind an error number that has several meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendCause {
    /// Nothing more is known.
    #[default]
    Errno,
    /// The socket's own send buffer has no room (socket(7), SO_SNDBUF), whatever the interface has.
    SendBuffer,
    /// No local port is free for a connection (ip(7), ip_local_port_range).
    Ports,
    /// The source that was asked for is no address of this machine, or none yet.
    Source,
}

impl SendError {
    /// A failure with nothing but an error number.
    #[must_use]
    pub const fn new(errno: i32) -> Self {
        Self { errno, mtu: None, direct: false, unseen: false, cause: SendCause::Errno }
    }

    /// What it means here, in words; `None` where the error number says nothing special.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        const NOT_ATTACHED: &str =
            "-r bypasses routers, and no directly attached network has this address";
        const UNSEEN: &str = "it never came to an interface: blocked by a local firewall rule, \
                              though the kernel did not say so";
        const EPERM: i32 = 1;
        const ENOBUFS: i32 = 105;
        const UNSEEN_IN_QUEUE: &str = "it came to an interface and never left it: probably the \
                                       queue of the interface is full, though the kernel did not \
                                       say so";
        match self.cause {
            SendCause::Errno => {}
            SendCause::SendBuffer => {
                return Some("the send buffer of the socket has no room for it");
            }
            SendCause::Ports => return Some("every local port for connections is in use"),
            SendCause::Source => {
                return Some("the source is no address of this machine, or none yet");
            }
        }
        match (self.direct, self.unseen, self.errno) {
            (true, ..) => Some(NOT_ATTACHED),
            (_, true, EPERM) => Some(UNSEEN),
            (_, true, ENOBUFS) => Some(UNSEEN_IN_QUEUE),
            _ => errno::send_meaning(self.errno),
        }
    }

    /// The stable word for it in `failure.reason`.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.cause {
            SendCause::Errno if self.direct => "not-attached".to_owned(),
            SendCause::Errno => errno::reason(self.errno),
            SendCause::SendBuffer => "send-buffer-full".to_owned(),
            SendCause::Ports => "no-free-port".to_owned(),
            SendCause::Source => "no-source-address".to_owned(),
        }
    }
}

/// The part of the kernel's TCP_INFO that tells of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// SYN to SYN-ACK, as the kernel measured it.
    pub rtt: Duration,
    /// SYNs sent again.
    pub total_retransmits: u32,
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

/// A change of this machine that makes samples doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The machine slept.
    Suspended {
        /// How long.
        length: Duration,
    },
    /// The wall clock was set; kernel stamps around it were replaced by user stamps.
    ClockStepped {
        /// Forwards if positive, in nanoseconds.
        nanos: i64,
    },
    /// Our own socket dropped packets for want of room.
    ReceiveDrops {
        /// How many, since the last such input.
        count: u64,
    },
    /// An interface, an address or a route changed.
    Interface(InterfaceChange),
}

/// A change of an interface, its addresses or the routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceChange {
    /// The index of the interface: of one that was made again under its name, the first; 0 for a
    /// route that leads to no interface.
    pub index: u32,
    /// Its name, where known.
    pub name: Option<Untrusted>,
    /// What happened.
    pub what: InterfaceEvent,
}

/// What can happen to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceEvent {
    /// It can be used again.
    Up,
    /// It lost its carrier: what is sent by it is lost, and nobody is told.
    NoCarrier,
    /// It was switched off.
    Down,
    /// It was deleted.
    Gone,
    /// It has an address more.
    AddressAdded(IpAddr),
    /// It will have an address more, unless another host turns out to have it (RFC 4862 section 5.4).
    AddressTentative(IpAddr),
    /// Another host has that address, and so it is not used.
    AddressDuplicate(IpAddr),
    /// It has an address less.
    AddressRemoved(IpAddr),
    /// It has an address less, and none of that family is left by which it is known beyond the link.
    LastAddressRemoved(IpAddr),
    /// There is a route to a network, with its prefix length, by it.
    RouteAdded(IpAddr, u8),
    /// There is no such route any more.
    RouteRemoved(IpAddr, u8),
}

impl InterfaceChange {
    /// The name of the interface, safe to print; its index where it has none.
    #[must_use]
    pub fn interface(&self) -> String {
        match &self.name {
            Some(name) => name.escaped().to_string(),
            None if self.index == 0 => "no interface".to_owned(),
            None => format!("interface {}", self.index),
        }
    }
}

impl fmt::Display for InterfaceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.interface(), self.what)
    }
}

impl fmt::Display for InterfaceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::NoCarrier => f.write_str("no carrier"),
            Self::Down => f.write_str("down"),
            Self::Gone => f.write_str("gone"),
            Self::AddressAdded(address) => write!(f, "address {address} added"),
            Self::AddressTentative(address) => {
                write!(f, "address {address} is being checked before use")
            }
            Self::AddressDuplicate(address) => write!(f, "address {address} is another host's"),
            Self::AddressRemoved(address) | Self::LastAddressRemoved(address) => {
                write!(f, "address {address} removed")
            }
            Self::RouteAdded(network, length) => write!(f, "route to {network}/{length} added"),
            Self::RouteRemoved(network, length) => write!(f, "route to {network}/{length} removed"),
        }
    }
}

/// Why the run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// SIGINT: the user wants the summary.
    Interrupt,
    /// A signal that ends the process after the summary; its number.
    Signal(i32),
}

/// A batch of inputs; it owns their bytes.
#[derive(Debug, Default)]
pub struct Inputs {
    list: Vec<Input<Range<usize>>>,
    arena: Vec<u8>,
    now: Instant,
}

impl Inputs {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time up to which the sockets were drained: whatever came before it is in this batch or
    /// was in an earlier one. Never goes back.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Says up to which time the sockets were drained.
    pub fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Adds one, copying its bytes.
    pub fn push(&mut self, at: Instant, kind: InputKind<&[u8]>) {
        let arena = &mut self.arena;
        let kind = kind.map_bytes(|bytes| {
            let start = arena.len();
            arena.extend_from_slice(bytes);
            start..arena.len()
        });
        self.list.push(Input { at, kind });
    }

    /// Replaces the index of each interface that a packet came by, in the inputs from `start` on.
    pub fn rename_interfaces(&mut self, start: usize, new: impl Fn(u32) -> u32) {
        for input in self.list.iter_mut().skip(start) {
            let from = match &mut input.kind {
                InputKind::Received(received) => {
                    received.interface = received.interface.map(&new);
                    &mut received.from
                }
                InputKind::QueuedError(error) => &mut error.destination,
                _ => continue,
            };
            if let Destination::V6(address, scope) = *from
                && scope != 0
            {
                *from = Destination::V6(address, new(scope));
            }
        }
    }

    /// How many inputs it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The inputs in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = Input<&[u8]>> {
        self.list.iter().map(|held| Input {
            at: held.at,
            kind: held.kind.clone().map_bytes(|range| self.arena.get(range).unwrap_or_default()),
        })
    }

    /// Forgets them all, keeping the memory for the next batch, and `now`.
    pub fn clear(&mut self) {
        self.list.clear();
        self.arena.clear();
    }
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
            Self::Exchanged { id, phases, result } => {
                InputKind::Exchanged { id, phases, result: result.map(f) }
            }
            Self::Named { id, result } => InputKind::Named { id, result },
            Self::Changed(change) => InputKind::Changed(change),
            Self::Interim => InputKind::Interim,
            Self::Timeout => InputKind::Timeout,
            Self::Stop(cause) => InputKind::Stop(cause),
        }
    }
}

impl<B> Received<B> {
    fn map_bytes<C>(self, f: impl FnOnce(B) -> C) -> Received<C> {
        let Self { stamp, from, to, interface, hop_limit, options, message } = self;
        let message = match message {
            Message::Ipv4(bytes) => Message::Ipv4(f(bytes)),
            Message::Icmpv4(bytes) => Message::Icmpv4(f(bytes)),
            Message::Icmpv6(bytes) => Message::Icmpv6(f(bytes)),
            Message::Udp(port, bytes) => Message::Udp(port, f(bytes)),
        };
        Received { stamp, from, to, interface, hop_limit, options, message }
    }
}

impl<B> QueuedError<B> {
    fn map_bytes<C>(self, f: impl FnOnce(B) -> C) -> QueuedError<C> {
        let Self {
            stamp,
            channel,
            origin,
            errno,
            kind,
            code,
            info,
            offender,
            destination,
            hop_limit,
            bytes,
            quoted_len,
        } = self;
        let bytes = f(bytes);
        QueuedError {
            stamp,
            channel,
            origin,
            errno,
            kind,
            code,
            info,
            offender,
            destination,
            hop_limit,
            bytes,
            quoted_len,
        }
    }
}
