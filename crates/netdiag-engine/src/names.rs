//! The names of addresses: looked up beside a measurement, a few at once, each once.

use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// So many are asked for at once.
pub const AT_ONCE: usize = 32;

/// How long after the last answer names are waited for.
const GRACE: Duration = Duration::from_millis(500);

/// What is known of names: for a measurement that asks for each with
/// [`Next::Lookup`](crate::Next::Lookup).
#[derive(Clone, Debug, Default)]
pub struct Names {
    wanted: VecDeque<IpAddr>,
    known: BTreeMap<IpAddr, Name>,
    /// Look-ups under way.
    asked: usize,
    /// Addresses that came up and whose look-up has not ended.
    missing: usize,
    /// Since when nothing but names is waited for.
    waiting_since: Option<Instant>,
}

/// What is known of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// Nobody was asked yet.
    Wanted,
    /// Its look-up is under way.
    Asked,
    /// Nobody could say whether it has a name.
    Unknown,
    /// What it is called, if anything.
    Known(Option<Untrusted>),
}

impl Name {
    /// Whether more will be known of it.
    const fn is_missing(&self) -> bool {
        matches!(self, Self::Wanted | Self::Asked)
    }
}

impl Names {
    /// An address came up.
    pub fn want(&mut self, address: IpAddr) {
        if let Entry::Vacant(unknown) = self.known.entry(address) {
            unknown.insert(Name::Wanted);
            self.wanted.push_back(address);
            self.missing += 1;
        }
    }

    /// The next one to be looked up now.
    #[expect(clippy::should_implement_trait, reason = "there may be more after there was none")]
    pub fn next(&mut self) -> Option<IpAddr> {
        while self.asked < AT_ONCE {
            let address = self.wanted.pop_front()?;
            if let Some(name) = self.known.get_mut(&address).filter(|name| **name == Name::Wanted) {
                *name = Name::Asked;
                self.asked += 1;
                return Some(address);
            }
        }
        None
    }

    /// A look-up ended.
    pub fn tell(&mut self, address: IpAddr, result: &Result<Option<Untrusted>, LookupError>) {
        self.asked = self.asked.saturating_sub(1);
        let Some(name) = self.known.get_mut(&address).filter(|name| **name == Name::Asked) else {
            return;
        };
        self.missing -= 1;
        *name = result.as_ref().map_or(Name::Unknown, |name| Name::Known(name.clone()));
    }

    /// Whether more will be known of an address.
    #[must_use]
    pub fn is_missing(&self, address: IpAddr) -> bool {
        self.known.get(&address).is_some_and(Name::is_missing)
    }

    /// The name of an address, where it has one.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<&Untrusted> {
        match self.known.get(&address)? {
            Name::Known(name) => name.as_ref(),
            Name::Wanted | Name::Asked | Name::Unknown => None,
        }
    }

    /// An address matters no more: what was known of it. It is not asked for any more, and what
    /// still comes is not waited for.
    pub fn forget(&mut self, address: IpAddr) -> Option<Name> {
        let name = self.known.remove(&address)?;
        self.missing -= usize::from(name.is_missing());
        Some(name)
    }

    /// Until when names are waited for, now that all else is done; `None` when none is missing, or
    /// that time is over.
    pub fn waited_for(&mut self, now: Instant) -> Option<Instant> {
        let since = *self.waiting_since.get_or_insert(now);
        Some(since + GRACE).filter(|until| self.missing > 0 && now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    fn named(name: &str) -> Result<Option<Untrusted>, LookupError> {
        Ok(Some(Untrusted::from(name)))
    }

    #[test]
    fn few_are_asked_for_at_once_and_each_once() {
        let mut names = Names::default();
        (0..50).for_each(|number| names.want(address(number % 40)));
        let asked: Vec<IpAddr> = std::iter::from_fn(|| names.next()).collect();
        assert_eq!(asked, (0..32).map(address).collect::<Vec<IpAddr>>());
        names.tell(address(7), &named("seven.example"));
        assert_eq!((names.next(), names.next()), (Some(address(32)), None));
        names.tell(address(8), &Ok(None));
        names.tell(address(9), &Err(LookupError::Interrupted));
        let shown = |number| names.get(address(number)).map(Untrusted::as_raw);
        assert_eq!([7, 8, 9, 10].map(shown), [Some("seven.example"), None, None, None]);
        assert_eq!(
            [9, 10, 39, 99].map(|n| names.is_missing(address(n))),
            [false, true, true, false]
        );
    }

    #[test]
    fn what_is_forgotten_is_neither_asked_for_nor_waited_for() {
        let mut names = Names::default();
        (0..40).for_each(|number| names.want(address(number)));
        assert_eq!(std::iter::from_fn(|| names.next()).count(), AT_ONCE);
        let now = Instant::from_nanos(5);
        assert_eq!(names.waited_for(now), Some(now + GRACE));
        for number in 0..39 {
            let expected = if number < 32 { Name::Asked } else { Name::Wanted };
            assert_eq!(names.forget(address(number)), Some(expected));
        }
        names.tell(address(3), &named("late.example"));
        assert_eq!(names.get(address(3)), None);
        assert_eq!(names.next(), Some(address(39)), "the only one that matters");
        assert_eq!(names.waited_for(now + GRACE / 2), Some(now + GRACE));
        names.tell(address(39), &Err(LookupError::Interrupted));
        assert_eq!(names.forget(address(39)), Some(Name::Unknown));
        assert_eq!((names.waited_for(now + GRACE / 2), names.forget(address(39))), (None, None));
    }
}
