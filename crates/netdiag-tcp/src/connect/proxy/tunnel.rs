//! The talk with a proxy until it has opened a connection, or says why not.

use super::{Goal, Protocol, Proxy, http, socks};
use netdiag_model::Untrusted;

/// The most that a proxy may say before it is done, in bytes.
const MOST_SAID: usize = 16_384;
/// The most of it that is told, in bytes.
const TOLD: usize = 64;

/// The talk with a proxy.
#[derive(Clone, Debug)]
pub(in crate::connect) struct Tunnel {
    proxy: Proxy,
    goal: Goal,
    step: socks::Step,
    /// What came and is not understood yet.
    pending: Vec<u8>,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::connect) enum Next {
    /// More is to come.
    Wait,
    /// This is to be sent.
    Say(Vec<u8>),
    /// The way is open: what came behind the proxy's answer is the target's.
    Open(Vec<u8>),
    /// It is not.
    Refused(Refusal),
}

/// Why a proxy opens no way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The word of the JSON contract: those that begin with `target-` are about the target behind it.
    pub reason: &'static str,
    /// The code of SOCKS5 or status of HTTP that it gave, where it gave one.
    pub status: Option<u16>,
    /// In a sentence, safe to print.
    pub message: String,
}

impl Next {
    pub(super) fn refused(reason: &'static str, status: Option<u16>, message: String) -> Self {
        Self::Refused(Refusal { reason, status, message })
    }

    /// What answers is no such proxy.
    pub(super) fn malformed(what: &str, came: &[u8]) -> Self {
        let shown = shown(came);
        let message = format!("what answers is no proxy of {what}: `{shown}`");
        Self::refused("proxy-malformed", None, message)
    }
}

impl Tunnel {
    /// One that begins, and what is to be sent for that.
    pub(in crate::connect) fn new(proxy: &Proxy, goal: Goal) -> (Self, Vec<u8>) {
        let first = match proxy.protocol {
            Protocol::Http => http::request(&goal, proxy.login.as_ref()),
            Protocol::Socks5 | Protocol::Socks5Names => socks::greeting(proxy.login.as_ref()),
        };
        let (proxy, step) = (proxy.clone(), socks::Step::Method);
        (Self { proxy, goal, step, pending: Vec::new() }, first)
    }

    /// Takes in what came.
    pub(in crate::connect) fn hear(&mut self, bytes: &[u8]) -> Next {
        self.pending.extend_from_slice(bytes);
        let login = self.proxy.login.as_ref();
        let next = match self.proxy.protocol {
            Protocol::Http => http::answer(&mut self.pending, &self.goal, login),
            Protocol::Socks5 | Protocol::Socks5Names => {
                socks::answer(&mut self.pending, &mut self.step, &self.goal, login)
            }
        };
        match next {
            Next::Wait if self.pending.len() > MOST_SAID => {
                let message = "the proxy says too much before it has opened a connection";
                Next::refused("proxy-malformed", None, message.to_owned())
            }
            next => next,
        }
    }
}

/// The beginning of what came, safe to print.
pub(super) fn shown(came: &[u8]) -> String {
    let told = String::from_utf8_lossy(came.get(..TOLD).unwrap_or(came)).into_owned();
    let more = if came.len() > TOLD { "..." } else { "" };
    format!("{}{more}", Untrusted::from(told.trim_end()).escaped())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What is sent, and how it ends, however the bytes are cut.
    pub(in crate::connect::proxy) fn talk(
        proxy: &str,
        host: &str,
        answers: &[&[u8]],
    ) -> (Vec<Vec<u8>>, Next) {
        let proxy = Proxy::parse(proxy).expect("a proxy");
        let mut last = None;
        let longest = answers.iter().map(|answer| answer.len()).max().unwrap_or(1);
        for piece in 1..=longest.max(1) {
            let (mut tunnel, first) = Tunnel::new(&proxy, Goal::new(host, 80));
            let mut sent = vec![first];
            let mut end = Next::Wait;
            let mut behind = Vec::new();
            for part in answers.iter().flat_map(|answer| answer.chunks(piece)) {
                if let Next::Open(_) = end {
                    behind.extend_from_slice(part);
                    continue;
                }
                if let Next::Refused(_) = end {
                    break;
                }
                end = tunnel.hear(part);
                if let Next::Say(words) = &end {
                    sent.push(words.clone());
                }
            }
            if let Next::Open(rest) = &mut end {
                rest.extend(behind);
            }
            // How much of what is no proxy's answer had come shows in its sentence.
            if let Next::Refused(refusal) = &mut end
                && refusal.message.starts_with("what answers is")
            {
                refusal.message.truncate(24);
            }
            let this = (sent, end);
            assert!(last.as_ref().is_none_or(|last| *last == this), "{piece}: {last:?} {this:?}");
            last = Some(this);
        }
        last.expect("once at least")
    }

    /// The word, the status and the sentence of a refusal.
    pub(in crate::connect::proxy) fn refusal(
        proxy: &str,
        answers: &[&[u8]],
    ) -> (&'static str, Option<u16>, String) {
        match talk(proxy, "a.example", answers).1 {
            Next::Refused(Refusal { reason, status, message }) => (reason, status, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_comes_is_bounded_and_escaped() {
        let proxy = Proxy::parse("http://a:1").expect("a proxy");
        let (mut tunnel, _) = Tunnel::new(&proxy, Goal::new("a.example", 80));
        let begin = b"HTTP/1.1 200 OK\r\n";
        assert_eq!(tunnel.hear(begin), Next::Wait);
        let line = [b'x'; 1_024];
        let ends = (0..20).map(|_| tunnel.hear(&line)).find(|next| *next != Next::Wait);
        assert!(
            matches!(ends, Some(Next::Refused(refusal)) if refusal.message.contains("too much"))
        );
        let (mut tunnel, _) = Tunnel::new(&proxy, Goal::new("a.example", 80));
        let Next::Refused(refusal) = tunnel.hear(&[0x1b; 200]) else {
            panic!("no answer of a proxy")
        };
        assert!(!refusal.message.contains('\u{1b}'), "{}", refusal.message);
        assert!(refusal.message.len() < 600 && refusal.message.ends_with("...`"));
    }
}
