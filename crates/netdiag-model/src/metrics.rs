//! Metrics: the values of a result that an expression can name.
//!
//! A command has a fixed list of [`MetricInfo`], which is what it knows, and its results implement
//! [`Metrics`], which is what was measured. A metric that was not measured has no value: it is
//! `None`, never 0 or NaN.

use crate::finding::{Finding, Severity};

/// What an expression can name.
pub trait Metrics {
    /// The value of a metric; `None` when it has none (no reply, so no p95).
    ///
    /// `name` is a [`MetricInfo::name`], never an alias. For a prefix metric it is the prefix and
    /// what was asked for, in lower case: `header:content-type`.
    fn metric(&self, name: &str) -> Option<MetricValue>;
}

/// One measured value.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// A number in the metric's own unit.
    Number(f64),
    /// Text, possibly from the network and therefore to be escaped before it is shown.
    Text(String),
    /// Yes or no.
    Bool(bool),
}

/// One metric that a command knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// The name in lower case. One that ends in `:` is a prefix: `header:` stands for
    /// `header:NAME` with any name.
    pub name: &'static str,
    /// Other names for the same value, in lower case.
    pub aliases: &'static [&'static str],
    /// What the value is counted in.
    pub unit: Unit,
    /// One sentence for the list of metrics.
    pub description: &'static str,
}

impl MetricInfo {
    /// A metric and what is said of it.
    #[must_use]
    pub const fn new(
        name: &'static str,
        aliases: &'static [&'static str],
        unit: Unit,
        description: &'static str,
    ) -> Self {
        Self { name, aliases, unit, description }
    }

    /// How many findings of a severity there are, which every command knows.
    #[must_use]
    pub const fn of_findings(severity: Severity) -> Self {
        let (name, description) = match severity {
            Severity::Info => ("findings.info", "findings that explain"),
            Severity::Warning => ("findings.warning", "findings that warn"),
            Severity::Critical => ("findings.critical", "findings that are critical"),
        };
        Self::new(name, &[], Unit::Count, description)
    }
}

/// How many findings there are of the severity that a metric names; `None` of any other metric.
#[must_use]
pub fn findings(name: &str, findings: &[Finding]) -> Option<f64> {
    let all = [Severity::Info, Severity::Warning, Severity::Critical];
    let severity =
        all.into_iter().find(|severity| MetricInfo::of_findings(*severity).name == name)?;
    Some(findings.iter().filter(|finding| finding.severity == severity).count() as f64)
}

/// What a metric is counted in, or that it is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Thousandths of a second.
    Milliseconds,
    /// Per cent: 5 is 5 %.
    Percent,
    /// A number of things.
    Count,
    /// Octets.
    Bytes,
    /// Days of 86,400 seconds.
    Days,
    /// Seconds.
    Seconds,
    /// Text, not a number.
    Text,
    /// Yes or no, not a number.
    Bool,
    /// A number that counts nothing, such as an HTTP status.
    None,
}

impl Unit {
    /// What is written after a number in this unit; empty when nothing is.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Percent => "%",
            Self::Bytes => "bytes",
            Self::Days => "d",
            Self::Seconds => "s",
            Self::Count | Self::Text | Self::Bool | Self::None => "",
        }
    }
}
