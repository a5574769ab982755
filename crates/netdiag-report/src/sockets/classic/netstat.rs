//! The columns of netstat (net-tools 2.10), as `netstat -natu` and `-p` print them.

use super::{ClassicOptions, bytes, kernel_name, port};
use netdiag_model::{Family, Untrusted};
use netdiag_sockets::look::Entry;
use netdiag_sockets::owners::{Owner, Process};
use netdiag_sockets::{Endpoint, Protocol, State};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How wide the columns of addresses are, and so many of that an address and a port may take together
/// before the address is cut.
const ADDRESS: usize = 23;
const UNCUT: usize = 22;
/// How wide the column of programs is; what is in it is cut one before.
const PROGRAM: usize = 20;

/// Lines, those of a protocol and family together.
pub(super) struct Netstat {
    options: ClassicOptions,
    groups: [Vec<u8>; 6],
}

impl Netstat {
    pub(super) fn new(options: ClassicOptions) -> Self {
        Self { options, groups: Default::default() }
    }

    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        let socket = &entry.socket;
        let is_v6 = socket.family == Family::Ipv6;
        let group = match socket.protocol {
            Protocol::Tcp => 0,
            Protocol::Udp | Protocol::UdpLite => 2,
            Protocol::Raw => 4,
        } + usize::from(is_v6);
        let Some(out) = self.groups.get_mut(group) else { return };
        let mut start = out.len();
        out.extend_from_slice(socket.protocol.name().as_bytes());
        if is_v6 {
            out.push(b'6');
        }
        pad(out, start, 4);
        out.push(b' ');
        let sent = if socket.is_listener() { 0 } else { socket.send_queue };
        for queue in [socket.receive_queue, sent] {
            let _ = write!(out, " {queue:>6}");
        }
        for end in [socket.local, socket.remote] {
            out.push(b' ');
            start = out.len();
            // What stands in the place of the other port of a raw socket is none.
            let is_raw = socket.protocol == Protocol::Raw && end == socket.remote;
            endpoint(out, if is_raw { Endpoint { port: 0, ..end } } else { end });
            pad(out, start, ADDRESS);
        }
        out.push(b' ');
        start = out.len();
        match (socket.protocol, socket.state) {
            (Protocol::Tcp, state) => out.extend_from_slice(kernel_name(state).as_bytes()),
            (Protocol::Udp | Protocol::UdpLite, State::Established) => {
                out.extend_from_slice(b"ESTABLISHED")
            }
            (Protocol::Udp | Protocol::UdpLite, _) => {}
            (Protocol::Raw, state) => bytes::number(out, state as u64),
        }
        pad(out, start, 11);
        if self.options.processes {
            out.push(b' ');
            start = out.len();
            program(out, entry, &self.options.programs);
            pad(out, start, PROGRAM);
        }
        out.push(b'\n');
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let what = if self.options.listening { "only servers" } else { "servers and established" };
        writeln!(out, "Active Internet connections ({what})")?;
        write!(
            out,
            "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
        )?;
        if self.options.processes {
            write!(out, " {:<PROGRAM$}", "PID/Program name")?;
        }
        writeln!(out)?;
        self.groups.iter().try_for_each(|group| out.write_all(group))
    }
}

/// Adds an address and a port; IPv4 in IPv6 as IPv4, and what is too long is cut.
fn endpoint(out: &mut Vec<u8>, end: Endpoint) {
    let start = out.len();
    match end.address.to_canonical() {
        // It is asked for as that of the other family.
        found if end.address.is_ipv6() && found.is_ipv4() => bytes::address(out, found),
        _ => bytes::address(out, end.address),
    }
    let mut number = Vec::new();
    port(&mut number, end);
    let room = UNCUT.saturating_sub(number.len());
    if out.len() - start > room {
        out.truncate(start + room);
    }
    out.push(b':');
    out.append(&mut number);
}

/// Adds who has it: of several the one with the lowest number, by the name that it was begun under.
fn program(out: &mut Vec<u8>, entry: &Entry<'_>, programs: &BTreeMap<u32, Untrusted>) {
    let processes: Vec<&Process> = match (entry.owner, entry.owners) {
        (Some(Owner::Known(all)), Some(owners)) => {
            all.iter().filter_map(|descriptor| owners.process(*descriptor)).collect()
        }
        _ => Vec::new(),
    };
    match processes.into_iter().min_by_key(|process| process.pid) {
        Some(process) => {
            let name = programs.get(&process.pid).unwrap_or(&process.name);
            let text = format!("{}/{}", process.pid, name.escaped());
            out.extend(text.bytes().take(PROGRAM - 1));
        }
        None => out.push(b'-'),
    }
}

fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    let taken = out.len() - start;
    out.resize(out.len() + width.saturating_sub(taken), b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_too_long_is_cut_before_its_port() {
        let text = |text: &str| {
            let found: std::net::SocketAddr = text.parse().expect("an address");
            let mut out = Vec::new();
            endpoint(&mut out, Endpoint { address: found.ip(), port: found.port() });
            String::from_utf8(out).expect("text")
        };
        assert_eq!(text("[::]:0"), ":::*");
        assert_eq!(text("[::ffff:192.0.2.1]:80"), "192.0.2.1:80");
        assert_eq!(text("[2001:db8:1234:5678:9abc::1]:443"), "2001:db8:1234:5678::443");
        assert_eq!(text("[2001:db8:1234:5678:9abc:1:2:3]:50000"), "2001:db8:1234:567:50000");
        assert_eq!(text("255.255.255.255:65535"), "255.255.255.255:65535");
    }
}
