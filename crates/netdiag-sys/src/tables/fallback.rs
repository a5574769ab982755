//! /proc/net/{tcp,udp,raw} and their brothers for IPv6, as messages of sock_diag, for kernels without
//! a module for it (proc_net(5)), and for files that were saved elsewhere.

use netdiag_sockets::port::{ByteOrder, Fault, Question, Reading};
use netdiag_sockets::{Protocol, Socket};

/// The address families of the files, and how the names of the latter end.
pub(super) const FAMILIES: [(u8, &str); 2] = [(2, ""), (10, "6")];
/// The order of this machine.
pub(super) const OWN: ByteOrder =
    if cfg!(target_endian = "little") { ByteOrder::Little } else { ByteOrder::Big };

/// Hands on each socket of a protocol's files.
pub(super) fn dump(
    question: Question,
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<Reading, Fault> {
    let mut reading = Reading { from_files: true, ..Reading::default() };
    for (family, end) in FAMILIES {
        let path = format!("/proc/net/{}{end}", question.protocol.name());
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        reading.parts += 1;
        if !table(&text, (family, OWN), question, each) {
            return Ok(reading);
        }
    }
    match reading.parts {
        0 => Err(Fault { call: "reading /proc/net", errno: libc::ENOENT }),
        _ => Ok(reading),
    }
}

/// Hands on each socket of a file that is wanted; whether there may be more.
pub(super) fn table(
    text: &str,
    (family, order): (u8, ByteOrder),
    question: Question,
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> bool {
    let is_wanted =
        |message: &[u8; Socket::BYTES]| 1_u32 << (message[1] & 31) & question.states != 0;
    text.lines()
        .skip(1)
        .filter_map(|line| message(family, order, line))
        .filter(|m| question.protocol != Protocol::Tcp || is_wanted(m))
        .all(|message| each(&message))
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...`
pub(super) fn message(family: u8, order: ByteOrder, line: &str) -> Option<[u8; Socket::BYTES]> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let mut field = || fields.next();
    let (local, remote, state) = (field()?, field()?, hex(field()?)?);
    let (sent, received) = field()?.split_once(':')?;
    let (timer, when) = field()?.split_once(':')?;
    let (retransmits, uid) = (hex(field()?)?, field()?.parse::<u32>().ok()?);
    let inode: u32 = field().and_then(|_| field())?.parse().ok()?;
    let mut bytes = [0; Socket::BYTES];
    bytes[..4].copy_from_slice(&[
        family,
        u8::try_from(state).ok()?,
        u8::try_from(hex(timer)?).ok()?,
        u8::try_from(retransmits).unwrap_or(u8::MAX),
    ]);
    endpoint(local, order, &mut bytes, 4, 8)?;
    endpoint(remote, order, &mut bytes, 6, 24)?;
    // The files do not have the limit of an accept queue, and 0 in its place.
    const LISTEN: u32 = 10;
    let sent = if state == LISTEN { Socket::NO_LIMIT } else { hex(sent)? };
    /// Of the ticks that /proc counts in (USER_HZ).
    const TICK_MS: u32 = 10;
    let expires = hex(when)?.saturating_mul(TICK_MS);
    for (at, value) in [(52, expires), (56, hex(received)?), (60, sent), (64, uid), (68, inode)] {
        bytes.get_mut(at..at + 4)?.copy_from_slice(&value.to_ne_bytes());
    }
    let cookie = cookie(&bytes, inode);
    bytes.get_mut(44..52)?.copy_from_slice(&cookie.to_ne_bytes());
    Some(bytes)
}

/// Something to tell a socket apart by, which the files do not have (FNV-1a): both its ends, and its
/// inode where it has no other end. With one it keeps its ends when the inode goes with its program.
fn cookie(bytes: &[u8; Socket::BYTES], inode: u32) -> u64 {
    let ends = bytes.get(4..40).unwrap_or_default();
    let is_alone = bytes.get(6..8) == Some(&[0, 0]);
    let inode = if is_alone { inode.to_ne_bytes() } else { [0; 4] };
    ends.iter().chain(&inode).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

/// An address in words of the order of the machine that wrote it, and a port.
fn endpoint(
    text: &str,
    order: ByteOrder,
    bytes: &mut [u8],
    port_at: usize,
    mut at: usize,
) -> Option<()> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    bytes.get_mut(port_at..port_at + 2)?.copy_from_slice(&port.to_be_bytes());
    let mut rest = address;
    while !rest.is_empty() {
        let (word, tail) = rest.split_at_checked(8)?;
        let word = match order {
            ByteOrder::Little => hex(word)?.to_le_bytes(),
            ByteOrder::Big => hex(word)?.to_be_bytes(),
        };
        bytes.get_mut(at..at + 4)?.copy_from_slice(&word);
        (rest, at) = (tail, at + 4);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_files_are_sockets() {
        let line = "   0: 0100007F:0050 020012AC:9C40 08 00000002:00000001 02:000000FF 00000003  1000        0 4711 1 0000000000000000";
        let bytes = message(2, ByteOrder::Little, line).expect("a line");
        let socket = Socket::decode(Protocol::Tcp, &bytes).expect("a socket");
        assert_eq!(socket.local.to_string(), "127.0.0.1:80");
        assert_eq!(socket.remote.to_string(), "172.18.0.2:40000");
        assert_eq!((socket.receive_queue, socket.send_queue), (1, 2));
        assert_eq!((socket.uid, socket.inode), (1000, 4711));
        assert_eq!(
            socket.timer.map(|timer| (timer.expires_ms, timer.retransmits)),
            Some((2550, 3))
        );
        let line = "  1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100";
        let bytes = message(10, ByteOrder::Little, line).expect("a line");
        let socket = Socket::decode(Protocol::Tcp, &bytes).expect("a socket");
        assert_eq!((socket.local.to_string().as_str(), socket.accept_limit()), ("[::1]:22", None));
        let line = "  1: 00000000000000000000000000000001:0016 00000000000000000000FFFF0A000002:0050 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100";
        let bytes = message(10, ByteOrder::Big, line).expect("a line");
        let socket = Socket::decode(Protocol::Tcp, &bytes).expect("a socket");
        assert_eq!(socket.local.to_string(), "[::1]:22");
        assert_eq!(socket.remote.to_string(), "[::ffff:10.0.0.2]:80");
        for line in ["", "0: x", "0: 0100007F:0050 020012AC:9C40 08 00000002:00000001 02"] {
            assert_eq!(message(2, ByteOrder::Little, line), None, "{line}");
        }
    }
}
