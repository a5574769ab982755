//! What validation asks for, and what it makes of the answers.

use super::chain::{Chain, Source};
use super::rrset::{Owner, Part, sets};
use super::{Anchors, Dnssec, DnssecStatus};
use crate::class::Class;
use crate::config::{Config, Target};
use crate::kind::{RecordClass, RecordType};
use crate::measurement::Measurement;
use crate::question::{DomainName, Question};
use crate::result;
use domain::base::ToName;
use domain::base::iana::Rtype;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{ClockAnchor, Instant, Untrusted};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// Rounds of questions: an answer that leads to other names needs the keys of their zones, too.
const MOST_ROUNDS: usize = 6;
/// Questions for keys in all.
const MOST_ASKED: usize = 400;

/// Validation of the answers to some questions.
#[derive(Clone, Debug)]
pub struct Validation {
    anchors: Anchors,
    clock: ClockAnchor,
    /// How many questions are the user's.
    own: usize,
    rounds: usize,
    asked: BTreeSet<(String, RecordType)>,
    /// What was said, by name and type, by each server.
    said: BTreeMap<(String, RecordType), Vec<Option<Heard>>>,
    is_over: bool,
}

/// What a server said to a question.
#[derive(Clone, Debug)]
struct Heard {
    class: Class,
    bytes: Vec<u8>,
    at: Instant,
}

