//! Which routers send packets several ways, and by what.

use super::graph::{Balancer, Balancing, Graph};
use crate::Measurement;
use crate::protocol::Protocol;
use netdiag_model::finding::{Finding, Severity};

impl Measurement {
    /// A finding for each router that balances by flow. Those that balance by packet are found by the
    /// answers of one flow, whatever was looked for (`findings/balance.rs`).
    pub(crate) fn multipath_findings(&self) -> Vec<Finding> {
        let Some((graph, _)) = self.graph() else { return Vec::new() };
        let by_flow = graph.balancers.iter().filter(|it| it.kind == Some(Balancing::PerFlow));
        by_flow.map(|balancer| self.by_flow(&graph, balancer)).collect()
    }

    fn by_flow(&self, graph: &Graph, balancer: &Balancer) -> Finding {
        let Balancer { ttl, next_hops, flows, repeated, .. } = *balancer;
        let node = balancer.node.and_then(|place| graph.nodes.get(place));
        let who = match node.map(|node| node.address) {
            Some(Some(address)) => format!("{address} balances"),
            Some(None) => format!("whoever is silent at hop {} balances", ttl - 1),
            None => format!("what is before hop {ttl} balances"),
        };
        let message = format!(
            "{who} by flow: {flows} flows met {next_hops} next hops at hop {ttl}, one of them sent \
             {repeated} times always the same one"
        );
        let finding =
            self.finding("per-flow-balancing", Severity::Info, format!("hop {ttl}"), message);
        let address = node.and_then(|node| node.address);
        let finding = finding.at("hop", ttl).with("address", address.map(|it| it.to_string()));
        finding
            .with("next_hops", next_hops)
            .with("flows", flows)
            .with("same_flow", repeated)
            .with("confidence_percent", graph.confidence_percent)
    }

    /// How many paths there are, for the verdict.
    pub(crate) fn paths_text(&self) -> String {
        let Some((graph, _)) = self.graph() else { return String::new() };
        let percent = graph.confidence_percent;
        let by = match graph
            .balancers
            .iter()
            .map(|it| it.kind)
            .max_by_key(|kind| *kind == Some(Balancing::PerPacket))
        {
            None => "",
            Some(Some(Balancing::PerPacket)) => ", balanced by packet",
            Some(Some(Balancing::PerFlow)) => ", balanced by flow",
            Some(None) => ", balanced by what is not known",
        };
        let count = match graph.path_count {
            // Of these no port can be varied, which is what most routers balance by.
            1 if self.config.protocol == Protocol::Icmp => "one path by ICMP".to_owned(),
            1 => "one path".to_owned(),
            count => format!("{count} paths"),
        };
        match graph.incomplete_because {
            None => format!("; {count}{by} ({percent} %)"),
            Some(_) => format!("; at least {count}{by}, not at {percent} %"),
        }
    }
}
