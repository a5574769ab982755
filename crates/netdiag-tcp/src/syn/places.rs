//! Where each port of each address is kept, and in which order they are asked.

use super::config::Group;

/// The ports of all addresses in one row: those of an address follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    extents: Vec<Extent>,
    targets: u32,
    count: u32,
}

/// A group in it.
#[derive(Clone, Copy, Debug)]
struct Extent {
    target: u32,
    targets: u32,
    place: u32,
    ports: u32,
}

/// Where a place is among what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) group: usize,
    /// The number of the address among all.
    pub(super) target: u32,
    /// The number of the port among those of the group.
    pub(super) port: u32,
}

/// How far the order has come: one port of every address, then the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    port: u32,
    group: usize,
    target: u32,
}

impl Places {
    pub(super) fn new(groups: &[Group]) -> Self {
        let mut all = Self::default();
        for group in groups {
            let targets = group.targets.len();
            let ports = u32::try_from(group.ports.len()).unwrap_or(u32::MAX);
            all.extents.push(Extent { target: all.targets, targets, place: all.count, ports });
            all.targets = all.targets.saturating_add(targets);
            all.count = all.count.saturating_add(targets.saturating_mul(ports));
        }
        all
    }

    pub(super) const fn targets(&self) -> u32 {
        self.targets
    }

    /// How many ports of all addresses there are.
    pub(super) const fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) fn spot(&self, place: u32) -> Option<Spot> {
        let group = self.extents.partition_point(|extent| extent.place <= place).checked_sub(1)?;
        let extent = self.extents.get(group)?;
        let within = place - extent.place;
        let (target, port) = (within.checked_div(extent.ports)?, within.checked_rem(extent.ports)?);
        (target < extent.targets).then_some(Spot { group, target: extent.target + target, port })
    }

    /// The places of an address, and its group.
    pub(super) fn of_target(&self, target: u32) -> Option<(usize, std::ops::Range<usize>)> {
        let group =
            self.extents.partition_point(|extent| extent.target <= target).checked_sub(1)?;
        let extent = self.extents.get(group).filter(|_| target < self.targets)?;
        let first = (extent.place + (target - extent.target) * extent.ports) as usize;
        Some((group, first..first + extent.ports as usize))
    }

    /// The next place in the order.
    pub(super) fn next(&self, turn: &mut Turn) -> Option<u32> {
        let most = self.extents.iter().map(|extent| extent.ports).max()?;
        while turn.port < most {
            let Some(extent) = self.extents.get(turn.group) else {
                *turn = Turn { port: turn.port + 1, group: 0, target: 0 };
                continue;
            };
            if turn.port >= extent.ports || turn.target >= extent.targets {
                (turn.group, turn.target) = (turn.group + 1, 0);
                continue;
            }
            turn.target += 1;
            return Some(extent.place + (turn.target - 1) * extent.ports + turn.port);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::target::{AddressRange, Targets};
    use std::net::IpAddr;

    fn group(targets: u8, ports: u16) -> Group {
        let mut all = Targets::default();
        let at = |byte| IpAddr::from([10, 0, 0, byte]);
        if let Some(range) = AddressRange::new(at(1), at(targets)) {
            all.push_range(range);
        }
        Group { targets: all, ports: (1..=ports).collect() }
    }

    #[test]
    fn every_place_has_its_turn_once_and_addresses_take_turns() {
        let places = Places::new(&[group(3, 2), group(0, 9), group(1, 3), group(2, 0)]);
        assert_eq!((places.targets(), places.len()), (6, 9));
        let mut turn = Turn::default();
        let mut order = Vec::new();
        while let Some(place) = places.next(&mut turn) {
            order.push(places.spot(place).expect("a place"));
        }
        let told: Vec<(u32, u32)> = order.iter().map(|spot| (spot.target, spot.port)).collect();
        let wanted = [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (3, 1), (3, 2)];
        assert_eq!(told, wanted);
        assert_eq!(places.next(&mut turn), None);
        assert_eq!(places.spot(9), None);
        assert_eq!(places.of_target(1), Some((0, 2..4)));
        assert_eq!(places.of_target(3), Some((2, 6..9)));
        assert_eq!(places.of_target(6), None);
    }
}
