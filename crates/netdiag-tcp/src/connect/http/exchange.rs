//! What was asked over connections, one request after the other, and what came back.

use super::{Response, Step};
use crate::connect::words::{in_bytes, ms};
use netdiag_http::Url;
use netdiag_model::{Instant, Untrusted};
use std::time::Duration;

/// What was asked over one connection, and what came back; with redirects over several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Each request, in order; the last may have no answer.
    pub steps: Vec<Step>,
    /// The last request once more, over the connection that was open.
    pub again: Option<Step>,
    /// Why there is no answer, or no more of one, safe to print.
    pub broken: Option<String>,
    /// The same in the word of the contract.
    pub reason: Option<&'static str>,
    /// After which time without a request the server closed, of a connection that it said it keeps.
    pub idle_close: Option<Duration>,
    /// Why the last request was not had once more, where that was wanted, safe to print.
    pub unrepeated: Option<String>,
}

/// Why a redirect is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::connect) struct Astray {
    /// In the word of the contract.
    pub(in crate::connect) reason: &'static str,
    /// In a sentence, safe to print.
    pub(in crate::connect) message: String,
}

impl Exchange {
    /// What is wrong with a redirect to there, where at most so many are followed, and so many were over
    /// other connections.
    pub(in crate::connect) fn astray(
        &self,
        to: &Url,
        most: usize,
        followed: usize,
    ) -> Option<Astray> {
        if self.steps.iter().any(|step| step.url == *to) {
            let to = Untrusted::from(to.to_string());
            let message = format!("the redirects go round: {} for the second time", to.escaped());
            return Some(Astray { reason: "redirect-loop", message });
        }
        (self.steps.len() + followed > most).then(|| Astray {
            reason: "too-many-redirects",
            message: format!("there are more than {most} redirects"),
        })
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// The last answer.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.last().and_then(|step| step.response.as_ref())
    }

    /// How long the last request took over a connection of its own, from its beginning on, and how long
    /// it took again over the one that was open.
    #[must_use]
    pub fn reuse(&self) -> Option<(Duration, Duration)> {
        let last = self.last()?;
        let (connect, tls) = last.opened?;
        let fresh = connect + tls.unwrap_or_default() + last.took()?;
        Some((fresh, self.again.as_ref()?.took()?))
    }

    /// The other end closed at a time.
    pub(super) fn closed(&mut self, at: Instant) {
        if self.response().is_some_and(|response| response.head.keeps_alive()) {
            let last = self.again.as_ref().or_else(|| self.last());
            let answered = last.and_then(|step| step.end_at);
            self.idle_close = answered.map(|answered| at.since(answered));
        }
    }

    /// In a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        if let Some(why) = &self.broken {
            return why.clone();
        }
        let Some((step, response)) = self.last().zip(self.response()) else {
            return "no answer".to_owned();
        };
        let bytes = response.body_bytes;
        let after = match self.steps.len() {
            0 | 1 => String::new(),
            2 => ", 1 redirect".to_owned(),
            count => format!(", {} redirects", count - 1),
        };
        let to = step.redirect().map(|to| Untrusted::from(to.to_string()));
        let to = to.map(|to| format!("leads to {}", to.escaped())).or_else(|| step.dead_end());
        let to = to.map(|to| format!(", {to}")).unwrap_or_default();
        let first = ms(step.first_byte().unwrap_or_default());
        let head = format!("{} {}", response.head.version.name(), response.head.status);
        let idle = self.idle_close.map(|idle| idle.as_secs_f64());
        let idle =
            idle.map(|idle| format!(", idle close after {idle:.1} s (FIN)")).unwrap_or_default();
        let again = self.unrepeated.as_ref();
        let again = again.map(|why| format!(", not had once more: {why}")).unwrap_or_default();
        let bytes = in_bytes(bytes);
        format!("{head}, first byte {first}, {bytes}{after}{to}{again}{idle}")
    }
}
