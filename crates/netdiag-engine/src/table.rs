//! The probes that the engine remembers: a ring over consecutive indexes.

use crate::identity::Identity;
use crate::probe::Probe;
use crate::template::{Template, Templates};
use netdiag_model::{Destination, Instant};
use std::collections::VecDeque;
use std::time::Duration;

/// The late window: how long after its deadline a probe is remembered, so that a late answer or a
/// duplicate is known for what it is.
pub(crate) fn late_window(timeout: Duration) -> Duration {
    timeout.max(Duration::from_secs(2))
}

/// How long after it was sent a probe with this timeout is remembered.
#[must_use]
pub fn remembered_for(timeout: Duration) -> Duration {
    timeout.saturating_add(late_window(timeout))
}

/// One remembered probe. Small, since a sweep has many.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) destination: Destination,
    pub(crate) seq: u64,
    /// When it was sent by the user's clock; while it is queued, when it was first tried.
    pub(crate) user_sent_at: Instant,
    pub(crate) timeout_nanos: u64,
    /// What the kernel said about that.
    pub(crate) kernel: KernelStamp,
    pub(crate) measurement: u32,
    pub(crate) target: u32,
    /// The number of its template.
    pub(crate) template: u32,
    /// The identifier's offset in the block.
    pub(crate) ident: u8,
    /// How often it met a full queue.
    pub(crate) tries: u8,
    pub(crate) carrier: Carrier,
    pub(crate) state: State,
}

/// The kernel's send stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelStamp {
    /// There is none.
    Missing,
    /// It came this many nanoseconds after the user's.
    After(i32),
    /// It cannot be true.
    Contradicted,
}

/// What takes a probe to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// An echo request.
    Echo,
    /// A UDP datagram: what becomes of it is heard over the UDP socket alone.
    Udp,
    /// A connection of the kernel's: nothing that an ICMP socket hears is about it.
    Dialog,
}

/// Where a probe is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A datagram given to the network, not yet known to have left.
    Queued,
    /// A dialog given to the network: only its end tells whether anything left.
    Trying,
    /// Under way.
    InFlight,
    /// Answered in time: a further answer is a duplicate.
    Answered,
    /// Given up: a first answer is late.
    GivenUp,
    /// Ended by an ICMP error: an answer is late after the timeout, and one more answer before it.
    Refused,
    /// Made meaningless by this machine: what still comes of it says nothing.
    Void,
    /// Never left, or cancelled, or the number of something else: nothing can come of it.
    Closed,
}

impl Entry {
    pub(crate) fn probe(&self) -> Probe {
        Probe {
            target: self.target,
            seq: self.seq,
            destination: self.destination,
            sent_at: self.sent_at(),
        }
    }

    /// When it was sent, by the best clock that can be believed.
    pub(crate) fn sent_at(&self) -> Instant {
        match self.kernel {
            KernelStamp::After(nanos) => {
                let shift = Duration::from_nanos(nanos.unsigned_abs().into());
                if nanos < 0 { self.user_sent_at - shift } else { self.user_sent_at + shift }
            }
            KernelStamp::Missing | KernelStamp::Contradicted => self.user_sent_at,
        }
    }

    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout_nanos)
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.state, State::Queued | State::Trying | State::InFlight)
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.sent_at() + self.timeout()
    }

    /// Whether a packet of an ICMP socket can be about it.
    pub(crate) const fn is_heard(&self) -> bool {
        self.left_as(Carrier::Echo)
    }

    /// Whether something that comes back can be about it, and this carried it.
    pub(crate) const fn left_as(&self, carrier: Carrier) -> bool {
        let same = matches!(
            (self.carrier, carrier),
            (Carrier::Echo, Carrier::Echo) | (Carrier::Udp, Carrier::Udp)
        );
        same && !matches!(self.state, State::Closed)
    }

    /// What its packet says about it.
    pub(crate) const fn identity(&self, index: u32) -> Identity {
        Identity { index, seq: self.seq, destination: self.destination }
    }

    /// Whether its late window is over.
    fn is_over(&self, now: Instant) -> bool {
        match self.state {
            State::Queued | State::Trying | State::InFlight => false,
            State::Closed => true,
            State::Answered | State::GivenUp | State::Refused | State::Void => {
                self.deadline() + late_window(self.timeout()) <= now
            }
        }
    }
}

/// Probes by index. Indexes count up by one and wrap at 2^32.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: VecDeque<Entry>,
    /// The index of the front entry.
    front: u32,
    templates: Templates,
}