impl Validation {
    /// Validation from these anchors, with a clock that tells the time of answers.
    #[must_use]
    pub const fn new(anchors: Anchors, clock: ClockAnchor) -> Self {
        Self {
            anchors,
            clock,
            own: 0,
            rounds: 0,
            asked: BTreeSet::new(),
            said: BTreeMap::new(),
            is_over: false,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many questions of the first round are the user's.
    pub(crate) const fn own(&self) -> usize {
        self.own
    }

    /// The questions, with those for keys behind them.
    pub(crate) fn first(&mut self, config: &Config) -> Config {
        self.own = config.targets.len();
        let mut first = config.clone();
        for target in &config.targets {
            let name = target.question.name.presented().as_str().to_ascii_lowercase();
            self.asked.insert((name.clone(), target.question.kind));
        }
        let names: Vec<Owner> = config
            .targets
            .iter()
            .filter_map(|it| Owner::from_str(it.question.name.presented().as_str()).ok())
            .collect();
        first.targets.extend(self.keys(&names));
        first
    }

    /// Questions for the keys of all zones that may be above these names.
    fn keys(&mut self, names: &[Owner]) -> Vec<Target> {
        let mut all = Vec::new();
        for name in names {
            let Some(anchor) = self.anchors.above(name) else { continue };
            let depth = anchor.zone.label_count();
            let suffixes: Vec<Owner> = name
                .iter_suffixes()
                .map(|suffix| suffix.to_name())
                .filter(|suffix: &Owner| suffix.label_count() >= depth)
                .collect();
            for suffix in suffixes {
                let shown = suffix.fmt_with_dot().to_string().to_ascii_lowercase();
                for kind in [RecordType::DNSKEY, RecordType::DS] {
                    let is_needed = kind == RecordType::DNSKEY || suffix.label_count() > depth;
                    let is_new = is_needed
                        && self.asked.len() < MOST_ASKED
                        && self.asked.insert((shown.clone(), kind));
                    let Some(name) = DomainName::parse(&shown).ok().filter(|_| is_new) else {
                        continue;
                    };
                    let question = Question { name, kind, class: RecordClass::IN };
                    let given = Untrusted::from(shown.as_str());
                    all.push(Target { given, question, group: 0 });
                }
            }
        }
        all
    }

    /// Takes what a round found; the next one, where names were met whose zones were not asked for.
    pub(crate) fn advance(&mut self, measured: &Measurement, config: &Config) -> Option<Config> {
        if self.is_over {
            return None;
        }
        self.rounds += 1;
        let names = self.take(measured);
        let targets = self.keys(&names);
        if targets.is_empty() || self.rounds >= MOST_ROUNDS {
            self.is_over = true;
            return None;
        }
        let mut next = config.clone();
        next.targets = targets;
        Some(next)
    }

    /// Keeps what was said; the names of all records in answers.
    fn take(&mut self, measured: &Measurement) -> Vec<Owner> {
        let mut names = Vec::new();
        for (place, target) in measured.config.targets.iter().enumerate() {
            let shown = target.question.name.presented().as_str().to_ascii_lowercase();
            let heard = (0..measured.config.servers.len()).map(|server| {
                let pair = measured.pairs.get(measured.config.pair(place, server))?;
                let last = pair.last.as_ref().filter(|last| !last.bytes.is_empty())?;
                Some(Heard { class: last.class, bytes: last.bytes.clone(), at: last.sent_at })
            });
            let heard: Vec<Option<Heard>> = heard.collect();
            let bytes = heard.iter().flatten().map(|heard| heard.bytes.as_slice());
            let own = bytes.filter_map(|bytes| sets(bytes, Part::Answer)).flatten();
            names
                .extend(own.flat_map(|set| std::iter::once(set.owner.clone()).chain(set.target())));
            self.said.insert((shown, target.question.kind), heard);
        }
        names
    }

    /// Says of each answer what it is worth.
    pub(crate) fn judge(&self, results: &mut [result::Target], config: &Config) {
        for (target, asked) in results.iter_mut().zip(&config.targets) {
            let shown = asked.question.name.presented();
            let Ok(name) = Owner::from_str(shown.as_str()) else { continue };
            for result in &mut target.results {
                let place = config.servers.iter().position(|it| it.endpoint() == result.server);
                let Some(server) = place else { continue };
                let at = self.at(&name, asked.question.kind, server);
                let Some(at) = at else { continue };
                let seconds = self.clock.unix_nanos_at(at).div_euclid(1_000_000_000);
                // Times of signatures are counted round 2^32 (RFC 4034 section 3.1.5).
                let now = seconds.rem_euclid(1 << 32) as u32;
                let by = ByServer { said: &self.said, server };
                let kind = Rtype::from_int(asked.question.kind.0);
                let chain = Chain::new(&by, &self.anchors, now);
                result.dnssec = Some(chain.validate(&name, kind));
            }
        }
    }

    fn at(&self, name: &Owner, kind: RecordType, server: usize) -> Option<Instant> {
        let shown = name.fmt_with_dot().to_string().to_ascii_lowercase();
        self.said.get(&(shown, kind))?.get(server)?.as_ref().map(|heard| heard.at)
    }
}

/// What is bogus, and answers that are worth no more than without validation.
pub(crate) fn findings(results: &[result::Target]) -> Vec<Finding> {
    let mut all = Vec::new();
    for (index, target) in results.iter().enumerate() {
        for result in &target.results {
            let Some(dnssec) = &result.dnssec else { continue };
            match dnssec.status {
                DnssecStatus::Bogus => all.push(bogus(index, target, result, dnssec)),
                DnssecStatus::Indeterminate if result.outcome == Class::Answer => {
                    all.push(unproved(index, target, result, dnssec));
                }
                _ => {}
            }
        }
    }
    all
}

fn bogus(
    index: usize,
    target: &result::Target,
    result: &result::ServerResult,
    dnssec: &Dnssec,
) -> Finding {
    let subject = format!("{} {}", target.name, target.kind);
    let why = dnssec.reason.clone().unwrap_or_default();
    let message = format!("{subject} from {} is bogus: {why}", result.server);
    let is_secure = |it: &result::ServerResult| {
        it.dnssec.as_ref().is_some_and(|it| it.status == DnssecStatus::Secure)
    };
    let advice = match dnssec.may_be_the_clock {
        true => "look at the clock of this machine first: it decides, and it is about a day",
        false if target.results.iter().any(is_secure) => {
            "others send what is signed: this server, or the path to it, changes answers"
        }
        false => "who has the zone must sign it anew, or have the right DS published above it",
    };
    Finding::new(Some(index), "dnssec-bogus", Severity::Critical, subject, message)
        .at("server", result.server.clone())
        .with("server", result.server.clone())
        .with("reason", dnssec.code.clone())
        .with("record", why)
        .with("zones", dnssec.zones.clone())
        .advise(advice)
}

fn unproved(
    index: usize,
    target: &result::Target,
    result: &result::ServerResult,
    dnssec: &Dnssec,
) -> Finding {
    let subject = format!("{} {}", target.name, target.kind);
    let why = dnssec.reason.clone().unwrap_or_default();
    let message = format!("{subject} from {} is not validated: {why}", result.server);
    let advice = if target.kind == "RRSIG" {
        "ask for a type that is signed"
    } else if why.starts_with("no anchor") {
        "name the anchor of its zone, or one above: `--anchor FILE`"
    } else {
        "somebody drops what a proof needs: ask another server, or over TCP"
    };
    Finding::new(Some(index), "dnssec-unvalidated", Severity::Warning, subject, message)
        .at("server", result.server.clone())
        .with("server", result.server.clone())
        .with("reason", why)
        .advise(advice)
}

/// What one server said; where it was not asked, any other.
struct ByServer<'a> {
    said: &'a BTreeMap<(String, RecordType), Vec<Option<Heard>>>,
    server: usize,
}

impl Source for ByServer<'_> {
    fn message(&self, name: &Owner, kind: Rtype) -> Option<(Class, &[u8])> {
        let shown = name.fmt_with_dot().to_string().to_ascii_lowercase();
        let heard = self.said.get(&(shown, RecordType(kind.to_int())))?;
        let own = heard.get(self.server).and_then(Option::as_ref);
        let heard = own.or_else(|| heard.iter().flatten().next())?;
        Some((heard.class, &heard.bytes))
    }
}
