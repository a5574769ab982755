//! What a run came to, in a sentence.

use crate::Measurement;
use crate::class::Class;
use crate::config::{Choice, Origin};
use crate::dnssec::Dnssec;
use crate::result::{ServerResult, Target};
use netdiag_model::failure::Stage;
use netdiag_model::finding::Finding;
use std::collections::BTreeMap;

/// More questions than these are only counted.
pub const TOLD: usize = 4;

impl Measurement {
    /// The verdict: who said what in which time, or how often what came.
    #[must_use]
    pub fn verdict(&self, results: &[Target], findings: &[Finding]) -> String {
        if let Some(setup) = &self.config.setup {
            return setup.verdict(results, findings);
        }
        let compares = self.config.choice == Choice::Each && self.config.servers.len() > 1;
        if self.config.servers.is_empty() {
            return "nobody was asked: no server is known".to_owned();
        }
        if compares || self.config.is_long() || results.len() > TOLD || self.config.count > 1 {
            return self.counted(match self.config.is_long() {
                true => self.config.targets.len(),
                false => results.len(),
            });
        }
        self.told(results)
    }

    /// How often which outcome came, of so many questions.
    fn counted(&self, own: usize) -> String {
        let mut counts: BTreeMap<Class, u64> = BTreeMap::new();
        let (mut received, mut sent, mut too_late) = (0, 0, 0);
        let own = self.pairs.iter().take(own * self.config.servers.len());
        let asked = own.filter(|pair| pair.begun > 0);
        for pair in asked.clone() {
            *counts.entry(pair.class().unwrap_or(Class::Unknown)).or_default() += 1;
            let counters = pair.stats.counters();
            received += counters.received();
            sent += counters.sent();
            too_late += counters.late();
        }
        let parts: Vec<String> =
            counts.iter().map(|(class, count)| format!("{count} {}", class.name())).collect();
        let rejected = asked.flat_map(|pair| &pair.rejected);
        let others = no_answers(rejected.map(|(reason, count)| (reason.name(), *count)));
        let late = late(too_late);
        format!("{}; {received} of {sent} queries answered{late}{others}", parts.join(", "))
    }

    /// Each question by itself, those together that one server answered.
    fn told(&self, results: &[Target]) -> String {
        let mut by_server: Vec<(&ServerResult, Vec<(&Target, &ServerResult)>)> = Vec::new();
        for target in results {
            let Some(result) = target.decisive() else { continue };
            let same = |(first, _): &&mut (&ServerResult, Vec<_>)| {
                first.server == result.server && first.transport == result.transport
            };
            match by_server.iter_mut().find(same) {
                Some((_, group)) => group.push((target, result)),
                None => by_server.push((result, vec![(target, result)])),
            }
        }
        let groups = by_server.iter().map(|(first, group)| self.group(first, group));
        let told: Vec<String> = groups.collect();
        if told.is_empty() {
            return "nothing was asked".to_owned();
        }
        format!("{}{}", told.join("; "), self.in_vain(results))
    }

    /// Servers of a list that were asked first, and said nothing.
    fn in_vain(&self, results: &[Target]) -> String {
        let mut silent: Vec<&str> = Vec::new();
        for target in results {
            let decisive = target.decisive().filter(|it| it.outcome.is_said());
            let Some(decisive) = decisive else { continue };
            let before = target.results.iter().take_while(|it| it.server != decisive.server);
            for it in before.filter(|it| !it.outcome.is_said()) {
                let server = it.server.strip_suffix(":53").unwrap_or(&it.server);
                if !silent.contains(&server) {
                    silent.push(server);
                }
            }
        }
        match silent.is_empty() || self.config.choice == Choice::Each {
            true => String::new(),
            false => format!("; asked before in vain: {}", silent.join(", ")),
        }
    }

