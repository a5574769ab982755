//! Outages: runs of probes without a reply, with start, end and cause.

use super::kept::Kept;
use std::mem;
use std::time::Duration;

/// What became of a probe; `C` is the caller's word for why there was no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettledKind<C> {
    /// Answered in time.
    Replied {
        /// Receive stamp minus send stamp.
        rtt: Duration,
    },
    /// Not answered in time.
    Lost(C),
    /// Answered by an error from the network.
    NetError(C),
    /// Never sent.
    LocalError(C),
    /// Made meaningless by a clock or interface event.
    Unknown,
}

/// One settled probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled<C> {
    /// Its number in the series.
    pub seq: u64,
    /// When it was sent, or should have been.
    pub sent_at_ns: u64,
    /// What became of it.
    pub kind: SettledKind<C>,
}

/// A run of at least one probe without a reply.
///
/// It starts when its first probe was sent and ends when the first probe answered afterwards was
/// sent. So its length is true to one interval, whatever the timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage<C> {
    /// The first probe without a reply.
    pub first_seq: u64,
    /// When that probe was sent.
    pub started_at_ns: u64,
    /// When the first probe answered afterwards was sent; while ongoing, the end of the run.
    pub ended_at_ns: u64,
    /// Probes sent and not answered: timeouts and network errors.
    pub lost: u64,
    /// Probes that were never sent.
    pub local_errors: u64,
    /// The most frequent cause, the earlier one of two equals.
    pub cause: C,
    /// Whether the run ended first.
    pub ongoing: bool,
}

impl<C> Outage<C> {
    /// From start to end.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        Duration::from_nanos(self.ended_at_ns.saturating_sub(self.started_at_ns))
    }
}

/// What a settled probe changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutageChange<C> {
    /// An outage began.
    Begin {
        /// The first probe without a reply.
        first_seq: u64,
        /// When it was sent.
        started_at_ns: u64,
        /// Why it had no reply.
        cause: C,
    },
    /// The outage is over.
    End(Outage<C>),
}

/// The outages of one series; the last [`KEPT`](Self::KEPT) are kept and the others counted.
#[derive(Clone, Debug)]
pub struct Outages<C> {
    open: Option<Open<C>>,
    closed: Kept<C>,
    omitted: u64,
}

/// An outage that no reply has ended yet.
#[derive(Clone, Debug)]
struct Open<C> {
    first_seq: u64,
    started_at_ns: u64,
    lost: u64,
    local_errors: u64,
    /// The first few different causes with their counts, in the order they came up; never empty.
    causes: Vec<(C, u64)>,
}

impl<C: Clone + PartialEq> Outages<C> {
    /// So many outages are kept.
    pub const KEPT: usize = 10_000;

    /// No outage.
    #[must_use]
    pub const fn new() -> Self {
        Self { open: None, closed: Kept::new(), omitted: 0 }
    }

    /// Adds the next probe in order of sequence. An unknown one neither starts nor ends an outage.
    pub fn on_settled(&mut self, settled: Settled<C>) -> Option<OutageChange<C>> {
        let Settled { seq, sent_at_ns, kind } = settled;
        match kind {
            SettledKind::Replied { .. } => self.close(sent_at_ns, false).map(OutageChange::End),
            SettledKind::Lost(cause) | SettledKind::NetError(cause) => {
                let (open, change) = self.open_for(seq, sent_at_ns, &cause);
                open.lost += 1;
                open.count(cause);
                change
            }
            SettledKind::LocalError(cause) => {
                let (open, change) = self.open_for(seq, sent_at_ns, &cause);
                open.local_errors += 1;
                open.count(cause);
                change
            }
            SettledKind::Unknown => None,
        }
    }

    /// The run is over: an open outage is closed as ongoing.
    pub fn finish(&mut self, now_ns: u64) -> Option<Outage<C>> {
        self.close(now_ns, true)
    }

    /// The outages kept, oldest first, without an open one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Outage<C>> {
        self.closed.iter()
    }

    /// So many older ones were dropped.
    #[must_use]
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Whether the last probe that says anything had no reply.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The open outage, or a new one and its announcement.
    fn open_for(
        &mut self,
        first_seq: u64,
        started_at_ns: u64,
        cause: &C,
    ) -> (&mut Open<C>, Option<OutageChange<C>>) {
        let change = self.open.is_none().then(|| OutageChange::Begin {
            first_seq,
            started_at_ns,
            cause: cause.clone(),
        });
        let open = self.open.get_or_insert_with(|| Open {
            first_seq,
            started_at_ns,
            lost: 0,
            local_errors: 0,
            causes: Vec::with_capacity(1),
        });
        (open, change)
    }

    fn close(&mut self, at_ns: u64, ongoing: bool) -> Option<Outage<C>> {
        let open = mem::take(&mut self.open)?;
        let outage = Outage {
            first_seq: open.first_seq,
            started_at_ns: open.started_at_ns,
            ended_at_ns: at_ns.max(open.started_at_ns),
            lost: open.lost,
            local_errors: open.local_errors,
            ongoing,
            cause: open.into_cause(),
        };
        if self.closed.len() == Self::KEPT {
            self.closed.drop_oldest();
            self.omitted += 1;
        }
        self.closed.push(&outage);
        Some(outage)
    }
}

