//! The sentence that a screen ends with.

use crate::State;
use crate::audit::AuditRow;
use crate::look::Plan;
use crate::result::Summary;
use crate::totals::Totals;
use netdiag_model::Untrusted;
use netdiag_model::finding::{Finding, Severity};

/// What there is of what was asked for, what is wrong with it, and what could not be seen.
#[must_use]
pub fn verdict(plan: &Plan, summary: &Summary, findings: &[Finding]) -> String {
    if let Some(totals) = &summary.totals {
        return counted(totals, findings);
    }
    let tcp: u64 = summary.tcp.values().sum();
    let total = tcp + summary.udp.unwrap_or(0) + summary.raw.unwrap_or(0);
    let mut parts: Vec<String> = Vec::new();
    let states = State::ALL.into_iter().filter_map(|state| {
        let count = summary.tcp.get(state.name())?;
        Some(format!("{} {}", thousands(*count), state.name()))
    });
    parts.extend(states);
    for (count, name) in [(summary.udp, "udp"), (summary.raw, "raw")] {
        parts.extend(count.filter(|n| *n > 0).map(|n| format!("{} {name}", thousands(n))));
    }
    let sockets = if total == 1 { "socket" } else { "sockets" };
    let mut said = match total {
        0 => none(plan, hidden(summary).is_some()),
        _ => format!("{} {sockets}: {}", thousands(total), parts.join(", ")),
    };
    said.push_str(&judged(summary, findings, total));
    if let Some(hidden) = hidden(summary) {
        let so = if total == 0 { ": it may be among them" } else { "" };
        said.push_str(&format!("; owners of {} not visible to this user{so}", thousands(hidden)));
    }
    if summary.interrupted {
        let again = match summary.retries {
            0 => String::new(),
            retries => format!(" at each of {} readings", retries + 1),
        };
        said.push_str(&format!(
            "; the table changed while it was read{again}: some may be missing"
        ));
    } else if summary.retries > 0 {
        said.push_str(&format!("; read {} times, since the table changed", summary.retries + 1));
    }
    if let Some(opened) = summary.opened_while_read.filter(|opened| *opened > 0) {
        said.push_str(&format!("; {} connections began while it was read", thousands(opened)));
    }
    said
}

/// That nothing is there of what was asked for, in words that say what that is; `is_hidden`: some may be,
/// of which it is not known.
fn none(plan: &Plan, is_hidden: bool) -> String {
    let protocols: Vec<&str> = plan.protocols.iter().map(|protocol| protocol.name()).collect();
    let waits = if plan.listening { " that waits for others" } else { "" };
    let socket = format!("no {} socket{waits}", protocols.join(" or "));
    let Some(filter) = &plan.filter else { return format!("there is {socket}") };
    let is = if is_hidden { "is known to match" } else { "matches" };
    format!("{socket} {is} the filter '{}'", Untrusted::from(filter.text()).escaped())
}

fn hidden(summary: &Summary) -> Option<u64> {
    summary.owners_not_visible.filter(|hidden| *hidden > 0)
}

/// What is wrong, among how much of all that there is. UDP and raw sockets have no state.
fn judged(summary: &Summary, findings: &[Finding], total: u64) -> String {
    let read = |state: &State| summary.states_read.contains(state);
    let is_whole = State::ALL.iter().all(|state| read(state) || *state == State::Closed);
    let elsewhere = summary.warnings_not_listed.unwrap_or(0);
    let mut said = match wrong(findings) {
        Some(wrong) => wrong,
        None if summary.states_read.is_empty() || total == 0 => String::new(),
        None if is_whole && elsewhere == 0 => "; no state is suspicious in this look".to_owned(),
        None => "; none of these is suspicious".to_owned(),
    };
    if elsewhere > 0 {
        said.push_str(&format!("; {elsewhere} to look at among sockets that are not listed"));
    }
    if !is_whole && !summary.states_read.is_empty() {
        let read: Vec<&str> = summary.states_read.iter().map(|state| state.name()).collect();
        let were = if read.len() == 1 { "was" } else { "were" };
        said.push_str(&format!("; only {} {were} read", read.join(", ")));
    }
    said
}

