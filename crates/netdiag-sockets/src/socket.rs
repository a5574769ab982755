//! One socket as the kernel tells of it: `struct inet_diag_msg` of linux/inet_diag.h.

use crate::State;
use netdiag_model::Family;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The protocols whose sockets are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Raw sockets of any protocol; in place of a port they have the protocol's number.
    Raw,
    /// UDP-Lite (RFC 3828), which is read for the columns of lsof only.
    UdpLite,
}

impl Protocol {
    /// All that are listed, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Raw];

    /// The word of tables and of the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Raw => "raw",
            Self::UdpLite => "udplite",
        }
    }

    /// The number that sock_diag is asked by.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Raw => 255,
            Self::UdpLite => 136,
        }
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address; unspecified where any is meant, or none.
    pub address: IpAddr,
    /// The port; 0 where there is none.
    pub port: u16,
}

impl Endpoint {
    /// Whether it names nobody.
    #[must_use]
    pub fn is_unspecified(self) -> bool {
        self.port == 0 && self.address.is_unspecified()
    }

    /// The address, IPv4 also where it is written as IPv6 (RFC 4291 section 2.5.5.2).
    #[must_use]
    pub fn canonical(self) -> IpAddr {
        self.address.to_canonical()
    }
}

/// Address and port as text, IPv6 in brackets.
impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// What the kernel waits for with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimerKind {
    /// To ask whether the peer is still there.
    Keepalive,
    /// To send again what was not acknowledged.
    Retransmit,
    /// For the end of TIME-WAIT.
    TimeWait,
    /// To ask whether the peer's window has opened.
    Probe,
    /// For the end of a connection in FIN-WAIT-2 that no program has any more (`tcp_fin_timeout`).
    Orphan,
}

/// A timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What for.
    pub kind: TimerKind,
    /// Until when, in milliseconds from the look.
    pub expires_ms: u32,
    /// How often it has run out without an answer.
    pub retransmits: u8,
}

/// One socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The protocol.
    pub protocol: Protocol,
    /// The address family.
    pub family: Family,
    /// The state; that of UDP and raw sockets says only whether they are connected.
    pub state: State,
    /// The address and port of this side.
    pub local: Endpoint,
    /// Those of the other side.
    pub remote: Endpoint,
    /// The index of the interface that it is bound to; 0: none.
    pub interface: u32,
    /// What the kernel waits for.
    pub timer: Option<Timer>,
    /// Bytes that were received and not read; of a listener, connections that were not accepted. A FIN
    /// counts as one byte.
    pub receive_queue: u32,
    /// Bytes that were not acknowledged; of a listener, the [limit](Self::accept_limit) of its accept queue.
    pub send_queue: u32,
    /// The user of its owner.
    pub uid: u32,
    /// The inode; 0: no process has it.
    pub inode: u32,
    /// What the kernel tells it apart by.
    pub cookie: u64,
}

impl Socket {
    /// How many bytes the kernel tells of each socket before attributes.
    pub const BYTES: usize = 72;
    /// The limit of an accept queue that is not known, as in /proc/net/tcp: no queue is as long.
    pub const NO_LIMIT: u32 = u32::MAX;

    /// Decodes one message without its netlink header; `None` of what is no such message.
    #[must_use]
    pub fn decode(protocol: Protocol, bytes: &[u8]) -> Option<Self> {
        let fixed: &[u8; Self::BYTES] = bytes.first_chunk()?;
        let family = match fixed[0] {
            2 => Family::Ipv4,
            10 => Family::Ipv6,
            _ => return None,
        };
        let cookie = u64::from(word(fixed, 44)) | u64::from(word(fixed, 48)) << 32;
        Some(Self {
            protocol,
            family,
            state: State::from_kernel(fixed[1])?,
            timer: timer(fixed[1], [fixed[2], fixed[3]], word(fixed, 52)),
            local: endpoint(family, fixed, 4, 8),
            remote: endpoint(family, fixed, 6, 24),
            interface: word(fixed, 40),
            cookie,
            receive_queue: word(fixed, 56),
            send_queue: word(fixed, 60),
            uid: word(fixed, 64),
            inode: word(fixed, 68),
        })
    }

