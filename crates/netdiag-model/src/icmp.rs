//! The names of ICMP messages: the word of the JSON contract, the sentence that `ping` prints, the
//! mark that `traceroute` prints. Sources: the IANA registries; RFC 792, RFC 1812 5.2.7.1, RFC 4443.

use crate::Family;

/// The type and code of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IcmpKind {
    /// ICMPv4 or ICMPv6: the same numbers mean different things.
    pub family: Family,
    /// The type field.
    pub kind: u8,
    /// The code field.
    pub code: u8,
}

impl IcmpKind {
    /// An ICMPv4 message.
    #[must_use]
    pub const fn v4(kind: u8, code: u8) -> Self {
        Self { family: Family::Ipv4, kind, code }
    }

    /// An ICMPv6 message.
    #[must_use]
    pub const fn v6(kind: u8, code: u8) -> Self {
        Self { family: Family::Ipv6, kind, code }
    }

    /// The stable name, lower-case and hyphenated; `type-N-code-M` for what is not known.
    #[must_use]
    pub fn name(self) -> String {
        match self.row() {
            Some(row) => row.name.to_owned(),
            None => format!("type-{}-code-{}", self.kind, self.code),
        }
    }

    /// The sentence that iputils' `ping` prints, without the figures of the message.
    #[must_use]
    pub fn ping_text(self) -> String {
        match self.row() {
            Some(row) => row.text.to_owned(),
            None if self.is_unreachable() => format!("Dest Unreachable, Bad Code: {}", self.code),
            None if self.kind == 11 && self.family == Family::Ipv4 => {
                format!("Time exceeded, Bad Code: {}", self.code)
            }
            None if self.kind == 5 && self.family == Family::Ipv4 => {
                format!("Redirect, Bad Code: {}", self.code)
            }
            None if self.kind == 4 && self.family == Family::Ipv6 => {
                "Parameter problem: ".to_owned()
            }
            None => format!("Bad ICMP type: {}, code {}", self.kind, self.code),
        }
    }

    /// The mark of traceroute, such as `!H`; `None` where a hop has none.
    #[must_use]
    pub fn mark(self) -> Option<String> {
        match self.row() {
            Some(row) if row.mark.is_empty() => None,
            Some(row) => Some(row.mark.to_owned()),
            None => Some(format!("!<{}-{}>", self.kind, self.code)),
        }
    }

    /// The stable word for it in [`crate::failure::Failure::reason`]: its class where it has one,
    /// else its name.
    #[must_use]
    pub fn reason(self) -> String {
        let v4 = self.family == Family::Ipv4;
        let word = match (v4, self.kind, self.code) {
            _ if self.is_prohibited() => "prohibited",
            _ if self.is_time_exceeded() => "time-exceeded",
            _ if self.is_too_big() => "too-big",
            (true, 3, 0 | 6 | 11) | (false, 1, 0) => "network-unreachable",
            (true, 3, 1 | 7 | 12) | (false, 1, 3) => "host-unreachable",
            (true, 3, 3) | (false, 1, 4) => "port-unreachable",
            (true, 3, 2) => "protocol-unreachable",
            (true, 12, _) | (false, 4, _) => "parameter-problem",
            _ => return self.name(),
        };
        word.to_owned()
    }

