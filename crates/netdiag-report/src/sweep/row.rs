//! A target in words: the cells of its row.

use netdiag_model::errno::Errno;
use netdiag_ping::sweep::{Fault, Found, Row, State, Target};
use std::fmt;

/// Why a target is what it is.
pub(super) struct Why<'a> {
    pub(super) row: &'a Row,
    pub(super) target: Target<'a>,
    pub(super) state: State,
}

impl Why<'_> {
    /// Whether there is nothing to be said.
    pub(super) fn is_needless(&self) -> bool {
        self.state == State::Alive && self.row.lost_before() == 0
    }
}

/// Where a target is; its zone as it was given, which says more than a number.
pub(super) fn address_of(target: Target<'_>) -> String {
    let Some(to) = target.destination() else { return "-".to_owned() };
    let given = target.to_string();
    match given.split_once('%') {
        Some((_, zone)) if to.scope() != 0 => {
            format!("{}%{}", to.address(), zone.trim_end_matches(']'))
        }
        _ => to.to_string(),
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_needless() {
            return Ok(());
        }
        match (self.state, self.row.lost_before()) {
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
            (Some(fault), _) => fault_words(&fault, f),
            (None, Found::Series(series)) => match series.stats().counters().in_flight() {
                0 => f.write_str("not probed"),
                _ => f.write_str("under way at the end"),
            },
            (None, Found::Once { before, in_flight, .. }) => {
                f.write_str(match (before.len(), in_flight) {
                    (0, true) => "under way at the end",
                    (0, false) => "not probed",
                    (_, true) => "first probe lost, the next under way at the end",
                    (_, false) => "first probe lost, not probed again",
                })
            }
            _ => f.write_str("not probed"),
        }
    }
}

fn fault_words(fault: &Fault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fault {
        Fault::Silent => f.write_str("no answer"),
        Fault::Icmp(kind, from) => {
            let protocol = if from.is_ipv4() { "ICMP" } else { "ICMPv6" };
            let name = kind.name().replace('-', " ");
            write!(f, "{name}, {protocol} {}/{} from {from}", kind.kind, kind.code)
        }
        Fault::Refused(number) => {
            let errno = Errno::new(*number);
            write!(f, "host up, nothing listens ({} {})", errno.name, errno.number)
        }
        Fault::NotSent(error) => {
            let errno = Errno::new(error.errno);
            let meaning = error.meaning().unwrap_or("this machine could not send");
            write!(f, "{meaning} ({} {})", errno.name, errno.number)
        }
        Fault::NoSocket(failure) => f.write_str(&failure.message),
        Fault::Unknown(Some(why)) => f.write_str(why.meaning()),
        Fault::Unknown(None) => f.write_str("this machine made every sample meaningless"),
    }
}
