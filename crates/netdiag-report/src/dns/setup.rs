//! `dns --check`: a row for each way by which a name is looked up here.

use crate::number::ms5;
use netdiag_dns::Setup;
use netdiag_dns::result::{Step, Target};
use std::time::Duration;

/// The table, the steps of all questions in one.
pub(super) fn table(setup: &Setup, targets: &[&Target]) -> Vec<String> {
    let mut rows = vec![["step", "outcome", "ms", "answer"].map(ToOwned::to_owned)];
    let count = targets.iter().map(|target| target.steps.len()).max().unwrap_or_default();
    let mut servers = 0;
    for place in 0..count {
        let steps: Vec<&Step> =
            targets.iter().filter_map(|target| target.steps.get(place)).collect();
        let Some(first) = steps.first() else { continue };
        servers += usize::from(first.step == "server");
        rows.push([
            label(setup, first, servers),
            outcome(&steps),
            time(&steps),
            answer(setup, targets, &steps),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (step, outcome, ms) = (width(0), width(1), width(2).max(5));
    let line = |[a, b, c, d]: &[String; 4]| {
        format!("{a:<step$}  {b:<outcome$}  {c:>ms$}  {d}").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn label(setup: &Setup, step: &Step, number: usize) -> String {
    let server = step.server.as_deref().unwrap_or_default();
    let server = server.strip_suffix(":53").unwrap_or(server);
    match step.step.as_str() {
        "hosts" => setup.path("hosts"),
        "server" if number == 1 => format!("{server} (1st server)"),
        "server" => format!("{server} ({number}{})", ordinal(number)),
        "uplink" => format!("{server} (of systemd-resolved)"),
        _ => "getaddrinfo (programs)".to_owned(),
    }
}

const fn ordinal(number: usize) -> &'static str {
    match (number % 10, number % 100) {
        (1, 0..=10 | 20..) => "st",
        (2, 0..=11 | 20..) => "nd",
        (3, 0..=12 | 20..) => "rd",
        _ => "th",
    }
}

/// What one of the questions came to that came to most.
fn outcome(steps: &[&Step]) -> String {
    let answered = steps.iter().find(|step| step.outcome == "answer");
    let step = answered.or_else(|| steps.first());
    match step.map(|step| step.outcome.as_str()) {
        None | Some("no-entry") => "-".to_owned(),
        Some(outcome) => outcome.to_owned(),
    }
}

fn time(steps: &[&Step]) -> String {
    let longest = steps.iter().filter_map(|step| step.rtt_ms).reduce(f64::max);
    match longest {
        Some(ms) => ms5(Duration::from_secs_f64(ms / 1e3)),
        None if steps.iter().any(|step| step.outcome == "timeout") => "*".to_owned(),
        None => "-".to_owned(),
    }
}

fn answer(setup: &Setup, targets: &[&Target], steps: &[&Step]) -> String {
    let data: Vec<&str> =
        steps.iter().flat_map(|step| &step.answers).map(|data| data.as_str()).collect();
    let mark = if steps.iter().any(|step| step.diverges) { "  <- differs" } else { "" };
    if !data.is_empty() {
        return format!("{}{mark}", data.join(", "));
    }
    let step = steps.first().map(|step| step.step.as_str()).unwrap_or_default();
    let server = steps.first().and_then(|step| step.server.as_deref());
    let results = targets.iter().flat_map(|target| &target.results);
    let own = results.filter(|result| Some(result.server.as_str()) == server);
    let (sent, heard) =
        own.clone().fold((0, 0), |(sent, heard), it| (sent + it.sent, heard + it.received));
    let failure = own.clone().find_map(|result| result.failure.as_ref());
    match (server, failure) {
        (None, _) => format!("{}{mark}", setup.unsaid(step)),
        (Some(_), Some(failure)) if outcome(steps) != "timeout" => failure.message.clone(),
        (Some(_), _) if heard == 0 => format!("{sent} of {sent} queries unanswered"),
        (Some(_), _) => match outcome(steps).as_str() {
            "answer" | "nodata" | "nxdomain" => format!("no address{mark}"),
            _ => "-".to_owned(),
        },
    }
}
