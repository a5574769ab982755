//! Columns by mtr's letters.

use crate::number::ms5;
use crate::trace::row;
use netdiag_model::contract::{Jitter, Rtt};
use netdiag_trace::result::{Hop, Mtr};
use std::str::FromStr;
use std::time::Duration;

/// Columns, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order(Vec<Column>);

/// One column of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// A wider gap.
    Space,
    /// L: loss.
    Loss,
    /// D: probes lost.
    Lost,
    /// R: probes answered.
    Received,
    /// S: probes sent.
    Sent,
    /// N: the newest round trip.
    Last,
    /// B: the shortest.
    Best,
    /// A: the mean.
    Mean,
    /// W: the longest.
    Worst,
    /// V: the standard deviation.
    Deviation,
    /// G: the geometric mean.
    GeometricMean,
    /// J: the difference of the last two.
    Jitter,
    /// M: its mean.
    JitterMean,
    /// X: its largest.
    JitterMax,
    /// I: the interarrival jitter.
    Interarrival,
    /// K: what the link to the hop loses.
    Link,
    /// O: what the hop itself loses.
    Node,
    /// U: the largest packet that came as far.
    Mtu,
}

use Column::{
    Best, Deviation, GeometricMean, Interarrival, Jitter as Current, JitterMax, JitterMean, Last,
    Link, Loss, Lost, Mean, Mtu, Node, Received, Sent, Space, Worst,
};

/// Every column with its letter, its title and what that is to sort by.
const COLUMNS: &[(Column, char, &str)] = &[
    (Space, ' ', ""),
    (Loss, 'L', "loss"),
    (Lost, 'D', "lost"),
    (Received, 'R', "rcvd"),
    (Sent, 'S', "sent"),
    (Last, 'N', "last"),
    (Best, 'B', "best"),
    (Mean, 'A', "mean"),
    (Worst, 'W', "worst"),
    (Deviation, 'V', "stdev"),
    (GeometricMean, 'G', "gmean"),
    (Current, 'J', "|ipdv|"),
    (JitterMean, 'M', "jitter"),
    (JitterMax, 'X', "maxipdv"),
    (Interarrival, 'I', "rfc3550"),
    (Link, 'K', "link"),
    (Node, 'O', "node"),
    (Mtu, 'U', "MTU"),
];

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let find = |letter: char| COLUMNS.iter().find(|(_, known, _)| *known == letter);
        let columns: Option<Vec<Column>> =
            text.chars().map(|letter| find(letter).map(|(column, ..)| *column)).collect();
        let columns = columns.filter(|columns| columns.iter().any(|column| *column != Space));
        columns
            .map(Self)
            .ok_or_else(|| "letters out of LDRSNBAWVGJMXI, K, O, U and spaces".to_owned())
    }
}

impl Order {
    /// The columns of a report.
    #[must_use]
    pub fn report() -> Self {
        Self(vec![Sent, Loss, Link, Last, Mean, Best, Worst, Deviation, JitterMean])
    }

    /// The columns of pathping.
    #[must_use]
    pub fn pathping() -> Self {
        Self(vec![Mean, Lost, Sent, Loss, Node, Link])
    }

    /// The columns of mtr's own report.
    #[must_use]
    pub fn classic() -> Self {
        Self(vec![Loss, Sent, Space, Last, Mean, Best, Worst, Deviation])
    }

    /// The same, and the largest packet that came to each hop.
    #[must_use]
    pub fn with_mtus(mut self) -> Self {
        if !self.has(Mtu) {
            self.0.push(Mtu);
        }
        self
    }

    /// Whether a column is among them.
    #[must_use]
    pub fn has(&self, column: Column) -> bool {
        self.0.contains(&column)
    }

    /// Whether they are those of a report, for which nobody asked one by one.
    pub(super) fn is_of_report(&self) -> bool {
        let plain: Vec<Column> = self.iter().filter(|column| *column != Mtu).collect();
        plain == Self::report().0
    }

