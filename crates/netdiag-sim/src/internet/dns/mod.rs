//! What a name server makes of a question (RFC 1034 section 4.3.2, RFC 1035 section 4): answers over UDP
//! from its own records, or one of the things that bad ones do.

mod message;
mod records;

use super::Internet;
use super::answer::set_source;
use super::error::finish;
use super::forge::next;
use super::packet::{Header, begin, u16_at};
use super::queue::SlotId;
use super::topology::NodeId;
use super::udp::UDP_HEADER;
use crate::scenario::{DnsManner, DnsServer};
use crate::truth::Fact;
use message::{HEADER, IS_ANSWER, MOST, is_query};
use records::Found;

/// The room that any client has (RFC 1035 section 4.2.1).
const LEAST_ROOM: u16 = 512;

const NOERROR: u8 = 0;
const FORMERR: u8 = 1;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const NOTIMP: u8 = 4;
const REFUSED: u8 = 5;

impl Internet {
    /// A datagram reaches the port of a name server.
    pub(super) fn receive_question(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) {
        let bytes = &self.pool.get(id).bytes;
        let datagram = bytes.get(header.transport..).unwrap_or_default();
        let ports = [u16_at(datagram, 2), u16_at(datagram, 0)];
        let message = datagram.get(UDP_HEADER..).unwrap_or_default();
        let server = self.topology.nodes[node as usize].dns.as_ref();
        let Some(Answer { message, manner }) = server.and_then(|server| answer(server, message))
        else {
            return self.drop(now, node, id, Fact::Ignored);
        };
        if manner == Some(DnsManner::Silent) {
            return self.drop(now, node, id, Fact::Silent);
        }
        let envelope = self.envelope(node, id, header);
        let slot = self.answer_slot(id);
        let out = &mut self.pool.get_mut(slot).bytes;
        begin(out, &envelope);
        let length = u16::try_from(UDP_HEADER + message.len()).unwrap_or(u16::MAX);
        for word in [ports[0], ports[1], length, 0] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&message);
        match manner {
            Some(DnsManner::WrongSource) => set_source(out, next(header.destination)),
            _ => finish(out),
        }
        let is_forged = matches!(manner, Some(DnsManner::WrongId | DnsManner::WrongSource));
        self.pool.get_mut(slot).forged = is_forged;
        let fact = if is_forged { Fact::Forged } else { Fact::Answered };
        self.depart(now, node, slot, fact, 0);
        self.pool.free(id);
    }
}

/// A message, and what is wrong with it beyond its code.
struct Answer {
    message: Vec<u8>,
    manner: Option<DnsManner>,
}

/// The answer to a message; `None` to what is no question.
fn answer(server: &DnsServer, asked: &[u8]) -> Option<Answer> {
    let header: &[u8; HEADER] = asked.first_chunk()?;
    if header[2] & IS_ANSWER != 0 {
        return None;
    }
    let is_query = is_query(header);
    let question = message::read(asked).filter(|_| is_query);
    let manner =
        question.as_ref().and_then(|it| records::manner_of(server, &it.name)).or(server.manner);
    let found = match (&question, manner) {
        (None, _) => Found::code(if is_query { FORMERR } else { NOTIMP }),
        (_, Some(DnsManner::Formerr)) => Found::code(FORMERR),
        (_, Some(DnsManner::Servfail)) => Found::code(SERVFAIL),
        (_, Some(DnsManner::Nxdomain)) => Found::code(NXDOMAIN),
        (_, Some(DnsManner::Notimp)) => Found::code(NOTIMP),
        (_, Some(DnsManner::Refused)) => Found::code(REFUSED),
        (Some(question), _) => records::look_up(server, question),
    };
    let room = question.as_ref().and_then(|question| question.room).unwrap_or(LEAST_ROOM);
    let most = room.max(LEAST_ROOM).min(server.most.unwrap_or(MOST));
    let whole = message::write(header, question.as_ref(), &found, false);
    let is_cut = whole.len() > usize::from(most) || manner == Some(DnsManner::Truncated);
    let mut message = match is_cut {
        true => message::write(header, question.as_ref(), &Found::code(found.code), true),
        false => whole,
    };
    if manner == Some(DnsManner::WrongId) {
        message[0] ^= 0x80;
    }
    Some(Answer { message, manner })
}

#[cfg(test)]
mod tests;
