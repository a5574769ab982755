//! `--fail-if`: the verdict that a user asked for.

use netdiag_check::expr::{Evidence, Expr};
use netdiag_model::Untrusted;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::Metrics;

/// The finding that `--fail-if` holds, which fails the target.
pub(crate) const FAIL_IF: &str = "fail-if";

/// The finding over a target where the expression holds, and what it was measured by.
pub(crate) fn fail_if(
    expression: Option<&Expr>,
    metrics: &dyn Metrics,
    target_index: Option<usize>,
    target: &Untrusted,
) -> Option<(Finding, Evidence)> {
    let expression = expression?;
    let evidence = expression.fails(metrics)?;
    let subject = target.host().escaped().to_string();
    let message = format!("--fail-if holds for {subject}: {evidence}");
    let finding = Finding::new(target_index, FAIL_IF, Severity::Critical, subject, message)
        .with("expression", expression.to_string())
        .with("measured", evidence.to_string());
    Some((finding, evidence))
}
