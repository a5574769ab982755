//! What a name server knows of a name.

use super::message::Question;
use super::{NOERROR, NXDOMAIN, REFUSED, SERVFAIL};
use crate::scenario::{DnsManner, DnsRecord, DnsServer, wire_name};

/// The time to live of what says nothing of it.
const TTL: u32 = 300;
/// More aliases of aliases than this are not followed.
const ALIASES: usize = 8;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const ANY: u16 = 255;
const IN: u16 = 1;

/// What is found for a question: a code, and records of the answer and of the authority section.
pub(super) struct Found {
    pub(super) code: u8,
    pub(super) is_own: bool,
    pub(super) answer: Vec<Record>,
    pub(super) authority: Vec<Record>,
}

/// Name, type, time to live, data.
pub(super) type Record = (Vec<u8>, u16, u32, Vec<u8>);

impl Found {
    pub(super) const fn code(code: u8) -> Self {
        Self { code, is_own: false, answer: Vec::new(), authority: Vec::new() }
    }
}

/// The entries of a name.
fn named<'a>(server: &'a DnsServer, name: &'a [u8]) -> impl Iterator<Item = &'a DnsRecord> {
    let is_it = move |record: &&DnsRecord| wire_name(&record.name).is_some_and(|own| own == name);
    server.records.iter().filter(is_it)
}

/// What a server does with questions for a name, where that is not to answer them.
pub(super) fn manner_of(server: &DnsServer, name: &[u8]) -> Option<DnsManner> {
    named(server, name).find_map(|record| record.manner)
}

/// The zone that a name is in: the longest.
fn zone_of(server: &DnsServer, name: &[u8]) -> Option<Vec<u8>> {
    if server.zone.is_empty() {
        return Some(vec![0]);
    }
    let zones = server.zone.iter().filter_map(|zone| wire_name(zone));
    zones.filter(|zone| is_below(name, zone)).max_by_key(Vec::len)
}

/// Whether a name is another one or below it.
fn is_below(name: &[u8], above: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > above.len() {
        let label = usize::from(rest[0]) + 1;
        rest = rest.get(label..).unwrap_or_default();
    }
    rest == above
}

/// Looks for what is asked, and follows aliases.
pub(super) fn look_up(server: &DnsServer, question: &Question<'_>) -> Found {
    if question.class != IN {
        return Found::code(REFUSED);
    }
    let mut found = Found { is_own: true, ..Found::code(NOERROR) };
    let mut name = question.name.clone();
    for _ in 0..=ALIASES {
        let Some(zone) = zone_of(server, &name) else {
            // What an alias leads to outside is somebody else's.
            let code = if found.answer.is_empty() { REFUSED } else { NOERROR };
            return Found { code, is_own: code == NOERROR, ..found };
        };
        let records: Vec<Record> = named(server, &name).flat_map(records_of).collect();
        let own_soa = (name == zone).then(|| soa(&zone));
        let records: Vec<Record> = records.into_iter().chain(own_soa).collect();
        let fits = |it: &&Record| it.1 == question.kind || question.kind == ANY;
        let fitting: Vec<Record> = records.iter().filter(fits).cloned().collect();
        if !fitting.is_empty() {
            found.answer.extend(fitting);
            return found;
        }
        let alias = records.iter().find(|record| record.1 == CNAME);
        if let Some(record) = alias {
            found.answer.push(record.clone());
            name.clone_from(&record.3);
            continue;
        }
        let is_above = |it: &DnsRecord| wire_name(&it.name).is_some_and(|it| is_below(&it, &name));
        let is_there = name == zone || server.records.iter().any(is_above);
        found.code = if is_there { NOERROR } else { NXDOMAIN };
        found.authority.push(soa(&zone));
        return found;
    }
    Found { code: SERVFAIL, ..found }
}

/// The records of an entry.
fn records_of(entry: &DnsRecord) -> Vec<Record> {
    let owner = wire_name(&entry.name).unwrap_or_default();
    let record = |kind: u16, data: Vec<u8>| (owner.clone(), kind, entry.ttl.unwrap_or(TTL), data);
    let names = |kind: u16, names: &[String]| -> Vec<Record> {
        names.iter().filter_map(|name| wire_name(name)).map(|name| record(kind, name)).collect()
    };
    let long = entry.txt_bytes.map(|bytes| "x".repeat(usize::from(bytes)));
    let a = entry.a.iter().map(|address| record(A, address.octets().to_vec()));
    let aaaa = entry.aaaa.iter().map(|address| record(AAAA, address.octets().to_vec()));
    let txt = entry.txt.iter().chain(&long).map(|text| record(TXT, strings(text)));
    a.chain(aaaa)
        .chain(names(CNAME, entry.cname.as_slice()))
        .chain(names(NS, &entry.ns))
        .chain(names(PTR, &entry.ptr))
        .chain(txt)
        .collect()
}

/// A text as strings of at most 255 bytes.
fn strings(text: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() + 8);
    for part in text.as_bytes().chunks(255) {
        data.push(part.len() as u8);
        data.extend_from_slice(part);
    }
    data
}

/// The record that begins a zone, without which nobody knows how long a name is not there (RFC 2308).
fn soa(zone: &[u8]) -> Record {
    let mut data = Vec::new();
    for label in [b"\x02ns".as_slice(), b"\x0ahostmaster"] {
        data.extend_from_slice(label);
        data.extend_from_slice(zone);
    }
    for number in [1_u32, 3_600, 600, 86_400, 60] {
        data.extend_from_slice(&number.to_be_bytes());
    }
    (zone.to_vec(), SOA, TTL, data)
}
