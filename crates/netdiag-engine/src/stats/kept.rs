//! The outages that are kept, packed: most of ten thousand of a target are a single lost probe, for
//! which some fifteen bytes do where the fields take eighty.

use super::outage::Outage;
use std::collections::VecDeque;

/// Outages in the order in which they came, each as what it adds to the one before it.
#[derive(Clone, Debug)]
pub(super) struct Kept<C> {
    /// Six numbers an outage, each in groups of seven bits, the low ones first; the eighth bit says
    /// that more follow.
    bytes: VecDeque<u8>,
    count: usize,
    /// What the oldest one kept counts from, and what the next one will.
    oldest: From,
    newest: From,
    /// Different causes, and how many of the outages kept name each; one that none names is free.
    causes: Vec<(C, usize)>,
}

/// The sequence number and the start of an outage.
#[derive(Clone, Copy, Debug, Default)]
struct From {
    seq: u64,
    ns: u64,
}

impl<C: Clone + PartialEq> Kept<C> {
    pub(super) const fn new() -> Self {
        let nothing = From { seq: 0, ns: 0 };
        Self {
            bytes: VecDeque::new(),
            count: 0,
            oldest: nothing,
            newest: nothing,
            causes: Vec::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) fn push(&mut self, outage: &Outage<C>) {
        let cause = self.number(&outage.cause);
        let numbers = [
            outage.first_seq.wrapping_sub(self.newest.seq),
            outage.started_at_ns.wrapping_sub(self.newest.ns),
            outage.ended_at_ns.wrapping_sub(outage.started_at_ns),
            outage.lost,
            outage.local_errors,
            (cause as u64) << 1 | u64::from(outage.ongoing),
        ];
        for number in numbers {
            write(&mut self.bytes, number);
        }
        self.newest = From { seq: outage.first_seq, ns: outage.started_at_ns };
        self.count += 1;
    }

    /// Forgets the oldest one.
    pub(super) fn drop_oldest(&mut self) {
        let mut reader = Reader { bytes: self.bytes.iter(), from: self.oldest };
        let Some((_, cause)) = reader.next_with(|number| number) else { return };
        self.oldest = reader.from;
        let left = reader.bytes.len();
        self.bytes.drain(..self.bytes.len() - left);
        self.count -= 1;
        if let Some((_, named)) = self.causes.get_mut(cause) {
            *named -= 1;
        }
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Outage<C>> {
        let mut reader = Reader { bytes: self.bytes.iter(), from: self.oldest };
        (0..self.count).map(move |_| {
            let cause = |number: usize| self.causes[number].0.clone();
            reader.next_with(cause).map(|(outage, _)| outage).expect("so many were written")
        })
    }

    /// The place of a cause, which is then named once more.
    fn number(&mut self, cause: &C) -> usize {
        let known = self.causes.iter().position(|(known, named)| *named > 0 && known == cause);
        let free = || self.causes.iter().position(|(_, named)| *named == 0);
        let Some(place) = known.or_else(free) else {
            self.causes.push((cause.clone(), 1));
            return self.causes.len() - 1;
        };
        let (kept, named) = &mut self.causes[place];
        if *named == 0 {
            *kept = cause.clone();
        }
        *named += 1;
        place
    }
}

/// Reads outages one after the other.
struct Reader<'a> {
    bytes: std::collections::vec_deque::Iter<'a, u8>,
    from: From,
}

impl Reader<'_> {
    /// The next one, with its cause as `cause` has it from its number, and that number.
    fn next_with<C>(&mut self, cause: impl FnOnce(usize) -> C) -> Option<(Outage<C>, usize)> {
        let [seq, start, length, lost, local_errors, last] = [
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
        ];
        let Self { from, .. } = self;
        *from = From { seq: from.seq.wrapping_add(seq), ns: from.ns.wrapping_add(start) };
        let number = (last >> 1) as usize;
        let outage = Outage {
            first_seq: from.seq,
            started_at_ns: from.ns,
            ended_at_ns: from.ns.wrapping_add(length),
            lost,
            local_errors,
            cause: cause(number),
            ongoing: last & 1 == 1,
        };
        Some((outage, number))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Some(number)
    }
}

fn write(bytes: &mut VecDeque<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push_back(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push_back(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(first_seq: u64, cause: &'static str) -> Outage<&'static str> {
        Outage {
            first_seq,
            started_at_ns: first_seq * 1_000_000_000,
            ended_at_ns: first_seq * 1_000_000_000 + 50_000_000,
            lost: 1,
            local_errors: 0,
            cause,
            ongoing: false,
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let mut kept = Kept::new();
        let edges = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let mut written = Vec::new();
        for (n, &edge) in edges.iter().enumerate() {
            // Also numbers and starts that are below the ones before them.
            let other = edges[edges.len() - 1 - n];
            written.push(Outage {
                first_seq: other,
                started_at_ns: edge,
                ended_at_ns: edge.max(other),
                lost: edge,
                local_errors: other,
                cause: ["timeout", "refused"][n % 2],
                ongoing: n % 3 == 0,
            });
            kept.push(&written[n]);
        }
        assert_eq!(kept.iter().len(), edges.len());
        assert!(kept.iter().eq(written.iter().cloned()));
        for dropped in 1..=edges.len() {
            kept.drop_oldest();
            assert!(kept.iter().eq(written[dropped..].iter().cloned()), "without {dropped}");
        }
        kept.drop_oldest();
        assert_eq!((kept.len(), kept.bytes.len()), (0, 0));
    }

    #[test]
    fn one_of_a_single_probe_takes_fifteen_bytes_at_most() {
        let mut kept = Kept::new();
        for n in 0..1_000 {
            kept.push(&outage(50 * n, "timeout"));
        }
        assert!(kept.bytes.len() <= 15 * 1_000, "{} bytes", kept.bytes.len());
    }

    #[test]
    fn a_cause_that_no_outage_names_any_more_is_forgotten() {
        let mut kept = Kept::new();
        for n in 0..1_000 {
            kept.push(&outage(n, ["a", "b", "c", "d"][n as usize / 250]));
            if kept.len() > 10 {
                kept.drop_oldest();
            }
        }
        assert_eq!(kept.causes.len(), 2);
        assert!(kept.iter().eq((990..1_000).map(|n| outage(n, "d"))));
    }
}
