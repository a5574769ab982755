//! What `mtu` shows: one writer for each form of output, all fed the same events.

mod columns;
mod jsonl;
mod row;
mod text;

use crate::report::Subject;
use crate::trace;
use netdiag_trace::mtu::result::Target;
use netdiag_trace::mtu::{Config, Event};

pub use jsonl::JsonLinesReport;
pub use text::{TextOptions, TextReport};

/// A target once its name has been looked up.
pub type Resolved = trace::Resolved<Config>;

/// One target at the end of a run.
pub type Ended<'a> = trace::Ended<'a, Config, Target>;

/// What `mtu` reports about.
#[derive(Clone, Copy, Debug)]
pub enum Mtu {}

impl Subject for Mtu {
    type Resolved = Resolved;
    type Event = Event;
    type Target = Target;
    type Ended<'a> = Ended<'a>;

    const COLUMNS: &'static [&'static str] = columns::COLUMNS;
}
