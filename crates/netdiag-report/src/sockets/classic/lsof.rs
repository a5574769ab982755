//! The columns of lsof 4.95, as `lsof -nP -i` prints them: a line for each descriptor.

use super::{ClassicOptions, bytes, kernel_name, port};
use netdiag_model::Family;
use netdiag_sockets::look::Entry;
use netdiag_sockets::owners::Owner;
use netdiag_sockets::{Endpoint, Protocol};
use std::io::{self, Write};

/// Longer names are cut.
const COMMAND: usize = 9;
const USER: usize = 8;

/// Lines by process and descriptor.
pub(super) struct Lsof {
    options: ClassicOptions,
    lines: Vec<Line>,
}

struct Line {
    pid: u32,
    fd: u32,
    command: String,
    user: String,
    family: &'static str,
    inode: u32,
    protocol: &'static str,
    name: Vec<u8>,
}

impl Lsof {
    pub(super) fn new(options: ClassicOptions) -> Self {
        Self { options, lines: Vec::new() }
    }

    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        let socket = &entry.socket;
        let (Some(Owner::Known(all)), Some(owners)) = (entry.owner, entry.owners) else { return };
        let protocol = match socket.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::UdpLite => "UDPLITE",
            // They are no internet files to it.
            Protocol::Raw => return,
        };
        for descriptor in all {
            let Some(process) = owners.process(*descriptor) else { continue };
            let uid = process.uid.unwrap_or(socket.uid);
            let user = self.options.users.get(&uid).cloned();
            let cut = |text: String, most| text.chars().take(most).collect::<String>();
            self.lines.push(Line {
                pid: process.pid,
                fd: descriptor.fd,
                command: command(process.name.as_raw()),
                user: cut(user.unwrap_or_else(|| uid.to_string()), USER),
                family: if socket.family == Family::Ipv6 { "IPv6" } else { "IPv4" },
                inode: socket.inode,
                protocol,
                name: name(entry),
            });
        }
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        // It says nothing where there is nothing.
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(|line| (line.pid, line.fd));
        let width = |head: &str, of: &dyn Fn(&Line) -> usize| {
            self.lines.iter().map(of).max().unwrap_or(0).max(head.len())
        };
        let command = width("COMMAND", &|line| line.command.len());
        let pid = width("PID", &|line| line.pid.to_string().len());
        let user = width("USER", &|line| line.user.len());
        let device = width("DEVICE", &|line| line.inode.to_string().len());
        let node = width("NODE", &|line| line.protocol.len());
        writeln!(
            out,
            "{:<command$} {:>pid$} {:>user$}   FD   TYPE {:>device$} SIZE/OFF {:>node$} NAME",
            "COMMAND", "PID", "USER", "DEVICE", "NODE"
        )?;
        for line in lines {
            write!(
                out,
                "{:<command$} {:>pid$} {:>user$} {:>4}u  {} {:>device$}      0t0 {:>node$} ",
                line.command, line.pid, line.user, line.fd, line.family, line.inode, line.protocol
            )?;
            out.write_all(&line.name)?;
            writeln!(out)?;
        }
        Ok(())
    }
}

/// A name with all that is not printable as lsof writes it, and a blank as well; a character that does
/// not fit whole is left out.
fn command(name: &str) -> String {
    let mut command = String::new();
    for byte in name.bytes() {
        let shown = match byte {
            b'\\' => "\\\\".to_owned(),
            b'!'..=b'~' => char::from(byte).to_string(),
            b'\x08' => "\\b".to_owned(),
            b'\x0c' => "\\f".to_owned(),
            b'\n' => "\\n".to_owned(),
            b'\r' => "\\r".to_owned(),
            b'\t' => "\\t".to_owned(),
            byte @ 0..=0x1f => format!("^{}", char::from(byte + b'@')),
            byte => format!("\\x{byte:02x}"),
        };
        if command.len() + shown.len() > COMMAND {
            break;
        }
        command.push_str(&shown);
    }
    command
}

/// Both ends and the state; a space in its place where there is none.
fn name(entry: &Entry<'_>) -> Vec<u8> {
    let socket = &entry.socket;
    let mut out = Vec::new();
    end(&mut out, socket.local);
    if !socket.remote.is_unspecified() {
        out.extend_from_slice(b"->");
        end(&mut out, socket.remote);
    }
    out.push(b' ');
    if let Some(state) = socket.tcp_state() {
        out.push(b'(');
        out.extend_from_slice(kernel_name(state).as_bytes());
        out.push(b')');
    }
    out
}

fn end(out: &mut Vec<u8>, end: Endpoint) {
    let address = end.address.to_canonical();
    match address {
        address if address.is_unspecified() => out.push(b'*'),
        address if address.is_ipv6() => {
            out.push(b'[');
            bytes::address(out, address);
            out.push(b']');
        }
        address => bytes::address(out, address),
    }
    out.push(b':');
    port(out, end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_written_as_lsof_writes_it() {
        for (name, shown) in [
            ("python3", "python3"),
            ("long-name-of-15", "long-name"),
            ("my prog a b", "my\\x20pro"),
            ("a b c d", "a\\x20b"),
            ("\u{e4}\u{f6}", "\\xc3\\xa4"),
            ("tab\tx", "tab\\tx"),
            ("a\\b", "a\\\\b"),
            ("\u{1b}[31m", "^[[31m"),
        ] {
            assert_eq!(command(name), shown, "{name:?}");
        }
    }
}
