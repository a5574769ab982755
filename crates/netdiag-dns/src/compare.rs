//! What several servers say to one question, next to each other.

use crate::Measurement;
use crate::class::Class;
use crate::config::{Choice, Config, Target};
use crate::event::Settled;
use crate::findings::grouped;
use crate::kind::RecordType;
use crate::message::Record;
use crate::question::Question;
use crate::setup::invented;
use crate::verdict::TOLD;
use netdiag_model::finding::Finding;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that servers say differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// What differs.
    pub what: DifferenceKind,
    /// The record that it is about: name, type, data; `null` where it is about none.
    pub record: Option<String>,
    /// What each server says, in their order; those that say nothing do not stand here.
    pub values: Vec<Said>,
}

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// What became of the question.
    Outcome,
    /// A record is there: `present` or `absent`.
    Record,
    /// How long a record may be kept, in seconds.
    Ttl,
    /// The serial number of the zone.
    Serial,
}

/// What one server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Said {
    /// The server, as in `results`.
    pub server: String,
    /// What it says.
    pub value: String,
}

/// A record as servers agree on it: whose, of what type, what; in lower case where case does not
/// matter.
type Key = (String, RecordType, String);

fn key(record: &Record) -> Key {
    let is_name = matches!(record.number.0, 2 | 5 | 12 | 15 | 33 | 39);
    let data = record.data.as_str();
    let data = if is_name { data.to_ascii_lowercase() } else { data.to_owned() };
    (record.name.as_str().to_ascii_lowercase(), record.number, data)
}

/// The records of an answer without signatures, which differ from server to server.
fn keys(settled: &Settled) -> BTreeMap<Key, u32> {
    let answers = settled.message.iter().flat_map(|message| &message.answers);
    let own = answers.filter(|record| record.number != RecordType::RRSIG);
    own.map(|record| (key(record), record.ttl)).collect()
}

/// The serial number in the SOA record of an answer, where it has one.
#[must_use]
pub fn serial(settled: &Settled) -> Option<u32> {
    let message = settled.message.as_ref()?;
    let mut records = message.answers.iter().chain(&message.authorities);
    let soa = records.find(|record| record.number == RecordType::SOA)?;
    soa.data.as_str().split(' ').nth(2)?.parse().ok()
}

impl Measurement {
    /// What each server said last to a question, by the number of the server; `back`: the time
    /// before.
    fn said(&self, target: usize, back: bool) -> Vec<(usize, &Settled)> {
        let servers = 0..self.config.servers.len();
        let said = servers.filter_map(|server| {
            let pair = self.pairs.get(self.config.pair(target, server))?;
            let settled = if back { pair.before.as_deref() } else { pair.last.as_deref() };
            settled.filter(|settled| settled.class.is_said()).map(|settled| (server, settled))
        });
        said.collect()
    }

    /// Whether servers say different things to a question: another outcome, or sets of records that
    /// have nothing in common. Sets that overlap are a rotation.
    pub(crate) fn is_doubtful(&self, target: usize) -> bool {
        self.disagree(&self.said(target, false))
    }

    /// The same both times that they were asked.
    pub(crate) fn is_disagreed(&self, target: usize) -> bool {
        self.is_doubtful(target) && self.disagree(&self.said(target, true))
    }

    /// The same of what they say of the name: of a server that fails that is told.
    pub(crate) fn is_disputed(&self, target: usize) -> bool {
        let differ = |back| {
            let mut said = self.said(target, back);
            said.retain(|(_, settled)| !settled.class.is_failure());
            self.disagree(&said)
        };
        differ(false) && differ(true)
    }

    fn disagree(&self, said: &[(usize, &Settled)]) -> bool {
        if said.len() < 2 {
            return false;
        }
        let classes: BTreeSet<Class> = said.iter().map(|(_, settled)| settled.class).collect();
        if classes.len() > 1 {
            return true;
        }
        if classes.first() != Some(&Class::Answer) {
            return false;
        }
        let sets: Vec<BTreeMap<Key, u32>> = said.iter().map(|(_, settled)| keys(settled)).collect();
        sets.iter().enumerate().any(|(place, one)| {
            sets.iter().skip(place + 1).any(|other| !one.keys().any(|key| other.contains_key(key)))
        })
    }

    /// Whether the servers that say something say the same, but for times; `None` where fewer than two
    /// do.
    #[must_use]
    pub fn agree(&self, target: usize) -> Option<bool> {
        let said = self.said(target, false);
        let first = said.first().filter(|_| said.len() > 1)?.1;
        let same = |settled: &Settled| {
            settled.class == first.class && keys(settled).keys().eq(keys(first).keys())
        };
        Some(said.iter().all(|(_, settled)| same(settled)))
    }

