//! A path by the rules of the classic mtr: one probe at a time, hop by hop, round by round, and of each
//! hop what mtr keeps of it.

mod hosts;

use crate::protocol::{self, Meaning};
use hosts::Hosts;
use netdiag_engine::names::Names;
use netdiag_engine::outcome::Detail;
use netdiag_engine::port::{Console, Control, Key, SendError};
use netdiag_engine::{
    Events, Measurement as Policy, Next, Outcome, Probe, ProbeSpec, Stray as StrayAnswer,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use netdiag_wire::extension::ExtensionObject;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long a full queue of this machine may delay a probe.
const PATIENCE: Duration = Duration::from_secs(1);
/// Numbers of probes as they are told: from here, so many.
const FIRST_NUMBER: u64 = 33_000;
const NUMBERS: u64 = 65_536 - FIRST_NUMBER;
/// How many labels of an answer are kept.
const LABELS_KEPT: usize = 8;

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const EMSGSIZE: i32 = 90;

/// The keys that mean something to the rounds.
const QUIT: char = 'q';
const PAUSE: char = 'p';
const RESUME: char = ' ';
const RESET: char = 'r';

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where, what is sent, from which hop to which, how long a probe is remembered, how far apart they
    /// leave at least. The rest of it has no meaning here.
    pub path: crate::Config,
    /// From one round over the hops to the next one.
    pub interval: Duration,
    /// How many rounds; `None`: until it is stopped.
    pub rounds: Option<u64>,
    /// How long answers are waited for behind the last one.
    pub grace: Duration,
    /// A round ends behind more silent hops than this.
    pub max_silent: usize,
    /// How often the hops are told while it runs; `None`: not at all.
    pub figures: Option<Duration>,
}

/// What is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// A probe was sent.
    Sent {
        /// The place of its hop, from 0.
        place: usize,
        /// Its number.
        number: u64,
    },
    /// It was answered.
    Answered(Box<Answered>),
    /// This machine refuses to send any.
    Refused(SendError),
    /// The hops as they stand.
    Rows(Vec<Row>),
    /// Somebody did something at the terminal.
    Console(Console),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The place of its hop, from 0.
    pub place: usize,
    /// The number of the probe.
    pub number: u64,
    /// After which time.
    pub rtt: Duration,
    /// Who.
    pub from: IpAddr,
    /// Their name, where that is known already.
    pub name: Option<Untrusted>,
    /// Whether somebody else answered there last.
    pub is_other: bool,
    /// Whether they never answered there before.
    pub is_new: bool,
    /// MPLS labels that it brought.
    pub labels: Vec<Label>,
}

/// An MPLS label stack entry (RFC 3032 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label.
    pub label: u32,
    /// The traffic class.
    pub class: u8,
    /// Whether it is the bottom of the stack.
    pub bottom: bool,
    /// The TTL.
    pub ttl: u8,
}

/// A hop with mtr's figures, by its formulas; times are 0 before the first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub ttl: u8,
    /// Who answered last, and their name where it is known.
    pub who: Option<(IpAddr, Option<Untrusted>)>,
    /// Who else did.
    pub others: Vec<(IpAddr, Option<Untrusted>)>,
    /// MPLS labels of the one that answered last.
    pub labels: Vec<Label>,
    /// Probes sent.
    pub sent: u64,
    /// Probes answered.
    pub received: u64,
    /// One is under way, which counts for nothing yet.
    pub is_open: bool,
    /// The newest round trip.
    pub last: Duration,
    /// The shortest.
    pub best: Duration,
    /// The longest.
    pub worst: Duration,
    /// Their mean.
    pub mean: Duration,
    /// Their standard deviation.
    pub stddev: Duration,
    /// Their geometric mean.
    pub geometric_mean: Duration,
    /// The difference of the last two.
    pub jitter: Duration,
    /// Its mean.
    pub jitter_mean: Duration,
    /// Its largest.
    pub jitter_max: Duration,
    /// What mtr calls the interarrival jitter.
    pub interarrival: Duration,
}

/// The path to one target.
#[derive(Clone, Debug)]
pub struct Measurement {
    config: Config,
    hosts: Hosts,
    /// Probes that were not answered, by their numbers, with the places of their hops.
    open: BTreeMap<u64, usize>,
    /// What errors about open probes bring.
    explained: BTreeMap<u64, Vec<Label>>,
    next_seq: u64,
    /// When the next one may leave; `None` before the first.
    due: Option<Instant>,
    rounds: u64,
    /// Since when answers alone are waited for.
    grace_since: Option<Instant>,
    told_at: Option<Instant>,
    names: Names,
    is_paused: bool,
    is_over: bool,
}

