//! Which columns the table has, and how wide they are: fewer in a narrow terminal.

use super::row::{Why, address_of};
use crate::fold::{INDENT, fold};
use crate::number::{align, pad, push_address, push_ms5, push_number};
use netdiag_ping::sweep::{Config, Found, Row, Target};
use std::fmt::Write as _;

/// What is given by a longer name goes over its column.
const GIVEN: usize = 40;
/// In a terminal the column gives way, but not below this.
const LEAST_GIVEN: usize = 12;
/// Names are padded to this.
const NAME: usize = 24;
/// The longest state.
const STATE: usize = 11;
/// How long most reasons are, so that they need no line of their own.
const WHY: usize = 40;
/// Below so many probes loss is a fraction: a per cent would promise more than it knows.
const ENOUGH: u64 = 20;
/// What stands between columns.
const GAP: &str = "  ";

/// The columns. Those that go in a narrow terminal: what was given, where it says no more than the
/// address; the name; the largest and the smallest round trip; how many probes left and came back. Where that is
/// not enough, a row has lines of its own for what was given and for the address.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    width: Option<usize>,
    given: Option<usize>,
    address: usize,
    name: Option<usize>,
    figures: Vec<Figure>,
}

/// A number, and how wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Rtt,
    Sent,
    Received,
    Loss,
    /// Of few probes.
    LossOf,
    Least,
    Mean,
    Most,
}

impl Figure {
    const fn head(self) -> (&'static str, usize) {
        match self {
            Self::Rtt => ("rtt ms", 6),
            Self::Sent => ("sent", 4),
            Self::Received => ("recv", 4),
            Self::Loss => ("loss %", 6),
            Self::LossOf => ("loss", 5),
            Self::Least => ("min", 5),
            Self::Mean => ("mean", 5),
            Self::Most => ("max", 5),
        }
    }
}

impl Layout {
    /// The columns for these targets in a terminal of this width, if it is one.
    pub(super) fn new(config: &Config, width: Option<usize>) -> Self {
        let (mut given, mut address) = ("target".len(), "address".len());
        let mut is_given = false;
        for target in config.targets.corners() {
            given = given.max(target.to_string().len());
            address = address.max(address_of(target).len());
            is_given |= matches!(target, Target::Given(_));
        }
        let figures = match config.count {
            1 => vec![Figure::Rtt, Figure::Sent],
            _ => vec![
                Figure::Sent,
                Figure::Received,
                if config.count < ENOUGH { Figure::LossOf } else { Figure::Loss },
                Figure::Least,
                Figure::Mean,
                Figure::Most,
            ],
        };
        let name = config.wants_names.then_some(NAME);
        let mut layout = Self { width, given: Some(given.min(GIVEN)), address, name, figures };
        if let Some(width) = width {
            layout.narrow(width, is_given);
        }
        layout
    }

    /// Leaves out what can be, until the rest fits.
    fn narrow(&mut self, width: usize, is_given: bool) {
        if !is_given && self.columns() + GAP.len() + WHY > width {
            self.given = None;
        }
        if self.columns() > width {
            self.name = None;
        }
        for rare in [Figure::Most, Figure::Least] {
            if self.columns() > width {
                self.figures.retain(|figure| *figure != rare);
            }
        }
        let too_much = self.columns().saturating_sub(width);
        let shorter = |given: usize| given.saturating_sub(too_much).max(LEAST_GIVEN.min(given));
        self.given = self.given.map(shorter);
        for count in [Figure::Sent, Figure::Received] {
            if self.columns() > width {
                self.figures.retain(|figure| *figure != count);
            }
        }
        if self.columns() > width {
            self.given = self.given.map(|_| 0);
        }
        if self.columns() > width {
            self.address = 0;
        }
        // What is left is for names, which are what is longest.
        let left = width.saturating_sub(self.columns()).min(GIVEN - NAME);
        self.name = self.name.map(|name| name + left);
    }

    /// How wide a line is without the reason.
    fn columns(&self) -> usize {
        let figures = self.figures.iter().map(|figure| GAP.len() + figure.head().1);
        let before = [self.given, self.name].into_iter().flatten().map(|cell| cell + GAP.len());
        before.sum::<usize>() + self.address + GAP.len() + STATE + figures.sum::<usize>()
    }

