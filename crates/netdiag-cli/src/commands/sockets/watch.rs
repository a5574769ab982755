//! `--watch`: looks one after the other, until a count or a signal.

use super::changes::Looks;
use super::check::Checked;
use super::header::{described, method, watched};
use super::run::no_counters;
use super::{NAME, ending};
use crate::args::SocketsArguments;
use crate::args::form::Output;
use crate::commands::ending::{End, Measured, Outcome};
use crate::{ExitStatus, World};
use netdiag_engine::port::StopCause;
use netdiag_model::Instant;
use netdiag_model::contract::Judgement;
use netdiag_report::Run;
use netdiag_report::sockets::{WatchLines, WatchSheet, WatchText};
use netdiag_sockets::look::LookError;
use netdiag_sockets::port::{Kernel, Stop};
use std::io::Write;
use std::time::Duration;

/// Watches every `interval`.
pub(super) fn watch<W: World>(
    arguments: &SocketsArguments,
    checked: &Checked,
    interval: Duration,
    world: &mut W,
    tables: &mut Box<dyn Kernel>,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> Result<Measured, LookError> {
    let anchor = world.anchor();
    let started_at = tables.now();
    if let Some(fault) = no_counters(arguments, &checked.plan, None, tables.as_mut()) {
        return Err(fault);
    }
    tables.watch().map_err(LookError::Kernel)?;
    let namespaces = tables.namespaces();
    let mut looks = Looks::new(checked, arguments.summary.is_some(), &namespaces);
    // What is there when the first line is written has been seen.
    looks.first(tables.as_mut())?;
    let run = Run {
        command: NAME,
        version: env!("CARGO_PKG_VERSION"),
        anchor,
        started_at,
        method: method(looks.before.as_ref(), &namespaces),
        arguments: described(arguments, &checked.plan),
        target_count: 0,
    };
    let header = watched(arguments, &checked.plan, looks.before.as_ref(), &namespaces, interval);
    let style = arguments.form.color.style(world.terminal());
    let sheet: std::io::Result<Box<dyn WatchSheet + '_>> = match arguments.form.output() {
        Output::Jsonl => WatchLines::new(out, &run).map(|sheet| Box::new(sheet) as Box<_>),
        _ => WatchText::new(out, &run, &header, style).map(|sheet| Box::new(sheet) as Box<_>),
    };
    let mut sheet = sheet.map_err(LookError::Write)?;
    let mut grid = Grid { started_at, interval, place: 0 };
    let mut done: u64 = 0;
    let stopped = loop {
        // Samples begin at once; changes need a time in which they can happen.
        if done > 0 || arguments.summary.is_none() {
            let next = grid.next(tables.now());
            if let Some(stop) = until(next, tables.as_mut(), &looks, started_at, err) {
                break Some(stop);
            }
        }
        looks.look(tables.as_mut(), sheet.as_mut())?;
        done += 1;
        if arguments.count.is_some_and(|count| done >= count) {
            break None;
        }
    };
    let at = tables.now();
    let (status, cause) = match stopped {
        None | Some(Stop::Interim) => (ExitStatus::HOLDS, None),
        Some(Stop::Interrupt) => (ExitStatus::HOLDS, Some(StopCause::Interrupt)),
        Some(Stop::Signal(signal)) => (ExitStatus::Signal(signal), Some(StopCause::Signal(signal))),
    };
    let end = End { at, stopped: cause, cannot_go_on: false };
    // However long it was to go on: what a signal ended has not seen its own end.
    let complete = stopped.is_none();
    let outcome = Outcome {
        judgement: Judgement::Holds,
        status: ExitStatus::HOLDS,
        findings: Vec::new(),
        complete,
    };
    let document = ending::document(&run, end, outcome, run.method.clone(), Vec::new());
    let said = looks.said(at.since(started_at));
    sheet.finish(&document, &said).map_err(LookError::Write)?;
    Ok(Measured { status, last_words: None })
}

/// Lets time pass until a look is due, telling how far it is to whoever asks.
fn until(
    next: Instant,
    tables: &mut dyn Kernel,
    looks: &Looks<'_>,
    started_at: Instant,
    err: &mut dyn Write,
) -> Option<Stop> {
    loop {
        let now = tables.now();
        match tables.pause(next.since(now)) {
            Some(Stop::Interim) => {
                // A closed standard error cannot be told about.
                let _ = writeln!(err, "{}", looks.said(tables.now().since(started_at)));
            }
            other => return other,
        }
    }
}

/// When looks are due: a look that takes long makes the next no later, and what was missed meanwhile is
/// not made up for.
struct Grid {
    started_at: Instant,
    interval: Duration,
    /// Of the last look.
    place: u64,
}

impl Grid {
    fn next(&mut self, now: Instant) -> Instant {
        let passed = now.since(self.started_at).as_nanos() / self.interval.as_nanos().max(1);
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.place = self.place.max(passed).saturating_add(1);
        let place = u32::try_from(self.place).unwrap_or(u32::MAX);
        self.started_at + self.interval.saturating_mul(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_on_a_grid_and_none_is_made_up_for() {
        let at = |ms: u64| Instant::from_nanos(1_000_000_000 + ms * 1_000_000);
        let mut grid = Grid { started_at: at(0), interval: Duration::from_millis(200), place: 0 };
        for (now, next) in
            [(1, 200), (201, 400), (399, 600), (600, 800), (3_700, 3_800), (3_801, 4_000)]
        {
            assert_eq!(grid.next(at(now)), at(next), "{now}");
        }
    }
}
