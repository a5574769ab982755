//! What the servers of one zone said.

use super::hints::Host;
use crate::class::Class;
use crate::compare::serial;
use crate::event::Settled;
use crate::kind::RecordType;
use crate::measurement::Measurement;
use crate::message::{Message, Record};
use crate::text::Presented;
use netdiag_model::{Untrusted, milliseconds};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The questions of a round, by their places: what was asked for, and what the zone says of itself.
pub(super) const WANTED: usize = 0;
pub(super) const SOA: usize = 1;
pub(super) const NS: usize = 2;

/// A zone, and what each of its servers said.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// The name of the zone, in lower case.
    pub(super) zone: String,
    /// What was asked for, where a CNAME led there.
    pub(super) asked: Option<String>,
    /// The servers as the zone above names them.
    pub(super) named: BTreeSet<String>,
    /// Names that no address is known of.
    pub(super) unreachable: Vec<String>,
    pub(super) servers: Vec<Said>,
    /// Servers have different serial numbers, both times that they were asked.
    pub(super) serials_differ: bool,
    /// They answer differently, both times.
    pub(super) answers_differ: bool,
}

/// What one of them said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) name: Untrusted,
    pub(super) endpoint: String,
    pub(super) class: Class,
    pub(super) rtt_ms: Option<f64>,
    pub(super) serial: Option<u32>,
    /// The data of the answer, or the servers that it leads to.
    pub(super) answers: Vec<Presented>,
    /// Why it does not serve the zone.
    pub(super) lame: Option<String>,
    /// Queries that it was asked.
    pub(super) asked: u64,
    /// The servers of the zone as it names them itself.
    pub(super) own: Option<BTreeSet<String>>,
}

/// Where the name is to be asked for next.
#[derive(Clone, Debug)]
pub(super) struct Referral {
    pub(super) zone: String,
    pub(super) hosts: Vec<Host>,
}

