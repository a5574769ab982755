//! How many probes went where.

use super::Loss;
use std::fmt;

/// The counters of one target or one hop.
///
/// A probe is attempted, then in flight or a local error, then settled once. Each method is one such
/// step, so these hold after every call:
///
/// - `attempted = sent + local_errors`
/// - `sent = received + lost + net_errors + unknown + in_flight`
/// - `late <= lost + net_errors + unknown`, when every late reply is reported once
///
/// Duplicate, late, reordered and corrupted replies are counted beside these and change none of
/// them: a duplicate is not received twice, and a late reply leaves its probe lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    attempted: u64,
    sent: u64,
    received: u64,
    lost: u64,
    late: u64,
    net_errors: u64,
    local_errors: u64,
    unknown: u64,
    in_flight: u64,
    duplicates: u64,
    reordered: u64,
    corrupted: u64,
}

/// Writes one reading method for each counter.
macro_rules! readers {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        $($(#[$doc])+ #[must_use] pub const fn $name(&self) -> u64 { self.$name })+
    };
}

impl Counters {
    readers! {
        /// Probes that were handed to the system, with or without success.
        attempted,
        /// Probes that left.
        sent,
        /// Probes answered in time.
        received,
        /// Probes without an answer in time.
        lost,
        /// Replies that came after their probe had been settled without one.
        late,
        /// Probes answered by an error from the network.
        net_errors,
        /// Probes that never left.
        local_errors,
        /// Probes made meaningless by a clock or interface event.
        unknown,
        /// Probes sent and not yet settled.
        in_flight,
        /// Further replies to a probe already answered.
        duplicates,
        /// Replies that came behind a reply to a later probe.
        reordered,
        /// Replies whose content is not what was sent.
        corrupted,
    }

    /// Nothing has happened.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            attempted: 0,
            sent: 0,
            received: 0,
            lost: 0,
            late: 0,
            net_errors: 0,
            local_errors: 0,
            unknown: 0,
            in_flight: 0,
            duplicates: 0,
            reordered: 0,
            corrupted: 0,
        }
    }

    /// So many probes were answered, and so many are in flight.
    pub(super) const fn plain(received: u64, lost: u64, in_flight: u64) -> Self {
        let sent = received + lost + in_flight;
        Self { attempted: sent, sent, received, lost, in_flight, ..Self::new() }
    }

    /// A probe left: it is in flight.
    pub fn on_attempt_sent(&mut self) {
        self.attempted += 1;
        self.sent += 1;
        self.in_flight += 1;
    }

    /// A probe could not be sent.
    pub fn on_local_error(&mut self) {
        self.attempted += 1;
        self.local_errors += 1;
    }

    /// A probe in flight was answered in time.
    ///
    /// # Panics
    /// When no probe is in flight; so do the other methods that settle one.
    pub fn on_reply(&mut self) {
        self.land();
        self.received += 1;
    }

    /// The time of a probe in flight ran out.
    ///
    /// # Panics
    /// When no probe is in flight.
    pub fn on_timeout(&mut self) {
        self.land();
        self.lost += 1;
    }

    /// A probe in flight was answered by an error from the network.
    ///
    /// # Panics
    /// When no probe is in flight.
    pub fn on_net_error(&mut self) {
        self.land();
        self.net_errors += 1;
    }

    /// A probe in flight became meaningless.
    ///
    /// # Panics
    /// When no probe is in flight.
    pub fn on_unknown(&mut self) {
        self.land();
        self.unknown += 1;
    }

    /// The first reply to a probe that was settled without one; a second is a duplicate.
    pub fn on_late(&mut self) {
        self.late += 1;
    }

    /// A further reply to an answered probe.
    pub fn on_duplicate(&mut self) {
        self.duplicates += 1;
    }

    /// A reply came out of order; it is counted by [`on_reply`](Self::on_reply) as well.
    pub fn on_reordered(&mut self) {
        self.reordered += 1;
    }

    /// A reply had wrong content. Whether it is an answer all the same is for the caller to say, by
    /// [`on_reply`](Self::on_reply).
    pub fn on_corrupted(&mut self) {
        self.corrupted += 1;
    }

    /// Round-trip loss: no reply in time, whatever the reason (RFC 6673 section 4). Probes in flight
    /// and unknown ones are left out; `None` when no other was sent.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        Loss::new(self.lost + self.net_errors, self.sent - self.unknown - self.in_flight)
    }

    /// Adds the sums up again.
    ///
    /// # Errors
    /// The first sum that does not hold, with the counters.
    pub fn check(&self) -> Result<(), CounterFault> {
        let settled = self.received + self.lost + self.net_errors + self.unknown;
        if self.attempted != self.sent + self.local_errors {
            return Err(CounterFault::Attempted(*self));
        }
        if self.sent != settled + self.in_flight {
            return Err(CounterFault::Sent(*self));
        }
        if self.late > settled - self.received {
            return Err(CounterFault::Late(*self));
        }
        Ok(())
    }

    /// Takes a probe out of flight.
    fn land(&mut self) {
        self.in_flight = self.in_flight.checked_sub(1).expect("only a probe in flight is settled");
    }
}

