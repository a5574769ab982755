//! The expression: its grammar, its three-valued logic, its canonical text.
//!
//! ```text
//! expression  = sequence
//! sequence    = alternatives { ";" alternatives }         ";" is "and" at the lowest precedence
//! alternatives= conjunction { "or" conjunction }
//! conjunction = negation { "and" negation }
//! negation    = { "not" } ( "(" sequence ")" | comparison )
//! comparison  = METRIC OPERATOR VALUE | METRIC            alone only where the metric is yes or no
//! ```
//!
//! * Numbers take `= == != < <= > >=`; text takes `= == != ~ !~`, where `~` searches for a regular
//!   expression; yes-or-no metrics take `= == !=` with `true false yes no`.
//! * A bare number is in the metric's own unit; `%` and `us ms s m h d` are converted to it.
//! * A value may stand in single or double quotes, in which a doubled quote is a quote and a
//!   backslash is a backslash. Without quotes it ends at a space, a `;` or a `)` that it did not open.
//! * Keywords and names of metrics may be written in either case.

mod comparison;
mod error;
mod evidence;
mod name;
mod node;
mod operator;
mod parser;
mod quantity;
mod quote;
mod scanner;
#[cfg(test)]
mod tests;

use std::fmt;

use netdiag_model::metrics::{MetricInfo, Metrics};

pub use error::{ErrorKind, ExprError};
pub use evidence::{Evidence, Reason};

use node::Node;

/// The most bytes an expression may have.
pub const MAX_BYTES: usize = 4096;

/// How deep parentheses may be nested, in an expression and in its canonical text.
pub const MAX_NESTING: usize = 32;

/// A checked expression over metrics.
///
/// Negations are carried inwards when it is parsed (`not loss > 5` is `loss <= 5%`), so what
/// remains is comparisons joined with "and" and "or". That changes no verdict: a metric without a
/// value leaves a comparison and its opposite equally open.
///
/// The `Display` text is canonical and parses to an equal expression while it has at most
/// [`MAX_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    root: Node,
}

/// A limit of a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The metric.
    pub metric: String,
    /// How it is compared: `=`, `!=`, `<`, `<=`, `>` or `>=`.
    pub operator: &'static str,
    /// With what, in the metric's own unit.
    pub value: f64,
}

/// What an expression comes to, in Kleene's three-valued logic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is true, whatever the missing values may be.
    True,
    /// It is false, whatever the missing values may be.
    False,
    /// It is open.
    NoValue {
        /// The first metric whose missing value leaves it open.
        metric: String,
    },
}

impl Expr {
    /// Parses `text`, in which the metrics of `known` may be named.
    ///
    /// # Errors
    ///
    /// When the text is no expression, is larger than [`MAX_BYTES`] or [`MAX_NESTING`] allow, names
    /// an unknown metric, or compares a metric with what it cannot be compared with.
    pub fn parse(text: &str, known: &[MetricInfo]) -> Result<Self, ExprError> {
        let root = parser::parse(text, known)?;
        Ok(Self { root })
    }

    /// The canonical names of the metrics that it compares, in order, repeated where it repeats them.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.collect_metrics(&mut names);
        names
    }

    /// The limits that numbers have to keep for the expression to hold, in the order in which they
    /// were written; those of alternatives are none that have to be kept.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        let mut limits = Vec::new();
        self.root.collect_limits(&mut limits);
        limits
    }

    /// The three-valued verdict.
    ///
    /// A number that is not finite, or a value that is not of the metric's kind, counts as none.
    #[must_use]
    pub fn evaluate(&self, metrics: &dyn Metrics) -> Verdict {
        self.root.evaluate(metrics)
    }

    /// Whether this fails as a fail condition: it is true, or a missing value leaves it open.
    ///
    /// The evidence names every clause that decided; clauses without a value only where no
    /// measured one was enough.
    #[must_use]
    pub fn fails(&self, metrics: &dyn Metrics) -> Option<Evidence> {
        let conviction = self.root.fails(metrics)?;
        Some(Evidence::of_failure(conviction.reasons))
    }

    /// Whether this holds as an expectation: it is true, and no missing value leaves it open.
    ///
    /// # Errors
    ///
    /// The first clause that does not hold, with each of its alternatives when it has some.
    pub fn holds(&self, metrics: &dyn Metrics) -> Result<(), Evidence> {
        self.root.holds(metrics).map_err(Evidence::of_disappointment)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}
