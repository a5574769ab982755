//! From what was measured to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::commands::ending::End;
use crate::commands::hosts::{self, Found, HostPlan, Outline};
use crate::commands::judged::Judged;
use crate::commands::verdict;
use crate::{ExitStatus, World};
use netdiag_check::expr::Expr;
use netdiag_engine::Pause;
use netdiag_engine::failure::plain;
use netdiag_model::contract::Judgement;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{Instant, Untrusted, milliseconds};
use netdiag_report::Report;
use netdiag_report::connect::{Connect, Ended, Resolved};
use netdiag_report::number::thousands;
use netdiag_tcp::connect::findings;
use netdiag_tcp::connect::http::BODY_KEPT;
use netdiag_tcp::connect::metrics::{AttemptMetrics, TargetMetrics};
use netdiag_tcp::connect::result::Target;
use netdiag_tcp::connect::{Config, Measurement};
use std::io;
use std::time::Duration;

impl HostPlan for Plan {
    type Subject = Connect;
    type Measurement = Measurement;

    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn resolved(&self) -> &[Resolved] {
        &self.resolved
    }

    /// One for all targets: they share the room that there is for connections.
    fn measurements(&self) -> Vec<Measurement> {
        let config = Some(&self.config).filter(|config| !config.targets.is_empty());
        let config = config.map(|config| {
            let jury = self.each.jury();
            Config { names: self.away.names(), jury, ..config.clone() }
        });
        config.map(Measurement::new).into_iter().collect()
    }

    /// Without an interval the number of attempts at once bounds them: they need no other pace.
    fn spacing(&self) -> Option<Duration> {
        const LEAST: Duration = Duration::from_micros(5);
        self.config.interval.is_zero().then_some(LEAST)
    }

    fn beside<W: World>(&self, now: Instant, world: &mut W) -> Pause {
        self.away.beside(now, world)
    }

    fn conclude(
        &self,
        measurements: Vec<Measurement>,
        end: End,
        report: &mut dyn Report<Connect>,
    ) -> io::Result<ExitStatus> {
        let measurement = measurements.first();
        let all = measurement.map(|one| one.findings(&self.outline.run.anchor));
        let all = all.unwrap_or_default();
        let mut judged = Judged::default();
        let mut failed = Vec::new();
        let mut targets = Vec::new();
        let mut is_met = true;
        for resolved in &self.resolved {
            let mut target = self.target(resolved, measurement);
            let unmet = self.unmet(resolved, &target, &all);
            if let Some((finding, failure)) = unmet {
                target.failure.get_or_insert(failure);
                failed.push(finding);
                is_met = false;
            }
            judged.count(self.judge(resolved, &target, &all, &mut failed));
            targets.push(target);
        }
        let mut findings: Vec<Finding> = all.into_iter().map(|one| one.finding).collect();
        findings.extend(failed);
        let complete = measurements.iter().all(Measurement::is_complete);
        let found = Found { judged, findings, complete };
        let (document, status) =
            hosts::document(&self.outline, end, found, targets, |target| target.method.as_ref());
        let unplanned = self.resolved.len() - self.config.targets.len();
        let verdict = measurement.map(|one| match unplanned {
            0 => one.verdict(),
            1 => format!("{}; 1 more target has no address", one.verdict()),
            more => format!("{}; {more} more targets have no address", one.verdict()),
        });
        let verdict = verdict.map(|said| if is_met { said } else { said + "; not as expected" });
        let all = self.resolved.iter().zip(&document.targets);
        let ended: Vec<Ended<'_>> = all
            .map(|(resolved, target)| Ended { resolved, target, verdict: verdict.as_deref() })
            .collect();
        report.finish(&ended, &document)?;
        report.flush()?;
        Ok(status)
    }
}

impl Plan {
    /// The attempts that say something of each target, the last one first, where there are several.
    pub(crate) fn of_each(&self, measured: &[Measurement]) -> Vec<Vec<AttemptMetrics>> {
        let measurement = measured.first().filter(|_| self.config.count > 1);
        let of = |resolved: &Resolved| {
            let place = self.place(resolved)?;
            let all = measurement?.attempts(place).rev();
            Some(all.map(|one| AttemptMetrics::of(one, resolved.resolve)).collect())
        };
        self.resolved.iter().map(|resolved| of(resolved).unwrap_or_default()).collect()
    }

    /// The place of a target among those that are measured.
    fn place(&self, resolved: &Resolved) -> Option<usize> {
        let index = resolved.target_index;
        self.config.targets.binary_search_by_key(&index, |target| target.index).ok()
    }