    /// The line over the rows.
    pub(super) fn head(&self, line: &mut String) {
        self.cell(self.given, line, |line| line.push_str("target"));
        self.cell(Some(self.address), line, |line| line.push_str("address"));
        self.cell(self.name, line, |line| line.push_str("name"));
        let _ = write!(line, "{:<STATE$}", "state");
        for (head, width) in self.figures.iter().map(|figure| figure.head()) {
            let _ = write!(line, "{GAP}{head:>width$}");
        }
        let why = "why";
        if self.width.is_none_or(|width| column(line) + GAP.len() + why.len() <= width) {
            line.extend([GAP, why]);
        }
    }

    /// A row, and why it is so.
    pub(super) fn row(&self, row: &Row, target: Target<'_>, line: &mut String) {
        let address = Some(self.address);
        match target {
            Target::Address(one) => {
                self.cell(self.given, line, |line| push_address(one, line));
                self.cell(address, line, |line| push_address(one, line));
            }
            Target::Given(_) => {
                self.cell(self.given, line, |line| {
                    let _ = write!(line, "{target}");
                });
                self.cell(address, line, |line| line.push_str(&address_of(target)));
            }
        }
        self.cell(self.name, line, |line| {
            let name = row.name.as_ref().map(|name| name.escaped());
            let _ = match name {
                Some(name) => write!(line, "{name}"),
                None => write!(line, "-"),
            };
        });
        let state = row.state(target);
        line.push_str(state.name());
        pad(STATE.saturating_sub(state.name().len()), line);
        self.figures(row, line);
        self.note(&Why { row, target, state }, line);
    }

    /// A cell of text. In a terminal what goes over its column has the line for itself.
    fn cell(&self, width: Option<usize>, line: &mut String, text: impl FnOnce(&mut String)) {
        let Some(width) = width else { return };
        let start = line.len();
        text(line);
        let mut missing = width.checked_sub(line.len() - start);
        if missing.is_none() && self.width.is_some() {
            let offset = line.get(..start).map_or(0, column);
            line.push('\n');
            missing = Some(offset + width);
        }
        pad(missing.unwrap_or(0) + GAP.len(), line);
    }

    fn figures(&self, row: &Row, line: &mut String) {
        let found = row.figures();
        let loss = match &row.found {
            Found::Series(series) => series.stats().counters().loss(),
            _ => None,
        };
        for figure in &self.figures {
            let width = figure.head().1;
            let time = match (figure, found.rtt) {
                (Figure::Least, Some([least, ..])) => Some(least),
                (Figure::Rtt | Figure::Mean, Some([_, mean, _])) => Some(mean),
                (Figure::Most, Some([.., most])) => Some(most),
                _ => None,
            };
            line.push_str(GAP);
            let start = line.len();
            match (figure, loss, time) {
                (Figure::Sent, ..) => push_number(found.sent, line),
                (Figure::Received, ..) => push_number(found.received, line),
                (Figure::Loss, Some(loss), _) => {
                    let _ = write!(line, "{:.1}", loss.percent());
                }
                (Figure::LossOf, Some(loss), _) => {
                    let _ = write!(line, "{}/{}", loss.lost(), loss.of());
                }
                (.., Some(time)) => push_ms5(time, line),
                _ => line.push('-'),
            }
            align(start, width, line);
        }
    }

    /// The reason: at the end of the line where it fits, else below.
    fn note(&self, why: &Why<'_>, line: &mut String) {
        if why.is_needless() {
            return;
        }
        let start = line.len();
        let _ = write!(line, "{GAP}{why}");
        if self.width.is_some_and(|width| column(line) > width) && line.len() > start + GAP.len() {
            let why = line.split_off(start);
            let below = format!("{INDENT}{}", why.trim_start());
            line.truncate(line.trim_end_matches(' ').len());
            line.push('\n');
            line.push_str(&fold(&below, self.width));
        }
    }
}

/// How wide the last line is.
fn column(text: &str) -> usize {
    text.len() - text.rfind('\n').map_or(0, |end| end + 1)
}
