//! What measures a target of `ping`: its series, which sends by itself or, where probes are dialogs with
//! a service, says when one is due and is fed with what came of it. So one schedule and one set of
//! statistics hold for all kinds.

use super::dialog::{Dialog, Recipe, probe};
use netdiag_engine::outcome::{Detail, Outcome, Reason, Rejection, Stray};
use netdiag_engine::port::{Change, Console};
use netdiag_engine::{Events, Heard, Measurement, Next, Probe, WayOut};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use netdiag_ping::{Config, Event, Measurement as Series};
use std::net::{IpAddr, SocketAddr};

/// Bits of a probe's number that are its dialog's own; which dialog it is of stands above them.
const OWN_BITS: u32 = 16;
const OWN: u64 = (1 << OWN_BITS) - 1;

/// What measures a target.
pub(crate) struct Lane {
    series: Series,
    /// What its probes are made of, where they are dialogs.
    recipe: Option<Recipe>,
    under_way: Vec<UnderWay>,
}

/// A dialog under way.
struct UnderWay {
    /// Its number in the series.
    seq: u64,
    begun_at: Instant,
    dialog: Dialog,
    /// The series knows what it came to.
    is_settled: bool,
}

/// Has a dialog do something, whatever it is.
macro_rules! led {
    ($dialog:expr, $inner:ident, $told:ident => $act:expr) => {
        match $dialog {
            Dialog::Connect($inner, $told) => $act,
            Dialog::Dns($inner, $told) => $act,
        }
    };
}

impl Lane {
    /// One that has not begun.
    pub(super) fn new(config: Config, recipe: Option<Recipe>) -> Self {
        Self { series: Series::new(config), recipe, under_way: Vec::new() }
    }

    /// What is known of the target.
    pub(super) fn into_series(self) -> Series {
        self.series
    }

    /// What comes next of the dialogs; else when something does.
    fn dialogs(&mut self, now: Instant, events: &mut Events<Event>) -> Result<Next, Instant> {
        let (mut earliest, mut place) = (Instant::FAR, 0);
        while let Some(one) = self.under_way.get_mut(place) {
            let (seq, next) =
                (one.seq, led!(&mut one.dialog, inner, told => inner.next(now, told)));
            self.hear_of(place, events);
            let outer = |own| outer(seq, own);
            match next {
                Next::Probe(mut spec) => {
                    spec.seq = outer(spec.seq);
                    // What packets carry is said once for all kinds.
                    spec.control = self.series.config().control;
                    return Ok(Next::Probe(spec));
                }
                Next::GiveUp(all) => return Ok(Next::GiveUp(all.into_iter().map(outer).collect())),
                Next::Say(own, bytes) => return Ok(Next::Say(outer(own), bytes)),
                Next::HangUp(own) => return Ok(Next::HangUp(outer(own))),
                Next::NotBefore(at) | Next::AfterAnother(at) => earliest = earliest.min(at),
                Next::WhenSettled | Next::Lookup(_) => {}
                Next::Done | Next::Quit => {
                    if self.under_way.get(place).is_some_and(|one| one.is_settled) {
                        self.under_way.remove(place);
                        continue;
                    }
                }
            }
            place += 1;
        }
        Err(earliest)
    }

    /// Tells the series what a dialog came to, where that is known by now.
    fn hear_of(&mut self, place: usize, events: &mut Events<Event>) {
        let config = self.series.config();
        let (destination, timeout) = (config.destination, config.timeout);
        let Some(one) = self.under_way.get_mut(place).filter(|one| !one.is_settled) else { return };
        let Some(came) = one.dialog.take(destination, timeout) else { return };
        one.is_settled = true;
        let probe = probe(one.seq, destination, came.began_at);
        if !matches!(came.outcome, Outcome::LocalError(_)) {
            self.series.sent(&probe, events);
        }
        if came.opened && came.outcome == Outcome::TimedOut {
            self.series.opened_in_vain();
        }
        self.series.settle(&probe, &came.outcome, events);
    }

