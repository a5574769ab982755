//! How runs end that every command ends alike: with a document around what was measured, with
//! nothing to measure with, and with whatever could not be written.

use crate::{ExitStatus, World, usage};
use netdiag_engine::port::{NetworkError, StopCause};
use netdiag_model::Instant;
use netdiag_model::contract::{
    Document, EndedBy, Judgement, Method, SCHEMA, SocketKind, Status, Timestamps,
};
use netdiag_model::finding::Finding;
use netdiag_report::{Run, json};
use std::fmt::Display;
use std::io::{self, Write};

/// What a measured run came to.
pub(crate) struct Measured {
    pub(crate) status: ExitStatus,
    /// Why it could not go on or did not begin, if so: for standard error, once all is written.
    pub(crate) last_words: Option<String>,
}

/// When a run ended, and what ended it from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) at: Instant,
    pub(crate) stopped: Option<StopCause>,
    pub(crate) cannot_go_on: bool,
}

impl End {
    /// What the document says of it; `complete`: all was done that was asked for.
    const fn by(self, complete: bool) -> EndedBy {
        match self {
            Self { cannot_go_on: true, .. } => EndedBy::Fault,
            _ if complete => EndedBy::Done,
            Self { stopped: Some(_), .. } => EndedBy::Signal,
            Self { stopped: None, .. } => EndedBy::Deadline,
        }
    }
}

/// What the targets of a run come to together.
pub(crate) struct Outcome {
    pub(crate) judgement: Judgement,
    pub(crate) status: ExitStatus,
    pub(crate) findings: Vec<Finding>,
    /// All was done that was asked for.
    pub(crate) complete: bool,
}

/// The document of a run.
pub(crate) fn document<T>(
    run: &Run,
    end: End,
    outcome: Outcome,
    method: Method,
    targets: Vec<T>,
) -> Document<T> {
    let Outcome { judgement, status, findings, complete } = outcome;
    let ended_by = end.by(complete);
    Document {
        schema: SCHEMA.to_owned(),
        command: run.command.to_owned(),
        version: run.version.to_owned(),
        started_at: run.anchor.rfc3339(run.started_at),
        elapsed_ms: netdiag_model::milliseconds(end.at.since(run.started_at)),
        complete: ended_by == EndedBy::Done,
        ended_by,
        method,
        status: Status::of(&findings, judgement),
        targets,
        findings,
        exit_code: status.code(),
    }
}

/// The weakest of some methods, which is the one of a run.
pub(crate) fn weakest<'a>(methods: impl Iterator<Item = &'a Method>) -> Option<Method> {
    methods.max_by_key(|method| (method.socket, method.timestamps)).cloned()
}

/// Says what remains to be said of a run, and how the process ends.
pub(crate) fn conclude(
    measured: io::Result<Measured>,
    program: impl Display,
    out: &mut dyn Write,
    err: &mut dyn Write,
    write_fault: impl FnOnce(&io::Error, &mut dyn Write) -> ExitStatus,
) -> ExitStatus {
    match measured.and_then(|measured| out.flush().map(|()| measured)) {
        Ok(Measured { status, last_words }) => {
            if let Some(words) = last_words {
                let _ = writeln!(err, "{program}: {words}");
            }
            status
        }
        Err(fault) => write_fault(&fault, err),
    }
}

/// No socket of any kind: the remedy, and with `has_document` a document all the same.
pub(crate) fn unmeasurable<W: World>(
    (command, program): (&'static str, impl Display),
    has_document: bool,
    world: &mut W,
    error: &NetworkError,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let write = |document: &Document<()>, out: &mut dyn Write| json::write_line(out, document);
    unmeasurable_as((command, program), has_document.then_some(write), world, error, (out, err))
}

/// The same with a document that has more than its envelope.
pub(crate) fn unmeasurable_as<W: World>(
    (command, program): (&'static str, impl Display),
    write: Option<impl FnOnce(&Document<()>, &mut dyn Write) -> io::Result<()>>,
    world: &mut W,
    error: &NetworkError,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> ExitStatus {
    let _ = writeln!(err, "{program}: nothing can be measured: {error}");
    let Some(write) = write else { return ExitStatus::UNMEASURED };
    let anchor = world.anchor();
    let run = Run {
        command,
        version: env!("CARGO_PKG_VERSION"),
        anchor,
        started_at: anchor.instant,
        method: Method {
            socket: SocketKind::None,
            timestamps: Timestamps::User,
            because: error.to_string(),
            lost: Vec::new(),
            remedy: None,
        },
        arguments: serde_json::Value::Null,
        target_count: 0,
    };
    let end = End { at: anchor.instant, stopped: None, cannot_go_on: true };
    let outcome = Outcome {
        judgement: Judgement::Unmeasured,
        status: ExitStatus::UNMEASURED,
        findings: Vec::new(),
        complete: false,
    };
    let document = document(&run, end, outcome, run.method.clone(), Vec::new());
    match write(&document, out).and_then(|()| out.flush()) {
        Ok(()) => ExitStatus::UNMEASURED,
        Err(fault) => usage::write_fault(&fault, err),
    }
}
