//! What waits at listeners: accept queues, and connections that nobody has accepted.

use super::{Judge, counts, many};
use crate::counters::{Counted, number};
use crate::verdict::thousands;
use crate::{Socket, State};
use netdiag_model::finding::{Finding, Severity};
use std::time::Duration;

/// Listeners, and ports, that are told of one by one.
const EACH: usize = 8;
/// Between two looks at queues.
const APART: Duration = Duration::from_millis(100);

impl Judge<'_> {
    pub(super) fn waiting(&mut self) -> Vec<Finding> {
        let full = self.full_queues();
        let mut all: Vec<Finding> = self.not_accepted(&full);
        if full.is_empty() {
            all.extend(self.overflowed());
        }
        // A connection at that port has to do with it as well.
        let tally = &self.seen.tally;
        let full = full.into_iter().map(|(port, finding)| (finding, tally.lists(port))).collect();
        all.extend(self.told(full, EACH, ("listener", "listeners")));
        all.extend(self.everywhere());
        all
    }

    /// Listeners whose queue is over its limit now and 100 ms later, by their ports.
    fn full_queues(&mut self) -> Vec<(u16, Finding)> {
        let is_full = |socket: &Socket| {
            socket.accept_limit().is_some_and(|limit| socket.receive_queue > limit)
        };
        let full: Vec<Socket> =
            self.seen.tally.listeners.iter().filter(|socket| is_full(socket)).copied().collect();
        if full.is_empty() {
            return Vec::new();
        }
        let before = Counted::read(self.kernel);
        self.kernel.pause(APART);
        let after = Counted::read(self.kernel);
        let overflows =
            after.listen_overflows.zip(before.listen_overflows).map(|(a, b)| a - b.min(a));
        let somaxconn = number(self.kernel, "net/core/somaxconn");
        let mut found = Vec::new();
        for socket in full {
            let again = self.kernel.look(&socket);
            let again = again.and_then(|message| Socket::decode(socket.protocol, &message));
            let Some(now) = again.filter(is_full) else { continue };
            let (queue, limit, port) = (now.receive_queue, now.send_queue, now.local.port);
            let owner = self.owner(&now);
            let message = format!(
                "the accept queue of {owner} at {} is full: {queue} of {limit} wait, at two looks \
                 100 ms apart; new SYNs are dropped",
                now.local
            );
            let finding =
                self.found("accept-queue-full", Severity::Critical, now.local.to_string(), message);
            let finding = finding
                .at("socket", now.local.to_string())
                .with("queue", queue)
                .with("limit", limit)
                .with("somaxconn", somaxconn)
                .with("overflows_in_100_ms", overflows)
                .with("owner", owner)
                .advise(
                    "accept faster, or listen() with more: the limit is the lesser of that and \
                     net.core.somaxconn",
                );
            found.push((port, finding));
        }
        // Those that are most of their limit too long first.
        found.sort_by_key(|(_, one)| std::cmp::Reverse(excess(one)));
        found
    }

    /// A queue was full at some time, which is a warning while it happens: where it is counted again, or it
    /// cannot be known since tables are from elsewhere.
    fn overflowed(&mut self) -> Option<Finding> {
        let overflows = self.counted?.listen_overflows.filter(|count| *count > 0)?;
        let again = self.kernel.origin().is_none().then(|| {
            self.kernel.pause(APART);
            let now = Counted::read(self.kernel).listen_overflows.unwrap_or(overflows);
            now.saturating_sub(overflows)
        });
        let (severity, again_said) = match again {
            Some(0) => (Severity::Info, String::new()),
            Some(more) => (Severity::Warning, format!(", {} more within 100 ms", thousands(more))),
            None => (Severity::Warning, String::new()),
        };
        let is_known = |socket: &Socket| socket.accept_limit().is_some();
        let now = match self.seen.states & State::Listen.mask() {
            0 => "; whether one is now was not looked at",
            _ if !self.seen.tally.listeners.iter().all(is_known) => {
                "; whether one is now is not known, since the limits of the queues are not"
            }
            _ => ", none is now",
        };
        let message = format!(
            "an accept queue was full {} since this namespace began{again_said}{now}",
            many(overflows, "time", "times")
        );
        let finding = self.found("accept-queue-full", severity, "listeners".to_owned(), message);
        let finding = finding.with("listen_overflows", overflows);
        Some(finding.with("overflows_in_100_ms", again).advise(
            "while it happens `netdiag sockets --listening` says at which port: accept faster, or \
             listen() with more",
        ))
    }

    /// Complete in the kernel, and the program does not know. A queue that is full explains those of
    /// its port.
    fn not_accepted(&mut self, full: &[(u16, Finding)]) -> Vec<Finding> {
        let seen = self.seen;
        let least = self.threshold("not-accepted-age");
        let mut old = self.old(&seen.tally.not_accepted, least);
        old.retain(|(socket, _)| {
            let port = socket.local.port;
            seen.tally.listens(port) && full.iter().all(|(full, _)| *full != port)
        });
        let ports = counts(old.iter().map(|(socket, _)| socket.local.port));
        let enough = self.threshold("established-not-accepted");
        let mut found = Vec::new();
        for (port, count) in ports.into_iter().filter(|(_, count)| *count as f64 >= enough) {
            let its = || old.iter().filter(|(socket, _)| socket.local.port == port);
            let gone = its().filter(|(socket, _)| socket.state == State::CloseWait).count();
            let bytes: u64 = its().map(|(socket, _)| u64::from(socket.receive_queue)).sum();
            let oldest = its().map(|(_, info)| info.unacknowledged_ms()).max().unwrap_or(0);
            let who = self.listener(port);
            let what = match its().next() {
                Some((socket, _)) if count == 1 => format!("{} is", socket.remote),
                _ => format!("{count} connections are"),
            };
            let left = match gone {
                0 => String::new(),
                1 => "; 1 client has already gone".to_owned(),
                gone => format!("; {gone} clients have already gone"),
            };
            let state = if gone as u64 == count { "CLOSE-WAIT" } else { "ESTABLISHED" };
            let message = format!(
                "{what} {state} in the kernel at port {port}, but {who} has not accepted, for up \
                 to {} s{left}",
                oldest / 1000
            );
            let code = "established-not-accepted";
            let finding = self.found(code, Severity::Warning, format!("port {port}"), message);
            let finding = finding
                .at("socket", format!(":{port}"))
                .with("count", count)
                .with("listener", who)
                .with("clients_gone", gone)
                .with("bytes_waiting", bytes)
                .with("oldest_s", oldest / 1000);
            let finding = finding.with("threshold_age_s", least).advise(
                "the program does not call accept(): a stuck thread, or its limit of descriptors",
            );
            found.push((finding, seen.tally.lists(port)));
        }
        self.told(found, EACH, ("port", "ports"))
    }

    /// Ports that can be reached from everywhere.
    fn everywhere(&self) -> Option<Finding> {
        let listeners = &self.seen.tally.listeners;
        // One that is bound to an interface is reached by that alone.
        let is_open =
            |socket: &&Socket| socket.local.canonical().is_unspecified() && socket.interface == 0;
        let mut open: Vec<&Socket> =
            listeners.iter().filter(is_open).filter(|socket| self.lists([*socket])).collect();
        if !self.plan.summary || open.is_empty() {
            return None;
        }
        // What is not known to be a service first.
        open.sort_by_key(|socket| (socket.local.port < 1024, socket.local.port));
        open.dedup_by_key(|socket| socket.local.port);
        let names: Vec<String> = open
            .iter()
            .map(|socket| format!("{} of {}", socket.local.port, self.owner(socket)))
            .collect();
        let n = open.len() as u64;
        let message = format!(
            "{} can be reached by every address of this machine: {}",
            many(n, "port", "ports"),
            super::first(&names, names.len())
        );
        let finding =
            self.found("listen-all-addresses", Severity::Info, "listeners".to_owned(), message);
        let ports: Vec<u16> = open.iter().map(|socket| socket.local.port).collect();
        Some(finding.with("count", n).with("ports", ports).advise(
            "bind to 127.0.0.1 or to one address where only some need it; a firewall may stand before \
             them",
        ))
    }
}

/// How many more wait at a listener than its limit is, by a finding.
fn excess(finding: &Finding) -> u64 {
    let of = |key: &str| finding.evidence.get(key).and_then(serde_json::Value::as_u64);
    of("queue").zip(of("limit")).map_or(0, |(queue, limit)| queue.saturating_sub(limit))
}
