//! A target in words: the cells of its row.

use crate::number::{ms5, zoned};
use crate::ping::closed;
use netdiag_model::Family;
use netdiag_model::errno::Errno;
use netdiag_ping::sweep::{Before, Fault, Found, Row, State, Target};
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
        self.state == State::Alive
            && self.row.before().all() == 0
            && self.row.is_port_open().is_none()
    }
}

/// Where a target is.
pub(super) fn address_of(target: Target<'_>) -> String {
    target.destination().map_or_else(|| "-".to_owned(), |to| zoned(to, &target.to_string()))
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.state == State::Alive {
            let before = self.row.before();
            let family = self.target.destination().map_or(Family::Ipv4, |to| to.family());
            match self.row.is_port_open() {
                Some(true) => f.write_str("port open")?,
                Some(false) => write!(f, "port {}", closed(family))?,
                None => {}
            }
            if self.row.is_port_open().is_some() && before.all() > 0 {
                f.write_str(", ")?;
            }
            return before_words(&before, f);
        }
        if let Some(failure) = self.target.failure() {
            // The name stands in the row already.
            let name = self.target.to_string();
            let message = failure.message.strip_prefix("cannot resolve ");
            let message = message.and_then(|rest| rest.strip_prefix(name.as_str()));
            let message = message.and_then(|rest| rest.strip_prefix(": "));
            return f.write_str(message.unwrap_or(&failure.message));
        }
        if let (State::Timeout, Some((count, largest))) = (self.state, self.row.late()) {
            let (largest, s) = (ms5(largest), if count == 1 { "" } else { "s" });
            return write!(f, "{count} late answer{s}, up to {} ms", largest.trim());
        }
        match (self.row.fault(), &self.row.found) {
            (Some(fault), _) => {
                fault_words(&fault, f)?;
                let rejected = self.row.rejected().filter(|_| fault == Fault::Silent);
                rejected.map_or(Ok(()), |rejected| write!(f, "; {rejected}"))
            }
            (None, Found::Series(series)) => match series.stats().counters().in_flight() {
                0 => f.write_str("not probed"),
                _ => f.write_str("under way at the end"),
            },
            (None, Found::Once { in_flight, .. }) => {
                let before = self.row.before();
                before_words(&before, f)?;
                f.write_str(match (before.all() > 0, in_flight) {
                    (false, true) => "under way at the end",
                    (false, false) => "not probed",
                    (true, true) => ", the next under way at the end",
                    (true, false) => ", not probed again",
                })
            }
            _ => f.write_str("not probed"),
        }
    }
}

/// What became of the probes before the one that was answered.
fn before_words(before: &Before, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Before { lost, errors, not_sent, unknown } = *before;
    let parts = [
        (lost, "lost"),
        (errors, "answered by an error"),
        (not_sent, "not sent"),
        (unknown, "unknown"),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).collect();
    match parts.as_slice() {
        [] => Ok(()),
        [(1, what)] => write!(f, "first probe {what}"),
        [(count, what)] => write!(f, "first {count} probes {what}"),
        several => {
            let several: Vec<String> =
                several.iter().map(|(count, what)| format!("{count} {what}")).collect();
            write!(f, "first {} probes: {}", before.all(), several.join(", "))
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
