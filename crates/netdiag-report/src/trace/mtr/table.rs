//! The table of a report.

use super::Order;
use crate::trace::{Resolved, row, text};
use netdiag_model::Family;
use netdiag_trace::result::{Hop, Target};
use std::time::Duration;

/// Names are padded to this.
const NAME: usize = 24;

/// What was measured, in a line.
pub(in crate::trace) fn header(resolved: &Resolved, target: &Target, elapsed_ms: f64) -> String {
    let (name, sent) = text::subject(resolved);
    let rounds = resolved.config.as_ref().and_then(|config| config.rounds.as_ref());
    let interval = rounds.map_or(Duration::ZERO, |rounds| rounds.interval).as_secs_f64();
    let cycles = match target.cycles {
        1 => "1 cycle".to_owned(),
        n => format!("{n} cycles at {interval} s"),
    };
    format!("mtr to {name}, {sent}, {cycles}, {:.1} s", elapsed_ms / 1e3)
}

/// The hops with these columns.
pub(in crate::trace) fn table(target: &Target, order: &Order, names: bool) -> Vec<String> {
    let width = match target.family {
        Some(Family::Ipv6) => 39,
        _ => 15,
    };
    let line = |hop: &str, address: &str, name: &str, cells: &[(usize, String)], note: &str| {
        let name = if names { format!("  {name:<NAME$}") } else { String::new() };
        let mut line = format!("{hop:>3}  {address:<width$}{name}");
        for (width, cell) in cells {
            line.push_str(&format!("  {cell:>width$}"));
        }
        format!("{line}  {note}").trim_end().to_owned()
    };
    let titles: Vec<_> = order.iter().map(|it| (it.width(), it.title().to_owned())).collect();
    let mut lines = vec![line("hop", "address", "name", &titles, "")];
    for hop in &target.hops {
        let number = hop.ttl.to_string();
        let cells: Vec<_> = order.iter().map(|it| (it.width(), it.text(hop))).collect();
        let who = row::by_answers(hop);
        let Some((main, others)) = who.split_first() else {
            lines.push(line(&number, row::nobody(hop), "-", &cells, ""));
            continue;
        };
        let is_target = |hop: &Hop| target.hop_count == Some(hop.ttl);
        let note = row::note(main, is_target(hop) && target.address == Some(main.address));
        let name = row::name(main.hostname.as_ref());
        lines.push(line(&number, &main.address.to_string(), &name, &cells, &note));
        for other in others {
            let (name, note) = (row::name(other.hostname.as_ref()), row::note(other, false));
            let note = match note.as_str() {
                "" => format!("{} answers", other.received),
                note => format!("{} answers, {note}", other.received),
            };
            lines.push(line("", &other.address.to_string(), &name, &[], &note));
        }
    }
    lines
}
