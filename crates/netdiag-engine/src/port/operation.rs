//! What the engine asks of the network.

use super::ip_options::IpOptions;
use netdiag_model::Destination;
use std::net::IpAddr;
use std::ops::Range;

/// Names one operation. It is the 32-bit index that a probe carries in its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u32);

/// One thing to do. `B` is how its bytes are held: a slice outside, a range inside a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<B> {
    /// Send one datagram. Answered by exactly one `Sent` or `SendFailed`.
    Transmit(Transmit<B>),
    /// Open a connection. Answered by one `Connected` or `ConnectFailed`.
    Connect(Connect),
    /// Send bytes over a connection that stays open, over UDP in one datagram. What comes back is told
    /// by `Heard`, in pieces, or by the datagram.
    Say(Say<B>),
    /// End a connection that stays open. Answered by one `Ended`, unless there was one before.
    HangUp(OperationId),
    /// Send a request over a connection and read one answer. Answered by one `Exchanged`.
    Exchange(Exchange<B>),
    /// Look up the name of an address. Answered by one `Named`.
    Lookup(Lookup),
    /// Forget an operation that is still under way: nothing more is heard of it. Of a query: the port that
    /// it left from is heard no longer than until another takes its place.
    Close(OperationId),
}

/// Which kind of socket a datagram leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// ICMP: the bytes are a whole ICMP message. Over a raw socket the checksum of ICMPv6 is left to
    /// the kernel; over a datagram socket the kernel overwrites identifier and checksum.
    Icmp,
    /// UDP to `port`: the bytes are the payload.
    Udp {
        /// The destination port.
        port: u16,
    },
    /// The same from a local port that answers are hard to forge to (RFC 5452 section 9.2): its own as
    /// long as it is open, where there is one to be had, which `Begun` tells. It is open until `Close`.
    Query {
        /// The destination port.
        port: u16,
    },
    /// Raw TCP: the bytes are the segment with its checksum, which covers the source of the control.
    Tcp,
}

/// What travels with one packet beside its bytes (control data of `sendmsg`). `None`: the kernel's
/// or the socket's own value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Control {
    /// TTL or hop limit.
    pub hop_limit: Option<u8>,
    /// The TOS byte or traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: Option<u8>,
    /// The source address.
    pub source: Option<IpAddr>,
    /// The index of the interface to leave by.
    pub interface: Option<u32>,
    /// The flow label of an IPv6 packet, 20 bits (RFC 6437).
    pub flow_label: Option<u32>,
    /// The options of an IPv4 packet.
    pub options: Option<IpOptions>,
}

/// One datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit<B> {
    /// Its name.
    pub id: OperationId,
    /// The socket it leaves by.
    pub channel: Channel,
    /// Where it goes.
    pub destination: Destination,
    /// What travels with it.
    pub control: Control,
    /// Its bytes, as the channel says.
    pub bytes: B,
}

/// By which protocol a connection is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// TCP.
    #[default]
    Tcp,
    /// UDP: a socket of its own for one address and port, which is open at once and sends nothing by
    /// itself. None of its datagrams is fragmented here.
    Udp,
}

/// One connection to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Its name.
    pub id: OperationId,
    /// By which protocol.
    pub over: Over,
    /// Where it goes.
    pub destination: Destination,
    /// The destination port.
    pub port: u16,
    /// The local port; 0: any that is free.
    pub source_port: u16,
    /// It stays open once it is: until `HangUp`, `Close`, or the other end ends it.
    pub stays: bool,
    /// What its packets carry.
    pub control: Control,
}

/// Bytes for a connection that stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say<B> {
    /// The name of the connection.
    pub id: OperationId,
    /// What is sent.
    pub bytes: B,
}

/// One request and its answer over a TCP connection of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange<B> {
    /// Its name.
    pub id: OperationId,
    /// Where it goes.
    pub destination: Destination,
    /// The destination port.
    pub port: u16,
    /// What its packets carry.
    pub control: Control,
    /// How messages are told apart on the stream.
    pub framing: ExchangeFraming,
    /// The request.
    pub bytes: B,
}

/// How messages are told apart on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeFraming {
    /// A 16-bit length in network order before each message (RFC 1035 section 4.2.2).
    Length16,
}

/// One reverse look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Its name.
    pub id: OperationId,
    /// The address whose name is wanted.
    pub address: IpAddr,
}

/// A batch of operations; it owns their bytes.
#[derive(Debug, Default)]
pub struct Operations {
    list: Vec<Operation<Range<usize>>>,
    arena: Vec<u8>,
}

impl Operations {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds one, copying its bytes.
    pub fn push(&mut self, operation: Operation<&[u8]>) {
        let arena = &mut self.arena;
        let held = operation.map_bytes(|bytes| {
            let start = arena.len();
            arena.extend_from_slice(bytes);
            start..arena.len()
        });
        self.list.push(held);
    }

    /// The operations, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Operation<&[u8]>> {
        self.list
            .iter()
            .map(|held| held.clone().map_bytes(|range| self.arena.get(range).unwrap_or_default()))
    }

    /// Takes those out that are refused, oldest first. Their bytes are gone.
    pub fn take_refused(
        &mut self,
        mut admit: impl FnMut(&Operation<Range<usize>>) -> bool,
    ) -> Vec<Operation<()>> {
        let refused = self.list.extract_if(.., |operation| !admit(operation));
        refused.map(|operation| operation.map_bytes(|_| ())).collect()
    }

    /// Replaces the index of each interface that a packet shall leave by.
    pub fn rename_interfaces(&mut self, new: impl Fn(u32) -> u32) {
        for operation in &mut self.list {
            let (destination, control) = match operation {
                Operation::Transmit(transmit) => (&mut transmit.destination, &mut transmit.control),
                Operation::Connect(connect) => (&mut connect.destination, &mut connect.control),
                Operation::Exchange(exchange) => (&mut exchange.destination, &mut exchange.control),
                _ => continue,
            };
            control.interface = control.interface.map(&new);
            if let Destination::V6(address, scope) = *destination
                && scope != 0
            {
                *destination = Destination::V6(address, new(scope));
            }
        }
    }

    /// Forgets them all, keeping the memory for the next batch.
    pub fn clear(&mut self) {
        self.list.clear();
        self.arena.clear();
    }
}

impl<B> Operation<B> {
    /// The name of the operation.
    #[must_use]
    pub const fn id(&self) -> OperationId {
        match self {
            Self::Transmit(transmit) => transmit.id,
            Self::Connect(connect) => connect.id,
            Self::Say(say) => say.id,
            Self::Exchange(exchange) => exchange.id,
            Self::Lookup(lookup) => lookup.id,
            Self::HangUp(id) | Self::Close(id) => *id,
        }
    }

    /// The same operation with its bytes held another way.
    pub fn map_bytes<C>(self, f: impl FnOnce(B) -> C) -> Operation<C> {
        match self {
            Self::Transmit(Transmit { id, channel, destination, control, bytes }) => {
                let bytes = f(bytes);
                Operation::Transmit(Transmit { id, channel, destination, control, bytes })
            }
            Self::Connect(connect) => Operation::Connect(connect),
            Self::Say(Say { id, bytes }) => Operation::Say(Say { id, bytes: f(bytes) }),
            Self::HangUp(id) => Operation::HangUp(id),
            Self::Exchange(Exchange { id, destination, port, control, framing, bytes }) => {
                let bytes = f(bytes);
                Operation::Exchange(Exchange { id, destination, port, control, framing, bytes })
            }
            Self::Lookup(lookup) => Operation::Lookup(lookup),
            Self::Close(id) => Operation::Close(id),
        }
    }
}
