//! One attempt of a check: a command's own measurement, whose events nobody is told.

use super::kind::{Conclusion, Kind};
use crate::commands::ending::End;
use crate::commands::tcp_connect::Away;
use netdiag_engine::outcome::{Detail, Outcome, Reason, Rejection, Stray};
use netdiag_engine::port::{AnswerKind, Change, Console};
use netdiag_engine::{Events, Heard, Measurement, Next, Probe, WayOut};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// What nobody is told.
type Silence = Events<Infallible>;

/// A measurement under way, of whatever kind.
pub(crate) trait Attempt: Measurement<Event = Infallible> {
    /// What it came to; it has finished.
    fn conclude(self: Box<Self>, end: End) -> Conclusion;
}

/// A plan that attempts are made by, of whatever kind.
pub(crate) trait Prepared {
    /// A new attempt; `None` where nothing can be sent.
    fn begin(&self) -> Option<Box<dyn Attempt>>;

    /// Who looks up names that come up while it is measured, where that may be.
    fn away(&self) -> Option<Rc<Away>> {
        None
    }

    /// What it comes to where nothing can be sent.
    fn unsent(&self, end: End) -> Conclusion;
}

/// The plan of a command.
pub(super) struct Planned<K: Kind>(pub(super) Rc<K::Plan>);

impl<K: Kind + 'static> Prepared for Planned<K>
where
    K::Plan: 'static,
    K::Measurement: 'static,
{
    fn begin(&self) -> Option<Box<dyn Attempt>> {
        let inner = K::measurements(&self.0).pop()?;
        let plan = Rc::clone(&self.0);
        Some(Box::new(Running::<K> { plan, inner, unheard: Events::new() }))
    }

    fn away(&self) -> Option<Rc<Away>> {
        K::away(&self.0)
    }

    fn unsent(&self, end: End) -> Conclusion {
        K::conclude(&self.0, Vec::new(), end)
    }
}

/// A measurement, the plan that it is of, and where its events go.
struct Running<K: Kind> {
    plan: Rc<K::Plan>,
    inner: K::Measurement,
    unheard: Events<<K::Measurement as Measurement>::Event>,
}

impl<K: Kind> Running<K> {
    /// Has it do something, and forgets what it tells.
    fn with<T>(
        &mut self,
        act: impl FnOnce(&mut K::Measurement, &mut Events<<K::Measurement as Measurement>::Event>) -> T,
    ) -> T {
        let done = act(&mut self.inner, &mut self.unheard);
        while self.unheard.pop().is_some() {}
        done
    }
}

impl<K: Kind> Attempt for Running<K> {
    fn conclude(self: Box<Self>, end: End) -> Conclusion {
        K::conclude(&self.plan, vec![self.inner], end)
    }
}

impl<K: Kind> Measurement for Running<K> {
    type Event = Infallible;

    fn next(&mut self, now: Instant, _: &mut Silence) -> Next {
        self.with(|inner, events| inner.next(now, events))
    }

    fn sent(&mut self, probe: &Probe, _: &mut Silence) {
        self.with(|inner, events| inner.sent(probe, events));
    }

    fn begun(&mut self, probe: &Probe, local: SocketAddr) {
        self.inner.begun(probe, local);
    }

    fn sent_again(&mut self, probe: &Probe, count: u32) {
        self.inner.sent_again(probe, count);
    }

    fn answered(&mut self, probe: &Probe, kind: AnswerKind, hop_limit: u8) {
        self.inner.answered(probe, kind, hop_limit);
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, _: &mut Silence) {
        self.with(|inner, events| inner.heard(probe, at, heard, events));
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, _: &mut Silence) {
        self.with(|inner, events| inner.settle(probe, outcome, events));
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        self.inner.objection(probe, answer)
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        self.inner.explained(probe, detail);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, _: &mut Silence) {
        self.with(|inner, events| inner.stray(probe, stray, events));
    }

    fn unmatched(&mut self, rejection: &Rejection, _: &mut Silence) -> bool {
        self.with(|inner, events| inner.unmatched(rejection, events))
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        _: &mut Silence,
    ) {
        self.with(|inner, events| inner.named(address, result, events));
    }

    fn changed(&mut self, at: Instant, change: &Change, _: &mut Silence) -> WayOut {
        self.with(|inner, events| inner.changed(at, change, events))
    }

    fn way_at_start(&self) -> WayOut {
        self.inner.way_at_start()
    }

    fn has_one_way(&self) -> bool {
        self.inner.has_one_way()
    }

    fn interim(&mut self, now: Instant, _: &mut Silence) {
        self.with(|inner, events| inner.interim(now, events));
    }

    fn console(&mut self, now: Instant, console: Console, _: &mut Silence) {
        self.with(|inner, events| inner.console(now, console, events));
    }

    fn stop(&mut self, now: Instant, _: &mut Silence) {
        self.with(|inner, events| inner.stop(now, events));
    }

    fn finish(&mut self, now: Instant, _: &mut Silence) {
        self.with(|inner, events| inner.finish(now, events));
    }
}
