//! Redirects to another port or scheme of the same host, or after a connection that was closed: one
//! more connection to the same address.

use super::Measurement;
use crate::connect::config::Target;
use crate::connect::dialogue::TalkResult;
use crate::connect::event::Attempt;
use crate::connect::http::{REDIRECTS, Url};
use netdiag_model::Untrusted;

/// An attempt whose answer leads on.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    /// The place of its series.
    pub(super) place: u32,
    /// Where it leads to.
    pub(super) url: Url,
    pub(super) attempt: Attempt,
}

impl Measurement {
    /// Has an attempt that ended followed, where its answer leads on; else it comes back.
    pub(super) fn follow(&mut self, place: u32, attempt: Attempt) -> Option<Attempt> {
        match self.leads_to(&attempt) {
            Some(url) => {
                self.follows.push_back(Follow { place, url, attempt });
                None
            }
            None => Some(attempt),
        }
    }

    /// Where an answer leads to, if that can be had without looking up another name.
    fn leads_to(&self, attempt: &Attempt) -> Option<Url> {
        let talk = attempt.talk.as_deref().filter(|talk| talk.is_as_asked())?;
        if self.config.only_head {
            return None;
        }
        let http = talk.http.as_ref().filter(|http| http.steps.len() <= REDIRECTS)?;
        let to = http.last()?.redirect()?;
        let from = &http.steps.first()?.url;
        let can_be = !to.is_tls || self.config.tls.is_some();
        (to.host.eq_ignore_ascii_case(&from.host) && can_be).then_some(to)
    }

    /// What to do with a connection that follows.
    pub(super) fn followed_target(&self, follow: &Follow) -> Option<Target> {
        let place = self.series.get(follow.place as usize)?.target;
        let target = self.config.targets.get(place)?;
        Some(Target {
            port: follow.url.port,
            tls: target.tls_later.clone().filter(|_| follow.url.is_tls),
            url: Some(follow.url.clone()),
            addresses: Vec::new(),
            ..target.clone()
        })
    }
}

impl Follow {
    /// Both as one attempt: the first connection, and what came over the last.
    pub(super) fn merge(self, last: Attempt) -> Attempt {
        let failure = last.failure();
        let mut first = self.attempt;
        let Some(talk) = first.talk.as_mut() else { return first };
        let earlier = talk.http.take();
        match last.talk {
            Some(mut later) => {
                later.http = match (earlier, later.http.take()) {
                    (Some(mut earlier), Some(mut http)) => {
                        http.steps.splice(0..0, earlier.steps.drain(..));
                        Some(http)
                    }
                    (earlier, http) => http.or(earlier),
                };
                later.tls = later.tls.or_else(|| talk.tls.take());
                *talk = later;
            }
            None => {
                let to = Untrusted::from(self.url.to_string());
                let why = failure.map(|failure| failure.message).unwrap_or_default();
                talk.end = TalkResult::Astray;
                talk.http = earlier.map(|mut http| {
                    http.broken =
                        Some(format!("the redirect to {} led nowhere: {why}", to.escaped()));
                    http
                });
            }
        }
        first
    }
}