/// The same of what the kernel counts by itself.
fn counted(totals: &Totals, findings: &[Finding]) -> String {
    let count =
        |value: Option<u64>| value.map_or_else(|| "an unknown number of".to_owned(), thousands);
    let part = |value: Option<u64>| value.map_or_else(|| "an unknown number".to_owned(), thousands);
    let mut said = format!(
        "{} tcp, {} of them ESTABLISHED or CLOSE-WAIT, {} more in TIME-WAIT, or in FIN-WAIT-2 without a program; {} udp, {} raw",
        count(totals.tcp),
        part(totals.established_or_close_wait),
        part(totals.time_wait),
        count(totals.udp),
        count(totals.raw)
    );
    said.push_str(&wrong(findings).unwrap_or_default());
    said.push_str("; no table was read: other states, ports, hosts and owners are not counted");
    said
}

/// How many findings are more than information.
fn wrong(findings: &[Finding]) -> Option<String> {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    match (of(Severity::Critical), of(Severity::Warning)) {
        (0, 0) => None,
        (0, warnings) => Some(format!("; {warnings} to look at")),
        (critical, 0) => Some(format!("; {critical} critical")),
        (critical, warnings) => Some(format!("; {critical} critical, {warnings} more to look at")),
    }
}

/// The same of an audit.
#[must_use]
pub fn audited(rows: &[AuditRow], findings: &[Finding]) -> String {
    let here = rows.iter().filter(|row| row.value.is_some() && !row.obsolete);
    let changed = here.clone().filter(|row| {
        let value = row.value.as_ref().map(Untrusted::as_raw);
        row.default.as_deref().is_some_and(|default| value != Some(default))
    });
    let said = wrong(findings).unwrap_or_else(|| "; nothing to change".to_owned());
    let next = match here.clone().filter(|row| row.effect_of_file.is_some()).count() {
        0 => String::new(),
        differing => format!(", {differing} not as files set them from the next boot on"),
    };
    let (here, changed) = (here.count(), changed.count());
    format!("{here} settings, {changed} not as the kernel has them{next}{said}")
}

/// A count as text has it: with a comma between thousands above 9,999.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && count > 9_999 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, Protocol};

    #[test]
    fn an_audit_counts_what_is_critical_by_itself() {
        let found = |severities: &[Severity]| {
            let found = severities.iter().map(|severity| {
                Finding::new(None, "fail-if", *severity, String::new(), String::new())
            });
            audited(&[], &found.collect::<Vec<_>>())
        };
        let none = "0 settings, 0 not as the kernel has them; ";
        assert_eq!(found(&[Severity::Info]), format!("{none}nothing to change"));
        assert_eq!(found(&[Severity::Critical]), format!("{none}1 critical"));
        assert_eq!(found(&[Severity::Warning]), format!("{none}1 to look at"));
    }

    #[test]
    fn where_there_is_nothing_it_is_said_what_is_not_there() {
        let plan = |filter: Option<&str>, listening, protocols: &[Protocol]| Plan {
            protocols: protocols.to_vec(),
            filter: filter.map(|text| Filter::parse(text).expect("a filter")),
            listening,
            ..Plan::default()
        };
        let both = [Protocol::Tcp, Protocol::Udp];
        for (plan, is_hidden, said) in [
            (plan(None, false, &[Protocol::Raw]), false, "there is no raw socket"),
            (plan(None, true, &both), false, "there is no tcp or udp socket that waits for others"),
            (plan(Some(":1"), false, &both), false, "no tcp or udp socket matches the filter ':1'"),
            (
                plan(Some("pid 7"), true, &both[..1]),
                true,
                "no tcp socket that waits for others is known to match the filter 'pid 7'",
            ),
        ] {
            assert_eq!(none(&plan, is_hidden), said);
        }
    }
}
