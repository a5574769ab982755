//! Text of numbers and addresses, written without a formatter in between: there are some hundred
//! thousand of them.

use netdiag_sockets::Endpoint;
use std::io::Write;
use std::net::IpAddr;

/// Adds the digits of a number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = value;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Adds a number with a comma between thousands, as text has those above 9,999.
pub(super) fn grouped(out: &mut Vec<u8>, value: u64) {
    match value {
        ..10_000 => number(out, value),
        _ => out.extend_from_slice(netdiag_sockets::verdict::thousands(value).as_bytes()),
    }
}

/// Adds an address.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                number(out, octet.into());
            }
        }
        IpAddr::V6(address) => {
            // A vector takes everything.
            let _ = write!(out, "{address}");
        }
    }
}

/// Adds an address and a port, `*` where there is no port, IPv6 in brackets.
pub(super) fn endpoint(out: &mut Vec<u8>, end: Endpoint) {
    let is_v6 = end.address.is_ipv6();
    if is_v6 {
        out.push(b'[');
    }
    address(out, end.address);
    if is_v6 {
        out.push(b']');
    }
    out.push(b':');
    match end.port {
        0 => out.push(b'*'),
        port => number(out, port.into()),
    }
}

/// Adds blanks until a cell that began at `start` is so wide, and two more.
pub(super) fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    let taken = out.len() - start;
    out.resize(out.len() + width.saturating_sub(taken) + 2, b' ');
}

/// Moves a cell that began at `start` to the right of so many columns, and adds two blanks.
pub(super) fn right(out: &mut Vec<u8>, start: usize, width: usize) {
    let blanks = width.saturating_sub(out.len() - start);
    if blanks > 0 {
        out.resize(out.len() + blanks, b' ');
        if let Some(cell) = out.get_mut(start..) {
            cell.rotate_right(blanks);
        }
    }
    out.extend_from_slice(b"  ");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn numbers_and_addresses_are_as_the_library_writes_them() {
        for value in [0, 9, 10, 65_535, u64::MAX] {
            assert_eq!(text(|out| number(out, value)), value.to_string());
        }
        assert_eq!(text(|out| grouped(out, 9_999)), "9999");
        assert_eq!(text(|out| grouped(out, 10_000)), "10,000");
        for end in ["192.0.2.1:80", "255.255.255.255:65535", "[2001:db8::1]:443"] {
            let found: std::net::SocketAddr = end.parse().expect("an address");
            let found = Endpoint { address: found.ip(), port: found.port() };
            assert_eq!(text(|out| endpoint(out, found)), end);
        }
    }

    #[test]
    fn cells_are_as_wide_as_their_column() {
        let cell = |write: fn(&mut Vec<u8>, usize, usize)| {
            text(|out| {
                out.extend_from_slice(b"a  ");
                number(out, 42);
                write(out, 3, 5);
            })
        };
        assert_eq!(cell(pad), "a  42     ");
        assert_eq!(cell(right), "a     42  ");
    }
}
