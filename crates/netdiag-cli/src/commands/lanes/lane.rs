//! A lane: the attempts of one check, as one measurement of the engine.

use super::attempt::{Attempt, Prepared};
use super::kind::Conclusion;
use super::planner::{Made, PATIENCE, Planner};
use super::supervisor::{Ended, Supervisor, Told, Turn};
use crate::commands::ending::End;
use netdiag_engine::outcome::{Detail, Outcome, Reason, Rejection, Stray};
use netdiag_engine::port::{AnswerKind, Change};
use netdiag_engine::{Events, Heard, Measurement, Next, Probe, ProbeKind, WayOut};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// Bits of a probe's number that are its attempt's own; which attempt it is of stands above them.
const OWN_BITS: u32 = 48;
const OWN: u64 = (1 << OWN_BITS) - 1;

/// The attempts of one check.
pub(crate) struct Lane<S> {
    number: usize,
    planner: Rc<RefCell<Planner>>,
    /// How it is measured, once that is known.
    plan: Option<Rc<dyn Prepared>>,
    /// When the plan was made.
    planned_at: Instant,
    /// The plan of the last attempt: what it is about is listened for also between two.
    last: Option<Rc<dyn Prepared>>,
    /// What its plan, which was made beside the run, tells of the way out.
    way: WayOut,
    /// A plan is being made, since this time.
    planning: Option<Instant>,
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
    /// When its probes were sent that have not settled, by their numbers; `None` of a connection that
    /// has not begun, since this machine has no descriptor for it yet, or lets no more be opened.
    open: BTreeMap<u64, Option<Instant>>,
    /// The latest time that a probe of it is known to have settled at.
    settled_at: Instant,
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
    /// A lane that has not begun, with its plan where that is known already.
    pub(crate) fn new(
        number: usize,
        plan: Option<Rc<dyn Prepared>>,
        planner: &Rc<RefCell<Planner>>,
        supervisor: &Rc<RefCell<S>>,
        now: Instant,
    ) -> Self {
        let ready = plan.as_ref().and_then(|plan| plan.begin());
        Self {
            number,
            planner: Rc::clone(planner),
            last: plan.clone(),
            plan,
            planned_at: now,
            way: WayOut::Untouched,
            planning: None,
            supervisor: Rc::clone(supervisor),
            ready,
            under_way: Vec::new(),
            begun: 0,
            has_ended: false,
            silence: Events::new(),
        }
    }

    /// Begins an attempt by the plan that there is.
    fn begin(&mut self, now: Instant, until: Instant) {
        let Some(plan) = self.plan.clone() else { return };
        let Some(attempt) = self.ready.take().or_else(|| plan.begin()) else {
            // Another plan may be better.
            self.plan = None;
            let end = ended(now);
            let how = Ended { begun: self.planned_at, end, cut: None };
            let conclusion = plan.unsent(end);
            return self.supervisor.borrow_mut().concluded(self.number, conclusion, how);
        };
        self.last = Some(plan);
        let tag = self.begun;
        self.begun += 1;
        let (open, is_done, is_cut) = (BTreeMap::new(), false, false);
        let (begun, settled_at) = (now, now);
        let one = UnderWay { tag, attempt, begun, until, is_cut, open, settled_at, is_done };
        self.under_way.push(one);
        if S::ADDRESSES_LAST.is_zero() {
            self.plan = None;
        } else if self.planning.is_none() && now >= self.planned_at + S::ADDRESSES_LAST {
            self.wish(now, now + PATIENCE);
        }
    }

    /// Has a plan made.
    fn wish(&mut self, now: Instant, until: Instant) {
        self.planning = Some(now);
        self.planner.borrow_mut().wish(self.number, until);
    }

    /// Whether nothing can be done until there is a plan.
    fn awaits_plan(&self, now: Instant) -> bool {
        self.planning.is_some()
            && self.plan.is_none()
            && !self.supervisor.borrow().is_settled(self.number, now)
    }

    /// Takes a plan that was made.
    fn take(&mut self, made: Made, now: Instant) {
        let since = self.planning.take().unwrap_or(now);
        match (made, self.plan.is_some()) {
            (Ok(plan), false) => {
                self.ready = plan.begin();
                self.way = self.ready.as_ref().map_or(WayOut::Untouched, |it| it.way_at_start());
                (self.plan, self.planned_at) = (Some(plan), now);
            }
            // What was right before is kept where what came since is not.
            (Ok(plan), true) => {
                self.planned_at = now;
                if let Some(attempt) = plan.begin() {
                    (self.plan, self.ready) = (Some(plan), Some(attempt));
                }
            }
            (Err(_), true) => self.planned_at = now,
            (Err(message), false) => {
                let how = Ended { begun: since, end: ended(now), cut: None };
                let conclusion = Conclusion::unplanned(message);
                self.supervisor.borrow_mut().concluded(self.number, conclusion, how);
            }
        }
    }

