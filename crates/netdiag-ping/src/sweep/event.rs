//! What the measurement tells while it runs.

use super::config::Config;
use super::fault::rank;
use super::strays::Strays;
use crate::config::Probing;
use crate::event::Settled;
use crate::result::rejected_text;
use netdiag_engine::outcome::ReplyDetail;
use netdiag_engine::port::Change;
use netdiag_engine::{Events, Measurement as _, Outcome, Probe};
use netdiag_model::failure::Failure;
use netdiag_model::target::Target;
use netdiag_model::{Destination, Instant, Untrusted};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something happened to one probe; its `target_index` says to which target it went.
    Probe(crate::Event),
    /// It is known what becomes of a target.
    Row(Row),
    /// Something about this machine changed.
    Changed(Instant, Change),
    /// The figures so far were asked for.
    Interim(Instant, Progress),
    /// Nothing more comes.
    Finished(Instant),
}

/// How far the run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Targets of which it is known what becomes of them.
    pub done: u32,
    /// Those that answered.
    pub alive: u32,
    /// Packets that left.
    pub sent: u64,
}

/// What became of one target.
#[derive(Clone, Debug)]
pub struct Row {
    /// The number of the target.
    pub target: u32,
    /// When it was known.
    pub at: Instant,
    /// What was found.
    pub found: Found,
    /// The name of its address, where it was asked for and known.
    pub name: Option<Box<Untrusted>>,
}

/// What was found of one target.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is what nearly all are")]
pub enum Found {
    /// It was not probed.
    Nothing,
    /// This machine has nothing to probe it with.
    Refused(Arc<Failure>),
    /// One answer was wanted.
    Once {
        /// The earlier probes: when each was sent, and what became of it.
        before: Vec<(Instant, Outcome)>,
        /// The last one; `None` while it is under way, or not sent yet.
        last: Option<Settled>,
        /// Whether another one was under way when the run ended.
        in_flight: bool,
        /// What came beside these.
        strays: Strays,
    },
    /// A series was wanted.
    Series(Box<crate::Measurement>),
}

/// What a target comes to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It answered.
    Alive,
    /// An ICMP error says why it does not.
    Unreachable,
    /// It is there and refuses the connection.
    Refused,
    /// Nothing came in time.
    Timeout,
    /// No probe to it left this machine.
    NotSent,
    /// This machine made every sample meaningless.
    Unknown,
    /// Its name has no address, or it cannot be probed from here.
    Unresolved,
    /// The run ended before it was known.
    Unsettled,
}

impl State {
    /// All of them, best first.
    pub const ALL: [Self; 8] = [
        Self::Alive,
        Self::Unreachable,
        Self::Refused,
        Self::Timeout,
        Self::NotSent,
        Self::Unknown,
        Self::Unresolved,
        Self::Unsettled,
    ];

    /// The word of the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::NotSent => "not sent",
            Self::Unknown => "unknown",
            Self::Unresolved => "unresolved",
            Self::Unsettled => "unsettled",
        }
    }
}

/// The figures of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Probes that left.
    pub sent: u64,
    /// Probes that were answered.
    pub received: u64,
    /// Smallest, mean and largest round trip.
    pub rtt: Option<[Duration; 3]>,
}

/// Probes that came before the one that was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Nothing came in time.
    pub lost: u64,
    /// An error answered.
    pub errors: u64,
    /// They did not leave this machine.
    pub not_sent: u64,
    /// This machine made them meaningless.
    pub unknown: u64,
}

impl Before {
    /// How many there are.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.lost + self.errors + self.not_sent + self.unknown
    }
}

impl Row {
    /// What the target comes to.
    #[must_use]
    pub fn state(&self, target: Target<'_>) -> State {
        match &self.found {
            Found::Nothing if target.destination().is_none() => State::Unresolved,
            Found::Nothing => State::Unsettled,
            Found::Refused(_) => State::NotSent,
            Found::Once { last: Some(last), before, .. } => once_state(&last.outcome, before),
            // What an error said stands, whatever the next probe would have met.
            Found::Once { last: None, before, .. } if is_answered_by_error(before) => {
                State::Unreachable
            }
            Found::Once { last: None, .. } => State::Unsettled,
            Found::Series(series) => series_state(series),
        }
    }

    /// How many probes left, how many came back, and how long they took.
    #[must_use]
    pub fn figures(&self) -> Figures {
        match &self.found {
            Found::Nothing | Found::Refused(_) => Figures { sent: 0, received: 0, rtt: None },
            Found::Once { before, last, in_flight, .. } => {
                let outcomes = before.iter().map(|(_, outcome)| outcome);
                let outcomes = outcomes.chain(last.as_ref().map(|last| &last.outcome));
                let left = outcomes.filter(|o| !matches!(o, Outcome::LocalError(_))).count() as u64;
                let rtt = match last.as_ref().map(|last| &last.outcome) {
                    Some(Outcome::Replied(reply)) => Some([reply.rtt; 3]),
                    _ => None,
                };
                Figures {
                    sent: left + u64::from(*in_flight),
                    received: u64::from(rtt.is_some()),
                    rtt,
                }
            }
            Found::Series(series) => {
                let (counters, rtt) = (series.stats().counters(), series.stats().rtt());
                let rtt = rtt.min().zip(rtt.mean()).zip(rtt.max());
                Figures {
                    sent: counters.sent(),
                    received: counters.received(),
                    rtt: rtt.map(|((min, mean), max)| [min, mean, max]),
                }
            }
        }
    }