impl<C: Clone + PartialEq> Default for Outages<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: PartialEq> Open<C> {
    fn count(&mut self, cause: C) {
        if let Some((_, count)) = self.causes.iter_mut().find(|(known, _)| *known == cause) {
            *count += 1;
        } else if self.causes.len() < CAUSES {
            self.causes.push((cause, 1));
        }
    }

    fn into_cause(self) -> C {
        self.causes
            .into_iter()
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(cause, _)| cause)
            .expect("an outage begins with a cause")
    }
}

/// So many different causes of one outage are told apart; later ones are not counted.
const CAUSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a probe, sent every 0.2 s from 0: `!` reply, `.` timeout, `N` network error,
    /// `L` local error, `?` unknown. Lists (first probe, start s, end s, lost, local errors, cause).
    #[track_caller]
    fn check(probes: &str, expect: &[(u64, f64, f64, u64, u64, char)]) {
        let mut outages = Outages::new();
        let mut begun = 0;
        for (i, letter) in (0..).zip(probes.chars()) {
            let kind = match letter {
                '!' => SettledKind::Replied { rtt: Duration::from_millis(1) },
                'N' => SettledKind::NetError(letter),
                'L' => SettledKind::LocalError(letter),
                '?' => SettledKind::Unknown,
                _ => SettledKind::Lost(letter),
            };
            let settled = Settled { seq: i + 1, sent_at_ns: i * 200_000_000, kind };
            if let Some(OutageChange::Begin { .. }) = outages.on_settled(settled) {
                begun += 1;
            }
        }
        assert_eq!(begun, outages.iter().len() + usize::from(outages.is_open()));
        let found: Vec<_> = outages
            .iter()
            .map(|o| {
                let [start, end] = [o.started_at_ns, o.ended_at_ns].map(|ns| ns as f64 / 1e9);
                (o.first_seq, start, end, o.lost, o.local_errors, o.cause)
            })
            .collect();
        assert_eq!(found, expect, "{probes}");
    }

    #[test]
    fn an_outage_is_a_run_of_probes_without_reply() {
        check("!!!!", &[]);
        check("!.!", &[(2, 0.2, 0.4, 1, 0, '.')]);
        check("..!", &[(1, 0.0, 0.4, 2, 0, '.')]);
        check("!.!.!", &[(2, 0.2, 0.4, 1, 0, '.'), (4, 0.6, 0.8, 1, 0, '.')]);
        check("!...", &[]); // still open
    }

    #[test]
    fn a_link_down_for_3_s_is_an_outage_of_3_s() {
        check("!!!!!...............!!", &[(6, 1.0, 4.0, 15, 0, '.')]);
    }

    #[test]
    fn the_cause_is_the_most_frequent_and_the_earlier_of_equals() {
        check("!LL.LN!", &[(2, 0.2, 1.2, 2, 3, 'L')]);
        check("!.NN!", &[(2, 0.2, 0.8, 3, 0, 'N')]);
        check("!N.!", &[(2, 0.2, 0.6, 2, 0, 'N')]);
        check("!abcdefgh!", &[(2, 0.2, 1.8, 8, 0, 'a')]);
        // The ninth different cause is not counted, however frequent.
        check("!abcdefghiiib!", &[(2, 0.2, 2.6, 12, 0, 'b')]);
    }

    #[test]
    fn an_unknown_probe_neither_starts_nor_ends_one() {
        check("!?!", &[]);
        check("!.?.!", &[(2, 0.2, 0.8, 2, 0, '.')]);
        check("!?.?!", &[(3, 0.4, 0.8, 1, 0, '.')]);
    }

    #[test]
    fn the_end_of_the_run_closes_an_open_one_as_ongoing() {
        let mut outages = Outages::new();
        assert_eq!(outages.finish(9), None);
        let lost = |seq| Settled { seq, sent_at_ns: seq * 10, kind: SettledKind::Lost("timeout") };
        let begin = OutageChange::Begin { first_seq: 3, started_at_ns: 30, cause: "timeout" };
        assert_eq!(outages.on_settled(lost(3)), Some(begin));
        assert_eq!(outages.on_settled(lost(4)), None);
        let outage = outages.finish(99).expect("it is open");
        assert_eq!((outage.ended_at_ns, outage.lost, outage.ongoing), (99, 2, true));
        assert_eq!(outage.duration(), Duration::from_nanos(69));
        assert_eq!((outages.iter().len(), outages.is_open()), (1, false));
    }

    #[test]
    fn the_last_ones_are_kept_and_the_others_counted() {
        let mut outages = Outages::new();
        let kinds = [SettledKind::Lost(()), SettledKind::Replied { rtt: Duration::ZERO }];
        for (seq, kind) in (1..=20_010).zip(kinds.into_iter().cycle()) {
            outages.on_settled(Settled { seq, sent_at_ns: seq, kind });
        }
        // 10,005 outages at 1, 3, 5, ...: the first five are gone.
        assert_eq!((outages.iter().len(), outages.omitted()), (10_000, 5));
        assert_eq!(outages.iter().next().map(|outage| outage.first_seq), Some(11));
    }
}
