//! Queries over QUIC, each in a stream of its own: as they are, with their length before them (RFC 9250), or
//! by HTTP/3.

use super::https::{Requests, Said, Why};
use super::line::Came;
use super::three::Http3;
use crate::class::Class;
use netdiag_http::three::{Three, code};
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
const REQUEST_CANCELLED: u32 = 3;

/// Queries over one connection.
#[derive(Debug)]
pub(super) struct Quic {
    /// Once there is a socket for it.
    connection: Option<Connection>,
    /// What waits for that, by the numbers of the streams.
    waiting: Vec<(u64, Vec<u8>)>,
    spoken: Spoken,
}

/// What is said over the streams of a connection.
#[derive(Debug)]
enum Spoken {
    /// Messages as they are.
    Doq(Doq),
    /// HTTP/3.
    Http(Box<Http3>),
}

/// Messages as they are: the numbers of their streams are those of the queries.
#[derive(Debug, Default)]
struct Doq {
    /// The beginnings of answers; `None` of one that is whole, and told.
    heard: BTreeMap<u64, Option<Vec<u8>>>,
    /// The queries that were given up.
    late: VecDeque<u64>,
}

impl Quic {
    /// Messages as they are.
    pub(super) fn plain() -> Self {
        Self::new(Spoken::Doq(Doq::default()))
    }

    /// By HTTP/3.
    pub(super) fn http(requests: Requests) -> Self {
        Self::new(Spoken::Http(Box::new(Http3::new(requests))))
    }

    const fn new(spoken: Spoken) -> Self {
        Self { connection: None, waiting: Vec::new(), spoken }
    }

    /// Whether HTTP carries them.
    pub(super) const fn is_http(&self) -> bool {
        matches!(self.spoken, Spoken::Http(_))
    }

    /// What is spoken (RFC 9250 section 4.1.1, RFC 9114 section 3.1).
    const fn protocol(&self) -> &'static str {
        if self.is_http() { "h3" } else { "doq" }
    }

    /// There is a socket for it.
    pub(super) fn begin(&mut self, at: Instant, mut connection: Connection) {
        if self.is_http() {
            connection.say(at, &Three::hello());
        }
        for (number, bytes) in std::mem::take(&mut self.waiting) {
            connection.ask(at, number, &bytes);
        }
        self.connection = Some(connection);
    }

    /// Puts a query to the server, now or once that is possible.
    pub(super) fn ask(&mut self, at: Instant, seq: u64, message: &[u8]) {
        let (number, bytes) = match &mut self.spoken {
            Spoken::Doq(_) => (seq, super::line::framed(message)),
            Spoken::Http(http) => match http.ask(seq, message) {
                Some(asked) => asked,
                None => return,
            },
        };
        match &mut self.connection {
            Some(connection) => connection.ask(at, number, &bytes),
            None => self.waiting.push((number, bytes)),
        }
    }

    /// A query was given up: its answer is late.
    pub(super) fn give_up(&mut self, at: Instant, seq: u64) {
        let number = match &self.spoken {
            Spoken::Doq(_) => Some(seq),
            Spoken::Http(http) => http.number_of(seq),
        };
        self.waiting.retain(|(waiting, _)| Some(*waiting) != number);
        let (oldest, code) = match &mut self.spoken {
            Spoken::Doq(doq) => (doq.give_up(seq), REQUEST_CANCELLED),
            Spoken::Http(http) => (http.give_up(seq), code::REQUEST_CANCELLED),
        };
        if let Some((oldest, connection)) = oldest.zip(self.connection.as_mut()) {
            connection.give_up(at, oldest, code);
        }
    }

    /// Takes in a datagram.
    pub(super) fn receive(&mut self, at: Instant, datagram: &[u8]) -> Came {
        if let Some(connection) = &mut self.connection {
            connection.receive(at, datagram);
        }
        self.came(at)
    }

    /// Does what is due by now.
    pub(super) fn tick(&mut self, at: Instant) -> Came {
        if let Some(connection) = &mut self.connection {
            connection.tick(at);
        }
        self.came(at)
    }

    /// When something is due next.
    pub(super) fn due(&mut self) -> Option<Instant> {
        match &self.spoken {
            Spoken::Http(http) if http.is_over() => Some(Instant::ZERO),
            _ => self.connection.as_mut()?.due(),
        }
    }

    /// The next datagram to be sent.
    pub(super) fn poll_output(&mut self, at: Instant) -> Option<Vec<u8>> {
        self.connection.as_mut()?.poll_output(at)
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self, at: Instant) -> Vec<u8> {
        let code = match &self.spoken {
            Spoken::Doq(_) => NO_ERROR,
            Spoken::Http(http) => http.code(),
        };
        let last = self.connection.as_mut().and_then(|it| it.close(at, code));
        last.unwrap_or_default()
    }

    /// The connection, once there is a socket for it.
    pub(super) const fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    fn came(&mut self, at: Instant) -> Came {
        let mut came = Came::default();
        let protocol = self.protocol();
        let Some(connection) = &mut self.connection else { return came };
        while let Some(event) = connection.poll_event() {
            match (event, &mut self.spoken) {
                (Event::Open, _) => {
                    // Who speaks something else is asked nothing; only a probe offers that.
                    let chosen = connection.talked().shown.alpn;
                    let is_foreign = chosen.is_some_and(|chosen| chosen.as_raw() != protocol);
                    came.has_failed = connection.is_refused() || is_foreign;
                    came.is_ready = !came.has_failed;
                }
                (Event::Ended(Ending::Tls), _) => came.has_failed = true,
                (Event::Ended(ending), _) => came.ended = Some(ending),
                (event, Spoken::Doq(doq)) => came.said.extend(doq.take(event)),
                (event, Spoken::Http(http)) => http.hear(at, event, connection, &mut came),
            }
        }
        if let Spoken::Http(http) = &mut self.spoken {
            http.wind_up(&mut came);
        }
        came
    }
}

impl Doq {
    /// A query was given up; the one whose answer is waited for no more, if any is.
    fn give_up(&mut self, seq: u64) -> Option<u64> {
        self.late.push_back(seq);
        let oldest = self.late.front().copied().filter(|_| self.late.len() > MOST_LATE)?;
        self.late.pop_front();
        self.heard.remove(&oldest);
        Some(oldest)
    }

    fn take(&mut self, event: Event) -> Option<Said> {
        match event {
            Event::Bytes(seq, bytes) => self.hear(seq, &bytes),
            Event::End(seq) => {
                let message = "the server ended the stream before the answer was whole";
                self.cut(seq, "closed", message.to_owned())
            }
            Event::Reset(seq, code) => {
                let message = format!("the server gave the answer up: {}", shown(code, None));
                self.cut(seq, reason(code), message)
            }
            // It has no streams of its own (RFC 9250 section 4.2), as it may open none.
            _ => None,
        }
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
    /// What the end of a connection means that had come to this stage, and that HTTP was spoken over or not.
    pub(super) fn of(ending: &Ending, stage: Stage, is_http: bool) -> Self {
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
        let nothing_wrong = u64::from(if is_http { code::NO_ERROR } else { NO_ERROR });
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
            Ending::Left { code, .. } if *code == nothing_wrong => {
                let class = if is_http { Class::HttpError } else { Class::Closed };
                let message = "the server ended the connection before an answer came";
                ordinary(class, "closed", message)
            }
            Ending::Left { code, reason: said } if is_http => {
                let why = format!("{}{}", code::shown(*code), words(Some(said)));
                let message = format!("the server closed the connection: {why}");
                let class = Class::HttpError;
                Self { class, ..quic(code::reason(*code), message) }
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
