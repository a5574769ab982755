//! Findings: verdicts with evidence.

use serde::Serialize;
use serde_json::{Map, Value};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Explains a number that would mislead.
    Info,
    /// It works, and will hurt or already slows.
    Warning,
    /// What was asked for does not work.
    Critical,
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// Index into `targets`, `null` for the run as a whole.
    pub target_index: Option<usize>,
    /// Where in the target: `{"hop": 4}`, `{"interface": "eth0"}`, or `null`.
    pub locus: Option<Map<String, Value>>,
    /// The stable code; `netdiag explain CODE` explains it.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, in words.
    pub subject: String,
    /// What was seen, and over how many.
    pub message: String,
    /// The figures that the rule was decided by, units in the keys.
    pub evidence: Map<String, Value>,
    /// What to do next.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding of a target, without evidence or advice yet.
    #[must_use]
    pub fn new(
        target_index: Option<usize>,
        code: &str,
        severity: Severity,
        subject: String,
        message: String,
    ) -> Self {
        Self {
            target_index,
            locus: None,
            code: code.to_owned(),
            severity,
            subject,
            message,
            evidence: Map::new(),
            advice: None,
        }
    }

    /// Says what it is about, such as an `interface` or a `hop`.
    #[must_use]
    pub fn at(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.locus.get_or_insert_default().insert(key.to_owned(), value.into());
        self
    }

    /// The same with one more figure of evidence.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(key.to_owned(), value.into());
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}
