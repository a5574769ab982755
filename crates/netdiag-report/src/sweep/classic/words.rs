//! fping's words and numbers.

use netdiag_model::IcmpKind;
use std::fmt;
use std::time::Duration;

/// A round trip in milliseconds, with three digits that count.
pub(super) struct Ms(pub(super) Duration);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_nanos() as f64 / 1e6;
        let places = match ms {
            _ if ms < 1.0 => 3,
            _ if ms < 10.0 => 2,
            _ if ms < 100.0 => 1,
            _ => 0,
        };
        write!(f, "{ms:.places$}")
    }
}

/// Destination unreachable by its codes (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
const UNREACHABLE: [&str; 16] = [
    "ICMP Network Unreachable",
    "ICMP Host Unreachable",
    "ICMP Protocol Unreachable",
    "ICMP Port Unreachable",
    "ICMP Unreachable (Fragmentation Needed)",
    "ICMP Unreachable (Source Route Failed)",
    "ICMP Unreachable (Destination Network Unknown)",
    "ICMP Unreachable (Destination Host Unknown)",
    "ICMP Unreachable (Source Host Isolated)",
    "ICMP Unreachable (Communication with Network Prohibited)",
    "ICMP Unreachable (Communication with Host Prohibited)",
    "ICMP Unreachable (Network Unreachable For Type Of Service)",
    "ICMP Unreachable (Host Unreachable For Type Of Service)",
    "ICMP Unreachable (Communication Administratively Prohibited)",
    "ICMP Unreachable (Host Precedence Violation)",
    "ICMP Unreachable (Precedence cutoff in effect)",
];

/// An ICMP error; `None` for what fping passes over.
pub(super) fn icmp(kind: IcmpKind) -> Option<&'static str> {
    Some(match kind.kind {
        3 => {
            let known = UNREACHABLE.get(usize::from(kind.code));
            known.copied().unwrap_or("ICMP Unreachable (Invalid Code)")
        }
        4 => "ICMP Source Quench",
        5 => "ICMP Redirect",
        11 => "ICMP Time Exceeded",
        12 => "ICMP Parameter Problem",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        let said = |nanos: u64| Ms(Duration::from_nanos(nanos)).to_string();
        assert_eq!(said(0), "0.000");
        assert_eq!(said(12_345), "0.012");
        assert_eq!(said(999_600), "1.000");
        assert_eq!(said(1_234_567), "1.23");
        assert_eq!(said(20_040_000), "20.0");
        assert_eq!(said(99_960_000), "100.0");
        assert_eq!(said(1_500_400_000), "1500");
    }

    #[test]
    fn codes_without_a_name_are_invalid() {
        assert_eq!(icmp(IcmpKind::v4(3, 15)), Some(UNREACHABLE[15]));
        assert_eq!(icmp(IcmpKind::v4(3, 16)), Some("ICMP Unreachable (Invalid Code)"));
        assert_eq!(icmp(IcmpKind::v4(14, 0)), None);
    }
}
