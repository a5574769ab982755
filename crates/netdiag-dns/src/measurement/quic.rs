//! Queries over QUIC (RFC 9250): each is a stream of its own, with its length before it.

use super::https::{Said, Why};
use super::line::Came;
use crate::class::Class;
use netdiag_model::failure::Stage;
use netdiag_model::{Instant, Untrusted};
use netdiag_quic::{Connection, Ending, Event};
use std::collections::{BTreeMap, VecDeque};

/// How many answers are waited for whose queries were given up.
const MOST_LATE: usize = 16;
/// The codes of RFC 9250 section 4.3, as reasons of failures.
const REASONS: [&str; 6] = [
    "doq-no-error",
    "doq-internal-error",
    "doq-protocol-error",
    "doq-request-cancelled",
    "doq-excessive-load",
    "doq-unspecified-error",
];
const NO_ERROR: u32 = 0;
/// What is spoken (RFC 9250 section 4.1.1).
const PROTOCOL: &str = "doq";
const REQUEST_CANCELLED: u32 = 3;

/// Queries over one connection.
#[derive(Debug, Default)]
pub(super) struct Quic {
    /// Once there is a socket for it.
    connection: Option<Connection>,
    /// Queries that wait for that.
    waiting: Vec<(u64, Vec<u8>)>,
    /// The beginnings of answers, by the numbers of their queries; `None` of one that is whole, and told.
    heard: BTreeMap<u64, Option<Vec<u8>>>,
    /// The queries that were given up.
    late: VecDeque<u64>,
}

impl Quic {
    /// There is a socket for it.
    pub(super) fn begin(&mut self, at: Instant, mut connection: Connection) {
        for (seq, framed) in std::mem::take(&mut self.waiting) {
            connection.ask(at, seq, &framed);
        }
        self.connection = Some(connection);
    }

    /// Puts a query to the server, now or once that is possible, with its length before it.
    pub(super) fn ask(&mut self, at: Instant, seq: u64, framed: Vec<u8>) {
        match &mut self.connection {
            Some(connection) => connection.ask(at, seq, &framed),
            None => self.waiting.push((seq, framed)),
        }
    }

    /// A query was given up: its answer is late.
    pub(super) fn give_up(&mut self, at: Instant, seq: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != seq);
        self.late.push_back(seq);
        while self.late.len() > MOST_LATE
            && let Some((oldest, connection)) = self.late.pop_front().zip(self.connection.as_mut())
        {
            connection.give_up(at, oldest, REQUEST_CANCELLED);
            self.heard.remove(&oldest);
        }
    }

    /// Takes in a datagram.
    pub(super) fn receive(&mut self, at: Instant, datagram: &[u8]) -> Came {
        if let Some(connection) = &mut self.connection {
            connection.receive(at, datagram);
        }
        self.came()
    }

    /// Does what is due by now.
    pub(super) fn tick(&mut self, at: Instant) -> Came {
        if let Some(connection) = &mut self.connection {
            connection.tick(at);
        }
        self.came()
    }

    /// When something is due next.
    pub(super) fn due(&mut self) -> Option<Instant> {
        self.connection.as_mut()?.due()
    }

    /// The next datagram to be sent.
    pub(super) fn poll_output(&mut self, at: Instant) -> Option<Vec<u8>> {
        self.connection.as_mut()?.poll_output(at)
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self, at: Instant) -> Vec<u8> {
        let last = self.connection.as_mut().and_then(|it| it.close(at, NO_ERROR));
        last.unwrap_or_default()
    }

    /// The connection, once there is a socket for it.
    pub(super) const fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    fn came(&mut self) -> Came {
        let mut came = Came::default();
        while let Some(event) = self.connection.as_mut().and_then(Connection::poll_event) {
            match event {
                Event::Open => {
                    let connection = self.connection();
                    // Who speaks something else is asked nothing; only a probe offers that.
                    let is_foreign = |it: &Connection| {
                        let chosen = it.talked().shown.alpn;
                        chosen.is_some_and(|chosen| chosen.as_raw() != PROTOCOL)
                    };
                    came.has_failed =
                        connection.is_some_and(|it| it.is_refused() || is_foreign(it));
                    came.is_ready = !came.has_failed;
                }
                Event::Bytes(seq, bytes) => came.said.extend(self.hear(seq, &bytes)),
                Event::End(seq) => {
                    let message = "the server ended the stream before the answer was whole";
                    came.said.extend(self.cut(seq, "closed", message.to_owned()));
                }
                Event::Reset(seq, code) => {
                    let message = format!("the server gave the answer up: {}", shown(code, None));
                    came.said.extend(self.cut(seq, reason(code), message));
                }
                Event::Ended(Ending::Tls) => came.has_failed = true,
                Event::Ended(ending) => came.ended = Some(ending),
            }
        }
        came
    }

    /// The answer to a query, once it is whole: that is not put off until the stream ends.
    fn hear(&mut self, seq: u64, bytes: &[u8]) -> Option<Said> {
        let place = self.heard.entry(seq).or_insert_with(|| Some(Vec::new()));
        let heard = place.as_mut()?;
        heard.extend(bytes);
        let (length, rest) = heard.split_first_chunk::<2>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes(*length)))?.to_vec();
        *place = None;
        Some(Said { seq, http: None, result: Ok(message) })
    }

    /// No more comes of an answer: unless it was whole by then, that is why there is none.
    fn cut(&mut self, seq: u64, reason: &'static str, message: String) -> Option<Said> {
        let is_whole = self.heard.remove(&seq).is_some_and(|heard| heard.is_none());
        let why = Why { reason, message, is_untouched: false };
        (!is_whole).then_some(Said { seq, http: None, result: Err(why) })
    }
}

