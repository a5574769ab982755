//! Messages as RFC 8427 has them in JSON, by the names that `kdig +json` of version 3.2 gives: an object a
//! line for each answer. Lengths and digits of data are there where the document has the message (`wire`).

use super::{Setting, list, seconds};
use crate::json;
use netdiag_dns::message::{Section, data, rcode_name};
use netdiag_dns::{RecordClass, RecordType};
use netdiag_model::time::rfc3339_seconds;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// The flags, by the names of our documents.
const FLAGS: [(&str, &str); 7] = [
    ("QR", "qr"),
    ("AA", "aa"),
    ("TC", "tc"),
    ("RD", "rd"),
    ("RA", "ra"),
    ("AD", "ad"),
    ("CD", "cd"),
];
/// The sections that documents have, and their counts.
const SECTIONS: [(&str, &str, &str, Section); 3] = [
    ("answers", "answerRRs", "ANCOUNT", Section::Answer),
    ("authorities", "authorityRRs", "NSCOUNT", Section::Authority),
    ("additionals", "additionalRRs", "ARCOUNT", Section::Additional),
];
/// The largest rcode (RFC 6895 section 2.3).
const LAST_RCODE: u16 = 0xfff;

pub(super) fn write(said: &[Value], setting: &Setting, out: &mut dyn Write) -> io::Result<()> {
    for document in said {
        let at = seconds(setting, document["elapsed_ms"].as_f64().unwrap_or_default());
        for target in list(&document["targets"]) {
            let results = list(&target["results"]).iter();
            let mut all = results.map(|result| message(target, result, at));
            all.try_for_each(|message| json::write_line(out, &message))?;
        }
    }
    Ok(())
}

/// What one server said; of one that said nothing the question.
fn message(target: &Value, result: &Value, at: i64) -> Map<String, Value> {
    let mut all = subject("Q", target);
    let Some(rcode) = result["rcode"].as_str() else { return all };
    let number = (0..=LAST_RCODE).find(|number| rcode_name(*number) == rcode);
    all.extend(members(vec![
        ("dateString", rfc3339_seconds(at).into()),
        ("dateSeconds", at.into()),
        ("msgLength", result["size_bytes"].clone()),
        ("ID", result["id"].clone()),
        ("Opcode", 0.into()),
        ("RCODE", number.into()),
        ("QDCOUNT", 1.into()),
    ]));
    let flags = list(&result["flags"]);
    for (name, own) in FLAGS {
        let is_set = flags.iter().any(|flag| flag == own);
        all.insert(name.to_owned(), u8::from(is_set).into());
    }
    let wire = result["wire"].as_str();
    for (own, name, count, section) in SECTIONS {
        let records = list(&result[own]);
        let opt = usize::from(own == "additionals" && !result["edns"].is_null());
        all.insert(count.to_owned(), (records.len() + opt).into());
        if !records.is_empty() {
            let mut data = wire.map(|wire| data(wire, section)).into_iter().flatten();
            let records = records.iter().map(|one| record(one, data.next()));
            all.insert(name.to_owned(), records.collect());
        }
    }
    all
}

/// A record; `data`: its digits, where they are known.
fn record(record: &Value, data: Option<String>) -> Value {
    let mut all = subject("", record);
    all.insert("TTL".to_owned(), record["ttl"].clone());
    let kind = record["type"].as_str().unwrap_or_default();
    all.insert(format!("rdata{kind}"), record["data"].clone());
    if let Some(data) = data {
        all.insert("RDLENGTH".to_owned(), (data.len() / 2).into());
        all.insert("RDATAHEX".to_owned(), data.to_uppercase().into());
    }
    Value::Object(all)
}

/// Name, type and class of a question, whose members begin with Q, or of a record.
fn subject(first: &str, it: &Value) -> Map<String, Value> {
    let of = |name: &str, value| (format!("{first}{name}"), value);
    let (kind, class) = (&it["type"], &it["class"]);
    let members = [
        of("NAME", it["name"].clone()),
        of("TYPE", number_of_type(kind)),
        of("TYPEname", kind.clone()),
        of("CLASS", number_of_class(class)),
        of("CLASSname", class.clone()),
    ];
    members.into_iter().collect()
}

fn members(members: Vec<(&str, Value)>) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn number_of_type(name: &Value) -> Value {
    name.as_str().and_then(RecordType::parse).map(|kind| kind.0).into()
}

fn number_of_class(name: &Value) -> Value {
    name.as_str().and_then(RecordClass::parse).map(|class| class.0).into()
}
