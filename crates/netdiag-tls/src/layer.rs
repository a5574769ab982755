//! TLS over a connection, in time.

use crate::client::{Client, Hello};
use crate::fault::{Fault, Reason};
use crate::session::{Session, Shown};
use crate::talked::{Demand, Talked};
use data_encoding::BASE64;
use netdiag_model::{ClockAnchor, Instant};
use std::net::IpAddr;
use std::time::Duration;

/// Reads a pin: SHA-256 of a public key in base64, `sha256/` may come before it (RFC 7858 section 4.2).
#[must_use]
pub fn pin(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256/").unwrap_or(text);
    BASE64.decode(digits.as_bytes()).ok()?.try_into().ok()
}

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

/// One TLS session, and when it did what.
#[derive(Debug)]
pub struct Layer {
    /// `None` where the name is none that could be asked for.
    session: Option<Session>,
    name: String,
    demand: Demand,
    pins: Vec<[u8; 32]>,
    began_at: Instant,
    open_at: Option<Instant>,
    now: Duration,
    failed: Option<Fault>,
}

impl Layer {
    /// One that has said nothing yet, over a connection that opened at `at`; certificates are judged by
    /// the time of day that the anchor has for it.
    #[must_use]
    pub fn new(client: &Client, terms: &Terms<'_>, anchor: &ClockAnchor, at: Instant) -> Self {
        let now = u64::try_from(anchor.unix_nanos_at(at)).unwrap_or_default();
        let now = Duration::from_nanos(now);
        let sni = terms.name.parse::<IpAddr>().is_err();
        let hello = Hello { name: terms.name, sni, alpn: terms.alpn };
        let (session, failed) = match Session::new(client, &hello, now) {
            Ok(session) => (Some(session), None),
            Err(fault) => (None, Some(fault)),
        };
        let (name, demand) = (terms.name.to_owned(), terms.demand);
        let pins = terms.pins.to_vec();
        Self { session, name, demand, pins, began_at: at, open_at: None, now, failed }
    }

    /// The handshake begins now.
    pub const fn begin(&mut self, at: Instant) {
        self.began_at = at;
    }

    /// Takes in what came, and gives what it says, with why the handshake, or the session, failed: what
    /// had been said before that is given all the same, and once it has failed nothing more comes of it.
    pub fn receive(&mut self, at: Instant, bytes: &[u8]) -> (Vec<u8>, Result<(), Fault>) {
        if let Some(fault) = &self.failed {
            return (Vec::new(), Err(fault.clone()));
        }
        let Some(session) = self.session.as_mut() else { return (Vec::new(), Ok(())) };
        let (plain, result) = session.receive(bytes);
        if session.is_open() {
            self.open_at.get_or_insert(at);
        }
        self.failed = result.as_ref().err().cloned();
        (plain, result)
    }

    /// Whether the handshake is over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open_at.is_some()
    }

    /// The protocol that the server chose among those offered (RFC 7301), of text.
    #[must_use]
    pub fn alpn(&self) -> Option<String> {
        let chosen = self.session.as_ref().and_then(Session::alpn)?;
        String::from_utf8(chosen.to_vec()).ok()
    }

    /// Why it failed, if it did.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.failed.as_ref()
    }

    /// Whether the other end will say nothing more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_closed)
    }

    /// Whether what it shows is not to be believed, and that was asked for.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.demand == Demand::Believed && !self.shown().faults.is_empty()
    }

    /// What the other end showed, judged by the pins, too.
    fn shown(&self) -> Shown {
        let mut shown = self.session.as_ref().map(Session::shown).unwrap_or_default();
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

    /// Says something over it; what is to be sent for that.
    #[must_use]
    pub fn send(&mut self, plain: &[u8]) -> Vec<u8> {
        if let Some(session) = &mut self.session {
            session.send(plain);
        }
        self.take_output()
    }

    /// What is to be sent now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.session.as_mut().map(Session::take_output).unwrap_or_default()
    }

    /// It will end: what is to be sent before that.
    #[must_use]
    pub fn close(&mut self) -> Vec<u8> {
        if let Some(session) = self.session.as_mut().filter(|session| session.is_open()) {
            session.close();
        }
        self.take_output()
    }

    /// What came of it so far.
    #[must_use]
    pub fn talked(&self) -> Talked {
        let shown = self.shown();
        Talked {
            demand: self.demand,
            took: self.open_at.map(|open| open.since(self.began_at)),
            name: self.name.clone(),
            at: self.now,
            shown,
            failed: self.failed.clone(),
        }
    }
}
