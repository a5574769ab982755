//! The hops of the path: who they are, and which sizes come as far as them.

use super::event::SizeOutcome;
use super::outcome::Said;
use super::search::Trial;
use super::told::Told;
use crate::end::{Cycle, cycle_of};
use netdiag_model::IcmpKind;
use netdiag_model::failure::IcmpSource;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How many hops beyond the farthest that answered are asked, and after how many silent ones it ends.
const WINDOW: u8 = 8;
/// How often a hop is asked who it is, or whether something comes to it; and once more a second later,
/// where there is the time, since routers limit their answers.
const ASKED: u64 = 2;
const ASKED_LATER: u64 = 3;

/// One hop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hop {
    /// Who answered a packet that was to come as far as here, and did.
    pub(crate) address: Option<IpAddr>,
    /// It is the target.
    pub(crate) is_target: bool,
    /// It says that nothing goes further, and why.
    pub(crate) refusal: Option<IcmpKind>,
    pub(crate) trials: BTreeMap<u32, Trial>,
}

impl Hop {
    /// What one from this hop says.
    pub(super) fn take(&mut self, said: &Said, from: IpAddr) {
        match said.outcome {
            SizeOutcome::Passed => self.is_target |= said.is_target,
            SizeOutcome::Refused => self.refusal = self.refusal.or(said.refusal),
            _ => return,
        }
        if !said.is_own {
            self.address.get_or_insert(from);
        }
    }

    pub(crate) fn passed(&self, size: u32) -> bool {
        self.trials.get(&size).is_some_and(|trial| trial.passed > 0)
    }

    fn is_askable(&self, size: u32, tries: u64) -> bool {
        self.trials.get(&size).is_none_or(|trial| trial.is_askable(tries))
    }
}

/// A size of which is asked how far it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) size: u32,
    /// Where it vanishes without a message, each hop is asked again.
    pub(crate) is_silent: bool,
}

/// All hops, by their hop limit.
#[derive(Clone, Debug)]
pub(crate) struct Hops {
    pub(crate) by_ttl: BTreeMap<u8, Hop>,
    smallest: u32,
    max_ttl: u8,
    /// How many hops beyond the farthest are asked at once.
    window: u8,
    /// The routers that packets go round over, instead of to the target.
    pub(crate) cycle: Option<Cycle>,
}

impl Hops {
    /// `is_limited`: the target answers sparingly, also what was to go past it.
    pub(crate) fn new(smallest: u32, max_ttl: u8, is_limited: bool) -> Self {
        let window = if is_limited { 3 } else { WINDOW };
        Self { by_ttl: BTreeMap::new(), smallest, max_ttl, window, cycle: None }
    }

    pub(crate) fn hop_mut(&mut self, ttl: u8) -> &mut Hop {
        self.by_ttl.entry(ttl).or_default()
    }

    pub(crate) fn address(&self, ttl: u8) -> Option<IpAddr> {
        self.by_ttl.get(&ttl)?.address
    }

    /// The first hop that this address answered for.
    pub(crate) fn place(&self, from: IpAddr) -> Option<u8> {
        let mut named = self.by_ttl.iter().filter(|(_, hop)| hop.address == Some(from));
        named.next().map(|(ttl, _)| *ttl)
    }

    /// What a hop says of why nothing goes further.
    pub(crate) fn refusal(&self, ttl: u8) -> Option<IcmpSource> {
        let hop = self.by_ttl.get(&ttl)?;
        Some(IcmpSource::new(hop.refusal?, hop.address?))
    }

    /// The hop limit that reaches the target.
    pub(crate) fn target(&self) -> Option<u8> {
        self.by_ttl.iter().find(|(_, hop)| hop.is_target).map(|(ttl, _)| *ttl)
    }

    /// The farthest hop of the path that answered; 0 where none did.
    pub(crate) fn farthest(&self) -> u8 {
        let answered = self.by_ttl.iter().rev().find(|(_, hop)| hop.address.is_some());
        self.end().or_else(|| answered.map(|(ttl, _)| *ttl)).unwrap_or(0)
    }

    /// The farthest hop that has an address; 0 where none has.
    pub(crate) fn farthest_address(&self) -> u8 {
        let known = self.by_ttl.iter().rev().find(|(_, hop)| hop.address.is_some());
        known.map_or(0, |(ttl, _)| *ttl)
    }

    /// The last hop of the path, as far as it is known. Who refuses there refuses what was to go further,
    /// too.
    fn end(&self) -> Option<u8> {
        let refused = self.by_ttl.iter().find(|(_, hop)| hop.refusal.is_some());
        let refused = || refused.map(|(ttl, _)| *ttl);
        let cycle = || self.cycle.as_ref().map(Cycle::second_end);
        self.target().or_else(refused).or_else(cycle)
    }

    /// Looks whether packets go round.
    pub(crate) fn look_for_cycle(&mut self) {
        if self.cycle.is_none() {
            let last = self.by_ttl.keys().next_back().copied().unwrap_or(0);
            let addresses: Vec<Option<IpAddr>> = (1..=last).map(|ttl| self.address(ttl)).collect();
            self.cycle = cycle_of(1, &addresses);
        }
    }