    /// How many answers came after their timeout, and the largest round trip of these.
    #[must_use]
    pub fn late(&self) -> Option<(u64, Duration)> {
        match &self.found {
            Found::Once { strays, .. } => strays.late(),
            Found::Series(series) => {
                let late = series.stats().counters().late();
                series.tally.largest_late.filter(|_| late > 0).map(|largest| (late, largest))
            }
            Found::Nothing | Found::Refused(_) => None,
        }
    }

    /// What came and was no answer, in words; `None` if nothing did.
    #[must_use]
    pub fn rejected(&self) -> Option<String> {
        match &self.found {
            Found::Once { strays, .. } => rejected_text(&strays.rejected()),
            Found::Series(series) => series.rejected_text(),
            Found::Nothing | Found::Refused(_) => None,
        }
    }

    /// Whether the answer to a UDP probe says that somebody listens at its port; `None`: it says nothing
    /// of one.
    #[must_use]
    pub fn is_port_open(&self) -> Option<bool> {
        let last = match &self.found {
            Found::Once { last: Some(last), .. } => last,
            Found::Series(series) => return (series.tally.port_unreachable > 0).then_some(false),
            _ => return None,
        };
        let Outcome::Replied(reply) = &last.outcome else { return None };
        match reply.detail {
            ReplyDetail::PortUnreachable => Some(false),
            ReplyDetail::Datagram { .. } => Some(true),
            _ => None,
        }
    }

    /// How many probes came before the one that was answered, and what became of them.
    #[must_use]
    pub fn before(&self) -> Before {
        let mut all = Before::default();
        if let Found::Once { before, .. } = &self.found {
            for (_, outcome) in before {
                *match outcome {
                    Outcome::TimedOut | Outcome::Replied(_) => &mut all.lost,
                    Outcome::NetError(_) | Outcome::Refused(_) => &mut all.errors,
                    Outcome::LocalError(_) => &mut all.not_sent,
                    Outcome::Unknown(_) => &mut all.unknown,
                } += 1;
            }
        }
        all
    }

    /// The series, as if it had been wanted from the start; `None` of a target that could not be probed.
    #[must_use]
    pub fn series(&self, config: &Config, target: Target<'_>) -> Option<crate::Measurement> {
        let destination = target.destination()?;
        let target_index = usize::try_from(self.target).unwrap_or(usize::MAX);
        let probing = Probing { tells_probes: false, ..config.probing(destination.family()) };
        let probing = Arc::new(probing);
        let mut series =
            crate::Measurement::new(crate::Config { target_index, destination, probing });
        match &self.found {
            Found::Series(series) => return Some((**series).clone()),
            Found::Refused(_) => return None,
            Found::Nothing => {}
            Found::Once { before, last, in_flight, strays } => {
                let last = last.as_ref().map(|last| (last.sent_at, &last.outcome));
                let before = before.iter().map(|(sent_at, outcome)| (*sent_at, outcome));
                let mut events = Events::new();
                let mut seq = 0;
                for (sent_at, outcome) in before.chain(last) {
                    seq += 1;
                    let probe = probe_of(seq, sent_at, destination);
                    if !matches!(outcome, Outcome::LocalError(_)) {
                        series.sent(&probe, &mut events);
                    }
                    series.settle(&probe, outcome, &mut events);
                }
                if *in_flight {
                    series.sent(&probe_of(seq + 1, self.at, destination), &mut events);
                }
                for (seq, stray) in strays.iter() {
                    series.stray(&probe_of(seq, self.at, destination), stray, &mut events);
                }
                series.finish(self.at, &mut events);
            }
        }
        Some(series)
    }
}

const fn probe_of(seq: u64, sent_at: Instant, destination: Destination) -> Probe {
    Probe { target: 0, seq, destination, sent_at }
}

fn is_answered_by_error(before: &[(Instant, Outcome)]) -> bool {
    before.iter().any(|(_, outcome)| matches!(outcome, Outcome::NetError(_)))
}

fn once_state(last: &Outcome, before: &[(Instant, Outcome)]) -> State {
    let all = before.iter().map(|(_, outcome)| outcome).chain([last]);
    match all.min_by_key(|outcome| rank(outcome)).unwrap_or(last) {
        Outcome::Replied(_) => State::Alive,
        Outcome::Refused(_) => State::Refused,
        Outcome::NetError(_) => State::Unreachable,
        Outcome::TimedOut => State::Timeout,
        Outcome::Unknown(_) => State::Unknown,
        Outcome::LocalError(_) => State::NotSent,
    }
}

pub(super) fn series_state(series: &crate::Measurement) -> State {
    let counters = series.stats().counters();
    if counters.received() > 0 {
        State::Alive
    } else if series.tally.refused > 0 {
        State::Refused
    } else if counters.net_errors() > 0 {
        State::Unreachable
    } else if counters.lost() > 0 {
        State::Timeout
    } else if counters.unknown() > 0 {
        State::Unknown
    } else if counters.local_errors() > 0 {
        State::NotSent
    } else {
        State::Unsettled
    }
}
