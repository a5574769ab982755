//! What is told of a run in mtr's words, and the codes that it ends with.

use super::FAILURE;
use crate::ExitStatus;
use crate::commands::drive::Listener;
use crate::commands::ending::End;
use netdiag_engine::port::{SendError, StopCause};
use netdiag_model::{ClockAnchor, Instant, Untrusted, errno};
use netdiag_report::trace::mtr::{ClassicReport, ClassicScreen, ClassicTarget};
use netdiag_trace::mtr::{Event, Measurement};
use std::io::{self, Write};

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const SIGINT: i32 = 2;

/// Where it is shown.
pub(super) enum Shown<W> {
    Report(ClassicReport<W>),
    Screen(ClassicScreen<W>),
}

/// mtr's output of one host, and the codes that it ends with.
pub(super) struct Reporting<'a, W: Write> {
    pub(super) program: &'a Untrusted,
    pub(super) name: &'a Untrusted,
    pub(super) anchor: ClockAnchor,
    pub(super) started_at: String,
    pub(super) shown: Shown<W>,
    /// What this machine refuses to send.
    pub(super) refused: Option<SendError>,
    pub(super) err: &'a mut dyn Write,
}

impl<W: Write> Listener<Measurement> for Reporting<'_, W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match (event, &mut self.shown) {
            (Event::Sent { place, number }, Shown::Report(report)) => report.sent(*place, *number),
            (Event::Answered(answered), Shown::Report(report)) => report.answered(answered),
            (Event::Rows(rows), Shown::Screen(screen)) => {
                screen.rows(rows);
                Ok(())
            }
            (Event::Console(console), Shown::Screen(screen)) => {
                screen.console(*console);
                Ok(())
            }
            (Event::Refused(error), _) => {
                self.refused = Some(*error);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self, now: Instant) -> io::Result<Instant> {
        match &mut self.shown {
            Shown::Report(report) => report.flush()?,
            Shown::Screen(screen) => screen.flush(&self.anchor.rfc3339(now))?,
        }
        Ok(Instant::FAR)
    }

    fn conclude(&mut self, measurements: Vec<Measurement>, end: End) -> io::Result<ExitStatus> {
        let is_screen = matches!(self.shown, Shown::Screen(_));
        match (&mut self.shown, end.stopped) {
            (Shown::Screen(screen), _) => screen.finish()?,
            (Shown::Report(report), Some(_)) => report.flush()?,
            (Shown::Report(report), None) => {
                let target = ClassicTarget {
                    name: self.name.clone(),
                    started_at: self.started_at.clone(),
                    ended_at: self.anchor.unix_nanos_at(end.at).div_euclid(1_000_000_000),
                };
                let rows = measurements.first().map(Measurement::rows).unwrap_or_default();
                report.finish(&target, &rows)?;
            }
        }
        match end.stopped {
            // It is a key to a screen.
            Some(StopCause::Interrupt) if is_screen => return Ok(ExitStatus::HOLDS),
            Some(StopCause::Interrupt) => return Ok(ExitStatus::Signal(SIGINT)),
            Some(StopCause::Signal(signal)) => return Ok(ExitStatus::Signal(signal)),
            None => {}
        }
        let Some(error) = self.refused else {
            return Ok(ExitStatus::Code(if end.cannot_go_on { FAILURE } else { 0 }));
        };
        let why = match error.errno {
            EPERM | EACCES => errno::text(EACCES).to_owned(),
            _ => "mtr-packet reported invalid argument".to_owned(),
        };
        // A closed standard error cannot be told about; the exit code still says it.
        let _ = writeln!(self.err, "{}: {why}", self.program.escaped());
        Ok(ExitStatus::Code(FAILURE))
    }
}
