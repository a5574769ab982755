//! What is asked of TLS, and what came of it.

use crate::certificate::seconds;
use crate::fault::Fault;
use crate::session::Shown;
use crate::staple::Status;
use std::time::Duration;

/// What is asked of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: the port is one where it is usual, so it is tried.
    Tried,
    /// That it is spoken and to be believed.
    Believed,
    /// That it is spoken, with whomever.
    Spoken,
}

/// What came of TLS over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talked {
    /// What was asked of it.
    pub demand: Demand,
    /// The name that the certificate had to be for.
    pub name: String,
    /// From the first byte of the hello until the handshake was over.
    pub took: Option<Duration>,
    /// What the server showed.
    pub shown: Shown,
    /// Why the handshake failed.
    pub failed: Option<Fault>,
    /// What certificates were judged by, since 1970-01-01 UTC.
    pub at: Duration,
}

impl Talked {
    /// Whether the handshake was done, and all of it is to be believed.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.took.is_some() && self.fault().is_none()
    }

    /// The worst that is wrong.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.failed.as_ref().or_else(|| self.shown.faults.first())
    }

    /// Whether it came to what was asked for.
    #[must_use]
    pub fn is_as_asked(&self) -> bool {
        match self.demand {
            Demand::Tried => true,
            Demand::Spoken => self.took.is_some() && self.failed.is_none(),
            Demand::Believed => self.is_verified(),
        }
    }

    /// For how many whole days the certificate of the server is still valid.
    #[must_use]
    pub fn days_left(&self) -> Option<i64> {
        self.shown.chain.first().map(|leaf| leaf.days_left(self.at))
    }

    /// What came with the certificate on whether it is revoked, in a few words.
    #[must_use]
    pub fn staple_text(&self) -> Option<String> {
        let staple = self.shown.staple.as_ref()?;
        let expired = if staple.is_expired(seconds(self.at)) { ", expired" } else { "" };
        Some(match staple.status {
            Status::Revoked => "OCSP: REVOKED".to_owned(),
            status => format!("OCSP {}{expired}", status.name()),
        })
    }

    /// In a few words: version, protocol, whether it is to be believed, how long still, and
    /// whether it is revoked, where that came with it.
    #[must_use]
    pub fn summary(&self) -> String {
        if let Some(fault) = &self.failed {
            return format!("TLS failed: {}", fault.message);
        }
        if self.took.is_none() {
            return "TLS was not answered to the end".to_owned();
        }
        let version = self.shown.version.map(str::to_owned);
        let alpn = self.shown.alpn.as_ref().map(|alpn| alpn.escaped().to_string());
        let verdict = match self.shown.faults.as_slice() {
            [] => "verified".to_owned(),
            [first, rest @ ..] => {
                let rest = rest.iter().map(|fault| format!(", {}", fault.reason.name()));
                format!("not verified: {}{}", first.reason.name(), rest.collect::<String>())
            }
        };
        let days = self.days_left().filter(|days| *days >= 0).map(|days| match days {
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        });
        let parts = [version, alpn, Some(verdict), days, self.staple_text()].into_iter().flatten();
        parts.collect::<Vec<String>>().join(", ")
    }
}
