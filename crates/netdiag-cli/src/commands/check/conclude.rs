//! From what checks came to to a document, a verdict and the exit status.

use super::board::Board;
use crate::commands::drive::Listener;
use crate::commands::ending::{self, End, Outcome};
use crate::commands::lanes::{Lane, Planner, Told};
use crate::{ExitStatus, World};
use netdiag_check::result::{Check, CheckStatus, ChecksDocument};
use netdiag_engine::Pause;
use netdiag_model::Instant;
use netdiag_model::contract::{Judgement, Method, Status};
use netdiag_model::finding::Finding;
use netdiag_report::Run;
use netdiag_report::checks::ChecksReport;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// Passes on what checks came to, and makes the document at the end.
pub(super) struct Collector<'a> {
    pub(super) run: &'a Run,
    pub(super) board: Rc<RefCell<Board>>,
    pub(super) report: &'a mut dyn ChecksReport,
    /// The codes of a monitoring plugin.
    pub(super) as_plugin: bool,
    /// Where it is said how far all have come, and when it was said last.
    pub(super) err: &'a mut dyn Write,
    pub(super) said_at: Option<Instant>,
    pub(super) planner: Rc<RefCell<Planner>>,
}

impl Listener<Lane<Board>> for Collector<'_> {
    fn event(&mut self, told: &Told) -> io::Result<()> {
        let board = self.board.borrow();
        match *told {
            Told::Ended(lane, at) => match board.check(lane) {
                Some(check) => self.report.check(lane, at, check),
                None => Ok(()),
            },
            Told::Interim(at) => {
                if self.said_at.replace(at) != Some(at) {
                    let (done, all) = board.progress();
                    let _ = writeln!(self.err, "{done} of {all} checks done");
                }
                Ok(())
            }
        }
    }

    fn flush(&mut self, _: Instant) -> io::Result<Instant> {
        self.report.flush().map(|()| Instant::FAR)
    }

    fn beside<W: World>(&mut self, now: Instant, world: &mut W, network: &mut W::Network) -> Pause {
        self.planner.borrow_mut().serve(now, world, network)
    }

    fn conclude(&mut self, lanes: Vec<Lane<Board>>, end: End) -> io::Result<ExitStatus> {
        drop(lanes);
        let empty = Board::new(Vec::new(), &self.planner, end.at);
        let board = self.board.replace(empty);
        let why = match end.cannot_go_on {
            true => "the network cannot go on",
            false => "the run was ended",
        };
        let (checks, findings, methods) = board.into_all(end.at, why);
        let complete = end.stopped.is_none();
        let document = document(self.run, end, complete, checks, (findings, methods));
        let status = status(&document, self.as_plugin);
        let document = with_code(document, status);
        self.report.finish(&document, &verdict(&document, status))?;
        self.report.flush()?;
        Ok(status)
    }
}

/// The document of a run of checks.
pub(crate) fn document(
    run: &Run,
    end: End,
    complete: bool,
    checks: Vec<Check>,
    (findings, methods): (Vec<Finding>, Vec<Method>),
) -> ChecksDocument {
    let judgement = match CheckStatus::together(&checks) {
        Status::Critical => Judgement::Fails,
        Status::Unknown => Judgement::Unmeasured,
        Status::Ok | Status::Warning => Judgement::Holds,
    };
    let method = ending::weakest(methods.iter()).unwrap_or_else(|| run.method.clone());
    let status = code(&checks);
    let outcome = Outcome { judgement, status, findings, complete };
    let mut document = ending::document(run, end, outcome, method, Vec::new());
    // What is found on the way is told, but expectations decide.
    document.status = CheckStatus::together(&checks);
    ChecksDocument { document, checks }
}

/// How the process ends: what fails is worse than what could not be measured.
pub(crate) fn code(checks: &[Check]) -> ExitStatus {
    let has = |status| checks.iter().any(|check| check.status == status);
    match (has(CheckStatus::Fail), has(CheckStatus::Unknown)) {
        (true, _) => ExitStatus::FAILS,
        (false, true) => ExitStatus::UNMEASURED,
        (false, false) => ExitStatus::HOLDS,
    }
}

fn status(document: &ChecksDocument, as_plugin: bool) -> ExitStatus {
    match as_plugin {
        true => ExitStatus::Code(netdiag_report::checks::plugin_code(document.document.status)),
        false => code(&document.checks),
    }
}

fn with_code(mut document: ChecksDocument, status: ExitStatus) -> ChecksDocument {
    document.document.exit_code = status.code();
    document
}

/// What all come to, in a sentence.
fn verdict(document: &ChecksDocument, status: ExitStatus) -> String {
    let checks = &document.checks;
    let of = |status| checks.iter().filter(move |check| check.status == status);
    let passed = of(CheckStatus::Pass).count();
    let others = [CheckStatus::Fail, CheckStatus::Warn, CheckStatus::Unknown, CheckStatus::Skip];
    let mut parts = Vec::new();
    for (status, named) in others.into_iter().zip([true, true, true, false]) {
        let names: Vec<String> =
            of(status).take(4).map(|check| check.name.escaped().to_string()).collect();
        let count = of(status).count();
        if count == 0 {
            continue;
        }
        let more = if count > names.len() { ", ..." } else { "" };
        parts.push(match named {
            true => format!("{count} {} ({}{more})", status.name(), names.join(", ")),
            false => format!("{count} {}", status.name()),
        });
    }
    let seconds = document.document.elapsed_ms / 1e3;
    let parts = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
    format!("{passed} of {} pass{parts}; {seconds:.1} s; exit {}", checks.len(), status.code())
}
