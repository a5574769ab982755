//! Measurements and steps out of any bytes, so that a fuzzer can drive the engine.

use crate::harness::{V4, V6, at, interface_kind, probe, syn, timestamp_kind};
use crate::script::{OUR_INTERFACE, Script};
use crate::steps::{Damage, SPAN, Skew, Step, run};
use netdiag_engine::port::{
    Change, ExchangeError, ExchangeFraming, InterfaceChange, InterfaceEvent, SendError,
};
use netdiag_engine::{ConnectSpec, EchoSpec, Next, Pattern, ProbeKind, ProbeSpec, UdpSpec};
use std::time::Duration;

/// The most steps of a run.
const MOST: usize = 160;
const ERRNOS: [i32; 12] = [1, 11, 12, 22, 90, 97, 101, 104, 105, 110, 111, 113];
const SIZES: [u16; 7] = [0, 3, 8, 15, 16, 56, 1_400];
const TIMEOUTS: [u64; 5] = [0, 1, 100, 1_000, 5_000];

/// Bytes that are used up; zeroes when there are none left.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn bit(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn index(&mut self) -> usize {
        self.byte().into()
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index() % list.len()]
    }

    /// Nothing, less than a millisecond, or hours.
    fn micros(&mut self) -> i64 {
        let value = i64::from(self.word().cast_signed());
        match self.byte() % 8 {
            0..4 => 0,
            4..7 => value % 900,
            _ => value * 274_658,
        }
    }

    fn skew(&mut self) -> Skew {
        let user = self.micros();
        Skew(user, self.bit().then(|| self.micros()))
    }

    fn damage(&mut self) -> Damage {
        let place = self.index() % 80;
        match self.byte() % 10 {
            0..6 => Damage::Nothing,
            6 => Damage::Source,
            7 | 8 => Damage::Byte(place),
            _ => Damage::Cut(place),
        }
    }

    fn errno(&mut self) -> i32 {
        self.one_of(&ERRNOS)
    }

    fn next(&mut self, seq: u64) -> Next {
        let kind = self.byte();
        if kind >= 240 {
            let port = 80 + u16::from(self.bit());
            let spec = syn(seq, self.one_of(&[V4, V6]), port);
            let timeout = Duration::from_millis(self.one_of(&TIMEOUTS));
            return Next::Probe(ProbeSpec { timeout, ..spec });
        }
        match kind % 12 {
            0 => Next::Lookup(V4.parse().expect("an address")),
            1 => Next::NotBefore(at(u64::from(self.word()) % 3_000)),
            kind => Next::Probe(self.probe(seq, kind)),
        }
    }

    fn probe(&mut self, seq: u64, kind: u8) -> ProbeSpec {
        let (size, pattern) = (self.one_of(&SIZES), Pattern::COUNTING);
        let kind = match kind {
            2 => ProbeKind::Connect(ConnectSpec::to(80)),
            3 => ProbeKind::Exchange {
                port: 53,
                framing: ExchangeFraming::Length16,
                request: vec![7; 9],
            },
            4..7 => ProbeKind::Udp(UdpSpec { port: 7 + u16::from(self.bit()), size, pattern }),
            10 => timestamp_kind(self.byte()),
            11 => interface_kind(self.byte(), self.bit()),
            _ => ProbeKind::Echo(EchoSpec {
                size,
                pattern,
                flow: self.byte(),
                balance: None,
                group: self.bit(),
            }),
        };
        let timeout = Duration::from_millis(self.one_of(&TIMEOUTS));
        ProbeSpec { timeout, ..probe(seq, self.one_of(&[V4, V6]), kind) }
    }

    fn script(&mut self, number: u64) -> Script {
        let plan: Vec<Next> = (1..12).map(|seq| self.next(number * SPAN + seq)).collect();
        let stopped = if self.bit() { Next::Quit } else { Next::Done };
        Script::new(plan, Next::Done).when_stopped(stopped)
    }

    fn change(&mut self) -> Change {
        match self.byte() % 4 {
            0 => Change::Suspended { length: Duration::from_secs(9) },
            1 => Change::ClockStepped { nanos: -5 },
            2 => Change::ReceiveDrops { count: 3 },
            _ => {
                let index = OUR_INTERFACE + u32::from(self.bit());
                let what = self.one_of(&[InterfaceEvent::Up, InterfaceEvent::NoCarrier]);
                Change::Interface(InterfaceChange { index, name: None, what })
            }
        }
    }

    fn exchanged(&mut self) -> Result<(), ExchangeError> {
        match self.byte() % 4 {
            0 => Ok(()),
            1 => Err(ExchangeError::Connect(SendError::new(self.errno()))),
            2 => Err(ExchangeError::Closed),
            _ => Err(ExchangeError::TimedOut),
        }
    }

    fn step(&mut self) -> Step {
        let id = u32::from(self.byte()) % 40;
        match self.byte() % 40 {
            0..4 => Step::Pass(u64::from(self.byte()) % 5),
            4..8 => Step::Pass(u64::from(self.word()) % 5_000),
            8..15 => Step::Sent(self.index(), self.skew()),
            15 | 16 => Step::SendFailed(self.index(), self.errno()),
            17..23 => Step::Reply(self.index(), self.skew(), self.damage()),
            23..25 => Step::Error(self.index(), self.skew(), 20 + self.index() % 100),
            25..28 => {
                let (kind, code) = self.one_of(&[(3, 3), (1, 4), (3, 4), (11, 0), (2, 0)]);
                let (info, length) = (u32::from(self.word()), self.index() % 70);
                Step::Queued(self.index(), kind, code, info, length, self.bit())
            }
            28..31 => Step::Datagram(self.index(), self.skew(), self.damage()),
            31 => Step::Connected(id, self.skew()),
            32 => Step::ConnectFailed(id, self.skew(), self.errno(), self.bit()),
            33 => Step::Exchanged(id, self.exchanged()),
            34 => Step::Named(id),
            35 | 36 => {
                let length = self.index() % 100;
                Step::Noise((0..length).map(|_| self.byte()).collect(), self.bit())
            }
            37 => Step::Change(self.change()),
            38 => Step::Interim,
            _ if self.byte() < 32 => Step::Stop,
            _ => Step::Pass(1),
        }
    }
}

/// Whatever these bytes mean, everything holds. Says how many inputs they were.
pub(crate) fn check(data: &[u8]) -> usize {
    let mut bytes = Bytes(data);
    let identifiers = 1 + bytes.byte() % 16;
    let scripts = [0, 1, 2].map(|number| bytes.script(number));
    let mut steps = Vec::new();
    while !bytes.0.is_empty() && steps.len() < MOST {
        steps.push(bytes.step());
    }
    run(scripts, &steps, identifiers);
    steps.len()
}
