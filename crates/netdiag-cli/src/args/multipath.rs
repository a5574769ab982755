//! What the search for all paths needs.

use netdiag_report::trace::GraphForm;
use netdiag_trace::multipath::{Confidence, Config};
use std::ops::RangeInclusive;

/// How many probes a hop may get, and gets at most where nothing else was asked for.
const PROBES: RangeInclusive<u64> = 6..=10_000;
const DEFAULT_PROBES: u64 = 256;

/// Whether and how all paths are looked for.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct MultipathArguments {
    /// All paths: how routers balance, and over whom, by the Multipath Detection Algorithm (Augustin et
    /// al. 2007, Veitch et al. 2009). Some 6 probes to a hop, 27 and more where there are four ways.
    #[arg(long, conflicts_with = "vary_flow")]
    pub(crate) multipath: bool,
    /// How sure it must be, in per cent, that a router has no further next hop: 95 or 99.
    #[arg(long, value_name = "N", requires = "multipath", value_parser = confidence, default_value_if("multipath", clap::builder::ArgPredicate::IsPresent, "95"), allow_negative_numbers = true)]
    pub(crate) confidence: Option<Confidence>,
    /// The most probes to a hop.
    #[arg(long, value_name = "N", requires = "multipath", value_parser = clap::value_parser!(u64).range(PROBES), default_value_if("multipath", clap::builder::ArgPredicate::IsPresent, "256"), allow_negative_numbers = true)]
    pub(crate) probe_cap: Option<u64>,
    /// How the paths are drawn: with the text, or a graph alone for Graphviz or Mermaid.
    #[arg(long, value_name = "FORM", requires = "multipath", value_enum, conflicts_with_all = ["output", "json"])]
    pub(crate) graph: Option<Drawn>,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Drawn {
    /// For people.
    Text,
    /// For Graphviz.
    Dot,
    /// For Mermaid.
    Mermaid,
}

fn confidence(text: &str) -> Result<Confidence, String> {
    match text {
        "95" => Ok(Confidence::Percent95),
        "99" => Ok(Confidence::Percent99),
        _ => Err("95 or 99".to_owned()),
    }
}

impl MultipathArguments {
    /// What the search is told, with so many flows; `None` where there is none.
    pub(crate) fn config(&self, flows: u64) -> Option<Config> {
        self.multipath.then(|| Config {
            confidence: self.confidence.unwrap_or_default(),
            most: self.probe_cap.unwrap_or(DEFAULT_PROBES),
            flows,
        })
    }

    /// The graph alone, in which form; `None`: text as ever.
    pub(crate) const fn graph_alone(&self) -> Option<GraphForm> {
        match self.graph {
            Some(Drawn::Dot) => Some(GraphForm::Dot),
            Some(Drawn::Mermaid) => Some(GraphForm::Mermaid),
            Some(Drawn::Text) | None => None,
        }
    }
}