    /// What was found of a target.
    fn target(&self, resolved: &Resolved, measurement: Option<&Measurement>) -> Target {
        match self.place(resolved).zip(measurement) {
            Some((place, measurement)) => {
                let method = resolved.method.as_ref();
                let context = self.outline.context(&resolved.target, method, false);
                measurement.result(place, &context, resolved.resolve)
            }
            None => Target::unmeasured(
                resolved.target.clone(),
                resolved.port,
                resolved.resolve.map(milliseconds),
                resolved.failure.clone(),
            ),
        }
    }

    /// The first that was expected of a target and does not hold.
    fn unmet(
        &self,
        resolved: &Resolved,
        target: &Target,
        all: &[findings::Found],
    ) -> Option<(Finding, Failure)> {
        let index = resolved.target_index;
        target.method.as_ref()?;
        let metrics = TargetMetrics { target, findings: &own(all, index) };
        let mut clauses = self.expect.iter().enumerate();
        let (clause, measured, tally) = clauses.find_map(|(place, clause)| {
            let tally = self.each.tally(index, place);
            let said = tally.said(clause.holds(&metrics).err());
            let measured = match (said, cut_body(clause, target)) {
                (Some(said), Some(cut)) => format!("{said}; {cut}"),
                // That something is not in a body is not known of a part of it.
                (None, Some(cut)) if is_about(clause, &["body !"]) => cut,
                (said, _) => said?,
            };
            Some((clause, measured, tally))
        })?;
        let finding = verdict::unmet(clause, &measured, index, &resolved.target);
        let finding = finding.with("attempts_failed", tally.failed).with("attempts", tally.n);
        let failure = plain(Stage::Expect, "mismatch", &finding.message);
        Some((finding, failure))
    }

    /// What a target comes to.
    fn judge(
        &self,
        resolved: &Resolved,
        target: &Target,
        all: &[findings::Found],
        failed: &mut Vec<Finding>,
    ) -> Judgement {
        let index = resolved.target_index;
        if target.method.is_none() {
            return self.outline.judge_unmeasured(index);
        }
        let metrics = TargetMetrics { target, findings: &own(all, index) };
        let expression = self.outline.fail_if.as_ref();
        let tally = self.each.tally(index, self.expect.len());
        let evidence = expression.and_then(|expression| expression.fails(&metrics));
        let is_open = |cut: &Expr| is_about(cut, &["body ~", "body ="]);
        let cut = expression.filter(|one| is_open(one)).and_then(|one| cut_body(one, target));
        let measured = tally.said(evidence).or(cut);
        let holds = expression.zip(measured).map(|(expression, measured)| {
            verdict::failed(expression, &measured, Some(index), &resolved.target)
        });
        let judgement = match holds {
            _ if target.attempts == target.local_errors + target.unknown => Judgement::Unmeasured,
            None if self.is_as_expected(target) => Judgement::Holds,
            _ => Judgement::Fails,
        };
        failed.extend(holds);
        let clauses = self.expect.iter().chain(expression);
        let cut = clauses.filter_map(|clause| cut_body(clause, target)).next();
        failed.extend(cut.map(|cut| body_cut(cut, index, &resolved.target)));
        judgement
    }

    /// Whether connections opened, and nothing that was expected does not hold.
    fn is_as_expected(&self, target: &Target) -> bool {
        let is_met = self.expect.is_empty() || target.failure.is_none();
        target.succeeded > 0 && target.unexpected == 0 && is_met
    }
}

/// That an expression is about a body that was not looked at to its end.
fn cut_body(clause: &Expr, target: &Target) -> Option<String> {
    let bytes = target.http.as_ref()?.body_bytes;
    let is_cut = bytes > BODY_KEPT as u64 && clause.metrics().contains(&"body");
    is_cut.then(|| {
        format!("of its body of {} bytes the first 64 KiB are looked at", thousands(bytes))
    })
}

/// Whether a body is compared in one of these ways.
fn is_about(clause: &Expr, ways: &[&str]) -> bool {
    let text = clause.to_string();
    ways.iter().any(|way| text.contains(way))
}

fn body_cut(message: String, index: usize, target: &Untrusted) -> Finding {
    let subject = target.host().escaped().to_string();
    Finding::new(Some(index), "body-cut", Severity::Warning, subject, message)
        .advise("what comes behind them, or does not, is not known")
}

/// The findings about a target.
fn own(all: &[findings::Found], index: usize) -> Vec<Finding> {
    let own = all.iter().filter(|one| one.targets.binary_search(&index).is_ok());
    own.map(|one| one.finding.clone()).collect()
}
