//! The JSON contract of `check` and `wait-for`.

use crate::perfdata::Perf;
use netdiag_model::Untrusted;
use netdiag_model::contract::{Document, Method, Status};
use netdiag_model::failure::Failure;
use serde::Serialize;
use serde_json::Value;

/// The document: the envelope, which has no targets, and the checks.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ChecksDocument {
    /// The envelope.
    #[serde(flatten)]
    pub document: Document<()>,
    /// The checks, in the order in which they were given.
    pub checks: Vec<Check>,
}

/// What one check came to.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Check {
    /// Its name.
    #[schemars(with = "String")]
    pub name: Untrusted,
    /// What it measures by, such as `ping` or `tcp`.
    pub kind: String,
    /// What it is about, as it was given.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it came to.
    pub status: CheckStatus,
    /// Why it does not pass; `null` where it does, or was not begun.
    pub failure: Option<Failure>,
    /// What was expected and does not hold, with what was measured.
    pub failed_expectation: Option<String>,
    /// Why it was not begun: the name of the check that it depends on.
    #[schemars(with = "Option<String>")]
    pub depends_on: Option<Untrusted>,
    /// Who was asked: an address, with a port where there is one.
    pub peer: Option<String>,
    /// The figures in a few words.
    pub figures: Option<String>,
    /// How often it was tried.
    pub attempts: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
    /// How it was measured.
    pub method: Option<Method>,
    /// The target as the command of this kind has it in its own document; of several a list.
    pub measurement: Value,
    /// What monitoring is told.
    #[serde(skip)]
    pub perfdata: Vec<Perf>,
}

/// What a check came to, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It holds.
    Pass,
    /// It was not begun, since one that it depends on does not hold.
    Skip,
    /// It could not be measured from here.
    Unknown,
    /// It holds, but not what was expected for it to be well.
    Warn,
    /// It does not hold.
    Fail,
}

impl CheckStatus {
    /// All of them, as they are counted.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::Warn, Self::Unknown, Self::Skip];

    /// The word of the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// What checks come to together: the worst of them. One that was skipped is no worse than what
    /// it depends on. A warning was measured, and so is told before what was not, of which the exit code
    /// tells (3).
    #[must_use]
    pub fn together(checks: &[Check]) -> Status {
        match checks.iter().map(|check| check.status).max() {
            Some(Self::Fail) => Status::Critical,
            Some(Self::Warn) => Status::Warning,
            Some(Self::Unknown) => Status::Unknown,
            Some(Self::Pass | Self::Skip) | None => Status::Ok,
        }
    }
}
