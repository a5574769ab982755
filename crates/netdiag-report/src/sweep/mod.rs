//! What `sweep` shows: one writer for each form of output, all fed the same events.

mod alike;
mod classic;
mod document;
mod jsonl;
mod progress;
mod row;
mod table;
mod text;

use crate::report::Run;
use netdiag_model::Family;
use netdiag_model::contract::{Document, Method};
use netdiag_model::finding::Finding;
use netdiag_ping::result::Context;
use netdiag_ping::sweep::result::Target;
use netdiag_ping::sweep::{Config, Event, Row, Totals};
use std::io;
use std::sync::Arc;

pub use classic::{ClassicOptions, ClassicReport};
pub use document::{CsvReport, JsonReport, columns};
pub use jsonl::JsonLinesReport;
pub use progress::{Place, Progress};
pub use text::{Shown, TextOptions, TextReport};

/// What is known of a sweep when it starts.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What every run has.
    pub run: Run,
    /// What is done.
    pub config: Arc<Config>,
    /// How IPv4 is measured; `None` where it is not.
    pub ipv4: Option<Method>,
    /// The same of IPv6.
    pub ipv6: Option<Method>,
}

impl Setting {
    /// What the result of a row needs.
    #[must_use]
    pub fn context(&self, row: &Row) -> Context {
        let target = self.config.targets.get(row.target);
        let family = target.and_then(|target| target.destination()).map(|d| d.family());
        let method = match family {
            Some(Family::Ipv6) => self.ipv6.as_ref(),
            _ => self.ipv4.as_ref(),
        };
        Context {
            target: target.map(|target| target.text()).unwrap_or_default(),
            anchor: self.run.anchor,
            started_at: self.run.started_at,
            method: method.unwrap_or(&self.run.method).clone(),
        }
    }

    /// A row as the contract has it, and the verdicts over it.
    #[must_use]
    pub fn result(&self, row: &Row) -> Option<(Target, Vec<Finding>)> {
        row.result(&self.config, &self.context(row))
    }
}

/// A sweep that is over.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// Everything but the targets.
    pub document: &'a Document<Target>,
    /// What all targets come to.
    pub totals: &'a Totals,
    /// Findings about single targets that the document does not list, which it says in one.
    pub omitted: u64,
}

/// A form of output.
///
/// # Errors
/// Each method fails when its writer does.
pub trait SweepReport {
    /// The run starts.
    fn start(&mut self, setting: &Setting) -> io::Result<()>;

    /// Something happened.
    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()>;

    /// The run is over.
    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()>;

    /// What was written must be seen now.
    fn flush(&mut self) -> io::Result<()>;
}
