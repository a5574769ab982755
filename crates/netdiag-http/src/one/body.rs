//! The body of an answer by HTTP/1.1: where it ends (RFC 9112 section 6).

use crate::message::{Fields, Head, Method, text};
use netdiag_model::Untrusted;

/// The longest line of a size, and all fields behind a body, in bytes.
const LONGEST_LINE: usize = 8_192;
/// How many fields may stand behind a body.
const MOST_TRAILERS: usize = 32;

/// How far a body has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are to come.
    Length(u64),
    /// In chunks.
    Chunks(Chunk, Vec<u8>),
    /// Until the connection is closed.
    UntilClose,
}

/// Where in its chunks it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the line with the size of the next.
    Size,
    /// So many bytes of this one are to come.
    Data(u64),
    /// In the end of the line behind it.
    DataEnd,
    /// In the fields behind the last.
    Trailer,
}

/// How a body goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is to come.
    More,
    /// It ended before so many of the bytes given.
    Ended(usize),
    /// Its chunks are none.
    Broken,
}

/// A length that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoLength;

impl Body {
    /// That of the answer to such a request (RFC 9112 section 6.3).
    ///
    /// # Errors
    /// When its length is no number, or several: where it ends cannot be known.
    pub(super) fn of(head: &Head, method: Method) -> Result<Self, NoLength> {
        if method == Method::Head || matches!(head.status, 100..=199 | 204 | 304) {
            return Ok(Self::Length(0));
        }
        let of = |wanted: &'static str| {
            let fields = head.fields.iter();
            fields.filter(move |(name, _)| name.as_raw().eq_ignore_ascii_case(wanted))
        };
        if let Some((_, coding)) = of("transfer-encoding").next_back() {
            return Ok(match coding.as_raw().to_ascii_lowercase().trim().ends_with("chunked") {
                true => Self::Chunks(Chunk::Size, Vec::new()),
                false => Self::UntilClose,
            });
        }
        let mut lengths = of("content-length").flat_map(|(_, value)| value.as_raw().split(','));
        let Some(first) = lengths.next() else { return Ok(Self::UntilClose) };
        let length = number(first).ok_or(NoLength)?;
        match lengths.all(|other| number(other) == Some(length)) {
            true => Ok(Self::Length(length)),
            false => Err(NoLength),
        }
    }

    /// How many bytes are known to be missing, where that can be known.
    pub(super) const fn missing(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            _ => None,
        }
    }

    /// The fields that stood behind it.
    pub(super) fn trailers(&self) -> Fields {
        let Self::Chunks(_, lines) = self else { return Fields::new() };
        let mut fields = [httparse::EMPTY_HEADER; MOST_TRAILERS];
        match httparse::parse_headers(lines, &mut fields) {
            Ok(httparse::Status::Complete((_, fields))) => fields
                .iter()
                .map(|field| (Untrusted::from(field.name), text(field.value)))
                .collect(),
            _ => Fields::new(),
        }
    }

    /// Takes in what came; what of it is text goes to `text`.
    pub(super) fn take(&mut self, bytes: &[u8], mut text: impl FnMut(&[u8])) -> Progress {
        match self {
            Self::UntilClose => {
                text(bytes);
                Progress::More
            }
            Self::Length(left) => {
                let taken = portion(bytes, *left);
                text(taken);
                *left = left.saturating_sub(taken.len() as u64);
                if *left == 0 { Progress::Ended(taken.len()) } else { Progress::More }
            }
            Self::Chunks(chunk, line) => chunks(chunk, line, bytes, text),
        }
    }
}

/// Digits alone: neither a sign nor a space within (RFC 9110 section 8.6).
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// So many of some bytes, at most.
fn portion(bytes: &[u8], most: u64) -> &[u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    bytes.get(..most).unwrap_or(bytes)
}