/// Whether a name is the zone or stands below it; both in lower case with their last dots.
pub(super) fn is_below(name: &str, zone: &str) -> bool {
    zone == "." || name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

impl Round {
    /// A zone none of whose servers has an address.
    pub(super) fn unreachable(zone: &str, hosts: &[Host]) -> Self {
        Self {
            zone: zone.to_owned(),
            asked: None,
            named: BTreeSet::new(),
            unreachable: hosts.iter().map(|host| host.name.escaped().to_string()).collect(),
            servers: Vec::new(),
            serials_differ: false,
            answers_differ: false,
        }
    }

    /// What a measurement of three questions to the servers of a zone found.
    pub(super) fn of(measured: &Measurement, zone: &str, hosts: &[Host]) -> Self {
        let servers = measured.config.servers.iter().enumerate();
        let said = servers.map(|(place, server)| said(measured, place, server.endpoint(), zone));
        Self {
            zone: zone.to_owned(),
            asked: None,
            named: hosts.iter().map(|host| host.name.as_raw().to_ascii_lowercase()).collect(),
            unreachable: hosts
                .iter()
                .filter(|host| host.addresses.is_empty())
                .map(|host| host.name.escaped().to_string())
                .collect(),
            servers: said.collect(),
            serials_differ: measured.is_disagreed(SOA),
            answers_differ: measured.is_disagreed(WANTED),
        }
    }
}

fn said(measured: &Measurement, place: usize, endpoint: String, zone: &str) -> Said {
    let of = |question: usize| {
        let pair = measured.pairs.get(measured.config.pair(question, place));
        pair.and_then(|pair| pair.last.as_deref())
    };
    let wanted = of(WANTED);
    let class = wanted.map_or(Class::Unknown, |settled| settled.class);
    let asked = [WANTED, SOA]
        .into_iter()
        .filter_map(|question| measured.pairs.get(measured.config.pair(question, place)));
    let name = measured.config.servers.get(place).map(|server| server.given.clone());
    let message = wanted.and_then(|settled| settled.message.as_ref());
    Said {
        name: name.unwrap_or_default(),
        endpoint,
        class,
        rtt_ms: wanted.and_then(|settled| settled.rtt).map(milliseconds),
        serial: of(SOA).filter(|settled| settled.class == Class::Answer).and_then(serial),
        answers: message.map(|message| shown(message, class)).unwrap_or_default(),
        lame: lame(class, of(SOA), message, zone),
        asked: asked.map(|pair| pair.stats.counters().sent()).sum(),
        own: of(NS).and_then(own),
    }
}

/// What is shown of an answer.
fn shown(message: &Message, class: Class) -> Vec<Presented> {
    let records = match class {
        Class::Referral if message.answers.is_empty() => &message.authorities,
        _ => &message.answers,
    };
    let is_plain = |record: &&Record| {
        record.number != RecordType::RRSIG
            && (class != Class::Referral
                || [RecordType::NS, RecordType::CNAME].contains(&record.number))
    };
    records.iter().filter(is_plain).map(|record| record.data.clone()).collect()
}

/// Why a server does not serve a zone, by what it said to two questions.
fn lame(
    class: Class,
    soa: Option<&Settled>,
    message: Option<&Message>,
    zone: &str,
) -> Option<String> {
    let soa = soa?;
    let has_authority = soa.message.as_ref().is_some_and(|message| message.flags.has("aa"));
    let leads = message.and_then(owner);
    let leads_up = class == Class::Referral
        && leads.is_some_and(|owner| owner == zone || !is_below(&owner, zone));
    match (soa.class, has_authority) {
        (Class::Answer, true) if !leads_up => None,
        (Class::Answer, true) => Some("it leads upwards".to_owned()),
        (Class::Answer | Class::Nodata | Class::Nxdomain | Class::Referral, false) => {
            Some("it is not authoritative (no AA)".to_owned())
        }
        (Class::Nodata | Class::Nxdomain, true) => Some("it has no SOA of the zone".to_owned()),
        // What it says once and not the other time is no lame delegation.
        (silent, _) if silent == class => Some(format!("{} twice", silent.name())),
        _ => None,
    }
}

/// Whose the NS records of a referral are, in lower case.
fn owner(message: &Message) -> Option<String> {
    let record = message.authorities.iter().find(|it| it.number == RecordType::NS)?;
    Some(record.name.as_str().to_ascii_lowercase())
}

/// The servers that a zone has as it says itself.
fn own(settled: &Settled) -> Option<BTreeSet<String>> {
    let message = settled.message.as_ref().filter(|_| settled.class == Class::Answer)?;
    let records = message.answers.iter().filter(|record| record.number == RecordType::NS);
    Some(records.map(|record| record.data.as_str().to_ascii_lowercase()).collect())
}

/// Where the first server leads that leads anywhere below the zone on the way to the name.
pub(super) fn referral(
    measured: &Measurement,
    question: usize,
    zone: &str,
    name: &str,
) -> Option<Referral> {
    let mut places = 0..measured.config.servers.len();
    places.find_map(|place| {
        let pair = measured.pairs.get(measured.config.pair(question, place))?;
        let settled = pair.last.as_deref()?;
        let message = settled.message.as_ref().filter(|_| settled.class == Class::Referral)?;
        let child = owner(message).filter(|_| message.answers.is_empty())?;
        let is_on_the_way = child != zone && is_below(&child, zone) && is_below(name, &child);
        is_on_the_way.then(|| Referral { hosts: hosts(message, &child, zone), zone: child })
    })
}

/// Where a CNAME leads that none of the servers of a zone can follow: out of the zone, or to where it
/// leads on from here.
pub(super) fn alias(measured: &Measurement, zone: &str, name: &str) -> Option<String> {
    let servers = 0..measured.config.servers.len();
    let said = servers.filter_map(|place| {
        let pair = measured.pairs.get(measured.config.pair(WANTED, place))?;
        pair.last.as_deref().filter(|settled| settled.class.is_said())
    });
    let kind = measured.config.targets.get(WANTED)?.question.kind;
    if [RecordType::CNAME, RecordType::ANY].contains(&kind) {
        return None;
    }
    said.filter_map(|settled| Some((settled.class, settled.message.as_ref()?)))
        .find_map(|(class, message)| led(class, &message.answers, zone, name))
}

/// The same by the answers of one of them.
fn led(class: Class, answers: &[Record], zone: &str, name: &str) -> Option<String> {
    let mut at = name.to_owned();
    // Each of them leads once.
    for _ in answers {
        let next = answers.iter().find(|record| {
            record.number == RecordType::CNAME && record.name.as_str().eq_ignore_ascii_case(&at)
        });
        let Some(next) = next else { break };
        at = next.data.as_str().to_ascii_lowercase();
        if !is_below(&at, zone) {
            return Some(at);
        }
    }
    (class == Class::Referral && at != name).then_some(at)
}

/// The servers that a referral names, with the addresses that its sender may tell: of names below its
/// own zone.
fn hosts(message: &Message, child: &str, zone: &str) -> Vec<Host> {
    let own = message.authorities.iter().filter(|record| {
        record.number == RecordType::NS && record.name.as_str().eq_ignore_ascii_case(child)
    });
    own.map(|record| {
        let name = record.data.as_str().to_ascii_lowercase();
        let glue = message
            .additionals
            .iter()
            .filter(|glue| glue.name.as_str().eq_ignore_ascii_case(&name) && is_below(&name, zone));
        let addresses: Vec<IpAddr> = glue.filter_map(address).collect();
        Host { name: Untrusted::from(name), addresses }
    })
    .collect()
}

/// The address of a record.
pub(super) fn address(record: &Record) -> Option<IpAddr> {
    let is_address = [RecordType::A, RecordType::AAAA].contains(&record.number);
    record.data.as_str().parse().ok().filter(|_| is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cname(from: &str, to: &str) -> Record {
        let presented = |text: &str| Presented::new(text.to_owned());
        Record {
            name: presented(from),
            kind: "CNAME".into(),
            class: "IN".into(),
            ttl: 1,
            data: presented(to),
            number: RecordType::CNAME,
        }
    }

    #[test]
    fn a_cname_leads_to_the_first_name_beyond_the_zone() {
        let chain =
            [cname("a.z.", "B.z."), cname("b.Z.", "c.other."), cname("c.other.", "d.third.")];
        let way = |class, answers: &[Record]| led(class, answers, "z.", "a.z.");
        assert_eq!(way(Class::Answer, &chain).as_deref(), Some("c.other."));
        // Within the zone it is followed only where the server did not.
        assert_eq!(way(Class::Nodata, &chain[..1]), None);
        assert_eq!(way(Class::Referral, &chain[..1]).as_deref(), Some("b.z."));
        assert_eq!(way(Class::Referral, &[]), None);
        let circle = [cname("a.z.", "b.z."), cname("b.z.", "a.z.")];
        assert_eq!(way(Class::Referral, &circle), None);
    }

    #[test]
    fn names_stand_below_zones_by_labels() {
        for (name, zone, below) in [
            ("a.example.", ".", true),
            ("a.example.", "example.", true),
            ("example.", "example.", true),
            ("anexample.", "example.", false),
            ("example.", "a.example.", false),
        ] {
            assert_eq!(is_below(name, zone), below, "{name} {zone}");
        }
    }
}
