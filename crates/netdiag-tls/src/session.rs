//! One TLS connection, without the connection.

use crate::certificate::Certificate;
use crate::client::{Client, Hello};
use crate::fault::{Fault, Reason};
use crate::first;
use crate::opening::Opening;
use crate::staple::Staple;
use netdiag_model::Untrusted;
use rustls::ClientConnection;
use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

/// One TLS connection: what is to be sent and what came go through it.
pub struct Session {
    connection: ClientConnection,
    opening: Opening,
    /// What came first.
    first: Vec<u8>,
    is_closed: bool,
}

/// What the other end showed of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// `TLS 1.3` or `TLS 1.2`, once that is settled.
    pub version: Option<&'static str>,
    /// The cipher suite by its registered name.
    pub cipher: Option<String>,
    /// The group of the key exchange, likewise.
    pub group: Option<String>,
    /// The protocol that the server chose among those offered.
    pub alpn: Option<Untrusted>,
    /// Its certificates, its own first; those that cannot be read are left out.
    pub chain: Vec<Certificate>,
    /// What the proof says that came with the certificate, that it is not revoked (RFC 6066 section 8);
    /// its signature is not checked.
    pub staple: Option<Staple>,
    /// What is wrong with the certificates; nothing, if they are to be believed.
    pub faults: Vec<Fault>,
}

impl Session {
    /// One that has yet to say hello; certificates will be judged by `now`, since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When no certificate can be for that name.
    pub fn new(client: &Client, hello: &Hello<'_>, now: Duration) -> Result<Self, Fault> {
        let (opening, config) = Opening::new(client, hello, now)?;
        let connection = ClientConnection::new(config, opening.name.clone());
        let mut connection = connection.map_err(|error| Fault::of(&error, None))?;
        // What is to be sent is never more than a request.
        connection.set_buffer_limit(None);
        let (first, is_closed) = (Vec::new(), false);
        Ok(Self { connection, opening, first, is_closed })
    }

    /// Takes in what came, and gives what it says; where something is wrong with the handshake, or with a
    /// record, all that was said before, and there may still be something to be sent.
    pub fn receive(&mut self, bytes: &[u8]) -> (Vec<u8>, Result<(), Fault>) {
        let mut plain = Vec::new();
        let result = self.take(bytes, &mut plain);
        (plain, result)
    }

    fn take(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), Fault> {
        let room = first::TELLING.saturating_sub(self.first.len());
        self.first.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if self.connection.is_handshaking() && first::is_foreign(&self.first) {
            let said = first::line(&self.first);
            return Err(Fault::new(Reason::NotTls, format!("no TLS there: it says `{said}`")));
        }
        while !bytes.is_empty() {
            let before = bytes.len();
            let taken = self.connection.read_tls(&mut bytes);
            let state = self.connection.process_new_packets();
            // What was said before a record that is broken is there all the same; when there is no more
            // of it that is no end.
            let _ = self.connection.reader().read_to_end(plain);
            let state = state.map_err(|error| {
                let chosen = Some(()).filter(|()| self.connection.is_handshaking());
                Fault::of(&error, chosen.and_then(|()| first::old_version(&self.first)))
            })?;
            self.is_closed |= state.peer_has_closed();
            if taken.is_err() || bytes.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Says something, once the handshake is over.
    pub fn send(&mut self, plain: &[u8]) {
        // Without a limit of its buffer it takes whatever there is.
        let _ = self.connection.writer().write_all(plain);
    }

    /// Says that nothing more will be said.
    pub fn close(&mut self) {
        self.connection.send_close_notify();
    }

    /// What is to be sent now.
    pub fn take_output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut bytes) {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        bytes
    }

    /// Whether the handshake is over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.connection.is_handshaking()
    }

    /// Whether the other end said that it will say nothing more (RFC 8446 section 6.1).
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The protocol that the server chose among those offered (RFC 7301).
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// What the other end showed so far, judged.
    #[must_use]
    pub fn shown(&self) -> Shown {
        self.opening.shown(&self.connection)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.opening.name).finish_non_exhaustive()
    }
}
