//! How services that begin in plain text are asked to go on by TLS.

use netdiag_model::Untrusted;

/// The most that a service may say before TLS, in bytes.
const MOST_SAID: usize = 16_384;
/// What asks PostgreSQL for TLS: SSLRequest of its frontend protocol, a length of 8 and 80877103.
const POSTGRES_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// What asks a server of LDAP for it (RFC 4511 section 4.14.1): message 1, an extended request by the name
/// 1.3.6.1.4.1.1466.20037.
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Tags of its answer (RFC 4511 section 4.2): a message, its number, an extended response, a result code.
const LDAP_MESSAGE: u8 = 0x30;
const LDAP_NUMBER: u8 = 0x02;
const LDAP_RESPONSE: u8 = 0x78;
const LDAP_RESULT: u8 = 0x0a;

/// A protocol that knows how to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `STARTTLS` of RFC 3207.
    Smtp,
    /// `STARTTLS` of RFC 9051 section 6.2.1.
    Imap,
    /// `STLS` of RFC 2595 section 4.
    Pop3,
    /// `AUTH TLS` of RFC 4217 section 4.
    Ftp,
    /// SSLRequest.
    Postgres,
    /// StartTLS of RFC 4511 section 4.14.
    Ldap,
}

/// The talk before TLS.
#[derive(Clone, Debug)]
pub(super) struct Upgrade {
    protocol: Protocol,
    /// Answers taken.
    step: usize,
    /// What came and is no whole line yet.
    pending: Vec<u8>,
    /// How much came.
    said: usize,
    /// SMTP: STARTTLS is among what the server can do.
    is_offered: bool,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More is to come.
    Wait,
    /// This is to be sent.
    Say(&'static [u8]),
    /// TLS can begin.
    Ready,
    /// It cannot: why, safe to print.
    Refused(String),
}

impl Protocol {
    /// All of them, by the words of the option.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("smtp", Self::Smtp),
        ("imap", Self::Imap),
        ("pop3", Self::Pop3),
        ("ftp", Self::Ftp),
        ("postgres", Self::Postgres),
        ("ldap", Self::Ldap),
    ];

    /// The word of the option.
    #[must_use]
    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, protocol)| *protocol == self);
        known.map_or("", |(name, _)| *name)
    }
}

impl Upgrade {
    /// One that begins, and what is to be sent for that.
    pub(super) const fn new(protocol: Protocol) -> (Self, &'static [u8]) {
        let first: &[u8] = match protocol {
            Protocol::Postgres => &POSTGRES_REQUEST,
            Protocol::Ldap => LDAP_REQUEST,
            _ => b"",
        };
        (Self { protocol, step: 0, pending: Vec::new(), said: 0, is_offered: false }, first)
    }

    /// Takes in what came.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Next {
        self.said = self.said.saturating_add(bytes.len());
        if self.said > MOST_SAID {
            return Next::Refused("the service says too much before TLS".to_owned());
        }
        self.pending.extend_from_slice(bytes);
        match self.protocol {
            Protocol::Postgres => return self.postgres(),
            Protocol::Ldap => return self.ldap(),
            Protocol::Smtp | Protocol::Imap | Protocol::Pop3 | Protocol::Ftp => {}
        }
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match self.line(&line) {
                Next::Wait => {}
                Next::Ready if !self.pending.is_empty() => return too_much(),
                next => return next,
            }
        }
        Next::Wait
    }

    fn postgres(&self) -> Next {
        match self.pending.as_slice() {
            [] => Next::Wait,
            b"S" => Next::Ready,
            [b'S', ..] => too_much(),
            [b'N', ..] => Next::Refused("the service does not offer TLS".to_owned()),
            other => refused(&String::from_utf8_lossy(other)),
        }
    }

    fn ldap(&self) -> Next {
        let said = self.pending.as_slice();
        if said.first().is_some_and(|tag| *tag != LDAP_MESSAGE) {
            return refused(&String::from_utf8_lossy(said));
        }
        let Some((_, message, rest)) = element(said) else { return Next::Wait };
        let result = element(message).filter(|(tag, ..)| *tag == LDAP_NUMBER);
        let result = result.and_then(|(.., rest)| element(rest));
        let result = result.filter(|(tag, ..)| *tag == LDAP_RESPONSE);
        match result.and_then(|(_, response, _)| element(response)) {
            Some((LDAP_RESULT, [0], _)) if !rest.is_empty() => too_much(),
            Some((LDAP_RESULT, [0], _)) => Next::Ready,
            Some((LDAP_RESULT, [code], _)) => Next::Refused(format!(
                "the service does not go on by TLS: result code {code} of LDAP (RFC 4511 section 4.1.9)"
            )),
            _ => refused(&String::from_utf8_lossy(said)),
        }
    }

    /// Takes in a line.
    fn line(&mut self, line: &str) -> Next {
        if self.protocol == Protocol::Smtp && self.step == 1 {
            let word = line.get(4..).unwrap_or_default().trim();
            self.is_offered |= line.starts_with("250") && word.eq_ignore_ascii_case("starttls");
        }
        // More lines of the same answer follow.
        let is_coded = matches!(self.protocol, Protocol::Smtp | Protocol::Ftp);
        if is_coded && !is_last(line) {
            return Next::Wait;
        }
        if self.protocol == Protocol::Imap && self.step == 1 && line.starts_with('*') {
            return Next::Wait;
        }
        let (wanted, next): (&str, Next) = match (self.protocol, self.step) {
            (Protocol::Smtp, 0) => ("220", Next::Say(b"EHLO netdiag.invalid\r\n")),
            (Protocol::Smtp, 1) if !self.is_offered && line.starts_with("250") => {
                return Next::Refused("STARTTLS is not among what the service offers".to_owned());
            }
            (Protocol::Smtp, 1) => ("250", Next::Say(b"STARTTLS\r\n")),
            (Protocol::Smtp, _) => ("220", Next::Ready),
            (Protocol::Imap, 0) => ("* OK", Next::Say(b"a STARTTLS\r\n")),
            (Protocol::Imap, _) => ("a OK", Next::Ready),
            (Protocol::Pop3, 0) => ("+OK", Next::Say(b"STLS\r\n")),
            (Protocol::Pop3, _) => ("+OK", Next::Ready),
            (Protocol::Ftp, 0) => ("220", Next::Say(b"AUTH TLS\r\n")),
            (Protocol::Ftp, _) => ("234", Next::Ready),
            (Protocol::Postgres | Protocol::Ldap, _) => return Next::Wait,
        };
        let begins = line.get(..wanted.len());
        if !begins.is_some_and(|begin| begin.eq_ignore_ascii_case(wanted)) {
            return refused(line);
        }
        self.step += 1;
        next
    }
}

