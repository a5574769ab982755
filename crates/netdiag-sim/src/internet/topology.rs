//! Who is whose neighbour, and which way a packet goes: names turned into numbers.

use super::link::Direction;
use super::node::Node;
use crate::scenario::{Balance, HERE, Link, NodeKind, Path, Prefix, Scenario};
use std::collections::BTreeMap;
use std::net::IpAddr;
use toml::Spanned;

pub(super) type NodeId = u32;
/// Here.
pub(super) const HERE_ID: NodeId = 0;
/// How often a loop is unrolled: more hops than a TTL can have.
const LOOP_HOPS: usize = 256;

/// One step: over a direction of a link to a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    pub(super) direction: u32,
    pub(super) node: NodeId,
}

/// A way to one node (or to nobody) and back.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The trail from here.
    pub(super) forward: u32,
    /// The trail back from each node of the forward trail.
    pub(super) returns: Vec<u32>,
    /// Whether somebody owns the destination; the forward trail ends at them.
    pub(super) owned: bool,
    /// After how many nanoseconds the last router says that nobody does.
    pub(super) unreachable_after: Option<u64>,
    /// So many ways follow this one in its list that a packet may take in its place.
    pub(super) others: u8,
    pub(super) balance: Balance,
}

/// Nodes, links, and the routing table of here.
#[derive(Debug)]
pub(super) struct Topology {
    pub(super) nodes: Vec<Node>,
    pub(super) directions: Vec<Direction>,
    pub(super) trails: Vec<Vec<Leg>>,
    pub(super) ways: Vec<Way>,
    names: BTreeMap<String, NodeId>,
    /// Directions by their two ends.
    ends: BTreeMap<(NodeId, NodeId), u32>,
    hosts: BTreeMap<IpAddr, u32>,
    /// Longest first.
    prefixes: Vec<(Prefix, u32)>,
    /// Where the random numbers start.
    pub(super) seed: u64,
}

