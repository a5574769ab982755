//! Whether the checksum of a quoted transport is that of what is quoted.

use crate::bytes::u16_at;
use crate::checksum::{Checksum, pseudo_header};
use crate::protocol::{ICMP, ICMPV6, TCP, UDP};
use core::net::IpAddr;

/// The checksum of a transport that is quoted to its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotedChecksum {
    /// What stands there.
    pub stands: u16,
    /// What it would be of the quoted addresses, ports and data.
    pub whole: u16,
    /// What stands in a packet that was to be summed up by a network card and never met one: the sum of
    /// addresses, protocol and length alone.
    pub begun: u16,
}

impl QuotedChecksum {
    /// How far it is from that of what is quoted; 0 where it is that, or was only begun. A translation
    /// on the way that mends addresses and ports of the quote and not this leaves it so, or one that
    /// mends it the other way around.
    #[must_use]
    pub const fn shift(&self) -> Shift {
        if self.stands == self.whole || self.stands == self.begun {
            return Shift { whole: 0, begun: 0 };
        }
        Shift { whole: less(self.stands, self.whole), begun: less(self.stands, self.begun) }
    }
}

/// How far a checksum is from what it should be, in ones' complement: from that of the whole, and from
/// one that was only begun. Of translations one is the same in every packet, the other by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// From that of the whole.
    pub whole: u16,
    /// From one that was only begun.
    pub begun: u16,
}

/// One number less another in ones' complement.
const fn less(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(!b);
    sum.wrapping_add(carry as u16)
}

/// The checksum of a quoted transport; `None` where it is not quoted to its end, or has none (RFC 768).
/// `length`: what the quoted headers claim.
pub(super) fn checksum(
    addresses: (IpAddr, IpAddr),
    protocol: u8,
    bytes: &[u8],
    length: usize,
) -> Option<QuotedChecksum> {
    let bytes = bytes.get(..length)?;
    let place = match protocol {
        ICMP | ICMPV6 => 2,
        TCP => 16,
        UDP => 6,
        _ => return None,
    };
    let stands = u16_at(bytes, place)?;
    if protocol == UDP && stands == 0 {
        return None;
    }
    let begun = match protocol {
        ICMP => Checksum::new(),
        _ => pseudo_header(addresses.0, addresses.1, protocol, u32::try_from(length).ok()?),
    };
    let mut whole = begun;
    whole.add_bytes(bytes.get(..place)?);
    whole.add_bytes(bytes.get(place.checked_add(2)?..)?);
    let whole = match whole.finish() {
        // RFC 768: a computed zero is sent as all ones.
        0 if protocol == UDP => u16::MAX,
        sum => sum,
    };
    Some(QuotedChecksum { stands, whole, begun: !begun.finish() })
}
