//! A bench for one engine: takes its operations, pushes inputs at chosen instants.

use crate::packets::{Datagram, Packet};
use crate::script::{Log, Script};
use netdiag_engine::port::{
    Change, Control, Identifiers, Input, InputKind, NetworkError, Opened, Opening, Operation,
    OperationId, QueuedError, SendError, StopCause, Transmit,
};
use netdiag_engine::{
    EchoSpec, Engine, EngineConfig, InterfaceQuery, InterfaceSpec, Output, Pattern, ProbeKind,
    ProbeSpec, Secret, SynSpec, TimestampSpec, UdpSpec,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Instant, Stamp};
use std::time::Duration;

pub(crate) const V4: &str = "192.0.2.1";
pub(crate) const V6: &str = "2001:db8::1";
/// The first of the block of identifiers.
pub(crate) const IDENT: u16 = 0x4320;
/// When each test begins.
pub(crate) const START: Instant = Instant::from_nanos(1_000_000_000_000);
/// The timeout of a [`echo`] probe.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) const ENOBUFS: i32 = 105;
pub(crate) const EPERM: i32 = 1;

pub(crate) type Sent = Transmit<Vec<u8>>;

/// `millis` after the start.
pub(crate) fn at(millis: u64) -> Instant {
    START + Duration::from_millis(millis)
}

pub(crate) fn destination(address: &str) -> Destination {
    Destination::new(address.parse().expect("a test writes addresses"))
}

/// A probe of 56 bytes to `address`, with a timeout of a second.
pub(crate) fn echo(seq: u64, address: &str) -> ProbeSpec {
    let echo =
        EchoSpec { size: 56, pattern: Pattern::COUNTING, flow: 0, balance: None, group: false };
    probe(seq, address, ProbeKind::Echo(echo))
}

pub(crate) fn sized(seq: u64, address: &str, size: u16) -> ProbeSpec {
    let echo = EchoSpec { size, pattern: Pattern::COUNTING, flow: 0, balance: None, group: false };
    probe(seq, address, ProbeKind::Echo(echo))
}

/// A timestamp request that leaves at one o'clock.
pub(crate) fn timestamp_kind(flow: u8) -> ProbeKind {
    ProbeKind::Timestamp(TimestampSpec { flow, originate: 3_600_000 })
}

/// A question about an interface of the target's own, or about a neighbour of it.
pub(crate) fn interface_kind(flow: u8, own: bool) -> ProbeKind {
    let query = match own {
        true => InterfaceQuery::by_name("eth0"),
        false => InterfaceQuery::neighbor(V6.parse().expect("an address")),
    };
    ProbeKind::Interface(InterfaceSpec { flow, query: query.expect("it can be asked") })
}

/// A UDP probe to `port` of `address`.
pub(crate) fn udp(seq: u64, address: &str, port: u16, size: u16) -> ProbeSpec {
    probe(seq, address, ProbeKind::Udp(UdpSpec { port, size, pattern: Pattern::COUNTING }))
}

/// A SYN to `port` of `address`, from one of our addresses.
pub(crate) fn syn(seq: u64, address: &str, port: u16) -> ProbeSpec {
    let spec =
        probe(seq, address, ProbeKind::Syn(SynSpec { port, flow: 0, mss: 1_460, ecn: false }));
    let source = match spec.destination {
        Destination::V4(_) => crate::packets::OUR_V4.into(),
        Destination::V6(..) => crate::packets::OUR_V6.into(),
    };
    ProbeSpec { control: Control { source: Some(source), ..Control::default() }, ..spec }
}

pub(crate) fn probe(seq: u64, address: &str, kind: ProbeKind) -> ProbeSpec {
    ProbeSpec {
        target: 7,
        seq,
        destination: destination(address),
        timeout: TIMEOUT,
        patience: Duration::from_millis(200),
        control: Control::default(),
        kind,
    }
}

/// What the network has open: `count` identifiers in either family.
pub(crate) fn opened(socket: SocketKind, count: u8) -> Opened {
    let identifiers = Identifiers { first: IDENT, count };
    let opening = Opening { socket, identifiers, because: String::new(), lost: Vec::new() };
    let opening: Result<Opening, NetworkError> = Ok(opening);
    let ports = Identifiers { first: crate::packets::OUR_PORT, count: 16 };
    let tcp: Result<Opening, NetworkError> =
        opening.clone().map(|opening| Opening { identifiers: ports, ..opening });
    Opened {
        tcp4: tcp.clone(),
        tcp6: tcp,
        udp4: opening.clone(),
        udp6: opening.clone(),
        ..Opened::icmp(opening.clone(), opening)
    }
}

pub(crate) fn config(count: u8) -> EngineConfig {
    EngineConfig::new(Secret::new([0xa7; 18]), opened(SocketKind::Raw, count))
}

/// An engine, its time, and what it asked the network to do.
pub(crate) struct Bench {
    pub(crate) engine: Engine<Script>,
    pub(crate) now: Instant,
    pub(crate) operations: Vec<Operation<Vec<u8>>>,
    pub(crate) wait: Option<Instant>,
}

