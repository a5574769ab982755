//! Arguments of commands from words, and what results say in a few words.

use super::kind::{Conclusion, Snapshot, listed};
use super::kinds::failure;
use crate::usage;
use netdiag_dns::Class;
use netdiag_dns::result::ServerResult;
use netdiag_model::Untrusted;
use netdiag_model::contract::Judgement;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::metrics::{MetricValue, Metrics};
use netdiag_report::number::ms3_f64;
use netdiag_tcp::connect::metrics::{AttemptMetrics, METRICS, TargetMetrics, is_of_attempt};
use netdiag_tcp::connect::result::Http;
use netdiag_tcp::syn::State;
use netdiag_tcp::syn::result::Port;

/// Options, those that stand behind overruling those before, and then targets.
pub(super) fn all(defaults: &[&str], options: &[String], targets: &[String]) -> Vec<String> {
    let defaults = defaults.iter().map(|word| (*word).to_owned());
    let own = options.iter().cloned();
    let end = std::iter::once("--".to_owned());
    defaults.chain(own).chain(end).chain(targets.iter().cloned()).collect()
}

/// The arguments of a command.
///
/// # Errors
/// What is wrong with them, in a line.
pub(super) fn arguments<A: clap::Args>(words: &[String]) -> Result<Box<A>, String> {
    let command = clap::Command::new("check").no_binary_name(true).disable_help_flag(true);
    let command = A::augment_args(command).after_long_help("");
    let matches = command.try_get_matches_from(words);
    let arguments = matches.and_then(|mut matches| A::from_arg_matches_mut(&mut matches));
    arguments.map(Box::new).map_err(|error| usage::one_line(&error.render().to_string()))
}

/// Why there is no answer.
pub(super) fn dns_failure(result: &ServerResult) -> Option<Failure> {
    if result.outcome == Class::Answer {
        return None;
    }
    let told = result.failure.clone();
    Some(told.unwrap_or_else(|| {
        let outcome = result.outcome.name();
        let message = format!("{outcome} from {}", result.server);
        failure(Stage::Request, outcome, message)
    }))
}

/// What can be expected of a TCP service: of each attempt, where there are several, else of all.
pub(super) fn of_attempts(
    target: &TargetMetrics<'_>,
    attempts: &[AttemptMetrics],
) -> Vec<Snapshot> {
    let with_headers = |one: Snapshot, http: Option<&Http>| {
        let headers = http.map(|http| http.headers.as_slice()).unwrap_or_default();
        headers.iter().fold(one, |one, header| {
            let value = MetricValue::Text(header.value.as_raw().to_owned());
            one.and(format!("header:{}", header.name.as_raw()), value)
        })
    };
    let together = Snapshot::of(METRICS, target);
    if attempts.is_empty() {
        return vec![with_headers(together, target.target.http.as_ref())];
    }
    let of = |one: &AttemptMetrics| {
        with_headers(together.with(is_of_attempt, Snapshot::of(METRICS, one)), one.http())
    };
    attempts.iter().map(of).collect()
}

/// Whether no server could be asked since nothing is known of the addresses of any.
pub(super) fn is_unasked(results: &[ServerResult]) -> bool {
    !results.is_empty()
        && results.iter().all(|result| {
            let failure = result.failure.as_ref();
            failure.is_some_and(|it| it.stage == Stage::Resolve && !SAID.contains(&&*it.reason))
        })
}

/// Reasons of look-ups that somebody said no to.
const SAID: &[&str] = &["not-found", "invalid-name"];

/// Silence by what stands in for what may not be sent from here says nothing: a host may answer the one
/// and not the other.
pub(super) fn silent_stand_in(conclusion: &mut Conclusion) {
    let failure = conclusion.failure.as_mut().filter(|failure| failure.reason == "timeout");
    let Some(failure) = failure.filter(|_| conclusion.judgement == Judgement::Fails) else {
        return;
    };
    conclusion.judgement = Judgement::Unmeasured;
    let because = conclusion.method.as_ref().map(|method| method.because.as_str());
    failure.message = format!(
        "no answer to what was sent instead, which says nothing of ICMP: {}",
        because.unwrap_or_default()
    );
}

/// What a server said: `192.0.2.10 from 192.0.2.53:53, 3.412 ms`.
pub(super) fn dns_figures(result: &ServerResult) -> String {
    let said: Vec<String> = result
        .answers
        .iter()
        .take(3)
        .map(|record| Untrusted::from(record.data.as_str()).escaped().to_string())
        .collect();
    let said = match &result.transfer {
        Some(transfer) if transfer.complete => match transfer.records {
            1 => "1 record".to_owned(),
            records => format!("{records} records"),
        },
        _ if said.is_empty() => result.outcome.name().to_owned(),
        _ => said.join(", "),
    };
    let took = result.rtt_ms.as_ref().map(|rtt| format!(", {} ms", ms3_f64(rtt.p50)));
    format!("{said} from {}{}", result.server, took.unwrap_or_default())
}

