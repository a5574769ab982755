//! Outages as they are told.

use crate::event::{Cause, Event, EventKind, Outage};
use netdiag_engine::stats::{self, OutageChange};
use netdiag_model::Instant;

pub(crate) fn outage_event(target_index: usize, change: OutageChange<Cause>) -> Event {
    match change {
        OutageChange::Begin { first_seq, started_at_ns, cause } => Event {
            target_index,
            at: Instant::from_nanos(started_at_ns),
            kind: EventKind::OutageBegan { first_seq, cause },
        },
        OutageChange::End(outage) => {
            let outage = outage_of(&outage);
            let at = outage.started_at + outage.length;
            Event { target_index, at, kind: EventKind::OutageEnded(outage) }
        }
    }
}

pub(crate) fn outage_of(outage: &stats::Outage<Cause>) -> Outage {
    Outage {
        first_seq: outage.first_seq,
        started_at: Instant::from_nanos(outage.started_at_ns),
        length: outage.duration(),
        lost: outage.lost,
        local_errors: outage.local_errors,
        cause: outage.cause,
        ongoing: outage.ongoing,
    }
}
