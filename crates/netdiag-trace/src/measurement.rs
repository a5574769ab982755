//! The path to one target: what is known of it.

mod policy;
mod sizes;
mod take;

use crate::config::Config;
use crate::end::End;
use crate::epoch::Epochs;
use crate::event::{Event, EventKind};
use crate::farther::Streak;
use crate::findings::Senders;
use crate::hop::Hop;
use crate::multipath::Multipath;
use crate::neighbour::Neighbourless;
use crate::protocol::State;
use crate::responder::Told;
use crate::rounds::Rounds;
use crate::second::Second;
use crate::tally::Tally;
use netdiag_engine::names::Names;
use netdiag_engine::outcome::Segment;
use netdiag_model::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// The path to one target, and what came of it.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub(crate) config: Config,
    /// From the first hop that is asked to the last that may be.
    pub(crate) hops: Vec<Hop>,
    /// Probes that have not settled.
    pub(crate) open: BTreeMap<u64, Flight>,
    /// Those that have, the last of them, for what still comes.
    settled: BTreeMap<u64, Past>,
    next_seq: u64,
    pub(crate) end: Option<End>,
    /// What the target said.
    pub(crate) state: Option<State>,
    /// With which segment, and when it last did.
    pub(crate) segment: Option<Segment>,
    pub(crate) answered_at: Option<Instant>,
    /// How many SYN-ACKs offered a smaller MSS than we did, and which.
    pub(crate) low_mss: Option<(u16, u64)>,
    /// From how far away its segments came.
    pub(crate) senders: Senders,
    /// What this machine says of a neighbour that it did not find.
    pub(crate) neighbourless: Option<Neighbourless>,
    /// Its end is that.
    pub(crate) ends_here: bool,
    /// Who seemed to answer for the target passes packets of another kind on.
    pub(crate) is_answered_by_filter: bool,
    pub(crate) names: Names,
    pub(crate) tally: Tally,
    /// The last hop that was told of.
    pub(crate) told: u8,
    /// What errors about open probes bring.
    explained: BTreeMap<u64, Told>,
    /// Answers that said too little to tell which of the open probes they are about.
    pub(crate) ambiguous: u64,
    /// The longest that any of the target's own ones can have taken.
    pub(crate) ambiguous_rtt: Option<Duration>,
    pub(crate) started_at: Option<Instant>,
    pub(crate) last_at: Option<Instant>,
    pub(crate) last_asked: Option<Instant>,
    /// When a farther hop than before last answered.
    pub(crate) progress_at: Option<Instant>,
    /// How far the cycles are, where there are any.
    pub(crate) rounds: Option<Rounds>,
    /// Data bytes of the next probe.
    pub(crate) size: u16,
    /// Who called probes too big for which MTU.
    pub(crate) too_big: BTreeSet<(IpAddr, u32)>,
    /// The hop that is to be asked whether the last one of them is true, and with so many data bytes.
    pub(crate) check: Option<(u8, u16)>,
    /// The first that is not: who said so, of which MTU, and the hop that a larger packet came to.
    pub(crate) contradicted: Option<(IpAddr, u32, u8)>,
    /// How far the search for all paths is, where there is one.
    pub(crate) multipath: Option<Multipath>,
    /// What another kind of probe met where the path seems to stop.
    pub(crate) second: Option<Second>,
    /// The paths before this one.
    pub(crate) epochs: Epochs,
    /// What was lost in a row where the target was.
    pub(crate) streak: Option<Streak>,
    stopped: bool,
    pub(crate) complete: bool,
}

/// A probe under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) ttl: u8,
    /// Its number in its hop, on its path.
    pub(crate) query: u64,
    /// Its number in its hop, or the cycle that it belongs to, as others are told.
    pub(crate) number: u64,
    /// The path that it was sent on.
    pub(crate) epoch: u64,
    /// What routers balance by: probes with one number go one way.
    pub(crate) flow: u64,
    /// Its data bytes.
    pub(crate) size: u16,
    /// It is larger than a router says that it lets pass.
    pub(crate) is_check: bool,
    pub(crate) asked_at: Instant,
    /// `None` until it is known to have left, or to have begun as a connection: it may wait in a queue, or
    /// for a descriptor.
    pub(crate) sent_at: Option<Instant>,
}

/// A probe that has settled.
#[derive(Clone, Copy, Debug)]
struct Past {
    ttl: u8,
    number: u64,
    epoch: u64,
    flow: u64,
    size: u16,
    /// An answer of it has come, in time or late.
    answered: bool,
}

impl Measurement {
    /// A trace that has not begun; it begins when it is first asked what comes next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let wanted = if config.rounds.is_some() { u64::MAX } else { config.queries };
        let hops = (config.first_ttl..=config.max_ttl).map(|ttl| Hop::new(ttl, wanted));
        Self {
            hops: hops.collect(),
            rounds: config.rounds.is_some().then(|| Rounds::new(config.first_ttl - 1)),
            size: config.size,
            too_big: BTreeSet::new(),
            check: None,
            contradicted: None,
            multipath: config.multipath.map(Multipath::new),
            second: None,
            epochs: Epochs::default(),
            streak: None,
            config,
            open: BTreeMap::new(),
            settled: BTreeMap::new(),
            next_seq: 1,
            end: None,
            state: None,
            segment: None,
            answered_at: None,
            low_mss: None,
            senders: Senders::default(),
            neighbourless: None,
            ends_here: false,
            is_answered_by_filter: false,
            names: Names::default(),
            tally: Tally::default(),
            told: 0,
            explained: BTreeMap::new(),
            ambiguous: 0,
            ambiguous_rtt: None,
            started_at: None,
            last_at: None,
            last_asked: None,
            progress_at: None,
            stopped: false,
            complete: false,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many round trips were taken with this process's clock instead of the kernel's.
    #[must_use]
    pub const fn user_stamps(&self) -> u64 {
        self.tally.user_stamps
    }

    /// From the first send to the last thing that happened.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        Some(self.last_at?.since(self.started_at?))
    }

    pub(crate) fn event(&self, at: Instant, kind: EventKind) -> Event {
        Event { target_index: self.config.target_index, at, kind }
    }

    pub(crate) fn hop(&self, ttl: u8) -> Option<&Hop> {
        self.hops.get(usize::from(ttl.checked_sub(self.config.first_ttl)?))
    }

    fn hop_mut(&mut self, ttl: u8) -> Option<&mut Hop> {
        self.hops.get_mut(usize::from(ttl.checked_sub(self.config.first_ttl)?))
    }
}
