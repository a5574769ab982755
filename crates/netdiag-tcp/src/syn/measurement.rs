//! SYNs to many ports: what is known of them.

pub(super) mod again;
mod policy;
#[cfg(test)]
mod tests;

use super::config::Config;
use super::event::{Ending, Event, Port, Progress, Row, State, Try};
use super::places::{Places, Turn};
use netdiag_engine::local::{Changes, Unsent};
use netdiag_engine::outcome::Reason;
use netdiag_engine::slots::Slots;
use netdiag_engine::{Events, Next, Outcome, Probe, ProbeKind, ProbeSpec, SynSpec};
use netdiag_model::{Instant, StampSource};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How often a port is asked again because this machine made a sample meaningless.
const UNKNOWN_RETRIES: u8 = 3;
/// Errors that pass by themselves (ENOBUFS, EAGAIN, ENOMEM, EDQUOT).
const TRANSIENT: [i32; 4] = [105, 11, 12, 122];

/// SYNs to many ports, and what came of them.
#[derive(Debug)]
pub struct Measurement {
    pub(super) config: Arc<Config>,
    pub(super) places: Places,
    pub(super) ports: Vec<Port>,
    slots: Option<Slots>,
    turn: Turn,
    /// The place whose turn it is.
    upcoming: Option<u32>,
    /// When places without an answer are asked again.
    retries: BinaryHeap<Reverse<(Instant, u32)>>,
    /// From when on an address may be asked again, by its number, where there is a least time.
    free: BTreeMap<u32, Instant>,
    /// Places that are asked once more to see their TTL again; `None` until all have settled.
    again: Option<Vec<u32>>,
    in_flight: u64,
    pub(super) totals: Totals,
    pub(super) strays: BTreeMap<u32, Strays>,
    /// The numbers of the addresses, once something came that named none.
    numbers: Option<BTreeMap<IpAddr, u32>>,
    stopped: bool,
    complete: bool,
}

/// What all ports come to.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    states: BTreeMap<State, u64>,
    /// SYNs that left.
    pub sent: u64,
    /// Answers whose round trip is by this process's clock.
    pub user_stamps: u64,
    /// Answers that came after the SYN was given up.
    pub late: u64,
    /// Samples that this machine made meaningless.
    pub unknown: u64,
    /// Segments that named no address.
    pub rejected: BTreeMap<Reason, u64>,
    pub(super) unsent: Unsent,
    pub(super) changes: Changes,
}

/// What came about an address beside the answers that count.
#[derive(Clone, Debug, Default)]
pub(super) struct Strays {
    pub(super) late: u64,
    pub(super) duplicates: u64,
    pub(super) rejected: BTreeMap<Reason, u64>,
}

impl Totals {
    /// How many ports are in a state.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }

    /// How many ports have settled.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.states.values().sum()
    }
}

impl Measurement {
    /// A run that has not begun.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let places = Places::new(&config.groups);
        Self {
            ports: vec![Port::default(); places.len()],
            places,
            slots: None,
            turn: Turn::default(),
            upcoming: None,
            retries: BinaryHeap::new(),
            free: BTreeMap::new(),
            again: None,
            in_flight: 0,
            totals: Totals::default(),
            strays: BTreeMap::new(),
            numbers: None,
            stopped: false,
            complete: false,
            config,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What all ports come to, so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether the run ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many addresses there are.
    #[must_use]
    pub const fn targets(&self) -> u32 {
        self.places.targets()
    }

    /// How many targets have an address, and how many have none.
    #[must_use]
    pub fn addresses(&self) -> (u64, u64) {
        let all = self.config.targets();
        let nowhere = all.filter(|(_, target)| target.destination().is_none()).count() as u64;
        (u64::from(self.targets()).saturating_sub(nowhere), nowhere)
    }

    /// How many ports of all addresses can be asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        let can = |number: &u32| self.can_be_asked(*number);
        let of =
            |number| self.places.of_target(number).map_or(0, |(_, places)| places.len() as u64);
        (0..self.targets()).filter(can).map(of).sum()
    }

    /// The ports of an address, with what is known of each.
    pub fn of_target(&self, number: u32) -> impl Iterator<Item = (u16, &Port)> {
        let found = self.places.of_target(number).filter(|_| self.can_be_asked(number));
        let (group, places) = found.unwrap_or((0, 0..0));
        let numbers = self.config.groups.get(group);
        let numbers = numbers.map_or(&[] as &[u16], |group| group.ports.as_slice());
        let known = self.ports.get(places).unwrap_or_default();
        numbers.iter().copied().zip(known)
    }

    pub(super) fn can_be_asked(&self, target: u32) -> bool {
        let target = self.config.target(target);
        target.is_some_and(|target| {
            target.destination().is_some() && self.config.refusal(&target).is_none()
        })
    }

    pub(super) fn progress(&self) -> Progress {
        let (done, open) = (self.totals.done(), self.totals.of(State::Open));
        Progress { done, open, sent: self.totals.sent }
    }

