//! All paths as a drawing: lines for people, or a graph for Graphviz (DOT) or Mermaid.

use super::{Ended, Resolved, Trace};
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_model::contract::Document;
use netdiag_trace::Event;
use netdiag_trace::multipath::{Balancer, Balancing, Graph, Node};
use netdiag_trace::result::Target;
use std::io::{self, Write};

/// For which program a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphForm {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

impl GraphForm {
    /// What begins a line that is no part of a graph.
    const fn comment(self) -> &'static str {
        match self {
            Self::Dot => "// ",
            Self::Mermaid => "%% ",
        }
    }
}

/// A graph alone: what else there is to say stands in comments.
pub struct GraphReport<W, E> {
    out: W,
    err: E,
    form: GraphForm,
}

impl<W: Write, E: Write> GraphReport<W, E> {
    /// A report in this form; why a target cannot be traced goes to `err`.
    pub const fn new(out: W, err: E, form: GraphForm) -> Self {
        Self { out, err, form }
    }

    /// The lines that a table would be followed by.
    fn said(&self, ended: &Ended<'_>, document: &Document<Target>) -> io::Result<Vec<String>> {
        let (mut said, style) = (Vec::new(), Style::default());
        let index = Some(ended.resolved.target_index);
        for finding in document.findings.iter().filter(|finding| finding.target_index == index) {
            verdict::write_finding(&mut said, style, finding)?;
        }
        if let Some(text) = ended.verdict {
            verdict::write_verdict(&mut said, style, text)?;
        }
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok(said.lines().map(|line| format!("{}{line}", self.form.comment())).collect())
    }
}

impl<W: Write, E: Write> Report<Trace> for GraphReport<W, E> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        match &resolved.failure {
            Some(failure) => writeln!(self.err, "netdiag trace: {}", failure.message),
            None => Ok(()),
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match interim::<Trace>(event, 1) {
            Some(line) => writeln!(self.err, "{line}"),
            None => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        for ended in targets {
            let Some(graph) = &ended.target.graph else { continue };
            let title = ended.resolved.named();
            let drawn = match self.form {
                GraphForm::Dot => dot(graph, &title),
                GraphForm::Mermaid => mermaid(graph, &title),
            };
            for line in drawn.into_iter().chain(self.said(ended, document)?) {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}

/// The paths as lines: each that sends packets on, and to whom.
pub(super) fn text(graph: &Graph) -> Vec<String> {
    let points: Vec<String> = graph.stopping_points.iter().map(ToString::to_string).collect();
    let count = match graph.complete {
        true => format!("{} at", graph.path_count),
        false => format!("at least {}, not at", graph.path_count),
    };
    let header = format!(
        "paths: {count} {} %; a further next hop ruled out by {} flows (MDA)",
        graph.confidence_percent,
        points.join(", ")
    );
    let balancers = graph.balancers.iter().map(|balancer| {
        let next: Vec<String> = graph
            .links
            .iter()
            .filter(|link| link.from == balancer.node && ttl_of(graph, link.to) == balancer.ttl)
            .map(|link| format!("{} ({})", shown(graph.nodes.get(link.to)), link.flows))
            .collect();
        let (from, by) = (name(graph, balancer.node), kind(balancer));
        format!("  {:>3}  {from} {by} to {}", balancer.ttl, next.join(", "))
    });
    std::iter::once(header).chain(balancers).collect()
}

fn ttl_of(graph: &Graph, place: usize) -> u8 {
    graph.nodes.get(place).map_or(0, |node| node.ttl)
}

const fn kind(balancer: &Balancer) -> &'static str {
    match balancer.kind {
        Some(Balancing::PerFlow) => "by flow",
        Some(Balancing::PerPacket) => "by packet",
        None => "by what is not known",
    }
}

/// One of the nodes, or this machine.
fn name(graph: &Graph, place: Option<usize>) -> String {
    place.map_or_else(|| "here".to_owned(), |place| shown(graph.nodes.get(place)))
}

fn shown(node: Option<&Node>) -> String {
    let address = node.and_then(|node| node.address);
    address.map_or_else(|| "*".to_owned(), |address| address.to_string())
}

/// What stands on a node, by lines. Names come from the network.
fn label(node: &Node) -> Vec<String> {
    let hop = format!("hop {}", node.ttl);
    let name = node.hostname.as_ref().map(|name| name.escaped().to_string());
    let lines = [Some(shown(Some(node))), name, Some(hop)];
    lines.into_iter().flatten().collect()
}

/// Text between quotes: a quote or a backslash of a name ends neither.
fn quoted(text: &str) -> String {
    text.replace(['\\', '"'], "_")
}

fn place_name(place: Option<usize>) -> String {
    place.map_or_else(|| "here".to_owned(), |place| format!("n{place}"))
}

fn dot(graph: &Graph, title: &str) -> Vec<String> {
    let mut lines = vec![
        format!("digraph \"{}\" {{", quoted(title)),
        "  rankdir=LR; node [shape=box];".to_owned(),
        "  here [label=\"here\", shape=ellipse];".to_owned(),
    ];
    for (place, node) in graph.nodes.iter().enumerate() {
        let label: Vec<String> = label(node).iter().map(|line| quoted(line)).collect();
        let shape = if node.is_last { ", shape=ellipse" } else { "" };
        lines.push(format!("  n{place} [label=\"{}\"{shape}];", label.join("\\n")));
    }
    for link in &graph.links {
        let (from, to) = (place_name(link.from), place_name(Some(link.to)));
        let style = if link.certain { "" } else { ", style=dashed" };
        lines.push(format!("  {from} -> {to} [label=\"{}\"{style}];", link.flows));
    }
    lines.push("}".to_owned());
    lines
}

fn mermaid(graph: &Graph, title: &str) -> Vec<String> {
    let mut lines = vec![
        "---".to_owned(),
        format!("title: \"{}\"", quoted(title)),
        "---".to_owned(),
        "flowchart LR".to_owned(),
        "  here([\"here\"])".to_owned(),
    ];
    for (place, node) in graph.nodes.iter().enumerate() {
        let label: Vec<String> = label(node).iter().map(|line| entities(line)).collect();
        let (open, close) = if node.is_last { ("([", "])") } else { ("[", "]") };
        lines.push(format!("  n{place}{open}\"{}\"{close}", label.join("<br/>")));
    }
    for link in &graph.links {
        let (from, to) = (place_name(link.from), place_name(Some(link.to)));
        let arrow = if link.certain { "-->" } else { "-.->" };
        lines.push(format!("  {from} {arrow}|{}| {to}", link.flows));
    }
    lines
}

/// Text in which Mermaid finds neither markup nor an end.
fn entities(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " .:-_*".contains(c);
    let each = text.chars().map(|c| match plain(c) {
        true => c.to_string(),
        false => format!("#{};", u32::from(c)),
    });
    each.collect()
}
