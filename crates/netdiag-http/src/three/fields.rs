//! Fields as they are written (QPACK, RFC 9204), without a table that grows: what both ends know
//! beforehand is told by its number, all else as it is.

use super::huffman;
use super::table::FIELDS;
use crate::LARGEST_HEAD;

/// What a field counts beside its name and value (RFC 9114 section 4.2.2).
const OVERHEAD: usize = 32;
/// Marks of what stands where (RFC 9204 sections 4.5.2, 4.5.4 and 4.5.6).
const INDEXED: u8 = 0x80;
const NAMED: u8 = 0x40;
const LITERAL: u8 = 0x20;
/// The number is one of the table that both know.
const STATIC: u8 = 0x40;
const STATIC_NAME: u8 = 0x10;

/// Fields in their order: name and value.
pub(super) type Raw = Vec<RawField>;

/// Name and value of one, as it came.
pub(super) type RawField = (Vec<u8>, Vec<u8>);

/// Why fields cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// They are not written as they must be.
    Broken,
    /// There are more than are read.
    TooLarge,
}

/// Reads fields.
///
/// # Errors
/// When they are broken, or more than are read.
pub(super) fn decoded(bytes: &[u8]) -> Result<Raw, Unreadable> {
    let mut reader = Reader { rest: bytes };
    // What both would know of a table that grows: nothing, as it has no room (RFC 9204 section 4.5.1).
    let required = reader.integer(8).ok_or(Unreadable::Broken)?;
    let sign = reader.peek().ok_or(Unreadable::Broken)? & 0x80;
    reader.integer(7).ok_or(Unreadable::Broken)?;
    if required != 0 || sign != 0 {
        return Err(Unreadable::Broken);
    }
    let (mut fields, mut size) = (Raw::new(), 0_usize);
    while !reader.rest.is_empty() {
        let (name, value) = reader.field().ok_or(Unreadable::Broken)?;
        size = size.saturating_add(name.len() + value.len() + OVERHEAD);
        if size > LARGEST_HEAD {
            return Err(Unreadable::TooLarge);
        }
        fields.push((name, value));
    }
    Ok(fields)
}

/// Writes fields.
pub(super) fn encoded<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    for (name, value) in fields {
        let whole = FIELDS.iter().position(|known| *known == (name, value));
        let named = FIELDS.iter().position(|(known, _)| *known == name);
        match (whole, named) {
            (Some(place), _) => put(&mut bytes, INDEXED | STATIC, 6, place),
            (None, Some(place)) => {
                put(&mut bytes, NAMED | STATIC_NAME, 4, place);
                put(&mut bytes, 0, 7, value.len());
                bytes.extend(value.as_bytes());
            }
            (None, None) => {
                put(&mut bytes, LITERAL, 3, name.len());
                bytes.extend(name.as_bytes());
                put(&mut bytes, 0, 7, value.len());
                bytes.extend(value.as_bytes());
            }
        }
    }
    bytes
}

/// Writes an integer into the last bits of a byte with marks, and behind it (RFC 7541 section 5.1).
fn put(into: &mut Vec<u8>, marks: u8, bits: u32, value: usize) {
    let most = (1_usize << bits) - 1;
    let byte = |value: usize| u8::try_from(value & 0xff).unwrap_or_default();
    if value < most {
        return into.push(marks | byte(value));
    }
    into.push(marks | byte(most));
    let mut left = value - most;
    while left >= 0x80 {
        into.push(byte(left & 0x7f | 0x80));
        left >>= 7;
    }
    into.push(byte(left));
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn field(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let first = self.peek()?;
        if first & INDEXED != 0 {
            let place = self.integer(6)?;
            let (name, value) = known(place).filter(|_| first & STATIC != 0)?;
            return Some((name.into(), value.into()));
        }
        let name = if first & NAMED != 0 {
            let place = self.integer(4)?;
            known(place).filter(|_| first & STATIC_NAME != 0)?.0.into()
        } else if first & LITERAL != 0 {
            self.string(3)?
        } else {
            // All else is of a table that grows.
            return None;
        };
        Some((name, self.string(7)?))
    }

    /// A string, whose length has so many bits of the first byte, behind one that says how it is written
    /// (RFC 7541 section 5.2).
    fn string(&mut self, bits: u32) -> Option<Vec<u8>> {
        let is_packed = self.peek()? >> bits & 1 == 1;
        let length = self.integer(bits)?;
        let (own, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        if is_packed { huffman::decoded(own) } else { Some(own.to_vec()) }
    }

    /// An integer that has so many bits of the first byte (RFC 7541 section 5.1).
    fn integer(&mut self, bits: u32) -> Option<usize> {
        let most = (1_usize << bits) - 1;
        let mut value = usize::from(self.take()?) & most;
        if value < most {
            return Some(value);
        }
        // Nothing that is read has more than 28 bits.
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.take()?);
            value += (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }
}

fn known(place: usize) -> Option<(&'static str, &'static str)> {
    FIELDS.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = "x".repeat(300);
        let fields = [
            (":method", "POST"),
            (":path", "/dns-query?dns=AAAB"),
            ("content-type", "application/dns-message"),
            ("x-unknown-to-all", long.as_str()),
        ];
        let bytes = encoded(fields.into_iter());
        assert_eq!(&bytes[..4], [0, 0, 0xc0 | 20, 0x51], "by their numbers");
        let read = decoded(&bytes).expect("it is whole");
        let read = read.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        assert!(read.eq(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))));
        for end in 3..bytes.len() {
            // Cut between two fields it is one of fewer.
            assert!(
                decoded(&bytes[..end]).is_ok_and(|fields| fields.len() < 4)
                    || decoded(&bytes[..end]) == Err(Unreadable::Broken)
            );
        }
    }

    /// The first example of RFC 9204 appendix B.1, and what is written by Huffman's code.
    #[test]
    fn what_others_write_is_read() {
        let example = [&[0, 0, 0x51, 0x0b][..], b"/index.html"].concat();
        assert_eq!(decoded(&example), Ok(vec![(b":path".to_vec(), b"/index.html".to_vec())]));
        let packed = [0, 0, 0x5f, 0x03, 0x82, 0x64, 0x02];
        let value = decoded(&packed).expect("it is whole");
        assert_eq!(value, [(FIELDS[18].0.as_bytes().to_vec(), b"302".to_vec())]);
    }

    #[test]
    fn what_is_not_as_it_must_be_is_broken() {
        for wrong in [
            &[][..],
            &[0],
            &[1, 0, 0xd1],       // of a table that grows
            &[0, 0x80],          // a base before it
            &[0, 0, 0x80],       // a field of it
            &[0, 0, 0x10],       // and of what came since
            &[0, 0, 0x40, 0],    // a name of it
            &[0, 0, 0xff, 0x24], // the hundredth of 99
            &[0, 0, 0x51, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0, 0, 0x51, 0x05, b'a'],
        ] {
            assert_eq!(decoded(wrong), Err(Unreadable::Broken), "{wrong:x?}");
        }
        let many = [&[0, 0][..], &[0xc0 | 29; 2_000]].concat();
        assert_eq!(decoded(&many), Err(Unreadable::TooLarge));
    }
}
