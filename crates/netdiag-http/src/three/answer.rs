//! The answer to one request, as it comes over a stream of its own (RFC 9114 section 4.1).

use super::Broken;
use super::code;
use super::fields::{self, RawField, Unreadable};
use super::frames::{
    CANCEL_PUSH, DATA, Frames, GOAWAY, HEADERS, MAX_PUSH_ID, OF_HTTP2, PUSH_PROMISE, Piece,
    SETTINGS,
};
use crate::LARGEST_HEAD;
use crate::client::Event;
use crate::fault::{Fault, Reason};
use crate::message::{Fields, Head, Version, field, text};

/// How many answers may come on the way to the one that counts.
const MOST_INTERIM: u32 = 32;
/// Fields of the connection, which is none of HTTP's here (RFC 9114 section 4.2).
const OF_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// How far an answer has come.
#[derive(Debug)]
pub(super) struct Answer {
    frames: Frames,
    /// The type of the frame that is read.
    kind: u64,
    /// The fields that are read, as they are written.
    block: Vec<u8>,
    interim: u32,
    has_begun: bool,
    trailers: Option<Fields>,
    /// Whether a body comes with it, whatever its fields say of its length.
    has_body: bool,
    /// How long it says its body is, in bytes.
    length: Option<u64>,
    /// How many of them came.
    came: u64,
}

impl Answer {
    pub(super) fn new(has_body: bool) -> Self {
        Self {
            frames: Frames::default(),
            kind: DATA,
            block: Vec::new(),
            interim: 0,
            has_begun: false,
            trailers: None,
            has_body,
            length: None,
            came: 0,
        }
    }

    /// Takes in what came of it.
    ///
    /// # Errors
    /// What is wrong with it, or with all of the connection.
    pub(super) fn hear(
        &mut self,
        number: u64,
        mut bytes: &[u8],
        events: &mut Vec<Event>,
    ) -> Result<(), Broken> {
        while let Some(piece) = self.frames.next(&mut bytes) {
            match piece {
                Piece::Begin(kind, length) => self.begin(kind, length)?,
                Piece::Bytes(bytes) if self.kind == DATA => {
                    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    self.came = self.came.saturating_add(length);
                    if self.length.is_some_and(|length| self.came > length) {
                        return Err(malformed("its body is longer than it says").into());
                    }
                    events.push(Event::Body(number, bytes.to_vec()));
                }
                Piece::Bytes(bytes) if self.kind == HEADERS => self.block.extend(bytes),
                Piece::End if self.kind == HEADERS => events.extend(self.section(number)?),
                // What is not known is passed over (RFC 9114 section 9).
                Piece::Bytes(_) | Piece::End => {}
            }
        }
        Ok(())
    }

    /// Whether a frame may come where it does.
    fn begin(&mut self, kind: u64, length: u64) -> Result<(), Broken> {
        self.kind = kind;
        let unexpected = |what: &str| Broken::connection(code::FRAME_UNEXPECTED, what);
        let is_over = self.trailers.is_some();
        match kind {
            DATA if !self.has_begun => Err(unexpected("a body came before its head")),
            DATA | HEADERS if is_over => Err(unexpected("more came behind the end of an answer")),
            HEADERS if length > u64::try_from(LARGEST_HEAD).unwrap_or_default() => {
                Err(too_large().into())
            }
            PUSH_PROMISE => {
                Err(Broken::connection(code::ID_ERROR, "it pushes what nobody asked for"))
            }
            CANCEL_PUSH | SETTINGS | GOAWAY | MAX_PUSH_ID => {
                Err(unexpected("what is said of the connection came within an answer"))
            }
            kind if OF_HTTP2.contains(&kind) => Err(unexpected("a frame of HTTP/2 came")),
            _ => Ok(()),
        }
    }

    /// Fields are whole: those before the body or behind it.
    fn section(&mut self, number: u64) -> Result<Option<Event>, Broken> {
        let block = std::mem::take(&mut self.block);
        let raw = fields::decoded(&block).map_err(|why| match why {
            Unreadable::TooLarge => too_large().into(),
            Unreadable::Broken => {
                Broken::connection(code::DECOMPRESSION_FAILED, "its fields cannot be read")
            }
        })?;
        if self.has_begun {
            let trailers = checked(&raw)?;
            self.trailers = Some(trailers);
            return Ok(None);
        }
        let (status, rest) = status(&raw)?;
        let fields = checked(rest)?;
        if status < 200 {
            self.interim += 1;
            return match self.interim > MOST_INTERIM {
                true => Err(malformed("no end of 1xx").into()),
                false => Ok(Some(Event::Interim(number, status))),
            };
        }
        if let Some(said) = field(&fields, "content-length") {
            let said = said.as_raw();
            let is_number = !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_digit());
            let length = said.parse().ok().filter(|_| is_number);
            let length = length.ok_or_else(|| malformed("the length of its body is no number"))?;
            self.length = (self.has_body && ![204, 304].contains(&status)).then_some(length);
        }
        self.has_begun = true;
        Ok(Some(Event::Head(number, Head { version: Version::Http3, status, fields })))
    }

    /// The stream ended: the end of the answer.
    ///
    /// # Errors
    /// When it is not whole, or the connection is broken.
    pub(super) fn end(&mut self, number: u64) -> Result<Event, Broken> {
        if self.frames.is_within() {
            return Err(Broken::connection(code::FRAME_ERROR, "a stream ended within a frame"));
        }
        if !self.has_begun {
            let message = "the other end ended the stream before the answer began";
            return Err(Fault::new(Reason::Closed, message).into());
        }
        if self.length.is_some_and(|length| self.came < length) {
            return Err(malformed("its body is shorter than it says").into());
        }
        Ok(Event::End(number, self.trailers.take().unwrap_or_default()))
    }
}

fn malformed(why: &str) -> Fault {
    Fault::new(Reason::Malformed, format!("the answer is no HTTP/3: {why}"))
}

fn too_large() -> Fault {
    Fault::new(
        Reason::TooLarge,
        format!("the head of the answer is longer than {LARGEST_HEAD} bytes"),
    )
}

/// The status, which comes first and alone (RFC 9114 section 4.3.2), and what stands behind it. HTTP/3 has
/// no 101 (RFC 9114 section 4.5).
fn status(raw: &[RawField]) -> Result<(u16, &[RawField]), Fault> {
    let first = raw.split_first().filter(|((name, _), _)| name == b":status");
    let ((_, said), rest) = first.ok_or_else(|| malformed("it does not begin by a status"))?;
    let digits = std::str::from_utf8(said).ok().filter(|said| said.len() == 3);
    let status = digits.and_then(|digits| digits.parse().ok());
    let status = status.filter(|status| (100..=999).contains(status) && *status != 101);
    Ok((status.ok_or_else(|| malformed("its status is none"))?, rest))
}

/// Fields whose names and values may stand there (RFC 9114 section 4.2).
fn checked(raw: &[RawField]) -> Result<Fields, Fault> {
    let is_of_name = |byte: &u8| {
        let is_mark = b"!#$%&'*+-.^_`|~".contains(byte);
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_mark
    };
    let is_of_value = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
    let fields = raw.iter().map(|(name, value)| {
        let is_name = !name.is_empty() && name.iter().all(is_of_name);
        let is_foreign = OF_CONNECTION.iter().any(|one| one.as_bytes() == name);
        match is_name && !is_foreign && value.iter().all(is_of_value) {
            true => Ok((text(name), text(value))),
            false => Err(malformed("a field stands in it that must not")),
        }
    });
    fields.collect()
}