    /// The dialog that a probe is of, its place, and the probe as that knows it.
    fn own(&mut self, probe: &Probe) -> Option<(usize, &mut Dialog, Probe)> {
        let (number, own) = (probe.seq >> OWN_BITS, probe.seq & OWN);
        let place = self.under_way.iter().position(|one| one.seq == number)?;
        let one = self.under_way.get_mut(place)?;
        Some((place, &mut one.dialog, Probe { seq: own, ..*probe }))
    }
}

/// The number of a probe of a dialog for the engine.
const fn outer(dialog: u64, own: u64) -> u64 {
    (dialog << OWN_BITS) | (own & OWN)
}

impl Measurement for Lane {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        loop {
            let due = match self.dialogs(now, events) {
                Ok(next) => return next,
                Err(due) => due,
            };
            match (self.series.next(now, events), &self.recipe) {
                (Next::Probe(spec), Some(recipe)) => {
                    let dialog = Dialog::new(recipe, spec.seq);
                    let (seq, begun_at, is_settled) = (spec.seq, now, false);
                    self.under_way.push(UnderWay { seq, begun_at, dialog, is_settled });
                }
                (Next::NotBefore(at), _) => return Next::NotBefore(at.min(due)),
                (Next::WhenSettled, _) if due < Instant::FAR => return Next::NotBefore(due),
                (next, _) => return next,
            }
        }
    }

    fn sent(&mut self, probe: &Probe, events: &mut Events<Event>) {
        if self.recipe.is_none() {
            return self.series.sent(probe, events);
        }
        if let Some((_, dialog, probe)) = self.own(probe) {
            led!(dialog, inner, told => inner.sent(&probe, told));
        }
    }

    fn begun(&mut self, probe: &Probe, local: SocketAddr) {
        if let Some((_, dialog, probe)) = self.own(probe) {
            led!(dialog, inner, _told => inner.begun(&probe, local));
        }
    }

    fn sent_again(&mut self, probe: &Probe, count: u32) {
        if let Some((_, dialog, probe)) = self.own(probe) {
            led!(dialog, inner, _told => inner.sent_again(&probe, count));
        }
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, events: &mut Events<Event>) {
        if let Some((place, dialog, probe)) = self.own(probe) {
            led!(dialog, inner, told => inner.heard(&probe, at, heard, told));
            self.hear_of(place, events);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        if self.recipe.is_none() {
            return self.series.settle(probe, outcome, events);
        }
        if let Some((place, dialog, probe)) = self.own(probe) {
            led!(dialog, inner, told => inner.settle(&probe, outcome, told));
            self.hear_of(place, events);
        }
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        let (number, own) = (probe.seq >> OWN_BITS, probe.seq & OWN);
        let one = self.under_way.iter().find(|one| one.seq == number);
        // One that has ended takes no answer.
        let Some(one) = one else { return Some(Reason::NoAnswer) };
        led!(&one.dialog, inner, _told => inner.objection(&Probe { seq: own, ..*probe }, answer))
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        if self.recipe.is_none() {
            self.series.explained(probe, detail);
        }
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        if self.recipe.is_none() {
            return self.series.stray(probe, stray, events);
        }
        if let Some((_, dialog, probe)) = self.own(probe) {
            led!(dialog, inner, told => inner.stray(&probe, stray, told));
        }
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        self.recipe.is_none() && self.series.unmatched(rejection, events)
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        self.series.named(address, result, events);
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        for one in &mut self.under_way {
            led!(&mut one.dialog, inner, told => inner.changed(at, change, told));
        }
        self.series.changed(at, change, events)
    }

    fn way_at_start(&self) -> WayOut {
        self.series.way_at_start()
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        self.series.interim(now, events);
    }

    fn console(&mut self, now: Instant, console: Console, events: &mut Events<Event>) {
        self.series.console(now, console, events);
    }

    fn stop(&mut self, now: Instant, events: &mut Events<Event>) {
        self.series.stop(now, events);
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        let destination = self.series.config().destination;
        // What is still under way has left, as far as is known.
        for one in self.under_way.iter().filter(|one| !one.is_settled) {
            self.series.sent(&probe(one.seq, destination, one.begun_at), events);
        }
        self.series.finish(now, events);
    }
}