    fn group(&self, first: &ServerResult, group: &[(&Target, &ServerResult)]) -> String {
        let several = group.windows(2).any(|two| matches!(two, [a, b] if a.0.name != b.0.name));
        let parts: Vec<String> =
            group.iter().map(|(target, result)| one(target, result, several)).collect();
        let whom = match first.origin {
            Origin::ResolvConf => "resolv.conf, ",
            Origin::Resolved => "systemd-resolved, ",
            Origin::Delegation | Origin::CommandLine => "",
        };
        let server = first.server.strip_suffix(":53").unwrap_or(&first.server);
        let is_answer = |(_, result): &(&Target, &ServerResult)| result.outcome == Class::Answer;
        let what = if group.iter().all(is_answer) { "answer from " } else { "" };
        let said = format!("{what}{server} ({whom}{}): {}", first.transport, parts.join(", "));
        let has_answer = group.iter().any(|(_, result)| result.outcome == Class::Answer);
        let is_validated = group
            .iter()
            .all(|(_, result)| result.flags.contains(&"ad") || result.outcome != Class::Answer);
        let worth = group.iter().filter_map(|(target, it)| Some((target, it.dnssec.as_ref()?)));
        if let Some((target, worst)) = worth.max_by_key(|(_, it)| it.status) {
            let whose = if several { format!("{} ", target.name) } else { String::new() };
            return format!("{said}; DNSSEC, validated here: {whose}{}", told_worth(worst));
        }
        match (has_answer, is_validated) {
            (false, _) => said,
            (_, true) => format!("{said}; DNSSEC-validated by the server (AD)"),
            (_, false) => format!("{said}; not DNSSEC-validated by the server (no AD)"),
        }
    }
}

/// What an answer is worth, and why not more.
fn told_worth(dnssec: &Dnssec) -> String {
    let word = dnssec.status.name();
    match (&dnssec.reason, dnssec.zones.is_empty()) {
        (Some(reason), _) => format!("{word}, {reason}"),
        (None, false) => format!("{word}, by {}", dnssec.zones.join(" > ")),
        (None, true) => word.to_owned(),
    }
}

/// What became of one question.
fn one(target: &Target, result: &ServerResult, is_named: bool) -> String {
    let what = match is_named {
        true => format!("{} {}", target.name, target.kind),
        false => target.kind.to_string(),
    };
    let time = result.rtt_ms.as_ref().map(|rtt| format!(" in {:.3} ms", rtt.last));
    let time = time.unwrap_or_default();
    let remark = target.remark(result).map(|remark| format!(", {remark}")).unwrap_or_default();
    let tcp = if result.retried_over_tcp { " after truncation" } else { "" };
    let signed = result.tsig.as_ref().filter(|it| it.verified);
    let signed = signed.map(|it| format!(", signed with {}", it.key)).unwrap_or_default();
    match result.outcome {
        Class::Answer => format!("{what}{time}{tcp}{signed}"),
        Class::Nodata => format!("{what}: no such data{time} (NOERROR){remark}"),
        Class::Nxdomain => format!("{what}: no such name (NXDOMAIN){time}"),
        Class::Referral if remark.is_empty() => {
            format!("{what}: leads to other servers{time}, no answer")
        }
        Class::Referral => format!("{what}: no answer{time}{remark}"),
        Class::Timeout => {
            let failure = result.failure.as_ref().filter(|failure| failure.stage != Stage::Request);
            let why = failure.map(|failure| format!(": {}", failure.message)).unwrap_or_default();
            let queries = if result.sent == 1 { "query" } else { "queries" };
            let rejected = result.rejected.iter();
            let others = no_answers(rejected.map(|(reason, count)| (reason.as_str(), *count)));
            let late = late(result.late);
            format!("{what}: no answer to {} {queries}{why}{late}{others}", result.sent)
        }
        Class::Unknown if result.in_flight > 0 => {
            let plural = if result.in_flight == 1 { "query" } else { "queries" };
            format!("{what}: it ended with {} {plural} under way", result.in_flight)
        }
        Class::OtherRcode => {
            format!("{what}: {}{time}", result.rcode.as_deref().unwrap_or_default())
        }
        _ => {
            let why = result.failure.as_ref().map(|failure| format!(": {}", failure.message));
            format!("{what}: {}{time}{}", result.outcome.name(), why.unwrap_or_default())
        }
    }
}

/// Datagrams that came in the place of an answer.
fn no_answers<'a>(rejected: impl Iterator<Item = (&'a str, u64)>) -> String {
    let (mut count, mut kinds) = (0, Vec::new());
    for (kind, number) in rejected {
        count += number;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    match count {
        0 => String::new(),
        1 => format!(", one datagram was none: {}", kinds.join(", ")),
        _ => format!(", {count} datagrams were none: {}", kinds.join(", ")),
    }
}

/// Answers that came too late: who sends them is slow, and not dead.
fn late(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", {count} came too late") }
}
