//! Rows that wait for the names of their addresses, which are looked up where no probe is due.

use super::event::{Event, Row};
use super::totals::Totals;
use netdiag_engine::Events;
use netdiag_engine::names::{Name, Names};
use netdiag_model::Instant;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// So long a row waits for its name, and for those before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The rows that wait, and what is known of names.
#[derive(Debug, Default)]
pub(super) struct Naming {
    pub(super) names: Names,
    /// In the order in which they settled.
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    address: IpAddr,
    until: Instant,
    row: Row,
}

/// Addresses whose names nobody knows, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nameless {
    /// There was no time to ask.
    pub unasked: u64,
    /// No answer came in time.
    pub late: u64,
    /// They could not be looked up.
    pub failed: u64,
}

impl Nameless {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.unasked + self.late + self.failed
    }
}

impl Naming {
    /// A row that is told when the name of its address is known, or has been waited for.
    pub(super) fn hold(&mut self, address: IpAddr, row: Row) {
        self.names.want(address);
        self.held.push_back(Held { address, until: row.at + PATIENCE, row });
    }

    /// Tells the rows that need not wait any more; returns the next address to look up.
    pub(super) fn next(
        &mut self,
        now: Instant,
        totals: &mut Totals,
        events: &mut Events<Event>,
    ) -> Option<IpAddr> {
        while let Some(first) = self.held.front()
            && (first.until <= now || !self.names.is_missing(first.address))
        {
            self.tell_first(totals, events);
        }
        self.names.next()
    }

    /// When the row that has waited longest is told.
    pub(super) fn due(&self) -> Instant {
        self.held.front().map_or(Instant::FAR, |first| first.until)
    }

    /// Until when rows wait, now that there is nothing else to do.
    pub(super) fn waited_for(&mut self, now: Instant) -> Option<Instant> {
        let all = self.names.waited_for(now).filter(|_| !self.held.is_empty())?;
        Some(all.min(self.due()))
    }

    /// The run is over: tells all rows.
    pub(super) fn end(&mut self, totals: &mut Totals, events: &mut Events<Event>) {
        while !self.held.is_empty() {
            self.tell_first(totals, events);
        }
    }

    fn tell_first(&mut self, totals: &mut Totals, events: &mut Events<Event>) {
        let Some(Held { address, mut row, .. }) = self.held.pop_front() else { return };
        let nameless = &mut totals.nameless;
        match self.names.forget(address) {
            Some(Name::Known(name)) => row.name = name.map(Box::new),
            Some(Name::Wanted) => nameless.unasked += 1,
            Some(Name::Asked) => nameless.late += 1,
            Some(Name::Unknown) => nameless.failed += 1,
            None => {}
        }
        events.push(Event::Row(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::Found;
    use netdiag_model::Untrusted;

    const T0: Instant = Instant::from_nanos(1_000_000_000);

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    /// The rows told by then, with their names.
    fn told(naming: &mut Naming, totals: &mut Totals, now: Instant) -> Vec<(u32, Option<String>)> {
        let mut events = Events::new();
        while naming.next(now, totals, &mut events).is_some() {}
        let rows = std::iter::from_fn(|| events.pop()).map(|event| match event {
            Event::Row(row) => (row.target, row.name.map(|name| name.as_raw().to_owned())),
            other => panic!("{other:?}"),
        });
        rows.collect()
    }

    #[test]
    fn rows_wait_a_second_for_their_names_and_keep_their_order() {
        let (mut naming, mut totals) = (Naming::default(), Totals::default());
        for target in 0..4 {
            let at = T0 + Duration::from_millis(100) * target;
            let row = Row { target, at, found: Found::Nothing, name: None };
            naming.hold(address(target as u8), row);
        }
        assert_eq!(told(&mut naming, &mut totals, T0), []);
        naming.names.tell(address(1), &Ok(Some(Untrusted::from("one.example"))));
        naming.names.tell(address(2), &Ok(None));
        assert_eq!(told(&mut naming, &mut totals, T0), [], "the first waits");
        assert_eq!(naming.due(), T0 + PATIENCE);
        let rows = told(&mut naming, &mut totals, T0 + PATIENCE);
        assert_eq!(rows, [(0, None), (1, Some("one.example".to_owned())), (2, None)]);
        let now = T0 + PATIENCE;
        assert_eq!(naming.waited_for(now), Some(T0 + PATIENCE + Duration::from_millis(300)));
        let mut events = Events::new();
        naming.end(&mut totals, &mut events);
        assert!(events.pop().is_some() && events.pop().is_none());
        assert_eq!((naming.due(), naming.waited_for(now)), (Instant::FAR, None));
        assert_eq!(totals.nameless, Nameless { unasked: 0, late: 2, failed: 0 });
    }
}
