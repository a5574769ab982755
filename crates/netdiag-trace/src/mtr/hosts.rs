//! The hops as mtr keeps them, and whose turn it is.

use super::{Label, Row};
use crate::letters::Letters;
use crate::protocol::Answer;
use netdiag_engine::names::Names;
use netdiag_model::Destination;
use std::net::IpAddr;
use std::time::Duration;

/// How many that answer at one hop are told apart.
const KEPT: usize = 64;
/// A round is taken to have so many hops until one has been walked.
const FIRST_GUESS: u32 = 10;

/// All hops from the first one on, also where the first that is asked is another.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    hosts: Vec<Host>,
    target: Destination,
    /// The place of the first that is asked.
    first: usize,
    max_silent: usize,
    /// The place of the one that is asked next.
    turn: usize,
    /// How many a round has.
    in_round: u32,
}

/// One of them.
#[derive(Clone, Debug)]
struct Host {
    /// Who answered last.
    address: Option<Destination>,
    /// All that did, in the order in which they first did.
    all: Vec<Destination>,
    /// What the last answer brought.
    labels: Vec<Label>,
    /// It said that it goes no further.
    refuses: bool,
    sent: u64,
    received: u64,
    /// The last probe to it was not answered, nor any other since it was sent.
    is_open: bool,
    letters: Letters,
}

/// Who an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Not who answered there last.
    pub(super) is_other: bool,
    /// Who never answered there before.
    pub(super) is_new: bool,
}

impl Host {
    const fn new() -> Self {
        Self {
            address: None,
            all: Vec::new(),
            labels: Vec::new(),
            refuses: false,
            sent: 0,
            received: 0,
            is_open: false,
            letters: Letters::new(),
        }
    }
}

impl Hosts {
    pub(super) fn new(config: &super::Config) -> Self {
        let path = &config.path;
        let first = usize::from(path.first_ttl.max(1)) - 1;
        Self {
            hosts: vec![Host::new(); usize::from(path.max_ttl)],
            target: path.destination,
            first,
            max_silent: config.max_silent,
            turn: first,
            in_round: FIRST_GUESS,
        }
    }

    /// Everything begins anew.
    pub(super) fn reset(&mut self) {
        self.hosts.fill(Host::new());
        (self.turn, self.in_round) = (self.first, FIRST_GUESS);
    }

    /// How many hops a round has, as far as is known.
    pub(super) const fn in_round(&self) -> u32 {
        self.in_round
    }

    /// Asks the one whose turn it is: its place, and whether the round ends with it.
    pub(super) fn ask(&mut self) -> (usize, bool) {
        let turn = self.turn;
        if let Some(host) = self.hosts.get_mut(turn) {
            host.sent += 1;
            host.is_open = true;
        }
        let is_target = |host: &Host| host.address.is_some_and(|who| self.target.is_source(who));
        let before = || self.hosts.iter().enumerate().take(turn).skip(self.first);
        let reached = before().find(|(_, host)| is_target(host)).map(|(place, _)| place);
        let known = before().take_while(|(place, _)| reached.is_none_or(|at| *place < at));
        let silent = known.filter(|(_, host)| host.address.is_none()).count();
        let is_last = turn + 1 >= self.hosts.len()
            || silent > self.max_silent
            || self.hosts.get(turn).is_some_and(is_target);
        let ends = match (is_last, reached) {
            (true, _) => turn,
            (false, Some(place)) => place,
            (false, None) => {
                self.turn += 1;
                return (turn, false);
            }
        };
        self.in_round = u32::try_from(ends + 1).unwrap_or(u32::MAX);
        self.turn = self.first;
        (turn, true)
    }

    /// An answer to a probe of one of them.
    pub(super) fn answered(
        &mut self,
        place: usize,
        answer: &Answer,
        labels: Vec<Label>,
        refuses: bool,
    ) -> Heard {
        let mut heard = Heard { is_other: false, is_new: false };
        let Some(host) = self.hosts.get_mut(place) else { return heard };
        let from = answer.from;
        heard.is_other = host.address != Some(from);
        if heard.is_other && !host.all.contains(&from) && host.all.len() < KEPT {
            host.all.push(from);
            heard.is_new = true;
        }
        if heard.is_other {
            host.address = Some(from);
            host.labels = labels;
        }
        host.refuses = refuses;
        host.received += 1;
        host.is_open = false;
        host.letters.record(answer.rtt);
        heard
    }

    /// How many are shown: up to the target or one that refuses, else to one more than the last that
    /// answered.
    fn shown(&self) -> usize {
        let mut shown = 0;
        for (place, host) in self.hosts.iter().enumerate() {
            let is_target = host.address.is_some_and(|who| self.target.is_source(who));
            if is_target || host.refuses {
                return place + 1;
            }
            if host.address.is_some() {
                shown = place + 2;
            }
        }
        shown.min(self.hosts.len())
    }

    /// The hops as they are shown. At the end `is_over`: what is under way then is lost.
    pub(super) fn rows(&self, names: &Names, is_over: bool) -> Vec<Row> {
        let shown = self.hosts.iter().enumerate().take(self.shown()).skip(self.first);
        shown.map(|(place, host)| host.row(place, names, is_over)).collect()
    }
}

impl Host {
    fn row(&self, place: usize, names: &Names, is_over: bool) -> Row {
        let named = |who: &Destination| (who.address(), names.get(who.address()).cloned());
        let others = self.all.iter().filter(|who| Some(**who) != self.address);
        let figures = self.letters.figures();
        let time = |pick: fn(&crate::letters::Figures) -> Duration| {
            figures.as_ref().map_or(Duration::ZERO, pick)
        };
        Row {
            ttl: u8::try_from(place + 1).unwrap_or(u8::MAX),
            who: self.address.as_ref().map(named),
            others: others.map(named).collect::<Vec<(IpAddr, _)>>(),
            labels: self.labels.clone(),
            sent: self.sent,
            received: self.received,
            is_open: self.is_open && !is_over,
            last: time(|it| it.last),
            best: time(|it| it.best),
            worst: time(|it| it.worst),
            mean: time(|it| it.mean),
            stddev: time(|it| it.stddev),
            geometric_mean: time(|it| it.geometric_mean),
            jitter: time(|it| it.jitter),
            jitter_mean: time(|it| it.jitter_mean),
            jitter_max: time(|it| it.jitter_max),
            interarrival: time(|it| it.interarrival),
        }
    }
}