impl Measurement {
    /// One that has not begun.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            hosts: Hosts::new(&config),
            config,
            open: BTreeMap::new(),
            explained: BTreeMap::new(),
            next_seq: 1,
            due: None,
            rounds: 0,
            grace_since: None,
            told_at: None,
            names: Names::default(),
            is_paused: false,
            is_over: false,
        }
    }

    /// The hops as they stand at the end: what is under way is lost.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.hosts.rows(&self.names, true)
    }

    fn ask(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        let seq = self.next_seq;
        self.next_seq += 1;
        let (place, is_last) = self.hosts.ask();
        self.rounds += u64::from(is_last);
        let apart = self.config.interval / self.hosts.in_round().max(1);
        self.due = Some(now + apart.max(self.config.path.spacing));
        self.open.insert(seq, place);
        events.push(Event::Sent { place, number: number(seq) });
        let path = &self.config.path;
        let ttl = u8::try_from(place + 1).unwrap_or(u8::MAX);
        Next::Probe(ProbeSpec {
            target: u32::from(ttl),
            seq,
            destination: path.destination,
            timeout: path.timeout,
            patience: PATIENCE,
            control: Control { hop_limit: Some(ttl), ..path.control },
            kind: path.kind(path.protocol, path.flow_of(seq), path.size),
        })
    }

    /// What comes next when all rounds were walked.
    fn wait_for_the_last(&mut self, now: Instant) -> Next {
        let since = *self.grace_since.get_or_insert(now);
        let until = since + self.config.grace;
        if !self.open.is_empty() && now < until {
            return Next::NotBefore(until);
        }
        let names = self.names.waited_for(now);
        names.map_or(Next::Quit, Next::NotBefore)
    }

    /// Tells the hops where they are wanted and it is time; gives when it is time again.
    fn tell(&mut self, now: Instant, events: &mut Events<Event>) -> Instant {
        let Some(every) = self.config.figures else { return Instant::FAR };
        if let Some(due) = self.told_at.map(|told| told + every).filter(|due| *due > now) {
            return due;
        }
        self.told_at = Some(now);
        events.push(Event::Rows(self.hosts.rows(&self.names, false)));
        now + every
    }

    fn answered(&mut self, seq: u64, place: usize, answer: &protocol::Answer) -> Event {
        let labels = self.explained.remove(&seq).unwrap_or_default();
        let refuses = answer.meaning != Meaning::Passed
            && answer.icmp.is_some_and(|kind| !kind.is_port_unreachable());
        let heard = self.hosts.answered(place, answer, labels.clone(), refuses);
        let from = answer.from.address();
        if self.config.path.wants_names {
            self.names.want(from);
        }
        Event::Answered(Box::new(Answered {
            place,
            number: number(seq),
            rtt: answer.rtt,
            from,
            name: self.names.get(from).cloned(),
            is_other: heard.is_other,
            is_new: heard.is_new,
            labels,
        }))
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.is_over {
            return Next::Quit;
        }
        if let Some(address) = self.names.next() {
            return Next::Lookup(address);
        }
        let shown = self.tell(now, events);
        if self.config.rounds.is_some_and(|rounds| self.rounds >= rounds) {
            return match self.wait_for_the_last(now) {
                Next::NotBefore(until) => Next::NotBefore(until.min(shown)),
                other => other,
            };
        }
        let due = if self.is_paused { Instant::FAR } else { self.due.unwrap_or(now) };
        match due.min(shown) {
            Instant::FAR => Next::WhenSettled,
            _ if due <= now => self.ask(now, events),
            until => Next::NotBefore(until),
        }
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        let labels = detail.extensions.objects().filter_map(|object| match object {
            ExtensionObject::Mpls(labels) => Some(labels),
            _ => None,
        });
        let labels = labels.flatten().take(LABELS_KEPT).map(|label| Label {
            label: label.label,
            class: label.tc,
            bottom: label.bottom,
            ttl: label.ttl,
        });
        let labels: Vec<Label> = labels.collect();
        if !labels.is_empty() && self.open.contains_key(&probe.seq) {
            self.explained.insert(probe.seq, labels);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        if let Outcome::LocalError(error) = outcome
            && matches!(error.errno, EPERM | EACCES | EINVAL | EMSGSIZE)
        {
            self.is_over = true;
            return events.push(Event::Refused(*error));
        }
        // None is from before the figures began anew.
        let Some(place) = self.open.remove(&probe.seq) else { return };
        match protocol::answer(probe, outcome) {
            Some(answer) => {
                let event = self.answered(probe.seq, place, &answer);
                events.push(event);
            }
            None => {
                self.explained.remove(&probe.seq);
            }
        }
    }

    fn stray(&mut self, _: &Probe, _: &StrayAnswer, _: &mut Events<Event>) {}

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        _: &mut Events<Event>,
    ) {
        self.names.tell(address, result);
    }

    fn console(&mut self, _: Instant, console: Console, events: &mut Events<Event>) {
        match console {
            Console::Key(Key::Char(QUIT)) => self.is_over = true,
            Console::Key(Key::Char(PAUSE)) => self.is_paused = true,
            Console::Key(Key::Char(RESUME)) => self.is_paused = false,
            Console::Key(Key::Char(RESET)) => {
                self.hosts.reset();
                self.open.clear();
                self.explained.clear();
            }
            _ => {}
        }
        self.told_at = None;
        events.push(Event::Console(console));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.is_over = true;
    }

    fn finish(&mut self, _: Instant, _: &mut Events<Event>) {}
}

/// The number of a probe as it is told.
const fn number(seq: u64) -> u64 {
    FIRST_NUMBER + (seq - 1) % NUMBERS
}

#[cfg(test)]
mod tests;
