//! From rows to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::ending::End;
use crate::commands::judged::Judged;
use netdiag_model::contract::{Document, EndedBy, Judgement, SCHEMA, Status, Timestamps};
use netdiag_model::finding::{Finding, Severity};
use netdiag_ping::metrics::TargetMetrics;
use netdiag_ping::sweep::result::Target;
use netdiag_ping::sweep::{Event, Measurement, Row, State};
use netdiag_report::sweep::{Ending, SweepReport};
use std::io;

/// How many findings about single targets are kept.
const FINDINGS_KEPT: usize = 10_000;

/// Judges each row as it comes, and passes it on.
pub(super) struct Collector<'a> {
    plan: &'a Plan,
    report: &'a mut dyn SweepReport,
    judged: Judged,
    findings: Vec<Finding>,
    /// Rows seen.
    rows: u32,
}

impl<'a> Collector<'a> {
    pub(super) fn new(plan: &'a Plan, report: &'a mut dyn SweepReport) -> Self {
        Self { plan, report, judged: Judged::default(), findings: Vec::new(), rows: 0 }
    }

    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Row(row) = event {
            self.rows += 1;
            let judgement = self.judge(row);
            self.judged.count(judgement);
        }
        self.report.event(&self.plan.setting, event)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.report.flush()
    }

    fn judge(&mut self, row: &Row) -> Judgement {
        let setting = &self.plan.setting;
        let Some(target) = setting.config.targets.get(row.target) else {
            return Judgement::Unmeasured;
        };
        let state = row.state(target);
        let mut failed = false;
        // Most sweeps ask nothing more than whether there was an answer.
        if (self.plan.fail_if.is_some() || setting.config.count > 1)
            && let Some((result, own)) = setting.result(row)
        {
            let fail_if = self.fail_if(row, &result, &own);
            failed = fail_if.is_some();
            let room = FINDINGS_KEPT.saturating_sub(self.findings.len());
            self.findings.extend(own.into_iter().chain(fail_if).take(room));
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

    fn fail_if(&self, row: &Row, result: &Target, findings: &[Finding]) -> Option<Finding> {
        let expression = self.plan.fail_if.as_ref()?;
        let evidence = expression.fails(&TargetMetrics { target: &result.target, findings })?;
        let subject = result.target.target.escaped().to_string();
        let message = format!("--fail-if holds for {subject}: {evidence}");
        let index = usize::try_from(row.target).ok();
        Some(
            Finding::new(index, "fail-if", Severity::Critical, subject, message)
                .with("expression", expression.to_string())
                .with("measured", evidence.to_string()),
        )
    }

    /// Has the end written, and says how the process ends.
    pub(super) fn conclude(
        mut self,
        measurement: &Measurement,
        end: End,
    ) -> io::Result<ExitStatus> {
        let all = self.plan.setting.config.targets.len();
        for _ in self.rows..all {
            self.judged.count(Judgement::Fails);
        }
        for _ in 0..self.plan.bad_lines.min(1) {
            self.judged.count(Judgement::Fails);
        }
        if end.cannot_go_on || self.plan.interrupted {
            self.judged = Judged::nothing();
        }
        let alive = measurement.totals().of(State::Alive);
        let together = self.judged.together();
        let judgement = match (self.plan.min_alive, together) {
            (_, Judgement::Unmeasured) | (None, _) => together,
            (Some(least), _) if alive >= least => Judgement::Holds,
            (Some(_), _) => Judgement::Fails,
        };
        let status = match judgement {
            Judgement::Holds => ExitStatus::HOLDS,
            Judgement::Fails => ExitStatus::FAILS,
            Judgement::Unmeasured => ExitStatus::UNMEASURED,
        };
        let mut findings = measurement.findings();
        findings.append(&mut self.findings);
        let document = self.document(measurement, end, findings, status, judgement);
        let ending = Ending { document: &document, totals: measurement.totals() };
        self.report.finish(&self.plan.setting, &ending)?;
        self.report.flush()?;
        Ok(status)
    }

    fn document(
        &self,
        measurement: &Measurement,
        end: End,
        findings: Vec<Finding>,
        status: ExitStatus,
        judgement: Judgement,
    ) -> Document<Target> {
        let run = &self.plan.setting.run;
        let mut method = run.method.clone();
        if measurement.totals().user_stamps > 0 {
            method.timestamps = Timestamps::User;
        }
        let ended_by = end.by(measurement.is_complete());
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
            targets: Vec::new(),
            findings,
            exit_code: status.code(),
        }
    }
}
