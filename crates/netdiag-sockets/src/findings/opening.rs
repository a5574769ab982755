//! Connections on their way to be open: SYN-SENT and SYN-RECEIVED.

use super::{Judge, counts, first, many};
use crate::counters::{Counted, number};
use crate::{Socket, State};
use netdiag_model::finding::{Finding, Severity};
use std::time::Duration;

/// How many per cent a few must hold of all.
const MOST: u64 = 80;

impl Judge<'_> {
    pub(super) fn opening(&mut self) -> Vec<Finding> {
        let scan = self.scan();
        let sent = if scan.is_some() { None } else { self.unanswered() };
        [scan, sent, self.received()].into_iter().flatten().collect()
    }

    /// One owner asks many addresses at one port.
    fn scan(&self) -> Option<Finding> {
        let sample: Vec<&Socket> =
            self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket).collect();
        let (owner, of_owner) =
            counts(sample.iter().map(|socket| self.owner(socket))).into_iter().next()?;
        let its: Vec<&&Socket> =
            sample.iter().filter(|socket| self.owner(socket) == owner).collect();
        let (port, at_port) =
            counts(its.iter().map(|socket| socket.remote.port)).into_iter().next()?;
        let addresses = counts(its.iter().map(|socket| socket.remote.address)).len() as u64;
        /// Addresses that are more than a service has.
        const ADDRESSES: u64 = 40;
        let is_scan = of_owner as f64 >= self.threshold("syn-sent-scan")
            && addresses >= ADDRESSES
            && at_port * 100 >= of_owner * MOST;
        let message = format!(
            "{owner} waits for the answers of {addresses} addresses at port {port}: {of_owner} SYN-SENT"
        );
        is_scan.then(|| {
            self.found("syn-sent-scan", Severity::Critical, owner.clone(), message)
                .at("process", owner)
                .with("syn_sent", self.seen.tally.syn_sent.count)
                .with("looked_at", sample.len())
                .with("addresses", addresses)
                .with("port", port)
                .advise("a scanner, a crawler, or a worm: look at what that process does")
        })
    }

    /// A few destinations do not answer.
    fn unanswered(&self) -> Option<Finding> {
        let sample = self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket);
        let again: Vec<&Socket> = sample.filter(|socket| socket.retransmits() >= 1).collect();
        let n = again.len() as u64;
        let destinations = counts(again.iter().map(|socket| socket.remote));
        let few: u64 = destinations.iter().take(3).map(|(_, count)| count).sum();
        if (n as f64) < self.threshold("syn-sent-unanswered") || few * 100 < n * MOST {
            return None;
        }
        let (remote, count) = *destinations.first()?;
        let names: Vec<String> = destinations.iter().map(|(to, _)| to.to_string()).collect();
        let owners: Vec<String> = counts(again.iter().map(|socket| self.owner(socket)))
            .into_iter()
            .map(|o| o.0)
            .collect();
        let message = format!(
            "{} of {} sent their SYN again without an answer, {count} of them to {remote}",
            many(n, "connection", "connections"),
            first(&owners, owners.len())
        );
        let finding =
            self.found("syn-sent-unanswered", Severity::Warning, remote.to_string(), message);
        Some(
            finding
                .with("syn_sent", self.seen.tally.of(State::SynSent))
                .with("retransmitted", n)
                .with("destinations", names.into_iter().take(3).collect::<Vec<_>>())
                .with("owners", owners)
                .advise(format!("how far it gets: `netdiag trace {remote}`")),
        )
    }

    /// SYN-RECEIVED: many strangers, or a few whose answers are lost.
    fn received(&mut self) -> Option<Finding> {
        let count = self.seen.tally.of(State::SynReceived);
        let sample: Vec<Socket> =
            self.seen.tally.syn_received.first.iter().map(|(socket, _)| *socket).collect();
        let sources = counts(sample.iter().map(|socket| socket.remote.canonical()));
        let mut again: Vec<u8> = sample.iter().map(Socket::retransmits).collect();
        again.sort_unstable();
        let median = again.get(again.len() / 2).copied().unwrap_or(0);
        let singles = sources.iter().filter(|(_, count)| *count == 1).count() as u64;
        let (port, _) = *counts(sample.iter().map(|socket| socket.local.port)).first()?;
        let limit = self.seen.tally.listeners.iter().find(|socket| socket.local.port == port);
        let limit = limit.map(|socket| u64::from(socket.send_queue));
        let is_much = count as f64 >= self.threshold("syn-received-flood")
            || limit.is_some_and(|limit| limit > 0 && count >= 16 && count * 2 >= limit);
        if is_much && median >= 1 {
            // What comes and what is dropped within a second.
            let before = Counted::read(self.kernel);
            self.kernel.pause(Duration::from_secs(1));
            let after = Counted::read(self.kernel);
            let rate = |of: fn(&Counted) -> Option<u64>| {
                of(&after).unwrap_or(0).saturating_sub(of(&before).unwrap_or(0))
            };
            let (cookies, dropped) = (rate(|c| c.syn_cookies_sent), rate(|c| c.listen_drops));
            let completed = rate(|c| c.passive_opens);
            if cookies > 0 || singles * 100 >= sources.len() as u64 * MOST {
                let cookies_on = number(self.kernel, "net/ipv4/tcp_syncookies");
                let message = format!(
                    "{count} SYN-RECEIVED at port {port} from {} sources, {completed} completed and \
                     {dropped} dropped within a second",
                    sources.len()
                );
                let finding = self.found(
                    "syn-received-flood",
                    Severity::Critical,
                    format!("port {port}"),
                    message,
                );
                let finding = finding
                    .with("syn_received", count)
                    .with("sources", sources.len())
                    .with("backlog", limit)
                    .with("median_retransmits", median)
                    .with("cookies_per_second", cookies)
                    .with("completed_per_second", completed)
                    .with("dropped_per_second", dropped)
                    .with("tcp_syncookies", cookies_on);
                return Some(finding.advise(
                    "net.ipv4.tcp_syncookies=1 (the default); a larger backlog by listen() and \
                     net.core.somaxconn: tcp_max_syn_backlog matters only without cookies",
                ));
            }
        }
        self.lossy(&sample, port)
    }

    fn lossy(&self, sample: &[Socket], port: u16) -> Option<Finding> {
        let again: Vec<&Socket> =
            sample.iter().filter(|socket| socket.retransmits() >= 2).collect();
        let n = again.len() as u64;
        let sources = counts(again.iter().map(|socket| socket.remote.canonical()));
        let few: u64 = sources.iter().take(5).map(|(_, count)| count).sum();
        if (n as f64) < self.threshold("syn-received-lossy") || few * 100 < n * MOST {
            return None;
        }
        let names: Vec<String> = sources.iter().take(5).map(|(from, _)| from.to_string()).collect();
        let message = format!(
            "{n} SYN-RECEIVED at port {port} whose SYN-ACK was sent again twice or more, from {}",
            first(&names, sources.len())
        );
        let finding =
            self.found("syn-received-lossy", Severity::Warning, format!("port {port}"), message);
        Some(finding.with("syn_received", n).with("sources", names).advise(
            "our SYN-ACK or their ACK is lost: the way back to them, or a firewall that sees one \
             direction only",
        ))
    }
}
