//! What `syn` shows: one writer for each form of output, all fed the same events.

mod document;
mod jsonl;
mod row;
mod text;
mod tries;
mod verdict;

use crate::report::Run;
use netdiag_model::Family;
use netdiag_model::contract::{Document, Method};
use netdiag_tcp::syn::result::Target;
use netdiag_tcp::syn::{Config, Event, Measurement};
use std::io;
use std::sync::Arc;

pub use document::{CsvReport, JsonReport};
pub use jsonl::JsonLinesReport;
pub use text::{TextOptions, TextReport};

/// What is known of a run when it starts.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What every run has.
    pub run: Run,
    /// What is done.
    pub config: Arc<Config>,
    /// How IPv4 and IPv6 are measured; `None` where they are not.
    pub methods: [Option<Method>; 2],
}

impl Setting {
    /// How an address is measured.
    #[must_use]
    pub fn method(&self, number: u32) -> &Method {
        let target = self.config.target(number);
        let [ipv4, ipv6] = &self.methods;
        let method = match target.and_then(|target| target.destination()).map(|to| to.family()) {
            Some(Family::Ipv6) => ipv6.as_ref(),
            _ => ipv4.as_ref(),
        };
        method.unwrap_or(&self.run.method)
    }
}

/// A run that is over.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// Everything but the targets, which are in the measurement.
    pub document: &'a Document<Target>,
    /// What was measured.
    pub measurement: &'a Measurement,
}

/// A form of output.
///
/// # Errors
/// Each method fails when its writer does.
pub trait SynReport {
    /// The run starts.
    fn start(&mut self, setting: &Setting) -> io::Result<()>;

    /// Something happened.
    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()>;

    /// The run is over.
    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()>;

    /// What was written must be seen now.
    fn flush(&mut self) -> io::Result<()>;
}
