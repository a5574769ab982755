//! What cycles tell: the figures as they grow, and the paths before this one.

use super::{Epoch, Hop, Mtr, PathChange};
use crate::epoch::Change;
use crate::event::{Event, EventKind, Figures};
use crate::hop::Role;
use crate::{Measurement, letters};
use netdiag_engine::Events;
use netdiag_model::contract::Context;
use netdiag_model::{Instant, milliseconds};
use std::borrow::Cow;
use std::time::Duration;

/// What is done with the figures of all hops takes no longer than this.
const ROOM_FOR_FIGURES: Duration = Duration::from_millis(5);
/// Where there is never so much time they are told after so many times their period.
const LATEST_FIGURES: u32 = 5;

impl Measurement {
    /// An earlier path.
    pub(super) fn epoch(&self, past: &crate::epoch::Epoch, context: &Context) -> Option<Epoch> {
        let change = past.change?;
        let only = self.as_of(past);
        let since = |at: Instant| milliseconds(at.since(context.started_at));
        let began = past.began_at.or(self.started_at).unwrap_or(context.started_at);
        Some(Epoch {
            from_ms: since(began),
            to_ms: since(change.at),
            reached: only.reached_at().is_some(),
            hop_count: only.hop_count(),
            hops: only.path().map(|hop| only.hop_result(hop)).collect(),
            change: self.path_change(&change),
        })
    }

    /// A change of the path, as it is told.
    pub(crate) fn path_change(&self, change: &Change) -> PathChange {
        let role = match change.after.role {
            Role::Router => "router",
            Role::Target => "target",
            Role::Refuses => "refused",
        };
        PathChange {
            ttl: change.ttl,
            before: change.before.map(|met| met.address.address()),
            after: change.after.address.address(),
            after_role: role.to_owned(),
            at_ms: self.started_at.map_or(0.0, |start| milliseconds(change.at.since(start))),
        }
    }

    /// How many probes each hop gets, or got by cycles.
    pub(crate) fn queries(&self) -> u64 {
        match self.rounds {
            Some(_) => self.cycles_done(),
            None => self.config.queries,
        }
    }

    /// The measurement with what is undecided decided, as far as it goes.
    pub(crate) fn concluded(&self) -> Cow<'_, Self> {
        if self.epochs.trial.is_none() {
            return Cow::Borrowed(self);
        }
        let mut concluded = self.clone();
        concluded.merge_trial();
        Cow::Owned(concluded)
    }

    /// Tells the figures of all hops, where they are wanted and it is time: between two probes that
    /// leave time for what is done with them, if there are such. `until`: when the next one is due.
    /// Gives the time at which they are due next.
    pub(crate) fn tell_figures(
        &mut self,
        now: Instant,
        until: Instant,
        events: &mut Events<Event>,
    ) -> Instant {
        let every = self.config.rounds.as_ref().and_then(|rounds| rounds.figures);
        let (Some(every), Some(rounds)) = (every, self.rounds.as_mut()) else {
            return Instant::FAR;
        };
        let due = rounds.told_at.map_or(now, |told| told + every);
        let latest = rounds.told_at.map_or(now, |told| told + every * LATEST_FIGURES);
        let has_room = until > now + ROOM_FOR_FIGURES;
        if now < due || (!has_room && now < latest) {
            return if now < due { due } else { latest };
        }
        rounds.told_at = Some(now);
        let (cycle, paused) = (rounds.cycle, rounds.paused.is_some());
        let shown = self.concluded();
        let hops = shown.path().map(|hop| Hop {
            sent: hop.stats.counters().sent() + hop.open,
            in_flight: hop.open,
            ..shown.hop_result(hop)
        });
        let hops = hops.collect();
        let (reached, epochs) = (shown.reached_at().is_some(), shown.epochs.past.len() as u64);
        let figures = Figures { cycle, paused, reached, epochs, hops };
        events.push(self.event(now, EventKind::Figures(Box::new(figures))));
        now + every
    }
}

impl From<letters::Figures> for Mtr {
    fn from(figures: letters::Figures) -> Self {
        Self {
            mean: milliseconds(figures.mean),
            stddev: milliseconds(figures.stddev),
            gmean: milliseconds(figures.geometric_mean),
            jitter: milliseconds(figures.jitter),
            jitter_mean: milliseconds(figures.jitter_mean),
            jitter_max: milliseconds(figures.jitter_max),
            jitter_interarrival: milliseconds(figures.interarrival),
        }
    }
}
