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
    Some((failed(expression, &evidence.to_string(), target_index, target), evidence))
}

/// The same of what was measured.
pub(crate) fn failed(
    expression: &Expr,
    measured: &str,
    target_index: Option<usize>,
    target: &Untrusted,
) -> Finding {
    let subject = target.host().escaped().to_string();
    let message = format!("--fail-if holds for {subject}: {measured}");
    Finding::new(target_index, FAIL_IF, Severity::Critical, subject, message)
        .with("expression", expression.to_string())
        .with("measured", measured)
}

/// The finding that something expected of a target does not hold.
pub(crate) fn unmet(clause: &Expr, measured: &str, index: usize, target: &Untrusted) -> Finding {
    let subject = target.host().escaped().to_string();
    let message = format!("{subject} is not as expected: {measured}");
    Finding::new(Some(index), "expectation-failed", Severity::Critical, subject, message)
        .with("expression", clause.to_string())
        .with("measured", measured)
}

/// That there are more findings about single targets than are listed: so many, and the worst of them.
pub(crate) fn not_listed(count: u64, worst: Severity) -> Option<Finding> {
    let message = format!(
        "{count} more findings about single targets are not listed; what they are about stands in \
         the figures of those targets"
    );
    let subject = "all targets".to_owned();
    let finding = Finding::new(None, "findings-omitted", worst, subject, message);
    (count > 0).then(|| finding.with("count", count))
}

/// A metric that was asked for, over a sample.
pub(crate) struct Sampled {
    /// Its name.
    pub(crate) metric: &'static str,
    /// How large the sample is, and what it is made of.
    pub(crate) n: u64,
    pub(crate) of: &'static str,
    /// Below this it says little.
    pub(crate) needed: u64,
    /// The option that makes it larger.
    pub(crate) option: &'static str,
}

impl Sampled {
    /// The finding that the sample is too small; `None` where it is not.
    pub(crate) fn too_small(&self, index: usize, target: &Untrusted) -> Option<Finding> {
        let Self { metric, n, of, needed, option } = *self;
        if n >= needed {
            return None;
        }
        let subject = target.host().escaped().to_string();
        let message =
            format!("{metric} was asked for over {n} {of}; it says little below {needed}");
        let code = "sample-too-small";
        Some(
            Finding::new(Some(index), code, Severity::Info, subject, message)
                .with("metric", metric)
                .with("n", n)
                .with("needed", needed)
                .advise(format!("`{option} {needed}` or more")),
        )
    }
}
