//! From rows to documents, verdicts and the exit status.

use super::classic;
use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::drive::Listener;
use crate::commands::ending::{self, End, Outcome};
use crate::commands::judged::Judged;
use crate::commands::verdict;
use netdiag_model::Instant;
use netdiag_model::contract::{Document, Judgement, Timestamps};
use netdiag_model::finding::{Finding, Severity};
use netdiag_ping::metrics::TargetMetrics;
use netdiag_ping::sweep::result::Target;
use netdiag_ping::sweep::{Event, Found, Measurement, Row, State};
use netdiag_report::sweep::{Ending, Progress, SweepReport};
use std::io;
use std::time::Duration;

/// How many findings about single targets are kept: each takes more room than its target.
const FINDINGS_KEPT: usize = 1_000;

/// Judges each row as it comes, and passes it on.
pub(super) struct Collector<'a, 'e> {
    plan: &'a Plan,
    report: &'a mut dyn SweepReport,
    progress: Progress<'e>,
    judged: Judged,
    findings: Vec<Finding>,
    /// How many were not kept, and the worst of them.
    omitted: (u64, Severity),
    /// Targets for which `--fail-if` holds.
    condemned: u32,
    /// That probes were skipped was told: of one stop every target says the same.
    told_skipped: bool,
    /// What is said of every probe of the run is said once.
    is_weak_told: bool,
}

impl<'a, 'e> Collector<'a, 'e> {
    pub(super) fn new(
        plan: &'a Plan,
        report: &'a mut dyn SweepReport,
        progress: Progress<'e>,
    ) -> Self {
        Self {
            plan,
            report,
            progress,
            judged: Judged::default(),
            findings: Vec::new(),
            omitted: (0, Severity::Info),
            condemned: 0,
            told_skipped: false,
            is_weak_told: false,
        }
    }

    fn judge(&mut self, row: &Row) -> Judgement {
        let setting = &self.plan.setting;
        let Some(target) = setting.config.targets.get(row.target) else {
            return Judgement::Unmeasured;
        };
        let state = row.state(target);
        self.progress.count(state);
        if state == State::Unsettled && matches!(row.found, Found::Nothing) {
            return Judgement::Fails;
        }
        let mut failed = false;
        // Most sweeps ask nothing more than whether there was an answer.
        if (self.plan.fail_if.is_some() || setting.config.count > 1)
            && let Some((result, own)) = setting.result(row)
        {
            let fail_if = self.fail_if(row, &result, &own);
            failed = fail_if.is_some();
            self.condemned += u32::from(failed);
            self.keep(own.into_iter().chain(fail_if));
        }
        match state {
            State::Alive if failed => Judgement::Fails,
            State::Alive => Judgement::Holds,
            State::NotSent | State::Unknown => Judgement::Unmeasured,
            State::Unresolved if self.plan.unmeasured.contains(&row.target) => {
                Judgement::Unmeasured
            }
            State::Unresolved
            | State::Unreachable
            | State::Refused
            | State::Timeout
            | State::Unsettled => Judgement::Fails,
        }
    }

    /// Keeps the findings over a target, but not those that are told over all of them.
    fn keep(&mut self, own: impl Iterator<Item = Finding>) {
        for finding in own {
            let is_weak = finding.code == "weak-matching";
            let is_skipped = finding.code == "local-probes-skipped";
            let is_told = is_weak && std::mem::replace(&mut self.is_weak_told, true)
                || is_skipped && std::mem::replace(&mut self.told_skipped, true);
            let is_local = matches!(finding.code.as_str(), "local-send-blocked" | "local-firewall");
            if is_told || is_local {
                continue;
            }
            if self.findings.len() == FINDINGS_KEPT {
                // What one sender says of so many is told over all of them.
                let is_one = finding.code != "unreachable";
                let (omitted, worst) = &mut self.omitted;
                *omitted += u64::from(is_one);
                *worst = finding.severity.max(*worst);
            } else {
                let target_index = finding.target_index.filter(|_| !is_weak);
                self.findings.push(Finding { target_index, ..finding });
            }
        }
    }

    fn fail_if(&self, row: &Row, result: &Target, findings: &[Finding]) -> Option<Finding> {
        let metrics = TargetMetrics { target: &result.target, findings };
        let (index, named) = (usize::try_from(row.target).ok(), &result.target.target);
        let failed = verdict::fail_if(self.plan.fail_if.as_ref(), &metrics, index, named);
        failed.map(|(finding, _)| finding)
    }

    /// fping's codes: 1 for targets that do not answer, 2 for names without an address, 4 for what
    /// the system refuses. Enough targets make up for both of the first.
    fn status_of_fping(&self, measurement: &Measurement, judgement: Judgement) -> ExitStatus {
        let unresolved = measurement.totals().of(State::Unresolved) > 0;
        match judgement {
            Judgement::Holds => ExitStatus::HOLDS,
            Judgement::Fails | Judgement::Unmeasured
                if unresolved && self.plan.min_alive.is_none() =>
            {
                ExitStatus::Code(classic::UNKNOWN)
            }
            Judgement::Fails => ExitStatus::Code(classic::UNREACHABLE),
            Judgement::Unmeasured => ExitStatus::Code(classic::SYSTEM),
        }
    }

