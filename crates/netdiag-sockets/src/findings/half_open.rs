//! SYN-RECEIVED, port by port: a flood of strangers, or answers that are lost.

use super::opening::MOST;
use super::second::Second;
use super::{Judge, counts, first};
use crate::counters::number;
use crate::tally::Kin;
use crate::verdict::thousands;
use crate::{Socket, State};
use netdiag_model::finding::{Finding, Severity};

/// So many sources are few.
const FEW: usize = 5;

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

impl HalfOpen {
    /// Whether so many wait that it may be a flood: what was just sent waits as well, but where the queue
    /// is full all of it may be new.
    fn may_be_flooded(&self) -> bool {
        self.is_much && (self.median >= 1 || self.is_full())
    }

    fn is_full(&self) -> bool {
        self.backlog.is_some_and(|limit| limit > 0 && self.count >= limit)
    }

    /// Whether a few sources have most of them.
    fn is_of_few(&self) -> bool {
        let few: u64 = self.sources.iter().take(FEW).map(|(_, count)| count).sum();
        few * 100 >= self.sample.len() as u64 * MOST
    }

    /// What is so where nothing is turned away at this port, though nothing completes there either, and
    /// what it may be.
    fn of_quiet(&self) -> (Severity, String) {
        let quiet = "; within a second none completed there and none was turned away";
        let (severity, why) = match self.backlog {
            Some(limit) if self.is_full() => {
                let full = format!(", though the queue is full, {} of {limit}", self.count);
                (Severity::Warning, format!("{full}: a flood that has just ended"))
            }
            Some(limit) => {
                let room = format!(", since the queue has room, {} of {limit} taken", self.count);
                (
                    Severity::Info,
                    format!("{room}: a flood that is over or has not filled the queue"),
                )
            }
            None => {
                (Severity::Warning, ": a flood that is over or has not filled the queue".to_owned())
            }
        };
        (severity, format!("{quiet}{why}, or the answers to all of them are lost"))
    }

    /// Per cent of the backlog.
    fn share(&self) -> u64 {
        self.backlog.filter(|limit| *limit > 0).map_or(0, |limit| self.count * 100 / limit)
    }
}