    /// The last hop that may be asked now.
    fn frontier(&self) -> u8 {
        let silent = |ttl: u8| self.by_ttl.get(&ttl).is_some_and(|hop| hop.address.is_none());
        let farthest = self.farthest();
        let answered = |ttl: u8| !silent(ttl) || !self.is_open(ttl);
        // A narrow window widens over what is known to be silent.
        let passed = (farthest + 1..=farthest.saturating_add(WINDOW))
            .take_while(|ttl| self.by_ttl.contains_key(ttl) && answered(*ttl))
            .count();
        let ahead = self.window.saturating_add(u8::try_from(passed).unwrap_or(0)).min(WINDOW);
        farthest.saturating_add(ahead).min(self.end().unwrap_or(self.max_ttl)).min(self.max_ttl)
    }

    /// Those behind the last one that answered may be the target, which had no answer left.
    pub(crate) fn forget_silence(&mut self) {
        let behind = self.farthest().saturating_add(1)..;
        for hop in self.by_ttl.range_mut(behind).map(|(_, hop)| hop) {
            for trial in hop.trials.values_mut() {
                while trial.lost > 0 {
                    trial.forget();
                }
            }
        }
    }

    fn is_open(&self, ttl: u8) -> bool {
        self.by_ttl.get(&ttl).is_some_and(|hop| hop.trials.values().any(|trial| trial.open > 0))
    }

    /// Whether a hop says nothing, and was not asked once more when a limit of its answers would have
    /// let it.
    pub(crate) fn may_be_limited(&self, ttl: u8) -> bool {
        let Some(hop) = self.by_ttl.get(&ttl).filter(|hop| hop.address.is_none()) else {
            return false;
        };
        hop.trials.get(&self.smallest).is_none_or(|trial| trial.tried() < ASKED_LATER)
    }

    /// The next hop to ask who it is.
    pub(crate) fn next_unknown(&self, is_later: bool) -> Option<u8> {
        let tries = if is_later { ASKED_LATER } else { ASKED };
        (1..=self.frontier()).find(|ttl| {
            let hop = self.by_ttl.get(ttl);
            hop.is_none_or(|hop| hop.address.is_none() && hop.is_askable(self.smallest, tries))
        })
    }

    /// The next hop of which is asked whether a size comes as far.
    pub(crate) fn next_of(&self, level: Level, is_later: bool) -> Option<u8> {
        let tries = match (level.is_silent, is_later) {
            (false, _) => 1,
            (true, false) => ASKED,
            (true, true) => ASKED_LATER,
        };
        let mut routers = self.by_ttl.range(1..self.behind_last());
        let next = routers.find(|(_, hop)| {
            hop.address.is_some() && hop.is_askable(level.size, tries) && !hop.passed(level.size)
        });
        next.map(|(ttl, _)| *ttl)
    }

    /// The hop behind the last router.
    pub(crate) fn behind_last(&self) -> u8 {
        self.end().unwrap_or_else(|| self.farthest().saturating_add(1))
    }

    /// Whether all that can be asked of routers about a size is known.
    pub(crate) fn is_known(&self, level: Level, is_later: bool) -> bool {
        let open = |hop: &Hop| hop.trials.get(&level.size).is_some_and(|trial| trial.open > 0);
        self.next_of(level, is_later).is_none() && !self.by_ttl.values().any(open)
    }

    /// Behind which hop a size does not pass, by those that say so; 0 is this machine.
    pub(crate) fn told_behind(&self, size: u32, told: &Told) -> Option<u8> {
        let says_so = |hop: &Hop| {
            hop.trials.get(&size).is_some_and(|trial| trial.told.iter().any(|it| it == told))
        };
        let first = self.by_ttl.iter().find(|(_, hop)| says_so(hop));
        match first {
            // A router that looks at the size before it looks at the hop limit.
            Some((ttl, hop)) if hop.address == Some(told.from) => Some(*ttl),
            Some((ttl, _)) => Some(ttl - 1),
            // None of the routers before the target: it is the last of them, or silent ones are.
            None => self.place(told.from),
        }
    }

    /// The last hop that a size comes to; 0 where it comes to none.
    pub(crate) fn last_passed(&self, size: u32) -> u8 {
        let last = self.by_ttl.iter().rev().find(|(_, hop)| hop.passed(size) && !hop.is_target);
        last.map_or(0, |(ttl, _)| *ttl)
    }

    /// The first hop behind another that a small packet comes to, and not one of this size.
    pub(crate) fn first_lost(&self, after: u8, size: u32) -> Option<u8> {
        let behind = self.by_ttl.range(after.saturating_add(1)..);
        let mut lost =
            behind.filter(|(_, hop)| hop.is_target || (hop.address.is_some() && !hop.passed(size)));
        lost.next().map(|(ttl, _)| *ttl)
    }
}
