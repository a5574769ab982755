//! What `mtu` shows: one writer for each form of output, all fed the same events.

mod columns;
mod jsonl;
mod row;
mod text;

use crate::report::Subject;
use crate::trace;
use netdiag_trace::mtu::result::Target;
use netdiag_trace::mtu::{Config, Event, EventKind};
use std::net::IpAddr;

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

    fn interim(event: &Event) -> Option<(Option<IpAddr>, String)> {
        let EventKind::Interim { to, passed, sent } = &event.kind else { return None };
        let passed = passed.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string());
        let line = format!("{sent} packets sent, the largest that was answered: {passed}");
        Some((Some(*to), line))
    }
}
