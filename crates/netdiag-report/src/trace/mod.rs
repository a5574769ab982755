//! What `trace` shows: one writer for each form of output, all fed the same events.

mod classic;
mod columns;
mod graph;
mod jsonl;
pub mod mtr;
pub(crate) mod row;
mod text;

use crate::report::Subject;
use netdiag_model::contract::Method;
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Instant, Untrusted};
use netdiag_trace::event::{EventKind, Interim};
use netdiag_trace::result::Target;
use netdiag_trace::{Config, Event, Protocol};
use serde_json::Value;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

pub use classic::{ClassicOptions, ClassicReport};
pub use graph::{GraphForm, GraphReport};
pub use jsonl::JsonLinesReport;
pub use row::Columns;
pub use text::{TextOptions, TextReport};

/// A target once its name has been looked up.
#[derive(Clone, Debug)]
pub struct Resolved<C = Config> {
    /// Its place in the run.
    pub target_index: usize,
    /// As it was given.
    pub target: Untrusted,
    /// What is sent to it.
    pub protocol: Protocol,
    /// Its address; `None` when its name has none.
    pub destination: Option<Destination>,
    /// Why it cannot be traced; `None` when it can.
    pub failure: Option<Failure>,
    /// How long the look-up took; `None` where none was needed.
    pub resolve: Option<Duration>,
    /// How it is measured; `None` when it is not.
    pub method: Option<Method>,
    /// What is done; `None` when nothing is.
    pub config: Option<C>,
    /// When the look-up was done.
    pub at: Instant,
}

impl<C> Resolved<C> {
    /// The target and its address, safe to print.
    pub(crate) fn named(&self) -> String {
        let target = self.target.host().escaped().to_string();
        match self.destination.map(|to| crate::number::zoned(to, &target)) {
            Some(address) if address != target => format!("{target} ({address})"),
            _ => target,
        }
    }
}

/// One target at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a, C = Config, T = Target> {
    /// How it was given and found.
    pub resolved: &'a Resolved<C>,
    /// What was found in one sentence; `None` of a target that was not measured.
    pub verdict: Option<&'a str>,
    /// From the first probe to the last thing that happened, as the verdict has it; `None` where that
    /// alone says it.
    pub took: Option<Duration>,
    /// The result.
    pub target: &'a T,
}

/// What `trace` reports about.
#[derive(Clone, Copy, Debug)]
pub enum Trace {}

impl Subject for Trace {
    type Resolved = Resolved;
    type Event = Event;
    type Target = Target;
    type Ended<'a> = Ended<'a>;

    const COLUMNS: &'static [&'static str] = columns::COLUMNS;

    fn interim(event: &Event) -> Option<(Option<IpAddr>, String)> {
        let EventKind::Interim(Interim { to, farthest, sent, received }) = &event.kind else {
            return None;
        };
        let line = format!("{received} of {sent} probes answered, the farthest hop is {farthest}");
        Some((Some(*to), line))
    }

    fn rows(target: Value, write: &mut dyn FnMut(&Value) -> io::Result<()>) -> io::Result<()> {
        columns::rows(target, write)
    }
}
