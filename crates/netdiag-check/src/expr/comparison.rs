//! One comparison: a metric and what is asked of its value.

use std::fmt;

use netdiag_model::metrics::{MetricValue, Metrics, Unit};
use regex_lite::Regex;

use super::Verdict;
use super::operator::{Relation, Sense};
use super::quantity::{self, number};
use super::quote::word_or_quoted;

/// A metric and what is asked of it. The test fits the metric's unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    pub(super) metric: String,
    pub(super) unit: Unit,
    pub(super) test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// A number in the metric's own unit.
    Number(Relation, f64),
    Text(Sense, String),
    Pattern(Sense, Pattern),
    Flag(bool),
}

/// A regular expression; equal when its source is.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) source: String,
    pub(super) regex: Regex,
}

impl Comparison {
    pub(super) fn evaluate(&self, metrics: &dyn Metrics) -> Verdict {
        match self.judge(metrics).0 {
            Some(true) => Verdict::True,
            Some(false) => Verdict::False,
            None => Verdict::NoValue { metric: self.metric.clone() },
        }
    }

    /// Whether the test is met, and the value it was made on; `None` for both without a value.
    pub(super) fn judge(&self, metrics: &dyn Metrics) -> (Option<bool>, Option<MetricValue>) {
        let value = metrics.metric(&self.metric);
        let met = value.as_ref().and_then(|value| self.test.met(value));
        (met, met.and(value))
    }

    pub(super) fn negated(mut self) -> Self {
        self.test = match self.test {
            Test::Number(relation, limit) => Test::Number(relation.negated(), limit),
            Test::Text(sense, text) => Test::Text(sense.negated(), text),
            Test::Pattern(sense, pattern) => Test::Pattern(sense.negated(), pattern),
            Test::Flag(flag) => Test::Flag(!flag),
        };
        self
    }
}

impl Test {
    /// `None` when the value is of another kind or not finite, which is as good as none.
    fn met(&self, value: &MetricValue) -> Option<bool> {
        match (self, value) {
            (Self::Number(relation, limit), MetricValue::Number(value)) => {
                value.is_finite().then(|| relation.is_between(*value, *limit))
            }
            (Self::Text(sense, text), MetricValue::Text(value)) => Some(sense.of(value == text)),
            (Self::Pattern(sense, pattern), MetricValue::Text(value)) => {
                Some(sense.of(pattern.regex.is_match(value)))
            }
            (Self::Flag(flag), MetricValue::Bool(value)) => Some(value == flag),
            _ => None,
        }
    }

    pub(super) const fn operator(&self) -> &'static str {
        match self {
            Self::Number(relation, _) => relation.symbol(),
            Self::Text(Sense::Wanted, _) | Self::Flag(_) => "=",
            Self::Text(Sense::Unwanted, _) => "!=",
            Self::Pattern(Sense::Wanted, _) => "~",
            Self::Pattern(Sense::Unwanted, _) => "!~",
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.metric, self.test.operator())?;
        match &self.test {
            Test::Number(_, limit) => {
                write!(f, "{}{}", number(*limit), quantity::suffix(self.unit))
            }
            Test::Text(_, text) => f.write_str(&word_or_quoted(text)),
            Test::Pattern(_, pattern) => f.write_str(&word_or_quoted(&pattern.source)),
            Test::Flag(flag) => flag.fmt(f),
        }
    }
}
