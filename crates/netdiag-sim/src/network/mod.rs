//! The internet mounted in virtual time: the engine's port without a kernel.

mod local;
mod lookup;
mod receive;
mod send;
mod tcp;

use crate::internet::{Internet, START_UNIX_NANOS};
use crate::random::Random;
use crate::scenario::{Here, Lookup, Scenario};
use crate::truth::Truth;
use local::Locals;
use netdiag_engine::port::{
    Identifiers, InputKind, Inputs, Network, NetworkError, Opened, Opening, Operation, OperationId,
    Operations, Refused, TalkEnd,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{ClockAnchor, Family, Instant, Stamp};
use std::collections::BTreeMap;
use std::time::Duration;
use tcp::Connecting;

/// When virtual time starts: not at zero, so that nothing underflows.
const START: Instant = Instant::from_nanos(1_000_000_000);
/// The index of the interface of `here`.
const INTERFACE: u32 = 2;
/// "Resource deadlock avoided": a wait that nothing can end.
const EDEADLK: i32 = 35;
/// The echo identifiers: a raw socket's block, a datagram socket's only one.
const RAW_IDENTIFIERS: Identifiers = Identifiers { first: 0x4e40, count: 16 };
const DATAGRAM_IDENTIFIER: Identifiers = Identifiers { first: 0x2236, count: 1 };
/// Of UDP: its port.
const UDP_IDENTIFIER: Identifiers = Identifiers { first: send::UDP_PORT, count: 1 };
/// Of raw TCP: its ports.
const TCP_PORTS: Identifiers = Identifiers { first: 60_992, count: 64 };
const EPERM: i32 = 1;
const EACCES: i32 = 13;

/// Something to tell the engine that has no bytes.
type Told = InputKind<&'static [u8]>;

/// A [`Network`] in virtual time.
///
/// Time runs only inside [`Network::wait`], from one event to the next. The kernel's part is played
/// too: checksums it would check, packets its filter would keep from us, stamps, error queues, and
/// the faults of the scenario's `[[local]]`.
#[derive(Debug)]
pub struct VirtualNetwork {
    internet: Internet,
    here: Here,
    opened: Opened,
    socket: SocketKind,
    now: Instant,
    /// How much the internet's clock is ahead of the monotonic one: the time slept.
    slept: Duration,
    locals: Locals,
    lookups: Vec<Lookup>,
    noise: Random,
    /// Completions that are there already.
    ready: Vec<(Instant, Told)>,
    /// Completions at a later time; the number keeps the order of those of one time.
    timed: BTreeMap<(Instant, u64), Told>,
    timed_added: u64,
    connecting: BTreeMap<u16, Connecting>,
    next_port: u16,
    /// The packet being built.
    packet: Vec<u8>,
}

impl VirtualNetwork {
    /// A scenario's network over raw sockets.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self::with_socket(scenario, SocketKind::Raw)
    }

    /// A scenario's network over [`SocketKind::Raw`] or [`SocketKind::IcmpDatagram`], and UDP; with
    /// [`SocketKind::UdpErrorQueue`] over UDP alone, as where ICMP is refused.
    ///
    /// # Panics
    /// With another kind of socket.
    #[must_use]
    pub fn with_socket(scenario: &Scenario, socket: SocketKind) -> Self {
        let identifiers = match socket {
            SocketKind::Raw => RAW_IDENTIFIERS,
            SocketKind::IcmpDatagram => DATAGRAM_IDENTIFIER,
            SocketKind::UdpErrorQueue => UDP_IDENTIFIER,
            _ => panic!("a simulated socket is raw, an ICMP datagram socket, or UDP"),
        };
        Self {
            internet: Internet::new(scenario, START),
            here: scenario.here.clone(),
            opened: opened(socket, identifiers),
            socket,
            now: START,
            slept: Duration::ZERO,
            locals: Locals::new(&scenario.locals, START),
            lookups: scenario.lookups.clone(),
            noise: Random::new(scenario.seed, u64::MAX),
            ready: Vec::new(),
            timed: BTreeMap::new(),
            timed_added: 0,
            connecting: BTreeMap::new(),
            next_port: tcp::FIRST_PORT,
            packet: Vec::new(),
        }
    }

    /// What really happened. Its times are those of the internet: they run on while `here` sleeps.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        self.internet.truth()
    }

    /// The internet, to switch on records or to inject packets of one's own.
    pub const fn internet(&mut self) -> &mut Internet {
        &mut self.internet
    }

    /// The wall clock at the start: 2026-01-01T00:00:00Z.
    #[must_use]
    pub const fn clock_anchor(&self) -> ClockAnchor {
        ClockAnchor { instant: START, unix_nanos: START_UNIX_NANOS }
    }

    /// The internet's time at an instant of the monotonic clock.
    fn outside(&self, instant: Instant) -> Instant {
        instant + self.slept
    }

    /// A reading of the process's own clock: off by up to the scenario's noise.
    fn noise(&mut self) -> Duration {
        match self.here.stamp_noise.unsigned() {
            0 => Duration::ZERO,
            most => Duration::from_nanos(self.noise.below(most)),
        }
    }

    /// The stamp of something at `at` that the process reads about at `user`.
    fn stamp(&self, at: Instant, user: Instant) -> Stamp {
        if self.locals.stamps_missing(at) { Stamp::user(user) } else { Stamp::kernel(at, user) }
    }

    fn ready(&mut self, kind: Told) {
        self.ready.push((self.now, kind));
    }

    fn later(&mut self, at: Instant, kind: Told) {
        self.timed.insert((at, self.timed_added), kind);
        self.timed_added += 1;
    }

    /// Tells everything that happened up to `now`.
    fn drain(&mut self, inputs: &mut Inputs) {
        for (at, kind) in self.ready.drain(..) {
            inputs.push(at, kind);
        }
        while let Some(at) = self.locals.next_at().filter(|at| *at <= self.now) {
            while self.receive_one(at, inputs) {}
            self.on_local(at, inputs);
        }
        while self.receive_one(self.now, inputs) {}
        while let Some(entry) = self.timed.first_entry() {
            let at = entry.key().0;
            if at > self.now {
                break;
            }
            inputs.push(at, entry.remove());
        }
        inputs.set_now(self.now);
    }

    fn close(&mut self, id: OperationId) {
        self.connecting.retain(|_, connecting| connecting.id != id);
        self.timed
            .retain(|_, kind| !matches!(kind, InputKind::Named { id: named, .. } if *named == id));
    }
}

