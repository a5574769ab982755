//! Connections on their way to be closed.

use super::limits::{a_second, number as rate, shown as shown_rate};
use super::{Judge, counts, first, many};
use crate::counters::number;
use crate::tally::Suspects;
use crate::verdict::thousands;
use crate::{Socket, State, TimerKind};
use netdiag_model::finding::{Finding, Severity};

/// What of a connection with room at the other end does not leave, in words, and what is to be done.
const KEPT: &str =
    "wait to send, though the window of the other end is open and nothing is under way";
pub(super) const HERE: &str = "something on this machine keeps segments from leaving: a rule of its firewall \
                               (`nft list ruleset`, chain output), or a queue (`tc -s qdisc`)";

/// Suspects that the kernel asks the other end about.
#[derive(Default)]
struct Unsent {
    /// Whose window is closed, as far as is known.
    shut: u64,
    /// Whose window is open.
    kept: u64,
    /// What waits for windows that are closed, in bytes.
    bytes: u64,
}

impl Judge<'_> {
    pub(super) fn closing(&mut self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.leaks();
        all.extend(self.fin_wait_1());
        all.extend(self.half_closed());
        all.extend([self.both(), self.last_ack(), self.time_wait()].into_iter().flatten());
        all
    }

    fn fin_wait_1(&mut self) -> Option<Finding> {
        let seen = self.seen;
        let suspects = &seen.tally.fin_wait_1;
        let established = seen.tally.all_of(State::Established);
        let n = suspects.count;
        let is_share = n >= 5 && n * 20 >= established;
        if n == 0 || ((n as f64) < self.threshold("fin-wait-1-stuck") && !is_share) {
            return None;
        }
        let peers = peers(suspects);
        let of = suspects.first.len() as u64;
        let Unsent { shut: closed, kept, bytes } = self.unsent(suspects);
        let orphans = many(n, "orphan", "orphans");
        let why = match closed {
            _ if kept > 0 => format!("{KEPT}: {kept} of {of}"),
            0 => "sent their FIN again without an answer".to_owned(),
            closed if closed == of => {
                format!("wait for a window that is closed, with {bytes} bytes")
            }
            closed => format!(
                "get no answer to their FIN, {closed} of them since a window is closed, with {bytes} bytes"
            ),
        };
        let message = format!("{orphans} in FIN-WAIT-1 {why}, to {}", first(&peers, peers.len()));
        let advice = match closed * 2 > of {
            _ if kept > 0 => HERE,
            true => {
                "the programs at the other end do not read; what is unsent stays in memory for as long as \
                 they answer window probes (tcp_max_orphans)"
            }
            false => {
                "the peers are gone or the path is down; they end by themselves (tcp_orphan_retries)"
            }
        };
        let finding =
            self.found("fin-wait-1-stuck", Severity::Warning, peers.first()?.clone(), message);
        let finding = finding
            .with("count", n)
            .with("window_closed", closed)
            .with("window_open_and_nothing_sent", kept)
            .with("bytes", bytes)
            .with("established", established)
            .with("peers", shown(&peers))
            .advise(advice);
        let is_listed = self.lists(suspects.first.iter().map(|(socket, _)| socket));
        self.about(finding, is_listed)
    }

    /// What of suspects the kernel asks the other end about, as it does where something is to be sent and
    /// nothing is under way: mostly since a window is closed. Where it is open something here keeps what
    /// is sent from leaving.
    fn unsent(&mut self, suspects: &Suspects) -> Unsent {
        /// Those that are looked at more closely, of as many as there are.
        const LOOKED_AT: usize = 64;
        let mut found = Unsent::default();
        let asks =
            |socket: &Socket| socket.timer.is_some_and(|timer| timer.kind == TimerKind::Probe);
        let all = suspects.first.iter().filter(|(socket, _)| asks(socket));
        for (place, suspect) in all.enumerate() {
            let info = if place < LOOKED_AT { self.info(suspect) } else { None };
            let waiting = suspect.0.send_queue;
            if info.is_some_and(|info| info.has_window(waiting)) {
                found.kept += 1;
            } else {
                found.shut += 1;
                found.bytes += u64::from(waiting);
            }
        }
        found
    }

    fn both(&mut self) -> Option<Finding> {
        let seen = self.seen;
        let (least, age) = (self.threshold("closing-stuck"), self.threshold("closing-age"));
        if seen.tally.closing.count == 0 || (seen.tally.closing.count as f64) < least {
            return None;
        }
        let old = self.old(&seen.tally.closing, age);
        let n = old.len() as u64;
        let peers: Vec<String> = old.iter().map(|(socket, _)| socket.remote.to_string()).collect();
        let mut named = peers.clone();
        named.sort();
        named.dedup();
        let message = format!(
            "{} for {age} s or more, with {}: both sides closed at once and the last ACK does not come",
            many(n, "connection is CLOSING", "connections are CLOSING"),
            first(&named, named.len())
        );
        if n == 0 || (n as f64) < least {
            return None;
        }
        let finding = self.found("closing-stuck", Severity::Info, peers.first()?.clone(), message);
        let finding = finding
            .with("count", n)
            .with("threshold_age_s", age)
            .with("peers", shown(&peers))
            .advise(
                "an ACK was lost: `netdiag mtr --report` to the peer shows whether the path loses more",
            );
        let is_listed = self.lists(old.iter().map(|(socket, _)| socket));
        self.about(finding, is_listed)
    }

    fn last_ack(&mut self) -> Option<Finding> {
        let seen = self.seen;
        let suspects = &seen.tally.last_ack;
        let n = suspects.count;
        if n == 0 || (n as f64) < self.threshold("last-ack-stuck") {
            return None;
        }
        let peers = peers(suspects);
        let Unsent { shut, kept, .. } = self.unsent(suspects);
        let of = suspects.first.len();
        let why = match (shut, kept) {
            (0, 0) => "sent their FIN again without an answer".to_owned(),
            (_, 0) => {
                "get no answer to their FIN, or to what they ask of a closed window".to_owned()
            }
            _ => format!("{KEPT}: {kept} of {of}"),
        };
        let message = format!(
            "{} in LAST-ACK {why}, to {}",
            many(n, "connection", "connections"),
            first(&peers, peers.len())
        );
        let finding =
            self.found("last-ack-stuck", Severity::Warning, peers.first()?.clone(), message);
        let finding = finding
            .with("count", n)
            .with("window_open_and_nothing_sent", kept)
            .with("peers", shown(&peers))
            .advise(match kept {
                0 => {
                    "the peers vanished after they closed, as a load test that is stopped; these end by \
                     themselves"
                }
                _ => HERE,
            });
        let is_listed = self.lists(suspects.first.iter().map(|(socket, _)| socket));
        self.about(finding, is_listed)
    }

    fn time_wait(&mut self) -> Option<Finding> {
        let n = self.seen.tally.all_of(State::TimeWait);
        let buckets = number(self.kernel, "net/ipv4/tcp_max_tw_buckets");
        let is_half = buckets.is_some_and(|buckets| buckets > 0 && n * 2 >= buckets);
        if (n as f64) < self.threshold("time-wait-many") && !(is_half && n > 0) {
            return None;
        }
        let available = self.available();
        let busiest = self.seen.tally.destinations.busiest(1);
        if busiest.first().is_some_and(|(_, ports)| u64::from(ports.used) * 2 > available) {
            // Ports to one destination are the finding then.
            return None;
        }
        let message = format!(
            "{} in TIME-WAIT, about {} new a second; no destination has used half of its ports",
            thousands(n),
            shown_rate(a_second(n))
        );
        let finding = self.found("time-wait-many", Severity::Info, "TIME-WAIT".to_owned(), message);
        let finding = finding
            .with("count", n)
            .with("new_per_second", rate(a_second(n)))
            .with("tcp_max_tw_buckets", buckets)
            .advise(
                "usually harmless, about 0.3 KiB each: nothing to tune; reusing connections makes fewer",
            );
        let is_listed = self.seen.tally.of(State::TimeWait) > 0;
        self.about(finding, is_listed)
    }
}

/// The addresses of the other ends, those with the most first.
fn peers(suspects: &Suspects) -> Vec<String> {
    peers_of(suspects.first.iter().map(|(socket, _)| socket))
}

/// The same of these sockets.
pub(super) fn peers_of<'s>(sockets: impl Iterator<Item = &'s Socket>) -> Vec<String> {
    let all = counts(sockets.map(|socket| socket.remote.canonical()));
    all.into_iter().map(|(address, _)| address.to_string()).collect()
}

pub(super) fn shown(peers: &[String]) -> Vec<String> {
    peers.iter().take(10).cloned().collect()
}