    /// Whether a router or the target says that the packet could not be delivered.
    #[must_use]
    pub const fn is_unreachable(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 3,
            Family::Ipv6 => self.kind == 1,
        }
    }

    /// Whether it only advises, and the packet itself went on: a redirect, or ICMPv4's source quench.
    #[must_use]
    pub const fn is_advice(self) -> bool {
        self.is_redirect() || (matches!(self.family, Family::Ipv4) && self.kind == 4)
    }

    /// Whether a router does not get at the host itself: "host unreachable", "address unreachable"
    /// (RFC 792, RFC 4443 section 3.1).
    #[must_use]
    pub const fn is_host_unreachable(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 3 && self.code == 1,
            Family::Ipv6 => self.kind == 1 && self.code == 3,
        }
    }

    /// Whether nobody listens at the port (RFC 792, RFC 4443 section 3.1).
    #[must_use]
    pub const fn is_port_unreachable(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 3 && self.code == 3,
            Family::Ipv6 => self.kind == 1 && self.code == 4,
        }
    }

    /// Whether a filter refused the packet (RFC 1812 5.2.7.1, RFC 4443 3.1).
    #[must_use]
    pub const fn is_prohibited(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 3 && matches!(self.code, 9 | 10 | 13),
            Family::Ipv6 => self.kind == 1 && matches!(self.code, 1 | 5 | 6),
        }
    }

    /// Whether the hop limit ran out on the way.
    #[must_use]
    pub const fn is_time_exceeded(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 11,
            Family::Ipv6 => self.kind == 3,
        }
    }

    /// Whether the packet was larger than a link on the way takes.
    #[must_use]
    pub const fn is_too_big(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 3 && self.code == 4,
            Family::Ipv6 => self.kind == 2,
        }
    }

    /// Whether it only advises a better next hop: the packet itself went on.
    #[must_use]
    pub const fn is_redirect(self) -> bool {
        match self.family {
            Family::Ipv4 => self.kind == 5,
            Family::Ipv6 => self.kind == 137,
        }
    }

    fn row(self) -> Option<&'static Row> {
        let table = match self.family {
            Family::Ipv4 => V4,
            Family::Ipv6 => V6,
        };
        table.iter().find(|row| row.kind == self.kind && row.code.is_none_or(|c| c == self.code))
    }
}

struct Row {
    kind: u8,
    /// `None`: any code.
    code: Option<u8>,
    name: &'static str,
    text: &'static str,
    mark: &'static str,
}

const fn row(
    kind: u8,
    code: u8,
    name: &'static str,
    text: &'static str,
    mark: &'static str,
) -> Row {
    Row { kind, code: Some(code), name, text, mark }
}

const fn any(kind: u8, name: &'static str, text: &'static str, mark: &'static str) -> Row {
    Row { kind, code: None, name, text, mark }
}

const V4: &[Row] = &[
    any(0, "echo-reply", "Echo Reply", ""),
    row(3, 0, "network-unreachable", "Destination Net Unreachable", "!N"),
    row(3, 1, "host-unreachable", "Destination Host Unreachable", "!H"),
    row(3, 2, "protocol-unreachable", "Destination Protocol Unreachable", "!P"),
    row(3, 3, "port-unreachable", "Destination Port Unreachable", ""),
    row(3, 4, "fragmentation-needed", "Frag needed and DF set", "!F"),
    row(3, 5, "source-route-failed", "Source Route Failed", "!S"),
    row(3, 6, "network-unknown", "Destination Net Unknown", "!N"),
    row(3, 7, "host-unknown", "Destination Host Unknown", "!H"),
    row(3, 8, "source-host-isolated", "Source Host Isolated", "!N"),
    row(3, 9, "network-administratively-prohibited", "Destination Net Prohibited", "!X"),
    row(3, 10, "host-administratively-prohibited", "Destination Host Prohibited", "!X"),
    row(
        3,
        11,
        "network-unreachable-for-tos",
        "Destination Net Unreachable for Type of Service",
        "!N",
    ),
    row(
        3,
        12,
        "host-unreachable-for-tos",
        "Destination Host Unreachable for Type of Service",
        "!H",
    ),
    row(3, 13, "communication-administratively-prohibited", "Packet filtered", "!X"),
    row(3, 14, "host-precedence-violation", "Precedence Violation", "!V"),
    row(3, 15, "precedence-cutoff", "Precedence Cutoff", "!C"),
    any(4, "source-quench", "Source Quench", ""),
    row(5, 0, "redirect-network", "Redirect Network", ""),
    row(5, 1, "redirect-host", "Redirect Host", ""),
    row(5, 2, "redirect-network-for-tos", "Redirect Type of Service and Network", ""),
    row(5, 3, "redirect-host-for-tos", "Redirect Type of Service and Host", ""),
    any(8, "echo-request", "Echo Request", ""),
    row(11, 0, "time-exceeded-in-transit", "Time to live exceeded", ""),
    row(11, 1, "time-exceeded-in-reassembly", "Frag reassembly time exceeded", ""),
    row(12, 0, "parameter-problem", "Parameter problem", ""),
    row(
        12,
        1,
        "parameter-problem-missing-option",
        "Parameter problem, required option missing",
        "",
    ),
    row(12, 2, "parameter-problem-bad-length", "Parameter problem, bad length", ""),
    any(13, "timestamp-request", "Timestamp", ""),
    any(14, "timestamp-reply", "Timestamp Reply", ""),
    any(42, "extended-echo-request", "Extended Echo Request", ""),
    any(43, "extended-echo-reply", "Extended Echo Reply", ""),
];