    /// The document, without its targets.
    fn document(&self, measurement: &Measurement, end: End, outcome: Outcome) -> Document<Target> {
        let run = &self.plan.setting.run;
        let mut method = run.method.clone();
        if measurement.totals().user_stamps > 0 {
            method.timestamps = Timestamps::User;
        }
        ending::document(run, end, outcome, method, Vec::new())
    }
}

impl Listener<Measurement> for Collector<'_, '_> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.progress.give_way();
        match event {
            Event::Row(row) => {
                let judgement = self.judge(row);
                self.judged.count(judgement);
            }
            Event::Interim(_, progress) => self.progress.say(progress),
            _ => {}
        }
        self.report.event(&self.plan.setting, event)
    }

    /// Shows how far the run has come, too.
    fn flush(&mut self, now: Instant) -> io::Result<Instant> {
        self.report.flush()?;
        Ok(self.progress.draw(now))
    }

    fn conclude(&mut self, measurements: Vec<Measurement>, end: End) -> io::Result<ExitStatus> {
        let [measurement] = measurements.as_slice() else { return Ok(ExitStatus::UNMEASURED) };
        for row in measurement.unbegun(end.at) {
            self.event(&Event::Row(row))?;
        }
        if end.cannot_go_on || self.plan.interrupted {
            self.judged = Judged::nothing();
        }
        let alive = measurement.totals().of(State::Alive);
        let has_all = self.plan.bad_lines == 0 && self.plan.unread.is_none();
        let together = match self.judged.together() {
            Judgement::Holds if !has_all => Judgement::Fails,
            together => together,
        };
        let judgement = match (self.plan.min_alive, together) {
            (_, Judgement::Unmeasured) | (None, _) => together,
            (Some(least), _) if alive >= least && self.condemned == 0 => Judgement::Holds,
            (Some(_), _) => Judgement::Fails,
        };
        let status = match judgement {
            _ if self.plan.classic_exit => self.status_of_fping(measurement, judgement),
            Judgement::Holds => ExitStatus::HOLDS,
            Judgement::Fails => ExitStatus::FAILS,
            Judgement::Unmeasured => ExitStatus::UNMEASURED,
        };
        let mut findings = measurement.findings(&self.plan.setting.run.anchor);
        let own = self.findings.drain(..);
        findings.extend(own.filter(|finding| !measurement.explains(finding)));
        findings.extend(verdict::not_listed(self.omitted.0, self.omitted.1));
        findings.extend(bad_lines(self.plan.bad_lines));
        findings.extend(self.plan.unread.map(unread));
        findings.extend(self.plan.min_alive.and_then(|least| too_few(alive, least)));
        let complete = measurement.is_complete() && self.plan.unread.is_none();
        let outcome = Outcome { judgement, status, findings, complete };
        let document = self.document(measurement, end, outcome);
        let (totals, omitted) = (measurement.totals(), self.omitted.0);
        let ending = Ending { document: &document, totals, omitted };
        self.progress.clear();
        self.report.finish(&self.plan.setting, &ending)?;
        self.report.flush()?;
        Ok(status)
    }
}

/// That `--min-alive` was missed.
fn too_few(alive: u32, least: u32) -> Option<Finding> {
    if alive >= least {
        return None;
    }
    let answer =
        if alive == 1 { "1 target answers".to_owned() } else { format!("{alive} targets answer") };
    let message = format!("{answer}, fewer than --min-alive {least}");
    let finding =
        Finding::new(None, "min-alive", Severity::Critical, "all targets".to_owned(), message);
    Some(finding.with("alive", alive).with("threshold", least))
}

/// That the file had no end in the time that there was for it.
fn unread(within: Duration) -> Finding {
    let seconds = (within.as_secs_f64() * 1e3).round() / 1e3;
    let message = format!(
        "the file had not ended after {seconds} s, half of what was left of --deadline: targets \
         that come later are not probed"
    );
    let finding =
        Finding::new(None, "targets-unread", Severity::Warning, "--file".to_owned(), message);
    let finding = finding.with("within_ms", within.as_secs_f64() * 1e3);
    finding.advise("end what writes the targets first, or give --deadline more time")
}

/// That lines of the file were no targets.
fn bad_lines(count: u64) -> Option<Finding> {
    let lines = if count == 1 { "1 line is no target" } else { "lines are no targets" };
    let message = match count {
        1 => format!("{lines}, and was left out"),
        _ => format!("{count} {lines}, and were left out"),
    };
    let finding = Finding::new(None, "bad-lines", Severity::Warning, "--file".to_owned(), message);
    let finding = finding.with("count", count);
    (count > 0).then(|| finding.advise("standard error names them with their numbers"))
}
