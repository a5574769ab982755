//! A row for each server that was asked the same.

use crate::number::ms5;
use netdiag_dns::result::{ServerResult, Target};
use std::time::Duration;

/// The table of one question.
pub(super) fn table(target: &Target) -> Vec<String> {
    let mut rows = vec![["server", "outcome", "ms", "ttl", "answer"].map(ToOwned::to_owned)];
    for result in &target.results {
        let heard =
            result.answers.iter().filter(|it| it.kind == target.kind || target.kind == "ANY");
        let ttl = heard.map(|record| record.ttl).min();
        let mut said = said(result).into_iter();
        rows.push([
            shown(result),
            result.outcome.name().to_owned(),
            time(result),
            ttl.map_or_else(|| "-".to_owned(), |ttl| ttl.to_string()),
            said.next().unwrap_or_else(|| "-".to_owned()),
        ]);
        rows.extend(
            said.map(|more| [String::new(), String::new(), String::new(), String::new(), more]),
        );
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (server, outcome, ms, ttl) = (width(0), width(1), width(2).max(5), width(3));
    let line = |[a, b, c, d, e]: &[String; 5]| {
        format!("{a:<server$}  {b:<outcome$}  {c:>ms$}  {d:>ttl$}  {e}").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A server as it is told: its address, and its port only where it is not the usual one.
fn shown(result: &ServerResult) -> String {
    match (result.address, result.server.ends_with(":53")) {
        (Some(address), true) => address.to_string(),
        _ => result.server.clone(),
    }
}

fn time(result: &ServerResult) -> String {
    match &result.rtt_ms {
        Some(rtt) => ms5(Duration::from_secs_f64(rtt.mean / 1e3)),
        None if result.sent > 0 => "*".to_owned(),
        None => "-".to_owned(),
    }
}

/// What a server says, a line each.
fn said(result: &ServerResult) -> Vec<String> {
    let mut all: Vec<String> = result
        .answers
        .iter()
        .filter(|record| record.kind != "RRSIG")
        .map(|record| match record.kind.as_ref() {
            "A" | "AAAA" => record.data.to_string(),
            kind => format!("{kind} {}", record.data),
        })
        .collect();
    all.sort();
    if all.is_empty()
        && let Some(soa) = result.authorities.iter().find(|record| record.kind == "SOA")
    {
        let mut fields = soa.data.as_str().split(' ');
        let (server, serial) = (fields.next().unwrap_or_default(), fields.nth(1));
        all.push(format!("SOA {server} serial {}", serial.unwrap_or_default()));
    }
    let errors = result.edns.iter().flat_map(|edns| &edns.ede);
    all.extend(errors.map(ToString::to_string));
    let unsaid = result.failure.as_ref().filter(|_| all.is_empty());
    all.extend(unsaid.map(|failure| failure.message.clone()));
    all
}
