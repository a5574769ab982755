//! What is counted while sockets go by: none of them is kept but a sample of those that may be what a
//! finding is about.

use crate::destinations::{Destination, Destinations};
use crate::owners::Owner;
use crate::{Protocol, Socket, State, TcpInfo};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Of suspects of one kind, how many are kept to be looked at more closely.
pub const SAMPLE: usize = 512;
/// Of ports, hosts and processes of a summary, how many are told apart in one state.
const APART: usize = 4_096;

/// A socket, with TCP_INFO where it was asked for.
pub type Suspect = (Socket, Option<Box<TcpInfo>>);

/// Sockets that may be what a finding is about: how many, and the first of them.
#[derive(Clone, Debug, Default)]
pub struct Suspects {
    /// How many there were.
    pub count: u64,
    /// The first.
    pub first: Vec<Suspect>,
}

impl Suspects {
    fn take(&mut self, socket: &Socket, info: Option<&TcpInfo>) {
        self.count += 1;
        if self.first.len() < SAMPLE {
            self.first.push((*socket, info.cloned().map(Box::new)));
        }
    }
}

/// Who is counted as an owner: a process where that is known, else a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The place in [`Owners::processes`](crate::Owners::processes).
    Process(u32),
    /// A user.
    User(u32),
}

/// How many of one state have what in common, for a summary.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// By port: that of this side where a listener has it, else that of the other.
    pub ports: BTreeMap<u16, u64>,
    /// By the address of the other side.
    pub remotes: BTreeMap<IpAddr, u64>,
    /// By owner.
    pub parties: BTreeMap<Party, u64>,
    /// Whether there was more than is told apart.
    pub more: bool,
}

/// What is counted.
#[derive(Clone, Debug)]
pub struct Tally {
    /// TCP sockets by [`State::place`].
    pub tcp: [u64; 11],
    /// UDP sockets.
    pub udp: u64,
    /// Raw sockets.
    pub raw: u64,
    /// The listeners, up to a bound.
    pub listeners: Vec<Socket>,
    /// Ports with a listener.
    listening: Vec<u64>,
    /// The range of ephemeral ports.
    pub range: (u16, u16),
    /// Ephemeral ports in use by destination.
    pub destinations: Destinations,
    /// SYN-SENT.
    pub syn_sent: Suspects,
    /// SYN-RECEIVED.
    pub syn_received: Suspects,
    /// Data that was sent again and again.
    pub unacknowledged: Suspects,
    /// ESTABLISHED without a timer and without anything to send.
    pub quiet: Suspects,
    /// Complete in the kernel, with no program.
    pub not_accepted: Suspects,
    /// Orphans in FIN-WAIT-1 that were sent again.
    pub fin_wait_1: Suspects,
    /// FIN-WAIT-2 that a program still has.
    pub fin_wait_2: Suspects,
    /// CLOSE-WAIT that a program has.
    pub close_wait: Suspects,
    /// CLOSING.
    pub closing: Suspects,
    /// LAST-ACK that were sent again.
    pub last_ack: Suspects,
    /// Owners that cannot be seen.
    pub not_visible: u64,
    /// By state, for a summary.
    pub common: Option<Vec<Common>>,
}

impl Tally {
    /// Nothing yet, with this range of ephemeral ports; `summary`: with what states have in common.
    #[must_use]
    pub fn new(range: (u16, u16), summary: bool) -> Self {
        Self {
            tcp: [0; 11],
            udp: 0,
            raw: 0,
            listeners: Vec::new(),
            listening: vec![0; 1024],
            range,
            destinations: Destinations::default(),
            syn_sent: Suspects::default(),
            syn_received: Suspects::default(),
            unacknowledged: Suspects::default(),
            quiet: Suspects::default(),
            not_accepted: Suspects::default(),
            fin_wait_1: Suspects::default(),
            fin_wait_2: Suspects::default(),
            close_wait: Suspects::default(),
            closing: Suspects::default(),
            last_ack: Suspects::default(),
            not_visible: 0,
            common: summary.then(|| vec![Common::default(); State::ALL.len()]),
        }
    }

