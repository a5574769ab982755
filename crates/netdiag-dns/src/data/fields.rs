//! Data that is one field after the other.

use crate::kind::RecordType;
use crate::message::presented;
use crate::text::{hex, quoted};
use domain::base::name::ParsedName;
use domain::dep::octseq::Parser;
use domain::utils::base64;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// A domain name.
    Name,
    /// A number of one byte.
    U8,
    /// A number of two bytes.
    U16,
    /// A number of four bytes.
    U32,
    /// A time in seconds since 1970, modulo 2^32, as `YYYYMMDDHHmmSS` (RFC 4034 section 3.2).
    Time,
    /// The mnemonic of a type.
    Type,
    /// A kind of certificate (RFC 4398 section 2.1).
    Certificate,
    /// An algorithm of DNSSEC, by its mnemonic.
    Algorithm,
    /// A character string.
    Text,
    /// All that is left as character strings.
    Texts,
    /// All that is left as one text.
    Rest,
    /// All that is left in base 64.
    Base64,
    /// All that is left in hexadecimal digits.
    Hex,
    /// The same behind `0x`.
    HexNumber,
    /// All that is left as pairs of digits, with dashes between.
    Dashed,
    /// An IPv4 address.
    V4,
    /// Eight bytes as four groups of digits (RFC 6742).
    Node,
    /// A bitmap of types.
    Types,
}

/// The fields of a type that is written so.
pub(super) fn of(kind: RecordType) -> Option<&'static [Field]> {
    use Field::*;
    let fields: &[Field] = match kind.0 {
        16 | 56 | 99 | 258 | 261 | 262 => &[Texts],
        18 | 21 | 36 | 107 => &[U16, Name],
        19 => &[Text],
        20 => &[Texts],
        22 => &[HexNumber],
        24 | 46 => &[Type, U8, U8, U32, Time, Time, U16, Name, Base64],
        25 | 48 | 57 | 60 => &[U16, U8, U8, Base64],
        26 => &[U16, Name, Name],
        27 => &[Text, Text, Text],
        37 => &[Certificate, U16, Algorithm, Base64],
        43 | 59 | 32_768 | 32_769 => &[U16, U8, U8, Hex],
        44 => &[U8, U8, Hex],
        49 | 61 => &[Base64],
        52 | 53 => &[U8, U8, U8, Hex],
        58 => &[Name, Name],
        62 => &[U32, U16, Types],
        63 => &[U32, U8, U8, Hex],
        104 | 106 => &[U16, Node],
        105 => &[U16, V4],
        108 | 109 => &[Dashed],
        256 => &[U16, U16, Rest],
        _ => return None,
    };
    Some(fields)
}

/// Reads the data of one record.
pub(super) struct Reader<'a> {
    parser: Parser<'a, [u8]>,
}

const SHORT: &str = "too short";

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8], place: Range<usize>) -> Self {
        Self { parser: Parser::with_range(message, place) }
    }

    /// All fields, which must be all of the data.
    pub(super) fn all(&mut self, fields: &[Field]) -> Result<String, String> {
        let texts: Result<Vec<String>, String> =
            fields.iter().map(|field| self.field(*field)).collect();
        let mut texts = texts?;
        if self.remaining() > 0 {
            return Err(format!("{} bytes too many", self.remaining()));
        }
        texts.retain(|text| !text.is_empty());
        Ok(texts.join(" "))
    }

    pub(super) fn remaining(&self) -> usize {
        self.parser.remaining()
    }

    pub(super) fn u8(&mut self) -> Result<u8, String> {
        self.parser.parse_u8().map_err(|_| SHORT.to_owned())
    }

    pub(super) fn u16(&mut self) -> Result<u16, String> {
        self.parser.parse_u16_be().map_err(|_| SHORT.to_owned())
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.parser.parse_u32_be().map_err(|_| SHORT.to_owned())
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        self.parser.parse_octets(len).map_err(|_| SHORT.to_owned())
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.take(self.remaining()).unwrap_or_default()
    }

    pub(super) fn name(&mut self) -> Result<String, String> {
        let name = ParsedName::parse_ref(&mut self.parser).map_err(|error| error.to_string())?;
        Ok(presented(&name).as_str().to_owned())
    }

    pub(super) fn text(&mut self) -> Result<String, String> {
        let len = self.u8()?;
        self.take(len.into()).map(quoted)
    }

    fn texts(&mut self) -> Result<String, String> {
        let mut texts = vec![self.text()?];
        while self.remaining() > 0 {
            texts.push(self.text()?);
        }
        Ok(texts.join(" "))
    }

    fn field(&mut self, field: Field) -> Result<String, String> {
        match field {
            Field::Name => self.name(),
            Field::U8 => self.u8().map(|number| number.to_string()),
            Field::U16 => self.u16().map(|number| number.to_string()),
            Field::U32 => self.u32().map(|number| number.to_string()),
            Field::Time => self.u32().map(time),
            Field::Type => self.u16().map(|number| RecordType(number).to_string()),
            Field::Certificate => self.u16().map(certificate),
            Field::Algorithm => self.u8().map(algorithm),
            Field::Text => self.text(),
            Field::Texts => self.texts(),
            Field::Rest => Ok(quoted(self.rest())),
            Field::Base64 => Ok(base64::encode_string(self.rest())),
            Field::Hex => Ok(upper_hex(self.rest())),
            Field::HexNumber => Ok(format!("0x{}", hex(self.rest()))),
            Field::Dashed => {
                let pairs = self.rest().iter().map(|byte| format!("{byte:02x}"));
                Ok(pairs.collect::<Vec<String>>().join("-"))
            }
            Field::V4 => self.u32().map(|bits| Ipv4Addr::from_bits(bits).to_string()),
            Field::Node => {
                let groups: Result<Vec<String>, String> =
                    (0..4).map(|_| self.u16().map(|group| format!("{group:x}"))).collect();
                Ok(groups?.join(":"))
            }
            Field::Types => types(self.rest()),
        }
    }
}