/// What a user without rights is told.
const NO_RAW_TCP: NetworkError =
    NetworkError { call: "socket(SOCK_RAW, IPPROTO_ICMP)", errno: EPERM };

/// What is open: UDP always; ICMP unless it is UDP alone that the process may use.
fn opened(socket: SocketKind, identifiers: Identifiers) -> Opened {
    let opening = |socket, identifiers| Opening {
        socket,
        identifiers,
        because: "the scenario says so".to_owned(),
        lost: Vec::new(),
    };
    let udp = || Ok(opening(SocketKind::UdpErrorQueue, UDP_IDENTIFIER));
    if socket != SocketKind::UdpErrorQueue {
        let icmp = opening(socket, identifiers);
        let mut opened =
            Opened { udp4: udp(), udp6: udp(), ..Opened::icmp(Ok(icmp.clone()), Ok(icmp)) };
        let tcp = match socket {
            SocketKind::Raw => Ok(opening(socket, TCP_PORTS)),
            _ => Err(NO_RAW_TCP),
        };
        (opened.tcp4, opened.tcp6) = (tcp.clone(), tcp);
        return opened;
    }
    // What a user without rights is told who is not in net.ipv4.ping_group_range either.
    let refused = |family, socket, call, errno| Refused {
        family,
        socket,
        error: NetworkError { call, errno },
    };
    let refused = [
        (Family::Ipv4, SocketKind::Raw, "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", EPERM),
        (
            Family::Ipv4,
            SocketKind::IcmpDatagram,
            "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)",
            EACCES,
        ),
        (Family::Ipv6, SocketKind::Raw, "socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)", EPERM),
        (
            Family::Ipv6,
            SocketKind::IcmpDatagram,
            "socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6)",
            EACCES,
        ),
    ]
    .map(|(family, socket, call, errno)| refused(family, socket, call, errno));
    let [_, ipv4, _, ipv6] = refused.each_ref().map(|refused| Err(refused.error.clone()));
    Opened {
        udp4: udp(),
        udp6: udp(),
        tcp4: Err(NO_RAW_TCP),
        tcp6: Err(NO_RAW_TCP),
        refused: refused.to_vec(),
        ..Opened::icmp(ipv4, ipv6)
    }
}

impl Network for VirtualNetwork {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError> {
        for operation in operations.iter() {
            match operation {
                Operation::Transmit(transmit) => self.transmit(&transmit),
                Operation::Connect(connect) => self.connect(&connect),
                Operation::Exchange(exchange) => self.exchange(&exchange),
                Operation::Lookup(lookup) => self.look_up(lookup),
                // No data flows here.
                Operation::Say(_) => {}
                Operation::HangUp(id) => {
                    let end = TalkEnd::HungUp { acknowledged: None };
                    self.ready(InputKind::Ended { id, at: self.now, end });
                }
                Operation::Close(id) => self.close(id),
            }
        }
        operations.clear();
        Ok(())
    }

    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError> {
        self.drain(inputs);
        while inputs.is_empty() && self.now < until {
            let timed = self.timed.first_key_value().map(|((at, _), _)| *at);
            let limit =
                [timed, self.locals.next_at()].into_iter().flatten().fold(until, Instant::min);
            // Packets between two routers wake nobody: the internet runs to the first that is here.
            if !self.receive_one(limit, inputs) {
                if limit == Instant::FAR {
                    return Err(NetworkError { call: "wait for ever", errno: EDEADLK });
                }
                self.now = self.now.max(limit);
                if limit == until {
                    self.now = self.now + self.here.wake_delay.duration();
                }
            }
            self.drain(inputs);
        }
        Ok(())
    }
}
