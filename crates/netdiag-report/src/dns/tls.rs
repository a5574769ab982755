//! What TLS showed, and HTTP over it, in a line for each server.

use netdiag_dns::Class;
use netdiag_dns::result::{ServerResult, Target};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// One line for each server that was asked over TLS; what it came to where that failed is told with the
/// question.
pub(super) fn lines<'a>(targets: impl Iterator<Item = Cow<'a, Target>>) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut lines = Vec::new();
    for target in targets {
        for result in target.results.iter().filter(|result| result.outcome != Class::TlsError) {
            let line = line(result).filter(|_| told.insert(result.server.clone()));
            lines.extend(line);
        }
    }
    lines
}

fn line(result: &ServerResult) -> Option<String> {
    let tls = result.tls.as_ref()?;
    let verdict = match &tls.error {
        None => "verified".to_owned(),
        Some(error) => format!("not verified: {error}"),
    };
    let days =
        tls.chain.first().filter(|leaf| leaf.days_left >= 0).map(|leaf| match leaf.days_left {
            1 => ", 1 day left".to_owned(),
            days => format!(", {days} days left"),
        });
    let phases = result.phases_ms.map(|phases| match phases.tls {
        Some(tls) => format!(
            "; connect {:.3} ms, TLS {tls:.3} ms, request {:.3} ms",
            phases.connect, phases.request
        ),
        None if result.transport.is_over_quic() && !phases.reused => {
            format!("; connect {:.3} ms, request {:.3} ms", phases.connect, phases.request)
        }
        None => format!("; request {:.3} ms", phases.request),
    });
    let version = tls.version.as_deref().unwrap_or("TLS");
    let (days, phases) = (days.unwrap_or_default(), phases.unwrap_or_default());
    let http = result.http.as_ref().map(|http| format!("{} over ", http.version));
    let http = http.unwrap_or_default();
    let quic = if result.transport.is_over_quic() { "QUIC, " } else { "" };
    Some(format!("; {} by {http}{quic}{version}, {verdict}{days}{phases}", result.server))
}

/// How old an answer is that was kept on the way: its times to live count from then (RFC 8484 section
/// 5.1).
pub(super) fn age(result: &ServerResult) -> Option<String> {
    let age = result.http.as_ref()?.age_s.filter(|age| *age > 0)?;
    let server = &result.server;
    let answers = result.answers.iter();
    let least = answers.map(|record| u64::from(record.ttl)).min();
    let left = least.map(|ttl| match ttl.checked_sub(age) {
        Some(left) => format!(", so the shortest of {ttl} s has {left} s left"),
        None => format!(", more than the {ttl} s of the shortest"),
    });
    let left = left.unwrap_or_default();
    Some(format!(
        "; {server}: kept on the way for {age} s (Age): times to live count from then{left}"
    ))
}
