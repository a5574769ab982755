//! One hop as lines of a table.

use crate::fold::fold;
use crate::number::{ms5, pad, push_left, push_right};
use netdiag_model::contract::Rtt;
use netdiag_model::{Family, Untrusted};
use netdiag_trace::result::{Changed, Hop, Responder, Target, Uncounted, Value};
use std::time::Duration;

/// From so many probes on loss is a per cent.
const PERCENT_FROM: u64 = 20;
/// AS numbers are padded to this: the largest has ten digits.
pub(super) const SYSTEM: usize = 12;
/// Names are padded to this.
pub(super) const NAME: usize = 24;
/// How wide the other columns are.
pub(super) const HOP: usize = 3;
const LOSS: usize = 6;
const FIGURE: usize = 5;
/// What stands between columns.
const GAP: usize = 2;
/// Bytes of most lines.
const LINE: usize = 80;

/// Columns that a table has where they were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns {
    /// The names of hops.
    pub names: bool,
    /// Their autonomous systems.
    pub systems: bool,
    /// The largest packets that came as far.
    pub mtus: bool,
}

/// How wide the columns are, and which there are: in a narrow terminal without names, then without
/// the shortest and the longest time; loss and mean never go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    width: Option<usize>,
    address: usize,
    columns: Columns,
    /// Whether there are the shortest, the mean, and the longest time.
    times: [bool; 3],
}

impl Layout {
    /// For a terminal of this width, if it is one.
    pub(super) fn new(family: Option<Family>, columns: Columns, width: Option<usize>) -> Self {
        let address = match family {
            Some(Family::Ipv6) => 39,
            _ => 15,
        };
        let mut layout = Self { width, address, columns, times: [true; 3] };
        let Some(width) = width else { return layout };
        layout.columns.names &= layout.taken() <= width;
        for times in [[false, true, true], [false, true, false]] {
            if layout.taken() > width {
                layout.times = times;
            }
        }
        layout
    }

    /// How wide a line is without the note.
    fn taken(self) -> usize {
        let Columns { names, systems, mtus } = self.columns;
        let texts = usize::from(names) * (NAME + GAP) + usize::from(systems) * (SYSTEM + GAP);
        let times = self.times.iter().filter(|is_there| **is_there).count();
        let figures = (times + usize::from(mtus)) * (GAP + FIGURE);
        HOP + GAP + self.address + GAP + texts + LOSS + figures
    }

    /// The header line.
    pub(super) fn header(self) -> Vec<String> {
        let titles = Line {
            hop: "hop",
            address: "address",
            system: "AS",
            name: "name",
            loss: "loss",
            times: ["best", "mean", "worst"],
            mtu: "MTU",
            note: "",
        };
        let (plain, noted) = (self.line(&titles), self.line(&Line { note: "note", ..titles }));
        // Where notes have lines of their own they have no title.
        if noted.len() > plain.len() { plain } else { noted }
    }

    fn line(self, cells: &Line<'_>) -> Vec<String> {
        let Line { hop, address, system, name, loss, times, mtu, note } = cells;
        let width = self.address;
        // Many targets have many rows, and the machinery of formatting would take longer than the probes.
        let mut line = String::with_capacity(LINE);
        push_right(hop, HOP, &mut line);
        let cell = |text: &str, width: usize, line: &mut String| {
            pad(GAP, line);
            push_left(text, width, line);
        };
        cell(address, width, &mut line);
        if self.columns.systems {
            cell(system, SYSTEM, &mut line);
        }
        // A name that goes over its column stands with the note.
        let is_long = name.chars().count() > NAME;
        let mut below = (*note).to_owned();
        match self.columns.names {
            true if is_long => {
                cell("", NAME, &mut line);
                below =
                    if note.is_empty() { (*name).to_owned() } else { format!("{name}, {note}") };
            }
            true => cell(name, NAME, &mut line),
            false => {}
        }
        let shown = times.iter().zip(self.times).filter(|(_, is_there)| *is_there);
        let figures = shown.map(|(time, _)| (FIGURE, *time));
        let figures = figures.chain(self.columns.mtus.then_some((FIGURE, *mtu)));
        let cells = std::iter::once((LOSS, *loss)).chain(figures);
        let (mut lines, last) = folded(line, cells, self.width);
        let is_below = self.columns.names && is_long && self.width.is_some();
        lines.extend(noted(&last, &below, is_below, self.width));
        lines
    }

