//! The frames of a stream (RFC 9114 section 7.1), in whatever pieces they come.

pub(super) const DATA: u64 = 0x0;
pub(super) const HEADERS: u64 = 0x1;
pub(super) const CANCEL_PUSH: u64 = 0x3;
pub(super) const SETTINGS: u64 = 0x4;
pub(super) const PUSH_PROMISE: u64 = 0x5;
pub(super) const GOAWAY: u64 = 0x7;
pub(super) const MAX_PUSH_ID: u64 = 0xd;
/// Those of HTTP/2 that have no like here, and must not come (RFC 9114 section 7.2.8).
pub(super) const OF_HTTP2: [u64; 4] = [0x2, 0x6, 0x8, 0x9];

/// How far the frames of a stream were read.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of type and length, 16 bytes at most.
    head: Vec<u8>,
    /// How many bytes of a frame are still to come; `None`: none has begun.
    left: Option<u64>,
}

/// The next that there is of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// One begins: its type, and how many bytes it has.
    Begin(u64, u64),
    /// The next of these.
    Bytes(&'a [u8]),
    /// That was all of it.
    End,
}

impl Frames {
    /// Takes the next piece out of what came; `None`: more has to come.
    pub(super) fn next<'a>(&mut self, came: &mut &'a [u8]) -> Option<Piece<'a>> {
        let Some(left) = self.left else {
            loop {
                if let Some((kind, length)) = head(&self.head) {
                    self.head.clear();
                    self.left = Some(length);
                    return Some(Piece::Begin(kind, length));
                }
                let (first, rest) = came.split_first()?;
                self.head.push(*first);
                *came = rest;
            }
        };
        if left == 0 {
            self.left = None;
            return Some(Piece::End);
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(came.len());
        let (bytes, rest) = came.split_at_checked(length).filter(|(bytes, _)| !bytes.is_empty())?;
        *came = rest;
        self.left = Some(left.saturating_sub(u64::try_from(length).unwrap_or(left)));
        Some(Piece::Bytes(bytes))
    }

    /// Whether the end of a frame that has begun is still to come.
    pub(super) const fn is_within(&self) -> bool {
        self.left.is_some() || !self.head.is_empty()
    }
}

fn head(bytes: &[u8]) -> Option<(u64, u64)> {
    let (kind, rest) = integer(bytes)?;
    Some((kind, integer(rest)?.0))
}

/// An integer of variable length (RFC 9000 section 16), and what stands behind it.
pub(super) fn integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let (own, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let mut padded = [0; 8];
    padded.get_mut(8 - own.len()..)?.copy_from_slice(own);
    // The first two bits are the length.
    let mask = (1_u64 << (8 * own.len() - 2)) - 1;
    Some((u64::from_be_bytes(padded) & mask, rest))
}

/// Writes such an integer, below 2^30.
pub(super) fn put_integer(into: &mut Vec<u8>, value: u32) {
    match value {
        0..0x40 => into.extend(value.to_be_bytes().get(3..).unwrap_or_default()),
        0x40..0x4000 => {
            into.extend((value | 0x4000).to_be_bytes().get(2..).unwrap_or_default());
        }
        _ => into.extend((value | 0x8000_0000).to_be_bytes()),
    }
}

/// Writes a frame.
pub(super) fn put(into: &mut Vec<u8>, kind: u64, payload: &[u8]) {
    put_integer(into, u32::try_from(kind).unwrap_or_default());
    put_integer(into, u32::try_from(payload.len()).unwrap_or_default());
    into.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9000 appendix A.1.
    #[test]
    fn integers_say_their_own_length() {
        for (bytes, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            assert_eq!(integer(bytes), Some((value, &[][..])), "{value}");
            assert_eq!(integer(&bytes[..bytes.len() - 1]), None, "{value}");
        }
        for value in [0, 37, 63, 64, 15_293, 16_383, 16_384, 494_878_333] {
            let mut bytes = Vec::new();
            put_integer(&mut bytes, value);
            assert_eq!(integer(&bytes), Some((value.into(), &[][..])));
        }
    }

    #[test]
    fn frames_come_in_any_pieces() {
        let mut bytes = Vec::new();
        put(&mut bytes, DATA, b"data");
        put(&mut bytes, 0x21, b"");
        for size in 1..=bytes.len() {
            let (mut frames, mut told) = (Frames::default(), Vec::new());
            for part in bytes.chunks(size) {
                let mut came = part;
                while let Some(piece) = frames.next(&mut came) {
                    told.extend(match piece {
                        Piece::Begin(kind, length) => format!("{kind}:{length}[").into_bytes(),
                        Piece::Bytes(bytes) => bytes.to_vec(),
                        Piece::End => b"]".to_vec(),
                    });
                }
            }
            assert_eq!(String::from_utf8_lossy(&told), "0:4[data]33:0[]", "{size}");
            assert!(!frames.is_within());
        }
    }
}
