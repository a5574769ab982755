//! What is counted while sockets go by: none of them is kept but a sample of those that may be what a
//! finding is about.

mod suspects;

pub use suspects::{Kin, SAMPLE, Share, Suspect, Suspects};

use crate::destinations::{Destination, Destinations};
use crate::owners::Owner;
use crate::{Owners, Ports, Protocol, Socket, State, TcpInfo, TimerKind};
use std::collections::BTreeMap;
use std::net::IpAddr;
use suspects::PortSet;

/// Of ports, hosts and processes of a summary, how many are told apart in one state.
const APART: usize = 4_096;

/// Who is counted as an owner: a process where that is known, else a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The place in [`Owners::processes`](crate::Owners::processes).
    Process(u32),
    /// A user.
    User(u32),
}

/// All owners, and which of them has a socket.
pub type Owned<'a> = (&'a Owners, Owner<'a>);

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

/// What is counted: of the sockets that are listed how many there are, and of all that were read what
/// verdicts are made from.
#[derive(Clone, Debug)]
pub struct Tally {
    /// TCP sockets that are listed by [`State::place`].
    pub tcp: [u64; 11],
    /// The same of all that were read.
    read: [u64; 11],
    /// UDP sockets.
    pub udp: u64,
    /// Raw sockets.
    pub raw: u64,
    /// The listeners, listed or not, up to a bound.
    pub listeners: Vec<Socket>,
    /// Ports with a listener.
    listening: PortSet,
    /// Ports of this side that a listed TCP socket has.
    listed: PortSet,
    /// The ephemeral ports.
    pub ports: Ports,
    /// Ephemeral ports in use by destination.
    pub destinations: Destinations,
    /// SYN-SENT.
    pub syn_sent: Suspects,
    /// SYN-RECEIVED, by port of this side.
    pub syn_received: Suspects,
    /// Clients with a connection at a listener's port that carries data now, up to a bound, and the
    /// inodes of the connections that do.
    pub active: BTreeMap<(IpAddr, u16), Vec<u32>>,
    /// Data that was sent again and again, or cannot be sent while nobody says why.
    pub unacknowledged: Suspects,
    /// ESTABLISHED without a timer and without anything to send.
    pub quiet: Suspects,
    /// Complete in the kernel, with no program.
    pub not_accepted: Suspects,
    /// Orphans in FIN-WAIT-1 that were sent again, or wait for a window to open.
    pub fin_wait_1: Suspects,
    /// FIN-WAIT-2 that a program still has.
    pub fin_wait_2: Suspects,
    /// CLOSE-WAIT that a program has.
    pub close_wait: Suspects,
    /// CLOSING.
    pub closing: Suspects,
    /// LAST-ACK that were sent again, or cannot be sent.
    pub last_ack: Suspects,
    /// Sockets whose owner cannot be seen: those that are listed, and those that would be if it were one
    /// that is wanted.
    pub not_visible: u64,
    /// By state, for a summary.
    pub common: Option<Vec<Common>>,
}

impl Tally {
    /// Nothing yet, with these ephemeral ports; `summary`: with what states have in common.
    #[must_use]
    pub fn new(ports: Ports, summary: bool) -> Self {
        Self {
            tcp: [0; 11],
            read: [0; 11],
            udp: 0,
            raw: 0,
            listeners: Vec::new(),
            listening: PortSet::new(),
            listed: PortSet::new(),
            ports,
            destinations: Destinations::default(),
            syn_sent: Suspects::default(),
            syn_received: Suspects::default(),
            active: BTreeMap::new(),
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

    /// How many of a state are listed.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.tcp[state.place()]
    }

    /// How many of a state there are, listed or not, of the states that were read.
    #[must_use]
    pub fn all_of(&self, state: State) -> u64 {
        self.read[state.place()]
    }

    /// TCP sockets that are listed.
    #[must_use]
    pub fn tcp_total(&self) -> u64 {
        self.tcp.iter().sum()
    }

    /// All sockets that are listed.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.tcp_total() + self.udp + self.raw
    }

    /// Whether some socket listens at a port.
    #[must_use]
    pub fn listens(&self, port: u16) -> bool {
        self.listening.contains(port)
    }