/// Whether a line with a code is the last of its answer (RFC 5321 section 4.2.1, RFC 959 section 4.2).
fn is_last(line: &str) -> bool {
    let code = line.get(..3).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    code && !line.get(3..).is_some_and(|rest| rest.starts_with('-'))
}

/// The tag and content of the first element of BER, once it is whole, and what follows it (ITU-T X.690
/// section 8.1; a length has at most four bytes here).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        ..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn refused(said: &str) -> Next {
    let said = Untrusted::from(said);
    Next::Refused(format!("the service does not go on by TLS: it says `{}`", said.escaped()))
}

/// What comes in plain text behind the agreement may be anybody's: it must not be taken for what is
/// said over TLS.
fn too_much() -> Next {
    Next::Refused("more came in plain text behind the agreement on TLS: perhaps forged".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent, and how it ends, however the bytes are cut.
    fn talk(protocol: Protocol, answers: &[&str]) -> (Vec<String>, Next) {
        let mut last = None;
        for piece in [1, 3, 1_000] {
            let (mut upgrade, first) = Upgrade::new(protocol);
            let mut sent = vec![String::from_utf8_lossy(first).into_owned()];
            let mut end = Next::Wait;
            for answer in answers {
                for part in answer.as_bytes().chunks(piece) {
                    end = upgrade.hear(part);
                    if let Next::Say(words) = &end {
                        sent.push(String::from_utf8_lossy(words).into_owned());
                    }
                }
            }
            let this = (sent, end);
            assert!(last.as_ref().is_none_or(|last| *last == this), "{last:?} {this:?}");
            last = Some(this);
        }
        last.expect("three times")
    }

    #[test]
    fn each_protocol_is_asked_in_its_own_way() {
        let check = |protocol, answers: &[&str], sent: &[&str]| {
            let (said, end) = talk(protocol, answers);
            assert_eq!(end, Next::Ready, "{protocol:?}");
            let said = said.iter().skip(1).map(String::as_str);
            assert_eq!(said.collect::<Vec<&str>>(), sent, "{protocol:?}");
        };
        let smtp = ["220-a\r\n220 b\r\n", "250-x\r\n250-STARTTLS\r\n250 y\r\n", "220 go\r\n"];
        check(Protocol::Smtp, &smtp, &["EHLO netdiag.invalid\r\n", "STARTTLS\r\n"]);
        let imap = ["* OK ready\r\n", "* CAPABILITY x\r\na OK go\r\n"];
        check(Protocol::Imap, &imap, &["a STARTTLS\r\n"]);
        check(Protocol::Pop3, &["+OK\r\n", "+OK go\r\n"], &["STLS\r\n"]);
        check(Protocol::Ftp, &["220-a\r\nb\r\n220 c\r\n", "234 go\r\n"], &["AUTH TLS\r\n"]);
        check(Protocol::Postgres, &["S"], &[]);
        check(Protocol::Ldap, &["0\x0c\x02\x01\x01x\x07\n\x01\0\x04\0\x04\0"], &[]);
    }

    #[test]
    fn what_does_not_go_on_by_tls_says_why() {
        let check = |protocol, answers: &[&str], why: &str| {
            let mut upgrade = Upgrade::new(protocol).0;
            let mut end = Next::Wait;
            for answer in answers {
                end = upgrade.hear(answer.as_bytes());
            }
            let Next::Refused(said) = end else { panic!("{protocol:?}: {end:?}") };
            assert!(said.contains(why) && !said.contains('\u{1b}'), "{said}");
        };
        check(Protocol::Smtp, &["220 a\r\n", "250 SIZE\r\n"], "not among");
        check(Protocol::Smtp, &["220 a\r\n", "502 what\r\n"], "it says `502 what`");
        check(Protocol::Smtp, &["554 \u{1b}[2J no\r\n"], "it says `554 \\u{1b}[2J no`");
        check(Protocol::Pop3, &["+OK\r\n", "-ERR\r\n"], "-ERR");
        check(Protocol::Postgres, &["N"], "not offer");
        check(Protocol::Ldap, &["0\x0c\x02\x01\x01x\x07\n\x01\x34\x04\0\x04\0"], "result code 52");
        check(Protocol::Ldap, &["0\x0c\x02\x01\x01x\x07\n\x01\0\x04\0\x04\0x"], "forged");
        check(Protocol::Ldap, &["HTTP/1.1 400"], "it says `HTTP/1.1 400`");
        check(Protocol::Postgres, &["Sx"], "forged");
        check(Protocol::Imap, &["* OK\r\n", "a OK\r\n* forged\r\n"], "forged");
        check(Protocol::Ftp, &["x".repeat(20_000).as_str()], "too much");
    }
}
