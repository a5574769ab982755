//! What `netdiag explain` tells as JSON.

use crate::contract::{Method, Status};
use crate::finding::Finding;
use serde::Serialize;

/// The document: the envelope of every other one, of which nothing was measured, and explanations.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ExplainDocument {
    /// Always `netdiag/1`.
    #[schemars(extend("const" = "netdiag/1"))]
    pub schema: String,
    /// Always `explain`.
    pub command: String,
    /// The version of netdiag.
    pub version: String,
    /// When it was asked, UTC, RFC 3339 with microseconds.
    pub started_at: String,
    /// How long it took to find, in milliseconds.
    pub elapsed_ms: f64,
    /// Always `null`: nothing is measured.
    pub method: Option<Method>,
    /// None.
    pub targets: Vec<()>,
    /// None.
    pub findings: Vec<Finding>,
    /// `ok`, or `critical` where nothing is called so.
    pub status: Status,
    /// The exit code of the process.
    pub exit_code: u8,
    /// What was asked for; `null`: everything that there is.
    pub term: Option<String>,
    /// What is called so.
    pub explanations: Vec<Explanation>,
    /// Names like the one that was asked for, where nothing is called so.
    pub near: Vec<String>,
}

/// One explanation.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Explanation {
    /// Its own name.
    pub name: String,
    /// All of its names, its own first.
    pub names: Vec<String>,
    /// What it is: `state`, `word`, `errno`, `icmp`, `mark`, `rcode`, `ede`, `outcome`, `reason`,
    /// `finding` or `topic`.
    pub kind: String,
    /// A sentence: what it is; `null` of a topic.
    pub is: Option<String>,
    /// A sentence: what it usually means; `null` of a topic.
    pub means: Option<String>,
    /// A sentence: what to do next; `null` of a topic.
    pub next: Option<String>,
    /// All of its text, line by line.
    pub text: String,
}
