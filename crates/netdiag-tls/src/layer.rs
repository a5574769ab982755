//! TLS over a connection, in time.

use crate::asked::{Asked, Terms};
use crate::client::Client;
use crate::fault::Fault;
use crate::session::{Session, Shown};
use crate::talked::Talked;
use data_encoding::BASE64;
use netdiag_model::{ClockAnchor, Instant};

/// Reads a pin: SHA-256 of a public key in base64, `sha256/` may come before it (RFC 7858 section 4.2).
#[must_use]
pub fn pin(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256/").unwrap_or(text);
    BASE64.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// One TLS session, and when it did what.
#[derive(Debug)]
pub struct Layer {
    /// `None` where the name is none that could be asked for.
    session: Option<Session>,
    asked: Asked,
}

impl Layer {
    /// One that has said nothing yet, over a connection that opened at `at`; certificates are judged by
    /// the time of day that the anchor has for it.
    #[must_use]
    pub fn new(client: &Client, terms: &Terms<'_>, anchor: &ClockAnchor, at: Instant) -> Self {
        let mut asked = Asked::new(terms, anchor, at);
        let session = Session::new(client, &terms.hello(), asked.now());
        let session = session.inspect_err(|fault| asked.fail(fault)).ok();
        Self { session, asked }
    }

    /// The handshake begins now.
    pub const fn begin(&mut self, at: Instant) {
        self.asked.begin(at);
    }

    /// Takes in what came, and gives what it says, with why the handshake, or the session, failed: what
    /// had been said before that is given all the same, and once it has failed nothing more comes of it.
    pub fn receive(&mut self, at: Instant, bytes: &[u8]) -> (Vec<u8>, Result<(), Fault>) {
        if let Some(fault) = self.asked.fault() {
            return (Vec::new(), Err(fault.clone()));
        }
        let Some(session) = self.session.as_mut() else { return (Vec::new(), Ok(())) };
        let (plain, result) = session.receive(bytes);
        if session.is_open() {
            self.asked.open(at);
        }
        if let Err(fault) = &result {
            self.asked.fail(fault);
        }
        (plain, result)
    }

    /// Whether the handshake is over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.asked.is_open()
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
        self.asked.fault()
    }

    /// Whether the other end will say nothing more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_closed)
    }

    /// Whether what it shows is not to be believed, and that was asked for.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.asked.refuses(self.shown())
    }

    fn shown(&self) -> Shown {
        self.session.as_ref().map(Session::shown).unwrap_or_default()
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
        self.asked.talked(self.shown())
    }
}
