//! Titles, widths and figures of mtr's columns.

use crate::trace::mtr::{Column, Order};
use netdiag_trace::mtr::Row;
use std::time::Duration;

/// A figure of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    /// How many.
    Count(u64),
    /// Per cent, or milliseconds.
    Number(f64),
}

impl Column {
    /// Its title, and how wide it is with the gap before it.
    pub(super) const fn classic_title(self) -> (&'static str, usize) {
        match self {
            Self::Loss => ("Loss%", 6),
            Self::Lost => ("Drop", 5),
            Self::Received => ("Rcv", 6),
            Self::Sent => ("Snt", 6),
            Self::Last => ("Last", 6),
            Self::Best => ("Best", 6),
            Self::Mean => ("Avg", 6),
            Self::Worst => ("Wrst", 6),
            Self::Deviation => ("StDev", 6),
            Self::GeometricMean => ("Gmean", 6),
            Self::Jitter => ("Jttr", 5),
            Self::JitterMean => ("Javg", 5),
            Self::JitterMax => ("Jmax", 5),
            Self::Interarrival => ("Jint", 5),
            Self::Space | Self::Link | Self::Node | Self::Mtu => (" ", 1),
        }
    }

    /// Its figure; of a gap what was lost, as there.
    pub(super) fn classic_figure(self, row: &Row) -> Figure {
        // Whole microseconds, as mtr has them.
        let ms = |time: Duration| Figure::Number(time.as_micros() as f64 / 1e3);
        match self {
            Self::Loss => Figure::Number(loss(row)),
            Self::Lost | Self::Space | Self::Link | Self::Node | Self::Mtu => {
                Figure::Count(settled(row).saturating_sub(row.received))
            }
            Self::Received => Figure::Count(row.received),
            Self::Sent => Figure::Count(row.sent),
            Self::Last => ms(row.last),
            Self::Best => ms(row.best),
            Self::Mean => ms(row.mean),
            Self::Worst => ms(row.worst),
            Self::Deviation => ms(row.stddev),
            Self::GeometricMean => ms(row.geometric_mean),
            Self::Jitter => ms(row.jitter),
            Self::JitterMean => ms(row.jitter_mean),
            Self::JitterMax => ms(row.jitter_max),
            Self::Interarrival => ms(row.interarrival),
        }
    }

    /// As it is shown, with the gap before it.
    pub(super) fn classic_cell(self, row: &Row) -> String {
        let width = self.classic_title().1 - 1;
        match (self, self.classic_figure(row)) {
            (Self::Space | Self::Link | Self::Node | Self::Mtu, _) => " ".to_owned(),
            (_, Figure::Count(count)) => format!(" {count:width$}"),
            (Self::Loss, Figure::Number(loss)) => format!(" {loss:4.1}%"),
            (_, Figure::Number(time)) => format!(" {time:width$.1}"),
        }
    }
}

impl Order {
    /// The figures of a hop. What is too long is written over by the next one.
    pub(super) fn classic_line(&self, row: &Row) -> String {
        let mut line = String::new();
        let mut width = 0;
        for column in self.iter() {
            line = line.chars().take(width).chain(column.classic_cell(row).chars()).collect();
            width += column.classic_title().1;
        }
        line
    }

    /// Their titles.
    pub(super) fn classic_titles(&self) -> String {
        let titles = self.iter().map(|column| {
            let (title, width) = column.classic_title();
            format!("{title:>width$}")
        });
        titles.collect()
    }
}

/// The probes that say something.
fn settled(row: &Row) -> u64 {
    row.sent.saturating_sub(u64::from(row.is_open))
}

/// Per cent, cut off behind the third digit.
fn loss(row: &Row) -> f64 {
    match settled(row) {
        0 => 0.0,
        settled => {
            let passed = 100.0 * row.received as f64 / settled as f64;
            (1_000.0 * (100.0 - passed)).trunc() / 1_000.0
        }
    }
}
