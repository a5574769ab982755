//! The TTLs and hop limits that SYN-ACKs and resets of connections arrive with. The kernel takes these
//! segments in itself and tells nobody: a raw socket sees them beside it (raw(7)), and that is all that
//! it is there for.

use super::connect::Ends;
use crate::control::Ancillary;
use crate::raw::{self, Batch};
use crate::{address, filter};
use netdiag_engine::port::AnswerKind;
use netdiag_model::{Destination, Family};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::IpAddr;
use std::os::fd::AsFd;

/// How many segments are read at once, and how many of them in one go at most.
const AT_ONCE: usize = 16;
const MOST: usize = 1_024;
/// A TCP header without options, and the offset of its flags.
const TCP_LEN: usize = 20;
const FLAGS: usize = 13;
const RST: u8 = 0b100;
/// Offsets in an IPv4 header.
const TTL: usize = 8;
const SYN_ACK: u8 = 0b1_0010;

/// Sockets that see what answers connections; none, where this process may not have them.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<(Family, Socket)>);

/// A segment that answers a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) from: IpAddr,
    pub(super) from_port: u16,
    pub(super) to_port: u16,
    pub(super) kind: AnswerKind,
    pub(super) hop_limit: u8,
}

impl Answer {
    /// Between which ends the connection is that it answers.
    pub(super) const fn ends(&self) -> Ends {
        Ends { remote: self.from, remote_port: self.from_port, local_port: self.to_port }
    }
}

impl Answers {
    /// Opens them, while there is a right to; `only`: the only family that can come up.
    pub(crate) fn open(only: Option<Family>) -> Self {
        let families = [Family::Ipv4, Family::Ipv6].into_iter();
        let families = families.filter(|family| only.is_none_or(|only| only == *family));
        Self(families.filter_map(|family| Some((family, open(family)?))).collect())
    }

    /// How many sockets there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells what came since.
    pub(super) fn read(&self, batch: &mut Batch, mut tell: impl FnMut(Answer)) {
        for (family, socket) in &self.0 {
            for _ in 0..MOST / AT_ONCE {
                let Ok(count @ 1..) = batch.receive(socket.as_fd(), AT_ONCE, 0) else { break };
                for message in batch.messages() {
                    let from = address::decode(message.name).map(|(from, _)| from);
                    let told = Ancillary::parse(message.control).hop_limit;
                    from.and_then(|from| parse(*family, message.bytes, from, told))
                        .into_iter()
                        .for_each(&mut tell);
                }
                if count < AT_ONCE {
                    break;
                }
            }
        }
    }
}

/// One that hears of nothing yet but what passes its filter, for good.
fn open(family: Family) -> Option<Socket> {
    let domain = match family {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(Protocol::TCP)).ok()?;
    crate::open::lock_filter(&socket, &filter::tcp_answers(family)).ok()?;
    crate::open::forget_foreign(&socket);
    if family == Family::Ipv6 {
        let (level, name) = (libc::SOL_IPV6, libc::IPV6_RECVHOPLIMIT);
        raw::set_int(socket.as_fd(), level, name, 1).ok()?;
    }
    Some(socket)
}

/// What a segment says: of IPv4 it comes with its header, of IPv6 the hop limit is `told` beside it.
fn parse(family: Family, bytes: &[u8], from: Destination, told: Option<u8>) -> Option<Answer> {
    let (hop_limit, segment) = match family {
        Family::Ipv4 => {
            let length = usize::from(bytes.first()? & 0xf) * 4;
            (*bytes.get(TTL)?, bytes.get(length..)?)
        }
        Family::Ipv6 => (told?, bytes),
    };
    let header = segment.get(..TCP_LEN)?;
    let port = |at: usize| Some(u16::from_be_bytes([*header.get(at)?, *header.get(at + 1)?]));
    let kind = match *header.get(FLAGS)? {
        flags if flags & RST != 0 => AnswerKind::Reset,
        flags if flags & SYN_ACK == SYN_ACK => AnswerKind::SynAck,
        _ => return None,
    };
    let (from, from_port, to_port) = (from.address(), port(0)?, port(2)?);
    Some(Answer { from, from_port, to_port, kind, hop_limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_an_answer_by_its_flags_and_tells_its_ttl() {
        let from = Destination::new("192.0.2.1".parse().expect("an address"));
        let segment = |flags: u8| {
            let mut segment = vec![0; TCP_LEN];
            segment[..4].copy_from_slice(&[0, 80, 0x9c, 0x40]);
            segment[FLAGS] = flags;
            segment
        };
        let packet = |flags: u8| {
            let mut packet = vec![0; 24];
            (packet[0], packet[TTL]) = (0x46, 61);
            [packet, segment(flags)].concat()
        };
        let told = parse(Family::Ipv4, &packet(0x12), from, None).expect("a SYN-ACK");
        assert_eq!((told.from_port, told.to_port), (80, 40_000));
        assert_eq!((told.kind, told.hop_limit), (AnswerKind::SynAck, 61));
        for flags in [0x04, 0x14] {
            let told = parse(Family::Ipv6, &segment(flags), from, Some(250)).expect("a reset");
            assert_eq!((told.kind, told.hop_limit), (AnswerKind::Reset, 250));
        }
        assert_eq!(parse(Family::Ipv4, &packet(0x10), from, None), None, "an acknowledgement");
        assert_eq!(parse(Family::Ipv6, &segment(4), from, None), None, "of no known distance");
        for end in 0..44 {
            assert_eq!(parse(Family::Ipv4, &packet(4)[..end], from, None), None);
        }
    }
}
