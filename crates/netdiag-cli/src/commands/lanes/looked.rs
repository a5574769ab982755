//! A world in which names have been looked up before a plan asks for them, or are told to be wanting.

use crate::{LookUps, LookedUp, OpenRequest, Terminal, World};
use netdiag_engine::port::{Control, NetworkError, Size};
use netdiag_model::failure::LookupError;
use netdiag_model::{ClockAnchor, Destination, Family, Link, Way};
use netdiag_sockets::port::Kernel;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// A name, and for which family its addresses are wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    name: String,
    family: u8,
}

impl Key {
    fn new(name: &str, family: Option<Family>) -> Self {
        let family = match family {
            None => 0,
            Some(Family::Ipv4) => 4,
            Some(Family::Ipv6) => 6,
        };
        Self { name: name.to_owned(), family }
    }

    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The family; `None` for both.
    pub(super) const fn family(&self) -> Option<Family> {
        match self.family {
            4 => Some(Family::Ipv4),
            6 => Some(Family::Ipv6),
            _ => None,
        }
    }

    /// A number for the family, or for both.
    pub(super) const fn family_number(&self) -> u8 {
        self.family
    }
}

/// The machine, and what is known of some names.
pub(crate) struct Looked<'a, W> {
    world: &'a mut W,
    known: &'a BTreeMap<Key, LookedUp>,
    lacks: BTreeSet<Key>,
}

impl<'a, W: World> Looked<'a, W> {
    /// With what is known.
    pub(super) const fn new(world: &'a mut W, known: &'a BTreeMap<Key, LookedUp>) -> Self {
        Self { world, known, lacks: BTreeSet::new() }
    }

    /// What was asked for and is not known. What was answered to that is not so.
    pub(super) fn lacks(self) -> BTreeSet<Key> {
        self.lacks
    }

    /// What is known of a name without asking a server.
    fn resolve_one(&mut self, name: &str, family: Option<Family>) -> LookedUp {
        let key = Key::new(name, family);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = self.world.resolve(&[name.to_owned()], family, Duration::ZERO).pop();
        let found =
            found.unwrap_or_else(|| (Err(LookupError::no_resolver(String::new())), Duration::ZERO));
        if matches!(&found.0, Err(LookupError::NoAnswer { reason, .. }) if reason == NOT_ASKED) {
            self.lacks.insert(key);
        }
        found
    }
}

/// The reason of who had no time to ask a server.
const NOT_ASKED: &str = "not-asked";

impl<W: World> World for Looked<'_, W> {
    type Network = W::Network;

    fn resolve(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> Vec<LookedUp> {
        let _ = patience;
        names.iter().map(|name| self.resolve_one(name, family)).collect()
    }

    fn look_up_beside(
        &mut self,
        names: &[String],
        family: Option<Family>,
        patience: Duration,
    ) -> LookUps {
        self.world.look_up_beside(names, family, patience)
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

    fn std_now(&mut self) -> std::time::Instant {
        self.world.std_now()
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