    /// The figure of a column for a hop, as text. Beside what hops lose themselves, losses that may be
    /// chance are none of a link or a hop.
    pub(super) fn text(&self, column: Column, hop: &Hop) -> String {
        let proven = match column {
            Link => hop.link_loss_is_proven,
            Node => hop.node_loss_is_proven,
            _ => None,
        };
        match proven {
            Some(false) if self.has(Node) => "-".to_owned(),
            _ => column.text(hop),
        }
    }

    /// Leaves a column out.
    pub(super) fn remove(&mut self, column: Column) {
        self.0.retain(|known| *known != column);
    }

    /// The columns themselves.
    pub fn iter(&self) -> impl Iterator<Item = Column> {
        self.0.iter().copied()
    }

    /// Those about jitter, of mtr's screen.
    pub(super) fn classic_jitter() -> Self {
        Self(vec![
            Lost,
            Received,
            Space,
            Mean,
            GeometricMean,
            Current,
            JitterMean,
            JitterMax,
            Interarrival,
        ])
    }

    /// Columns out of mtr's letters alone.
    ///
    /// # Errors
    /// The first letter that is none.
    pub fn of_mtr(letters: &str) -> Result<Self, char> {
        let is_known = |column: &Column| !matches!(column, Link | Node | Mtu);
        let find = |letter: char| {
            let found = COLUMNS.iter().find(|(_, known, _)| *known == letter);
            found.map(|(column, ..)| *column).filter(is_known).ok_or(letter)
        };
        letters.chars().map(find).collect::<Result<_, _>>().map(Self)
    }
}

impl Column {
    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        COLUMNS.iter().find(|(column, ..)| *column == self).map_or("", |(.., title)| *title)
    }

    /// How many characters it takes, without the gap before it.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Space => 0,
            Loss | Link | Node => 6,
            other => other.title().len().max(5),
        }
    }

    /// Its figure for a hop, as text.
    #[must_use]
    pub fn text(self, hop: &Hop) -> String {
        let percent = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}%"))
        };
        match self {
            Space => String::new(),
            Loss => row::loss(hop),
            Lost | Received | Sent | Mtu => {
                self.value(hop).map_or_else(|| "-".to_owned(), |count| format!("{count:.0}"))
            }
            Link | Node => percent(self.value(hop)),
            time => {
                let ms = time.value(hop);
                ms.map_or_else(|| "-".to_owned(), |ms| ms5(Duration::from_secs_f64(ms / 1e3)))
            }
        }
    }

    /// Its figure for a hop: a count, per cent or milliseconds.
    #[must_use]
    pub fn value(self, hop: &Hop) -> Option<f64> {
        let rtt = |pick: fn(&Rtt) -> f64| hop.rtt_ms.as_ref().map(pick);
        let mtr = |pick: fn(&Mtr) -> f64| hop.mtr_ms.as_ref().map(pick);
        let jitter = |pick: fn(&Jitter) -> Option<f64>| hop.jitter_ms.as_ref().and_then(pick);
        match self {
            Space => None,
            Loss => hop.loss_percent,
            Lost => Some(hop.lost as f64),
            Received => Some(hop.received as f64),
            Sent => Some(hop.sent as f64),
            Last => rtt(|rtt| rtt.last),
            Best => rtt(|rtt| rtt.min),
            Mean => rtt(|rtt| rtt.mean),
            Worst => rtt(|rtt| rtt.max),
            Deviation => hop.rtt_ms.as_ref().and_then(|rtt| rtt.stddev),
            GeometricMean => hop.gmean_ms,
            Current => mtr(|mtr| mtr.jitter),
            JitterMean => jitter(|jitter| jitter.ipdv_abs_mean),
            JitterMax => jitter(|jitter| Some(jitter.ipdv_max?.abs().max(jitter.ipdv_min?.abs()))),
            Interarrival => jitter(|jitter| jitter.rfc3550),
            Link => hop.link_loss_percent,
            Node => hop.node_loss_percent,
            Mtu => hop.mtu.map(f64::from),
        }
    }
}