    /// Asks an attempt what comes next.
    fn ask(&mut self, place: usize, now: Instant) -> Asked {
        let Some(one) = self.under_way.get_mut(place) else { return Asked::Over };
        if now >= one.until && !one.is_cut {
            one.is_cut = true;
            one.attempt.stop(now, &mut self.silence);
        }
        if one.is_done {
            let is_over = one.open.is_empty() || one.is_cut;
            return if is_over { Asked::Over } else { Asked::Until(one.until) };
        }
        let tag = one.tag;
        let next = match one.attempt.next(now, &mut self.silence) {
            Next::Probe(mut spec) => {
                let has_left = !matches!(spec.kind, ProbeKind::Connect(_));
                one.open.insert(spec.seq, has_left.then_some(now));
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
            Next::Done if !one.open.is_empty() && !one.is_cut => {
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
        // What a probe settled by may be stamped later than the engine looked at the time.
        let end = ended(now.max(one.settled_at));
        let oldest = one.open.values().flatten().min();
        let waited = oldest.map_or(Duration::ZERO, |sent| now.since(*sent));
        let how = Ended { begun: one.begun, end, cut: one.is_cut.then_some(waited) };
        let conclusion = one.attempt.conclude(end);
        self.supervisor.borrow_mut().concluded(self.number, conclusion, how);
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
            let made = self.planning.and_then(|_| self.planner.borrow_mut().take(self.number));
            match made {
                Some(made) => self.take(made, now),
                None if self.awaits_plan(now) => return Next::AfterAnother(earliest),
                None => {}
            }
            let (under_way, is_planned) = (self.under_way.len(), self.plan.is_some());
            let turn = self.supervisor.borrow_mut().turn(self.number, now, under_way, is_planned);
            match turn {
                Turn::Plan(until) => self.wish(now, until),
                Turn::Begin(until) => self.begin(now, until),
                Turn::Wait(at) => return Next::AfterAnother(earliest.min(at)),
                Turn::End => {
                    self.planner.borrow_mut().forget(self.number);
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
            if let Some(since) = one.open.get_mut(&probe.seq) {
                *since = Some(probe.sent_at);
            }
            one.attempt.begun(&probe, local);
        }
    }

    fn sent_again(&mut self, probe: &Probe, count: u32) {
        if let Some((one, probe, _)) = self.own(probe) {
            one.attempt.sent_again(&probe, count);
        }
    }

    fn answered(&mut self, probe: &Probe, kind: AnswerKind, hop_limit: u8) {
        if let Some((one, probe, _)) = self.own(probe) {
            one.attempt.answered(&probe, kind, hop_limit);
        }
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, _: &mut Events<Told>) {
        if let Some((one, probe, silence)) = self.own(probe) {
            one.attempt.heard(&probe, at, heard, silence);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, _: &mut Events<Told>) {
        if let Some((one, probe, silence)) = self.own(probe) {
            one.open.remove(&probe.seq);
            if let Outcome::Replied(reply) = outcome {
                one.settled_at = one.settled_at.max(reply.received_at);
            }
            one.attempt.settle(&probe, outcome, silence);
        }
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        let (tag, seq) = (probe.seq >> OWN_BITS, probe.seq & OWN);
        let one = self.under_way.iter().find(|one| one.tag & (u64::MAX >> OWN_BITS) == tag);
        // One that has ended takes no answer.
        let Some(one) = one else { return Some(Reason::NoAnswer) };
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
        let is_between = self.under_way.is_empty() && self.ready.is_none();
        let last = self.last.as_ref().filter(|_| is_between);
        let mut ear = last.and_then(|plan| plan.begin());
        let silence = &mut self.silence;
        let all = self.under_way.iter_mut().map(|one| &mut one.attempt).chain(&mut self.ready);
        let all = all.chain(&mut ear);
        let told: Vec<WayOut> = all.map(|attempt| attempt.changed(at, change, silence)).collect();
        told.into_iter().find(|way| *way != WayOut::Untouched).unwrap_or(WayOut::Untouched)
    }

    fn way_at_start(&self) -> WayOut {
        self.ready.as_ref().map_or(WayOut::Untouched, |attempt| attempt.way_at_start())
    }

    fn way_by_now(&mut self) -> WayOut {
        std::mem::replace(&mut self.way, WayOut::Untouched)
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
        self.planning = None;
        self.planner.borrow_mut().forget(self.number);
        for one in &mut self.under_way {
            one.until = one.until.min(now);
        }
    }

    fn finish(&mut self, _: Instant, _: &mut Events<Told>) {}
}
