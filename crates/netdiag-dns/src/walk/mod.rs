//! Measurements one after the other, where what one finds says what the next asks: a plain look-up has
//! one, a walk down the delegations one for each zone.

mod delegation;
mod findings;
mod hints;
mod round;
mod steps;

use crate::config::Config;
use crate::dnssec::{self, Validation};
use crate::event::{Event, EventKind};
use crate::measurement::Measurement;
use crate::result::Target;
use crate::transfer::Transfer;
pub use delegation::Delegation;
pub use hints::{Host, parse as hints};
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::port::Change;
use netdiag_engine::{Events, Heard, Next, Outcome, Probe, Stray, WayOut};
use netdiag_model::Instant;
use netdiag_model::contract::{Judgement, Method};
use netdiag_model::finding::Finding;
use std::sync::Arc;

/// What the rounds are for.
#[derive(Clone, Debug)]
pub enum Goal {
    /// One round, of which everything is told.
    Plain,
    /// A zone a round, from the root to the servers that have the name.
    Delegation(Box<Delegation>),
    /// The keys of all zones above the answers.
    Validation(Box<Validation>),
}

/// Some rounds.
#[derive(Debug)]
pub struct Walk {
    config: Arc<Config>,
    goal: Goal,
    round: Measurement,
    /// The transfer of a zone, in the place of all rounds.
    transfer: Option<Box<Transfer>>,
    /// The first round, where others came after it.
    first: Option<Box<Measurement>>,
    /// The first probe of this round.
    since: u64,
    started_at: Option<Instant>,
}

impl Walk {
    /// A walk that has asked nothing yet: `config` is what was asked for, and the first round where
    /// there is no goal beyond it.
    #[must_use]
    pub fn new(config: Arc<Config>, mut goal: Goal) -> Self {
        let first = match &mut goal {
            Goal::Plain => Arc::clone(&config),
            Goal::Delegation(delegation) => Arc::new(delegation.round(&config)),
            Goal::Validation(validation) => Arc::new(validation.first(&config)),
        };
        let transfer = config.transfer.map(|it| Box::new(Transfer::new(Arc::clone(&config), it)));
        Self {
            config,
            goal,
            round: Measurement::new(first),
            transfer,
            first: None,
            since: 0,
            started_at: None,
        }
    }

    /// Whether all that was to be asked was asked, and has ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        if let Some(transfer) = &self.transfer {
            return transfer.is_complete();
        }
        let is_done = match &self.goal {
            Goal::Plain => true,
            Goal::Delegation(delegation) => delegation.is_over(),
            Goal::Validation(validation) => validation.is_over(),
        };
        is_done && self.round.is_complete()
    }

    /// Whether there are so many results that each is made when it is looked at.
    pub(crate) fn is_long(&self) -> bool {
        matches!(self.goal, Goal::Plain) && self.plain().config.is_long()
    }

    /// What was found, so far or in the end: an entry for each question, and none of a long list.
    #[must_use]
    pub fn results(&self, method: &Method) -> Vec<Target> {
        if let Some(transfer) = &self.transfer {
            return transfer.results(method);
        }
        match &self.goal {
            Goal::Plain if self.is_long() => Vec::new(),
            Goal::Plain => self.plain().results(method),
            Goal::Delegation(delegation) => {
                delegation.results(&self.config, &self.round, method).into_iter().collect()
            }
            Goal::Validation(validation) => {
                let first = self.plain();
                let mut results = first.results(method);
                results.truncate(self.config.targets.len());
                validation.judge(&mut results, &self.config);
                results
            }
        }
    }

    /// Whether a walk down the delegations came to an answer; `None` of others.
    #[must_use]
    pub fn judgement(&self) -> Option<Judgement> {
        match &self.goal {
            Goal::Delegation(delegation) => Some(delegation.judgement()),
            Goal::Plain | Goal::Validation(_) => None,
        }
    }

    /// All verdicts.
    #[must_use]
    pub fn findings(&self, results: &[Target]) -> Vec<Finding> {
        match &self.goal {
            Goal::Plain => {
                let mut all = self.plain().findings(results);
                if self.first.is_some() {
                    all.iter_mut().for_each(|finding| self.round.tell_serials(finding));
                    let rewriters = self.round.rewriters();
                    // Who gives an address to any name says nothing of this one.
                    let is_caused = |it: &Finding| it.code == "dns-servers-disagree";
                    all.retain(|it| rewriters.is_empty() || !is_caused(it));
                    all.extend(rewriters);
                }
                all
            }
            Goal::Delegation(delegation) => delegation.findings(),
            Goal::Validation(_) => {
                let first = self.plain();
                let mut all = dnssec::findings(results);
                let bogus: Vec<Option<usize>> = all.iter().map(|it| it.target_index).collect();
                // Who sent what is not true is named; that others say something else is the same.
                let is_said = |it: &Finding| {
                    it.code == "dns-servers-disagree" && bogus.contains(&it.target_index)
                };
                all.extend(first.findings(results).into_iter().filter(|it| !is_said(it)));
                all
            }
        }
    }

    /// What it all came to, in one sentence.
    #[must_use]
    pub fn verdict(&self, results: &[Target], findings: &[Finding]) -> String {
        if let Some(transfer) = &self.transfer {
            return transfer.verdict();
        }
        match &self.goal {
            Goal::Plain => self.plain().verdict(results, findings),
            Goal::Delegation(delegation) => delegation.verdict(results),
            Goal::Validation(_) => {
                let first = self.plain();
                first.verdict(results, findings)
            }
        }
    }

    /// What was asked for, without what was asked after it.
    pub(crate) fn plain(&self) -> &Measurement {
        self.first.as_deref().unwrap_or(&self.round)
    }

    /// The next round, where what was found asks for one.
    fn go_on(&mut self) -> bool {
        let next = match &mut self.goal {
            Goal::Plain if self.first.is_none() => self.round.serials(),
            Goal::Plain => None,
            Goal::Delegation(delegation) => delegation.advance(&self.round, &self.config),
            Goal::Validation(validation) => validation.advance(&self.round, &self.config),
        };
        let Some(next) = next else { return false };
        let deadline = self.round.deadline();
        self.since = self.round.probes();
        let next = Measurement::after(Arc::new(next), self.since, deadline);
        let done = std::mem::replace(&mut self.round, next);
        self.first.get_or_insert_with(|| Box::new(done));
        true
    }

    /// What a round tells: only of the first is all told, since the places of others are not those of
    /// the run.
    fn tell(&self, scratch: &mut Events<Event>, events: &mut Events<Event>) {
        while let Some(event) = scratch.pop() {
            let is_general = matches!(event.kind, EventKind::Changed(_) | EventKind::Interim(..));
            let is_own = match (&self.goal, &event.kind) {
                (
                    Goal::Plain,
                    EventKind::Settled(target, ..)
                    | EventKind::Late(target, ..)
                    | EventKind::Duplicate(target, ..)
                    | EventKind::Rejected(Some(target), _),
                ) => self.first.is_none() && *target < self.round.own(),
                (Goal::Plain, _) => true,
                (
                    Goal::Validation(it),
                    EventKind::Settled(target, ..)
                    | EventKind::Late(target, ..)
                    | EventKind::Duplicate(target, ..),
                ) => self.first.is_none() && *target < it.own(),
                (Goal::Delegation(delegation), EventKind::Settled(0, server, settled)) => {
                    let told = delegation.told(self.round.config(), *server, settled);
                    if let Some(kind) = told {
                        events.push(Event { at: event.at, kind });
                    }
                    false
                }
                _ => false,
            };
            if is_general || is_own {
                events.push(event);
            }
        }
    }
}

