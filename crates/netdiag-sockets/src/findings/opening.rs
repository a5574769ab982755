//! Connections on their way to be open: SYN-SENT and SYN-RECEIVED.

use super::{Group, Judge, counts, first, many};
use crate::counters::{Counted, number};
use crate::{Socket, State};
use netdiag_model::finding::{Finding, Severity};
use std::time::Duration;

/// How many per cent a few must hold of all.
const MOST: u64 = 80;

/// Many addresses that one owner asks at one port.
struct Scan {
    owner: Group,
    port: u16,
    /// SYN-SENT of that owner, at whatever port.
    syn_sent: u64,
    /// Addresses that it asks at that port.
    addresses: u64,
}

/// SYN-RECEIVED at one port.
struct HalfOpen {
    port: u16,
    count: u64,
    /// The first of them.
    sample: Vec<Socket>,
    /// The limit of the listener's queue.
    backlog: Option<u64>,
    /// How often their SYN-ACKs were sent again, half of them more often.
    median: u8,
    /// Sources by the number of their SYN-RECEIVED.
    sources: Vec<(std::net::IpAddr, u64)>,
    is_much: bool,
}

/// What came of SYNs within a second.
struct Second {
    cookies: u64,
    /// Cookies that came back.
    returned: u64,
    dropped: u64,
    completed: u64,
}

impl Second {
    /// Whether more is turned away than gets through. Of cookies those that came back tell: connections
    /// that complete are counted of all ports, and may be another's.
    const fn is_turning_away(&self) -> bool {
        match self.cookies {
            0 => self.dropped > self.completed,
            cookies => self.dropped + cookies.saturating_sub(self.returned) > self.returned,
        }
    }
}

