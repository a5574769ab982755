//! Connections that one side has closed and the other has not: CLOSE-WAIT and FIN-WAIT-2, by their
//! owners.

use super::closing::{peers_of, shown};
use super::group::Group;
use super::{Judge, counts, first};
use crate::tally::{Kin, Suspects, party};
use crate::{Socket, State, TcpInfo};
use netdiag_model::finding::{Finding, Severity};

/// Owners that are told of one by one.
const EACH: usize = 10;
/// What has come within so many seconds is the growth of a minute.
const MINUTE: f64 = 60.0;

impl Judge<'_> {
    /// Programs that do not close what their peers have closed.
    pub(super) fn leaks(&mut self) -> Vec<Finding> {
        let seen = self.seen;
        let suspects = &seen.tally.close_wait;
        let (least, age) = (self.threshold("close-wait-leak"), self.threshold("close-wait-age"));
        if (suspects.count as f64) < least {
            return Vec::new();
        }
        let sample = self.kin_of(suspects);
        let known: Vec<(Kin, Socket, TcpInfo)> = self
            .old(suspects, 0.0)
            .into_iter()
            .map(|(socket, info)| (self.kin(&socket), socket, info))
            .collect();
        let mut found = Vec::new();
        let seconds = |info: &TcpInfo| f64::from(info.unacknowledged_ms()) / 1e3;
        let is_old = |info: &TcpInfo| seconds(info) >= age;
        let old = known.iter().filter(|(.., info)| is_old(info));
        for (kin, count) in counts(old.map(|(kin, ..)| *kin)) {
            if (count as f64) < least {
                continue;
            }
            let its = known.iter().filter(|(of, ..)| *of == kin);
            let its = its.map(|(_, socket, info)| (socket, info));
            let new = its.clone().filter(|(_, info)| seconds(info) < MINUTE).count() as u64;
            let its: Vec<(&Socket, &TcpInfo)> = its.filter(|(_, info)| is_old(info)).collect();
            let looked_at = sample.iter().filter(|of| **of == kin).count() as u64;
            let is_listed = self.lists(its.iter().map(|(socket, _)| *socket));
            found.push((self.leak(kin, (looked_at, new), &its), is_listed));
        }
        found.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
        self.told(found, EACH, ("owner", "owners"))
    }

    /// One of them, with those of its connections that are old enough, of so many that were looked at,
    /// of which so many came within the last minute.
    fn leak(
        &mut self,
        kin: Kin,
        (looked_at, new): (u64, u64),
        its: &[(&Socket, &TcpInfo)],
    ) -> Finding {
        let suspects = &self.seen.tally.close_wait;
        let owner = self.group_of_kin(kin);
        let count = its.len() as u64;
        let age = self.threshold("close-wait-age");
        let unread =
            its.iter().filter(|(socket, _)| socket.eof_unread() == Some(true)).count() as u64;
        let oldest = its.iter().map(|(_, info)| info.unacknowledged_ms()).max().unwrap_or(0) / 1000;
        let pid = its.first().and_then(|(socket, _)| self.process(socket)).map(|(pid, _)| pid);
        let limit = pid.and_then(|pid| self.descriptor_limit(pid));
        let fds = its.iter().filter_map(|(socket, _)| self.process(socket)).map(|(_, fd)| fd);
        let fds: Vec<u32> = fds.take(10).collect();
        // Of a sample it is known how many there are, and not of what age.
        let all = suspects.of(kin).max(looked_at);
        let younger = looked_at - count;
        let severity = match count >= 100 || limit.is_some_and(|limit| count * 2 >= limit) {
            true => owner.at_most(Severity::Critical),
            false => Severity::Warning,
        };
        let others = self.others(its.iter().map(|(socket, _)| *socket));
        let at_least = if all > looked_at { "at least " } else { "" };
        let message = format!(
            "{}: {at_least}{count} CLOSE-WAIT of {age} s or more, {unread} with end-of-file unread, \
             the oldest {oldest} s{}{}{}{}",
            owner.does("does not close", "do not close"),
            match younger {
                0 => String::new(),
                younger => format!(", {younger} more of the last {age} s"),
            },
            match new {
                0 => String::new(),
                new => format!(", growing by {new} a minute"),
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
        let advice = advice(&owner, unread * 2 >= count);
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
            .with("per_minute", new)
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
        let sample = self.kin_of(suspects);
        for (kin, count) in owners.into_iter().filter(|(_, count)| *count as f64 >= least) {
            let owner = self.group_of_kin(kin);
            let its = suspects.first.iter().zip(&sample).filter(|(_, of)| **of == kin);
            let its: Vec<&Socket> = its.map(|((socket, _), _)| socket).collect();
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

    /// What each socket of a sample was counted with.
    fn kin_of(&self, suspects: &Suspects) -> Vec<Kin> {
        suspects.first.iter().map(|(socket, _)| self.kin(socket)).collect()
    }

    /// Who that is.
    fn group_of_kin(&self, kin: Kin) -> Group {
        match kin {
            Kin::Owner(party) => self.group_of(party),
            Kin::Port(_) => Group::Nobody,
        }
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
