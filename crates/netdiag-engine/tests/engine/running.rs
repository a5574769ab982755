//! The loop that joins an engine and a network.

use crate::harness::{START, TIMEOUT, V4, config, echo, opened};
use crate::script::Script;
use netdiag_engine::port::{
    Input, InputKind, Inputs, Network, NetworkError, Opened, Operations, StopCause,
};
use netdiag_engine::{Engine, Next, Pause, RunEnd, run, run_beside};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Instant, Stamp};
use std::convert::Infallible;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

/// A network that nothing answers on: it sends at once, and waits as long as it may.
struct Silent {
    opened: Opened,
    now: Instant,
    submitted: usize,
    ready: Vec<Input<Vec<u8>>>,
    broken: bool,
    /// How long after it is asked to, in turn, it begins to send.
    delays: [Duration; 2],
    /// When each packet left.
    departures: Vec<Instant>,
}

impl Silent {
    fn new() -> Self {
        let opened = opened(SocketKind::Raw, 16);
        Self {
            opened,
            now: START,
            submitted: 0,
            ready: Vec::new(),
            broken: false,
            delays: [Duration::ZERO; 2],
            departures: Vec::new(),
        }
    }
}

impl Network for Silent {
    fn opened(&self) -> &Opened {
        &self.opened
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError> {
        if self.broken {
            return Err(NetworkError { call: "sendmmsg", errno: 9 });
        }
        self.submitted += operations.len();
        self.now = self.now + self.delays[0];
        self.delays.reverse();
        for operation in operations.iter() {
            self.departures.push(self.now);
            let kind = InputKind::Sent { id: operation.id(), stamp: Stamp::user(self.now) };
            self.ready.push(Input { at: self.now, kind });
        }
        Ok(())
    }

    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError> {
        if self.ready.is_empty() {
            self.now = self.now.max(until);
        }
        for Input { at, kind } in self.ready.drain(..) {
            let mut bytes = Vec::new();
            let kind = kind.map_bytes(|own| bytes = own);
            inputs.push(at, kind.map_bytes(|()| bytes.as_slice()));
        }
        inputs.set_now(self.now);
        Ok(())
    }
}

fn engine(then: Next) -> Engine<Script> {
    let mut engine = Engine::new(config(16), START);
    engine.add(Script::new([Next::Probe(echo(1, V4)), Next::Probe(echo(2, V4))], then));
    engine
}

fn go_on<T>(_: T) -> ControlFlow<Infallible> {
    Continue(())
}

/// On what is called before waits that does not care when it is called again.
fn never(_: Instant) -> ControlFlow<Infallible, Instant> {
    Continue(Instant::FAR)
}

#[test]
fn a_run_ends_when_its_measurements_do() {
    let (mut engine, mut network) = (engine(Next::Done), Silent::new());
    let end = run(&mut engine, &mut network, go_on, never);
    assert_eq!(end, Ok(RunEnd::Finished(None)));
    assert_eq!((network.submitted, network.now), (2, START + TIMEOUT));
}

#[test]
fn a_stop_ends_a_run_and_is_told_with_its_first_cause() {
    let (mut engine, mut network) = (engine(Next::WhenSettled), Silent::new());
    for cause in [StopCause::Signal(15), StopCause::Interrupt] {
        network.ready.push(Input { at: START, kind: InputKind::Stop(cause) });
    }
    let end = run(&mut engine, &mut network, go_on, never);
    assert_eq!(end, Ok(RunEnd::Finished(Some(StopCause::Signal(15)))));
}

#[test]
fn operations_are_submitted_before_an_event_can_end_the_run() {
    let (mut engine, mut network) = (engine(Next::Done), Silent::new());
    let end = run(&mut engine, &mut network, Break, |_| Continue(Instant::FAR));
    assert_eq!(end, Ok(RunEnd::Broken(1)), "the first event: probe 1 has settled");
    assert_eq!(network.submitted, 2);

    let (mut engine, mut network) = (self::engine(Next::Done), Silent::new());
    let end = run(&mut engine, &mut network, |_| Continue(()), |_| Break("broken pipe"));
    assert_eq!(end, Ok(RunEnd::Broken("broken pipe")), "before the first wait");
    assert_eq!(network.submitted, 2);
}

/// Whoever shows something by time is called by time, and nothing of the run changes.
#[test]
fn a_wait_ends_when_the_receiver_wants_to_be_called_again() {
    let (mut engine, mut network) = (engine(Next::Done), Silent::new());
    let tick = TIMEOUT / 4;
    let mut called = Vec::new();
    let end = run(&mut engine, &mut network, go_on, |now| -> ControlFlow<Infallible, Instant> {
        called.push(now);
        Continue(now + tick)
    });
    assert_eq!(end, Ok(RunEnd::Finished(None)));
    assert_eq!((network.submitted, network.now), (2, START + TIMEOUT));
    called.dedup();
    assert_eq!(called, [0, 1, 2, 3].map(|ticks| START + tick * ticks));
}

/// What a measurement waits for may go on beside the run: it is asked when that has changed.
#[test]
fn who_waits_for_something_beside_the_run_is_asked_when_it_has_changed() {
    let mut network = Silent::new();
    let mut engine = Engine::new(config(16), START);
    let script = [Next::NotBefore(Instant::FAR), Next::Probe(echo(1, V4))];
    engine.add(Script::new(script, Next::Done));
    let mut called = 0;
    let end = run_beside(&mut engine, &mut network, go_on, |now, network: &mut Silent| {
        called += 1;
        assert_eq!(network.submitted, usize::from(called > 2), "after the second call");
        Continue(Pause { until: now + TIMEOUT / 2, ask: called == 2 })
    });
    assert_eq!(end, Ok(RunEnd::Finished(None)));
    assert_eq!((network.submitted, network.now), (1, START + TIMEOUT / 2 + TIMEOUT));
}

/// The limit is one of packets, not of the engine's idea of the time, which is behind when it has
/// much to do.
#[test]
fn no_more_than_32_leave_in_a_millisecond_however_late_each_burst_leaves() {
    let mut network = Silent::new();
    network.delays = [Duration::from_micros(700), Duration::ZERO];
    let mut engine = Engine::new(config(16), START);
    engine.add(Script::new((1..=320).map(|seq| Next::Probe(echo(seq, V4))), Next::Done));
    assert_eq!(run(&mut engine, &mut network, go_on, never), Ok(RunEnd::Finished(None)));
    assert_eq!(network.departures.len(), 320);
    for window in network.departures.windows(33) {
        let length = window[32].since(window[0]);
        assert!(length >= Duration::from_millis(1), "33 packets in {length:?}");
    }
    let all = network.departures[319].since(network.departures[0]);
    assert!(all <= Duration::from_millis(13), "and no slower than that: {all:?}");
}

#[test]
fn a_network_that_cannot_go_on_ends_the_run() {
    let (mut engine, mut network) = (engine(Next::Done), Silent::new());
    network.broken = true;
    let end = run(&mut engine, &mut network, go_on, never);
    assert_eq!(end, Err(NetworkError { call: "sendmmsg", errno: 9 }));
}
