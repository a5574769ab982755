//! The probes that the engine remembers: a ring over consecutive indexes.

pub(crate) use crate::entry::{Carrier, Entry, KernelStamp, State};
use crate::template::{Template, Templates};
use netdiag_model::{Destination, Family, Instant};
use std::collections::VecDeque;
use std::net::Ipv6Addr;

/// One remembered probe, as it is kept: a sweep has many. What probes have in common is in their
/// template, what only some have in a list of its own.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
struct Packed {
    user_sent_at: Instant,
    seq: u64,
    /// An IPv4 address, or the number of an IPv6 destination.
    address: u32,
    target: u32,
    template: u32,
    kernel: i32,
    ident: u8,
    tries: u8,
    carrier: Carrier,
    state: State,
}

/// The values of `Packed::kernel` that are no nanoseconds.
const MISSING: i32 = i32::MIN;
const CONTRADICTED: i32 = i32::MAX;

/// Probes by index. Indexes count up by one and wrap at 2^32.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: VecDeque<Packed>,
    /// The index of the front entry.
    front: u32,
    templates: Templates,
    /// The IPv6 destinations of the entries that have one, in their order.
    ipv6: VecDeque<(Ipv6Addr, u32)>,
    /// The number of the front one.
    ipv6_front: u32,
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
        let is_ipv6 = entry.destination.family() == Family::Ipv6;
        let common = Template {
            measurement: entry.measurement,
            timeout_nanos: entry.timeout_nanos,
            is_ipv6,
            ..*template
        };
        let template = self.templates.take(&common);
        let address = match entry.destination {
            Destination::V4(v4) => v4.to_bits(),
            Destination::V6(v6, scope) => {
                self.ipv6.push_back((v6, scope));
                let len = u32::try_from(self.ipv6.len()).unwrap_or(u32::MAX);
                self.ipv6_front.wrapping_add(len - 1)
            }
        };
        self.entries.push_back(Packed {
            user_sent_at: entry.user_sent_at,
            seq: entry.seq,
            address,
            target: entry.target,
            template,
            kernel: packed_kernel(entry.kernel),
            ident: entry.ident,
            tries: entry.tries,
            carrier: entry.carrier,
            state: entry.state,
        });
        index
    }

    pub(crate) fn get(&self, index: u32) -> Option<Entry> {
        let packed = self.entries.get(self.place(index)?)?;
        Some(self.unpacked(packed))
    }

    fn unpacked(&self, packed: &Packed) -> Entry {
        let template = self.templates.get(packed.template);
        let destination = if template.is_ipv6 {
            let place = packed.address.wrapping_sub(self.ipv6_front);
            let (v6, scope) = self.ipv6.get(place as usize).expect("kept as long as its entry");
            Destination::V6(*v6, *scope)
        } else {
            Destination::V4(packed.address.into())
        };
        Entry {
            destination,
            seq: packed.seq,
            user_sent_at: packed.user_sent_at,
            timeout_nanos: template.timeout_nanos,
            kernel: match packed.kernel {
                MISSING => KernelStamp::Missing,
                CONTRADICTED => KernelStamp::Contradicted,
                nanos => KernelStamp::After(nanos),
            },
            measurement: template.measurement,
            target: packed.target,
            template: packed.template,
            ident: packed.ident,
            tries: packed.tries,
            carrier: packed.carrier,
            state: packed.state,
        }
    }

    /// Where a probe is in its life; `None` of one that is not remembered.
    pub(crate) fn state(&self, index: u32) -> Option<State> {
        self.entries.get(self.place(index)?).map(|packed| packed.state)
    }

    /// Moves a probe on in its life.
    pub(crate) fn set_state(&mut self, index: u32, state: State) {
        if let Some(packed) = self.packed(index) {
            packed.state = state;
        }
    }

    /// It is known when a probe was sent.
    pub(crate) fn set_sent(&mut self, index: u32, user: Instant, kernel: KernelStamp) {
        if let Some(packed) = self.packed(index) {
            packed.user_sent_at = user;
            packed.kernel = packed_kernel(kernel);
        }
    }

    /// A probe met a full queue.
    pub(crate) fn count_try(&mut self, index: u32) {
        if let Some(packed) = self.packed(index) {
            packed.tries = packed.tries.saturating_add(1);
        }
    }

    fn packed(&mut self, index: u32) -> Option<&mut Packed> {
        let place = self.place(index)?;
        self.entries.get_mut(place)
    }

    fn place(&self, index: u32) -> Option<usize> {
        usize::try_from(index.wrapping_sub(self.front)).ok().filter(|at| *at < self.entries.len())
    }

    /// The remembered indexes that are `low` modulo `numbers`, a power of two; newest first.
    pub(crate) fn with_low_bits(&self, low: u16, numbers: u32) -> impl Iterator<Item = u32> + '_ {
        let next = self.next_index();
        let back = next.wrapping_sub(low.into()) & (numbers - 1);
        let back = if back == 0 { numbers } else { back };
        (0..=self.entries.len() / numbers as usize + 1)
            .filter_map(move |turn| {
                let turn = u32::try_from(turn).ok()?.checked_mul(numbers)?;
                Some(next.wrapping_sub(back.checked_add(turn)?))
            })
            .filter(|index| self.place(*index).is_some())
    }

    /// The first identifier offset, from `flow` on, whose wire sequence number no remembered probe
    /// of this kind has; `None` when every identifier of the block is taken: the probe must wait.
    pub(crate) fn free_identifier(
        &self,
        carrier: Carrier,
        flow: u8,
        count: u8,
        now: Instant,
    ) -> Option<u8> {
        let (count, numbers) = (count.max(1), carrier.sequence_numbers());
        if self.entries.len() < numbers as usize {
            return Some(flow % count);
        }
        let [_, _, high, byte] = self.next_index().to_be_bytes();
        let low = u16::from_be_bytes([high, byte]);
        (0..count).map(|offset| (flow % count + offset) % count).find(|candidate| {
            !self
                .with_low_bits(low, numbers)
                .filter_map(|index| self.get(index))
                .filter(|entry| entry.ident == *candidate && entry.left_as(carrier))
                .any(|entry| !entry.is_over(now))
        })
    }

    /// Forgets probes from the front on whose late window is over.
    pub(crate) fn forget(&mut self, now: Instant) {
        while let Some(packed) = self.entries.front().copied()
            && self.unpacked(&packed).is_over(now)
        {
            if self.templates.get(packed.template).is_ipv6 {
                self.ipv6.pop_front();
                self.ipv6_front = self.ipv6_front.wrapping_add(1);
            }
            self.templates.give_back(packed.template);
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
        self.entries.front().map(|packed| self.unpacked(packed).sent_at())
    }

    pub(crate) fn template(&self, entry: &Entry) -> &Template {
        self.templates.get(entry.template)
    }

    #[cfg(test)]
    pub(crate) fn starting_at(front: u32) -> Self {
        Self { front, ..Self::default() }
    }
}

