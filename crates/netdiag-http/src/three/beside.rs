//! What the other end says over streams of its own (RFC 9114 section 6.2).

use super::Broken;
use super::code;
use super::frames::{
    CANCEL_PUSH, DATA, Frames, GOAWAY, HEADERS, MAX_PUSH_ID, OF_HTTP2, PUSH_PROMISE, Piece,
    SETTINGS, integer,
};
use std::collections::BTreeSet;

/// The kinds of streams.
const CONTROL: u64 = 0x0;
const PUSH: u64 = 0x1;
const ENCODER: u64 = 0x2;
const DECODER: u64 = 0x3;
/// The longest frame that is kept, in bytes.
const LONGEST: u64 = 4_096;
/// What of HTTP/2 must not be set (RFC 9114 section 7.2.4.1).
const SETTINGS_OF_HTTP2: [u64; 4] = [0x2, 0x3, 0x4, 0x5];
/// That a table has no room (RFC 9204 section 4.3.1): all that may be said of one that was given none.
const NO_ROOM: u8 = 0x20;

/// A stream of the other end's.
#[derive(Debug)]
pub(super) enum Beside {
    /// What it is has not come yet, or the beginning of that.
    Unknown(Vec<u8>),
    /// What is said of the connection.
    Control(Control),
    /// What is said of a table of fields.
    Encoder,
    /// Acknowledgements of what this end never says.
    Decoder,
    /// Of a kind that is not known: it is passed over (RFC 9114 section 6.2.3).
    Other,
}

/// What is said of the connection.
#[derive(Debug, Default)]
pub(super) struct Control {
    frames: Frames,
    kind: u64,
    payload: Vec<u8>,
    is_set: bool,
}

impl Default for Beside {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Beside {
    /// Takes in what came over it; `kinds`: of which kinds there are streams. What is told is after which
    /// request the other end takes none.
    ///
    /// # Errors
    /// What is wrong with the connection.
    pub(super) fn hear(
        &mut self,
        mut bytes: &[u8],
        kinds: &mut BTreeSet<u64>,
    ) -> Result<Option<u64>, Broken> {
        while let Self::Unknown(head) = self {
            let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
            head.push(*first);
            bytes = rest;
            if let Some((kind, _)) = integer(head) {
                *self = Self::of(kind, kinds)?;
            }
        }
        match self {
            Self::Control(control) => control.hear(bytes),
            Self::Encoder if bytes.iter().any(|byte| *byte != NO_ROOM) => {
                let what = "it fills a table that has no room";
                Err(Broken::connection(code::ENCODER_STREAM_ERROR, what))
            }
            Self::Unknown(_) | Self::Encoder | Self::Decoder | Self::Other => Ok(None),
        }
    }

    fn of(kind: u64, kinds: &mut BTreeSet<u64>) -> Result<Self, Broken> {
        let found = match kind {
            CONTROL => Self::Control(Control::default()),
            ENCODER => Self::Encoder,
            DECODER => Self::Decoder,
            PUSH => {
                return Err(Broken::connection(code::ID_ERROR, "it pushes what nobody asked for"));
            }
            _ => return Ok(Self::Other),
        };
        match kinds.insert(kind) {
            true => Ok(found),
            false => Err(Broken::connection(
                code::STREAM_CREATION_ERROR,
                "a second stream came of a kind that there is one of",
            )),
        }
    }

    /// It has ended.
    ///
    /// # Errors
    /// When it is one that must not (RFC 9114 section 6.2.1, RFC 9204 section 4.2).
    pub(super) fn end(&self) -> Result<(), Broken> {
        match self {
            Self::Unknown(_) | Self::Other => Ok(()),
            Self::Control(_) | Self::Encoder | Self::Decoder => Err(Broken::connection(
                code::CLOSED_CRITICAL_STREAM,
                "it ended a stream that the connection cannot be without",
            )),
        }
    }
}

impl Control {
    fn hear(&mut self, mut bytes: &[u8]) -> Result<Option<u64>, Broken> {
        let mut leaving = None;
        while let Some(piece) = self.frames.next(&mut bytes) {
            match piece {
                Piece::Begin(kind, length) => self.begin(kind, length)?,
                Piece::Bytes(bytes) if [SETTINGS, GOAWAY].contains(&self.kind) => {
                    self.payload.extend(bytes);
                }
                Piece::Bytes(_) => {}
                Piece::End => {
                    let payload = std::mem::take(&mut self.payload);
                    match self.kind {
                        SETTINGS => settings(&payload)?,
                        GOAWAY => leaving = Some(least(&payload)?),
                        _ => {}
                    }
                }
            }
        }
        Ok(leaving)
    }

    /// Whether a frame may come where it does.
    fn begin(&mut self, kind: u64, length: u64) -> Result<(), Broken> {
        self.kind = kind;
        let is_first = !std::mem::replace(&mut self.is_set, true);
        let unexpected = |what: &str| Err(Broken::connection(code::FRAME_UNEXPECTED, what));
        match kind {
            SETTINGS if !is_first => unexpected("a second SETTINGS came"),
            _ if is_first && kind != SETTINGS => {
                Err(Broken::connection(code::MISSING_SETTINGS, "SETTINGS did not come first"))
            }
            SETTINGS | GOAWAY if length > LONGEST => {
                Err(Broken::connection(code::EXCESSIVE_LOAD, "a frame is longer than is read"))
            }
            CANCEL_PUSH => {
                Err(Broken::connection(code::ID_ERROR, "it takes back what was never pushed"))
            }
            DATA | HEADERS | PUSH_PROMISE | MAX_PUSH_ID => {
                unexpected("a frame came that is none of a connection")
            }
            kind if OF_HTTP2.contains(&kind) => unexpected("a frame of HTTP/2 came"),
            _ => Ok(()),
        }
    }
}

/// Whether settings are as they must be; none is of use here.
fn settings(mut payload: &[u8]) -> Result<(), Broken> {
    let mut known = BTreeSet::new();
    while !payload.is_empty() {
        let pair = integer(payload).and_then(|(name, rest)| Some((name, integer(rest)?.1)));
        let Some((name, rest)) = pair else {
            return Err(Broken::connection(code::FRAME_ERROR, "SETTINGS ends within a setting"));
        };
        payload = rest;
        if !known.insert(name) || SETTINGS_OF_HTTP2.contains(&name) {
            let what = "a setting came twice, or is one of HTTP/2";
            return Err(Broken::connection(code::SETTINGS_ERROR, what));
        }
    }
    Ok(())
}

/// From which stream on requests are not looked at (RFC 9114 section 5.2): one that a request has.
fn least(payload: &[u8]) -> Result<u64, Broken> {
    match integer(payload) {
        Some((least, [])) if least.is_multiple_of(4) => Ok(least),
        Some((_, [])) => Err(Broken::connection(code::ID_ERROR, "GOAWAY names no request")),
        _ => Err(Broken::connection(code::FRAME_ERROR, "GOAWAY has another length")),
    }
}
