//! What a user may name as targets: a host, a network, a range of addresses.

mod list;
mod range;
mod set;

pub use list::{Given, Target, Targets};
pub use range::AddressRange;
pub use set::AddressSet;

use crate::address::parse_address;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The most addresses of one IPv6 network or range.
pub const MOST_IPV6: u128 = 1 << 20;

/// Targets as they were written: one host, or a stretch of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// A name, or an address with a zone, to be looked up.
    Name(String),
    /// An address.
    Address(IpAddr),
    /// The hosts of a network, or the addresses from one to another.
    Range(AddressRange),
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// There is nothing.
    Empty,
    /// Neither an address nor a name that can be looked up (RFC 1123 section 2.1, and underscores).
    NoName,
    /// The length behind the slash is not one of the family.
    PrefixLength {
        /// The longest of the family: 32 or 128.
        most: u8,
    },
    /// The two ends are not of one family.
    Families,
    /// The second end lies before the first.
    Backwards,
    /// The second end is a number above that of a last octet.
    Octet,
    /// What stands behind the dash is no address.
    NoEnd,
    /// An IPv6 stretch of more than [`MOST_IPV6`] addresses.
    TooMany {
        /// How many.
        count: u128,
    },
    /// There is a port behind it.
    Port,
    /// Only IPv6 addresses stand in brackets.
    Brackets,
    /// Only one IPv6 address can have a zone.
    Zone,
    /// `0.0.0.0` or `::`.
    Unspecified,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::NoName => f.write_str("neither an address nor a host name"),
            Self::PrefixLength { most } => write!(f, "the prefix length is a number up to {most}"),
            Self::Families => f.write_str("the two ends are not of one family"),
            Self::Backwards => f.write_str("the range ends before it begins"),
            Self::Octet => f.write_str("the last octet is at most 255"),
            Self::NoEnd => f.write_str("no address behind the dash"),
            Self::TooMany { count } => {
                write!(f, "{count} addresses; at most {MOST_IPV6} of an IPv6 network or range")
            }
            Self::Port => f.write_str("a target here has no port"),
            Self::Brackets => f.write_str("only an IPv6 address stands in brackets"),
            Self::Zone => f.write_str("only one IPv6 address has a zone"),
            Self::Unspecified => f.write_str("the unspecified address is no destination"),
        }
    }
}

impl std::error::Error for TargetError {}

impl TargetSpec {
    /// Reads one target: `host`, `192.0.2.1`, `[2001:db8::1]`, `fe80::1%eth0`, `192.0.2.0/24`,
    /// `192.0.2.1-192.0.2.9`, `192.0.2.1-9`.
    ///
    /// A network is that of the address, whatever its host bits are. Of an IPv4 network shorter than
    /// /31 the first address and the last are left out (RFC 3021 section 2).
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        match Self::read(text, AddressRange::hosts)? {
            Self::Range(range) => bounded(range),
            Self::Address(address) if address.is_unspecified() => Err(TargetError::Unspecified),
            spec => Ok(spec),
        }
    }

    /// Reads what is left out: as [`parse`](Self::parse), but a network is all of it, the first and
    /// the last address as well, and it may be as large as any.
    ///
    /// # Errors
    /// When it is neither a host nor a network nor a range.
    pub fn parse_exclusion(text: &str) -> Result<Self, TargetError> {
        Self::read(text, AddressRange::network)
    }

    fn read(text: &str, network: fn(IpAddr, u8) -> AddressRange) -> Result<Self, TargetError> {
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if let Some((address, length)) = text.split_once('/') {
            let (address, length) = parse_network(address, length)?;
            return Ok(Self::Range(network(address, length)));
        }
        if let Some((first, last)) = text.split_once('-')
            && is_whole(first)
            && let Some(first) = parse_bracketed(first)?
        {
            return match (parse_range(first, last), parse_name(text)) {
                (Err(TargetError::NoEnd), Ok(name)) if !last.starts_with(is_digit) => Ok(name),
                (range, _) => range,
            };
        }
        if let Some((address, zone)) = strip_brackets(text).split_once('%') {
            let is_ipv6 = parse_address(address).is_some_and(|address| address.is_ipv6());
            let plain = is_ipv6 && !zone.is_empty();
            return if plain { Ok(Self::Name(text.to_owned())) } else { Err(TargetError::Zone) };
        }
        match parse_bracketed(text)? {
            Some(address) => Ok(Self::Address(address)),
            None => parse_name(text),
        }
    }
}

