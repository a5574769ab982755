//! What a lane hears while nothing of it is under way.

use super::attempt::{Attempt, Prepared};
use super::kind::Conclusion;
use super::{Ended, Lane, Planner, Supervisor, Turn};
use crate::commands::ending::End;
use netdiag_engine::outcome::{Outcome, Stray};
use netdiag_engine::port::{Change, InterfaceChange, InterfaceEvent};
use netdiag_engine::{Events, Measurement, Next, Probe, WayOut};
use netdiag_model::Instant;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

/// An attempt that ends at once, and whose way out every change takes away.
struct Short;

impl Measurement for Short {
    type Event = Infallible;

    fn next(&mut self, _: Instant, _: &mut Events<Infallible>) -> Next {
        Next::Done
    }

    fn settle(&mut self, _: &Probe, _: &Outcome, _: &mut Events<Infallible>) {}

    fn stray(&mut self, _: &Probe, _: &Stray, _: &mut Events<Infallible>) {}

    fn changed(&mut self, _: Instant, _: &Change, _: &mut Events<Infallible>) -> WayOut {
        WayOut::Lost
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Infallible>) {}

    fn finish(&mut self, _: Instant, _: &mut Events<Infallible>) {}
}

impl Attempt for Short {
    fn conclude(self: Box<Self>, _: End) -> Conclusion {
        Conclusion::unplanned(String::new())
    }
}

impl Prepared for Short {
    fn begin(&self) -> Option<Box<dyn Attempt>> {
        Some(Box::new(Self))
    }

    fn unsent(&self, _: End) -> Conclusion {
        Conclusion::unplanned(String::new())
    }
}

/// One attempt, and then a pause.
#[derive(Default)]
struct Pausing {
    ended: u32,
}

impl Supervisor for Pausing {
    const ADDRESSES_LAST: Duration = Duration::ZERO;

    fn turn(&mut self, _: usize, _: Instant, _: usize, is_planned: bool) -> Turn {
        match is_planned && self.ended == 0 {
            true => Turn::Begin(Instant::FAR),
            false => Turn::Wait(Instant::FAR),
        }
    }

    fn is_settled(&self, _: usize, _: Instant) -> bool {
        false
    }

    fn concluded(&mut self, _: usize, _: Conclusion, _: Ended) {
        self.ended += 1;
    }

    fn stop(&mut self, _: Instant) {}
}

#[test]
fn what_changes_between_two_attempts_is_heard() {
    let planner = Rc::new(RefCell::new(Planner::new(Vec::new())));
    let supervisor = Rc::new(RefCell::new(Pausing::default()));
    let plan: Option<Rc<dyn Prepared>> = Some(Rc::new(Short));
    let mut lane = Lane::new(0, plan, &planner, &supervisor, Instant::ZERO);
    let mut events = Events::new();
    assert_eq!(lane.next(Instant::ZERO, &mut events), Next::AfterAnother(Instant::FAR));
    assert_eq!(supervisor.borrow().ended, 1, "it is between two attempts");
    let change = Change::Interface(InterfaceChange {
        index: 1,
        name: None,
        what: InterfaceEvent::NoCarrier,
    });
    assert_eq!(lane.changed(Instant::ZERO, &change, &mut events), WayOut::Lost);
}
