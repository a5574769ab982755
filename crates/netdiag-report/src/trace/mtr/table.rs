//! The table of a report.

use super::{Column, Order};
use crate::trace::row::{Columns, HOP, NAME, SYSTEM};
use crate::trace::{Resolved, row, text};
use netdiag_model::Family;
use netdiag_trace::result::{Hop, Target};
use std::time::Duration;

/// What stands between columns.
const GAP: &str = "  ";
/// The columns of a report that go in a narrow terminal, in this order. Loss and mean never go.
const FIRST_TO_GO: [Column; 7] = [
    Column::Deviation,
    Column::Best,
    Column::JitterMean,
    Column::Link,
    Column::Worst,
    Column::Last,
    Column::Sent,
];

/// What was measured, in a line.
pub(in crate::trace) fn header(resolved: &Resolved, target: &Target, took: Duration) -> String {
    let (name, sent) = text::subject(resolved);
    let rounds = resolved.config.as_ref().and_then(|config| config.rounds.as_ref());
    let interval = rounds.map_or(Duration::ZERO, |rounds| rounds.interval).as_secs_f64();
    let cycles = match target.cycles {
        1 => "1 cycle".to_owned(),
        n => format!("{n} cycles at {interval} s"),
    };
    // A rate that does not let every cycle go.
    let spacing = resolved.config.as_ref().map_or(Duration::ZERO, |config| config.spacing);
    let why = match spacing.is_zero() {
        true => String::new(),
        false => format!(": without root probes leave {} ms apart", spacing.as_millis()),
    };
    let missed = match target.cycles_missed {
        0 => String::new(),
        missed => format!(" ({missed} more left out{why})"),
    };
    format!("mtr to {name}, {sent}, {cycles}{missed}, {:.1} s", took.as_secs_f64())
}

/// The columns, those that fit into a terminal.
struct Layout {
    width: Option<usize>,
    address: usize,
    has_system: bool,
    name: Option<usize>,
    order: Order,
}

impl Layout {
    /// In a narrow terminal names go first, then figures, unless they were asked for.
    fn new(target: &Target, order: &Order, columns: Columns, width: Option<usize>) -> Self {
        let address = match target.family {
            Some(Family::Ipv6) => 39,
            _ => 15,
        };
        let (name, order_now) = (columns.names.then_some(NAME), order.clone());
        let has_system = columns.systems;
        let mut layout = Self { width, address, has_system, name, order: order_now };
        let Some(width) = width else { return layout };
        if layout.columns() > width {
            layout.name = None;
        }
        if order.is_of_report() {
            let mut gone = FIRST_TO_GO.iter();
            while layout.columns() > width {
                let Some(column) = gone.next() else { break };
                layout.order.remove(*column);
            }
        }
        layout
    }

    /// How wide a line is without the note.
    fn columns(&self) -> usize {
        let figures: usize = self.order.iter().map(|it| GAP.len() + it.width()).sum();
        let name = self.name.map_or(0, |name| GAP.len() + name);
        let system = usize::from(self.has_system) * (GAP.len() + SYSTEM);
        HOP + GAP.len() + self.address + system + name + figures
    }

    fn line(
        &self,
        hop: &str,
        (address, system, name): (&str, &str, &str),
        cells: &[(usize, String)],
        note: &str,
    ) -> Vec<String> {
        let column = self.address;
        let mut line = format!("{hop:>HOP$}{GAP}{address:<column$}");
        if self.has_system {
            line.push_str(&format!("{GAP}{system:<SYSTEM$}"));
        }
        let mut below = note.to_owned();
        match self.name {
            // What goes over its column stands with the note.
            Some(width) if name.chars().count() > width => {
                line.push_str(&format!("{GAP}{:<width$}", ""));
                below = if note.is_empty() { name.to_owned() } else { format!("{name}, {note}") };
            }
            Some(width) => line.push_str(&format!("{GAP}{name:<width$}")),
            None => {}
        }
        let moved = below.len() > note.len() && self.width.is_some();
        let cells = cells.iter().map(|(width, cell)| (*width, cell));
        let (mut lines, last) = row::folded(line, cells, self.width);
        lines.extend(row::noted(&last, &below, moved, self.width));
        lines
    }
}

/// The hops with these columns, in a terminal of this width, if it is one.
pub(in crate::trace) fn table(
    target: &Target,
    order: &Order,
    columns: Columns,
    width: Option<usize>,
) -> Vec<String> {
    let layout = Layout::new(target, order, columns, width);
    let order = &layout.order;
    let titles: Vec<_> = order.iter().map(|it| (it.width(), it.title().to_owned())).collect();
    let mut lines = layout.line("hop", ("address", "AS", "name"), &titles, "");
    for hop in &target.hops {
        let number = hop.ttl.to_string();
        let cells: Vec<_> = order.iter().map(|it| (it.width(), order.text(it, hop))).collect();
        let who = row::by_answers(hop);
        let Some((main, others)) = who.split_first() else {
            let note = row::uncounted(hop);
            lines.extend(layout.line(&number, (row::nobody(hop), "-", "-"), &cells, &note));
            continue;
        };
        let end = target.hops.last().filter(|_| target.reached).map(|hop| hop.ttl);
        let is_target = |hop: &Hop| end == Some(hop.ttl);
        let note = row::note(main, is_target(hop) && target.address == Some(main.address));
        let name = row::name(main.hostname.as_ref());
        let (address, system) = (main.address.to_string(), row::system(main.asn));
        lines.extend(layout.line(&number, (&address, &system, &name), &cells, &note));
        for other in others {
            let (name, note) = (row::name(other.hostname.as_ref()), row::note(other, false));
            let note = match note.as_str() {
                "" => format!("{} answers", other.received),
                note => format!("{} answers, {note}", other.received),
            };
            let (address, system) = (other.address.to_string(), row::system(other.asn));
            lines.extend(layout.line("", (&address, &system, &name), &[], &note));
        }
    }
    lines
}