    /// The lines of a hop: who answered most comes first, the others each on a line of its own.
    pub(super) fn lines(self, hop: &Hop, target: Option<std::net::IpAddr>) -> Vec<String> {
        let number = hop.ttl.to_string();
        let loss = loss(hop);
        let mtu = hop.mtu.map_or_else(|| "-".to_owned(), |mtu| mtu.to_string());
        let nothing = Line { hop: &number, loss: &loss, ..Line::NOTHING };
        if hop.responders.is_empty() {
            return self.line(&Line { address: nobody(hop), note: &uncounted(hop), ..nothing });
        }
        let lines = by_answers(hop).into_iter().enumerate().flat_map(|(place, who)| {
            let rtt = if place == 0 { &hop.rtt_ms } else { &who.rtt_ms };
            let (hop, loss, mtu) = match place {
                0 => (number.as_str(), loss.as_str(), mtu.as_str()),
                _ => ("", "", ""),
            };
            let times = times(rtt.as_ref());
            self.line(&Line {
                hop,
                address: &who.address.to_string(),
                system: &system(who.asn),
                name: &name(who.hostname.as_ref()),
                loss,
                times: times.each_ref().map(String::as_str),
                mtu,
                note: &note(who, target == Some(who.address) && !passes(who)),
            })
        });
        lines.collect()
    }
}

/// A line with its figures, right-aligned in so many characters: those that do not fit into the terminal
/// stand on further lines, of which the last one comes apart.
pub(super) fn folded(
    mut line: String,
    cells: impl Iterator<Item = (usize, impl AsRef<str>)>,
    width: Option<usize>,
) -> (Vec<String>, String) {
    let mut lines = Vec::new();
    for (room, cell) in cells {
        let cell = cell.as_ref();
        let is_full = width.is_some_and(|width| {
            line.chars().count() + GAP + room.max(cell.chars().count()) > width
        });
        if is_full && line.len() > HOP {
            lines.push(std::mem::replace(&mut line, " ".repeat(HOP)).trim_end().to_owned());
        }
        pad(GAP, &mut line);
        push_right(cell, room, &mut line);
    }
    (lines, line)
}

/// A line of a table and what there is to say of it: at its end where that fits and `is_below` is not
/// asked for, else on lines of its own.
pub(crate) fn noted(line: &str, note: &str, is_below: bool, width: Option<usize>) -> Vec<String> {
    let mut whole = String::with_capacity(line.len() + GAP + note.len());
    whole.push_str(line);
    pad(GAP, &mut whole);
    whole.push_str(note);
    whole.truncate(whole.trim_end().len());
    let fits = width.is_none_or(|width| whole.chars().count() <= width);
    if note.is_empty() || (fits && !is_below) {
        return vec![whole];
    }
    let below = format!("{:HOP$}  {note}", "");
    let below = fold(&below, width).into_owned();
    let below = below.lines().map(str::to_owned);
    std::iter::once(line.trim_end().to_owned()).chain(below).collect()
}

/// The cells of a line.
struct Line<'a> {
    hop: &'a str,
    address: &'a str,
    system: &'a str,
    name: &'a str,
    loss: &'a str,
    times: [&'a str; 3],
    mtu: &'a str,
    note: &'a str,
}

impl Line<'_> {
    const NOTHING: Self = Self {
        hop: "",
        address: "",
        system: "-",
        name: "-",
        loss: "",
        times: ["-"; 3],
        mtu: "-",
        note: "",
    };
}

/// An autonomous system as people write it.
pub(super) fn system(number: Option<u32>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("AS{number}"))
}

/// Who answered, those that answered most first.
pub(super) fn by_answers(hop: &Hop) -> Vec<&Responder> {
    let mut order: Vec<&Responder> = hop.responders.iter().collect();
    order.sort_by_key(|who| std::cmp::Reverse(who.received));
    order
}

/// What stands in place of an address.
pub(super) const fn nobody(hop: &Hop) -> &'static str {
    if hop.sent > 0 { "*" } else { "-" }
}

pub(super) fn name(name: Option<&Untrusted>) -> String {
    name.map_or_else(|| "-".to_owned(), |name| name.escaped().to_string())
}

/// The loss of a hop: a fraction of few probes, a per cent of more.
pub(super) fn loss(hop: &Hop) -> String {
    let of = hop.sent.saturating_sub(hop.unknown + hop.in_flight);
    match hop.loss_percent {
        None => "-".to_owned(),
        Some(percent) if of >= PERCENT_FROM => format!("{percent:.1}%"),
        Some(_) => format!("{}/{of}", hop.lost + hop.net_errors),
    }
}

