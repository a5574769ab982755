//! Connections that one side has closed and the other has not: CLOSE-WAIT and FIN-WAIT-2, by their
//! owners.

use super::closing::{peers_of, shown};
use super::group::Group;
use super::{Judge, counts, first};
use crate::tally::{Kin, party};
use crate::{Socket, State, TcpInfo};
use netdiag_model::finding::{Finding, Severity};

/// Owners that are told of one by one.
const EACH: usize = 10;

impl Judge<'_> {
    /// Programs that do not close what their peers have closed.
    pub(super) fn leaks(&mut self) -> Vec<Finding> {
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
            let is_listed = self.lists(its.iter().map(|(socket, _)| socket));
            found.push((self.leak(&owner, count, &its), is_listed));
        }
        found.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
        self.told(found, EACH, ("owner", "owners"))
    }

    /// One of them, with those of its connections that are old enough.
    fn leak(&mut self, owner: &Group, count: u64, its: &[&(Socket, TcpInfo)]) -> Finding {
        let suspects = &self.seen.tally.close_wait;
        let age = self.threshold("close-wait-age");
        let unread =
            its.iter().filter(|(socket, _)| socket.eof_unread() == Some(true)).count() as u64;
        let oldest =
            its.iter().map(|(_, info)| info.last_ack_received_ms).max().unwrap_or(0) / 1000;
        let pid = its.first().and_then(|(socket, _)| self.process(socket)).map(|(pid, _)| pid);
        let limit = pid.and_then(|pid| self.descriptor_limit(pid));
        let fds = its.iter().filter_map(|(socket, _)| self.process(socket)).map(|(_, fd)| fd);
        let fds: Vec<u32> = fds.take(10).collect();
        let sample = || suspects.first.iter().filter(|(socket, _)| self.group(socket) == *owner);
        let kin = sample().next().map(|(socket, _)| self.kin(socket));
        let looked_at = sample().count() as u64;
        // Of a sample it is known how many there are, and not of what age.
        let all = kin.map_or(0, |kin| suspects.of(kin)).max(looked_at);
        let younger = looked_at - count;
        let severity = match count >= 100 || limit.is_some_and(|limit| count * 2 >= limit) {
            true => owner.at_most(Severity::Critical),
            false => Severity::Warning,
        };
        let others = self.others(its.iter().map(|(socket, _)| socket));
        let at_least = if all > looked_at { "at least " } else { "" };
        let message = format!(
            "{}: {at_least}{count} CLOSE-WAIT of {age} s or more, {unread} with end-of-file unread, \
             the oldest {oldest} s{}{}{}",
            owner.does("does not close", "do not close"),
            match younger {
                0 => String::new(),
                younger => format!(", {younger} more of the last {age} s"),
            },
            match all - looked_at {
                0 => String::new(),
                more => format!(", {more} more that were not looked at"),
            },
            match others.len() {
                0 => String::new(),
                n => format!("; held as well by {}", first(&others, n)),
            }
        );
        let advice = advice(owner, unread * 2 >= count);
        let finding = self.found("close-wait-leak", severity, owner.subject(), message);
        let finding = owner
            .at(finding)
            .with("count", count)
            .with("close_wait", suspects.count)
            .with("looked_at", suspects.first.len())
            .with("close_wait_of_owner", all)
            .with("looked_at_of_owner", looked_at)
            .with("eof_unread", unread)
            .with("younger", younger)
            .with("oldest_s", oldest)
            .with("threshold_age_s", age)
            .with("pid", pid)
            .with("also_held_by", shown(&others))
            .with("fds", fds)
            .with("descriptor_limit", limit);
        finding.advise(advice)
    }

    /// FIN-WAIT-2 that programs still have, each its own, and those that none has any more.
    pub(super) fn half_closed(&mut self) -> Vec<Finding> {
        let tally = &self.seen.tally;
        let (suspects, all) = (&tally.fin_wait_2, tally.all_of(State::FinWait2));
        let orphans = all.saturating_sub(suspects.count);
        let least = self.threshold("fin-wait-2-many");
        let mut owners: Vec<(Kin, u64)> = suspects.kin();
        owners.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut found = Vec::new();
        for (kin, count) in owners.into_iter().filter(|(_, count)| *count as f64 >= least) {
            let Kin::Owner(party) = kin else { continue };
            let owner = self.group_of(party);
            let its = suspects.first.iter().map(|(socket, _)| socket);
            let its: Vec<&Socket> = its.filter(|socket| self.kin(socket) == kin).collect();
            let peers = peers_of(its.iter().copied());
            let message = format!(
                "{}: {count} FIN-WAIT-2, to {}",
                owner.does("still holds what it has closed", "still hold what they have closed"),
                first(&peers, peers.len())
            );
            let finding =
                self.found("fin-wait-2-many", Severity::Warning, owner.subject(), message);
            let finding = owner
                .at(finding)
                .with("count", count)
                .with("owned", suspects.count)
                .with("orphans", orphans)
                .with("owner", owner.subject())
                .with(
                    "pid",
                    its.first().and_then(|socket| self.process(socket)).map(|(pid, _)| pid),
                )
                .with("peers", shown(&peers));
            let finding = finding.advise(match owner {
                Group::User(_) => {
                    "the peers do not close: look for CLOSE-WAIT there; what a program still holds has no \
                     timeout; whose they are: `netdiag sockets --processes state fin-wait-2`"
                }
                _ => {
                    "the peers do not close: look for CLOSE-WAIT there; what a program still holds has no \
                     timeout"
                }
            });
            found.push((finding, self.lists(its)));
        }
        let mut found = self.told(found, EACH, ("owner", "owners"));
        found.extend(self.orphans(orphans));
        found
    }

    /// FIN-WAIT-2 that no program has any more.
    fn orphans(&mut self, orphans: u64) -> Option<Finding> {
        /// They end after tcp_fin_timeout, so that many of them are fresh.
        const ORPHANS: u64 = 1_000;
        if orphans < ORPHANS {
            return None;
        }
        let message = format!(
            "{orphans} orphans in FIN-WAIT-2, which no program has any more, wait for their peers to close"
        );
        let subject = "orphans in FIN-WAIT-2".to_owned();
        let finding = self.found("fin-wait-2-many", Severity::Warning, subject, message);
        let finding = finding
            .with("count", orphans)
            .with("orphans", orphans)
            .with("owned", self.seen.tally.fin_wait_2.count)
            .with("threshold", ORPHANS)
            .advise(
                "the peers do not close: look for CLOSE-WAIT there; these end after tcp_fin_timeout",
            );
        self.about(finding, self.seen.tally.of(State::FinWait2) > 0)
    }

    /// What a socket was counted with.
    fn kin(&self, socket: &Socket) -> Kin {
        Kin::Owner(party(socket, self.owned(socket)))
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