const fn packed_kernel(kernel: KernelStamp) -> i32 {
    match kernel {
        KernelStamp::Missing | KernelStamp::After(MISSING) => MISSING,
        KernelStamp::Contradicted | KernelStamp::After(CONTRADICTED) => CONTRADICTED,
        KernelStamp::After(nanos) => nanos,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
        assert!(size_of::<Packed>() <= 36, "{}", size_of::<Packed>());
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
    fn destinations_of_both_families_are_kept_beside_each_other() {
        let mut table = Table::default();
        let to = |n: u32| match n % 3 {
            0 => Destination::V4(n.into()),
            _ => Destination::V6(Ipv6Addr::from_bits(n.into()), n),
        };
        let at = |n: u32| Instant::from_nanos(1_000 + u64::from(n));
        for n in 0..1_000 {
            let entry =
                Entry { destination: to(n), seq: u64::from(n) << 33, ..entry(State::Answered) };
            let index = table.push(Entry { user_sent_at: at(n), ..entry }, &Template::default());
            assert_eq!(index, n);
        }
        table.forget(at(499) + Duration::from_secs(3));
        assert_eq!(table.len(), 500);
        for n in 500..1_000 {
            let found = table.get(n).expect("remembered");
            assert_eq!((found.destination, found.seq), (to(n), u64::from(n) << 33));
        }
        assert_eq!(table.ipv6.len(), (500..1_000).filter(|n| n % 3 != 0).count());
    }

    #[test]
    fn low_bits_find_the_newest_first() {
        let mut table = Table::starting_at(10);
        for _ in 0..0x1_0005 {
            table.push_plain(State::Answered);
        }
        assert_eq!(table.with_low_bits(12, 0x1_0000).collect::<Vec<_>>(), [0x1_000c, 12]);
        assert_eq!(table.with_low_bits(20, 0x1_0000).collect::<Vec<_>>(), [20]);
        assert_eq!(Table::default().with_low_bits(0, 0x1_0000).count(), 0);
    }

    #[test]
    fn an_identifier_is_reused_only_when_its_probe_is_forgotten() {
        let mut table = Table::default();
        for _ in 0..0x1_0000 {
            table.push_plain(State::InFlight);
        }
        assert_eq!(table.free_identifier(Carrier::Echo, 0, 16, SENT), Some(1));
        assert_eq!(table.free_identifier(Carrier::Echo, 3, 16, SENT), Some(3));
        assert_eq!(table.free_identifier(Carrier::Echo, 0, 1, SENT), None);
    }

    #[test]
    fn an_extended_echo_has_eight_bits_of_sequence_number() {
        let mut table = Table::starting_at(u32::MAX - 3);
        for _ in 0..0x100 {
            let entry = Entry { carrier: Carrier::Interface, ..entry(State::InFlight) };
            table.push(entry, &Template::default());
        }
        let free = |table: &Table, carrier| table.free_identifier(carrier, 0, 1, SENT);
        assert_eq!(free(&table, Carrier::Interface), None);
        assert_eq!(table.free_identifier(Carrier::Interface, 0, 16, SENT), Some(1));
        // Its own kind alone is in the way.
        assert_eq!(free(&table, Carrier::Echo), Some(0));
        table.set_state(u32::MAX - 3, State::Closed);
        assert_eq!(free(&table, Carrier::Interface), Some(0));
        table.push_plain(State::InFlight);
        assert_eq!(free(&table, Carrier::Interface), None, "the next number is still taken");
    }

    #[test]
    fn an_old_probe_that_is_still_open_keeps_no_identifier_of_others() {
        let mut table = Table::default();
        table.push_plain(State::InFlight);
        for _ in 1..0x1_0001 {
            table.push_plain(State::Answered);
        }
        assert_eq!(table.free_identifier(Carrier::Echo, 0, 1, SENT), None);
        let later = SENT + Duration::from_secs(3);
        table.forget(later);
        assert_eq!(table.len(), 0x1_0001, "the ring is as long as its oldest probe is open");
        assert_eq!(table.free_identifier(Carrier::Echo, 0, 1, later), Some(0));
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
