//! Questions to sock_diag.

use super::part::{self, HEADER};
use netdiag_sockets::port::{Fault, Question, Reading};
use netdiag_sockets::socket::MEMORY;
use netdiag_sockets::{Protocol, Socket, info};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket as Netlink, SocketAddr};

/// Room for one part of a dump: the kernel makes none larger (`netlink_dump` of the kernel).
const ROOM: usize = 32 * 1024;
/// `TCPDIAG_GETSOCK`, the only question that is answered with both families at once, and
/// `SOCK_DIAG_BY_FAMILY` (linux/inet_diag.h, linux/sock_diag.h).
const BOTH_FAMILIES: u16 = 18;
const BY_FAMILY: u16 = 20;
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// The bit that asks for TCP_INFO.
const INFO: u8 = 1 << (info::ATTRIBUTE - 1);
/// The one that asks what a socket has dropped.
const DROPS: u8 = 1 << (MEMORY - 1);

/// A socket to ask by.
pub(super) struct Diag {
    socket: Netlink,
    port: u32,
    sequence: u32,
    room: Vec<u8>,
}

impl Diag {
    pub(super) fn open() -> Result<Self, Fault> {
        let failed = |call| move |error: std::io::Error| fault(call, &error);
        let mut socket =
            Netlink::new(NETLINK_SOCK_DIAG).map_err(failed("socket(NETLINK_SOCK_DIAG)"))?;
        let address = socket.bind_auto().map_err(failed("bind(NETLINK_SOCK_DIAG)"))?;
        Ok(Self { socket, port: address.port_number(), sequence: 0, room: vec![0; ROOM] })
    }

    /// Reads a table of both families.
    pub(super) fn dump(
        &mut self,
        question: Question,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault> {
        if question.protocol == Protocol::Tcp {
            let mut any = false;
            let mut told = |message: &[u8]| {
                any = true;
                each(message)
            };
            match self.ask(BOTH_FAMILIES, &both_families(question), &mut told) {
                Ok(reading) => return Ok(reading),
                Err(fault) if any => return Err(fault),
                // Not on this kernel.
                Err(_) => {}
            }
        }
        let mut all = Reading::default();
        for family in [IPV4, IPV6] {
            match self.ask(BY_FAMILY, &by_family(question, family), each) {
                Ok(reading) => {
                    all.interrupted |= reading.interrupted;
                    all.parts += reading.parts;
                }
                // A machine without IPv6.
                Err(_) if family == IPV6 => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(all)
    }

    /// Looks at one socket, with TCP_INFO and what it has dropped.
    pub(super) fn look(&mut self, socket: &Socket) -> Option<Vec<u8>> {
        self.send(BY_FAMILY, NLM_F_REQUEST, &socket.question(INFO | DROPS)).ok()?;
        let length = self.receive().ok()?;
        let mut found = None;
        let asked = (self.port, self.sequence);
        let answer = self.room.get(..length)?;
        part::read(answer, asked, &mut |message| found = Some(message.to_vec()));
        found
    }

    fn ask(
        &mut self,
        kind: u16,
        question: &[u8],
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault> {
        self.send(kind, NLM_F_REQUEST | NLM_F_DUMP, question)?;
        let asked = (self.port, self.sequence);
        let mut reading = Reading::default();
        let mut wanted = true;
        loop {
            let length = match self.receive() {
                Ok(length) => length,
                // The kernel had no room for a part, and goes on with the next.
                Err(Fault { errno: libc::ENOBUFS, .. }) => {
                    reading.interrupted = true;
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            reading.parts += 1;
            reading.interrupted |= length > self.room.len();
            let bytes = self.room.get(..length.min(self.room.len())).unwrap_or_default();
            // What is not wanted any more is read all the same: it would answer the next question.
            let part = part::read(bytes, asked, &mut |message| wanted = wanted && each(message));
            reading.interrupted |= part.interrupted;
            match part.ended {
                None => {}
                Some(0) => return Ok(reading),
                Some(errno) => return Err(Fault { call: "sock_diag", errno }),
            }
        }
    }

    fn send(&mut self, kind: u16, flags: u16, question: &[u8]) -> Result<(), Fault> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = u32::try_from(HEADER + question.len()).unwrap_or(u32::MAX);
        let mut message = Vec::with_capacity(HEADER + question.len());
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes());
        message.extend(question);
        let kernel = SocketAddr::new(0, 0);
        let sent = self.socket.send_to(&message, &kernel, 0);
        sent.map(drop).map_err(|error| fault("sendto(NETLINK_SOCK_DIAG)", &error))
    }

    /// The next datagram of the kernel's.
    fn receive(&mut self) -> Result<usize, Fault> {
        loop {
            // The kernel has the next part ready before it takes the last one away.
            let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
            match self.socket.recv_from(&mut self.room.as_mut_slice(), flags) {
                Ok((length, from)) if from.port_number() == 0 => return Ok(length),
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => return Err(fault("recvfrom(NETLINK_SOCK_DIAG)", &error)),
            }
        }
    }
}

fn fault(call: &'static str, error: &std::io::Error) -> Fault {
    Fault { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

/// `struct inet_diag_req`: of any family, by no address.
fn both_families(question: Question) -> [u8; 60] {
    let mut bytes = [0; 60];
    bytes[3] = if question.info { INFO } else { 0 };
    bytes[52..56].copy_from_slice(&question.states.to_ne_bytes());
    bytes
}

/// `struct inet_diag_req_v2`: by no address.
fn by_family(question: Question, family: u8) -> [u8; 56] {
    let mut bytes = [0; 56];
    bytes[..3].copy_from_slice(&[
        family,
        question.protocol.number(),
        if question.info { INFO } else { 0 },
    ]);
    bytes[4..8].copy_from_slice(&question.states.to_ne_bytes());
    bytes
}
