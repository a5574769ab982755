//! `dns --trace`: a row for each server of each zone on the way.

use crate::number::ms5;
use netdiag_dns::result::{Step, Target};
use netdiag_model::Untrusted;
use std::time::Duration;

/// Servers that a row leads to are named up to here.
const NAMED: usize = 4;

/// The table of one question.
pub(super) fn table(target: &Target) -> Vec<String> {
    let mut rows =
        vec![["zone", "server", "outcome", "ms", "serial", "answer"].map(ToOwned::to_owned)];
    let mut last = (None, None);
    // Rows before which it is said where a CNAME led.
    let mut led = Vec::new();
    for step in &target.steps {
        let zone = step.zone.as_deref();
        let here = (zone, step.asked.as_deref());
        let is_new = last != here;
        if let Some(asked) = here.1.filter(|_| last.1 != here.1) {
            led.push((rows.len(), asked));
        }
        last = here;
        rows.push([
            zone.filter(|_| is_new).unwrap_or_default().to_owned(),
            server(step),
            step.outcome.clone(),
            time(step),
            step.serial.map_or_else(|| "-".to_owned(), |serial| serial.to_string()),
            answer(step),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (zone, server, outcome, ms, serial) =
        (width(0), width(1), width(2), width(3).max(5), width(4));
    let line = |[a, b, c, d, e, f]: &[String; 6]| {
        format!("{a:<zone$}  {b:<server$}  {c:<outcome$}  {d:>ms$}  {e:>serial$}  {f}")
            .trim_end()
            .to_owned()
    };
    let mut led = led.into_iter().peekable();
    let mut lines = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        while let Some((_, asked)) = led.next_if(|(before, _)| *before == place) {
            lines.push(format!(
                "CNAME to {}: from the root again",
                Untrusted::from(asked).escaped()
            ));
        }
        lines.push(line(row));
    }
    lines
}

fn server(step: &Step) -> String {
    let name = step.name.as_deref().unwrap_or_default();
    match &step.server {
        Some(server) => format!("{name} ({})", server.strip_suffix(":53").unwrap_or(server)),
        None => name.to_owned(),
    }
}

fn time(step: &Step) -> String {
    match step.rtt_ms {
        Some(ms) => ms5(Duration::from_secs_f64(ms / 1e3)),
        None if step.server.is_some() => "*".to_owned(),
        None => "-".to_owned(),
    }
}

fn answer(step: &Step) -> String {
    let data: Vec<&str> = step.answers.iter().take(NAMED).map(|data| data.as_str()).collect();
    let more = step.answers.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match (step.outcome.as_str(), data.is_empty()) {
        (_, true) => "-".to_owned(),
        ("referral", false) => format!("to {}{more}", data.join(" ")),
        (_, false) => format!("{}{more}", data.join(", ")),
    }
}
