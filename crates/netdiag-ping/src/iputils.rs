//! The rules of iputils' ping: what counts as an answer, and how long it stays after the last probe.

use crate::Measurement;
use crate::config::Manner;
use netdiag_engine::outcome::Reason;
use netdiag_engine::{Next, Outcome, Stray};
use netdiag_model::Instant;
use std::time::Duration;

/// How often the name is asked about while the first probe waits for it.
pub(crate) const NAME_TICK: Duration = Duration::from_millis(2);

/// What has come, counted by these rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    answered: u64,
    errors: u64,
    largest: Duration,
    leaves_at: Option<Instant>,
    pub(crate) name_came: bool,
}

impl Series {
    pub(crate) fn on_settled(&mut self, outcome: &Outcome, manner: &Manner) {
        match outcome {
            Outcome::Replied(reply) => self.on_answer(reply.rtt),
            Outcome::NetError(_) => self.errors += 1,
            Outcome::LocalError(error) if error.mtu.is_some() => {
                let counts = matches!(manner, Manner::Iputils { counts_too_large: true, .. });
                self.errors += u64::from(counts);
            }
            _ => {}
        }
    }

    pub(crate) fn on_stray(&mut self, stray: &Stray) {
        match stray {
            Stray::Late(reply) => self.on_answer(reply.rtt),
            Stray::Further(reply) => self.largest = self.largest.max(reply.rtt),
            Stray::LateError(_) => self.errors += 1,
            // iputils believes every "too big".
            Stray::Rejected(rejection) if rejection.reason == Reason::ImplausibleMtu => {
                self.errors += 1;
            }
            _ => {}
        }
    }

    fn on_answer(&mut self, rtt: Duration) {
        self.answered += 1;
        self.largest = self.largest.max(rtt);
    }
}

impl Measurement {
    /// What these rules say, where they say anything but "the next probe when it is due".
    pub(crate) fn next_of_iputils(&mut self, now: Instant, started: Instant) -> Option<Next> {
        let Manner::Iputils { linger, .. } = self.config.manner else { return None };
        let drive = self.drive.get_or_insert_default();
        if self.config.wants_name && !drive.iputils.name_came {
            return Some(Next::NotBefore(now + NAME_TICK));
        }
        let Series { answered, errors, .. } = drive.iputils;
        let count = self.config.count.unwrap_or(u64::MAX);
        let deadline = self.config.deadline;
        let is_over = deadline.is_some_and(|deadline| errors > 0 || now >= started + deadline);
        if is_over || answered + errors >= count {
            return Some(self.leave());
        }
        if deadline.is_some() || drive.begun < count {
            return None;
        }
        let leaves_at = match drive.iputils.leaves_at {
            Some(at) => at,
            None => self.time_to_leave(now, linger),
        };
        if now >= leaves_at { Some(self.leave()) } else { Some(Next::NotBefore(leaves_at)) }
    }

    /// Decided once, when the last probe leaves: by then something was answered or nothing was.
    fn time_to_leave(&mut self, now: Instant, linger: Option<Duration>) -> Instant {
        let interval = self.config.interval;
        let drive = self.drive();
        let sent = drive.last_sent.unwrap_or(now);
        let at = match linger {
            _ if drive.iputils.answered > 0 => sent + (drive.iputils.largest * 2).max(interval),
            Some(linger) => sent + linger,
            None => Instant::FAR,
        };
        drive.iputils.leaves_at = Some(at);
        at
    }

    fn leave(&mut self) -> Next {
        self.drive().complete = true;
        Next::Quit
    }
}
