//! Servers that say nothing, or not what others say.

use crate::class::Class;
use crate::config::{Choice, Origin, Server};
use crate::measurement::Pair;
use crate::{Measurement, Setup};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;
use std::collections::BTreeMap;

/// The port of DNS.
const PORT: u16 = 53;
/// So many queries without a word are no accident.
const LEAST: u64 = 2;

impl Measurement {
    /// The pairs of a server.
    fn pairs_of(&self, server: usize) -> impl Iterator<Item = (usize, &Pair)> {
        let targets = 0..self.config.targets.len();
        targets.filter_map(move |target| {
            Some((target, self.pairs.get(self.config.pair(target, server))?))
        })
    }

    fn named(&self, server: usize) -> String {
        self.config.servers.get(server).map(|server| server.short(PORT)).unwrap_or_default()
    }

    /// Whether a server other than this one said something to a question.
    fn is_answered_elsewhere(&self, target: usize, server: usize) -> bool {
        (0..self.config.servers.len()).filter(|other| *other != server).any(|other| {
            let pair = self.pairs.get(self.config.pair(target, other));
            pair.and_then(|pair| pair.class()).is_some_and(Class::is_about_name)
        })
    }

    /// The first server of resolv.conf says nothing, and another does: every program waits for it.
    pub(super) fn first_server_dead(&self) -> Option<Finding> {
        let first = self.config.servers.first()?;
        let setup = self.config.setup.as_ref();
        let is_list = (self.config.choice == Choice::FirstThatAnswers || setup.is_some())
            && first.origin == Origin::ResolvConf
            && self.config.servers.len() > 1;
        let asked = self.pairs_of(0).filter(|(_, pair)| pair.begun > 0);
        let (sent, silent, heard) = asked.fold((0, 0, 0), |(sent, silent, heard), (_, pair)| {
            let counters = pair.stats.counters();
            (sent + counters.sent(), silent + pair.silent(), heard + counters.received())
        });
        let others = (0..self.config.targets.len()).any(|it| self.is_answered_elsewhere(it, 0));
        if !is_list || silent < LEAST || heard > 0 || !others {
            return None;
        }
        let is_waited_for =
            self.pairs_of(0).any(|(_, pair)| pair.classes.contains_key(&Class::Timeout));
        // What programs wait by; without a look at them the defaults of resolv.conf(5).
        let options = setup.map(Setup::options).unwrap_or_default();
        let cost_ms = if is_waited_for { options.cost_ms() } else { 0 };
        let by = if setup.is_some() { "" } else { "with the defaults " };
        let path = setup.map_or_else(|| "/etc/resolv.conf".to_owned(), |it| it.path("resolv.conf"));
        let named = self.named(0);
        let cost = match cost_ms / 1_000 {
            // An ICMP error tells them at once (res_send in resolv/res_send.c of glibc).
            0 => "refuses queries: programs ask the next one at once".to_owned(),
            seconds => format!("does not answer: {by}every new name costs programs {seconds} s"),
        };
        let message = format!("the first server, {named}, {cost} ({silent} of {sent} queries)");
        let finding =
            Finding::new(None, "dns-first-server-dead", Severity::Critical, named.clone(), message);
        let finding = finding
            .at("server", named.clone())
            .with("server", named.clone())
            .with("queries", sent)
            .with("unanswered", silent)
            .with("cost_ms", cost_ms);
        let meanwhile = if is_waited_for { "; meanwhile `options timeout:1`" } else { "" };
        Some(finding.advise(format!(
            "remove the line `nameserver {named}` from {path} or put it last{meanwhile}"
        )))
    }

    /// Servers that fail for a name that others answer.
    pub(super) fn servers_failing(&self, first_is_dead: bool) -> Vec<Finding> {
        let servers = self.config.servers.iter().enumerate().skip(usize::from(first_is_dead));
        servers.filter_map(|(place, server)| self.server_failing(place, server)).collect()
    }

