//! What the reports of all commands have in common that measure hosts: what they are told, and when.

use netdiag_model::contract::{Document, Method};
use netdiag_model::{ClockAnchor, Instant};
use serde::Serialize;
use serde_json::Value;
use std::io;
use std::net::IpAddr;

/// What is known of a run when it starts.
#[derive(Clone, Debug)]
pub struct Run {
    /// The command as it names itself in documents.
    pub command: &'static str,
    /// The version of netdiag.
    pub version: &'static str,
    /// Turns instants into dates.
    pub anchor: ClockAnchor,
    /// When the run started.
    pub started_at: Instant,
    /// How it is measured.
    pub method: Method,
    /// The arguments as understood, defaults filled in.
    pub arguments: Value,
    /// How many targets there are.
    pub target_count: usize,
}

/// What the reports of a command are about.
pub trait Subject {
    /// A target once its name has been looked up.
    type Resolved;
    /// What is told on the way.
    type Event;
    /// A target as the contract has it.
    type Target: Serialize;
    /// One target at the end of a run.
    type Ended<'a>;

    /// The columns of CSV. New ones only at the end.
    const COLUMNS: &'static [&'static str];

    /// How far it has come, in a line, where an event says that SIGQUIT asked for it; and the address
    /// of the target that it is about, where it is about one.
    fn interim(event: &Self::Event) -> Option<(Option<IpAddr>, String)>;

    /// Hands each row of CSV that a target has to `write`: one.
    ///
    /// # Errors
    /// When `write` fails.
    fn rows(target: Value, write: &mut dyn FnMut(&Value) -> io::Result<()>) -> io::Result<()> {
        write(&target)
    }

    /// The same of a target as it is: all of it at once where that takes no room.
    ///
    /// # Errors
    /// When `write` fails.
    fn table(
        target: &Self::Target,
        write: &mut dyn FnMut(&Value) -> io::Result<()>,
    ) -> io::Result<()> {
        Self::rows(serde_json::to_value(target).map_err(io::Error::other)?, write)
    }
}

/// How far it has come, in a line that names the target where there are several (CONTRACT.md section 3);
/// `None` of an event that says something else.
pub fn interim<S: Subject>(event: &S::Event, targets: usize) -> Option<String> {
    let (to, line) = S::interim(event)?;
    Some(match to.filter(|_| targets > 1) {
        Some(to) => format!("{to}: {line}"),
        None => line,
    })
}

/// A form of output.
///
/// # Errors
/// Each method fails when its writer does.
pub trait Report<S: Subject> {
    /// The run starts.
    fn start(&mut self, run: &Run) -> io::Result<()>;

    /// A target's name was looked up; comes before its events.
    fn resolved(&mut self, resolved: &S::Resolved) -> io::Result<()>;

    /// Something happened.
    fn event(&mut self, event: &S::Event) -> io::Result<()>;

    /// The run is over.
    fn finish(
        &mut self,
        targets: &[S::Ended<'_>],
        document: &Document<S::Target>,
    ) -> io::Result<()>;

    /// What was written must be seen now.
    fn flush(&mut self) -> io::Result<()>;
}
