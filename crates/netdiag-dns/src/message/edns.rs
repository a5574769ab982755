//! EDNS(0) as a server sends it (RFC 6891), and the options that mean something here.

use super::record::Framed;
use crate::query::code;
use crate::text::hex;
use domain::base::iana::{ExtendedErrorCode, OptionCode};
use netdiag_model::Untrusted;
use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The pseudo-record of EDNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Edns {
    /// The version of EDNS that the server speaks.
    pub version: u8,
    /// The largest UDP payload that the server takes, in bytes.
    pub udp_size: u16,
    /// Whether DNSSEC records were wanted, as the server understood.
    #[serde(rename = "do")]
    pub dnssec: bool,
    /// The server's identifier: as text where it is some, else in hexadecimal digits.
    #[schemars(with = "Option<String>")]
    pub nsid: Option<Untrusted>,
    /// For whom the answer is, as `ADDRESS/SOURCE/SCOPE`.
    pub ecs: Option<Subnet>,
    /// The cookie, the client's part and the server's, in hexadecimal digits.
    pub cookie: Option<String>,
    /// Bytes of padding.
    pub padding: Option<usize>,
    /// How long the server keeps an idle connection, in milliseconds.
    pub keepalive_ms: Option<u32>,
    /// When a secondary server lets the zone expire, in seconds.
    pub expire_s: Option<u32>,
    /// Extended errors (RFC 8914).
    pub ede: Vec<ExtendedError>,
    /// Options that are none of those.
    pub options: Vec<EdnsOption>,
    /// The upper bits of the rcode.
    #[serde(skip)]
    pub upper_rcode: u8,
}

/// One extended error (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExtendedError {
    /// Its number.
    pub code: u16,
    /// What the number means; `null` for one that is not assigned.
    pub name: Option<String>,
    /// What the server adds.
    #[schemars(with = "Option<String>")]
    pub text: Option<Untrusted>,
}

impl fmt::Display for ExtendedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EDE {}", self.code)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        match &self.text {
            Some(text) => write!(f, ": \"{}\"", text.escaped()),
            None => Ok(()),
        }
    }
}

/// An option without a meaning here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct EdnsOption {
    /// Its number.
    pub code: u16,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its data in hexadecimal digits.
    pub data: String,
}

/// For whom an answer is (RFC 7871): an address, how many of its bits were told, and for how many of
/// them the answer is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    address: IpAddr,
    source: u8,
    scope: u8,
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.address, self.source, self.scope)
    }
}

impl Serialize for Subnet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for Subnet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Subnet".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

impl Edns {
    /// Reads the pseudo-record: its class is a size, its TTL flags.
    pub(super) fn read(record: &Framed<'_>) -> Result<Self, String> {
        const DNSSEC_OK: u32 = 1 << 15;
        let [upper_rcode, version, ..] = record.ttl.to_be_bytes();
        let mut edns = Self {
            version,
            udp_size: record.class,
            dnssec: record.ttl & DNSSEC_OK != 0,
            nsid: None,
            ecs: None,
            cookie: None,
            padding: None,
            keepalive_ms: None,
            expire_s: None,
            ede: Vec::new(),
            options: Vec::new(),
            upper_rcode,
        };
        let mut rest = record.data();
        while let Some(([a, b, c, d], tail)) = rest.split_first_chunk() {
            let number = u16::from_be_bytes([*a, *b]);
            let len = usize::from(u16::from_be_bytes([*c, *d]));
            let Some((data, tail)) = tail.split_at_checked(len) else {
                return Err(format!("EDNS option {number} is longer than its record"));
            };
            edns.take(number, data);
            rest = tail;
        }
        match rest {
            [] => Ok(edns),
            _ => Err("an EDNS option is cut".to_owned()),
        }
    }

    fn take(&mut self, number: u16, data: &[u8]) {
        match (number, data) {
            (code::NSID, data) => self.nsid = Some(text_or_hex(data)),
            (code::SUBNET, data) if subnet(data).is_some() => self.ecs = subnet(data),
            (code::COOKIE, data) => self.cookie = Some(hex(data)),
            (code::PADDING, data) => self.padding = Some(data.len()),
            (code::KEEPALIVE, [a, b]) => {
                self.keepalive_ms = Some(u32::from(u16::from_be_bytes([*a, *b])) * 100);
            }
            (code::EXPIRE, [a, b, c, d]) => {
                self.expire_s = Some(u32::from_be_bytes([*a, *b, *c, *d]));
            }
            (code::EXTENDED_ERROR, [a, b, text @ ..]) => {
                self.ede.push(extended_error(u16::from_be_bytes([*a, *b]), text));
            }
            (number, data) => {
                let known = OptionCode::from_int(number);
                let name = known.to_mnemonic_str().map(ToOwned::to_owned);
                self.options.push(EdnsOption { code: number, name, data: hex(data) });
            }
        }
    }
}

/// What the number of an extended error means (the registry of RFC 8914); `None` of one that is not
/// assigned.
#[must_use]
pub fn extended_error_name(number: u16) -> Option<&'static str> {
    ExtendedErrorCode::from_int(number).to_mnemonic_str()
}

fn extended_error(number: u16, text: &[u8]) -> ExtendedError {
    let name = extended_error_name(number).map(ToOwned::to_owned);
    // Some end it with a NUL, which RFC 8914 section 2 says must not matter.
    let text = String::from_utf8_lossy(text.strip_suffix(&[0]).unwrap_or(text));
    let text = Some(text.into_owned()).filter(|text| !text.is_empty());
    ExtendedError { code: number, name, text: text.map(Untrusted::from) }
}

/// Bytes as text where they are readable, else as digits.
fn text_or_hex(data: &[u8]) -> Untrusted {
    let is_text = !data.is_empty() && data.iter().all(|byte| (b' '..=b'~').contains(byte));
    match is_text {
        true => Untrusted::from(String::from_utf8_lossy(data).into_owned()),
        false => Untrusted::from(hex(data)),
    }
}

fn subnet(data: &[u8]) -> Option<Subnet> {
    let ([0, family, source, scope], octets) = data.split_first_chunk()? else { return None };
    let address = match family {
        1 => IpAddr::from(Ipv4Addr::from(filled::<4>(octets)?)),
        2 => IpAddr::from(Ipv6Addr::from(filled::<16>(octets)?)),
        _ => return None,
    };
    Some(Subnet { address, source: *source, scope: *scope })
}

/// Bytes with zeros behind them; `None` where there are too many.
fn filled<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut all = [0; N];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(all)
}
