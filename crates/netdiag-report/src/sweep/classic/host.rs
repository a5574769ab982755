//! One target as fping counts it.

use netdiag_model::Untrusted;
use netdiag_ping::sweep::Target;
use std::time::Duration;

/// A target, and what came of its probes.
pub(super) struct Host {
    /// What it is called: safe to print.
    name: String,
    /// What it was given as.
    given: String,
    address: String,
    /// Since the start.
    pub(super) all: Figures,
    /// Since they were last told.
    pub(super) lately: Figures,
    /// Each round trip of a series; `None` for a probe without an answer.
    times: Vec<Option<Duration>>,
}

/// Counters of one target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    /// Probes that were answered or are given up.
    pub(super) sent: u64,
    pub(super) received: u64,
    sum: Duration,
    range: Option<(Duration, Duration)>,
}

/// Counters over all targets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Packets, those that could not be sent with them.
    pub(super) sent: u64,
    pub(super) timeouts: u64,
    /// Answers that came, late and repeated ones with them.
    pub(super) replies: u64,
    /// ICMP messages that are no answers.
    pub(super) others: u64,
    pub(super) answers: Figures,
}

impl Figures {
    fn on_reply(&mut self, rtt: Duration) {
        self.sent += 1;
        self.received += 1;
        self.sum += rtt;
        self.range = Some(match self.range {
            None => (rtt, rtt),
            Some((least, most)) => (least.min(rtt), most.max(rtt)),
        });
    }

    /// The mean round trip.
    pub(super) fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(self.received.into())?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The smallest, the mean and the largest round trip.
    pub(super) fn times(&self) -> Option<[Duration; 3]> {
        let (least, most) = self.range?;
        Some([least, self.mean()?, most])
    }

    pub(super) const fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.received)
    }

    /// The loss in percent, rounded down.
    pub(super) fn loss(&self) -> u64 {
        (self.lost() * 100).checked_div(self.sent).unwrap_or_default()
    }

    /// What came back in percent, rounded down.
    pub(super) fn returned(&self) -> u64 {
        (self.received * 100).checked_div(self.sent).unwrap_or_default()
    }
}

impl Totals {
    pub(super) fn on_reply(&mut self, rtt: Duration) {
        self.replies += 1;
        self.answers.on_reply(rtt);
    }
}

impl Host {
    pub(super) fn new(target: Target<'_>, addresses: bool, named: bool) -> Self {
        let given = target.to_string();
        let address = target.destination().map_or_else(|| given.clone(), |to| to.to_string());
        let name = match (addresses, named) {
            (true, true) => format!("{given} ({address})"),
            (true, false) => address.clone(),
            (false, _) => given.clone(),
        };
        let (all, lately) = (Figures::default(), Figures::default());
        Self { name, given, address, all, lately, times: Vec::new() }
    }

    /// Calls it by a name that was looked up.
    pub(super) fn rename(&mut self, name: &Untrusted, with_address: bool) {
        let name = name.escaped();
        self.name =
            if with_address { format!("{name} ({})", self.address) } else { name.to_string() };
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it was given as, in letters and digits.
    pub(super) fn identifier(&self) -> String {
        self.given.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    }

    /// Notes an answer; returns whether it is the first.
    pub(super) fn on_reply(&mut self, number: u64, rtt: Duration, keep: bool) -> bool {
        self.all.on_reply(rtt);
        self.lately.on_reply(rtt);
        self.keep(number, Some(rtt), keep);
        self.all.received == 1
    }

    pub(super) fn on_loss(&mut self, number: u64, keep: bool) {
        self.all.sent += 1;
        self.lately.sent += 1;
        self.keep(number, None, keep);
    }

    fn keep(&mut self, number: u64, time: Option<Duration>, keep: bool) {
        let Ok(place) = usize::try_from(number) else { return };
        if !keep {
            return;
        }
        if self.times.len() <= place {
            self.times.resize(place + 1, None);
        }
        if let Some(kept) = self.times.get_mut(place) {
            *kept = time;
        }
    }

    /// Whether a probe was answered in time.
    pub(super) fn has_answered(&self, number: u64, in_series: bool) -> bool {
        if !in_series {
            return self.all.received > 0;
        }
        usize::try_from(number).ok().and_then(|place| *self.times.get(place)?).is_some()
    }

    /// The round trips of the probes that have ended, in their order.
    pub(super) fn all_times(&self) -> impl Iterator<Item = Option<Duration>> {
        let ended = usize::try_from(self.all.sent).unwrap_or(usize::MAX);
        let unknown = ended.saturating_sub(self.times.len());
        self.times.iter().copied().take(ended).chain(std::iter::repeat_n(None, unknown))
    }
}
