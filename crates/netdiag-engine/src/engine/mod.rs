//! The engine: keys, timers and probes in flight of many measurements at once.

mod connection;
mod doubt;
mod errors;
mod flows;
mod messages;
mod operations;
mod pace;
mod queries;
mod receive;
mod segments;
mod settle;
mod start;
mod talks;
mod timers;
mod udp;

use crate::identity::Secret;
use crate::interface_query::InterfaceQuery;
use crate::measurement::{Events, Measurement, Next, WayOut};
use crate::output::Output;
use crate::port::{Console, ExchangeFraming, Input, InputKind, Opened, SendError};
use crate::probe::{Probe, ProbeSpec};
use crate::table::Table;
use doubt::Doubt;
use flows::Flows;
use messages::Messages;
use netdiag_model::Instant;
use pace::Pace;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use timers::{Timer, Timers};

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The key of the tags, from an unpredictable source.
    pub secret: Secret,
    /// What the network has open.
    pub opened: Opened,
    /// The most packets that leave within a tick.
    pub burst: u32,
    /// How long a tick is, wherever it is begun to be counted.
    pub tick: Duration,
}

impl EngineConfig {
    /// At most 32 packets in any millisecond.
    #[must_use]
    pub const fn new(secret: Secret, opened: Opened) -> Self {
        Self { secret, opened, burst: 32, tick: Duration::from_millis(1) }
    }
}

/// Names one measurement of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeasurementId(pub u32);

/// Runs measurements: inputs are pushed in, outputs pulled out, and nothing else happens.
///
/// It has no clock, no socket and no randomness of its own. See the crate's documentation for the
/// loop around it.
#[derive(Debug)]
pub struct Engine<M: Measurement> {
    config: EngineConfig,
    now: Instant,
    /// Until when everything that came had been handed in.
    looked_at: Instant,
    slots: Vec<Slot<M>>,
    running: usize,
    /// Measurements whose `next` is to be called.
    ready: VecDeque<u32>,
    /// Probes that no free wire identifier was found for.
    held: VecDeque<(u32, ProbeSpec)>,
    /// Whether it is time to look for one again.
    held_due: bool,
    table: Table,
    /// The UDP probes that are open.
    flows: Flows,
    /// What those of them carry whose bytes are the caller's.
    messages: Messages,
    timers: Timers,
    /// Probes to be given to the network.
    queue: VecDeque<Queued>,
    /// Probes that met a full queue and are to be sent again.
    again: VecDeque<u32>,
    /// What kept those probes from leaving at first.
    met: BTreeMap<u32, SendError>,
    /// Since when connections wait for a descriptor.
    waiting: BTreeMap<u32, Instant>,
    /// Connections that were refused, nobody knows yet by whom.
    refused: BTreeSet<u32>,
    /// What is still to be sent over connections, and requests of exchanges that are queued.
    requests: BTreeMap<u32, VecDeque<Vec<u8>>>,
    /// What extended echo requests ask, each question once.
    questions: Vec<InterfaceQuery>,
    /// Probes of the dialogs that the network must be told to forget.
    dialogs: BTreeSet<u32>,
    /// Connections that stay open: whose, by which probe.
    talks: BTreeMap<u32, (u32, Probe)>,
    /// Look-ups under way: whose, of which address.
    lookups: BTreeMap<u32, (u32, IpAddr)>,
    events: Events<M::Event>,
    payload: Vec<u8>,
    scratch: Vec<u8>,
    pace: Pace,
    /// When our own sockets dropped packets.
    drops: Doubt,
    /// When the way out of measurements changed, or was not there.
    ways: BTreeMap<u32, Doubt>,
    suspended_at: Option<Instant>,
    identifiers_exhausted: u64,
}

#[derive(Debug)]
struct Slot<M> {
    measurement: M,
    phase: Phase,
    /// Probes of it that have not settled.
    open: u64,
    lookups: u32,
    is_ready: bool,
    /// A probe of it is held: it is not asked for more.
    is_held: bool,
    is_stopped: bool,
    /// It is asked again when another finishes.
    awaits_another: bool,
    wake: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// It said `Done`: waits for its probes.
    Draining,
    /// Its probes have settled: waits a little for names.
    Naming,
    Finished,
}

/// How long after the last probe a name may still come.
const NAME_GRACE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
enum Queued {
    Datagram(u32),
    Connect(u32),
    Say(u32),
    HangUp(u32),
    Exchange(u32, u16, ExchangeFraming),
    Lookup(u32),
    Close(u32),
}

