//! Which targets there are: a network takes as much room as one address.

use super::AddressRange;
use crate::failure::Failure;
use crate::{Destination, Untrusted};
use std::fmt;
use std::net::IpAddr;

/// The targets of a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    blocks: Vec<Block>,
    count: u32,
}

#[derive(Clone, Debug)]
struct Block {
    /// The number of its first target.
    start: u32,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Addresses that were written, or stand in a network or range that was.
    Range(Box<AddressRange>),
    /// One address, which needs less room so.
    Ipv4(u32),
    /// Something that was looked up.
    Given(Box<Given>),
}

/// A target that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As it was written.
    pub text: Untrusted,
    /// Where it is; `None` when it cannot be probed.
    pub destination: Option<Destination>,
    /// Why it cannot be probed.
    pub failure: Option<Failure>,
}

/// One target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// An address stands for itself.
    Address(IpAddr),
    /// It was looked up.
    Given(&'a Given),
}

impl<'a> Target<'a> {
    /// Where it is, if it can be probed.
    #[must_use]
    pub const fn destination(&self) -> Option<Destination> {
        match self {
            Self::Address(address) => Some(Destination::new(*address)),
            Self::Given(given) => given.destination,
        }
    }

    /// Why it cannot be probed.
    #[must_use]
    pub const fn failure(self) -> Option<&'a Failure> {
        match self {
            Self::Address(_) => None,
            Self::Given(given) => given.failure.as_ref(),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> Untrusted {
        match self {
            Self::Address(address) => Untrusted::from(address.to_string()),
            Self::Given(given) => given.text.clone(),
        }
    }
}

/// Safe to print.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Given(given) => given.text.host().escaped().fmt(f),
        }
    }
}

impl Targets {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds addresses; those that do not fit into 2^32 targets are left out.
    pub fn push_range(&mut self, range: AddressRange) {
        let left = u128::from(u32::MAX - self.count);
        let Some(last) = range.nth(range.count().min(left).wrapping_sub(1)) else { return };
        let Some(range) = AddressRange::new(range.first(), last) else { return };
        self.count += u32::try_from(range.count()).unwrap_or(0);
        if let Some(block) = self.blocks.last_mut()
            && let Some(joined) = block.range().and_then(|before| before.joined(range))
        {
            block.kind = Kind::Range(Box::new(joined));
            return;
        }
        let kind = match (range.first(), range.count()) {
            (IpAddr::V4(v4), 1) => Kind::Ipv4(v4.to_bits()),
            _ => Kind::Range(Box::new(range)),
        };
        let start = self.count - u32::try_from(range.count()).unwrap_or(0);
        self.blocks.push(Block { start, kind });
    }

    /// Adds what was looked up.
    pub fn push_given(&mut self, given: Given) {
        self.blocks.push(Block { start: self.count, kind: Kind::Given(Box::new(given)) });
        self.count = self.count.saturating_add(1);
    }

    /// The target of a number, from 0.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<Target<'_>> {
        let place = self.blocks.partition_point(|block| block.start <= index).checked_sub(1)?;
        let block = self.blocks.get(place).filter(|_| index < self.count)?;
        match &block.kind {
            Kind::Range(range) => range.nth((index - block.start).into()).map(Target::Address),
            Kind::Ipv4(bits) => Some(Target::Address(IpAddr::V4((*bits).into()))),
            Kind::Given(given) => Some(Target::Given(given)),
        }
    }

    /// All of them, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Target<'_>)> {
        (0..self.count).filter_map(|index| Some((index, self.get(index)?)))
    }

    /// The first and the last address of each stretch: what is wide enough for these is wide enough
    /// for nearly all.
    pub fn corners(&self) -> impl Iterator<Item = Target<'_>> {
        self.blocks.iter().flat_map(|block| {
            let ends = block.range().map(|range| [range.first(), range.last()]);
            let given = match &block.kind {
                Kind::Given(given) => Some(Target::Given(given)),
                _ => None,
            };
            ends.into_iter().flatten().map(Target::Address).chain(given)
        })
    }
}

impl Block {
    fn range(&self) -> Option<AddressRange> {
        match &self.kind {
            Kind::Range(range) => Some(**range),
            Kind::Ipv4(bits) => Some(AddressRange::one(IpAddr::V4((*bits).into()))),
            Kind::Given(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &str, last: &str) -> AddressRange {
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        AddressRange::new(parse(first), parse(last)).expect("a range")
    }

    fn given(text: &str) -> Given {
        Given { text: Untrusted::from(text), destination: None, failure: None }
    }

    #[test]
    fn numbers_lead_to_targets_in_the_order_given() {
        let mut targets = Targets::default();
        targets.push_range(range("10.0.0.9", "10.0.0.9"));
        targets.push_given(given("host.example"));
        targets.push_range(range("10.0.0.254", "10.0.1.1"));
        targets.push_range(range("2001:db8::1", "2001:db8::2"));
        let all: Vec<String> = targets.iter().map(|(_, target)| target.to_string()).collect();
        let expected = [
            "10.0.0.9",
            "host.example",
            "10.0.0.254",
            "10.0.0.255",
            "10.0.1.0",
            "10.0.1.1",
            "2001:db8::1",
            "2001:db8::2",
        ];
        assert_eq!(all, expected);
        assert_eq!((targets.len(), targets.get(8)), (8, None));
    }

    #[test]
    fn single_neighbours_become_one_stretch() {
        let mut targets = Targets::default();
        for byte in 1..=200_u8 {
            targets.push_range(AddressRange::one(IpAddr::from([10, 0, 0, byte])));
        }
        assert_eq!((targets.len(), targets.blocks.len()), (200, 1));
        assert!(size_of::<Block>() <= 24);
    }
}
