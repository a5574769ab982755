//! The IPv4 options of a reply, in iputils' words.

use netdiag_engine::port::{IpOption, IpOptions, IpTimestamps};
use std::fmt::Write;
use std::net::Ipv4Addr;

/// Set in a time stamp whose rest is no number of milliseconds (RFC 791 section 3.1).
const OTHER: u32 = 1 << 31;

/// What stands behind the line of a reply, with line ends of its own. A route that is the one before
/// is not repeated.
pub(super) fn told(options: &IpOptions, before: &mut Vec<Ipv4Addr>) -> String {
    let mut text = String::new();
    for option in options.read() {
        match option {
            IpOption::Filler => text.push_str("\nNOP"),
            IpOption::RecordRoute(route) if route.is_empty() => {}
            IpOption::RecordRoute(route) if route == *before => text.push_str("\t(same route)"),
            IpOption::RecordRoute(route) => {
                text.push_str("\nRR: ");
                addresses(&route, &mut text);
                *before = route;
            }
            IpOption::SourceRoute { strict, route } => {
                text.push_str(if strict { "\nSSRR: " } else { "\nLSRR: " });
                addresses(&route, &mut text);
            }
            IpOption::Timestamps(told) if told.stamps.is_empty() => {}
            IpOption::Timestamps(told) => time_stamps(&told, &mut text),
            IpOption::Other(kind) => {
                let _ = write!(text, "\nunknown option {kind:x}");
            }
        }
    }
    text
}

fn addresses(route: &[Ipv4Addr], text: &mut String) {
    for address in route {
        let _ = writeln!(text, "\t{address}");
    }
}

/// The first stamp of each kind as it is, the others as what they are later than the one before.
fn time_stamps(told: &IpTimestamps, text: &mut String) {
    let (mut standard, mut other) = (0_i64, 0_i64);
    text.push_str("\nTS: ");
    for (address, field) in &told.stamps {
        if let Some(address) = address {
            let _ = write!(text, "\t{address}");
        }
        let value = i64::from(field & !OTHER);
        let _ = match (field & OTHER == 0, standard, other) {
            (true, 0, _) => writeln!(text, "\t{value} absolute"),
            (true, before, _) => writeln!(text, "\t{}", value - before),
            (false, _, 0) => writeln!(text, "\t{value} absolute not-standard"),
            (false, _, before) => writeln!(text, "\t{} not-standard", value - before),
        };
        if field & OTHER == 0 { standard = value } else { other = value }
    }
    if told.unrecorded > 0 {
        let _ = writeln!(text, "Unrecorded hops: {}", told.unrecorded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], before: &mut Vec<Ipv4Addr>) -> String {
        told(&IpOptions::from_bytes(bytes).expect("it fits"), before)
    }

    #[test]
    fn a_route_is_told_once() {
        let mut before = Vec::new();
        let route = [1, 7, 11, 12, 192, 0, 2, 1, 192, 0, 2, 2];
        assert_eq!(of(&route, &mut before), "\nNOP\nRR: \t192.0.2.1\n\t192.0.2.2\n");
        assert_eq!(of(&route, &mut before), "\nNOP\t(same route)");
        assert_eq!(of(&[7, 7, 4, 0, 0, 0, 0], &mut before), "");
        assert_eq!(of(&[131, 7, 4, 192, 0, 2, 9], &mut before), "\nLSRR: \t192.0.2.9\n");
        assert_eq!(of(&[200, 2, 0, 200], &mut before), "\nunknown option c8");
    }

    #[test]
    fn times_are_told_as_what_they_are_later() {
        let bytes = [68, 20, 21, 0x20, 0, 0, 0, 9, 0, 0, 0, 11, 128, 0, 0, 7, 128, 0, 0, 5];
        let expected = "\nTS: \t9 absolute\n\t2\n\t7 absolute not-standard\n\t-2 not-standard\n\
                        Unrecorded hops: 2\n";
        assert_eq!(of(&bytes, &mut Vec::new()), expected);
        let pair = [68, 12, 13, 1, 192, 0, 2, 1, 0, 0, 0, 9];
        assert_eq!(of(&pair, &mut Vec::new()), "\nTS: \t192.0.2.1\t9 absolute\n");
        assert_eq!(of(&[68, 8, 5, 0x31, 0, 0, 0, 0], &mut Vec::new()), "");
    }
}
