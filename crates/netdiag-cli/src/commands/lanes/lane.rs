//! A lane: the attempts of one check, as one measurement of the engine.

use super::attempt::{Attempt, Prepared};
use super::kind::Conclusion;
use crate::commands::ending::End;
use netdiag_engine::outcome::{Detail, Outcome, Reason, Rejection, Stray};
use netdiag_engine::port::Change;
use netdiag_engine::{Events, Heard, Measurement, Next, Probe, WayOut};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// Bits of a probe's number that are its attempt's own; which attempt it is of stands above them.
const OWN_BITS: u32 = 48;
const OWN: u64 = (1 << OWN_BITS) - 1;

/// What a lane tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// That with this number has come to its end.
    Ended(usize, Instant),
    /// Somebody wants to know how far all have come; each that has not ended says so.
    Interim(Instant),
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Begins an attempt, which is ended at this time if it has not by then.
    Begin(Instant),
    /// Asks again at this time, or when an attempt or another lane has ended.
    Wait(Instant),
    /// Ends.
    End,
}

/// Who decides for all lanes.
pub(crate) trait Supervisor {
    /// What a lane does next, with so many attempts under way.
    fn turn(&mut self, lane: usize, now: Instant, under_way: usize) -> Turn;

    /// What an attempt came to that began at a time; `cut`: its time was over.
    fn concluded(
        &mut self,
        lane: usize,
        conclusion: Conclusion,
        begun: Instant,
        end: End,
        cut: bool,
    );

    /// The run must end.
    fn stop(&mut self, now: Instant);
}

/// The attempts of one check.
pub(crate) struct Lane<S> {
    number: usize,
    plan: Rc<dyn Prepared>,
    supervisor: Rc<RefCell<S>>,
    /// The next attempt, made beforehand: what it knows of the way out is wanted before it begins.
    ready: Option<Box<dyn Attempt>>,
    under_way: Vec<UnderWay>,
    begun: u64,
    has_ended: bool,
    silence: Events<Infallible>,
}

struct UnderWay {
    tag: u64,
    attempt: Box<dyn Attempt>,
    begun: Instant,
    /// When it is ended.
    until: Instant,
    is_cut: bool,
    /// Its probes that have not settled.
    open: u64,
    /// It has nothing more to send.
    is_done: bool,
}

/// What asking an attempt came to.
enum Asked {
    Next(Next),
    Until(Instant),
    Over,
}

impl<S: Supervisor> Lane<S> {
    /// A lane that has not begun.
    pub(crate) fn new(number: usize, plan: Rc<dyn Prepared>, supervisor: Rc<RefCell<S>>) -> Self {
        let ready = plan.begin();
        Self {
            number,
            plan,
            supervisor,
            ready,
            under_way: Vec::new(),
            begun: 0,
            has_ended: false,
            silence: Events::new(),
        }
    }

    fn begin(&mut self, now: Instant, until: Instant) {
        let attempt = self.ready.take().or_else(|| self.plan.begin());
        let Some(attempt) = attempt else {
            let end = ended(now);
            let conclusion = self.plan.unsent(end);
            let mut supervisor = self.supervisor.borrow_mut();
            return supervisor.concluded(self.number, conclusion, now, end, false);
        };
        let tag = self.begun;
        self.begun += 1;
        let (open, is_done, is_cut) = (0, false, false);
        self.under_way.push(UnderWay { tag, attempt, begun: now, until, is_cut, open, is_done });
    }

    /// Asks an attempt what comes next.
    fn ask(&mut self, place: usize, now: Instant) -> Asked {
        let Some(one) = self.under_way.get_mut(place) else { return Asked::Over };
        if now >= one.until && !one.is_cut {
            one.is_cut = true;
            one.attempt.stop(now, &mut self.silence);
        }
        if one.is_done {
            let is_over = one.open == 0 || one.is_cut;
            return if is_over { Asked::Over } else { Asked::Until(one.until) };
        }
        let tag = one.tag;
        let next = match one.attempt.next(now, &mut self.silence) {
            Next::Probe(mut spec) => {
                one.open += 1;
                spec.seq = outer(tag, spec.seq);
                Next::Probe(spec)
            }
            Next::GiveUp(seqs) => {
                Next::GiveUp(seqs.into_iter().map(|seq| outer(tag, seq)).collect())
            }
            Next::Say(seq, bytes) => Next::Say(outer(tag, seq), bytes),
            Next::HangUp(seq) => Next::HangUp(outer(tag, seq)),
            Next::Lookup(address) => Next::Lookup(address),
            Next::NotBefore(at) | Next::AfterAnother(at) => return Asked::Until(at.min(one.until)),
            Next::WhenSettled => return Asked::Until(one.until),
            Next::Done if one.open > 0 && !one.is_cut => {
                one.is_done = true;
                return Asked::Until(one.until);
            }
            Next::Done | Next::Quit => return Asked::Over,
        };
        Asked::Next(next)
    }

