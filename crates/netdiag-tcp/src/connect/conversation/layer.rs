//! TLS over a connection.

use crate::connect::tls::{Demand, Talked, Tls};
use netdiag_model::{ClockAnchor, Instant};
use netdiag_tls::{Client, Fault, Hello, Session};
use std::net::IpAddr;
use std::time::Duration;

/// One TLS session, and when it did what.
#[derive(Debug)]
pub(super) struct Layer {
    /// `None` where the name is none that could be asked for.
    session: Option<Session>,
    name: String,
    demand: Demand,
    began_at: Instant,
    open_at: Option<Instant>,
    now: Duration,
    failed: Option<Fault>,
}

impl Layer {
    pub(super) fn new(client: &Client, tls: &Tls, anchor: &ClockAnchor, at: Instant) -> Self {
        let now = u64::try_from(anchor.unix_nanos_at(at)).unwrap_or_default();
        let now = Duration::from_nanos(now);
        let sni = tls.name.parse::<IpAddr>().is_err();
        let hello = Hello { name: &tls.name, sni, alpn: tls.alpn };
        let (session, failed) = match Session::new(client, &hello, now) {
            Ok(session) => (Some(session), None),
            Err(fault) => (None, Some(fault)),
        };
        let (name, demand) = (tls.name.clone(), tls.demand);
        Self { session, name, demand, began_at: at, open_at: None, now, failed }
    }

    /// The handshake begins now.
    pub(super) const fn begin(&mut self, at: Instant) {
        self.began_at = at;
    }

    /// Takes in what came, and gives what it says; an error: the handshake, or the session, failed.
    pub(super) fn receive(&mut self, at: Instant, bytes: &[u8]) -> Result<Vec<u8>, ()> {
        let Some(session) = self.session.as_mut().filter(|_| self.failed.is_none()) else {
            return Err(());
        };
        let plain = session.receive(bytes).map_err(|fault| self.failed = Some(fault))?;
        if session.is_open() {
            self.open_at.get_or_insert(at);
        }
        Ok(plain)
    }

    pub(super) fn is_open(&self) -> bool {
        self.open_at.is_some()
    }

    /// Whether the other end will say nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_closed)
    }

    /// Whether what it shows is not to be believed, and that was asked for.
    pub(super) fn is_refused(&self) -> bool {
        let shown = self.session.as_ref().filter(|_| self.demand == Demand::Believed);
        shown.is_some_and(|session| !session.shown().faults.is_empty())
    }

    /// Says something over it; what is to be sent for that.
    pub(super) fn send(&mut self, plain: &[u8]) -> Vec<u8> {
        if let Some(session) = &mut self.session {
            session.send(plain);
        }
        self.take_output()
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        self.session.as_mut().map(Session::take_output).unwrap_or_default()
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self) -> Vec<u8> {
        if let Some(session) = self.session.as_mut().filter(|session| session.is_open()) {
            session.close();
        }
        self.take_output()
    }

    /// What came of it.
    pub(super) fn end(self) -> Talked {
        let shown = self.session.as_ref().map(Session::shown).unwrap_or_default();
        Talked {
            demand: self.demand,
            took: self.open_at.map(|open| open.since(self.began_at)),
            name: self.name,
            at: self.now,
            shown,
            failed: self.failed,
        }
    }
}