/// A sum over [`Counters`] that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterFault {
    /// `attempted` is not `sent + local_errors`.
    Attempted(Counters),
    /// `sent` is not `received + lost + net_errors + unknown + in_flight`.
    Sent(Counters),
    /// More late replies than probes without a reply in time.
    Late(Counters),
}

impl fmt::Display for CounterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempted(c) => write!(f, "attempted is not sent + local errors: {c:?}"),
            Self::Sent(c) => write!(f, "sent is not the sum of the outcomes: {c:?}"),
            Self::Late(c) => write!(f, "more late replies than unanswered probes: {c:?}"),
        }
    }
}

impl std::error::Error for CounterFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_counts_net_errors_and_leaves_out_unknown_and_in_flight() {
        let mut c = Counters::new();
        for _ in 0..10 {
            c.on_attempt_sent();
        }
        c.on_local_error();
        for _ in 0..4 {
            c.on_reply();
        }
        c.on_timeout();
        c.on_net_error();
        c.on_unknown();
        // 10 sent = 4 received + 1 lost + 1 net error + 1 unknown + 3 in flight; (1+1)/(10-1-3).
        assert_eq!((c.attempted(), c.sent(), c.in_flight()), (11, 10, 3));
        assert_eq!(c.loss(), Loss::new(2, 6));
        assert_eq!(c.check(), Ok(()));
    }

    #[test]
    fn late_and_duplicate_replies_change_no_loss() {
        let mut c = Counters::new();
        c.on_attempt_sent();
        c.on_timeout();
        c.on_late();
        c.on_duplicate();
        c.on_reordered();
        c.on_corrupted();
        assert_eq!(c.loss(), Loss::new(1, 1));
        assert_eq!((c.received(), c.late(), c.duplicates()), (0, 1, 1));
        assert_eq!(c.check(), Ok(()));
    }

    #[test]
    fn there_is_no_loss_before_a_probe_is_settled() {
        let mut c = Counters::new();
        assert_eq!(c.loss(), None);
        c.on_attempt_sent();
        assert_eq!(c.loss(), None);
        c.on_unknown();
        assert_eq!(c.loss(), None);
        c.on_local_error();
        assert_eq!(c.loss(), None);
    }

    #[test]
    #[should_panic(expected = "only a probe in flight is settled")]
    fn a_probe_that_was_not_sent_is_not_settled() {
        Counters::new().on_reply();
    }

    #[test]
    fn each_broken_sum_is_named() {
        let attempted = Counters { attempted: 1, ..Counters::new() };
        let sent = Counters { attempted: 1, sent: 1, ..Counters::new() };
        let late = Counters { late: 1, ..Counters::new() };
        assert_eq!(attempted.check(), Err(CounterFault::Attempted(attempted)));
        assert_eq!(sent.check(), Err(CounterFault::Sent(sent)));
        assert_eq!(late.check(), Err(CounterFault::Late(late)));
    }
}