const V6: &[Row] = &[
    row(1, 0, "no-route", "Destination unreachable: No route", "!N"),
    row(
        1,
        1,
        "administratively-prohibited",
        "Destination unreachable: Administratively prohibited",
        "!X",
    ),
    row(1, 2, "beyond-scope", "Destination unreachable: Beyond scope of source address", "!H"),
    row(1, 3, "address-unreachable", "Destination unreachable: Address unreachable", "!H"),
    row(1, 4, "port-unreachable", "Destination unreachable: Port unreachable", ""),
    row(
        1,
        5,
        "source-policy-failed",
        "Destination unreachable: Source address failed ingress/egress policy",
        "!X",
    ),
    row(1, 6, "reject-route", "Destination unreachable: Reject route to destination", "!X"),
    any(2, "packet-too-big", "Packet too big", "!F"),
    row(3, 0, "hop-limit-exceeded", "Time exceeded: Hop limit", ""),
    row(3, 1, "reassembly-time-exceeded", "Time exceeded: Defragmentation failure", ""),
    row(4, 0, "erroneous-header-field", "Parameter problem: Wrong header field", ""),
    row(4, 1, "unrecognized-next-header", "Parameter problem: Unknown header", ""),
    row(4, 2, "unrecognized-option", "Parameter problem: Unknown option", ""),
    any(128, "echo-request", "Echo request", ""),
    any(129, "echo-reply", "Echo reply", ""),
    any(137, "redirect", "Redirect", ""),
    any(160, "extended-echo-request", "Extended Echo Request", ""),
    any(161, "extended-echo-reply", "Extended Echo Reply", ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_of_an_unreachable_has_a_name_of_its_own() {
        let v4: BTreeSet<String> = (0..=15).map(|code| IcmpKind::v4(3, code).name()).collect();
        assert_eq!(v4.len(), 16);
        let v6: BTreeSet<String> = (0..=6).map(|code| IcmpKind::v6(1, code).name()).collect();
        assert_eq!(v6.len(), 7);
        assert!(!v4.iter().chain(&v6).any(|name| name.starts_with("type-")));
    }

    #[test]
    fn the_words_are_those_of_ping_and_traceroute() {
        let check = |kind: IcmpKind, name: &str, text: &str, mark: Option<&str>| {
            assert_eq!(kind.name(), name);
            assert_eq!(kind.ping_text(), text);
            assert_eq!(kind.mark().as_deref(), mark);
        };
        check(IcmpKind::v4(3, 1), "host-unreachable", "Destination Host Unreachable", Some("!H"));
        check(
            IcmpKind::v4(3, 13),
            "communication-administratively-prohibited",
            "Packet filtered",
            Some("!X"),
        );
        check(
            IcmpKind::v4(3, 77),
            "type-3-code-77",
            "Dest Unreachable, Bad Code: 77",
            Some("!<3-77>"),
        );
        check(IcmpKind::v6(3, 0), "hop-limit-exceeded", "Time exceeded: Hop limit", None);
    }
}
