//! `delay MICROSECONDS SECONDS`: answers every IPv4 echo request that reaches this namespace after
//! a delay, and ends by itself after so many seconds.
//!
//! It sleeps until shortly before a reply is due and spins for the rest. Run it under `chrt -f`, in
//! a namespace where `net.ipv4.icmp_echo_ignore_all` is 1.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long before a reply is due the processor is kept busy.
const SPIN: Duration = Duration::from_micros(60);
const ECHO_REQUEST: u8 = 8;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let delay = Duration::from_micros(arguments.next().expect("MICROSECONDS"));
    let end = Instant::now() + Duration::from_secs(arguments.next().expect("SECONDS"));

    let mut socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("root");
    let sender = socket.try_clone().expect("a descriptor");
    let (queue, due) = mpsc::channel::<(Instant, SockAddr, Vec<u8>)>();
    thread::spawn(move || {
        for (at, to, reply) in due {
            if let Some(rest) = at.checked_duration_since(Instant::now() + SPIN) {
                thread::sleep(rest);
            }
            while Instant::now() < at {
                std::hint::spin_loop();
            }
            // The prober may be gone already.
            let _ = sender.send_to(&reply, &to);
        }
    });

    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    let mut buffer = [0; 65_536];
    while Instant::now() < end {
        let Ok(length) = socket.read(&mut buffer) else { continue };
        let at = Instant::now() + delay;
        if let Some((to, reply)) = reply_to(&buffer[..length]) {
            queue.send((at, to, reply)).expect("the sender lives as long as we do");
        }
    }
}

/// The echo reply to an IPv4 packet, if that is an echo request.
fn reply_to(packet: &[u8]) -> Option<(SockAddr, Vec<u8>)> {
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let mut icmp = packet.get(usize::from(packet[0] & 15) * 4..)?.to_vec();
    if *icmp.first()? != ECHO_REQUEST || icmp.len() < 8 {
        return None;
    }
    icmp[0] = 0;
    // RFC 1624: one word of the sum became smaller by 0x0800.
    let sum = u32::from(u16::from_be_bytes([icmp[2], icmp[3]])) + 0x0800;
    let folded = ((sum & 0xffff) + (sum >> 16)) as u16;
    icmp[2..4].copy_from_slice(&folded.to_be_bytes());
    Some((std::net::SocketAddr::from((source, 0)).into(), icmp))
}