impl Bench {
    /// Runs these until they wait.
    pub(crate) fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self::with(config(16), scripts)
    }

    pub(crate) fn with(config: EngineConfig, scripts: impl IntoIterator<Item = Script>) -> Self {
        let mut engine = Engine::new(config, START);
        for script in scripts {
            engine.add(script);
        }
        let mut bench = Self { engine, now: START, operations: Vec::new(), wait: None };
        bench.poll();
        bench
    }

    /// One echo probe to each address, all of one measurement, sent at the start.
    pub(crate) fn in_flight(addresses: &[&str]) -> Self {
        let specs = (1..).zip(addresses).map(|(seq, address)| echo(seq, address));
        let mut bench = Self::new([Script::probes(specs)]);
        bench.send_all(Stamp::user(START));
        bench
    }

    /// Takes outputs until the engine waits; `wait` is `None` when it has finished.
    pub(crate) fn poll(&mut self) {
        for _ in 0..10_000_000 {
            match self.engine.poll_output() {
                Output::Operation(operation) => {
                    self.operations.push(operation.map_bytes(<[u8]>::to_vec));
                }
                Output::Event(_) => {}
                Output::Wait(until) => return self.wait = Some(until),
                Output::Finished => return self.wait = None,
            }
        }
        panic!("polling does not end");
    }

    /// Hands an input in at `now`, which moves the time there.
    pub(crate) fn input(&mut self, now: Instant, kind: InputKind<&[u8]>) {
        self.now = self.now.max(now);
        self.engine.handle_input(self.now, Input { at: now, kind });
    }

    /// Lets the time come to `now`, with everything before it handed in.
    pub(crate) fn pass(&mut self, now: Instant) {
        self.input(now, InputKind::Timeout);
        self.poll();
    }

    /// Passes from wait to wait until `end`, answering each transmit as left at once.
    pub(crate) fn run_until(&mut self, end: Instant) {
        while let Some(until) = self.wait.filter(|until| *until <= end) {
            self.pass(until);
            self.send_all(Stamp::user(self.now));
        }
        self.pass(end);
    }

    /// Answers every transmit that was not answered yet with `Sent`.
    pub(crate) fn send_all(&mut self, stamp: Stamp) -> Vec<Sent> {
        let sent = self.transmits();
        for transmit in &sent {
            self.sent(transmit, stamp);
        }
        sent
    }

    pub(crate) fn sent(&mut self, transmit: &Sent, stamp: Stamp) {
        self.input(stamp.user, InputKind::Sent { id: transmit.id, stamp });
    }

    pub(crate) fn send_failed(&mut self, now: Instant, id: OperationId, errno: i32) {
        self.input(now, InputKind::SendFailed { id, error: SendError::new(errno) });
        self.poll();
    }

    pub(crate) fn receive(&mut self, now: Instant, packet: &Packet) {
        self.receive_stamped(now, Stamp::user(now), packet);
    }

    /// A packet looked at when the clock says `now`.
    pub(crate) fn receive_stamped(&mut self, now: Instant, stamp: Stamp, packet: &Packet) {
        self.now = self.now.max(now);
        let kind = InputKind::Received(packet.received(stamp));
        self.engine.handle_input(self.now, Input { at: stamp.at, kind });
        self.poll();
    }

    /// A datagram that came over the UDP socket.
    pub(crate) fn datagram(&mut self, now: Instant, datagram: &Datagram) {
        self.input(now, InputKind::Received(datagram.received(Stamp::user(now))));
        self.poll();
    }

    pub(crate) fn queued_error(&mut self, now: Instant, error: &QueuedError<Vec<u8>>) {
        let kind = InputKind::QueuedError(error.clone()).map_bytes(drop_owner);
        let bytes = error.bytes.as_slice();
        self.input(now, kind.map_bytes(|()| bytes));
        self.poll();
    }

    pub(crate) fn change(&mut self, now: Instant, change: Change) {
        self.input(now, InputKind::Changed(change));
        self.poll();
    }

    pub(crate) fn stop(&mut self, now: Instant) {
        self.input(now, InputKind::Stop(StopCause::Interrupt));
        self.poll();
        if let Some(until) = self.wait.filter(|until| *until <= now + Duration::from_millis(1)) {
            self.pass(until);
        }
    }

    /// Takes the transmits that the engine asked for since the last call.
    pub(crate) fn transmits(&mut self) -> Vec<Sent> {
        let taken = std::mem::take(&mut self.operations);
        let mut transmits = Vec::new();
        for operation in taken {
            match operation {
                Operation::Transmit(transmit) => transmits.push(transmit),
                other => self.operations.push(other),
            }
        }
        transmits
    }

    /// How often the engine asked to close each operation, of those not yet taken.
    pub(crate) fn closes(&self) -> Vec<OperationId> {
        let closed = self.operations.iter().filter_map(|operation| match operation {
            Operation::Close(id) => Some(*id),
            _ => None,
        });
        closed.collect()
    }

    pub(crate) fn log(&self) -> &Log {
        self.log_of(0)
    }

    pub(crate) fn log_of(&self, place: usize) -> &Log {
        &self.engine.measurements().nth(place).expect("as many as were added").log
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.wait.is_none()
    }
}

fn drop_owner(bytes: Vec<u8>) {
    drop(bytes);
}

/// A number that looks like chance and is the same each time (SplitMix64).
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Whether there is time for more than what a change of the code needs.
pub(crate) fn is_long() -> bool {
    std::env::var_os("NETDIAG_TEST_LONG").is_some()
}
