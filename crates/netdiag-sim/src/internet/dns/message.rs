//! Messages of DNS as bytes: the question that is read, the answer that is written.

use super::records::Found;
use crate::internet::packet::u16_at;

/// Bytes of the header of a message.
pub(super) const HEADER: usize = 12;
/// What fits into packets nearly everywhere: the most that is sent, and said to be taken.
pub(super) const MOST: u16 = 1232;
/// Bits of the third byte: an answer, authoritative, cut, recursion wanted.
pub(super) const IS_ANSWER: u8 = 0x80;
const AUTHORITATIVE: u8 = 0x04;
const CUT: u8 = 0x02;
const WANTS_RECURSION: u8 = 0x01;
/// The kind of question, of which 0 is a query.
const OPCODE: u8 = 0x78;

const OPT: u16 = 41;
const IN: u16 = 1;

/// A question as far as it could be read.
pub(super) struct Question<'a> {
    /// The name as it was sent, and in small letters.
    sent: &'a [u8],
    pub(super) name: Vec<u8>,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// The room that the client says it has, where it speaks EDNS (RFC 6891).
    pub(super) room: Option<u16>,
}

/// Whether the message with this header is a query.
pub(super) const fn is_query(header: &[u8; HEADER]) -> bool {
    header[2] & OPCODE == 0
}

/// Reads the only question of a message; `None` where it is not to be understood.
pub(super) fn read(asked: &[u8]) -> Option<Question<'_>> {
    let rest = asked.get(HEADER..)?;
    let mut at = 0;
    loop {
        match rest.get(at)? {
            0 => break,
            length @ 1..=63 => at += usize::from(*length) + 1,
            _ => return None,
        }
    }
    let (sent, behind) = rest.split_at_checked(at + 1)?;
    let fixed: &[u8; 4] = behind.first_chunk()?;
    let counts = [4, 6, 8, 10].map(|place| u16_at(asked, place));
    if counts[0] != 1 || sent.len() > 255 {
        return None;
    }
    // EDNS stands first of what is added, where anything is: a root name, then type and class.
    let added = behind.get(4..).filter(|_| counts[1] == 0 && counts[2] == 0 && counts[3] > 0);
    let is_edns = |bytes: &&[u8]| bytes.first() == Some(&0) && u16_at(bytes, 1) == OPT;
    Some(Question {
        sent,
        name: sent.to_ascii_lowercase(),
        kind: u16_at(fixed, 0),
        class: u16_at(fixed, 2),
        room: added.filter(is_edns).map(|bytes| u16_at(bytes, 3)),
    })
}

/// Writes the answer to a message with this header.
pub(super) fn write(
    asked: &[u8; HEADER],
    question: Option<&Question<'_>>,
    found: &Found,
    is_cut: bool,
) -> Vec<u8> {
    let own = if found.is_own { AUTHORITATIVE } else { 0 };
    let cut = if is_cut { CUT } else { 0 };
    let flags = IS_ANSWER | asked[2] & (OPCODE | WANTS_RECURSION) | own | cut;
    let mut out = vec![asked[0], asked[1], flags, found.code];
    let is_edns = question.is_some_and(|question| question.room.is_some());
    let counts = [
        usize::from(question.is_some()),
        found.answer.len(),
        found.authority.len(),
        usize::from(is_edns),
    ];
    for count in counts {
        out.extend_from_slice(&(count as u16).to_be_bytes());
    }
    if let Some(question) = question {
        out.extend_from_slice(question.sent);
        out.extend_from_slice(&question.kind.to_be_bytes());
        out.extend_from_slice(&question.class.to_be_bytes());
    }
    for (owner, kind, ttl, data) in found.answer.iter().chain(&found.authority) {
        match question.is_some_and(|question| question.name == *owner) {
            // The name of the question stands behind the header (RFC 1035 section 4.1.4).
            true => out.extend_from_slice(&[0xc0, HEADER as u8]),
            false => out.extend_from_slice(owner),
        }
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&IN.to_be_bytes());
        out.extend_from_slice(&ttl.to_be_bytes());
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(data);
    }
    if is_edns {
        out.push(0);
        for word in [OPT, MOST, 0, 0, 0] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    out
}
