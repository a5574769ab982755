//! Redirects that no open connection leads to: to another port or scheme, to another host, or after a
//! connection that was closed. One more connection for each.

use super::{Events, Measurement};
use crate::connect::config::Target;
use crate::connect::dialogue::TalkResult;
use crate::connect::event::{Attempt, Ending, Event};
use crate::connect::http::exchange::Astray;
use crate::connect::http::{Place, Step, Url};
use crate::connect::tls::Tls;
use netdiag_model::{Destination, Instant, Untrusted, parse_address};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// An attempt whose answer leads on.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    /// The place of its series.
    pub(super) place: u32,
    /// Where it leads to.
    pub(super) url: Url,
    pub(super) attempt: Attempt,
    /// It is another host.
    is_away: bool,
    /// Another host: its address that is tried, and those behind it.
    other: VecDeque<Destination>,
    /// How long it took to look up that host.
    resolved: Option<Duration>,
}

/// Where an answer leads to.
enum Lead {
    Nowhere,
    /// To the same host.
    On(Url),
    /// To another one.
    Away(Url),
    /// To where it is not followed, and that is a failure.
    Astray(Astray),
}

impl Measurement {
    /// Has an attempt that ended followed, where its answer leads on; else it comes back.
    pub(super) fn follow(&mut self, place: u32, mut attempt: Attempt) -> Option<Attempt> {
        let (url, is_away) = match self.lead(&attempt) {
            Lead::Nowhere => return Some(attempt),
            Lead::Astray(astray) => {
                attempt.go_astray(astray);
                return Some(attempt);
            }
            Lead::On(url) => (url, false),
            Lead::Away(url) => (url, true),
        };
        let (other, resolved) = (VecDeque::new(), None);
        let mut follow = Follow { place, url, attempt, is_away, other, resolved };
        let is_named = self.config.proxy.as_ref().is_some_and(|proxy| proxy.takes_names());
        match (is_away && !is_named, parse_address(&follow.url.host), &self.config.names) {
            (true, Some(address), _) => follow.other.push_back(Destination::new(address)),
            (true, None, Some(names)) => {
                names.want(&follow.url.host);
                self.looked_up.push(follow);
                return None;
            }
            _ => {}
        }
        self.follows.push_back(follow);
        None
    }

    fn lead(&self, attempt: &Attempt) -> Lead {
        let talk = attempt.talk.as_deref().filter(|talk| talk.is_as_asked());
        let http = talk.and_then(|talk| talk.http.as_ref());
        let to = http.and_then(|http| http.last()?.redirect());
        let from = http.and_then(|http| http.steps.first());
        let (Some(http), Some(to), Some(from)) = (http, to, from) else { return Lead::Nowhere };
        let most = self.config.redirects;
        if self.config.only_head || most == 0 || (to.is_tls && self.config.tls.is_none()) {
            return Lead::Nowhere;
        }
        if let Some(astray) = http.astray(&to, most, 0) {
            return Lead::Astray(astray);
        }
        let proxy = self.config.proxy.as_ref();
        match to.host.eq_ignore_ascii_case(&from.url.host) {
            true => Lead::On(to),
            false if proxy.is_some_and(|proxy| proxy.check(&to.host).is_err()) => Lead::Nowhere,
            false if proxy.is_some_and(|proxy| proxy.takes_names()) => Lead::Away(to),
            false if self.config.names.is_some() || parse_address(&to.host).is_some() => {
                Lead::Away(to)
            }
            false => Lead::Nowhere,
        }
    }

    /// Goes on with those whose names are looked up by now; whether any is still waited for.
    pub(super) fn take_names(&mut self, now: Instant, events: &mut Events<Event>) -> bool {
        let Some(names) = self.config.names.clone() else { return false };
        for mut follow in std::mem::take(&mut self.looked_up) {
            let place = follow.place;
            match names.found(&follow.url.host) {
                None => self.looked_up.push(follow),
                Some((Ok(addresses), took)) if !addresses.is_empty() => {
                    (follow.other, follow.resolved) = (addresses.into(), Some(took));
                    self.follows.push_back(follow);
                }
                Some((found, _)) => {
                    let why = found.err().unwrap_or_else(|| "the name has no address".to_owned());
                    let attempt = follow.lost(&why);
                    self.take(place, now, attempt, events);
                }
            }
        }
        !self.looked_up.is_empty()
    }

