//! Which flow is sent to which hop next.

use super::seen::{Seen, Vertex};
use super::{Cut, Multipath};
use crate::Measurement;
use crate::end::{End, StopReason};
use crate::order::{AFTER_BURST, BURST, Step};
use netdiag_model::Instant;
use std::collections::BTreeSet;

/// So many answers of one flow tell that packets are balanced each for itself (FINDINGS.md).
pub(super) const BY_PACKET: usize = 12;

/// What the search needs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// This flow to this hop.
    Ask(u8, u64),
    /// What is under way has to end first.
    Wait,
    /// Nothing more.
    Nothing,
}

/// Those before a hop that are looked at together: one router, or all of a hop that packets reach in
/// no order.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) vertices: BTreeSet<Vertex>,
    /// Every flow passes there.
    passes_all: bool,
}

impl Multipath {
    /// The first hop that is asked in a search, and the last that may be.
    fn wants(&mut self, first: u8, last: u8) -> Want {
        for ttl in first..=last {
            let origins = self.origins(ttl, first);
            if origins.is_empty() {
                return Want::Nothing;
            }
            let mut waits = false;
            for origin in &origins {
                match self.wants_from(origin, ttl, first) {
                    Want::Ask(ttl, flow) => return Want::Ask(ttl, flow),
                    Want::Wait => waits = true,
                    Want::Nothing => {}
                }
            }
            if waits {
                return Want::Wait;
            }
            match self.wants_again(ttl) {
                Want::Nothing => {}
                want => return want,
            }
        }
        Want::Nothing
    }

    /// Those before a hop that packets go on from.
    pub(super) fn origins(&self, ttl: u8, first: u8) -> Vec<Origin> {
        if ttl == first {
            return vec![Origin { vertices: BTreeSet::new(), passes_all: true }];
        }
        let Some(before) = self.at(ttl - 1) else { return Vec::new() };
        let all = before.vertices();
        let on: BTreeSet<Vertex> = all.iter().copied().filter(|it| !it.is_last()).collect();
        let by_packet = (first..ttl).any(|ttl| self.at(ttl).is_some_and(Seen::is_by_packet));
        if on.is_empty() {
            Vec::new()
        } else if on.len() == 1 || by_packet {
            let passes_all = all.len() == on.len();
            vec![Origin { vertices: on, passes_all }]
        } else {
            let one = |it| Origin { vertices: BTreeSet::from([it]), passes_all: false };
            on.into_iter().map(one).collect()
        }
    }

    /// What is needed to know all next hops of an origin.
    fn wants_from(&mut self, origin: &Origin, ttl: u8, first: u8) -> Want {
        let passing = self.passing(origin, ttl);
        let at = self.at(ttl);
        let known: Vec<Vertex> =
            passing.iter().filter_map(|flow| at.and_then(|at| at.vertex(*flow))).collect();
        let next: BTreeSet<Vertex> = known.iter().copied().collect();
        let under_way = passing.iter().filter(|flow| at.is_some_and(|at| at.is_open(**flow)));
        let have = (known.len() + under_way.count()) as u64;
        let Some(stop) = self.stop(next.len()) else {
            return self.cut(Cut::ProbeCap);
        };
        if have >= stop {
            return if known.len() as u64 >= stop { Want::Nothing } else { Want::Wait };
        }
        let fresh = |flow: &&u64| at.is_none_or(|at| at.may_ask(**flow));
        if let Some(flow) = passing.iter().find(fresh) {
            return Want::Ask(ttl, *flow);
        }
        if origin.passes_all {
            return self.unused(ttl).map_or_else(|| self.cut(Cut::Flows), |f| Want::Ask(ttl, f));
        }
        self.wants_more(origin, ttl - 1, first, stop - have)
    }

    /// Asks for flows that pass an origin at a hop, `missing` of them.
    fn wants_more(&mut self, origin: &Origin, ttl: u8, first: u8, missing: u64) -> Want {
        let before = self.origins(ttl, first);
        let leads = |it: &&Origin| self.next_of(it, ttl).intersection(&origin.vertices).count() > 0;
        let Some(before) = before.iter().find(leads) else { return Want::Nothing };
        let at = self.at(ttl);
        if at.map_or(0, Seen::open) >= missing {
            return Want::Wait;
        }
        let passing = self.passing(before, ttl);
        if let Some(flow) = passing.iter().find(|flow| at.is_none_or(|at| at.may_ask(**flow))) {
            return Want::Ask(ttl, *flow);
        }
        if before.passes_all {
            return self.unused(ttl).map_or_else(|| self.cut(Cut::Flows), |f| Want::Ask(ttl, f));
        }
        self.wants_more(before, ttl - 1, first, missing)
    }

