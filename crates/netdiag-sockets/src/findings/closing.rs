//! Connections on their way to be closed.

use super::{Group, Judge, counts, first, many};
use crate::counters::number;
use crate::tally::Suspects;
use crate::{Socket, State, TcpInfo, TimerKind};
use netdiag_model::finding::{Finding, Severity};

impl Judge<'_> {
    pub(super) fn closing(&mut self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.leaks();
        all.extend(
            [self.fin_wait_1(), self.fin_wait_2(), self.both(), self.last_ack(), self.time_wait()]
                .into_iter()
                .flatten(),
        );
        all
    }

    /// A program does not close what its peers have closed.
    fn leaks(&mut self) -> Vec<Finding> {
        let seen = self.seen;
        let suspects = &seen.tally.close_wait;
        let (least, age) = (self.threshold("close-wait-leak"), self.threshold("close-wait-age"));
        if (suspects.count as f64) < least {
            return Vec::new();
        }
        let old = self.old(suspects, age);
        let owners = counts(old.iter().map(|(socket, _)| self.group(socket)));
        let mut found = Vec::new();
        for (owner, count) in owners.into_iter().filter(|(_, count)| *count as f64 >= least) {
            let its: Vec<&(Socket, TcpInfo)> =
                old.iter().filter(|(socket, _)| self.group(socket) == owner).collect();
            let unread =
                its.iter().filter(|(socket, _)| socket.eof_unread() == Some(true)).count() as u64;
            let oldest =
                its.iter().map(|(_, info)| info.last_ack_received_ms).max().unwrap_or(0) / 1000;
            let limit = its.first().and_then(|(socket, _)| self.process(socket));
            let pid = limit.map(|(pid, _)| pid);
            let limit = pid.and_then(|pid| self.descriptor_limit(pid));
            let fds: Vec<u32> =
                its.iter().filter_map(|(socket, _)| self.fd(socket)).take(10).collect();
            let younger = suspects.first.iter().filter(|(s, _)| self.group(s) == owner).count()
                as u64
                - count;
            let is_much = count >= 100 || limit.is_some_and(|limit| count * 2 >= limit);
            let severity = if is_much { Severity::Critical } else { Severity::Warning };
            let others = self.others(its.iter().map(|(socket, _)| socket));
            let is_sample = suspects.count > suspects.first.len() as u64;
            let at_least = if is_sample { "at least " } else { "" };
            let message = format!(
                "{}: {at_least}{count} CLOSE-WAIT of {age} s or more, {unread} with end-of-file unread, \
                 the oldest {oldest} s{}{}",
                owner.does("does not close", "do not close"),
                match younger {
                    0 => String::new(),
                    younger => format!(", {younger} more of the last {age} s"),
                },
                match others.len() {
                    0 => String::new(),
                    n => format!("; held as well by {}", first(&others, n)),
                }
            );
            let advice = advice(&owner, unread * 2 >= count);
            let finding = self.found("close-wait-leak", severity, owner.subject(), message);
            let finding = owner
                .at(finding)
                .with("count", count)
                .with("close_wait", suspects.count)
                .with("looked_at", suspects.first.len())
                .with("eof_unread", unread)
                .with("younger", younger)
                .with("oldest_s", oldest)
                .with("threshold_age_s", age)
                .with("pid", pid)
                .with("also_held_by", shown(&others))
                .with("fds", fds)
                .with("descriptor_limit", limit);
            let is_listed = self.lists(its.iter().map(|(socket, _)| socket));
            found.extend(self.about(finding.advise(advice), is_listed));
        }
        found
    }

    fn fin_wait_1(&mut self) -> Option<Finding> {
        let suspects = &self.seen.tally.fin_wait_1;
        let established = self.seen.tally.all_of(State::Established);
        let n = suspects.count;
        let is_share = n >= 5 && n * 20 >= established;
        if n == 0 || ((n as f64) < self.threshold("fin-wait-1-stuck") && !is_share) {
            return None;
        }
        let peers = peers(suspects);
        let waits = |(socket, _): &&crate::tally::Suspect| {
            socket.timer.is_some_and(|timer| timer.kind == TimerKind::Probe)
        };
        let shut: Vec<_> = suspects.first.iter().filter(waits).collect();
        let (closed, of) = (shut.len() as u64, suspects.first.len() as u64);
        let bytes: u64 = shut.iter().map(|(socket, _)| u64::from(socket.send_queue)).sum();
        let orphans = many(n, "orphan", "orphans");
        let why = match closed {
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
            .with("bytes", bytes)
            .with("established", established)
            .with("peers", shown(&peers))
            .advise(advice);
        let is_listed = self.lists(suspects.first.iter().map(|(socket, _)| socket));
        self.about(finding, is_listed)
    }

    fn fin_wait_2(&mut self) -> Option<Finding> {
        let tally = &self.seen.tally;
        let (suspects, all) = (&tally.fin_wait_2, tally.all_of(State::FinWait2));
        let (owned, orphans) = (suspects.count, all.saturating_sub(suspects.count));
        /// Orphans end after tcp_fin_timeout, so that many of them are fresh.
        const ORPHANS: u64 = 1_000;
        let is_owned = owned > 0 && owned as f64 >= self.threshold("fin-wait-2-many");
        if !is_owned && orphans < ORPHANS {
            return None;
        }
        let owner = suspects.first.first().map(|(socket, _)| self.owner(socket));
        let peers = peers(suspects);
        let who = match &owner {
            Some(owner) if is_owned => {
                format!(", {owned} still held by {owner}, to {}", first(&peers, peers.len()))
            }
            _ => format!(", {orphans} of them orphans"),
        };
        let message = format!("{all} in FIN-WAIT-2 wait for their peers to close{who}");
        let subject = owner.clone().unwrap_or_else(|| "FIN-WAIT-2".to_owned());
        let finding = self.found("fin-wait-2-many", Severity::Warning, subject, message);
        let finding = finding
            .with("owned", owned)
            .with("orphans", orphans)
            .with("owner", owner)
            .with("peers", shown(&peers))
            .advise(
                "the peers do not close: look for CLOSE-WAIT there; what a program still holds has no \
                 timeout, orphans end after tcp_fin_timeout",
            );
        self.about(finding, tally.of(State::FinWait2) > 0)
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
        let message = format!(
            "{} for {age} s or more, with {}: both sides closed at once and the last ACK does not come",
            many(n, "connection is CLOSING", "connections are CLOSING"),
            first(&peers, peers.len())
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
        let suspects = &self.seen.tally.last_ack;
        let n = suspects.count;
        if n == 0 || (n as f64) < self.threshold("last-ack-stuck") {
            return None;
        }
        let peers = peers(suspects);
        let message = format!(
            "{} in LAST-ACK sent their FIN again without an answer, to {}",
            many(n, "connection", "connections"),
            first(&peers, peers.len())
        );
        let finding =
            self.found("last-ack-stuck", Severity::Warning, peers.first()?.clone(), message);
        let finding = finding.with("count", n).with("peers", shown(&peers)).advise(
            "the peers vanished after they closed, as a load test that is stopped; these end by \
             themselves",
        );
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
            "{n} in TIME-WAIT, about {} new a second; no destination has used half of its ports",
            n / 60
        );
        let finding = self.found("time-wait-many", Severity::Info, "TIME-WAIT".to_owned(), message);
        let finding = finding
            .with("count", n)
            .with("new_per_second", n / 60)
            .with("tcp_max_tw_buckets", buckets)
            .advise(
                "usually harmless, about 0.3 KiB each: nothing to tune; reusing connections makes fewer",
            );
        let is_listed = self.seen.tally.of(State::TimeWait) > 0;
        self.about(finding, is_listed)
    }

    fn process(&self, socket: &Socket) -> Option<(u32, u32)> {
        let owners = self.owners?;
        let crate::owners::Owner::Known(all) = owners.of(socket) else { return None };
        let first = all.first()?;
        Some((owners.process(*first)?.pid, first.fd))
    }

    fn fd(&self, socket: &Socket) -> Option<u32> {
        self.process(socket).map(|(_, fd)| fd)
    }

    /// How many descriptors a process may have (`RLIMIT_NOFILE`).
    pub(super) fn descriptor_limit(&mut self, pid: u32) -> Option<u64> {
        let text = self.kernel.file(&format!("/proc/{pid}/limits"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    }
}

/// What to do about connections of an owner that are not closed; `unread`: their ends of file are not
/// read either.
fn advice(owner: &Group, unread: bool) -> String {
    let name = match owner {
        Group::Process(name) => name,
        _ => "the program",
    };
    let advice = match unread {
        true => format!(
            "read() is not called on these sockets: look for a blocked worker; restarting {name} frees \
             them, a sysctl does not"
        ),
        false => format!(
            "end-of-file was read and close() was not called: a path in {name} that forgets it; no sysctl \
             helps"
        ),
    };
    match owner {
        Group::Process(_) => advice,
        _ => format!(
            "{advice}; whether it is one program: `netdiag sockets --processes state close-wait`"
        ),
    }
}

/// The addresses of the other ends, those with the most first.
fn peers(suspects: &Suspects) -> Vec<String> {
    let all = counts(suspects.first.iter().map(|(socket, _)| socket.remote.canonical()));
    all.into_iter().map(|(address, _)| address.to_string()).collect()
}

fn shown(peers: &[String]) -> Vec<String> {
    peers.iter().take(10).cloned().collect()
}