    /// All that the servers say differently to a question.
    #[must_use]
    pub fn differences(&self, target: usize) -> Vec<Difference> {
        let said = self.said(target, false);
        if said.len() < 2 {
            return Vec::new();
        }
        let mut all = Vec::new();
        let outcome = |(server, settled): &(usize, &Settled)| {
            self.word(*server, settled.class.name().to_owned())
        };
        note(DifferenceKind::Outcome, None, said.iter().map(outcome).collect(), &mut all);
        let sets: Vec<(usize, BTreeMap<Key, u32>)> = said
            .iter()
            .filter(|(_, settled)| settled.class == Class::Answer)
            .map(|(server, settled)| (*server, keys(settled)))
            .collect();
        let keys: BTreeSet<&Key> = sets.iter().flat_map(|(_, set)| set.keys()).collect();
        for key in keys {
            let named = format!("{} {} {}", key.0, key.1, key.2);
            let presence = |(server, set): &(usize, BTreeMap<Key, u32>)| {
                let value = if set.contains_key(key) { "present" } else { "absent" };
                self.word(*server, value.to_owned())
            };
            let values = sets.iter().map(presence).collect();
            note(DifferenceKind::Record, Some(&named), values, &mut all);
            let times = sets.iter().filter_map(|(server, set)| {
                set.get(key).map(|ttl| self.word(*server, ttl.to_string()))
            });
            note(DifferenceKind::Ttl, Some(&named), times.collect(), &mut all);
        }
        let serials = said.iter().filter_map(|(server, settled)| {
            serial(settled).map(|serial| self.word(*server, serial.to_string()))
        });
        note(DifferenceKind::Serial, None, serials.collect(), &mut all);
        all
    }

    /// The serial numbers that the servers tell that disagree: a round of its own asks them for these.
    pub(crate) fn serials(&self) -> Option<Config> {
        let is_due = self.config.choice == Choice::Each
            && self.config.count == 1
            && self.config.setup.is_none()
            && !self.is_stopped();
        let places = (0..self.config.targets.len()).filter(|target| self.is_disputed(*target));
        let targets = places.take(TOLD).filter_map(|place| self.config.targets.get(place));
        let targets = targets.map(|target| {
            let question = Question { kind: RecordType::SOA, ..target.question.clone() };
            Target { question, ..target.clone() }
        });
        let mut targets: Vec<Target> = targets.collect();
        targets.extend(self.contested().into_iter().flat_map(|own| {
            invented(&self.config.secret, own.question.name.presented().as_str(), own)
        }));
        if !is_due || targets.is_empty() {
            return None;
        }
        let mut next = Config::clone(&self.config);
        next.targets = targets;
        Some(next)
    }

    /// A name that has an address for one server, and does not exist for another: who says the former may say
    /// so of any.
    fn contested(&self) -> Option<&Target> {
        let classes = |place| self.said(place, false).into_iter().map(|(_, it)| it.class);
        let is_it = |place: &usize| {
            self.is_disputed(*place)
                && classes(*place).any(|it| it == Class::Answer)
                && classes(*place).any(|it| it == Class::Nxdomain)
        };
        let place = (0..self.config.targets.len()).find(is_it)?;
        let target = self.config.targets.get(place);
        target.filter(|it| matches!(it.question.kind, RecordType::A | RecordType::AAAA))
    }

    /// Servers that have an address for names that do not exist, by a round that asked for some.
    pub(crate) fn rewriters(&self) -> Vec<Finding> {
        let invented = self.config.targets.iter().rev();
        let invented = invented.take_while(|it| it.question.kind != RecordType::SOA).count();
        if invented > 1 { self.rewritten_last() } else { Vec::new() }
    }

    /// Adds to a finding about a name what its servers said when they were asked for serial numbers.
    pub(crate) fn tell_serials(&self, finding: &mut Finding) {
        let is_it = |target: &Target| {
            finding.subject.split(' ').next() == Some(target.question.name.presented().as_str())
        };
        let place = self.config.targets.iter().position(is_it);
        let Some(place) = place.filter(|_| finding.code == "dns-servers-disagree") else { return };
        let said = self.said(place, false).into_iter();
        let said = said.filter_map(|(server, settled)| {
            serial(settled).map(|serial| self.word(server, serial.to_string()))
        });
        let said: Vec<Said> = said.collect();
        if said.len() < 2 {
            return;
        }
        let all: Vec<u32> = said.iter().filter_map(|it| it.value.parse().ok()).collect();
        let is_same = said.windows(2).all(|two| matches!(two, [a, b] if a.value == b.value));
        let (told, advice) = match is_same {
            true => {
                ("the same serial", "views for different clients: what they have is one version")
            }
            false => ("serials", "a transfer between them that has failed, or has not come yet"),
        };
        finding.message = format!("{}; {told}: {}", finding.message, grouped(&said));
        finding.advice = Some(advice.to_owned());
        finding.evidence.insert("serials".to_owned(), all.into());
    }

    fn word(&self, server: usize, value: String) -> Said {
        let server = self.config.servers.get(server).map(|it| it.endpoint()).unwrap_or_default();
        Said { server, value }
    }
}

/// Adds a difference, if there is one.
fn note(what: DifferenceKind, record: Option<&str>, values: Vec<Said>, all: &mut Vec<Difference>) {
    let differ = values.windows(2).any(|pair| matches!(pair, [a, b] if a.value != b.value));
    if differ {
        all.push(Difference { what, record: record.map(ToOwned::to_owned), values });
    }
}
