//! Packets that came, and entries of a socket's error queue.

use super::ip_options::IpOptions;
use super::operation::Channel;
use netdiag_model::{Destination, Stamp};
use netdiag_wire::extension::{self, Extensions};
use std::net::IpAddr;

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
    /// The same to this local port, from which queries left.
    Answer {
        /// From which port.
        from: u16,
        /// To which port.
        to: u16,
        /// The payload.
        bytes: B,
    },
    /// A TCP segment without an IP header (raw IPv6 sockets).
    Tcp(B),
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

impl<B> Received<B> {
    pub(super) fn map_bytes<C>(self, f: impl FnOnce(B) -> C) -> Received<C> {
        let Self { stamp, from, to, interface, hop_limit, options, message } = self;
        let message = match message {
            Message::Ipv4(bytes) => Message::Ipv4(f(bytes)),
            Message::Icmpv4(bytes) => Message::Icmpv4(f(bytes)),
            Message::Icmpv6(bytes) => Message::Icmpv6(f(bytes)),
            Message::Udp(port, bytes) => Message::Udp(port, f(bytes)),
            Message::Answer { from, to, bytes } => Message::Answer { from, to, bytes: f(bytes) },
            Message::Tcp(bytes) => Message::Tcp(f(bytes)),
        };
        Received { stamp, from, to, interface, hop_limit, options, message }
    }
}

impl<B> QueuedError<B> {
    pub(super) fn map_bytes<C>(self, f: impl FnOnce(B) -> C) -> QueuedError<C> {
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
