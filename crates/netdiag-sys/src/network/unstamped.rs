//! Packets that left and whose send stamp has not come yet.

use super::queue::Trace;
use super::send::Prepared;
use netdiag_engine::port::OperationId;
use netdiag_model::{Destination, Instant};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a send stamp is waited for. It is there when the send returns, unless the packet waits
/// in the queue of an interface or the driver knows no stamps.
pub(super) const PATIENCE: Duration = Duration::from_millis(2);

/// How many are remembered whose stamp was waited for long enough, and may still come.
const LATE_KEPT: usize = 1_024;

/// A stamp this much older than the send it is for belongs to another packet.
const SLACK: Duration = Duration::from_micros(50);

/// One packet without its stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Departed {
    key: u32,
    is_named: bool,
    pub(super) id: OperationId,
    pub(super) to: Destination,
    /// The time read before the send.
    pub(super) user: Instant,
    /// Whether it came to the queue of an interface, where the socket tells.
    pub(super) queued: bool,
    /// Whether the kernel discarded something while it was sent in fragments, of which the first one
    /// alone has a stamp.
    pub(super) lost_a_part: bool,
    /// What the socket's memory told when it was sent, where that matters.
    pub(super) trace: Trace,
}

fn departed(key: u32, is_named: bool, sent: &Prepared<'_>, user: Instant) -> Departed {
    let Prepared { id, to, .. } = *sent;
    let (queued, lost_a_part, trace) = (false, false, Trace::Unseen);
    Departed { key, is_named, id, to, user, queued, lost_a_part, trace }
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Unstamped {
    queue: VecDeque<Departed>,
    /// Those for which the user stamp was told. Only of packets that left under a name: a count
    /// starts again, after which a late stamp could be another packet's.
    late: VecDeque<Departed>,
    next_count: u32,
}

impl Unstamped {
    /// A packet left under the name of its operation.
    pub(super) fn push_named(&mut self, sent: &Prepared<'_>, user: Instant, trace: Trace) {
        self.queue.push_back(Departed { trace, ..departed(sent.id.0, true, sent, user) });
    }

    /// A packet left and the kernel counted it.
    pub(super) fn push_counted(&mut self, sent: &Prepared<'_>, user: Instant) {
        self.queue.push_back(departed(self.next_count, false, sent, user));
        self.next_count = self.next_count.wrapping_add(1);
    }

    /// The kernel counts from 0 again.
    pub(super) const fn restart_count(&mut self) {
        self.next_count = 0;
    }

    /// Takes out the packet that a stamp is for; `None` for a stamp of a packet that was given up too
    /// long ago or that left under another count. `at` is the stamp where it could be converted.
    pub(super) fn take(&mut self, key: u32, at: Option<Instant>) -> Option<Departed> {
        let fits = |departed: &Departed| {
            departed.key == key && at.is_none_or(|at| at + SLACK >= departed.user)
        };
        for queue in [&mut self.queue, &mut self.late] {
            if let Some(index) = queue.iter().position(fits) {
                return queue.remove(index);
            }
        }
        None
    }

    /// A packet came to the queue of an interface.
    pub(super) fn mark_queued(&mut self, key: u32) {
        if let Some(departed) = self.queue.iter_mut().find(|departed| departed.key == key) {
            departed.queued = true;
        }
    }

    /// Whether one may not have come past this machine's firewall.
    pub(super) fn is_any_in_doubt(&self) -> bool {
        self.queue.iter().any(|departed| !departed.queued)
    }

    /// A part of the packet that was sent last was discarded.
    pub(super) fn mark_torn(&mut self) {
        self.queue.back_mut().into_iter().for_each(|departed| departed.lost_a_part = true);
    }

    /// Puts packets back that were taken too early, oldest first.
    pub(super) fn put_back(&mut self, early: Vec<Departed>) {
        early.into_iter().rev().for_each(|departed| self.queue.push_front(departed));
    }

    /// Those that left at `limit` or earlier, oldest first.
    pub(super) fn older(&self, limit: Instant) -> impl Iterator<Item = &Departed> {
        self.queue.iter().take_while(move |departed| departed.user <= limit)
    }

    /// Takes out the oldest packet if it left at `limit` or earlier.
    pub(super) fn take_older(&mut self, limit: Instant) -> Option<Departed> {
        self.queue.front().filter(|oldest| oldest.user <= limit)?;
        self.queue.pop_front()
    }

    /// The user stamp stands for a packet that was taken out, unless its own comes late.
    pub(super) fn remember(&mut self, given_up: Departed) {
        if !given_up.is_named {
            return;
        }
        if self.late.len() == LATE_KEPT {
            self.late.pop_front();
        }
        self.late.push_back(given_up);
    }

    /// When the oldest packet has been waited for long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|oldest| oldest.user + PATIENCE)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether a stamp may still come.
    pub(super) fn may_come(&self) -> bool {
        !(self.queue.is_empty() && self.late.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    const TO: Destination = Destination::V6(Ipv6Addr::LOCALHOST, 0);

    fn sent(id: u32) -> Prepared<'static> {
        Prepared::to_nowhere(OperationId(id), TO)
    }

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn stamps_may_come_in_any_order_and_each_is_used_once() {
        let mut unstamped = Unstamped::default();
        for id in 5..8 {
            unstamped.push_named(&sent(id), at(100), Trace::Unseen);
        }
        assert_eq!(unstamped.take(7, None).map(|departed| departed.id), Some(OperationId(7)));
        assert_eq!(unstamped.take(7, None), None);
        assert_eq!(unstamped.take(5, None).map(|departed| departed.id), Some(OperationId(5)));
        assert_eq!(unstamped.deadline(), Some(at(100) + PATIENCE));
        assert_eq!(unstamped.take_older(at(99)), None);
        assert_eq!(unstamped.take_older(at(100)).map(|departed| departed.id), Some(OperationId(6)));
        assert_eq!(unstamped.deadline(), None);
    }

    #[test]
    fn a_stamp_that_comes_late_is_still_that_packets_if_it_left_under_a_name() {
        let mut unstamped = Unstamped::default();
        unstamped.push_named(&sent(1), at(100), Trace::Unseen);
        unstamped.push_counted(&sent(2), at(100));
        while let Some(departed) = unstamped.take_older(at(100)) {
            unstamped.remember(departed);
        }
        assert!(unstamped.may_come());
        assert_eq!(unstamped.take(0, Some(at(9_000_000))), None);
        let late = unstamped.take(1, Some(at(9_000_000))).expect("remembered");
        assert_eq!((late.id, late.user), (OperationId(1), at(100)));
        assert!(!unstamped.may_come());
    }

    #[test]
    fn those_whose_stamp_never_comes_are_forgotten() {
        let mut unstamped = Unstamped::default();
        for id in 0..3_000 {
            unstamped.push_named(&sent(id), at(100), Trace::Unseen);
            let departed = unstamped.take_older(at(100)).expect("it left");
            unstamped.remember(departed);
        }
        assert_eq!(unstamped.late.len(), LATE_KEPT);
        assert_eq!(unstamped.take(1, None), None);
        assert!(unstamped.take(2_999, None).is_some());
    }

    #[test]
    fn a_stamp_from_before_the_count_was_restarted_is_nobodys() {
        let mut unstamped = Unstamped::default();
        unstamped.push_counted(&sent(1), at(1_000_000));
        assert!(unstamped.take(0, Some(at(1_001_000))).is_some());
        unstamped.restart_count();
        unstamped.push_counted(&sent(2), at(9_000_000));
        assert_eq!(unstamped.take(0, Some(at(1_001_000))), None);
        let departed = unstamped.take(0, Some(at(9_001_000))).expect("the new one");
        assert_eq!(departed.id, OperationId(2));
    }
}