impl Topology {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut names = BTreeMap::from([(HERE.to_owned(), HERE_ID)]);
        let mut nodes = vec![Node::here(&scenario.here)];
        for node in &scenario.nodes {
            let id = u32::try_from(nodes.len()).expect("fewer than 2^32 nodes fit into a file");
            names.insert(node.name.get_ref().clone(), id);
            nodes.push(Node::new(node));
        }
        let mut topology = Self {
            nodes,
            directions: Vec::new(),
            trails: Vec::new(),
            ways: Vec::new(),
            names,
            ends: BTreeMap::new(),
            hosts: BTreeMap::new(),
            prefixes: Vec::new(),
            seed: scenario.seed,
        };
        scenario.links.iter().for_each(|link| topology.set_link(link));
        // Routers are reached on the way to what is behind them. What a path says comes before that.
        scenario.paths.iter().for_each(|path| topology.add_routers(path));
        scenario.paths.iter().for_each(|path| topology.set_path(path));
        topology
    }

    /// The names of all nodes in the order of their numbers.
    pub(super) fn node_names(&self) -> Vec<String> {
        let mut names = vec![String::new(); self.nodes.len()];
        for (name, id) in &self.names {
            names[*id as usize].clone_from(name);
        }
        names
    }

    /// The number of a node. The scenario was checked: every name is known.
    pub(super) fn node(&self, name: &Spanned<String>) -> NodeId {
        self.names.get(name.get_ref()).copied().unwrap_or(HERE_ID)
    }

    /// The way to an address: the longest prefix counts.
    pub(super) fn way_to(&self, address: IpAddr) -> Option<u32> {
        self.hosts.get(&address).copied().or_else(|| {
            let found = self.prefixes.iter().find(|(prefix, _)| prefix.contains(address));
            found.map(|(_, way)| *way)
        })
    }

    /// Sets what a `[[link]]` says, both directions.
    pub(super) fn set_link(&mut self, link: &Link) {
        let (Some(a), Some(b)) = (&link.a, &link.b) else { return };
        let (a, b) = (self.node(a), self.node(b));
        for (from, to, own) in [(a, b, &link.ab), (b, a, &link.ba)] {
            let id = self.direction(from, to) as usize;
            self.directions[id].set(link);
            if let Some(own) = own {
                self.directions[id].set(own);
            }
        }
    }

    /// Sets what a `[[path]]` says: a way to each owner of an address in it, and one to nobody.
    pub(super) fn set_path(&mut self, path: &Path) {
        for prefix in &path.to {
            let nobody = self.add_ways(path, None);
            self.route(*prefix, nobody);
            for id in 0..self.nodes.len() {
                let node = &self.nodes[id];
                if node.kind == NodeKind::Router || id == HERE_ID as usize {
                    continue;
                }
                let owned: Vec<Prefix> =
                    node.prefixes().filter_map(|own| intersection(*prefix, *own)).collect();
                if owned.is_empty() {
                    continue;
                }
                let way = self.add_ways(path, Some(id as NodeId));
                owned.iter().for_each(|prefix| self.route(*prefix, way));
            }
        }
    }

    /// Each router of a path is reached over the routers before it.
    fn add_routers(&mut self, path: &Path) {
        for via in self.ways_there(path) {
            self.add_routers_of(path, &via);
        }
    }

    fn add_routers_of(&mut self, path: &Path, via: &[NodeId]) {
        for (index, router) in via.iter().enumerate() {
            let before = &via[..index];
            let back: Vec<NodeId> = before.iter().rev().copied().collect();
            let own: Vec<Prefix> = self.nodes[*router as usize].prefixes().copied().collect();
            if own.iter().all(|prefix| self.hosts.contains_key(&prefix.address)) {
                continue;
            }
            let way = self.add_way(path, before, &back, Some(*router));
            for prefix in own {
                self.hosts.entry(prefix.address).or_insert(way);
            }
        }
    }

    /// The routers of each way that a path has.
    fn ways_there(&self, path: &Path) -> Vec<Vec<NodeId>> {
        let nodes = |names: &Vec<Spanned<String>>| names.iter().map(|n| self.node(n)).collect();
        std::iter::once(&path.via).chain(&path.also).map(nodes).collect()
    }

    /// Adds all ways of a path to one end; gives the first.
    fn add_ways(&mut self, path: &Path, end: Option<NodeId>) -> u32 {
        let ways = self.ways_there(path);
        let back = path.back.as_ref();
        let back: Option<Vec<NodeId>> =
            back.map(|back| back.iter().map(|name| self.node(name)).collect());
        let added = ways.iter().map(|via| {
            let reverse = || via.iter().rev().copied().collect();
            self.add_way(path, via, &back.clone().unwrap_or_else(reverse), end)
        });
        let first = added.min().unwrap_or_default();
        self.ways[first as usize].others = path.also.len() as u8;
        first
    }

    fn route(&mut self, prefix: Prefix, way: u32) {
        if prefix.is_host() {
            self.hosts.insert(prefix.address, way);
            return;
        }
        match self.prefixes.iter_mut().find(|(known, _)| *known == prefix) {
            Some(known) => known.1 = way,
            None => self.prefixes.push((prefix, way)),
        }
        self.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.length));
    }

    fn add_way(
        &mut self,
        path: &Path,
        via: &[NodeId],
        back: &[NodeId],
        end: Option<NodeId>,
    ) -> u32 {
        let mut there = via.to_vec();
        let circle = &via[via.len() - path.loop_last.min(via.len())..];
        if circle.is_empty() {
            there.extend(end);
        } else {
            there.extend(circle.iter().cycle().take(LOOP_HOPS));
        }
        let returns = (0..there.len()).map(|index| {
            let nodes = return_nodes(&there, index, back, end);
            self.trail(there[index], &nodes)
        });
        let returns = returns.collect();
        let forward = self.trail(HERE_ID, &there);
        self.ways.push(Way {
            forward,
            returns,
            owned: end.is_some() && circle.is_empty(),
            unreachable_after: path.unreachable_after.map(|span| span.unsigned()),
            others: 0,
            balance: path.balance,
        });
        self.ways.len() as u32 - 1
    }

    fn trail(&mut self, from: NodeId, nodes: &[NodeId]) -> u32 {
        let mut from = from;
        let mut trail = Vec::with_capacity(nodes.len());
        for node in nodes {
            trail.push(Leg { direction: self.direction(from, *node), node: *node });
            from = *node;
        }
        self.trails.push(trail);
        self.trails.len() as u32 - 1
    }

    /// The direction between two neighbours, made when it is first needed.
    fn direction(&mut self, from: NodeId, to: NodeId) -> u32 {
        if let Some(id) = self.ends.get(&(from, to)) {
            return *id;
        }
        let id = self.directions.len() as u32;
        // The stream depends on the ends, not on the order of the file.
        let stream = u64::from(from) << 32 | u64::from(to);
        self.directions.push(Direction::new(self.seed, stream));
        self.ends.insert((from, to), id);
        id
    }
}

/// The nodes between `there[index]` and here, here included: the way back as far as it passes that
/// node, otherwise the way there backwards.
fn return_nodes(
    there: &[NodeId],
    index: usize,
    back: &[NodeId],
    end: Option<NodeId>,
) -> Vec<NodeId> {
    let node = there[index];
    let mut nodes: Vec<NodeId> = if Some(node) == end && index + 1 == there.len() {
        back.to_vec()
    } else if let Some(at) = back.iter().position(|other| *other == node) {
        back[at + 1..].to_vec()
    } else {
        there[..index].iter().rev().copied().collect()
    };
    nodes.push(HERE_ID);
    nodes
}

/// The smaller of two prefixes if it lies in the larger.
fn intersection(a: Prefix, b: Prefix) -> Option<Prefix> {
    let (large, small) = if a.length <= b.length { (a, b) } else { (b, a) };
    large.contains(small.address).then_some(small)
}
