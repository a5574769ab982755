//! The numbers of the field: IP protocols and IPv6 next headers (IANA "Protocol Numbers").

/// IPv6 hop-by-hop options (RFC 8200 section 4.3).
pub const HOP_BY_HOP: u8 = 0;
/// ICMP for IPv4 (RFC 792).
pub const ICMP: u8 = 1;
/// TCP (RFC 9293).
pub const TCP: u8 = 6;
/// UDP (RFC 768).
pub const UDP: u8 = 17;
/// IPv6 routing header (RFC 8200 section 4.4).
pub const ROUTING: u8 = 43;
/// IPv6 fragment header (RFC 8200 section 4.5).
pub const FRAGMENT: u8 = 44;
/// Encapsulating security payload (RFC 4303).
pub const ESP: u8 = 50;
/// Authentication header (RFC 4302).
pub const AH: u8 = 51;
/// ICMP for IPv6 (RFC 4443).
pub const ICMPV6: u8 = 58;
/// Nothing follows (RFC 8200 section 4.7).
pub const NO_NEXT_HEADER: u8 = 59;
/// IPv6 destination options (RFC 8200 section 4.6).
pub const DEST_OPTIONS: u8 = 60;
/// Mobility header (RFC 6275).
pub const MOBILITY: u8 = 135;
/// Host identity protocol (RFC 7401).
pub const HIP: u8 = 139;
/// Shim6 (RFC 5533).
pub const SHIM6: u8 = 140;
/// First of the two experimental numbers (RFC 3692).
pub const EXPERIMENT_1: u8 = 253;
/// Second of the two experimental numbers (RFC 3692).
pub const EXPERIMENT_2: u8 = 254;

/// Which Internet protocol a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpVersion {
    /// IPv4 (RFC 791).
    V4,
    /// IPv6 (RFC 8200).
    V6,
}

impl IpVersion {
    /// The version that the first byte of an IP datagram names, if it is one of the two.
    #[must_use]
    pub fn of_datagram(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Some(Self::V4),
            6 => Some(Self::V6),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nibble_names_the_version() {
        assert_eq!(IpVersion::of_datagram(&[0x45]), Some(IpVersion::V4));
        assert_eq!(IpVersion::of_datagram(&[0x60]), Some(IpVersion::V6));
        assert_eq!(IpVersion::of_datagram(&[0x50]), None);
        assert_eq!(IpVersion::of_datagram(&[]), None);
    }
}
