//! Arguments of commands from words, and what results say in a few words.

use super::kind::Conclusion;
use super::kinds::failure;
use crate::usage;
use netdiag_dns::Class;
use netdiag_dns::result::ServerResult;
use netdiag_model::Untrusted;
use netdiag_model::contract::Judgement;
use netdiag_model::failure::{Failure, Stage};
use netdiag_report::number::ms3_f64;
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
    let said = if said.is_empty() { result.outcome.name().to_owned() } else { said.join(", ") };
    let took = result.rtt_ms.as_ref().map(|rtt| format!(", {} ms", ms3_f64(rtt.p50)));
    format!("{said} from {}{}", result.server, took.unwrap_or_default())
}

/// Why a port is not open.
pub(super) fn syn_failure(port: &Port) -> Option<Failure> {
    if let Some(local) = &port.failure {
        return Some(local.clone());
    }
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
