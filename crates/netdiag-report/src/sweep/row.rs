//! A target in words: the cells of its row.

use netdiag_engine::Outcome;
use netdiag_model::errno::{self, Errno};
use netdiag_ping::sweep::{Found, Row, State, Target};
use std::fmt;

/// Why a target is what it is.
pub(super) struct Why<'a> {
    pub(super) row: &'a Row,
    pub(super) target: Target<'a>,
    pub(super) state: State,
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.state, self.row.lost_before()) {
            (State::Alive, 0) => return Ok(()),
            (State::Alive, 1) => return f.write_str("first probe lost"),
            (State::Alive, lost) => return write!(f, "first {lost} probes lost"),
            _ => {}
        }
        if let Some(failure) = self.target.failure() {
            // The name stands in the row already.
            let name = self.target.to_string();
            let message = failure.message.strip_prefix("cannot resolve ");
            let message = message.and_then(|rest| rest.strip_prefix(name.as_str()));
            let message = message.and_then(|rest| rest.strip_prefix(": "));
            return f.write_str(message.unwrap_or(&failure.message));
        }
        match (self.row.fault(), &self.row.found) {
            (Some(outcome), _) => outcome_words(outcome, f),
            (None, Found::Once { in_flight: true, .. }) => f.write_str("under way at the end"),
            (None, Found::Series(_)) => match self.state {
                State::Timeout => f.write_str("no answer"),
                _ => Ok(()),
            },
            _ => f.write_str("not probed"),
        }
    }
}

fn outcome_words(outcome: &Outcome, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match outcome {
        Outcome::Replied(_) => Ok(()),
        Outcome::TimedOut => f.write_str("no answer"),
        Outcome::NetError(error) => {
            let (kind, from) = (error.kind, error.from.address());
            let protocol = if from.is_ipv4() { "ICMP" } else { "ICMPv6" };
            let name = kind.name().replace('-', " ");
            write!(f, "{name}, {protocol} {}/{} from {from}", kind.kind, kind.code)
        }
        Outcome::Refused(refusal) => {
            let errno = Errno::new(refusal.errno);
            write!(f, "host up, nothing listens ({} {})", errno.name, errno.number)
        }
        Outcome::LocalError(error) => {
            let errno = Errno::new(error.errno);
            let meaning = errno::send_meaning(error.errno).unwrap_or("this machine could not send");
            write!(f, "{meaning} ({} {})", errno.name, errno.number)
        }
        Outcome::Unknown(why) => f.write_str(why.meaning()),
    }
}
