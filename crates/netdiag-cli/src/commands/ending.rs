//! How runs end that every command ends alike: before they began, with nothing to measure with, and
//! with whatever could not be written.

use crate::{ExitStatus, World, usage};
use netdiag_engine::RunEnd;
use netdiag_engine::port::{InputKind, Inputs, Network, NetworkError, StopCause};
use netdiag_model::Instant;
use netdiag_model::contract::{Document, EndedBy, Method, SCHEMA, SocketKind, Status, Timestamps};
use netdiag_report::json;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::ControlFlow;

/// What a measured run came to, and why it could not go on, if so.
pub(crate) type Measured = (ExitStatus, Option<NetworkError>);

/// When a run ended, and what ended it from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) at: Instant,
    pub(crate) stopped: Option<StopCause>,
    pub(crate) cannot_go_on: bool,
}

impl End {
    /// What the document says of it; `complete`: all was done that was asked for.
    pub(crate) const fn by(self, complete: bool) -> EndedBy {
        match self {
            Self { cannot_go_on: true, .. } => EndedBy::Fault,
            _ if complete => EndedBy::Done,
            Self { stopped: Some(_), .. } => EndedBy::Signal,
            Self { stopped: None, .. } => EndedBy::Deadline,
        }
    }
}

/// Says what remains to be said of a run, and how the process ends.
pub(crate) fn conclude(
    measured: io::Result<Measured>,
    program: impl Display,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    match measured.and_then(|measured| out.flush().map(|()| measured)) {
        Ok((status, None)) => status,
        Ok((status, Some(error))) => {
            let _ = writeln!(err, "{program}: cannot go on: {error}");
            status
        }
        Err(fault) => usage::write_fault(&fault, err),
    }
}

/// A writer that takes no more ends the run.
pub(crate) fn into_flow(result: io::Result<()>) -> ControlFlow<io::Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(fault) => ControlFlow::Break(fault),
    }
}

/// No socket of any kind: the remedy, and with `has_document` a document all the same.
pub(crate) fn unmeasurable<W: World>(
    (command, program): (&str, impl Display),
    has_document: bool,
    world: &mut W,
    error: &NetworkError,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let _ = writeln!(err, "{program}: nothing can be measured: {error}");
    if !has_document {
        return ExitStatus::UNMEASURED;
    }
    let anchor = world.anchor();
    let document: Document<()> = Document {
        schema: SCHEMA.to_owned(),
        command: command.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: anchor.rfc3339(anchor.instant),
        elapsed_ms: 0.0,
        complete: false,
        ended_by: EndedBy::Fault,
        method: Method {
            socket: SocketKind::None,
            timestamps: Timestamps::User,
            because: error.to_string(),
            lost: Vec::new(),
        },
        targets: Vec::new(),
        findings: Vec::new(),
        status: Status::Unknown,
        exit_code: ExitStatus::UNMEASURED.code(),
    };
    match json::write_line(out, &document).and_then(|()| out.flush()) {
        Ok(()) => ExitStatus::UNMEASURED,
        Err(fault) => usage::write_fault(&fault, err),
    }
}

/// What a run comes to that was ended by a signal while names were looked up: nothing is sent.
///
/// # Errors
/// When the network as a whole cannot go on.
pub(crate) fn before_it_began<N: Network, B>(network: &mut N) -> Result<RunEnd<B>, NetworkError> {
    let mut inputs = Inputs::new();
    network.wait(Instant::ZERO, &mut inputs)?;
    let cause = inputs.iter().find_map(|input| match input.kind {
        InputKind::Stop(cause) => Some(cause),
        _ => None,
    });
    Ok(RunEnd::Finished(cause))
}