/// Whether a text can be the whole of an address before a dash: names begin with numbers, too.
fn is_whole(first: &str) -> bool {
    first.contains(':') || first.matches('.').count() == 3
}

const fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn parse_network(network: &str, length: &str) -> Result<(IpAddr, u8), TargetError> {
    let address = parse_bracketed(network)?.ok_or(TargetError::NoName)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length = length.parse::<u8>().ok().filter(|length| is_number && *length <= most);
    Ok((address, length.ok_or(TargetError::PrefixLength { most })?))
}

fn parse_range(first: IpAddr, last: &str) -> Result<TargetSpec, TargetError> {
    let last = match (first, last.parse::<u8>()) {
        (IpAddr::V4(first), Ok(byte)) => {
            let [a, b, c, _] = first.octets();
            Ipv4Addr::new(a, b, c, byte).into()
        }
        (IpAddr::V4(_), _) if !last.is_empty() && last.chars().all(is_digit) => {
            return Err(TargetError::Octet);
        }
        _ if last.contains('%') => return Err(TargetError::Zone),
        _ => parse_bracketed(last)?.ok_or(TargetError::NoEnd)?,
    };
    if first.is_ipv4() != last.is_ipv4() {
        return Err(TargetError::Families);
    }
    Ok(TargetSpec::Range(AddressRange::new(first, last).ok_or(TargetError::Backwards)?))
}

fn bounded(range: AddressRange) -> Result<TargetSpec, TargetError> {
    let count = range.count();
    if range.first().is_ipv6() && count > MOST_IPV6 {
        return Err(TargetError::TooMany { count });
    }
    Ok(TargetSpec::Range(range))
}

fn strip_brackets(text: &str) -> &str {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text)
}

/// An address, perhaps in brackets; `None` for anything else.
fn parse_bracketed(text: &str) -> Result<Option<IpAddr>, TargetError> {
    let inner = strip_brackets(text);
    match parse_address(inner) {
        Some(IpAddr::V4(_)) if inner.len() < text.len() && !inner.contains(':') => {
            Err(TargetError::Brackets)
        }
        address => Ok(address),
    }
}

