//! The floor of a sweep: 32 echo requests by sendmmsg, what is there by recvmmsg, over one raw
//! socket, and nothing else. With STAMPS set also the kernel's stamps of both directions.
//!
//! floor FIRST COUNT: prints how many of COUNT addresses from FIRST on answered.

use libc::{c_int, c_void, iovec, mmsghdr, sockaddr_in};
use std::mem::{size_of_val, zeroed};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

const BURST: usize = 32;
const ROOM: usize = 64;
const SO_TIMESTAMPING: c_int = 37;
/// TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, OPT_TSONLY.
const STAMPS: c_int = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 11;

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum >> 16) + (sum & 0xffff);
    !(folded + (folded >> 16)) as u16
}

fn request(packet: &mut [u8; 64], index: u32) {
    packet.fill(0);
    packet[0] = 8;
    packet[4..6].copy_from_slice(&4242_u16.to_be_bytes());
    packet[6..8].copy_from_slice(&(index as u16).to_be_bytes());
    packet[8..12].copy_from_slice(&index.to_be_bytes());
    let sum = checksum(packet);
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first: Ipv4Addr = arguments.next().expect("FIRST").parse().expect("an address");
    let count: u32 = arguments.next().expect("COUNT").parse().expect("a number");
    let stamps = std::env::var_os("STAMPS").is_some();
    // SAFETY: plain system calls over buffers that outlive them; a benchmark's yardstick.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_NONBLOCK, 1);
        assert!(socket >= 0, "root is needed");
        let set = |name: c_int, value: c_int| {
            let value: *const c_void = (&raw const value).cast();
            libc::setsockopt(socket, libc::SOL_SOCKET, name, value, 4);
        };
        set(libc::SO_RCVBUFFORCE, 8 << 20);
        if stamps {
            set(SO_TIMESTAMPING, STAMPS);
        }
        let mut packets = [[0_u8; 64]; BURST];
        let mut names: [sockaddr_in; BURST] = zeroed();
        let mut out_io: [iovec; BURST] = zeroed();
        let mut out: [mmsghdr; BURST] = zeroed();
        let mut rooms = [[0_u8; 256]; ROOM];
        let mut controls = [[0_u8; 256]; ROOM];
        let mut in_io: [iovec; ROOM] = zeroed();
        let mut back: [mmsghdr; ROOM] = zeroed();
        let mut seen = vec![false; count as usize];
        let (mut sent, mut found) = (0, 0);
        let mut last = Instant::now();
        while found < count && last.elapsed() < Duration::from_secs(2) {
            let burst = BURST.min((count - sent) as usize);
            for slot in 0..burst {
                let index = sent + slot as u32;
                request(&mut packets[slot], index);
                names[slot].sin_family = libc::AF_INET as u16;
                names[slot].sin_addr.s_addr = (first.to_bits() + index).to_be();
                out_io[slot].iov_base = packets[slot].as_mut_ptr().cast();
                out_io[slot].iov_len = 64;
                out[slot].msg_hdr.msg_name = (&raw mut names[slot]).cast();
                out[slot].msg_hdr.msg_namelen = size_of_val(&names[slot]) as u32;
                out[slot].msg_hdr.msg_iov = &raw mut out_io[slot];
                out[slot].msg_hdr.msg_iovlen = 1;
            }
            if burst > 0 {
                let left = libc::sendmmsg(socket, out.as_mut_ptr(), burst as u32, 0);
                sent += left.max(0) as u32;
                last = Instant::now();
            }
            let flags: &[c_int] = if stamps { &[libc::MSG_ERRQUEUE, 0] } else { &[0] };
            for flags in flags {
                loop {
                    for slot in 0..ROOM {
                        in_io[slot].iov_base = rooms[slot].as_mut_ptr().cast();
                        in_io[slot].iov_len = rooms[slot].len();
                        back[slot].msg_hdr.msg_iov = &raw mut in_io[slot];
                        back[slot].msg_hdr.msg_iovlen = 1;
                        back[slot].msg_hdr.msg_control = controls[slot].as_mut_ptr().cast();
                        back[slot].msg_hdr.msg_controllen = controls[slot].len() as _;
                    }
                    let flags = flags | libc::MSG_DONTWAIT;
                    let got = libc::recvmmsg(
                        socket,
                        back.as_mut_ptr(),
                        ROOM as u32,
                        flags,
                        std::ptr::null_mut(),
                    );
                    for room in rooms.iter().take(got.max(0) as usize) {
                        let index = u32::from_be_bytes([room[28], room[29], room[30], room[31]]);
                        let is_reply = flags & libc::MSG_ERRQUEUE == 0 && room[20] == 0;
                        if let Some(seen) = seen.get_mut(index as usize).filter(|s| is_reply && !**s) {
                            *seen = true;
                            found += 1;
                        }
                    }
                    if got < ROOM as i32 {
                        break;
                    }
                }
            }
        }
        println!("{found} of {count}");
    }
}
