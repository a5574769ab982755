//! Servers that say nothing, or not what others say.

use crate::class::Class;
use crate::config::{Choice, Origin, Server};
use crate::measurement::Pair;
use crate::{Measurement, Setup};
use netdiag_engine::outcome::Reason;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;
use std::collections::{BTreeMap, BTreeSet};

/// The port of DNS.
const PORT: u16 = 53;
/// So many queries without a word are no accident.
const LEAST: u64 = 2;

impl Measurement {
    /// The pairs of a server.
    fn pairs_of(&self, server: usize) -> impl Iterator<Item = (usize, &Pair)> {
        let targets = 0..self.own();
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
        let others = (0..self.own()).any(|it| self.is_answered_elsewhere(it, 0));
        if !is_list || silent < LEAST || heard > 0 || !others {
            return None;
        }
        let is_waited_for = self.pairs_of(0).any(|(_, pair)| pair.classes.get(Class::Timeout) > 0);
        // What programs wait by; without a look at them the defaults of resolv.conf(5).
        let options = setup.map(Setup::options).unwrap_or_default();
        let refused = self.pairs_of(0).filter_map(|(_, pair)| pair.refused_after).max();
        let refused = refused.filter(|_| !is_waited_for).map(milliseconds);
        let by = if setup.is_some() { "" } else { "with the defaults " };
        let path = setup.map_or_else(|| "/etc/resolv.conf".to_owned(), |it| it.path("resolv.conf"));
        let named = self.named(0);
        let (severity, cost) = match refused {
            // An ICMP error tells them at once (res_send in resolv/res_send.c of glibc).
            Some(ms) => (
                Severity::Warning,
                format!("refuses queries: every new name costs programs {ms:.3} ms"),
            ),
            None => {
                let seconds = options.cost_ms() / 1_000;
                let cost = format!("{by}every new name costs programs {seconds} s");
                (Severity::Critical, format!("does not answer: {cost}"))
            }
        };
        let message = format!("the first server, {named}, {cost} ({silent} of {sent} queries)");
        let finding = Finding::new(None, "dns-first-server-dead", severity, named.clone(), message);
        let finding = finding
            .at("server", named.clone())
            .with("server", named.clone())
            .with("queries", sent)
            .with("unanswered", silent);
        let finding = match refused {
            Some(ms) => finding.with("cost_ms", ms),
            None => finding.with("cost_ms", options.cost_ms()),
        };
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
                let count = pair.classes.get(class);
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

    /// Answers from addresses that were never asked, to questions that got no other.
    pub(super) fn answered_by_others(&self) -> Vec<Finding> {
        let servers = self.config.servers.iter().enumerate();
        let strange = servers.filter_map(|(place, server)| {
            let silent =
                self.pairs_of(place).filter(|(_, pair)| pair.class() == Some(Class::Timeout));
            let pairs: Vec<&Pair> = silent.map(|(_, pair)| pair).collect();
            let count = |pair: &&Pair| pair.rejected.get(&Reason::WrongSource).copied();
            let count: u64 = pairs.iter().filter_map(count).sum();
            let senders: BTreeSet<String> =
                pairs.iter().flat_map(|pair| &pair.senders).map(ToString::to_string).collect();
            (count >= LEAST).then(|| (server.short(PORT), count, senders))
        });
        let told = strange.map(|(named, count, senders)| {
            let senders: Vec<String> = senders.into_iter().collect();
            let message = format!(
                "{count} answers to what {named} was asked came from {}, which was never asked; they were \
                 ignored",
                senders.join(", ")
            );
            let code = "dns-answer-rewritten";
            Finding::new(None, code, Severity::Warning, named.clone(), message)
                .at("server", named.clone())
                .with("server", named)
                .with("sources", senders)
                .with("count", count)
                .advise("a server with several addresses, or a path that answers in its place; ask over TCP")
        });
        told.collect()
    }

    /// Datagrams that were no answers, though somebody made them look so.
    pub(super) fn spoof_suspected(&self) -> Option<Finding> {
        /// One or two may be late or lost.
        const SUSPICIOUS: u64 = 3;
        // What does not even look like an answer forges none.
        let forged = self.pairs.iter().flat_map(|pair| &pair.rejected);
        let forged = forged.filter(|(reason, _)| **reason != Reason::NoAnswer);
        let (mut count, mut kinds) = (self.unmatched, BTreeSet::new());
        for (reason, number) in forged {
            count += number;
            kinds.insert(*reason);
        }
        // Where nothing but those came they are told of by themselves.
        let is_told = kinds.iter().all(|it| *it == Reason::WrongSource);
        if is_told && !kinds.is_empty() && !self.answered_by_others().is_empty() {
            return None;
        }
        // Over TLS nobody but the server can say anything.
        if count < SUSPICIOUS || self.config.transport.is_over_tls() {
            return None;
        }
        let senders: Vec<String> =
            self.pairs.iter().flat_map(|pair| &pair.senders).map(ToString::to_string).collect();
        let mut senders = senders;
        senders.sort();
        senders.dedup();
        let mut with: Vec<&str> = kinds.iter().map(|reason| in_words(*reason)).collect();
        with.extend((self.unmatched > 0).then_some("no question of ours"));
        let message = format!(
            "{count} datagrams came as if they were answers, with {}; they were ignored",
            with.join(", ")
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
        let failure = self.pairs_of(server).find_map(|(_, pair)| {
            let last = pair.last.as_ref().filter(|last| last.class == Class::Truncated)?;
            last.failure.as_ref()
        });
        // It opens, and brings nothing that counts.
        let is_open = failure.is_some_and(|it| {
            ["reset", "protocol-error", "malformed"].contains(&it.reason.as_str())
        });
        let why = failure.map(|it| format!(": {}", it.message)).unwrap_or_default();
        let message = format!(
            "{named} says over UDP that there is more, and over TCP does not answer ({lost} of {lost} \
             tries){why}"
        );
        let advice = match is_open {
            true => "that server must answer over TCP, too (RFC 7766)",
            false => "open TCP port 53 to that server",
        };
        let finding =
            Finding::new(None, "dns-truncation-fails", Severity::Warning, named.clone(), message);
        finding
            .at("server", named)
            .with("tries", lost)
            .with("sizes_bytes", sizes)
            .with("rtt_ms", rtt.map(milliseconds))
            .advise(advice)
    }
}

/// What a datagram has that an answer has not.
const fn in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongSequence => "another number",
        Reason::WrongQuestion => "another question",
        Reason::WrongPort => "another port",
        Reason::WrongSource => "another sender",
        Reason::BadTag => "another cookie",
        reason => reason.name(),
    }
}
