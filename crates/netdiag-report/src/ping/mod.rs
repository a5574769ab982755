//! What `ping` shows: one writer for each form of output, all fed the same events.

mod classic;
pub(crate) mod columns;
mod ip_options;
pub(crate) mod jsonl;
mod lines;
mod summary;
mod text;

use crate::report::Subject;
use netdiag_model::contract::Method;
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Instant, Untrusted};
use netdiag_ping::event::EventKind;
use netdiag_ping::result::{Context, Target};
use netdiag_ping::{Cast, Event, Measurement, Protocol};
use std::net::IpAddr;
use std::time::Duration;

pub use classic::{ClassicOptions, ClassicReport};
pub use jsonl::JsonLinesReport;
pub(crate) use lines::closed;
pub use text::{TextOptions, TextReport};

/// A target once its name has been looked up.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its place in the run.
    pub target_index: usize,
    /// As it was given.
    pub target: Untrusted,
    /// To how many hosts that is.
    pub cast: Cast,
    /// What is sent to it.
    pub protocol: Protocol,
    /// What it is asked about, of extended echo.
    pub query: Option<Untrusted>,
    /// Its address; `None` when its name has none.
    pub destination: Option<Destination>,
    /// Why it cannot be measured; `None` when it can.
    pub failure: Option<Failure>,
    /// How long the look-up took; `None` where none was needed.
    pub resolve: Option<Duration>,
    /// How it is measured; `None` when it is not.
    pub method: Option<Method>,
    /// The source address and interface that were asked for.
    pub from: (Option<IpAddr>, Option<Untrusted>),
    /// Whether the interface that was asked for does not have the source address.
    pub elsewhere: bool,
    /// The echo identifier that it is probed with, where this program chose it; the first of a block.
    pub identifier: Option<u16>,
    /// Data bytes of a request.
    pub size: u16,
    /// Bytes of IPv4 options in the header of a request.
    pub options_len: usize,
    /// The flow label of a request, where one was asked for.
    pub flow_label: Option<u32>,
    /// When the look-up was done.
    pub at: Instant,
}

/// One target at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// How it was given and found.
    pub resolved: &'a Resolved,
    /// What was measured; `None` when its name has no address.
    pub measurement: Option<&'a Measurement>,
    /// The result.
    pub target: &'a Target,
    /// What the result needs beside the measurement.
    pub context: &'a Context,
}

/// What `ping` reports about.
#[derive(Clone, Copy, Debug)]
pub enum Ping {}

impl Subject for Ping {
    type Resolved = Resolved;
    type Event = Event;
    type Target = Target;
    type Ended<'a> = Ended<'a>;

    const COLUMNS: &'static [&'static str] = columns::COLUMNS;

    fn interim(event: &Event) -> Option<(Option<IpAddr>, String)> {
        let EventKind::Interim(figures) = &event.kind else { return None };
        Some((Some(figures.to), summary::interim(figures)))
    }
}

/// The reason of an event that somebody else can repeat at will.
const fn repeatable(kind: &EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Rejected { rejection, .. } => Some(rejection.reason.name()),
        EventKind::Duplicate { .. } => Some("duplicate"),
        EventKind::Advice { .. } => Some("redirect"),
        EventKind::LateError { .. } => Some("late-error"),
        _ => None,
    }
}