    /// Ends an attempt, and tells what it came to.
    fn conclude(&mut self, place: usize, now: Instant) {
        let mut one = self.under_way.remove(place);
        one.attempt.finish(now, &mut self.silence);
        let end = ended(now);
        let conclusion = one.attempt.conclude(end);
        let mut supervisor = self.supervisor.borrow_mut();
        supervisor.concluded(self.number, conclusion, one.begun, end, one.is_cut);
    }

    /// The attempt that a probe is of, and the probe as that knows it.
    fn own(&mut self, probe: &Probe) -> Option<(&mut UnderWay, Probe, &mut Events<Infallible>)> {
        let (tag, seq) = (probe.seq >> OWN_BITS, probe.seq & OWN);
        let one = self.under_way.iter_mut().find(|one| one.tag & (u64::MAX >> OWN_BITS) == tag)?;
        Some((one, Probe { seq, ..*probe }, &mut self.silence))
    }
}

const fn outer(tag: u64, seq: u64) -> u64 {
    (tag << OWN_BITS) | (seq & OWN)
}

/// An attempt ends as if all was done.
const fn ended(at: Instant) -> End {
    End { at, stopped: None, cannot_go_on: false }
}

impl<S: Supervisor> Measurement for Lane<S> {
    type Event = Told;

    fn next(&mut self, now: Instant, events: &mut Events<Told>) -> Next {
        loop {
            let mut earliest = Instant::FAR;
            let mut place = 0;
            while place < self.under_way.len() {
                match self.ask(place, now) {
                    Asked::Next(next) => return next,
                    Asked::Until(at) => {
                        earliest = earliest.min(at);
                        place += 1;
                    }
                    Asked::Over => self.conclude(place, now),
                }
            }
            let turn = self.supervisor.borrow_mut().turn(self.number, now, self.under_way.len());
            match turn {
                Turn::Begin(until) => self.begin(now, until),
                Turn::Wait(at) => return Next::AfterAnother(earliest.min(at)),
                Turn::End => {
                    if !std::mem::replace(&mut self.has_ended, true) {
                        events.push(Told::Ended(self.number, now));
                    }
                    return Next::Quit;
                }
            }
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Told>) {
        if let Some((one, probe, silence)) = self.own(probe) {
            one.attempt.sent(&probe, silence);
        }
    }

    fn begun(&mut self, probe: &Probe, local: SocketAddr) {
        if let Some((one, probe, _)) = self.own(probe) {
            one.attempt.begun(&probe, local);
        }
    }

    fn sent_again(&mut self, probe: &Probe, count: u32) {
        if let Some((one, probe, _)) = self.own(probe) {
            one.attempt.sent_again(&probe, count);
        }
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, _: &mut Events<Told>) {
        if let Some((one, probe, silence)) = self.own(probe) {
            one.attempt.heard(&probe, at, heard, silence);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, _: &mut Events<Told>) {
        if let Some((one, probe, silence)) = self.own(probe) {
            one.open = one.open.saturating_sub(1);
            one.attempt.settle(&probe, outcome, silence);
        }
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        let (tag, seq) = (probe.seq >> OWN_BITS, probe.seq & OWN);
        let one = self.under_way.iter().find(|one| one.tag & (u64::MAX >> OWN_BITS) == tag)?;
        one.attempt.objection(&Probe { seq, ..*probe }, answer)
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        if let Some((one, probe, _)) = self.own(probe) {
            one.attempt.explained(&probe, detail);
        }
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, _: &mut Events<Told>) {
        if let Some((one, probe, silence)) = self.own(probe) {
            one.attempt.stray(&probe, stray, silence);
        }
    }

    fn unmatched(&mut self, rejection: &Rejection, _: &mut Events<Told>) -> bool {
        let silence = &mut self.silence;
        let mut all = self.under_way.iter_mut();
        all.any(|one| one.attempt.unmatched(rejection, silence))
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        _: &mut Events<Told>,
    ) {
        for one in &mut self.under_way {
            one.attempt.named(address, result, &mut self.silence);
        }
    }

    fn changed(&mut self, at: Instant, change: &Change, _: &mut Events<Told>) -> WayOut {
        let silence = &mut self.silence;
        let all = self.under_way.iter_mut().map(|one| &mut one.attempt).chain(&mut self.ready);
        let told: Vec<WayOut> = all.map(|attempt| attempt.changed(at, change, silence)).collect();
        told.into_iter().find(|way| *way != WayOut::Untouched).unwrap_or(WayOut::Untouched)
    }

    fn way_at_start(&self) -> WayOut {
        self.ready.as_ref().map_or(WayOut::Untouched, |attempt| attempt.way_at_start())
    }

    fn has_one_way(&self) -> bool {
        let first = self.under_way.first().map(|one| &one.attempt).or(self.ready.as_ref());
        first.is_none_or(|attempt| attempt.has_one_way())
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Told>) {
        events.push(Told::Interim(now));
    }

    fn stop(&mut self, now: Instant, _: &mut Events<Told>) {
        self.supervisor.borrow_mut().stop(now);
        for one in &mut self.under_way {
            one.until = one.until.min(now);
        }
    }

    fn finish(&mut self, _: Instant, _: &mut Events<Told>) {}
}
