//! Cookies: the client's part, and the server's that came with it (RFC 7873).

use super::Measurement;
use crate::config::Config;
use crate::message::{Edns, Message};
use crate::text::{hex, unhex};
use netdiag_model::Destination;

/// Digits of the client's part of a cookie, which has 8 bytes (RFC 7873 section 4).
const CLIENT_COOKIE: usize = 16;

impl Config {
    /// The client's part, one for each server (RFC 7873 section 4.1).
    pub(crate) fn own_cookie(&self, destination: Destination) -> [u8; 8] {
        self.secret.cookie(destination.to_string().as_bytes())
    }

    /// Whether what a server sends back begins with the client's part as it was sent to it; `None`
    /// without a cookie.
    #[must_use]
    pub fn is_own_cookie(&self, server: usize, edns: &Edns) -> Option<bool> {
        let destination = self.servers.get(server)?.destination.as_ref().ok()?;
        self.has_own_cookie(*destination, edns)
    }

    fn has_own_cookie(&self, destination: Destination, edns: &Edns) -> Option<bool> {
        let digits = edns.cookie.as_ref()?;
        Some(digits.starts_with(&hex(&self.own_cookie(destination))))
    }
}

impl Measurement {
    /// The client's part with the server's, where that is known, behind it; nothing where none is sent.
    pub(super) fn cookie(&self, server: usize, destination: Destination) -> Vec<u8> {
        let has_cookie = self.config.query.edns.as_ref().is_some_and(|edns| edns.cookie);
        if !has_cookie {
            return Vec::new();
        }
        let mut cookie = self.config.own_cookie(destination).to_vec();
        cookie.extend(self.cookies.get(server).into_iter().flatten());
        cookie
    }

    /// Whether a message has a cookie of which the client's part is not what was sent: then it is to be
    /// discarded (RFC 7873 section 5.3).
    pub(super) fn has_foreign_cookie(&self, destination: Destination, message: &Message) -> bool {
        let edns = message.edns.as_ref().filter(|_| self.judges_cookies());
        edns.and_then(|edns| self.config.has_own_cookie(destination, edns)) == Some(false)
    }

    /// Whether cookies of answers are looked at.
    pub(super) fn judges_cookies(&self) -> bool {
        let edns = self.config.query.edns.as_ref();
        edns.is_some_and(|edns| edns.cookie && !edns.takes_any_cookie)
    }

    /// Keeps the part of a cookie that is the server's.
    pub(super) fn keep_cookie(&mut self, server: usize, message: Option<&Message>) {
        let edns = message.and_then(|message| message.edns.as_ref());
        let own = edns.filter(|edns| self.config.is_own_cookie(server, edns) == Some(true));
        let digits = own.and_then(|edns| edns.cookie.as_ref()?.get(CLIENT_COOKIE..));
        let (Some(bytes), Some(kept)) = (digits.and_then(unhex), self.cookies.get_mut(server))
        else {
            return;
        };
        *kept = bytes;
    }
}