    /// What to send to the kernel to be told of this socket again: `struct inet_diag_req_v2`, with the
    /// attributes of these bits.
    #[must_use]
    pub fn question(&self, attributes: u8) -> [u8; 56] {
        let mut bytes = [0; 56];
        bytes[0] = if self.family == Family::Ipv4 { 2 } else { 10 };
        bytes[1] = self.protocol.number();
        bytes[2] = attributes;
        bytes[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
        bytes[8..10].copy_from_slice(&self.local.port.to_be_bytes());
        bytes[10..12].copy_from_slice(&self.remote.port.to_be_bytes());
        write_address(&mut bytes, 12, self.local.address);
        write_address(&mut bytes, 28, self.remote.address);
        bytes[44..48].copy_from_slice(&self.interface.to_ne_bytes());
        bytes[48..52].copy_from_slice(&(self.cookie as u32).to_ne_bytes());
        bytes[52..56].copy_from_slice(&((self.cookie >> 32) as u32).to_ne_bytes());
        bytes
    }

    /// The state as the contract has it: none of UDP and raw sockets.
    #[must_use]
    pub fn tcp_state(&self) -> Option<State> {
        (self.protocol == Protocol::Tcp).then_some(self.state)
    }

    /// Whether it waits for connections.
    #[must_use]
    pub fn is_listener(&self) -> bool {
        self.tcp_state() == Some(State::Listen)
    }

    /// The limit of the accept queue of a listener, as far as it is known.
    #[must_use]
    pub fn accept_limit(&self) -> Option<u32> {
        Some(self.send_queue).filter(|limit| self.is_listener() && *limit != Self::NO_LIMIT)
    }

    /// Whether a program has accepted the connection, where that can be told: a connection without an
    /// inode is complete in the kernel only.
    #[must_use]
    pub fn accepted(&self) -> Option<bool> {
        match self.tcp_state()? {
            State::Established | State::CloseWait => Some(self.inode != 0),
            _ => None,
        }
    }

    /// Whether the peer's end of data waits to be read, where it has come: it counts as one byte.
    #[must_use]
    pub fn eof_unread(&self) -> Option<bool> {
        match self.tcp_state()? {
            State::CloseWait | State::LastAck => Some(self.receive_queue > 0),
            _ => None,
        }
    }

    /// How often in a row nothing was heard of what the kernel sent again, or asked the other end about
    /// its window.
    #[must_use]
    pub fn unanswered(&self) -> u8 {
        match self.timer {
            Some(Timer { kind: TimerKind::Probe, retransmits, .. }) => retransmits,
            _ => self.retransmits(),
        }
    }

    /// How often the kernel has sent something again in vain.
    #[must_use]
    pub fn retransmits(&self) -> u8 {
        match self.timer {
            Some(Timer { kind: TimerKind::Retransmit, retransmits, .. }) => retransmits,
            _ => 0,
        }
    }
}

/// The attribute of a message with this number (INET_DIAG_* of linux/inet_diag.h).
#[must_use]
pub fn attribute(message: &[u8], number: u16) -> Option<&[u8]> {
    let mut rest = message.get(Socket::BYTES..)?;
    while let Some(header) = rest.first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & 0x3fff;
        let value = rest.get(4..length)?;
        if kind == number {
            return Some(value);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The number of the attribute that tells of the memory of a socket (`INET_DIAG_SKMEMINFO`).
pub const MEMORY: u16 = 7;

/// What a socket has dropped since it began, where the message says so (`SK_MEMINFO_DROPS` of
/// linux/sock_diag.h): of a listener SYNs, for whatever reason.
#[must_use]
pub fn drops(message: &[u8]) -> Option<u32> {
    /// Its place among the words of the attribute.
    const DROPS: usize = 8;
    let word = attribute(message, MEMORY)?.chunks_exact(4).nth(DROPS)?;
    word.try_into().ok().map(u32::from_ne_bytes)
}

fn word(bytes: &[u8; Socket::BYTES], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn endpoint(family: Family, bytes: &[u8; Socket::BYTES], port: usize, at: usize) -> Endpoint {
    let address = match family {
        Family::Ipv4 => {
            Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]).into()
        }
        Family::Ipv6 => {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[at..at + 16]);
            Ipv6Addr::from(octets).into()
        }
    };
    Endpoint { address, port: u16::from_be_bytes([bytes[port], bytes[port + 1]]) }
}

fn write_address(bytes: &mut [u8; 56], at: usize, address: IpAddr) {
    match address {
        IpAddr::V4(address) => bytes[at..at + 4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => bytes[at..at + 16].copy_from_slice(&address.octets()),
    }
}

fn timer(state: u8, [kind, retransmits]: [u8; 2], expires_ms: u32) -> Option<Timer> {
    let kind = match kind {
        // Such an orphan the kernel keeps in few bytes, as one in TIME-WAIT.
        3 if State::from_kernel(state) == Some(State::FinWait2) => TimerKind::Orphan,
        1 => TimerKind::Retransmit,
        2 => TimerKind::Keepalive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Probe,
        _ => return None,
    };
    // A timer that is due and has not run is told as one that runs for ever.
    let expires_ms = if expires_ms > i32::MAX as u32 { 0 } else { expires_ms };
    Some(Timer { kind, expires_ms, retransmits })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message by the offsets of the header.
    fn message() -> Vec<u8> {
        let mut bytes = vec![0; Socket::BYTES];
        bytes[..4].copy_from_slice(&[2, 8, 2, 3]);
        bytes[4..8].copy_from_slice(&[0x01, 0xbb, 0x9c, 0x40]);
        bytes[8..12].copy_from_slice(&[192, 0, 2, 1]);
        bytes[24..28].copy_from_slice(&[198, 51, 100, 2]);
        for (at, value) in
            [(40, 7_u32), (44, 0x11), (48, 0x22), (52, 900), (56, 1), (60, 2), (64, 1000), (68, 42)]
        {
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn each_field_is_where_the_kernel_puts_it() {
        let bytes = message();
        let socket = Socket::decode(Protocol::Tcp, &bytes).expect("a message");
        assert_eq!((socket.family, socket.state), (Family::Ipv4, State::CloseWait));
        assert_eq!(socket.local.to_string(), "192.0.2.1:443");
        assert_eq!(socket.remote.to_string(), "198.51.100.2:40000");
        assert_eq!((socket.interface, socket.cookie), (7, 0x22_0000_0011));
        assert_eq!((socket.receive_queue, socket.send_queue), (1, 2));
        assert_eq!((socket.uid, socket.inode), (1000, 42));
        let timer = Timer { kind: TimerKind::Keepalive, expires_ms: 900, retransmits: 3 };
        assert_eq!(socket.timer, Some(timer));
        assert_eq!((socket.accepted(), socket.eof_unread()), (Some(true), Some(true)));
        let kind = |state, timer| {
            let mut bytes = bytes.clone();
            (bytes[1], bytes[2]) = (state, timer);
            Socket::decode(Protocol::Tcp, &bytes).and_then(|it| it.timer).map(|it| it.kind)
        };
        assert_eq!(kind(6, 3), Some(TimerKind::TimeWait));
        assert_eq!((kind(5, 3), kind(5, 2)), (Some(TimerKind::Orphan), Some(TimerKind::Keepalive)));
        let question = socket.question(2);
        assert_eq!(question[..4], [2, 6, 2, 0]);
        assert_eq!(question[8..12], bytes[4..8]);
        assert_eq!(question[12..], bytes[8..52]);
    }

    #[test]
    fn what_is_cut_or_of_another_kind_is_no_socket() {
        let mut bytes = message();
        assert_eq!(Socket::decode(Protocol::Tcp, &bytes[..71]), None);
        bytes[1] = 99;
        assert_eq!(Socket::decode(Protocol::Tcp, &bytes), None);
        bytes[0] = 1;
        assert_eq!(Socket::decode(Protocol::Tcp, &bytes), None);
    }

    #[test]
    fn what_was_dropped_is_the_ninth_word_of_the_memory() {
        let mut bytes = message();
        assert_eq!(drops(&bytes), None);
        bytes.extend([40, 0, 7, 0]);
        (0..9_u32).for_each(|word| bytes.extend((word * 3).to_ne_bytes()));
        assert_eq!(drops(&bytes), Some(24));
        // An old kernel tells fewer.
        let mut less = message();
        less.extend([36, 0, 7, 0]);
        less.extend([1; 32]);
        assert_eq!(drops(&less), None);
    }

    #[test]
    fn attributes_end_where_their_lengths_stop_making_sense() {
        let mut bytes = message();
        bytes.extend([5, 0, 8, 0, 3, 0, 0, 0, 6, 0, 2, 0, 9, 9, 0, 0]);
        assert_eq!(attribute(&bytes, 8), Some(&[3][..]));
        assert_eq!(attribute(&bytes, 2), Some(&[9, 9][..]));
        assert_eq!(attribute(&bytes, 7), None);
        bytes.extend([0, 0, 7, 0]);
        assert_eq!(attribute(&bytes, 7), None);
        bytes.extend([200, 0, 7, 0, 1]);
        assert_eq!(attribute(&bytes, 7), None);
    }
}
