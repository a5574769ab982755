//! What was found, as the contract has it.

use super::seen::{Seen, Vertex};
use super::{Cut, Multipath};
use crate::Measurement;
use crate::result::Path;
use netdiag_model::Untrusted;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// So many paths are told one by one.
const TOLD: usize = 64;

/// All paths to a target, as a graph.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Graph {
    /// How likely a further next hop of a router would have been met, in per cent.
    pub confidence_percent: u8,
    /// After how many flows without a further next hop it stopped: of one known, of two, and so on, as
    /// far as it was needed.
    pub stopping_points: Vec<u64>,
    /// Who answers at each hop.
    pub nodes: Vec<Node>,
    /// Who comes behind whom.
    pub links: Vec<Link>,
    /// Those that send packets several ways.
    pub balancers: Vec<Balancer>,
    /// Ways through the graph; of links that were not seen with one flow none is certain.
    pub path_count: u64,
    /// Whether it was all done at the stated confidence.
    pub complete: bool,
    /// What kept it from that.
    pub incomplete_because: Option<Cut>,
}

/// One that answers at a hop.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Node {
    /// The hop.
    pub ttl: u8,
    /// Its address; `null` where nobody answers.
    pub address: Option<IpAddr>,
    /// Its name, where it was asked for and known.
    #[schemars(with = "Option<String>")]
    pub hostname: Option<Untrusted>,
    /// It is the target, or passes nothing on.
    pub is_last: bool,
}

/// One that comes behind another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Link {
    /// The place in `nodes` of the nearer one; `null` of this machine, or of what is before the first
    /// hop that was asked.
    pub from: Option<usize>,
    /// The place of the farther one.
    pub to: usize,
    /// How many flows passed both.
    pub flows: u64,
    /// Whether flows show it; behind those that balance by packet nothing does.
    pub certain: bool,
}

/// One that sends packets several ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Balancer {
    /// The place in `nodes`; `null` of this machine, or of what is before the first hop that was asked.
    pub node: Option<usize>,
    /// The hop of its next hops.
    pub ttl: u8,
    /// By what.
    pub kind: Option<Balancing>,
    /// How many next hops were met.
    pub next_hops: u64,
    /// With so many flows.
    pub flows: u64,
    /// How often one flow was answered at that hop.
    pub repeated: u64,
}

/// By what packets are sent several ways; unknown where one flow was not answered often enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balancing {
    /// Packets of one flow go one way.
    PerFlow,
    /// Each packet for itself.
    PerPacket,
}

/// A graph while it grows.
struct Drawing<'a> {
    of: &'a Multipath,
    first: u8,
    /// The places of the nodes.
    places: BTreeMap<(u8, Vertex), usize>,
    links: Vec<Link>,
    balancers: Vec<Balancer>,
}

impl Measurement {
    /// All paths that were found, and those of them that flows were seen on; `None` where none were
    /// looked for.
    pub(crate) fn graph(&self) -> Option<(Graph, Vec<Path>)> {
        let of = self.multipath.as_ref()?;
        let mut drawing = Drawing {
            of,
            first: self.config.first_ttl,
            places: BTreeMap::new(),
            links: Vec::new(),
            balancers: Vec::new(),
        };
        let nodes = drawing.draw(self.last());
        let named = |(ttl, vertex): (u8, Vertex)| Node {
            ttl,
            address: vertex.address(),
            hostname: vertex.address().and_then(|address| self.names.get(address).cloned()),
            is_last: vertex.is_last(),
        };
        let cut = of.cut.or_else(|| (!of.is_done).then_some(Cut::Interrupted));
        let most = drawing.balancers.iter().map(|it| it.next_hops).max().unwrap_or(1);
        let graph = Graph {
            confidence_percent: of.config.confidence.percent(),
            stopping_points: of.stops.iter().copied().zip(0..most).map(|(stop, _)| stop).collect(),
            path_count: count_paths(nodes.len(), &drawing.links),
            nodes: nodes.iter().copied().map(named).collect(),
            links: drawing.links,
            balancers: drawing.balancers,
            complete: cut.is_none(),
            incomplete_because: cut,
        };
        let paths = of.paths(self.first_ttl_to(self.last()), graph.path_count);
        Some((graph, paths))
    }

    fn first_ttl_to(&self, last: u8) -> std::ops::RangeInclusive<u8> {
        self.config.first_ttl..=last
    }
}

