//! What happens to the machine `here`.

use super::VirtualNetwork;
use crate::scenario::{Local, LocalStamps, SignalName};
use crate::truth::Fact;
use netdiag_engine::port::{Change, Console, InputKind, Inputs, Key, SendError, Size, StopCause};
use netdiag_model::Instant;
use std::net::IpAddr;

const ENETUNREACH: i32 = 101;
const SIGHUP: i32 = 1;
const SIGTERM: i32 = 15;

/// The `[[local]]` entries of a scenario in the order of time.
#[derive(Debug)]
pub(super) struct Locals {
    list: Vec<Timed>,
    /// The first whose time has not come.
    next: usize,
    /// When the wall clock was set.
    steps: Vec<Instant>,
    /// How many of the next packets find no room in the socket.
    pub(super) receive_drops: u64,
}

#[derive(Debug)]
struct Timed {
    at: Instant,
    until: Instant,
    what: Local,
    /// How many sends it has seen.
    sends: u64,
}

impl Locals {
    pub(super) fn new(locals: &[Local], start: Instant) -> Self {
        let timed = locals.iter().map(|local| Timed {
            at: start + local.at.duration(),
            until: local.until.map_or(Instant::FAR, |until| start + until.duration()),
            what: local.clone(),
            sends: 0,
        });
        let mut list: Vec<Timed> = timed.collect();
        list.sort_by_key(|timed| timed.at);
        Self { list, next: 0, steps: Vec::new(), receive_drops: 0 }
    }

    /// When the next of them happens.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.list.get(self.next).map(|timed| timed.at)
    }

    /// Why a send at `now` fails, if it does.
    pub(super) fn send_fault(&mut self, now: Instant, to: IpAddr) -> Option<SendError> {
        let lasting = self.list.iter_mut().filter(|timed| timed.at <= now && now < timed.until);
        for timed in lasting {
            if timed.what.link.is_some() {
                return Some(SendError::new(ENETUNREACH));
            }
            let Some(error) = timed.what.send else { continue };
            if timed.what.to.is_some_and(|prefix| !prefix.contains(to)) {
                continue;
            }
            timed.sends += 1;
            if timed.sends.is_multiple_of(timed.what.every.unwrap_or(1)) {
                return Some(SendError { mtu: timed.what.mtu, ..SendError::new(error.number) });
            }
        }
        None
    }

    /// Whether the kernel's stamps are missing at an instant.
    pub(super) fn stamps_missing(&self, at: Instant) -> bool {
        self.lasting(at).any(|local| local.stamps == Some(LocalStamps::User))
    }

    /// Whether the interface is down.
    pub(super) fn link_down(&self, at: Instant) -> bool {
        self.lasting(at).any(|local| local.link.is_some())
    }

    /// Whether the wall clock was set after `sent` and up to `received`.
    pub(super) fn stepped(&self, sent: Instant, received: Instant) -> bool {
        self.steps.iter().any(|step| sent < *step && *step <= received)
    }

    fn lasting(&self, at: Instant) -> impl Iterator<Item = &Local> {
        let lasting = self.list.iter().filter(move |timed| timed.at <= at && at < timed.until);
        lasting.map(|timed| &timed.what)
    }
}

impl VirtualNetwork {
    /// The next `[[local]]` happens.
    pub(super) fn on_local(&mut self, at: Instant, inputs: &mut Inputs) {
        let local = self.locals.list[self.locals.next].what.clone();
        self.locals.next += 1;
        if let Some(step) = local.clock_step {
            self.locals.steps.push(at);
            inputs.push(at, InputKind::Changed(Change::ClockStepped { nanos: step.nanos }));
        }
        if let Some(stall) = local.stall {
            self.now = self.now.max(at + stall.duration());
        }
        if let Some(sleep) = local.suspend {
            let length = sleep.duration();
            while self.internet.poll(at + self.slept + length).is_some() {
                self.internet.note_here(at + self.slept, Fact::Asleep);
            }
            self.slept += length;
            inputs.push(at, InputKind::Changed(Change::Suspended { length }));
        }
        if let Some(signal) = local.signal {
            let kind = match signal {
                SignalName::Int => InputKind::Stop(StopCause::Interrupt),
                SignalName::Term => InputKind::Stop(StopCause::Signal(SIGTERM)),
                SignalName::Hup => InputKind::Stop(StopCause::Signal(SIGHUP)),
                SignalName::Quit => InputKind::Interim,
            };
            inputs.push(at, kind);
        }
        for typed in local.keys.iter().flat_map(|keys| keys.chars()) {
            let key = match typed {
                '\n' => Key::Enter,
                '\u{1b}' => Key::Escape,
                '\t' => Key::Down,
                other => Key::Char(other),
            };
            inputs.push(at, InputKind::Console(Console::Key(key)));
        }
        if let Some([columns, rows]) = local.resized {
            let size = Size { columns, rows };
            inputs.push(at, InputKind::Console(Console::Resized(size)));
        }
        self.locals.receive_drops += local.receive_drops.unwrap_or_default();
    }
}
