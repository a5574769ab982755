//! The data of records in bytes, with names in full.

use super::{HEADER, Section, record, word};
use crate::kind::RecordType;
use crate::text::{hex, unhex};
use domain::base::Question as ParsedQuestion;
use domain::base::name::ParsedName;
use domain::dep::octseq::Parser;

/// The data of the records of one section of a message, both in hexadecimal digits: without the
/// pseudo-record of EDNS, as far as the message can be read. Names in it are not compressed (RFC 8427
/// section 2.2).
#[must_use]
pub fn data(message: &str, section: Section) -> Vec<String> {
    let bytes = unhex(message).unwrap_or_default();
    all(&bytes, section).unwrap_or_default()
}

fn all(bytes: &[u8], wanted: Section) -> Option<Vec<String>> {
    let mut parser = Parser::from_ref(bytes);
    parser.advance(HEADER).ok()?;
    for _ in 0..word(bytes, 4) {
        ParsedQuestion::<ParsedName<&[u8]>>::parse(&mut parser).ok()?;
    }
    let sections = [(Section::Answer, 6), (Section::Authority, 8), (Section::Additional, 10)];
    let mut found = Vec::new();
    for (section, place) in sections {
        for _ in 0..word(bytes, place) {
            let Ok(framed) = record::parse(&mut parser) else { return Some(found) };
            if section == wanted && framed.kind != RecordType::OPT {
                let data = framed.data();
                let start = framed.end - data.len();
                let full = full(framed.kind, bytes, start, framed.end);
                found.push(hex(full.as_deref().unwrap_or(data)));
            }
        }
    }
    Some(found)
}

/// The data of a type whose names can be compressed: so many bytes, so many names, and what is behind
/// them (RFC 3597 section 4).
fn full(kind: RecordType, bytes: &[u8], start: usize, end: usize) -> Option<Vec<u8>> {
    let (before, names) = match kind.0 {
        2..=5 | 7..=9 | 12 | 39 => (0, 1),
        6 | 14 | 17 => (0, 2),
        15 | 18 | 21 | 36 => (2, 1),
        26 => (2, 2),
        33 => (6, 1),
        _ => return None,
    };
    let mut parser = Parser::with_range(bytes, start..end);
    let mut data = parser.parse_octets(before).ok()?.to_vec();
    for _ in 0..names {
        let name = ParsedName::parse_ref(&mut parser).ok()?;
        name.iter().for_each(|label| {
            // At most 63.
            data.push(u8::try_from(label.len()).unwrap_or_default());
            data.extend(label.as_slice());
        });
    }
    data.extend(parser.parse_octets(parser.remaining()).ok()?);
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_data_stand_in_full() {
        let mut bytes = vec![0, 7, 0x84, 0, 0, 1, 0, 2, 0, 0, 0, 1, 1, b'a', 0, 0, 15, 0, 1];
        bytes.extend([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 6, 0, 5, 1, b'm', 0xc0, 12]);
        bytes.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 1, b'x']);
        bytes.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        let all = |bytes: &[u8], section| data(&hex(bytes), section);
        assert_eq!(all(&bytes, Section::Answer), ["0005016d016100", "0178"]);
        assert!(all(&bytes, Section::Additional).is_empty());
        assert_eq!(all(&bytes[..40], Section::Answer), ["0005016d016100"], "cut");
        assert!(data("zz", Section::Answer).is_empty());
    }
}