    /// How many of a state.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.tcp[state.place()]
    }

    /// TCP sockets.
    #[must_use]
    pub fn tcp_total(&self) -> u64 {
        self.tcp.iter().sum()
    }

    /// All sockets.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.tcp_total() + self.udp + self.raw
    }

    /// Whether some socket listens at a port.
    #[must_use]
    pub fn listens(&self, port: u16) -> bool {
        self.listening[usize::from(port >> 6)] >> (port & 63) & 1 != 0
    }

    /// Adds the counts of another namespace. Suspects, listeners and destinations stay those of this one.
    pub fn absorb(&mut self, other: Self) {
        for (sum, more) in self.tcp.iter_mut().zip(other.tcp) {
            *sum += more;
        }
        self.udp += other.udp;
        self.raw += other.raw;
        self.not_visible += other.not_visible;
        let rows = self.common.iter_mut().flatten().zip(other.common.into_iter().flatten());
        for (common, more) in rows {
            common.more |= more.more;
            let ports = more.ports.into_iter();
            common.more |= !ports.fold(true, |all, (key, n)| add(&mut common.ports, key, n) && all);
            let remotes = more.remotes.into_iter();
            common.more |=
                !remotes.fold(true, |all, (key, n)| add(&mut common.remotes, key, n) && all);
            let parties = more.parties.into_iter();
            common.more |=
                !parties.fold(true, |all, (key, n)| add(&mut common.parties, key, n) && all);
        }
    }

    /// Counts a socket.
    pub fn take(&mut self, socket: &Socket, info: Option<&TcpInfo>, owner: Option<Owner<'_>>) {
        self.not_visible += u64::from(owner == Some(Owner::NotVisible));
        match socket.protocol {
            Protocol::Tcp => self.take_tcp(socket, info, owner),
            Protocol::Udp => self.udp += 1,
            Protocol::Raw => self.raw += 1,
        }
    }

    fn take_tcp(&mut self, socket: &Socket, info: Option<&TcpInfo>, owner: Option<Owner<'_>>) {
        self.tcp[socket.state.place()] += 1;
        let (port, retransmits) = (socket.local.port, socket.retransmits());
        match socket.state {
            State::Listen => {
                /// Listeners that are kept.
                const LISTENERS: usize = 8_192;
                self.listening[usize::from(port >> 6)] |= 1 << (port & 63);
                if self.listeners.len() < LISTENERS {
                    self.listeners.push(*socket);
                }
            }
            State::SynSent => self.syn_sent.take(socket, info),
            State::SynReceived => self.syn_received.take(socket, info),
            State::Established if socket.inode == 0 => self.not_accepted.take(socket, info),
            State::Established if retransmits > 0 => self.unacknowledged.take(socket, info),
            State::Established if socket.timer.is_none() => self.quiet.take(socket, info),
            State::FinWait1 if socket.inode == 0 && retransmits >= 2 => {
                self.fin_wait_1.take(socket, info);
            }
            State::FinWait2 if socket.inode != 0 => self.fin_wait_2.take(socket, info),
            State::CloseWait if socket.inode == 0 => self.not_accepted.take(socket, info),
            State::CloseWait => self.close_wait.take(socket, info),
            State::Closing => self.closing.take(socket, info),
            State::LastAck if retransmits >= 2 => self.last_ack.take(socket, info),
            _ => {}
        }
        let is_ours = socket.state != State::Listen && !self.listens(port);
        if is_ours && (self.range.0..=self.range.1).contains(&port) && socket.remote.port != 0 {
            let (local, remote) = (socket.local.address, socket.remote.address);
            let left = socket.timer.filter(|_| socket.state == State::TimeWait);
            let to = Destination { local, remote, port: socket.remote.port };
            self.destinations.count(to, left.map(|timer| timer.expires_ms));
        }
        let Some(common) = &mut self.common else { return };
        let common = &mut common[socket.state.place()];
        let is_known = is_ours && socket.state != State::Listen;
        let port = if is_known { socket.remote.port } else { port };
        common.more |= !add(&mut common.ports, port, 1);
        if socket.state != State::Listen {
            common.more |= !add(&mut common.remotes, socket.remote.canonical(), 1);
        }
        if let Some(party) = party(socket, owner) {
            common.more |= !add(&mut common.parties, party, 1);
        }
    }
}

/// Who has a socket; `None`: no process has.
#[must_use]
pub fn party(socket: &Socket, owner: Option<Owner<'_>>) -> Option<Party> {
    match owner {
        Some(Owner::Known([first, ..])) => Some(Party::Process(first.process)),
        Some(Owner::Nobody | Owner::NotAccepted) => None,
        _ => (socket.inode != 0).then_some(Party::User(socket.uid)),
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, more: u64) -> bool {
    if let Some(count) = counts.get_mut(&key) {
        *count += more;
        return true;
    }
    let fits = counts.len() < APART;
    if fits {
        counts.insert(key, more);
    }
    fits
}
