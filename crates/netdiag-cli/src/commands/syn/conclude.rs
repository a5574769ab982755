//! From what was measured to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::drive::Listener;
use crate::commands::ending::{self, End, Outcome};
use crate::commands::judged::Judged;
use crate::commands::verdict;
use netdiag_model::Instant;
use netdiag_model::contract::{Judgement, Timestamps};
use netdiag_model::finding::{Finding, Severity};
use netdiag_report::syn::{Ending, SynReport};
use netdiag_tcp::syn::metrics::TargetMetrics;
use netdiag_tcp::syn::{Event, Measurement, State};
use std::io::{self, Write};

/// How many findings about single addresses are kept: each takes more room than its address.
const FINDINGS_KEPT: usize = 1_000;

/// Passes on what happens, and judges it at the end.
pub(super) struct Collector<'a> {
    pub(super) plan: &'a Plan,
    pub(super) report: &'a mut dyn SynReport,
    pub(super) err: &'a mut dyn Write,
}

impl Listener<Measurement> for Collector<'_> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Interim(_, progress) = event {
            let _ = writeln!(
                self.err,
                "{} ports done, {} open, {} SYNs sent",
                progress.done, progress.open, progress.sent
            );
        }
        self.report.event(&self.plan.setting, event)
    }

    fn flush(&mut self, _: Instant) -> io::Result<Instant> {
        self.report.flush().map(|()| Instant::FAR)
    }

    fn conclude(&mut self, measurements: Vec<Measurement>, end: End) -> io::Result<ExitStatus> {
        let [measurement] = measurements.as_slice() else { return Ok(ExitStatus::UNMEASURED) };
        let run = &self.plan.setting.run;
        let mut findings = measurement.local_findings(&run.anchor);
        let (mut judged, own) = self.judge(measurement);
        findings.extend(own);
        if end.cannot_go_on || self.plan.interrupted {
            judged = Judged::nothing();
        }
        let (judgement, status) = (judged.together(), judged.status(false));
        let complete = measurement.is_complete();
        let outcome = Outcome { judgement, status, findings, complete };
        let mut method = run.method.clone();
        if measurement.totals().user_stamps > 0 {
            method.timestamps = Timestamps::User;
        }
        let document = ending::document(run, end, outcome, method, Vec::new());
        let ending = Ending { document: &document, measurement };
        self.report.finish(&self.plan.setting, &ending)?;
        self.report.flush()?;
        Ok(status)
    }
}

impl Collector<'_> {
    /// What all addresses come to, and what is to be said of them.
    fn judge(&self, measurement: &Measurement) -> (Judged, Vec<Finding>) {
        let (mut judged, mut findings) = (Judged::default(), Vec::new());
        let (mut omitted, mut worst) = (0_u64, Severity::Info);
        for number in 0..measurement.targets() {
            let own = measurement.findings(number);
            let (judgement, failed) = self.judge_one(measurement, number, own.as_slice());
            judged.count(judgement);
            for finding in own.into_iter().chain(failed) {
                if findings.len() < FINDINGS_KEPT {
                    findings.push(finding);
                } else {
                    omitted += 1;
                    worst = worst.max(finding.severity);
                }
            }
        }
        findings.extend(verdict::not_listed(omitted, worst));
        (judged, findings)
    }

    fn judge_one(
        &self,
        measurement: &Measurement,
        number: u32,
        own: &[Finding],
    ) -> (Judgement, Option<Finding>) {
        let setting = &self.plan.setting;
        let Some(target) = setting.config.target(number) else {
            return (Judgement::Unmeasured, None);
        };
        if target.destination().is_none() {
            let judgement = match self.plan.unmeasured.contains(&number) {
                true => Judgement::Unmeasured,
                false => Judgement::Fails,
            };
            return (judgement, None);
        }
        if measurement.is_unmeasured(number) {
            return (Judgement::Unmeasured, None);
        }
        let expression = self.plan.fail_if.as_ref();
        let result = expression.and_then(|_| measurement.result(number, setting.method(number)));
        let failed = result.and_then(|target| {
            let metrics = TargetMetrics { target: &target, findings: own };
            let index = usize::try_from(number).ok();
            verdict::fail_if(expression, &metrics, index, &target.target)
        });
        let is_open = measurement.of_target(number).any(|(_, port)| port.state() == State::Open);
        let judgement = match is_open && failed.is_none() {
            true => Judgement::Holds,
            false => Judgement::Fails,
        };
        (judgement, failed.map(|(finding, _)| finding))
    }
}
