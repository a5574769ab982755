//! Policy: whom to ask next, and what an answer means.

mod cookies;
mod flows;
mod https;
mod judge;
mod line;
mod lines;
mod pair;
mod policy;
mod quic;
mod seat;
#[cfg(test)]
pub(crate) mod tests;
mod three;

use crate::config::{Choice, Config};
use crate::event::{Event, EventKind};
use crate::tsig::Signed;
pub(crate) use judge::{blank, class_of};
use line::Lines;
use netdiag_engine::Events;
use netdiag_model::Instant;
pub(crate) use pair::Pair;
use seat::Seat;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// So many queries are under way at once: no server is asked for more in one go.
const WINDOW: usize = 100;
/// So many that ended are remembered, for what comes later.
const REMEMBERED: usize = 2 * WINDOW;

/// Asks questions.
#[derive(Debug)]
pub struct Measurement {
    pub(crate) config: Arc<Config>,
    /// A question and a server each.
    pub(crate) pairs: Vec<Pair>,
    seats: Vec<Seat>,
    /// When a seat is to ask.
    due: BTreeSet<(Instant, usize)>,
    /// What is asked again at once, over TCP or with a cookie.
    again: VecDeque<Pending>,
    pending: BTreeMap<u64, Pending>,
    /// Connections that queries go over.
    lines: Lines,
    /// Cookies of servers.
    cookies: Vec<Vec<u8>>,
    /// The number of the next probe.
    probes: u64,
    /// When anything was sent last.
    sent_at: Option<Instant>,
    started_at: Option<Instant>,
    /// When it ends whatever is under way, where an earlier one began that time.
    until: Option<Instant>,
    /// Where servers disagreed they were asked once more.
    asked_twice: bool,
    is_stopped: bool,
    /// The last queries that ended: their probes, and their numbers in their pairs.
    ended: VecDeque<(u64, u64)>,
    /// Datagrams that answered no question of ours.
    pub(crate) unmatched: u64,
}

/// One query under way.
#[derive(Clone, Debug)]
struct Pending {
    seat: usize,
    server: usize,
    /// Its number in its pair.
    number: u64,
    /// The number in its header.
    id: u16,
    stage: Stage,
    sent_at: Option<Instant>,
    /// When it was said over a connection that others go over, too.
    said_at: Option<Instant>,
    /// It went over one that was open.
    reused: bool,
    /// It counts as sent by now.
    is_counted: bool,
    /// How an answer that was not the last word is told, if nothing better comes.
    partial: Option<Arc<crate::event::Settled>>,
    with_cookie: bool,
    tries: u32,
    /// By what its answer is judged, where it was signed.
    signed: Option<Box<Signed>>,
}

/// What carries a query, and after what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Udp,
    Tcp,
    /// The answer over UDP was cut.
    TcpAfterUdp,
    /// A connection that others go over, too.
    Line,
    /// The same by HTTP.
    Https,
    /// The same by QUIC.
    Quic,
    /// The same by HTTP over that.
    Https3,
}

impl Stage {
    const fn is_line(self) -> bool {
        matches!(self, Self::Line | Self::Https | Self::Quic | Self::Https3)
    }
}

impl Pending {
    /// By what its answer is known over a connection.
    const fn mark(&self, seq: u64) -> line::Mark {
        match self.stage {
            Stage::Https | Stage::Quic | Stage::Https3 => line::Mark::Request(seq),
            _ => line::Mark::Id(self.id),
        }
    }
}

impl Measurement {
    /// A measurement that has asked nothing yet.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let servers = config.servers.len();
        let seats: Vec<Seat> = (0..config.targets.len())
            .flat_map(|target| match config.choice {
                Choice::Each => {
                    (0..servers).map(|server| Seat::new(target, server..server + 1)).collect()
                }
                Choice::FirstThatAnswers => vec![Seat::new(target, 0..servers)],
            })
            .filter(|seat: &Seat| !seat.servers.is_empty())
            .collect();
        Self {
            pairs: (0..config.pairs()).map(|_| Pair::default()).collect(),
            due: (0..seats.len()).map(|seat| (Instant::ZERO, seat)).collect(),
            seats,
            again: VecDeque::new(),
            pending: BTreeMap::new(),
            lines: Lines::default(),
            cookies: vec![Vec::new(); servers],
            config,
            probes: 0,
            sent_at: None,
            started_at: None,
            until: None,
            asked_twice: false,
            is_stopped: false,
            ended: VecDeque::new(),
            unmatched: 0,
        }
    }

    /// The same after others: its queries go on with the numbers behind `probes`, and end by then.
    pub(crate) fn after(config: Arc<Config>, probes: u64, deadline: Option<Instant>) -> Self {
        let mut measurement = Self::new(config);
        measurement.probes = probes;
        measurement.until = deadline;
        measurement
    }

    pub(crate) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// How many queries were made.
    pub(crate) const fn probes(&self) -> u64 {
        self.probes
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Whether all that was to be asked was asked, and has ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.due.is_empty() && self.again.is_empty() && self.pending.is_empty()
    }

    fn tell(at: Instant, kind: EventKind, events: &mut Events<Event>) {
        events.push(Event { at, kind });
    }
}
