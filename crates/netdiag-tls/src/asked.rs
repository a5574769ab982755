//! What is asked of one handshake, by whom it is to be, and how it went, whatever carries it.

use crate::client::Hello;
use crate::fault::{Fault, Reason};
use crate::session::Shown;
use crate::talked::{Demand, Talked};
use netdiag_model::{ClockAnchor, Instant};
use std::net::IpAddr;
use std::time::Duration;

/// What TLS is to be spoken as.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The name or address that the certificate must be for; a name is told to the server.
    pub name: &'a str,
    /// The protocols to choose from, the best first.
    pub alpn: &'a [&'a str],
    /// What is asked of it.
    pub demand: Demand,
    /// SHA-256 of public keys; with any the server's must be one of these, and then it does not matter
    /// who issued its certificate, and for which name (RFC 7858 section 4.2).
    pub pins: &'a [[u8; 32]],
}

impl<'a> Terms<'a> {
    /// What the handshake begins with.
    #[must_use]
    pub fn hello(&self) -> Hello<'a> {
        Hello { name: self.name, sni: self.name.parse::<IpAddr>().is_err(), alpn: self.alpn }
    }
}

/// What is asked of one handshake, and how it went.
#[derive(Clone, Debug)]
pub struct Asked {
    name: String,
    demand: Demand,
    pins: Vec<[u8; 32]>,
    began_at: Instant,
    open_at: Option<Instant>,
    now: Duration,
    failed: Option<Fault>,
}

impl Asked {
    /// What these terms ask of one that begins at `at`; certificates are judged by the time of day that
    /// the anchor has for it.
    #[must_use]
    pub fn new(terms: &Terms<'_>, anchor: &ClockAnchor, at: Instant) -> Self {
        let now = u64::try_from(anchor.unix_nanos_at(at)).unwrap_or_default();
        Self {
            name: terms.name.to_owned(),
            demand: terms.demand,
            pins: terms.pins.to_vec(),
            began_at: at,
            open_at: None,
            now: Duration::from_nanos(now),
            failed: None,
        }
    }

    /// The time that certificates are judged by, since 1970-01-01 UTC.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// It begins now.
    pub const fn begin(&mut self, at: Instant) {
        self.began_at = at;
    }

    /// It is over, and well; only the first time counts.
    pub fn open(&mut self, at: Instant) {
        self.open_at.get_or_insert(at);
    }

    /// It failed; only the first time counts.
    pub fn fail(&mut self, fault: &Fault) {
        self.failed.get_or_insert_with(|| fault.clone());
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open_at.is_some()
    }

    /// Why it failed, if it did.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.failed.as_ref()
    }

    /// Whether what the other end showed is not to be believed, and that was asked for.
    #[must_use]
    pub fn refuses(&self, shown: Shown) -> bool {
        self.demand == Demand::Believed && !self.judged(shown).faults.is_empty()
    }

    /// What the other end showed, judged by the pins, too.
    fn judged(&self, mut shown: Shown) -> Shown {
        let Some(leaf) = shown.chain.first().filter(|_| !self.pins.is_empty()) else {
            return shown;
        };
        if self.pins.iter().any(|pin| pin[..] == leaf.key_sha256) {
            shown.faults.retain(|fault| !fault.reason.is_about_identity());
        } else {
            let message = "the key of the server is none of those that were pinned";
            shown.faults.insert(0, Fault::new(Reason::PinMismatch, message));
        }
        shown
    }

    /// What came of it so far, with what the other end showed.
    #[must_use]
    pub fn talked(&self, shown: Shown) -> Talked {
        let (mut shown, mut failed) = (self.judged(shown), self.failed.clone());
        // Why the signature of the handshake was not taken.
        let is_weak = |fault: &Fault| fault.reason == Reason::WeakKey;
        if failed.as_ref().is_some_and(|fault| fault.reason == Reason::BadCertificate)
            && let Some(place) = shown.faults.iter().position(is_weak)
        {
            failed = Some(shown.faults.remove(place));
        }
        Talked {
            demand: self.demand,
            took: self.open_at.map(|open| open.since(self.began_at)),
            name: self.name.clone(),
            at: self.now,
            shown,
            failed,
        }
    }
}