fn chunks(
    chunk: &mut Chunk,
    line: &mut Vec<u8>,
    bytes: &[u8],
    mut text: impl FnMut(&[u8]),
) -> Progress {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Chunk::Data(left) = chunk {
            let taken = portion(rest, *left);
            text(taken);
            at += taken.len();
            let left = left.saturating_sub(taken.len() as u64);
            *chunk = if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) };
            continue;
        }
        let end = rest.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(rest.len(), |end| end + 1);
        line.extend_from_slice(rest.get(..taken).unwrap_or(rest));
        at += taken;
        if line.len() > LONGEST_LINE {
            return Progress::Broken;
        }
        if end.is_none() {
            continue;
        }
        let is_empty = match *chunk {
            Chunk::Trailer => is_end(line),
            _ => matches!(line.as_slice(), b"\r\n" | b"\n"),
        };
        *chunk = match *chunk {
            Chunk::DataEnd if is_empty => Chunk::Size,
            Chunk::Trailer if is_empty => return Progress::Ended(at),
            Chunk::Trailer => continue,
            Chunk::Size => match httparse::parse_chunk_size(line) {
                Ok(httparse::Status::Complete((_, 0))) => Chunk::Trailer,
                Ok(httparse::Status::Complete((_, size))) => Chunk::Data(size),
                _ => return Progress::Broken,
            },
            Chunk::DataEnd | Chunk::Data(_) => return Progress::Broken,
        };
        line.clear();
    }
    Progress::More
}

/// Whether the last of these lines is empty, so that there are no more.
fn is_end(lines: &[u8]) -> bool {
    matches!(lines, b"\r\n" | b"\n") || lines.ends_with(b"\n\r\n") || lines.ends_with(b"\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_text_however_they_are_cut() {
        let bytes = b"4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\nT: x\r\n\r\nrest";
        for piece in 1..bytes.len() {
            let mut body = Body::Chunks(Chunk::Size, Vec::new());
            let (mut all, mut taken) = (Vec::new(), 0);
            for part in bytes.chunks(piece) {
                match body.take(part, |text| all.extend_from_slice(text)) {
                    Progress::More => taken += part.len(),
                    Progress::Ended(len) => {
                        taken += len;
                        break;
                    }
                    Progress::Broken => panic!("{piece}"),
                }
            }
            assert_eq!((all.as_slice(), &bytes[taken..]), (&b"Wikipedia "[..], &b"rest"[..]));
            assert_eq!(body.trailers(), [(Untrusted::from("T"), Untrusted::from("x"))]);
        }
    }

    #[test]
    fn what_are_no_chunks_is_broken() {
        for wrong in [&b"x\r\n"[..], b"4\r\nWikix\r\n", b"-1\r\n", b"fffffffffffffffff\r\n"] {
            let mut body = Body::Chunks(Chunk::Size, Vec::new());
            assert_eq!(body.take(wrong, |_| {}), Progress::Broken, "{wrong:?}");
        }
        let mut body = Body::Chunks(Chunk::Size, Vec::new());
        assert_eq!(body.take(&[b'1'; 10_000], |_| {}), Progress::Broken);
    }

    #[test]
    fn a_length_ends_where_it_says() {
        let mut body = Body::Length(5);
        assert_eq!(body.take(b"abc", |_| {}), Progress::More);
        assert_eq!(body.take(b"defg", |_| {}), Progress::Ended(2));
        assert_eq!(Body::Length(0).take(b"", |_| {}), Progress::Ended(0));
    }

    #[test]
    fn a_length_that_is_none_is_no_length() {
        let of = |fields: &[(&str, &str)], method| {
            let fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            let version = crate::Version::Http11;
            Body::of(&Head { version, status: 200, fields: fields.collect() }, method)
        };
        let get = |fields: &[(&str, &str)]| of(fields, Method::Get);
        assert_eq!(get(&[]), Ok(Body::UntilClose));
        assert_eq!(get(&[("Content-Length", "7")]), Ok(Body::Length(7)));
        assert_eq!(
            get(&[("content-length", "7"), ("Content-Length", "7, 7")]),
            Ok(Body::Length(7))
        );
        for wrong in ["", "-1", "+7", "7 7", "0x7", "7, 8", "99999999999999999999"] {
            assert_eq!(get(&[("Content-Length", wrong)]), Err(NoLength), "{wrong}");
        }
        let both = [("Content-Length", "7"), ("Transfer-Encoding", "gzip, chunked")];
        assert!(matches!(get(&both), Ok(Body::Chunks(..))), "{both:?}");
        assert_eq!(of(&[("Content-Length", "7")], Method::Head), Ok(Body::Length(0)));
    }
}