    /// Whether a TCP socket at a port of this side is listed.
    #[must_use]
    pub fn lists(&self, port: u16) -> bool {
        self.listed.contains(port)
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

    /// Counts a socket; `is_listed`: `None` where only its owner would tell.
    pub fn take(
        &mut self,
        socket: &Socket,
        info: Option<&TcpInfo>,
        owner: Option<Owned<'_>>,
        is_listed: Option<bool>,
    ) {
        let is_hidden = owner.is_some_and(|(_, owner)| owner == Owner::NotVisible);
        let is_hidden = is_hidden && is_listed != Some(false);
        self.not_visible += u64::from(is_hidden);
        let is_listed = is_listed == Some(true);
        match socket.protocol {
            Protocol::Tcp => {
                self.suspect(socket, info, owner, is_listed);
                let is_ours = socket.state != State::Listen && !self.listens(socket.local.port);
                self.count_port(socket, is_ours, is_listed);
                if is_listed {
                    self.tcp[socket.state.place()] += 1;
                    self.listed.insert(socket.local.port);
                    self.compare(socket, owner, is_ours);
                }
            }
            Protocol::Udp | Protocol::UdpLite => self.udp += u64::from(is_listed),
            Protocol::Raw => self.raw += u64::from(is_listed),
        }
    }

    /// Nothing more is counted.
    pub fn settle(&mut self) {
        for suspects in [
            &mut self.syn_sent,
            &mut self.syn_received,
            &mut self.unacknowledged,
            &mut self.quiet,
            &mut self.not_accepted,
            &mut self.fin_wait_1,
            &mut self.fin_wait_2,
            &mut self.close_wait,
            &mut self.closing,
            &mut self.last_ack,
        ] {
            suspects.first.append(&mut suspects.others);
        }
    }

    fn suspect(
        &mut self,
        socket: &Socket,
        info: Option<&TcpInfo>,
        owner: Option<Owned<'_>>,
        is_listed: bool,
    ) {
        let its_owner = || Kin::Owner(party(socket, owner));
        self.read[socket.state.place()] += 1;
        let (port, retransmits) = (socket.local.port, socket.retransmits());
        let waits_for = socket.timer.map(|timer| timer.kind);
        match socket.state {
            State::Listen => {
                /// Listeners that are kept.
                const LISTENERS: usize = 8_192;
                self.listening.insert(port);
                if self.listeners.len() < LISTENERS {
                    self.listeners.push(*socket);
                }
            }
            State::SynSent => self.syn_sent.take_of(its_owner(), socket, info, is_listed),
            State::SynReceived => {
                self.syn_received.take_of(Kin::Port(port), socket, info, is_listed)
            }
            State::Established | State::CloseWait if socket.inode == 0 => {
                self.not_accepted.take_of(Kin::Port(port), socket, info, is_listed)
            }
            State::Established if socket.unanswered() > 0 => {
                self.unacknowledged.take(socket, info, is_listed)
            }
            State::Established if socket.timer.is_none() => {
                self.quiet.take(socket, info, is_listed)
            }
            State::Established
                if waits_for == Some(TimerKind::Retransmit) && self.listens(port) =>
            {
                self.use_now((socket.remote.canonical(), port), socket.inode);
            }
            State::FinWait1
                if socket.inode == 0
                    && (retransmits >= 2 || waits_for == Some(TimerKind::Probe)) =>
            {
                self.fin_wait_1.take(socket, info, is_listed);
            }
            State::FinWait2 if socket.inode != 0 => {
                self.fin_wait_2.take_of(its_owner(), socket, info, is_listed)
            }
            State::CloseWait => self.close_wait.take_of(its_owner(), socket, info, is_listed),
            State::Closing => self.closing.take(socket, info, is_listed),
            State::LastAck if socket.unanswered() >= 2 => {
                self.last_ack.take(socket, info, is_listed)
            }
            _ => {}
        }
    }

    /// A client uses a connection of this inode.
    fn use_now(&mut self, client: (IpAddr, u16), inode: u32) {
        /// Clients that are kept, and connections of each.
        const CLIENTS: usize = 4_096;
        const EACH: usize = 8;
        if self.active.len() < CLIENTS || self.active.contains_key(&client) {
            let inodes = self.active.entry(client).or_default();
            if inodes.len() < EACH {
                inodes.push(inode);
            }
        }
    }

    /// Counts the port of a connection that began here to its destination.
    fn count_port(&mut self, socket: &Socket, is_ours: bool, is_listed: bool) {
        if is_ours && self.ports.picks(socket.local.port) && socket.remote.port != 0 {
            let (local, remote) = (socket.local.address, socket.remote.address);
            let left = socket.timer.filter(|_| socket.state == State::TimeWait);
            let to = Destination { local, remote, port: socket.remote.port };
            self.destinations.count(to, left.map(|timer| timer.expires_ms), is_listed);
        }
    }

    /// Counts what it has in common with others of its state.
    fn compare(&mut self, socket: &Socket, owner: Option<Owned<'_>>, is_ours: bool) {
        let Some(common) = &mut self.common else { return };
        let common = &mut common[socket.state.place()];
        let port = if is_ours { socket.remote.port } else { socket.local.port };
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
pub fn party(socket: &Socket, owner: Option<Owned<'_>>) -> Option<Party> {
    match owner {
        Some((owners, Owner::Known([first, ..]))) => Some(Party::Process(owners.place(*first))),
        Some((_, Owner::Nobody | Owner::NotAccepted)) => None,
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
