//! Ports that the kernel picks for connections.

use crate::counters::numbers;
use crate::port::Kernel;

/// The range that it picks from, and what of it it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The first (`ip_local_port_range`).
    pub first: u16,
    /// The last.
    pub last: u16,
    /// Ports within the range that it does not pick, from and to (`ip_local_reserved_ports`).
    reserved: Vec<(u16, u16)>,
}

impl Default for Ports {
    /// Those of a kernel that does not tell its own.
    fn default() -> Self {
        Self { first: 32_768, last: 60_999, reserved: Vec::new() }
    }
}

impl Ports {
    /// Reads them; `None` where the kernel does not tell.
    pub fn read(kernel: &mut dyn Kernel) -> Option<Self> {
        let range = numbers(kernel, "net/ipv4/ip_local_port_range");
        let [first, last] = *range.as_slice() else { return None };
        let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
        let text = kernel.file("/proc/sys/net/ipv4/ip_local_reserved_ports").unwrap_or_default();
        Some(Self { first, last, reserved: Vec::new() }.without(&text))
    }

    /// The same without these, such as `8080,9000-9010`.
    fn without(mut self, text: &str) -> Self {
        self.reserved = text
            .trim()
            .split(',')
            .filter_map(|part| {
                let (from, to) = part.split_once('-').unwrap_or((part, part));
                let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
                let (from, to) = (from.max(self.first), to.min(self.last));
                (from <= to).then_some((from, to))
            })
            .collect();
        self
    }

    /// Whether it picks this one.
    #[must_use]
    pub fn picks(&self, port: u16) -> bool {
        let is_reserved = |(from, to): &(u16, u16)| (*from..=*to).contains(&port);
        (self.first..=self.last).contains(&port) && !self.reserved.iter().any(is_reserved)
    }

    /// How many of the range it does not pick.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.reserved.iter().map(|(from, to)| u64::from(to - from) + 1).sum()
    }

    /// How many it picks from.
    #[must_use]
    pub fn available(&self) -> u64 {
        (u64::from(self.last.saturating_sub(self.first)) + 1).saturating_sub(self.reserved())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_reserved_is_not_picked() {
        let whole = Ports { first: 40_000, last: 40_099, reserved: Vec::new() };
        assert_eq!((whole.available(), whole.reserved()), (100, 0));
        let less = whole.without("80,40050-40059,40090-50000\n");
        assert_eq!((less.available(), less.reserved()), (80, 20));
        let picked = [39_999, 40_000, 40_049, 40_050, 40_059, 40_060, 40_089, 40_090, 40_100]
            .map(|port| less.picks(port));
        assert_eq!(picked, [false, true, true, false, false, true, true, false, false]);
    }
}