impl Table {
    /// The index that the next probe gets.
    pub(crate) fn next_index(&self) -> u32 {
        let len = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.front.wrapping_add(len)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Remembers a probe with what it has in common with others.
    pub(crate) fn push(&mut self, entry: Entry, template: &Template) -> u32 {
        let index = self.next_index();
        let template = self.templates.take(template);
        self.entries.push_back(Entry { template, ..entry });
        index
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Entry> {
        self.entries.get(self.place(index)?)
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Entry> {
        let place = self.place(index)?;
        self.entries.get_mut(place)
    }

    fn place(&self, index: u32) -> Option<usize> {
        usize::try_from(index.wrapping_sub(self.front)).ok().filter(|at| *at < self.entries.len())
    }

    /// The remembered indexes whose low 16 bits are these, newest first.
    pub(crate) fn with_low_bits(&self, low: u16) -> impl Iterator<Item = u32> + '_ {
        let next = self.next_index();
        let [_, _, high, byte] = next.to_be_bytes();
        let back = u32::from(u16::from_be_bytes([high, byte]).wrapping_sub(low));
        let back = if back == 0 { 0x1_0000 } else { back };
        (0..=self.entries.len() / 0x1_0000 + 1)
            .filter_map(move |turn| {
                let turn = u32::try_from(turn).ok()?.checked_mul(0x1_0000)?;
                Some(next.wrapping_sub(back.checked_add(turn)?))
            })
            .filter(|index| self.place(*index).is_some())
    }

    /// The first identifier offset, from `flow` on, whose wire sequence number no remembered probe
    /// has; `None` when every identifier of the block is taken: the probe must wait.
    pub(crate) fn free_identifier(&self, flow: u8, count: u8, now: Instant) -> Option<u8> {
        let count = count.max(1);
        if self.entries.len() < 0x1_0000 {
            return Some(flow % count);
        }
        let [_, _, high, byte] = self.next_index().to_be_bytes();
        let low = u16::from_be_bytes([high, byte]);
        (0..count).map(|offset| (flow % count + offset) % count).find(|candidate| {
            !self
                .with_low_bits(low)
                .filter_map(|index| self.get(index))
                .any(|entry| entry.ident == *candidate && entry.is_heard() && !entry.is_over(now))
        })
    }

    /// Forgets probes from the front on whose late window is over.
    pub(crate) fn forget(&mut self, now: Instant) {
        while let Some(entry) = self.entries.front()
            && entry.is_over(now)
        {
            self.templates.give_back(entry.template);
            self.entries.pop_front();
            self.front = self.front.wrapping_add(1);
        }
    }

    /// All indexes that are remembered, oldest first.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> + use<> {
        let front = self.front;
        let len = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        (0..len).map(move |offset| front.wrapping_add(offset))
    }

    /// When the oldest remembered probe was sent.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(Entry::sent_at)
    }

    pub(crate) fn template(&self, entry: &Entry) -> &Template {
        self.templates.get(entry.template)
    }

    #[cfg(test)]
    pub(crate) fn starting_at(front: u32) -> Self {
        Self { front, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Instant = Instant::from_nanos(1_000);

    fn entry(state: State) -> Entry {
        Entry {
            destination: Destination::new("192.0.2.1".parse().expect("an address")),
            seq: 1,
            user_sent_at: SENT,
            timeout_nanos: 1_000_000_000,
            kernel: KernelStamp::Missing,
            measurement: 0,
            target: 0,
            template: 0,
            ident: 0,
            tries: 0,
            carrier: Carrier::Echo,
            state,
        }
    }

    impl Table {
        fn push_plain(&mut self, state: State) -> u32 {
            self.push(entry(state), &Template::default())
        }
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Entry>() <= 72, "{}", size_of::<Entry>());
    }

    #[test]
    fn indexes_survive_the_wrap_at_2_to_the_32() {
        let mut table = Table::starting_at(u32::MAX - 1);
        let indexes: Vec<u32> = (0..4).map(|_| table.push_plain(State::Answered)).collect();
        assert_eq!(indexes, [u32::MAX - 1, u32::MAX, 0, 1]);
        assert!(indexes.iter().all(|index| table.get(*index).is_some()));
        assert!(table.get(2).is_none());
        table.forget(SENT + Duration::from_secs(3));
        assert_eq!(table.len(), 0);
        assert_eq!(table.next_index(), 2);
    }

    #[test]
    fn low_bits_find_the_newest_first() {
        let mut table = Table::starting_at(10);
        for _ in 0..0x1_0005 {
            table.push_plain(State::Answered);
        }
        assert_eq!(table.with_low_bits(12).collect::<Vec<_>>(), [0x1_000c, 12]);
        assert_eq!(table.with_low_bits(20).collect::<Vec<_>>(), [20]);
        assert_eq!(Table::default().with_low_bits(0).count(), 0);
    }

    #[test]
    fn an_identifier_is_reused_only_when_its_probe_is_forgotten() {
        let mut table = Table::default();
        for _ in 0..0x1_0000 {
            table.push_plain(State::InFlight);
        }
        assert_eq!(table.free_identifier(0, 16, SENT), Some(1));
        assert_eq!(table.free_identifier(3, 16, SENT), Some(3));
        assert_eq!(table.free_identifier(0, 1, SENT), None);
    }

    #[test]
    fn an_old_probe_that_is_still_open_keeps_no_identifier_of_others() {
        let mut table = Table::default();
        table.push_plain(State::InFlight);
        for _ in 1..0x1_0001 {
            table.push_plain(State::Answered);
        }
        assert_eq!(table.free_identifier(0, 1, SENT), None);
        let later = SENT + Duration::from_secs(3);
        table.forget(later);
        assert_eq!(table.len(), 0x1_0001, "the ring is as long as its oldest probe is open");
        assert_eq!(table.free_identifier(0, 1, later), Some(0));
    }

    #[test]
    fn a_template_is_remembered_as_long_as_its_probes() {
        let mut table = Table::default();
        for size in 0..1_000 {
            table.push(entry(State::Answered), &Template { size, ..Template::default() });
            table.forget(SENT + Duration::from_secs(3));
        }
        assert!(table.templates.len() <= 1, "{} templates", table.templates.len());
    }

    #[test]
    fn the_late_window_is_kept_and_then_forgotten() {
        let mut table = Table::default();
        table.push_plain(State::GivenUp);
        let sent = SENT;
        table.forget(sent + Duration::from_millis(2_999));
        assert_eq!(table.len(), 1);
        table.forget(sent + Duration::from_secs(3));
        assert_eq!(table.len(), 0);
    }
}
