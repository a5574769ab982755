//! The body of an answer: where it ends (RFC 9112 section 6).

use super::Response;

/// The longest line of a size, and of a trailer, in bytes.
const LONGEST_LINE: usize = 8_192;

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

impl Body {
    /// That of an answer to a GET.
    pub(super) fn of(response: &Response) -> Self {
        if matches!(response.status, 100..=199 | 204 | 304) {
            return Self::Length(0);
        }
        let coding = response.header("transfer-encoding").map(|value| value.as_raw());
        if coding.is_some_and(|coding| coding.to_ascii_lowercase().trim().ends_with("chunked")) {
            return Self::Chunks(Chunk::Size, Vec::new());
        }
        let length = response.header("content-length").map(|value| value.as_raw().trim());
        length.and_then(|length| length.parse().ok()).map_or(Self::UntilClose, Self::Length)
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
        let is_empty = matches!(line.as_slice(), b"\r\n" | b"\n");
        *chunk = match *chunk {
            Chunk::DataEnd if is_empty => Chunk::Size,
            Chunk::Trailer if is_empty => return Progress::Ended(at),
            Chunk::Trailer => Chunk::Trailer,
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
}