impl<M: Measurement> Engine<M> {
    /// An engine without measurements, at time `now`.
    #[must_use]
    pub fn new(config: EngineConfig, now: Instant) -> Self {
        Self {
            pace: Pace::new(config.burst, config.tick),
            config,
            now,
            looked_at: now,
            slots: Vec::new(),
            running: 0,
            ready: VecDeque::new(),
            held: VecDeque::new(),
            held_due: false,
            table: Table::default(),
            flows: Flows::default(),
            messages: Messages::default(),
            timers: Timers::default(),
            queue: VecDeque::new(),
            again: VecDeque::new(),
            met: BTreeMap::new(),
            waiting: BTreeMap::new(),
            refused: BTreeSet::new(),
            requests: BTreeMap::new(),
            questions: Vec::new(),
            dialogs: BTreeSet::new(),
            talks: BTreeMap::new(),
            lookups: BTreeMap::new(),
            events: Events::new(),
            payload: Vec::new(),
            scratch: Vec::new(),
            drops: Doubt::default(),
            ways: BTreeMap::new(),
            suspended_at: None,
            identifiers_exhausted: 0,
        }
    }

    /// Adds a measurement; it starts with the next output that is asked for.
    pub fn add(&mut self, measurement: M) -> MeasurementId {
        let id = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let means = measurement.way_at_start();
        if means != WayOut::Untouched {
            self.ways.entry(id).or_default().note(means, self.now, self.now);
        }
        self.slots.push(Slot {
            measurement,
            phase: Phase::Running,
            open: 0,
            lookups: 0,
            is_ready: true,
            is_held: false,
            is_stopped: false,
            awaits_another: false,
            wake: Instant::FAR,
        });
        self.running += 1;
        self.ready.push_back(id);
        MeasurementId(id)
    }

    /// The measurements in the order they were added.
    pub fn measurements(&self) -> impl Iterator<Item = &M> {
        self.slots.iter().map(|slot| &slot.measurement)
    }

    /// Gives the measurements back.
    #[must_use]
    pub fn into_measurements(self) -> Vec<M> {
        self.slots.into_iter().map(|slot| slot.measurement).collect()
    }

    /// How often a probe had to wait because every identifier and sequence number of the block was
    /// still remembered.
    #[must_use]
    pub const fn identifiers_exhausted(&self) -> u64 {
        self.identifiers_exhausted
    }