impl Judge<'_> {
    /// SYN-RECEIVED, port by port: many strangers, or answers that are lost.
    pub(super) fn received(&mut self) -> Vec<Finding> {
        /// Ports that are told of one by one.
        const EACH: usize = 8;
        let of_port = |(kin, count)| match kin {
            Kin::Port(port) => Some((port, count)),
            Kin::Owner(_) => None,
        };
        let mut ports: Vec<(u16, u64)> =
            self.seen.tally.syn_received.kin().into_iter().filter_map(of_port).collect();
        ports.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let ports: Vec<HalfOpen> =
            ports.into_iter().map(|(port, count)| self.half_open(port, count)).collect();
        let crowded: Vec<&HalfOpen> = ports.iter().filter(|port| port.may_be_flooded()).collect();
        // The counters of a copy stand still.
        let is_live = self.kernel.origin().is_none();
        let second = (is_live && !crowded.is_empty())
            .then(|| self.second(&crowded.iter().map(|port| port.port).collect::<Vec<_>>()));
        // Cookies are counted for all listeners, and are what one whose queue is full answers by.
        let fullest = crowded.iter().map(|port| port.share()).max().unwrap_or(0);
        let mut found = Vec::new();
        for port in &ports {
            let second = second.as_ref().map(|second| match port.share() >= fullest.min(75) {
                true => second.clone(),
                false => second.without_cookies(),
            });
            let finding = self.flood(port, second.as_ref()).or_else(|| {
                let completed = second.as_ref().map(|second| second.at(port.port).completed);
                self.lossy(port, completed)
            });
            let is_listed = self.seen.tally.lists(port.port);
            found.extend(finding.map(|finding| (finding, is_listed)));
        }
        found.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
        self.told(found, EACH, ("port", "ports"))
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
        let backlog = listener.and_then(Socket::accept_limit).map(u64::from);
        let is_half = backlog.is_some_and(|limit| limit > 0 && count >= 16 && count * 2 >= limit);
        let is_much = is_half || count as f64 >= self.threshold("syn-received-flood");
        HalfOpen { port, count, sample, backlog, median, sources, is_much }
    }

    /// More is turned away at that port than gets through there; or nothing gets through, though nothing
    /// is turned away either: that may be a flood that has not filled the queue, or one that is over, and
    /// is no warning while the queue has room.
    fn flood(&mut self, at: &HalfOpen, second: Option<&Second>) -> Option<Finding> {
        let HalfOpen { port, count, sources, .. } = at;
        let here = second.map(|second| second.at(*port));
        let cookies = second.map_or(0, |second| second.cookies);
        if !at.may_be_flooded() || (cookies == 0 && at.is_of_few()) {
            return None;
        }
        let is_turning_away = here.is_some_and(|here| here.turned_away > here.completed);
        if !is_turning_away && here.is_some_and(|here| here.completed > 0) {
            return None;
        }
        let (severity, meanwhile) = match (here, second) {
            (Some(here), Some(second)) if is_turning_away => {
                let elsewhere = match second.completed {
                    all if all > here.completed => format!(" ({all} at all ports)"),
                    _ => String::new(),
                };
                let meanwhile = format!(
                    "; within a second {} completed there{elsewhere}, {} dropped, {cookies} answered by a \
                     cookie",
                    here.completed, here.dropped
                );
                (Severity::Critical, meanwhile)
            }
            (Some(_), _) => at.of_quiet(),
            (None, _) => (
                Severity::Warning,
                ": probably a flood, unless the answers to all of them are lost; what completes and \
                 what is dropped a copy does not tell"
                    .to_owned(),
            ),
        };
        let message = format!(
            "{} SYN-RECEIVED at port {port} from {} sources{meanwhile}",
            thousands(*count),
            self.at_least(sources.len(), at)
        );
        let finding = self.found("syn-received-flood", severity, format!("port {port}"), message);
        let finding = finding
            .at("socket", format!(":{port}"))
            .with("syn_received", *count)
            .with("looked_at", at.sample.len())
            .with("sources", sources.len())
            .with("backlog", at.backlog)
            .with("median_retransmits", at.median)
            .with("cookies_per_second", second.map(|second| second.cookies))
            .with("cookies_returned_per_second", second.map(|second| second.returned))
            .with("completed_per_second", here.map(|here| here.completed))
            .with("completed_at_all_ports_per_second", second.map(|second| second.completed))
            .with("dropped_per_second", here.map(|here| here.dropped))
            .with("tcp_syncookies", number(self.kernel, "net/ipv4/tcp_syncookies"));
        Some(finding.advise(match severity {
            Severity::Info => {
                "look again in a minute or two: a flood that is over is gone by then, and one that goes on \
                 fills the queue; what stays as it is are answers that get lost, on the way back to them"
            }
            _ => {
                "net.ipv4.tcp_syncookies=1 (the default); a larger backlog by listen() and \
                 net.core.somaxconn: tcp_max_syn_backlog matters only without cookies"
            }
        }))
    }

    /// A number of the sample, which is of all where it is all.
    fn at_least(&self, number: usize, at: &HalfOpen) -> String {
        match at.sample.len() as u64 >= at.count {
            true => number.to_string(),
            false => format!("at least {number}"),
        }
    }

    /// Of a few sources; or of many, where more get through: then it is no flood. `completed`: how many did
    /// at that port within a second.
    fn lossy(&self, at: &HalfOpen, completed: Option<u64>) -> Option<Finding> {
        let (port, is_much) = (at.port, at.may_be_flooded());
        let least = if is_much { 1 } else { 2 };
        let again: Vec<&Socket> =
            at.sample.iter().filter(|socket| socket.retransmits() >= least).collect();
        let n = again.len() as u64;
        let sources = counts(again.iter().map(|socket| socket.remote.canonical()));
        let few: u64 = sources.iter().take(FEW).map(|(_, count)| count).sum();
        let is_few = (n as f64) >= self.threshold("syn-received-lossy") && few * 100 >= n * MOST;
        if n == 0 || !(is_few || is_much) {
            return None;
        }
        let names: Vec<String> =
            sources.iter().take(FEW).map(|(from, _)| from.to_string()).collect();
        let times = if is_much { "again" } else { "again twice or more" };
        let message = format!(
            "{} SYN-RECEIVED at port {port} whose SYN-ACK was sent {times}, from {}{}",
            self.at_least(again.len(), at),
            first(&names, sources.len()),
            match completed {
                Some(0) => "; within a second none completed there".to_owned(),
                Some(n) if !is_few => format!("; {n} others completed there within a second"),
                _ => String::new(),
            }
        );
        let finding =
            self.found("syn-received-lossy", Severity::Warning, format!("port {port}"), message);
        let finding = finding
            .at("socket", format!(":{port}"))
            .with("syn_received", n)
            .with("all_syn_received", self.seen.tally.all_of(State::SynReceived))
            .with("sources", names)
            .with("source_count", sources.len())
            .with("completed_per_second", completed);
        Some(finding.advise(
            "our SYN-ACK or their ACK is lost: the way back to them, or a firewall that sees one \
             direction only",
        ))
    }
}