/// A host name: letters, digits, hyphens, underscores and dots; what is not ASCII is left to the
/// look-up.
fn parse_name(text: &str) -> Result<TargetSpec, TargetError> {
    if text.starts_with('[') || text.matches(':').count() == 1 {
        return Err(TargetError::Port);
    }
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let has_labels = text.trim_end_matches('.').split('.').all(|label| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    });
    let is_name = text.len() <= 254 && has_labels && text.chars().all(is_part);
    if is_name { Ok(TargetSpec::Name(text.to_owned())) } else { Err(TargetError::NoName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn range(first: &str, last: &str) -> Result<TargetSpec, TargetError> {
        AddressRange::new(address(first), address(last))
            .map(TargetSpec::Range)
            .ok_or(TargetError::Backwards)
    }

    #[test]
    fn hosts_networks_and_ranges_are_told_apart() {
        let name = |text: &str| Ok(TargetSpec::Name(text.to_owned()));
        let check = |text: &str, expected| assert_eq!(TargetSpec::parse(text), expected, "{text}");
        check("192.0.2.1", Ok(TargetSpec::Address(address("192.0.2.1"))));
        check("127.1", Ok(TargetSpec::Address(address("127.0.0.1"))));
        check("[2001:db8::1]", Ok(TargetSpec::Address(address("2001:db8::1"))));
        check("[::ffff:192.0.2.1]", Ok(TargetSpec::Address(address("192.0.2.1"))));
        check("fe80::1%eth0", name("fe80::1%eth0"));
        check("printer.example.net", name("printer.example.net"));
        check("a-b.example", name("a-b.example"));
        for with_dashes in ["10-0-0-1.pool.test", "1-2", "3-a.test", "192.0.2.1-host.test"] {
            check(with_dashes, name(with_dashes));
        }
        check("192.0.2.0/29", range("192.0.2.1", "192.0.2.6"));
        check("192.0.2.77/29", range("192.0.2.73", "192.0.2.78"));
        check("192.0.2.4/31", range("192.0.2.4", "192.0.2.5"));
        check("192.0.2.4/32", range("192.0.2.4", "192.0.2.4"));
        check("2001:db8::/126", range("2001:db8::", "2001:db8::3"));
        check("192.0.2.1-192.0.2.9", range("192.0.2.1", "192.0.2.9"));
        check("192.0.2.1-9", range("192.0.2.1", "192.0.2.9"));
        check("2001:db8::1-2001:db8::ff", range("2001:db8::1", "2001:db8::ff"));
    }

    #[test]
    fn what_is_no_target_says_why() {
        let check = |text: &str, expected: TargetError| {
            assert_eq!(TargetSpec::parse(text), Err(expected), "{text}");
        };
        check("", TargetError::Empty);
        check("192.0.2.0/33", TargetError::PrefixLength { most: 32 });
        check("192.0.2.0/+8", TargetError::PrefixLength { most: 32 });
        check("2001:db8::/129", TargetError::PrefixLength { most: 128 });
        check("example.net/24", TargetError::NoName);
        check("192.0.2.9-192.0.2.1", TargetError::Backwards);
        check("192.0.2.9-1", TargetError::Backwards);
        check("192.0.2.250-300", TargetError::Octet);
        check("192.0.2.9-4294967295", TargetError::Octet);
        check("192.0.2.9-2001:db8::1", TargetError::Families);
        check("192.0.2.9-300.1.1.1", TargetError::NoEnd);
        check("2001:db8::/64", TargetError::TooMany { count: 1 << 64 });
        check("2001:db8::/107", TargetError::TooMany { count: 1 << 21 });
        check("host:80", TargetError::Port);
        check("[::1]:80", TargetError::Port);
        check("[192.0.2.1]", TargetError::Brackets);
        check("192.0.2.1%eth0", TargetError::Zone);
        check("::", TargetError::Unspecified);
        check("bad name", TargetError::NoName);
        check("a..b", TargetError::NoName);
        check("-a", TargetError::NoName);
        check("x\u{1b}[2J", TargetError::NoName);
    }

    #[test]
    fn an_exclusion_is_the_whole_prefix_however_large() {
        let check = |text: &str, first: &str, last: &str| {
            assert_eq!(TargetSpec::parse_exclusion(text), range(first, last), "{text}");
        };
        check("192.0.2.77/29", "192.0.2.72", "192.0.2.79");
        check("224.0.0.0/4", "224.0.0.0", "239.255.255.255");
        check("0.0.0.0/8", "0.0.0.0", "0.255.255.255");
        check("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
        check("192.0.2.1-9", "192.0.2.1", "192.0.2.9");
        assert_eq!(TargetSpec::parse_exclusion("::"), Ok(TargetSpec::Address(address("::"))));
        let refused = TargetSpec::parse_exclusion("192.0.2.0/33");
        assert_eq!(refused, Err(TargetError::PrefixLength { most: 32 }));
    }

    #[test]
    fn the_largest_ipv6_network_has_2_to_the_20() {
        let Ok(TargetSpec::Range(range)) = TargetSpec::parse("2001:db8::/108") else { panic!() };
        assert_eq!(range.count(), MOST_IPV6);
    }
}