    /// What to do with a connection that follows.
    pub(super) fn followed_target(&self, follow: &Follow) -> Option<Target> {
        let place = self.series.get(follow.place as usize)?.target;
        let target = self.config.targets.get(place)?;
        let tls = target.tls_later.clone().filter(|_| follow.url.is_tls);
        let name = Untrusted::from(follow.url.host.as_str()).host().as_raw().to_owned();
        let behind = match follow.is_away {
            true => follow.destination().map(|to| to.address()),
            false => target.behind,
        };
        Some(Target {
            host: Untrusted::from(name.as_str()),
            port: follow.url.port,
            tls: match follow.is_away {
                true => tls.map(|tls| Tls { name, ..tls }),
                false => tls,
            },
            behind,
            url: Some(follow.url.clone()),
            addresses: Vec::new(),
            ..target.clone()
        })
    }
}

impl Follow {
    /// Where the connection goes, if that is another host.
    pub(super) fn destination(&self) -> Option<Destination> {
        self.other.front().copied()
    }

    /// How many redirects lead to it.
    pub(super) fn redirects(&self) -> usize {
        let http = self.attempt.talk.as_ref().and_then(|talk| talk.http.as_ref());
        http.map_or(0, |http| http.steps.len())
    }

    /// No connection opened: the next address of the host, if there is one.
    pub(super) fn go_on(&mut self) -> bool {
        self.other.pop_front();
        !self.other.is_empty()
    }

    /// It led nowhere.
    pub(super) fn lost(self, why: &str) -> Attempt {
        let mut first = self.attempt;
        let to = Untrusted::from(self.url.to_string());
        let message = format!("the redirect to {} led nowhere: {why}", to.escaped());
        first.go_astray(Astray { reason: "redirect-failed", message });
        first
    }

    /// Both as one attempt: the first connection, and what came over the last.
    pub(super) fn merge(mut self, last: Attempt) -> Attempt {
        let Some(mut later) = last.talk else {
            if let Ending::Local(error) = last.ending {
                return Attempt { ending: Ending::Local(error), talk: None, ..self.attempt };
            }
            let why = last.failure().map(|failure| failure.message).unwrap_or_default();
            return self.lost(&why);
        };
        let place =
            self.destination().map(|to| Place { address: to.address(), resolved: self.resolved });
        if let Some(step) = later.http.as_mut().and_then(|http| http.steps.first_mut()) {
            step.place = place;
        }
        let own = Some(self.attempt.destination).filter(|_| !self.attempt.is_proxied);
        let peer = self.destination().or(own);
        let peer = peer.map(|peer| SocketAddr::new(peer.address(), self.url.port));
        let Some(talk) = self.attempt.talk.as_mut() else { return self.attempt };
        let earlier = talk.http.take();
        later.http = match (earlier, later.http.take()) {
            (Some(mut earlier), Some(mut http)) => {
                http.steps.splice(0..0, earlier.steps.drain(..));
                Some(http)
            }
            // Not even asked for: TLS came to nothing.
            (Some(mut earlier), None) => {
                let opened_at = last.started_at + last.took;
                let mut step = Step::new(self.url, false, opened_at);
                (step.place, step.opened) = (place, Some((last.took, later.tls_took())));
                earlier.steps.push(step);
                Some(earlier)
            }
            (None, http) => http,
        };
        (later.tls, later.tls_at) = match later.tls {
            Some(tls) => (Some(tls), peer),
            None => (talk.tls.take(), talk.tls_at),
        };
        *talk = later;
        self.attempt
    }
}

impl Attempt {
    /// A redirect leads nowhere, and why.
    fn go_astray(&mut self, astray: Astray) {
        if let Some(talk) = &mut self.talk {
            talk.end = TalkResult::Astray;
            if let Some(http) = &mut talk.http {
                (http.reason, http.broken) = (Some(astray.reason), Some(astray.message));
            }
        }
    }
}