impl Drawing<'_> {
    /// Draws all hops; gives the nodes in the order of their places.
    fn draw(&mut self, last: u8) -> Vec<(u8, Vertex)> {
        let mut nodes = Vec::new();
        for ttl in self.first..=last {
            let origins = self.of.origins(ttl, self.first);
            let Some(seen) = self.of.at(ttl).filter(|_| !origins.is_empty()) else { break };
            for vertex in seen.vertices() {
                self.places.insert((ttl, vertex), nodes.len());
                nodes.push((ttl, vertex));
            }
            for origin in &origins {
                self.join(origin, ttl, seen);
            }
        }
        nodes
    }

    /// Links those of an origin with their next hops.
    fn join(&mut self, origin: &super::explore::Origin, ttl: u8, seen: &Seen) {
        let next = match self.of.origins(ttl, self.first).len() {
            // Also who answered only when a flow was sent again.
            1 => seen.vertices(),
            _ => self.of.next_of(origin, ttl),
        };
        let flows = self.of.passing(origin, ttl);
        let from: Vec<Option<usize>> = match origin.vertices.is_empty() {
            true => vec![None],
            false => {
                let places = origin.vertices.iter();
                places.map(|it| self.places.get(&(ttl - 1, *it)).copied()).collect()
            }
        };
        let certain = from.len() == 1;
        for to in &next {
            let Some(place) = self.places.get(&(ttl, *to)).copied() else { continue };
            let count = flows.iter().filter(|flow| seen.vertex(**flow) == Some(*to)).count() as u64;
            let link = |from| Link { from, to: place, flows: count, certain };
            self.links.extend(from.iter().copied().map(link));
        }
        if let ([node], true) = (from.as_slice(), next.len() > 1) {
            self.balancers.push(self.balancer(*node, ttl, seen, &flows, next.len()));
        }
    }

    fn balancer(
        &self,
        node: Option<usize>,
        ttl: u8,
        seen: &Seen,
        flows: &[u64],
        next: usize,
    ) -> Balancer {
        let repeated = flows.iter().map(|flow| seen.answers(*flow).len()).max().unwrap_or(0);
        let by_packet = flows.iter().any(|flow| seen.differs(*flow));
        let kind = match by_packet {
            true => Some(Balancing::PerPacket),
            false => (repeated >= self.of.same_flow()).then_some(Balancing::PerFlow),
        };
        let known = flows.iter().filter(|flow| seen.vertex(**flow).is_some());
        Balancer {
            node,
            ttl,
            kind,
            next_hops: next as u64,
            flows: known.count() as u64,
            repeated: repeated as u64,
        }
    }
}

/// How many ways there are from this machine to where nothing comes behind.
fn count_paths(nodes: usize, links: &[Link]) -> u64 {
    // A node comes before those behind it.
    let mut ways = vec![0_u64; nodes];
    for link in links {
        let before = link.from.map_or(Some(1), |from| ways.get(from).copied()).unwrap_or(0);
        if let Some(ways) = ways.get_mut(link.to) {
            *ways = ways.saturating_add(before);
        }
    }
    let goes_on: BTreeSet<usize> = links.iter().filter_map(|link| link.from).collect();
    let ends = ways.iter().enumerate().filter(|(place, _)| !goes_on.contains(place));
    ends.map(|(_, ways)| *ways).fold(0, u64::saturating_add)
}

impl Multipath {
    /// Paths that one flow each was seen on: wherever flows part it was asked itself.
    fn paths(&self, ttls: std::ops::RangeInclusive<u8>, most: u64) -> Vec<Path> {
        let mut seen: BTreeMap<Vec<Option<Vertex>>, u64> = BTreeMap::new();
        let flows: BTreeSet<u64> = self.hops.values().flat_map(Seen::flows).collect();
        for flow in flows {
            if let Some(path) = self.path_of(flow, ttls.clone()) {
                seen.entry(path).or_insert(flow);
            }
        }
        let address = |it: Option<Vertex>| it.and_then(Vertex::address);
        let path = |(path, flow): (Vec<Option<Vertex>>, u64)| Path {
            flow: flow + 1,
            addresses: path.into_iter().map(address).collect(),
        };
        let mut paths: Vec<Path> = seen.into_iter().map(path).collect();
        paths.sort_by_key(|path| path.flow);
        paths.truncate(TOLD.min(usize::try_from(most).unwrap_or(TOLD)));
        paths
    }

    /// Who a flow passes, as far as it goes; `None` where that is not known of a hop at which flows
    /// part, or depends on the packet.
    fn path_of(
        &self,
        flow: u64,
        ttls: std::ops::RangeInclusive<u8>,
    ) -> Option<Vec<Option<Vertex>>> {
        let mut path = Vec::new();
        for ttl in ttls {
            let seen = self.at(ttl)?;
            let all = seen.vertices();
            let only = all.first().filter(|_| all.len() == 1).copied();
            let here = seen.vertex(flow).filter(|_| !seen.differs(flow)).or(only)?;
            path.push(Some(here));
            if here.is_last() {
                break;
            }
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_diamonds_in_a_row_have_four_ways() {
        let link = |from: Option<usize>, to| Link { from, to, flows: 1, certain: true };
        let first = [link(None, 0), link(Some(0), 1), link(Some(0), 2)];
        let second = [link(Some(1), 3), link(Some(2), 3), link(Some(3), 4), link(Some(3), 5)];
        let last = [link(Some(4), 6), link(Some(5), 6)];
        let links: Vec<Link> = first.into_iter().chain(second).chain(last).collect();
        assert_eq!(count_paths(7, &links), 4);
        assert_eq!(count_paths(0, &[]), 0);
    }
}