impl Judge<'_> {
    pub(super) fn opening(&mut self) -> Vec<Finding> {
        let scan = self.scan();
        let mut all: Vec<Finding> = self.unanswered(scan.as_ref()).into_iter().collect();
        if let Some(scan) = scan {
            let finding = self.scanned(&scan);
            let its = self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket);
            let is_listed = self.lists(its.filter(|socket| self.group(socket) == scan.owner));
            all.extend(self.about(finding, is_listed));
        }
        all.extend(self.received());
        all
    }

    fn scan(&self) -> Option<Scan> {
        let sample: Vec<&Socket> =
            self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket).collect();
        let (owner, syn_sent) =
            counts(sample.iter().map(|socket| self.group(socket))).into_iter().next()?;
        let its: Vec<&&Socket> =
            sample.iter().filter(|socket| self.group(socket) == owner).collect();
        let (port, at_port) =
            counts(its.iter().map(|socket| socket.remote.port)).into_iter().next()?;
        let there = its.iter().filter(|socket| socket.remote.port == port);
        let addresses = counts(there.map(|socket| socket.remote.address)).len() as u64;
        /// Addresses that are more than a service has.
        const ADDRESSES: u64 = 40;
        let is_scan = syn_sent as f64 >= self.threshold("syn-sent-scan")
            && addresses >= ADDRESSES
            && at_port * 100 >= syn_sent * MOST;
        is_scan.then_some(Scan { owner, port, syn_sent, addresses })
    }

    fn scanned(&self, scan: &Scan) -> Finding {
        let Scan { owner, port, syn_sent, addresses } = scan;
        let message = format!(
            "{} for the answers of {addresses} addresses at port {port}: {syn_sent} SYN-SENT",
            owner.does("waits", "wait")
        );
        let finding = self.found("syn-sent-scan", Severity::Critical, owner.subject(), message);
        let advice = match owner {
            Group::Process(_) => "a scanner, a crawler, or a worm: look at what that process does",
            _ => {
                "a scanner, a crawler, or a worm, if it is one program: \
                 `netdiag sockets --processes state syn-sent` names it"
            }
        };
        owner
            .at(finding)
            .with("syn_sent", self.seen.tally.syn_sent.count)
            .with("looked_at", self.seen.tally.syn_sent.first.len())
            .with("addresses", *addresses)
            .with("port", *port)
            .advise(advice)
    }

    /// A few destinations do not answer; what a scan explains is left out.
    fn unanswered(&mut self, scan: Option<&Scan>) -> Option<Finding> {
        let is_scanned = |socket: &Socket| {
            scan.is_some_and(|scan| {
                socket.remote.port == scan.port && self.group(socket) == scan.owner
            })
        };
        let sample = self.seen.tally.syn_sent.first.iter().map(|(socket, _)| socket);
        let again: Vec<&Socket> =
            sample.filter(|socket| socket.retransmits() >= 1 && !is_scanned(socket)).collect();
        let n = again.len() as u64;
        let destinations = counts(again.iter().map(|socket| socket.remote));
        let few: u64 = destinations.iter().take(3).map(|(_, count)| count).sum();
        if (n as f64) < self.threshold("syn-sent-unanswered") || few * 100 < n * MOST {
            return None;
        }
        let (remote, count) = *destinations.first()?;
        let names: Vec<String> = destinations.iter().map(|(to, _)| to.to_string()).collect();
        let owners = counts(again.iter().map(|socket| self.group(socket)));
        let owners: Vec<Group> = owners.into_iter().map(|(owner, _)| owner).collect();
        let several: Vec<String> = owners.iter().map(Group::several).collect();
        let owners: Vec<String> = owners.iter().map(Group::subject).collect();
        let message = format!(
            "{} of {} sent their SYN again without an answer, {count} of them to {remote}",
            many(n, "connection", "connections"),
            first(&several, several.len())
        );
        let finding =
            self.found("syn-sent-unanswered", Severity::Warning, remote.to_string(), message);
        let finding = finding
            .with("syn_sent", self.seen.tally.all_of(State::SynSent))
            .with("retransmitted", n)
            .with("destinations", names.into_iter().take(3).collect::<Vec<_>>())
            .with("owners", owners)
            .advise(format!("how far it gets: `netdiag trace {remote}`"));
        let is_listed = self.lists(again);
        self.about(finding, is_listed)
    }

    /// SYN-RECEIVED, port by port: many strangers, or answers that are lost.
    fn received(&mut self) -> Vec<Finding> {
        /// Ports that are told of one by one.
        const EACH: usize = 8;
        let mut ports: Vec<(u16, u64)> =
            self.seen.tally.half_open.iter().map(|(port, count)| (*port, *count)).collect();
        ports.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let ports: Vec<HalfOpen> =
            ports.into_iter().take(EACH).map(|(port, count)| self.half_open(port, count)).collect();
        // The counters of a copy stand still.
        let is_live = self.kernel.origin().is_none();
        let second = is_live && ports.iter().any(|port| port.is_much && port.median >= 1);
        let second = second.then(|| self.second());
        let mut found = Vec::new();
        for port in ports {
            let flood = second.as_ref().and_then(|second| self.flood(&port, second));
            let finding = flood.or_else(|| self.lossy(&port, second.as_ref()));
            let is_listed = self.seen.tally.lists(port.port);
            found.extend(finding.and_then(|finding| self.about(finding, is_listed)));
        }
        found
    }

    fn half_open(&self, port: u16, count: u64) -> HalfOpen {
        let tally = &self.seen.tally;
        let all = tally.syn_received.first.iter().map(|(socket, _)| *socket);
        let sample: Vec<Socket> = all.filter(|socket| socket.local.port == port).collect();
        let mut again: Vec<u8> = sample.iter().map(Socket::retransmits).collect();
        again.sort_unstable();
        let median = again.get(again.len() / 2).copied().unwrap_or(0);
        let sources = counts(sample.iter().map(|socket| socket.remote.canonical()));
        let listener = tally.listeners.iter().find(|socket| socket.local.port == port);
        let backlog = listener.map(|socket| u64::from(socket.send_queue));
        let is_half = backlog.is_some_and(|limit| limit > 0 && count >= 16 && count * 2 >= limit);
        let is_much = is_half || count as f64 >= self.threshold("syn-received-flood");
        HalfOpen { port, count, sample, backlog, median, sources, is_much }
    }

    /// What comes and what is dropped within a second.
    fn second(&mut self) -> Second {
        let before = Counted::read(self.kernel);
        self.kernel.pause(Duration::from_secs(1));
        let after = Counted::read(self.kernel);
        let rate = |of: fn(&Counted) -> Option<u64>| {
            of(&after).unwrap_or(0).saturating_sub(of(&before).unwrap_or(0))
        };
        Second {
            cookies: rate(|c| c.syn_cookies_sent),
            returned: rate(|c| c.syn_cookies_received),
            dropped: rate(|c| c.listen_drops),
            completed: rate(|c| c.passive_opens),
        }
    }

    /// More is turned away than gets through.
    fn flood(&mut self, at: &HalfOpen, second: &Second) -> Option<Finding> {
        let HalfOpen { port, count, sources, .. } = at;
        let Second { cookies, dropped, completed, .. } = *second;
        let singles = sources.iter().filter(|(_, count)| *count == 1).count() as u64;
        let is_strange = cookies > 0 || singles * 100 >= sources.len() as u64 * MOST;
        if !at.is_much || at.median == 0 || !is_strange || !second.is_turning_away() {
            return None;
        }
        let message = format!(
            "{count} SYN-RECEIVED at port {port} from {} sources; within a second {completed} completed, \
             {dropped} dropped, {cookies} answered by a cookie",
            sources.len()
        );
        let subject = format!("port {port}");
        let finding = self.found("syn-received-flood", Severity::Critical, subject, message);
        let finding = finding
            .with("syn_received", *count)
            .with("sources", sources.len())
            .with("backlog", at.backlog)
            .with("median_retransmits", at.median)
            .with("cookies_per_second", cookies)
            .with("cookies_returned_per_second", second.returned)
            .with("completed_per_second", completed)
            .with("dropped_per_second", dropped)
            .with("tcp_syncookies", number(self.kernel, "net/ipv4/tcp_syncookies"));
        Some(finding.advise(
            "net.ipv4.tcp_syncookies=1 (the default); a larger backlog by listen() and \
             net.core.somaxconn: tcp_max_syn_backlog matters only without cookies",
        ))
    }

    /// Of a few sources; or of many, where no more is turned away than gets through: then it is no flood.
    fn lossy(&self, at: &HalfOpen, second: Option<&Second>) -> Option<Finding> {
        let (port, is_much) = (at.port, at.is_much && at.median >= 1);
        let least = if is_much { 1 } else { 2 };
        let again: Vec<&Socket> =
            at.sample.iter().filter(|socket| socket.retransmits() >= least).collect();
        let n = again.len() as u64;
        let sources = counts(again.iter().map(|socket| socket.remote.canonical()));
        let few: u64 = sources.iter().take(5).map(|(_, count)| count).sum();
        let is_few = (n as f64) >= self.threshold("syn-received-lossy") && few * 100 >= n * MOST;
        if n == 0 || !(is_few || is_much) {
            return None;
        }
        let names: Vec<String> = sources.iter().take(5).map(|(from, _)| from.to_string()).collect();
        let came = |second: &Second| second.completed + second.dropped + second.cookies > 0;
        let is_quiet = !second.is_some_and(came);
        let times = if is_much { "again" } else { "again twice or more" };
        let message = format!(
            "{n} SYN-RECEIVED at port {port} whose SYN-ACK was sent {times}, from {}{}",
            first(&names, sources.len()),
            match (is_few, is_quiet) {
                (true, _) => "",
                (_, true) =>
                    "; nothing completed or was dropped meanwhile: it may be a flood that is over",
                (_, false) => "; not more is dropped than completes",
            }
        );
        let finding =
            self.found("syn-received-lossy", Severity::Warning, format!("port {port}"), message);
        let finding = finding
            .with("syn_received", n)
            .with("sources", names)
            .with("source_count", sources.len())
            .with("completed_per_second", second.map(|second| second.completed))
            .with("dropped_per_second", second.map(|second| second.dropped));
        Some(finding.advise(match is_few || !is_quiet {
            true => {
                "our SYN-ACK or their ACK is lost: the way back to them, or a firewall that sees one \
                 direction only"
            }
            false => {
                "look again while it goes on; else our SYN-ACK or their ACK is lost: the way back to \
                 them, or a firewall that sees one direction only"
            }
        }))
    }
}
