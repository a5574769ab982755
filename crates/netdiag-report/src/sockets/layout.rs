//! The columns of a table of sockets: fewer in a narrow terminal, where the others stand below their
//! row.

use super::cells;
use super::row::{local, remote};
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;

/// How wide columns are that no socket makes wider.
pub(super) const PROTOCOL: usize = 5;
pub(super) const STATE: usize = 12;
pub(super) const RECEIVED: usize = 9;
pub(super) const SENT: usize = 7;
/// What stands between columns.
const GAP: usize = 2;

/// What stands below a row: ever more, the narrower the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Below {
    Nothing,
    Owner,
    /// And the timer, and the namespace.
    Timer,
    Remote,
    Local,
}

impl Below {
    /// The next narrower.
    pub(super) const fn more(self) -> Option<Self> {
        match self {
            Self::Nothing => Some(Self::Owner),
            Self::Owner => Some(Self::Timer),
            Self::Timer => Some(Self::Remote),
            Self::Remote => Some(Self::Local),
            Self::Local => None,
        }
    }
}

/// How wide the cells of a row are, and how wide columns have to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    pub(super) local: usize,
    pub(super) remote: usize,
    pub(super) timer: usize,
    pub(super) namespace: usize,
    owner: usize,
}

impl Widths {
    /// Those of a socket's row.
    pub(super) fn of(entry: &Entry<'_>, place: Place<'_>) -> Self {
        let mut cell = Vec::new();
        let mut width = |write: &dyn Fn(&mut Vec<u8>)| {
            cell.clear();
            write(&mut cell);
            cell.len()
        };
        let owner = entry.owner.zip(entry.owners);
        Self {
            local: width(&|out| local(out, &entry.socket, place.interface)),
            remote: width(&|out| remote(out, &entry.socket)),
            timer: width(&|out| cells::timer(out, &entry.socket)),
            namespace: place.namespace.map_or(0, |namespace| namespace.label().len()),
            owner: owner.map_or(0, |(owner, all)| width(&|out| cells::owner(out, owner, all))),
        }
    }

    /// Those of columns that all of these have room in, below their names.
    fn all<'a>(rows: impl IntoIterator<Item = &'a Self>) -> Self {
        let names = Self { local: 5, remote: 6, timer: 5, namespace: 9, owner: 5 };
        rows.into_iter().fold(names, |all, row| Self {
            local: all.local.max(row.local),
            remote: all.remote.max(row.remote),
            timer: all.timer.max(row.timer),
            namespace: all.namespace.max(row.namespace),
            owner: all.owner.max(row.owner),
        })
    }
}

/// Which columns there are, and how wide they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The columns of the terminal, if it is one.
    pub(super) width: Option<usize>,
    /// Whether namespaces have a column.
    pub(super) has_namespaces: bool,
    /// Whether owners have one.
    pub(super) has_owners: bool,
    pub(super) columns: Widths,
    pub(super) below: Below,
}

impl Layout {
    /// Columns with nothing in them yet.
    pub(super) fn new(width: Option<usize>) -> Self {
        Self {
            width,
            has_namespaces: false,
            has_owners: false,
            columns: Widths::all([]),
            below: Below::Nothing,
        }
    }

    /// Makes columns for these rows: in a narrow terminal so many that most of them have room.
    pub(super) fn fit(&mut self, rows: &[Widths]) {
        self.columns = Widths::all(rows);
        let Some(width) = self.width else { return };
        let levels = std::iter::successors(Some(Below::Nothing), |below| below.more());
        for below in levels {
            self.below = below;
            let fits = |row: &&Widths| self.line(row) <= width;
            let most: Vec<&Widths> = rows.iter().filter(fits).collect();
            self.columns = Widths::all(most.iter().copied());
            if most.len() * 2 >= rows.len() && self.line(&self.columns) <= width {
                return;
            }
        }
    }

    /// How long a line is whose cells are so wide.
    fn line(&self, cells: &Widths) -> usize {
        let fixed = [PROTOCOL, STATE, RECEIVED, SENT];
        let more = [
            (self.below < Below::Local, cells.local),
            (self.below < Below::Remote, cells.remote),
            (self.below < Below::Timer, cells.timer),
            (self.below < Below::Timer && self.has_namespaces, cells.namespace),
            (self.below < Below::Owner && self.has_owners, cells.owner),
        ];
        let more = more.into_iter().filter(|(is_there, _)| *is_there).map(|(_, width)| width);
        let (count, sum) =
            fixed.into_iter().chain(more).fold((0, 0), |(n, sum), w| (n + 1, sum + w));
        sum + GAP * (count - 1)
    }

    /// The names of the columns.
    pub(super) fn head(&self) -> String {
        let Widths { local, remote, timer, namespace, .. } = self.columns;
        let mut head =
            format!("proto  {:<STATE$}  {:>RECEIVED$}  {:>SENT$}", "state", "recv-q", "send-q");
        if self.below < Below::Local {
            head.push_str(&format!("  {:<local$}", "local"));
        }
        if self.below < Below::Remote {
            head.push_str(&format!("  {:<remote$}", "remote"));
        }
        if self.below < Below::Timer {
            head.push_str(&format!("  {:<timer$}", "timer"));
            if self.has_namespaces {
                head.push_str(&format!("  {:<namespace$}", "namespace"));
            }
        }
        if self.has_owners && self.below < Below::Owner {
            head.push_str("  owner");
        }
        head.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_that_most_rows_have_room_in() {
        let row =
            |local, remote, timer, owner| Widths { local, remote, timer, namespace: 0, owner };
        let short = [row(14, 15, 1, 19); 4];
        let rows = [&short[..], &[row(47, 47, 17, 19)]].concat();
        for (width, below, local) in [
            (None, Below::Nothing, 47),
            (Some(200), Below::Nothing, 47),
            (Some(110), Below::Nothing, 14),
            (Some(80), Below::Owner, 14),
            (Some(75), Below::Timer, 14),
            (Some(60), Below::Remote, 14),
            (Some(50), Below::Local, 14),
        ] {
            let mut layout = Layout { has_owners: true, ..Layout::new(width) };
            layout.fit(&rows);
            assert_eq!(layout.below, below, "{width:?}");
            assert!(below == Below::Local || layout.columns.local == local, "{layout:?}");
            assert!(width.is_none_or(|width| layout.head().len() <= width), "{layout:?}");
        }
    }
}