    /// The flows that are known to pass an origin before a hop, and what was asked there, lowest first.
    pub(super) fn passing(&self, origin: &Origin, ttl: u8) -> Vec<u64> {
        let mut flows = BTreeSet::new();
        if let Some(before) = ttl.checked_sub(1).and_then(|before| self.at(before)) {
            let known = before.known().filter(|(_, vertex)| origin.vertices.contains(vertex));
            flows.extend(known.map(|(flow, _)| flow));
        }
        if origin.passes_all
            && let Some(at) = self.at(ttl)
        {
            flows.extend(at.flows());
        }
        flows.into_iter().collect()
    }

    /// Who follows an origin at a hop.
    pub(super) fn next_of(&self, origin: &Origin, ttl: u8) -> BTreeSet<Vertex> {
        let passing = self.passing(origin, ttl).into_iter();
        passing.filter_map(|flow| self.at(ttl)?.vertex(flow)).collect()
    }

    /// Asks for one flow once more where flows part, until it is known whether packets of it do.
    fn wants_again(&mut self, ttl: u8) -> Want {
        let Some(at) = self.at(ttl) else { return Want::Nothing };
        let parts = at.vertices().len() > 1;
        let flow = at.known().find(|(_, vertex)| *vertex != Vertex::Silent).map(|(flow, _)| flow);
        let Some(flow) = flow.filter(|_| parts) else { return Want::Nothing };
        let answers = at.answers(flow).len();
        let wanted = if at.is_by_packet() { BY_PACKET } else { self.same_flow() };
        match at.is_open(flow) {
            true => Want::Wait,
            // What is not answered any more tells nothing either.
            false if answers >= wanted || at.tried(flow) >= 2 * wanted as u64 => Want::Nothing,
            false => Want::Ask(ttl, flow),
        }
    }

    /// How many answers of one flow from one address rule out that packets are balanced.
    pub(super) fn same_flow(&self) -> usize {
        self.stop(1).and_then(|stop| usize::try_from(stop).ok()).unwrap_or(BY_PACKET)
    }

    /// The lowest flow that a hop was not asked with.
    fn unused(&self, ttl: u8) -> Option<u64> {
        let is_free = |flow: &u64| self.at(ttl).is_none_or(|at| at.may_ask(*flow));
        (0..self.config.flows).find(is_free)
    }

    fn cut(&mut self, cut: Cut) -> Want {
        self.cut.get_or_insert(cut);
        Want::Nothing
    }
}

impl Measurement {
    /// Whether the search for all paths is under way, or begins now that one is known.
    pub(crate) fn searches(&mut self) -> bool {
        if self.multipath.as_ref().is_none_or(|multipath| multipath.is_done) {
            return false;
        }
        if let Some(multipath) = &mut self.multipath {
            multipath.is_searching = true;
        }
        let goes_on = self.end.is_none_or(|end| end.reason != StopReason::LocalError)
            && !self.sends_nothing()
            && self.wants() != Want::Nothing;
        if let Some(multipath) = self.multipath.as_mut().filter(|_| !goes_on) {
            multipath.is_done = true;
        }
        goes_on
    }

    fn wants(&mut self) -> Want {
        let first = self.config.first_ttl;
        // Where one flow ends another may get further, so one hop more is asked than answered.
        let last = match self.end {
            Some(End { ttl, reason: StopReason::Loop }) => ttl,
            _ => self.farthest().saturating_add(1).min(self.config.max_ttl),
        };
        self.multipath.as_mut().map_or(Want::Nothing, |multipath| multipath.wants(first, last))
    }

    /// The next probe of the search, or when it may leave.
    pub(crate) fn next_of_search(&mut self, now: Instant) -> Step {
        if let Some(free) = self.last_asked.map(|last| last + self.config.spacing)
            && free > now
        {
            return Step::Wait(free);
        }
        if self.multipath.as_ref().is_none_or(|multipath| multipath.is_done) {
            return Step::Wait(Instant::FAR);
        }
        let Want::Ask(ttl, flow) = self.wants() else { return Step::Wait(Instant::FAR) };
        let Some(hop) = self.hop(ttl) else { return Step::Wait(Instant::FAR) };
        let most = self.config.multipath.map_or(0, |config| config.most);
        if hop.asked >= most {
            if let Some(multipath) = &mut self.multipath {
                multipath.cut.get_or_insert(Cut::ProbeCap);
                multipath.is_done = true;
            }
            return Step::Wait(now);
        }
        let is_limited = self.multipath.as_ref().is_some_and(|it| it.is_limited(ttl));
        let pause = match self.config.interval {
            Some(interval) => Some(interval),
            None => is_limited.then_some(AFTER_BURST),
        };
        let due = pause.zip(hop.last_asked).map_or(now, |(pause, last)| last + pause);
        match hop.open >= BURST || is_limited && hop.open > 0 {
            true => Step::Wait(Instant::FAR),
            false if due > now => Step::Wait(due),
            false => Step::AskBy(ttl, flow),
        }
    }
}
