//! What `--verbose` shows: each SYN with what became of it, and what came beside.

use super::{Setting, row};
use crate::number::ms3;
use netdiag_model::{ClockAnchor, milliseconds};
use netdiag_tcp::syn::{Ending, Event, Try};
use serde_json::{Value, json};

/// A line below the rows; `None` of what has one of its own, or none at all.
pub(super) fn line(setting: &Setting, event: &Event) -> Option<String> {
    let anchor = &setting.run.anchor;
    let host = |number: u32| {
        let target = setting.config.target(number);
        target.map(|target| row::named(&target)).unwrap_or_default()
    };
    Some(match event {
        Event::Try(one) => {
            let ttl = ttl(&one.ending).map(|ttl| format!(" ttl {ttl}")).unwrap_or_default();
            let (to, port, at) = (host(one.target), one.port, anchor.rfc3339(one.sent_at));
            let (said, took) = (said(&one.ending), ms3(one.took));
            format!("    SYN {} to {to} port {port} at {at}: {said}{ttl} after {took} ms", one.seq)
        }
        Event::Again { target, port, seq, late, reply } => {
            let kind = if *late { "late" } else { "once more" };
            let (from, took) = (host(*target), ms3(reply.rtt));
            format!("    {kind}: from {from} port {port}, to SYN {seq}, after {took} ms")
        }
        Event::Rejected { seq, rejection, .. } => {
            let seq = seq.map(|seq| format!(", to SYN {seq}")).unwrap_or_default();
            let (from, reason) = (rejection.from.address(), rejection.reason.name());
            format!("    rejected: from {from}{seq}, {reason}")
        }
        Event::Port(_) | Event::Changed(..) | Event::Interim(..) | Event::Finished(_) => {
            return None;
        }
    })
}

/// The same of a SYN as a line of JSON.
pub(super) fn fields(one: &Try, anchor: &ClockAnchor) -> Value {
    let answer = match &one.ending {
        Ending::Answered(answer) => Some(answer),
        _ => None,
    };
    let open = answer.map(|answer| answer.segment).filter(|segment| segment.is_open());
    let is_silent = matches!(one.ending, Ending::Silent | Ending::Local(_) | Ending::Unknown(_));
    json!({
        "port": one.port,
        "seq": one.seq,
        "sent_at": anchor.rfc3339(one.sent_at),
        "outcome": word(&one.ending),
        "rtt_ms": (!is_silent).then(|| milliseconds(one.took)),
        "reply_ttl": ttl(&one.ending),
        "window": open.map(|segment| segment.window),
        "options": open.and_then(|segment| segment.options()),
    })
}

fn ttl(ending: &Ending) -> Option<u8> {
    match ending {
        Ending::Answered(answer) => answer.hop_limit,
        Ending::Icmp(said) => said.hop_limit.filter(|_| !said.is_own),
        Ending::Silent | Ending::Local(_) | Ending::Unknown(_) => None,
    }
}

const fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Answered(answer) if answer.segment.is_open() => "syn-ack",
        Ending::Answered(_) => "rst",
        Ending::Silent => "timeout",
        Ending::Icmp(_) => "icmp",
        Ending::Local(_) => "local-error",
        Ending::Unknown(_) => "unknown",
    }
}

fn said(ending: &Ending) -> String {
    match ending {
        Ending::Answered(answer) if answer.segment.is_open() => {
            let options = answer.segment.options().map(row::options).unwrap_or_default();
            let comma = if options.is_empty() { "" } else { ", " };
            format!("syn-ack, window {}{comma}{options},", answer.segment.window)
        }
        Ending::Answered(_) => "rst".to_owned(),
        Ending::Silent => "no answer".to_owned(),
        other => row::cause(other),
    }
}
