//! Whether an answer is what the owner of its zone signed: from an anchor down (RFC 4035 section 5).
//! Signatures and digests are looked at by the crate ring, through `domain`.

mod anchor;
mod chain;
mod denial;
mod fault;
mod rrset;
mod state;
#[cfg(test)]
mod tests;

pub use anchor::Anchors;
use serde::Serialize;
pub use state::Validation;
pub(crate) use state::findings;

/// What an answer is worth (RFC 4033 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Dnssec {
    /// The word for it.
    pub status: DnssecStatus,
    /// Why it is not secure, in a line.
    pub reason: Option<String>,
    /// The same as a stable word, such as `expired`.
    pub code: Option<String>,
    /// The zones whose keys are proved, from the anchor on.
    pub zones: Vec<String>,
    /// The clock of this machine may be what is wrong.
    #[serde(skip)]
    pub may_be_the_clock: bool,
}

/// The four words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DnssecStatus {
    /// Signed, all the way from an anchor.
    Secure,
    /// Proved not to be signed.
    Insecure,
    /// It should be signed and is not, or wrongly.
    Bogus,
    /// That cannot be told.
    Indeterminate,
}

impl DnssecStatus {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Insecure => "insecure",
            Self::Bogus => "bogus",
            Self::Indeterminate => "indeterminate",
        }
    }
}
