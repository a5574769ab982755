//! The tree of an expression: comparisons under alternating "all of" and "any of".

use std::fmt;

use netdiag_model::metrics::Metrics;

use super::comparison::{Comparison, Test};
use super::evidence::Reason;
use super::{Limit, Verdict};

/// A node. `All` never holds an `All`, `Any` never an `Any`, and both hold at least two: the
/// functions [`all`] and [`any`] keep it so, and the canonical text relies on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Clause(Comparison),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// Why a fail condition fails.
pub(super) struct Conviction {
    /// True by measured values alone.
    certain: bool,
    pub(super) reasons: Vec<Reason>,
}

/// Joins with "and".
pub(super) fn all(nodes: Vec<Node>) -> Node {
    let flat = nodes.into_iter().flat_map(|node| match node {
        Node::All(inner) => inner,
        other => vec![other],
    });
    single_or(flat.collect(), Node::All)
}

/// Joins with "or".
pub(super) fn any(nodes: Vec<Node>) -> Node {
    let flat = nodes.into_iter().flat_map(|node| match node {
        Node::Any(inner) => inner,
        other => vec![other],
    });
    single_or(flat.collect(), Node::Any)
}

fn single_or(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            join(nodes)
        }
        None => join(nodes),
    }
}

impl Node {
    /// Adds the names of the metrics below; no deeper than the parser lets expressions nest.
    pub(super) fn collect_metrics<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Clause(comparison) => names.push(&comparison.metric),
            Self::All(nodes) | Self::Any(nodes) => {
                nodes.iter().for_each(|node| node.collect_metrics(names));
            }
        }
    }

    /// Adds the limits that have to be kept.
    pub(super) fn collect_limits(&self, limits: &mut Vec<Limit>) {
        match self {
            Self::Clause(comparison) => {
                if let Test::Number(relation, value) = &comparison.test {
                    let (metric, operator) = (comparison.metric.clone(), relation.symbol());
                    limits.push(Limit { metric, operator, value: *value });
                }
            }
            Self::All(nodes) => nodes.iter().for_each(|node| node.collect_limits(limits)),
            Self::Any(_) => {}
        }
    }

    /// The opposite, by De Morgan's laws, which hold in three-valued logic too.
    pub(super) fn negated(self) -> Self {
        let each = |nodes: Vec<Self>| nodes.into_iter().map(Self::negated).collect();
        match self {
            Self::Clause(comparison) => Self::Clause(comparison.negated()),
            Self::All(nodes) => Self::Any(each(nodes)),
            Self::Any(nodes) => Self::All(each(nodes)),
        }
    }

    /// How deep the parentheses of the canonical text are nested.
    pub(super) fn nesting(&self) -> usize {
        match self {
            Self::Clause(_) => 0,
            Self::Any(nodes) => nodes.iter().map(Self::nesting).max().unwrap_or(0),
            Self::All(nodes) => nodes
                .iter()
                .map(|node| node.nesting() + usize::from(matches!(node, Self::Any(_))))
                .max()
                .unwrap_or(0),
        }
    }

    pub(super) fn evaluate(&self, metrics: &dyn Metrics) -> Verdict {
        match self {
            Self::Clause(comparison) => comparison.evaluate(metrics),
            Self::All(nodes) => join(nodes, metrics, &Verdict::False, Verdict::True),
            Self::Any(nodes) => join(nodes, metrics, &Verdict::True, Verdict::False),
        }
    }

    /// `None` when the condition is false; a missing value counts against the target.
    pub(super) fn fails(&self, metrics: &dyn Metrics) -> Option<Conviction> {
        match self {
            Self::Clause(comparison) => {
                let (verdict, measured) = comparison.judge(metrics);
                (verdict != Some(false)).then(|| Conviction {
                    certain: verdict.is_some(),
                    reasons: vec![Reason::new(comparison, measured)],
                })
            }
            Self::All(nodes) => {
                let each: Option<Vec<_>> = nodes.iter().map(|node| node.fails(metrics)).collect();
                each.map(Conviction::joined)
            }
            Self::Any(nodes) => {
                let mut each: Vec<_> = nodes.iter().filter_map(|n| n.fails(metrics)).collect();
                if each.iter().any(|conviction| conviction.certain) {
                    each.retain(|conviction| conviction.certain);
                }
                (!each.is_empty()).then(|| Conviction::joined(each))
            }
        }
    }

    /// `Err` with what does not hold; a missing value does not.
    pub(super) fn holds(&self, metrics: &dyn Metrics) -> Result<(), Vec<Reason>> {
        match self {
            Self::Clause(comparison) => match comparison.judge(metrics) {
                (Some(true), _) => Ok(()),
                (_, measured) => Err(vec![Reason::new(comparison, measured)]),
            },
            Self::All(nodes) => nodes.iter().try_for_each(|node| node.holds(metrics)),
            Self::Any(nodes) => {
                let mut reasons = Vec::new();
                for node in nodes {
                    match node.holds(metrics) {
                        Ok(()) => return Ok(()),
                        Err(more) => reasons.extend(more),
                    }
                }
                Err(reasons)
            }
        }
    }
}

impl Conviction {
    fn joined(each: Vec<Self>) -> Self {
        Self {
            certain: each.iter().all(|conviction| conviction.certain),
            reasons: each.into_iter().flat_map(|c| c.reasons).collect(),
        }
    }
}

/// Kleene's "and" and "or": one `decisive` verdict settles it, else one open verdict leaves it open.
fn join(nodes: &[Node], metrics: &dyn Metrics, decisive: &Verdict, otherwise: Verdict) -> Verdict {
    let mut open = None;
    for node in nodes {
        let verdict = node.evaluate(metrics);
        if verdict == *decisive {
            return verdict;
        }
        if matches!(verdict, Verdict::NoValue { .. }) {
            open = open.or(Some(verdict));
        }
    }
    open.unwrap_or(otherwise)
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, word) = match self {
            Self::Clause(comparison) => return comparison.fmt(f),
            Self::All(nodes) => (nodes, " and "),
            Self::Any(nodes) => (nodes, " or "),
        };
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                f.write_str(word)?;
            }
            match node {
                Self::Any(_) => write!(f, "({node})")?,
                _ => node.fmt(f)?,
            }
        }
        Ok(())
    }
}
