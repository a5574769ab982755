//! A world whose names have been looked up, all at the same time, before each plan asks for its own.

use crate::{LookedUp, OpenRequest, Terminal, World};
use netdiag_engine::port::{Control, NetworkError, Size};
use netdiag_model::failure::LookupError;
use netdiag_model::{ClockAnchor, Destination, Family, Link, Way};
use netdiag_sockets::port::Kernel;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The machine, and what is known of some names.
pub(crate) struct Looked<'a, W> {
    world: &'a mut W,
    known: BTreeMap<(String, u8), LookedUp>,
}

impl<'a, W: World> Looked<'a, W> {
    /// Looks up names, each for one family or for both.
    pub(crate) fn new(
        world: &'a mut W,
        wanted: impl IntoIterator<Item = (String, Option<Family>)>,
        patience: Duration,
    ) -> Self {
        let mut by_family: BTreeMap<u8, (Option<Family>, Vec<String>)> = BTreeMap::new();
        for (name, family) in wanted {
            let (_, names) = by_family.entry(key(family)).or_insert((family, Vec::new()));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut known = BTreeMap::new();
        for (key, (family, names)) in by_family {
            let found = world.resolve(&names, family, patience);
            known.extend(names.into_iter().map(|name| (name, key)).zip(found));
        }
        Self { world, known }
    }

    /// Whether the run was ended while names were looked up.
    pub(crate) fn is_interrupted(&self) -> bool {
        let mut all = self.known.values();
        all.any(|(found, _)| matches!(found, Err(LookupError::Interrupted)))
    }

    /// How many names have no address, for all that is known, and how many have.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let found = self.known.values().filter(|(found, _)| found.is_ok()).count();
        (self.known.len() - found, found)
    }
}

/// A number for a family, or for both.
const fn key(family: Option<Family>) -> u8 {
    match family {
        None => 0,
        Some(Family::Ipv4) => 4,
        Some(Family::Ipv6) => 6,
    }
}

impl<W: World> World for Looked<'_, W> {
    type Network = W::Network;

    fn resolve(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> Vec<LookedUp> {
        let key = key(family);
        let known = |name: &String| self.known.get(&(name.clone(), key)).cloned();
        let all: Option<Vec<LookedUp>> = names.iter().map(known).collect();
        all.unwrap_or_else(|| self.world.resolve(names, family, patience))
    }

    fn open(&mut self, request: &OpenRequest) -> Result<Self::Network, NetworkError> {
        self.world.open(request)
    }

    fn sandbox(&mut self) -> String {
        self.world.sandbox()
    }

    fn watch(&mut self, network: &mut Self::Network) -> Result<(), NetworkError> {
        self.world.watch(network)
    }

    fn tcp(&mut self, family: Family) -> Result<(), NetworkError> {
        self.world.tcp(family)
    }

    fn connections(&self) -> usize {
        self.world.connections()
    }

    fn input_within(&mut self, path: &str, patience: Duration) -> io::Result<Box<dyn BufRead>> {
        self.world.input_within(path, patience)
    }

    fn interface(&mut self, name: &str) -> Option<u32> {
        self.world.interface(name)
    }

    fn way(&mut self, destination: Destination, control: &Control) -> Option<Way> {
        self.world.way(destination, control)
    }

    fn link(&mut self, interface: u32) -> Option<Link> {
        self.world.link(interface)
    }

    fn has_address(&mut self, interface: u32, address: IpAddr) -> bool {
        self.world.has_address(interface, address)
    }

    fn owns(&mut self, address: IpAddr) -> bool {
        self.world.owns(address)
    }

    fn source(
        &mut self,
        destination: Destination,
        from: Option<IpAddr>,
        interface: Option<u32>,
    ) -> Result<IpAddr, NetworkError> {
        self.world.source(destination, from, interface)
    }

    fn broadcast_source(
        &mut self,
        destination: Destination,
        from: Option<IpAddr>,
        interface: Option<u32>,
    ) -> Option<IpAddr> {
        self.world.broadcast_source(destination, from, interface)
    }

    fn random(&mut self) -> [u8; 18] {
        self.world.random()
    }

    fn anchor(&mut self) -> ClockAnchor {
        self.world.anchor()
    }

    fn terminal(&self) -> Terminal {
        self.world.terminal()
    }

    fn screen(&self) -> Option<Size> {
        self.world.screen()
    }

    fn host_name(&mut self) -> String {
        self.world.host_name()
    }

    fn link_to_itself(&mut self, path: &Path) -> io::Result<()> {
        self.world.link_to_itself(path)
    }

    fn backlog(&self) -> Box<dyn Fn() -> bool> {
        self.world.backlog()
    }

    fn tables(&mut self) -> Option<Rc<RefCell<dyn Kernel>>> {
        self.world.tables()
    }

    fn may_flood(&self) -> bool {
        self.world.may_flood()
    }
}