pub(super) fn upper_hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// An IPv6 address of 16 bytes.
pub(super) fn v6(data: &[u8]) -> Option<Ipv6Addr> {
    data.first_chunk::<16>().filter(|_| data.len() == 16).map(|octets| Ipv6Addr::from(*octets))
}

/// Blocks of a bitmap: window, length, bits (RFC 4034 section 4.1.2).
fn types(mut data: &[u8]) -> Result<String, String> {
    let mut names = Vec::new();
    while let Some(([window, len], rest)) = data.split_first_chunk() {
        let bits = rest.split_at_checked(usize::from(*len)).filter(|_| (1..=32).contains(len));
        let Some((bits, rest)) = bits else {
            return Err("a bitmap of types that is cut".to_owned());
        };
        for (place, byte) in (0_u16..).zip(bits) {
            let set = (0..8_u16).filter(|bit| byte & (0x80 >> bit) != 0);
            let numbers = set.map(|bit| (u16::from(*window) << 8) + place * 8 + bit);
            names.extend(numbers.map(|number| RecordType(number).to_string()));
        }
        data = rest;
    }
    Ok(names.join(" "))
}

/// A date of the proleptic Gregorian calendar, from the days since 1970.
fn time(seconds: u32) -> String {
    let (days, rest) = (i64::from(seconds / 86_400), seconds % 86_400);
    // Years that begin in March, in eras of 400 of them.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year_of_era + era * 400 + later;
    let (hours, minutes, seconds) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}{hours:02}{minutes:02}{seconds:02}")
}

/// An algorithm (IANA, DNS Security Algorithm Numbers).
fn algorithm(number: u8) -> String {
    let names = [
        (1, "RSAMD5"),
        (2, "DH"),
        (3, "DSA"),
        (5, "RSASHA1"),
        (6, "NSEC3DSA"),
        (7, "NSEC3RSASHA1"),
        (8, "RSASHA256"),
        (10, "RSASHA512"),
        (12, "ECCGOST"),
        (13, "ECDSAP256SHA256"),
        (14, "ECDSAP384SHA384"),
        (15, "ED25519"),
        (16, "ED448"),
        (252, "INDIRECT"),
        (253, "PRIVATEDNS"),
        (254, "PRIVATEOID"),
    ];
    named(&names, number)
}

fn named<N: Copy + PartialEq + ToString>(names: &[(N, &str)], number: N) -> String {
    let known = names.iter().find(|(code, _)| *code == number);
    known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

fn certificate(number: u16) -> String {
    let names = [
        (1, "PKIX"),
        (2, "SPKI"),
        (3, "PGP"),
        (4, "IPKIX"),
        (5, "ISPKI"),
        (6, "IPGP"),
        (7, "ACPKIX"),
        (8, "IACPKIX"),
        (253, "URI"),
        (254, "OID"),
    ];
    named(&names, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        for (seconds, date) in [
            (0, "19700101000000"),
            (951_782_400, "20000229000000"),
            (1_700_000_000, "20231114221320"),
            (u32::MAX, "21060207062815"),
        ] {
            assert_eq!(time(seconds), date);
        }
    }

    #[test]
    fn bitmaps_of_types_are_names() {
        assert_eq!(types(&[0, 2, 0x62, 0x01]).expect("types"), "A NS SOA MX");
        assert_eq!(types(&[1, 1, 0x40]).expect("types"), "CAA");
        for cut in [&[0, 3, 1][..], &[0, 0], &[0, 33]] {
            assert!(types(cut).is_err());
        }
    }
}