    fn server_failing(&self, place: usize, server: &Server) -> Option<Finding> {
        let failing =
            [Class::Timeout, Class::Unreachable, Class::Servfail, Class::Refused, Class::Formerr];
        let mut counts = BTreeMap::new();
        let mut error = None;
        for (target, pair) in self.pairs_of(place) {
            if !self.is_answered_elsewhere(target, place) {
                continue;
            }
            for class in failing {
                let count = pair.classes.get(&class).copied().unwrap_or_default();
                *counts.entry(class).or_insert(0) += count;
            }
            let message = pair.last.as_ref().and_then(|last| last.message.as_ref());
            let said = message.and_then(|message| message.edns.as_ref()?.ede.first());
            error = error.or_else(|| said.cloned());
        }
        let all: u64 = counts.values().sum();
        let (worst, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        if all < LEAST {
            return None;
        }
        let named = server.short(PORT);
        let why = error.map(|error| format!(", {error}")).unwrap_or_default();
        let message =
            format!("{named} fails for what others answer: {} {count} times{why}", worst.name());
        let finding =
            Finding::new(None, "dns-server-failing", Severity::Warning, named.clone(), message);
        Some(
            finding
                .at("server", named)
                .with("outcome", worst.name())
                .with("failed", all)
                .with("threshold", LEAST),
        )
    }

    /// Datagrams that were no answers, though somebody made them look so.
    pub(super) fn spoof_suspected(&self) -> Option<Finding> {
        /// One or two may be late or lost.
        const SUSPICIOUS: u64 = 3;
        let of_pairs = self.pairs.iter().flat_map(|pair| pair.rejected.values()).sum::<u64>();
        let count = of_pairs + self.unmatched;
        // Over TLS nobody but the server can say anything.
        if count < SUSPICIOUS || self.config.transport.is_over_tls() {
            return None;
        }
        let senders: Vec<String> =
            self.pairs.iter().flat_map(|pair| &pair.senders).map(ToString::to_string).collect();
        let mut senders = senders;
        senders.sort();
        senders.dedup();
        let message = format!(
            "{count} datagrams came as if they were answers, with another number, question, port or \
             sender; they were ignored"
        );
        let subject = senders.first().cloned().unwrap_or_else(|| "this run".to_owned());
        let finding =
            Finding::new(None, "dns-spoof-suspected", Severity::Warning, subject, message);
        Some(
            finding
                .with("count", count)
                .with("sources", senders)
                .with("threshold", SUSPICIOUS)
                .advise(
                    "somebody races the server on the path, or answers in its place; ask over TCP",
                ),
        )
    }

    /// Answers that do not fit a datagram, of servers that do not talk TCP.
    pub(super) fn truncation_fails(&self) -> Vec<Finding> {
        let servers = 0..self.config.servers.len();
        let lost = |server| {
            let pairs = self.pairs_of(server).map(|(_, pair)| pair);
            pairs.map(|pair| pair.truncations_lost).sum::<u64>()
        };
        let bad = servers.map(|server| (server, lost(server))).filter(|(_, lost)| *lost >= LEAST);
        bad.map(|(server, lost)| self.truncation_fails_at(server, lost)).collect()
    }

    fn truncation_fails_at(&self, server: usize, lost: u64) -> Finding {
        let named = self.named(server);
        let sizes = self.pairs_of(server).filter_map(|(_, pair)| {
            let last = pair.last.as_ref().filter(|last| last.class == Class::Truncated)?;
            last.message.as_ref().map(|message| message.size)
        });
        let sizes: Vec<usize> = sizes.collect();
        let rtt = self.pairs_of(server).find_map(|(_, pair)| pair.last.as_ref()?.rtt);
        let message = format!(
            "{named} says over UDP that there is more, and over TCP says nothing ({lost} of {lost} tries)"
        );
        let finding =
            Finding::new(None, "dns-truncation-fails", Severity::Warning, named.clone(), message);
        finding
            .at("server", named)
            .with("tries", lost)
            .with("sizes_bytes", sizes)
            .with("rtt_ms", rtt.map(milliseconds))
            .advise("open TCP port 53 to that server")
    }
}