/// Lets the round do it, and tells what of that is to be told.
macro_rules! by_round {
    ($walk:ident, $events:ident, |$round:ident, $scratch:ident| $call:expr) => {{
        let mut scratch = Events::new();
        let done = {
            let ($round, $scratch) = (&mut $walk.round, &mut scratch);
            $call
        };
        $walk.tell(&mut scratch, $events);
        done
    }};
}

impl netdiag_engine::Measurement for Walk {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        self.started_at.get_or_insert(now);
        if let Some(transfer) = &mut self.transfer {
            return transfer.next(now, events);
        }
        loop {
            let next = by_round!(self, events, |round, scratch| round.next(now, scratch));
            if next != Next::Done || !self.go_on() {
                return next;
            }
        }
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        // What is late for an earlier round is judged by nobody.
        if probe.seq <= self.since { None } else { self.round.objection(probe, answer) }
    }

    fn sent(&mut self, probe: &Probe, events: &mut Events<Event>) {
        by_round!(self, events, |round, scratch| round.sent(probe, scratch));
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        if let Some(transfer) = &mut self.transfer {
            return transfer.settle(probe, outcome, events);
        }
        by_round!(self, events, |round, scratch| round.settle(probe, outcome, scratch));
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, events: &mut Events<Event>) {
        if let Some(transfer) = &mut self.transfer {
            return transfer.heard(probe, at, heard, events);
        }
        by_round!(self, events, |round, scratch| round.heard(probe, at, heard, scratch));
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        if probe.seq > self.since {
            by_round!(self, events, |round, scratch| round.stray(probe, stray, scratch));
        }
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        by_round!(self, events, |round, scratch| round.unmatched(rejection, scratch))
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        by_round!(self, events, |round, scratch| round.changed(at, change, scratch))
    }

    fn has_one_way(&self) -> bool {
        matches!(self.goal, Goal::Plain) && self.round.has_one_way()
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        if let Some(transfer) = &self.transfer {
            return transfer.interim(now, events);
        }
        by_round!(self, events, |round, scratch| round.interim(now, scratch));
    }

    fn stop(&mut self, now: Instant, events: &mut Events<Event>) {
        if let Some(transfer) = &mut self.transfer {
            transfer.stop();
        }
        by_round!(self, events, |round, scratch| round.stop(now, scratch));
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        if let Some(transfer) = &mut self.transfer {
            transfer.finish(now, events);
        }
        by_round!(self, events, |round, scratch| round.finish(now, scratch));
    }
}
