//! Why an expression fails or does not hold: the clauses that decided and what was measured.

use std::fmt;

use netdiag_model::metrics::{MetricValue, Unit};

use super::comparison::{Comparison, Test};
use super::quantity::{number, rounded};
use super::quote::{shown, shown_untrusted};

/// The clauses that decided, with the values that were measured; at least one.
///
/// The `Display` text is one line, and text from the network is escaped in it:
/// `loss = 10 % > 5 %` for a fail condition, `status = 404, expected 200` for an expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    asked: Asked,
    reasons: Vec<Reason>,
}

/// One clause and what was measured for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    clause: Comparison,
    measured: Option<MetricValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The clauses are met, or open.
    Failure,
    /// The clauses should have been met, each of them being an alternative.
    Expectation,
}

impl Evidence {
    pub(super) const fn of_failure(reasons: Vec<Reason>) -> Self {
        Self { asked: Asked::Failure, reasons }
    }

    pub(super) const fn of_disappointment(reasons: Vec<Reason>) -> Self {
        Self { asked: Asked::Expectation, reasons }
    }

    /// The clauses, in the order in which they were written.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

impl Reason {
    pub(super) fn new(clause: &Comparison, measured: Option<MetricValue>) -> Self {
        Self { clause: clause.clone(), measured }
    }

    /// The metric that was compared.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.clause.metric
    }

    /// The comparison in canonical text, any `not` carried into it.
    #[must_use]
    pub fn clause(&self) -> String {
        self.clause.to_string()
    }

    /// The measured value in the metric's own unit; `None` when it has none.
    #[must_use]
    pub const fn measured(&self) -> Option<&MetricValue> {
        self.measured.as_ref()
    }

    /// `loss = 10 %`, or `p95 has no value`.
    fn observation(&self) -> String {
        let metric = &self.clause.metric;
        match (&self.measured, &self.clause.test) {
            (Some(MetricValue::Number(value)), Test::Number(_, limit)) => {
                format!("{metric} = {}{}", rounded(*value, *limit), self.unit())
            }
            (Some(MetricValue::Number(value)), _) => format!("{metric} = {}", number(*value)),
            (Some(MetricValue::Text(text)), _) => format!("{metric} = {}", shown_untrusted(text)),
            (Some(MetricValue::Bool(flag)), _) => format!("{metric} = {flag}"),
            (None, _) => format!("{metric} has no value"),
        }
    }

    /// `> 5 %`; what equality asks for goes without its sign.
    fn demand(&self) -> String {
        let value = match &self.clause.test {
            Test::Number(_, limit) => format!("{}{}", number(*limit), self.unit()),
            Test::Text(_, text) => shown(text),
            Test::Pattern(_, pattern) => shown(&pattern.source),
            Test::Flag(flag) => flag.to_string(),
        };
        match self.clause.test.operator() {
            "=" => value,
            operator => format!("{operator} {value}"),
        }
    }

    /// ` %`, ` ms`, or nothing.
    fn unit(&self) -> String {
        match self.clause.unit {
            Unit::None | Unit::Count => String::new(),
            unit => format!(" {}", unit.symbol()),
        }
    }

    /// The clause as met or open: `loss = 10 % > 5 %`.
    fn as_failure(&self) -> String {
        let observation = self.observation();
        if self.measured.is_none() || self.clause.test.operator() == "=" {
            return observation;
        }
        format!("{observation} {}", self.demand())
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asked {
            Asked::Failure => {
                let mut lines: Vec<String> = Vec::new();
                for line in self.reasons.iter().map(Reason::as_failure) {
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
                f.write_str(&lines.join("; "))
            }
            Asked::Expectation => {
                let mut before = None;
                for reason in &self.reasons {
                    let observation = reason.observation();
                    match before.replace(observation.clone()) {
                        Some(before) if before == observation => f.write_str(" or ")?,
                        Some(_) => write!(f, "; {observation}, expected ")?,
                        None => write!(f, "{observation}, expected ")?,
                    }
                    f.write_str(&reason.demand())?;
                }
                Ok(())
            }
        }
    }
}
