//! What `tcp-connect` shows: one writer for each form of output, all fed the same events.

mod columns;
mod http;
mod jsonl;
mod row;
mod statistics;
mod text;
mod verbose;

use crate::report::Subject;
use netdiag_model::contract::Method;
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Instant, Untrusted};
use netdiag_tcp::connect::result::Target;
use netdiag_tcp::connect::{Event, EventKind};
use std::net::IpAddr;
use std::time::Duration;

pub use jsonl::JsonLinesReport;
pub use text::{TextOptions, TextReport};

/// A target once its name has been looked up.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its place in the run.
    pub target_index: usize,
    /// The host as it was given, and the port.
    pub target: Untrusted,
    /// The host alone.
    pub host: Untrusted,
    /// The port.
    pub port: u16,
    /// The proxy that is asked for it, safe to print; then the addresses are the proxy's.
    pub proxy: Option<String>,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// The addresses that are tried.
    pub addresses: Vec<Destination>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// How long the look-up took; `None` where none was needed.
    pub resolve: Option<Duration>,
    /// How it is measured; `None` when it is not.
    pub method: Option<Method>,
    /// When the look-up was done.
    pub at: Instant,
}

/// One target at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// How it was given and found.
    pub resolved: &'a Resolved,
    /// The result.
    pub target: &'a Target,
    /// What the whole run came to, in a sentence; `None` where nothing was measured.
    pub verdict: Option<&'a str>,
}

/// What `tcp-connect` reports about.
#[derive(Clone, Copy, Debug)]
pub enum Connect {}

impl Subject for Connect {
    type Resolved = Resolved;
    type Event = Event;
    type Target = Target;
    type Ended<'a> = Ended<'a>;

    const COLUMNS: &'static [&'static str] = columns::COLUMNS;

    fn interim(event: &Event) -> Option<(Option<IpAddr>, String)> {
        let EventKind::Interim { done, connected } = &event.kind else { return None };
        Some((None, format!("{done} attempts done, {connected} connected")))
    }
}