/// Why ports are not open, and which.
pub(super) fn syn_failure(ports: &[Port]) -> Option<Failure> {
    let shut: Vec<&Port> = ports.iter().filter(|port| port.state != State::Open).collect();
    // What a target says comes before what this machine did not find out.
    let said = shut.iter().find_map(|port| port_failure(port));
    let failure = said.or_else(|| shut.iter().find_map(|port| port.failure.clone()))?;
    if shut.len() < 2 {
        return Some(failure);
    }
    let numbers: Vec<String> = shut.iter().map(|port| port.port.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let (count, of, which) = (shut.len(), ports.len(), listed(&numbers));
    let message = format!("{count} of {of} ports are not open: {which}; {}", failure.message);
    Some(Failure { message, ..failure })
}

/// Why a port is not open, by what came of the target.
fn port_failure(port: &Port) -> Option<Failure> {
    let (reason, what) = match port.state {
        State::Closed => ("refused", "a reset: the host is up, nothing listens there"),
        State::Filtered => ("timeout", "no answer to any SYN"),
        State::Prohibited => ("prohibited", "an ICMP error says that it is prohibited"),
        State::Unreachable => ("unreachable", "an ICMP error says that there is no way"),
        _ => return None,
    };
    let message = format!("port {}: {what}", port.port);
    let icmp = port.icmp.clone();
    let reason = match &icmp {
        Some(icmp) if port.state == State::Unreachable => icmp.name.clone(),
        _ => reason.to_owned(),
    };
    Some(Failure { stage: Stage::Connect, reason, errno: None, icmp, message })
}

/// All ports of a check must be open, not one of them, unless it is expected otherwise.
pub(super) fn each_port(conclusion: &mut Conclusion) {
    if conclusion.judgement != Judgement::Holds {
        return;
    }
    let any = |names: &[&str]| {
        let all = conclusion.snapshots.iter();
        let mut counts = all.flat_map(|of| names.iter().filter_map(|name| of.metric(name)));
        counts.any(|count| matches!(count, MetricValue::Number(count) if count > 0.0))
    };
    if any(&["closed", "filtered", "prohibited", "unreachable"]) {
        conclusion.judgement = Judgement::Fails;
    } else if any(&["not_sent", "unknown", "unsettled"]) {
        conclusion.judgement = Judgement::Unmeasured;
    }
}

/// A connection in a few words: `HTTP 200, connected in 0.412 ms`.
pub(super) fn connected(milliseconds: Option<f64>, http: Option<&Http>) -> String {
    let status = http.and_then(|http| http.status).map(|status| format!("HTTP {status}"));
    let opened = milliseconds.map(|took| format!("connected in {} ms", ms3_f64(took)));
    Vec::from_iter(status.into_iter().chain(opened)).join(", ")
}

/// A page is served when the status of its answer is below 400 (RFC 9110 section 15).
pub(super) fn by_status(conclusion: &mut Conclusion) {
    let unserved = unserved(conclusion, "a status below 400 is ready");
    if let Some(failure) = unserved.filter(|_| conclusion.failure.is_none()) {
        conclusion.judgement = Judgement::Fails;
        conclusion.failure = Some(failure);
    }
}

/// That the status of an answer is that of an error, and what else could be.
pub(super) fn unserved(conclusion: &Conclusion, hint: &str) -> Option<Failure> {
    let status = conclusion.snapshots.first()?.metric("status")?;
    let MetricValue::Number(status) = status else { return None };
    let message = format!("HTTP {status}; {hint}");
    (status >= 400.0).then(|| failure(Stage::Request, &format!("http-{status}"), message))
}

/// A connection whose other end is its own is none to a service: the kernel took the port that was
/// asked for as that of this end, too.
pub(super) fn not_to_itself(conclusion: &mut Conclusion) {
    let is_own = conclusion.findings.iter().any(|finding| finding.code == "self-connected");
    if is_own {
        conclusion.judgement = Judgement::Fails;
        conclusion.is_void = true;
        let message = "the connection is one to itself: nothing listens there".to_owned();
        conclusion.failure = Some(failure(Stage::Connect, "connected-to-itself", message));
        conclusion.figures = String::new();
    }
}