fn times(rtt: Option<&Rtt>) -> [String; 3] {
    let shown = |pick: fn(&Rtt) -> f64| {
        rtt.map_or_else(|| "-".to_owned(), |rtt| ms5(Duration::from_secs_f64(pick(rtt) / 1e3)))
    };
    [shown(|rtt| rtt.min), shown(|rtt| rtt.mean), shown(|rtt| rtt.max)]
}

/// Whether one says that a packet would go on from there ("time exceeded"), whatever its address is.
fn passes(who: &Responder) -> bool {
    let kind = who.icmp.as_ref().map(|icmp| icmp.kind);
    kind == Some(if who.address.is_ipv4() { 11 } else { 3 })
}

/// What there is to say of one that answered.
pub(super) fn note(who: &Responder, is_target: bool) -> String {
    let mut said = Vec::new();
    if let (Some(mark), Some(icmp)) = (&who.mark, &who.icmp) {
        said.push(format!("{mark} {}/{}", icmp.kind, icmp.code));
    }
    if is_target {
        let back = who.hops_back.map(|back| match back {
            1 => ", 1 router back".to_owned(),
            back => format!(", {back} routers back"),
        });
        said.push(format!("reached{}", back.unwrap_or_default()));
    }
    let labels = who.mpls.iter().map(|label| label.label.to_string());
    let labels: Vec<String> = labels.collect();
    if !labels.is_empty() {
        said.push(format!("MPLS {}", labels.join("/")));
    }
    said.extend(who.interfaces.iter().map(|interface| {
        let name = interface.name.as_ref().map(|name| format!(" {}", name.escaped()));
        let index = interface.index.filter(|_| name.is_none()).map(|index| format!(" {index}"));
        let address = interface.address.map(|address| format!(" {address}"));
        let mtu = interface.mtu.map(|mtu| format!(" mtu {mtu}"));
        let parts = [name, index, address, mtu].map(Option::unwrap_or_default).concat();
        format!("{}{parts}", interface.role)
    }));
    said.extend(
        who.unknown_objects
            .iter()
            .map(|object| format!("object {}/{} {}", object.class, object.kind, object.data)),
    );
    if let Some(why) = &who.malformed_extensions {
        said.push(format!("extensions malformed ({why})"));
    }
    if let Some(ttl) = who.quoted_ttl.filter(|ttl| *ttl > 1 && !is_target && who.mark.is_none()) {
        said.push(format!("ttl {ttl} in its quote"));
    }
    if who.nat == Some(true) {
        said.push("NAT".to_owned());
    }
    said.extend(who.changed.iter().filter(|change| !is_source(change)).map(changed));
    said.join(", ")
}

/// What there is to say of a hop that nobody answered for in time.
pub(super) fn uncounted(hop: &Hop) -> String {
    let Some(Uncounted { address, rtt_ms, mark }) = &hop.uncounted else { return String::new() };
    match (rtt_ms, mark) {
        (Some(ms), _) => {
            let ms = ms5(Duration::from_secs_f64(ms / 1e3));
            format!("late: {} ms, from {address}", ms.trim_start())
        }
        (None, Some(mark)) => format!("{mark} from {address}, not believed"),
        (None, None) => format!("\"too big\" from {address}, not believed"),
    }
}

fn is_source(change: &Changed) -> bool {
    change.field.name().starts_with("source")
}

fn changed(change: &Changed) -> String {
    let text = |value: Value| match value {
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => u8::from(flag).to_string(),
        Value::Address(address) => address.to_string(),
    };
    let name = change.field.name().replace('_', " ");
    format!("{name} {}>{}", text(change.sent), text(change.quoted))
}

/// All lines of a target's table, in a terminal of this width, if it is one.
pub(super) fn table(target: &Target, columns: Columns, width: Option<usize>) -> Vec<String> {
    let layout = Layout::new(target.family, columns, width);
    let rows = target.hops.iter().flat_map(|hop| layout.lines(hop, target.address));
    layout.header().into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_moves_no_column() {
        let columns = Columns { names: true, ..Columns::default() };
        let layout = Layout::new(Some(Family::Ipv4), columns, None);
        let place = |name: &str| {
            let lines = layout.line(&Line { name, loss: "0/3", ..Line::NOTHING });
            (lines.len(), lines.first().and_then(|line| line.find("0/3")))
        };
        assert_eq!(place(&"long.".repeat(38)), place("short"));
    }
}