    /// How many probes are remembered: under way, or within their late window.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.table.len()
    }

    /// Takes in what happened. `now` never goes back; everything that came before `now` must have
    /// been handed in before a `Timeout` at `now` is: a reply is judged by its stamp, not by when
    /// we looked.
    pub fn handle_input(&mut self, now: Instant, input: Input<&[u8]>) {
        self.now = self.now.max(now);
        match input.kind {
            InputKind::Sent { id, stamp } => self.on_sent(id.0, stamp),
            InputKind::SendFailed { id, error } => self.on_send_failed(id.0, error),
            InputKind::Received(received) => self.on_received(&received),
            InputKind::QueuedError(error) => self.on_queued_error(&error),
            InputKind::Connected { id, stamp, local, info } => {
                self.on_connected(id.0, stamp, local, info);
            }
            InputKind::ConnectFailed { id, stamp, error, icmp } => {
                self.on_connect_failed(id.0, stamp, error, icmp);
            }
            InputKind::Begun { id, local } => self.on_begun(id.0, local),
            InputKind::SentAgain { id, count } => self.on_sent_again(id.0, count),
            InputKind::Answered { id, kind, hop_limit } => self.on_answered(id.0, kind, hop_limit),
            InputKind::Refused { id } => self.on_refused(id.0),
            InputKind::Said { id, at } => self.on_said(id.0, at),
            InputKind::Heard { id, at, bytes } => self.on_heard(id.0, at, bytes),
            InputKind::Ended { id, at, end } => self.on_ended(id.0, at, end),
            InputKind::Exchanged { id, phases, result } => {
                self.on_exchanged(id.0, input.at, phases, result);
            }
            InputKind::Named { id, result } => self.on_named(id.0, &result),
            InputKind::Changed(change) => self.on_changed(input.at, &change),
            InputKind::Interim => {
                for slot in self.slots.iter_mut().filter(|slot| slot.phase != Phase::Finished) {
                    slot.measurement.interim(self.now, &mut self.events);
                }
            }
            InputKind::Console(console) => self.on_console(console),
            InputKind::Timeout => self.on_time(),
            InputKind::Stop(_) => self.stop(),
        }
    }

    /// What was put out so far has left by `now`. Optional: without it, it is taken to have left at
    /// the time of the last input, which packets that wait for each other may be well behind.
    pub fn submitted(&mut self, now: Instant) {
        self.pace.left(now);
    }

    /// Something that measurements wait for has happened outside: each is asked what comes next.
    pub fn ask_again(&mut self) {
        for id in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            if self.slots.get(id as usize).is_some_and(|slot| slot.phase == Phase::Running) {
                self.make_ready(id);
            }
        }
    }

    /// The next thing to do. Call until it says `Wait` or `Finished`.
    pub fn poll_output(&mut self) -> Output<'_, M::Event> {
        loop {
            if let Some(queued) = self.next_queued() {
                return Output::Operation(self.operation(queued));
            }
            if let Some(event) = self.events.pop() {
                return Output::Event(event);
            }
            if self.again.is_empty() && self.ready.is_empty() && !self.held_due {
                break;
            }
            if let Some(until) = self.pace.blocked_until(self.now) {
                return Output::Wait(until.min(self.timers.earliest()));
            }
            if let Some(index) = self.again.pop_front() {
                self.pace.count(self.now);
                let again = self.again(index);
                self.queue.push_back(again);
            } else if self.held_due {
                self.start_held();
            } else if let Some(id) = self.ready.pop_front() {
                self.advance(id);
            }
        }
        if self.running == 0 {
            return Output::Finished;
        }
        Output::Wait(self.timers.earliest())
    }

    /// One step of a measurement.
    fn advance(&mut self, id: u32) {
        let Some(slot) = self.slots.get_mut(id as usize) else { return };
        slot.is_ready = false;
        if slot.phase != Phase::Running {
            return self.drain(id);
        }
        if slot.is_held && !slot.is_stopped {
            return;
        }
        let next = slot.measurement.next(self.now, &mut self.events);
        let means = slot.measurement.way_by_now();
        if means != WayOut::Untouched {
            self.ways.entry(id).or_default().note(means, self.now, self.now);
        }
        match next {
            Next::Probe(spec) => self.start(id, spec),
            Next::Lookup(address) => self.look_up(id, address),
            Next::GiveUp(seqs) => self.give_up(id, &seqs),
            Next::Say(seq, bytes) => self.say(id, seq, bytes),
            Next::HangUp(seq) => self.hang_up(id, seq),
            Next::NotBefore(at) => self.wake_at(id, at),
            Next::AfterAnother(at) => {
                slot.awaits_another = true;
                self.wake_at(id, at);
            }
            Next::WhenSettled => {}
            Next::Done => {
                slot.phase = Phase::Draining;
                self.drain(id);
            }
            Next::Quit => self.finish(id),
        }
    }

    /// Asks a measurement again at this time. One that is past already must wait for the next look at
    /// the sockets too.
    fn wake_at(&mut self, id: u32, at: Instant) {
        if let Some(slot) = self.slots.get_mut(id as usize).filter(|slot| slot.wake != at) {
            slot.wake = at;
            self.timers.push(at, Timer::Wake(id));
        }
    }

    /// A measurement that may be told something, and where its events go.
    fn unfinished(&mut self, id: u32) -> Option<(&mut Slot<M>, &mut Events<M::Event>)> {
        let slot = self.slots.get_mut(id as usize).filter(|slot| slot.phase != Phase::Finished)?;
        Some((slot, &mut self.events))
    }

    fn make_ready(&mut self, id: u32) {
        if let Some(slot) = self.slots.get_mut(id as usize)
            && !slot.is_ready
            && slot.phase != Phase::Finished
        {
            slot.is_ready = true;
            self.ready.push_back(id);
        }
    }

    /// Tells every measurement what was done at the terminal.
    fn on_console(&mut self, console: Console) {
        for id in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let now = self.now;
            if let Some((slot, events)) = self.unfinished(id) {
                slot.measurement.console(now, console, events);
                self.make_ready(id);
            }
        }
    }

    /// Ends every measurement.
    fn stop(&mut self) {
        for id in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let Some(slot) = self.slots.get_mut(id as usize) else { continue };
            if slot.phase == Phase::Finished {
                continue;
            }
            slot.is_stopped = true;
            slot.measurement.stop(self.now, &mut self.events);
            if slot.phase == Phase::Running {
                self.make_ready(id);
            } else {
                self.finish(id);
            }
        }
    }
}