    /// The number of a port of a place.
    fn port_of(&self, place: u32) -> Option<(u32, u16)> {
        let spot = self.places.spot(place)?;
        let ports = &self.config.groups.get(spot.group)?.ports;
        Some((spot.target, *ports.get(spot.port as usize)?))
    }

    /// The next place whose address can be asked.
    fn upcoming(&mut self) -> Option<u32> {
        while self.upcoming.is_none() {
            let place = self.places.next(&mut self.turn)?;
            let target = self.places.spot(place)?.target;
            self.upcoming = Some(place).filter(|_| self.can_be_asked(target));
        }
        self.upcoming
    }

    /// When a place may be asked, by its address.
    fn free_at(&self, place: u32) -> Instant {
        let target = self.places.spot(place).map(|spot| spot.target);
        let free = target.and_then(|target| self.free.get(&target));
        free.copied().unwrap_or(Instant::ZERO)
    }

    /// A SYN to a place; where there is nothing to send it from, that is what is known of it.
    fn probe(&mut self, place: u32, now: Instant, events: &mut Events<Event>) -> Option<Next> {
        let (target, port) = self.port_of(place)?;
        let destination = self.config.target(target)?.destination()?;
        let source = match self.config.source(target) {
            Ok(source) => source,
            Err(error) => {
                self.totals.unsent.count(&error);
                self.end(place, now, Ending::Local(Box::new(error)), events);
                return None;
            }
        };
        let known = self.ports.get_mut(place as usize)?;
        known.in_flight = true;
        let attempt = known.sent.saturating_add(1);
        let timeout = self.config.timeout_of(u64::from(attempt));
        self.in_flight += 1;
        if let Some(slots) = &mut self.slots {
            slots.take(now);
        }
        if !self.config.floor.is_zero() {
            self.free.insert(target, now + self.config.floor);
        }
        let mut control = self.config.control;
        control.source = Some(source);
        let mss = SynSpec::ethernet_mss(destination.family());
        Some(Next::Probe(ProbeSpec {
            target: place,
            seq: u64::from(attempt),
            destination,
            timeout,
            patience: timeout.min(Duration::from_secs(1)),
            control,
            kind: ProbeKind::Syn(SynSpec {
                port,
                flow: attempt - 1,
                mss,
                ecn: self.config.asks_ecn,
            }),
        }))
    }

    /// Whether a place is asked again after this outcome, which is counted already.
    fn wants_retry(&self, port: &Port, outcome: &Outcome) -> bool {
        let [ended, unknown] = port.ended;
        match outcome {
            Outcome::Unknown(_) => unknown <= UNKNOWN_RETRIES,
            Outcome::LocalError(error) if !TRANSIENT.contains(&error.errno) => false,
            Outcome::TimedOut | Outcome::LocalError(_) => ended - unknown <= self.config.retries,
            Outcome::Replied(_) | Outcome::NetError(_) | Outcome::Refused(_) => false,
        }
    }

    /// Tells what became of a SYN, where that is wanted.
    fn tell_try(
        &self,
        probe: &Probe,
        outcome: &Outcome,
        took: Duration,
        events: &mut Events<Event>,
    ) {
        if !self.config.tells_tries {
            return;
        }
        let Some((target, port)) = self.port_of(probe.target) else { return };
        let (seq, sent_at, ending) = (probe.seq, probe.sent_at, self.ending(probe, outcome));
        events.push(Event::Try(Try { target, port, seq, sent_at, took, ending }));
    }

    /// What the outcome of a SYN says of its port.
    fn ending(&self, probe: &Probe, outcome: &Outcome) -> Ending {
        let target = self.port_of(probe.target).map(|(target, _)| target);
        let source = target.and_then(|target| self.config.source(target).ok());
        Ending::of(outcome, source, probe.destination.address())
    }

    /// What is known of a place is known.
    fn end(&mut self, place: u32, at: Instant, ending: Ending, events: &mut Events<Event>) {
        let Some((target, number)) = self.port_of(place) else { return };
        let Some(port) = self.ports.get_mut(place as usize) else { return };
        if port.ending.is_some() {
            return;
        }
        if let Ending::Answered(answer) = &ending {
            self.totals.user_stamps += u64::from(answer.stamp == StampSource::User);
        }
        port.ending = Some(ending);
        *self.totals.states.entry(port.state()).or_default() += 1;
        events.push(Event::Port(Row { target, port: number, at, found: port.clone() }));
    }

    /// The number of an address that something came from.
    fn number_of(&mut self, address: IpAddr) -> Option<u32> {
        let config = &self.config;
        let numbers = self.numbers.get_or_insert_with(|| {
            let all = config.targets();
            all.filter_map(|(number, it)| Some((it.destination()?.address(), number))).collect()
        });
        numbers.get(&address).copied()
    }
}
