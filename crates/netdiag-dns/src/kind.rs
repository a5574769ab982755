//! Types and classes of records, by number and by mnemonic.

use domain::base::iana::{Class, Rtype};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The type of a record (RFC 1035 section 3.2.2), any of the 65,536.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

impl RecordType {
    /// An IPv4 address.
    pub const A: Self = Self(1);
    /// A name server.
    pub const NS: Self = Self(2);
    /// Another name.
    pub const CNAME: Self = Self(5);
    /// The start of a zone.
    pub const SOA: Self = Self(6);
    /// The name of an address.
    pub const PTR: Self = Self(12);
    /// An IPv6 address.
    pub const AAAA: Self = Self(28);
    /// The pseudo-record of EDNS (RFC 6891).
    pub const OPT: Self = Self(41);
    /// What keys the zone below has (RFC 4034 section 5).
    pub const DS: Self = Self(43);
    /// The keys of a zone (RFC 4034 section 2).
    pub const DNSKEY: Self = Self(48);
    /// A signature.
    pub const RRSIG: Self = Self(46);
    /// Changes of a zone (RFC 1995).
    pub const IXFR: Self = Self(251);
    /// A whole zone (RFC 5936).
    pub const AXFR: Self = Self(252);
    /// All that there is.
    pub const ANY: Self = Self(255);

    /// The type with this mnemonic, in either case, or of this number: `TYPE65` (RFC 3597 section 5).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Most names have a dot, and no mnemonic has.
        let is_name = text.contains('.');
        let rtype = if is_name { None } else { Rtype::from_str(text).ok() };
        rtype.map(|rtype| Self(rtype.to_int()))
    }

    /// Its mnemonic; `TYPEnnn` for one without.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match Rtype::from_int(self.0).to_mnemonic_str() {
            Some(name) => name.into(),
            None => format!("TYPE{}", self.0).into(),
        }
    }

    /// Whether the answer is more than one message.
    #[must_use]
    pub const fn is_transfer(self) -> bool {
        matches!(self, Self::IXFR | Self::AXFR)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The class of a record (RFC 1035 section 3.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordClass(pub u16);

impl RecordClass {
    /// The internet.
    pub const IN: Self = Self(1);
    /// Chaosnet, by which servers tell of themselves (RFC 4892).
    pub const CH: Self = Self(3);

    /// The class with this mnemonic, in either case, or of this number: `CLASS3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = if text.eq_ignore_ascii_case("any") { "*" } else { text };
        Class::from_str(text).ok().map(|class| Self(class.to_int()))
    }

    /// Its mnemonic; `CLASSnnn` for one without.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match Class::from_int(self.0).to_mnemonic_str() {
            // Zone files have no other word for all of them, and dig has this one.
            Some("*") => "ANY".into(),
            Some(name) => name.into(),
            None => format!("CLASS{}", self.0).into(),
        }
    }
}

impl fmt::Display for RecordClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_mnemonics_and_numbers() {
        for (text, number, shown) in [
            ("a", 1, "A"),
            ("HTTPS", 65, "HTTPS"),
            ("type65", 65, "HTTPS"),
            ("TYPE65280", 65_280, "TYPE65280"),
            ("any", 255, "ANY"),
            ("LOC", 29, "LOC"),
            ("URI", 256, "URI"),
        ] {
            let kind = RecordType::parse(text);
            assert_eq!(kind, Some(RecordType(number)), "{text}");
            assert_eq!(RecordType(number).to_string(), shown);
        }
        for text in ["", "BOGUS", "TYPE", "TYPE65536", "TYPE-1", "A.", "*"] {
            assert_eq!(RecordType::parse(text), None, "{text}");
        }
        assert_eq!(RecordClass::parse("ch"), Some(RecordClass::CH));
        assert_eq!(RecordClass::parse("CLASS1"), Some(RecordClass::IN));
        assert_eq!(RecordClass::parse("any"), Some(RecordClass(255)));
        assert_eq!(RecordClass(255).to_string(), "ANY");
        assert_eq!(RecordClass::parse("XX"), None);
    }
}
