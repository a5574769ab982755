//! What a name server knows, and what it does wrong.

use super::units::one_or_many;
use serde::Deserialize;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The most bytes of a name as it is sent (RFC 1035 section 3.1), and of one label.
const LONGEST_NAME: usize = 255;
const LONGEST_LABEL: usize = 63;

/// `[node.dns]`: a name server. It answers over UDP alone, by what stands here, and asks nobody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsServer {
    /// Its port, 53 if absent.
    #[serde(default = "domain")]
    pub port: u16,
    /// The zones that it has; it refuses names outside. All names are its own if absent.
    #[serde(default, deserialize_with = "one_or_many")]
    pub zone: Vec<String>,
    /// The most bytes of an answer, whatever room the client has; 1232 if absent.
    pub most: Option<u16>,
    /// What it does with every question.
    pub manner: Option<DnsManner>,
    /// Its names.
    #[serde(default, rename = "record")]
    pub records: Vec<DnsRecord>,
}

/// `[[node.dns.record]]`: a name, and what is known of it; several keys are several records.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRecord {
    /// The name, without escapes; the dot at its end may be left off.
    pub name: String,
    /// Time to live in seconds, 300 if absent.
    pub ttl: Option<u32>,
    /// IPv4 addresses.
    #[serde(default, deserialize_with = "one_or_many")]
    pub a: Vec<Ipv4Addr>,
    /// IPv6 addresses.
    #[serde(default, deserialize_with = "one_or_many")]
    pub aaaa: Vec<Ipv6Addr>,
    /// The name that it is another one of.
    pub cname: Option<String>,
    /// Name servers.
    #[serde(default, deserialize_with = "one_or_many")]
    pub ns: Vec<String>,
    /// The name of an address.
    #[serde(default, deserialize_with = "one_or_many")]
    pub ptr: Vec<String>,
    /// Texts, each a record of at most 255 bytes.
    #[serde(default, deserialize_with = "one_or_many")]
    pub txt: Vec<String>,
    /// One text more, of so many bytes.
    pub txt_bytes: Option<u16>,
    /// What the server does with questions for this name.
    pub manner: Option<DnsManner>,
}

/// What a bad server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsManner {
    /// Says that it does not understand the question.
    Formerr,
    /// Says that it failed.
    Servfail,
    /// Says that there is no such name.
    Nxdomain,
    /// Says that it cannot do that.
    Notimp,
    /// Says that it does not want to.
    Refused,
    /// Says nothing.
    Silent,
    /// Says that its answer is cut, and nothing else.
    Truncated,
    /// Answers with another number than that of the question.
    WrongId,
    /// Answers from the address after the one that was asked.
    WrongSource,
}

impl DnsServer {
    /// What is wrong with it, in a line.
    pub(super) fn fault(&self) -> Option<String> {
        let named = self.records.iter().flat_map(DnsRecord::names).chain(&self.zone);
        let name = named.into_iter().find(|name| wire_name(name).is_none());
        let text = || self.records.iter().flat_map(|record| &record.txt).find(|t| t.len() > 255);
        name.map(|name| format!("{name:?} is no name that can be sent"))
            .or_else(|| text().map(|text| format!("{text:?} is longer than 255 bytes")))
    }
}

impl DnsRecord {
    fn names(&self) -> impl Iterator<Item = &String> {
        let data = self.cname.iter().chain(&self.ns).chain(&self.ptr);
        std::iter::once(&self.name).chain(data)
    }
}

/// A name as it is sent, in small letters; `None`: there is none such.
pub(crate) fn wire_name(name: &str) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let length = u8::try_from(label.len()).ok().filter(|length| *length > 0)?;
        if label.len() > LONGEST_LABEL {
            return None;
        }
        wire.push(length);
        wire.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    wire.push(0);
    (wire.len() <= LONGEST_NAME).then_some(wire)
}

const fn domain() -> u16 {
    53
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_they_are_sent() {
        assert_eq!(wire_name("Ab.c"), Some(b"\x02ab\x01c\0".to_vec()));
        assert_eq!(wire_name("ab.c."), wire_name("AB.C"));
        assert_eq!(wire_name("."), Some(vec![0]));
        assert_eq!(wire_name("a..b"), None);
        assert_eq!(wire_name(&"x".repeat(64)), None);
        assert_eq!(wire_name(&["x"; 128].join(".")), None);
        assert!(wire_name(&["x"; 127].join(".")).is_some());
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let fault = |text: &str| toml::from_str::<DnsServer>(text).expect("its keys").fault();
        assert_eq!(
            fault("zone = \"example\"\nrecord = [{ name = \"a\", a = \"10.0.0.1\" }]"),
            None
        );
        let said = fault("record = [{ name = \"a\", cname = \"b..c\" }]").expect("a fault");
        assert!(said.contains("b..c"), "{said}");
        let long = format!("record = [{{ name = \"a\", txt = \"{}\" }}]", "x".repeat(256));
        assert!(fault(&long).is_some());
    }
}
