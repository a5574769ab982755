//! Policy: what a prober must say so that the engine can run it.

use crate::outcome::{Detail, Outcome, Reason, Rejection, Stray};
use crate::port::{AnswerKind, Change, Console, InterfaceChange, TalkEnd};
use crate::probe::{Probe, ProbeSpec};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// A prober: says what comes next and what an outcome means.
///
/// The engine calls [`next`](Self::next) at the start, at the time that it named, after each
/// [`settle`](Self::settle), after a late answer and after a name, until it says `Done` or `Quit`;
/// where it said [`Next::AfterAnother`], after another measurement has finished, too.
pub trait Measurement {
    /// What it tells the outside. The engine knows no prober's words.
    type Event;

    /// What comes next. Called again at once after `Probe`, `Lookup` and a `GiveUp` that ended a probe.
    fn next(&mut self, now: Instant, events: &mut Events<Self::Event>) -> Next;

    /// A probe left this machine. Comes before it settles, and for every outcome but a local error.
    ///
    /// Whether a connect or an exchange sent anything is known only at its end: for those this comes
    /// right before `settle`, or before [`finish`](Self::finish) if they stay in flight.
    fn sent(&mut self, probe: &Probe, events: &mut Events<Self::Event>) {
        let _ = (probe, events);
    }

    /// A connection has begun to open, from this local address and port.
    fn begun(&mut self, probe: &Probe, local: SocketAddr) {
        let _ = (probe, local);
    }

    /// The SYN of a connection that is being opened was sent again, so often by now.
    fn sent_again(&mut self, probe: &Probe, count: u32) {
        let _ = (probe, count);
    }

    /// A SYN-ACK or a reset of a connection came with this TTL or hop limit, where that is seen: before it
    /// settles or, of one that stays open, before its end.
    fn answered(&mut self, probe: &Probe, kind: AnswerKind, hop_limit: u8) {
        let _ = (probe, kind, hop_limit);
    }

    /// Something came over a connection that stays open, or it ended: then nothing more does. Comes
    /// after [`settle`](Self::settle), and `next` is called right after.
    fn heard(
        &mut self,
        probe: &Probe,
        at: Instant,
        heard: Heard<'_>,
        events: &mut Events<Self::Event>,
    ) {
        let _ = (probe, at, heard, events);
    }

    /// A probe ended. Called exactly once for each.
    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Self::Event>);

    /// Why a datagram that came from where a message went, and begins with the same two bytes, is no
    /// answer to it; `None`: it is one.
    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        let _ = (probe, answer);
        None
    }

    /// What an ICMP error about a probe brings beside its kind: told right before the
    /// [`settle`](Self::settle) or [`stray`](Self::stray) that the error leads to. Of a UDP probe a
    /// raw socket may tell it once more, before or after.
    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        let _ = (probe, detail);
    }

    /// Something about a probe that does not end it.
    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Self::Event>);

    /// A packet was rejected that names no probe. `true`: it was about this measurement's target.
    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Self::Event>) -> bool {
        let _ = (rejection, events);
        false
    }

    /// The name of an address came, or will never come.
    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Self::Event>,
    ) {
        let _ = (address, result, events);
    }

    /// Something about this machine changed. Says what it means for the way that its probes take
    /// out of this machine: of those that it touches none is lost, they are unknown.
    fn changed(
        &mut self,
        at: Instant,
        change: &Change,
        events: &mut Events<Self::Event>,
    ) -> WayOut {
        let _ = (at, change, events);
        WayOut::Untouched
    }

    /// What is known of the way out before the first probe.
    fn way_at_start(&self) -> WayOut {
        WayOut::Untouched
    }

    /// What has become known of the way out by deciding on what comes [`next`](Self::next); asked after
    /// each, before that is done.
    fn way_by_now(&mut self) -> WayOut {
        WayOut::Untouched
    }

    /// Whether all probes take one way out of this machine, so that an answer to any of them tells
    /// of it.
    fn has_one_way(&self) -> bool {
        true
    }

    /// Somebody wants the figures now.
    fn interim(&mut self, now: Instant, events: &mut Events<Self::Event>) {
        let _ = (now, events);
    }

    /// Somebody did something at the terminal; `next` is called right after.
    fn console(&mut self, now: Instant, console: Console, events: &mut Events<Self::Event>) {
        let _ = (now, console, events);
    }

    /// The run must end: `next` is called right after, and should say `Quit`.
    fn stop(&mut self, now: Instant, events: &mut Events<Self::Event>);

    /// Nothing more comes of this measurement. Called exactly once, last.
    fn finish(&mut self, now: Instant, events: &mut Events<Self::Event>);
}

/// What a change of this machine means for a measurement's way out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// Nothing.
    Untouched,
    /// It is another one, or one again, from this moment on.
    Changed,
    /// From now on nothing gets out by it, and no send fails.
    Lost,
    /// From now on there is no address to send from that an answer would come back to, and no send
    /// fails.
    NoSource,
    /// From this moment on there is one again.
    SourceBack,
}

impl WayOut {
    /// What a change of this machine means; `None` where it is one of an interface that none of our
    /// packets uses, of which there is nothing to tell.
    pub fn told(change: &Change, means: impl FnOnce(&InterfaceChange) -> Self) -> Option<Self> {
        match change {
            Change::Interface(change) => Some(means(change)).filter(|it| *it != Self::Untouched),
            _ => Some(Self::Untouched),
        }
    }
}

/// What comes over a connection that stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Nothing yet: all that was said is with the kernel.
    Said,
    /// The next bytes of the stream.
    Bytes(&'a [u8]),
    /// The end.
    End(TalkEnd),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Probe(ProbeSpec),
    /// Look up the name of this address beside the measurement.
    Lookup(IpAddr),
    /// Wait no longer for the probes with these numbers: what has not come is lost, and what still
    /// comes is late. Of a datagram that is not yet known to have left, or a connection that has not begun,
    /// it says nothing; if there are only such, the measurement is asked again 10 ms later.
    GiveUp(Vec<u64>),
    /// Send this over the connection of the probe with this number, which stays open.
    Say(u64, Vec<u8>),
    /// End the connection of the probe with this number: its end is told.
    HangUp(u64),
    /// Nothing before this time, unless a probe settles.
    NotBefore(Instant),
    /// Nothing until a probe settles.
    WhenSettled,
    /// Nothing before this time, unless a probe settles or another measurement of the engine finishes.
    AfterAnother(Instant),
    /// No more probes; finish when those under way have settled.
    Done,
    /// Finish now; probes under way stay in flight, neither received nor lost.
    Quit,
}

/// Where a measurement puts its events.
#[derive(Debug)]
pub struct Events<E>(pub(crate) VecDeque<E>);

impl<E> Events<E> {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Adds an event after those already there.
    pub fn push(&mut self, event: E) {
        self.0.push_back(event);
    }

    /// Takes the oldest event.
    pub fn pop(&mut self) -> Option<E> {
        self.0.pop_front()
    }
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self::new()
    }
}