/// Why a connection with queries under way ended.
pub(super) struct Left {
    pub(super) class: Class,
    pub(super) stage: Stage,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// What it leaves is asked again, if it answered anything.
    pub(super) is_ordinary: bool,
}

impl Left {
    /// What the end of a connection means that had come to this stage.
    pub(super) fn of(ending: &Ending, stage: Stage) -> Self {
        let quic = |reason, message| Self {
            class: Class::QuicError,
            stage,
            reason,
            message,
            is_ordinary: false,
        };
        let ordinary = |class, reason, message: &str| Self {
            class,
            stage,
            reason,
            message: message.to_owned(),
            is_ordinary: true,
        };
        match ending {
            Ending::Versions(offered) => {
                let all: Vec<String> = offered.iter().map(|one| format!("{one:#x}")).collect();
                let all = if all.is_empty() { "others".to_owned() } else { all.join(", ") };
                quic(
                    "version-negotiation",
                    format!("QUIC version 1 is not spoken there, but {all}"),
                )
            }
            Ending::Tls => quic("misbehaved", "the handshake of TLS broke".to_owned()),
            Ending::Closed { code, reason } => {
                let name = Ending::code_name(*code).unwrap_or("a code that is not known");
                let why = format!("{name} ({code:#x}){}", words(Some(reason)));
                quic("quic-closed", format!("the server closed the connection: {why}"))
            }
            Ending::Left { code: 0, .. } => {
                let message = "the server ended the connection before an answer came";
                ordinary(Class::Closed, "closed", message)
            }
            Ending::Left { code, reason: said } => {
                let why = shown(*code, Some(said));
                quic(reason(*code), format!("the server closed the connection: {why}"))
            }
            Ending::Reset => {
                let message = "the server knows nothing of the connection: a stateless reset came";
                ordinary(Class::Closed, "reset", message)
            }
            Ending::Idle => {
                let message = "nothing came for as long as both ends keep the connection";
                ordinary(Class::Timeout, "timeout", message)
            }
            Ending::Misbehaved(how) => {
                quic("misbehaved", format!("the server broke the rules of QUIC: {how}"))
            }
        }
    }
}

/// A code of DNS over QUIC, as a reason of a failure.
fn reason(code: u64) -> &'static str {
    let found = usize::try_from(code).ok().and_then(|code| REASONS.get(code));
    found.copied().unwrap_or("doq-other-error")
}

/// The same as RFC 9250 names it, with what the server says of it.
fn shown(code: u64, said: Option<&Untrusted>) -> String {
    let name = reason(code).replace('-', "_").to_uppercase();
    format!("{name} ({code:#x}){}", words(said))
}

fn words(said: Option<&Untrusted>) -> String {
    let said = said.filter(|said| !said.as_raw().is_empty());
    said.map(|said| format!(": `{}`", said.escaped())).unwrap_or_default()
}
