//! What is asked: a name, a type, a class.

use crate::kind::{RecordClass, RecordType};
use crate::message::presented;
use crate::text::Presented;
use domain::base::name::{FromStrError, Name, ParsedName, ToName};
use netdiag_model::Untrusted;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A domain name, absolute, as it stands on the wire (RFC 1035 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainName(Name<Vec<u8>>);

/// Why a text is no domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing at all; the root is `.`.
    Empty,
    /// A label without letters, as between two dots.
    EmptyLabel,
    /// A label of more than 63 bytes.
    LongLabel,
    /// More than 255 bytes on the wire.
    LongName,
    /// Letters beyond ASCII that no name can have (RFC 5891).
    International,
    /// An escape that cannot be read.
    Other(String),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name has at least one character; the root is `.`",
            Self::EmptyLabel => "a label is empty",
            Self::LongLabel => "a label is longer than 63 bytes",
            Self::LongName => "the name is longer than 255 bytes",
            Self::International => "its letters beyond ASCII make no name",
            Self::Other(why) => why,
        })
    }
}

impl std::error::Error for NameError {}

impl DomainName {
    /// The name that a text is, from the root on: no search list is applied. Escapes are those of zone
    /// files, letters beyond ASCII become A-labels (RFC 5890 section 2.3.2.1).
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text == "." {
            return Ok(Self(Name::root_vec()));
        }
        if let Some(name) = plain(text).and_then(|wire| Name::from_octets(wire).ok()) {
            return Ok(Self(name));
        }
        let given = Untrusted::from(text);
        let ascii = given.host();
        if !ascii.as_raw().is_ascii() {
            return Err(match text.split('.').any(|label| label.len() > 4 * 63) {
                true => NameError::LongLabel,
                false => NameError::International,
            });
        }
        if ascii.as_raw().contains("..") && !ascii.as_raw().contains('\\') {
            return Err(NameError::EmptyLabel);
        }
        Name::from_str(ascii.as_raw()).map(Self).map_err(|error| why(ascii.as_raw(), &error))
    }

    /// The name under which the name of an address stands (RFC 1035 section 3.5, RFC 3596 section
    /// 2.5).
    #[must_use]
    pub fn reverse(address: IpAddr) -> Self {
        let text = match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
            }
            IpAddr::V6(v6) => {
                let digits = v6.octets().into_iter().rev();
                let labels = digits.map(|byte| format!("{:x}.{:x}.", byte & 15, byte >> 4));
                format!("{}ip6.arpa.", labels.collect::<String>())
            }
        };
        Self(Name::from_str(&text).expect("digits and dots are a name"))
    }

    /// The bytes on the wire, uncompressed.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Whether another name is the same, in either case (RFC 4343).
    pub(crate) fn is<O: AsRef<[u8]>>(&self, other: &ParsedName<O>) -> bool {
        self.0.name_eq(other)
    }

    /// The name with its last dot.
    #[must_use]
    pub fn presented(&self) -> Presented {
        presented(&self.0)
    }
}

/// The wire form of a name of letters, digits, hyphens and underscores alone, as nearly all are; `None`
/// of any other text.
fn plain(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut wire = Vec::with_capacity(text.len() + 2);
    for label in text.split('.') {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_label = (1..=63).contains(&label.len()) && label.bytes().all(is_plain);
        wire.push(u8::try_from(label.len()).ok().filter(|_| is_label)?);
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    Some(wire)
}

/// What is wrong in words of our own, where it is one of the usual faults.
fn why(text: &str, error: &FromStrError) -> NameError {
    let said = error.to_string();
    let longest = text.split('.').map(str::len).max().unwrap_or_default();
    if text.starts_with('.') || text.contains("..") {
        NameError::EmptyLabel
    } else if said.contains("label") && longest > 63 {
        NameError::LongLabel
    } else if said.contains("long") {
        NameError::LongName
    } else {
        NameError::Other(said)
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: DomainName,
    /// The type.
    pub kind: RecordType,
    /// The class.
    pub class: RecordClass,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name.presented(), self.kind)?;
        if self.class == RecordClass::IN { Ok(()) } else { write!(f, " {}", self.class) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_absolute_and_international_ones_are_a_labels() {
        for (text, shown) in [
            ("example.net", "example.net."),
            ("Example.NET.", "Example.NET."),
            (".", "."),
            ("b\u{fc}cher.example", "xn--bcher-kva.example."),
            ("_sip._tcp.example", "_sip._tcp.example."),
            ("a\\.b.example", "a\\.b.example."),
            ("a\\000b.example", "a\\000b.example."),
        ] {
            let name = DomainName::parse(text).expect(text);
            assert_eq!(name.presented().as_str(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_told() {
        let label = "a".repeat(64);
        let long = format!("{}.", "a".repeat(49)).repeat(6);
        for (text, error) in [
            ("", NameError::Empty),
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            (label.as_str(), NameError::LongLabel),
            (long.as_str(), NameError::LongName),
        ] {
            assert_eq!(DomainName::parse(text), Err(error), "{text}");
        }
        assert!(matches!(DomainName::parse("a\\9"), Err(NameError::Other(_))));
        assert!(DomainName::parse(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn addresses_have_names_of_their_own() {
        let name = |text: &str| DomainName::reverse(text.parse().expect("an address")).presented();
        assert_eq!(name("192.0.2.1").as_str(), "1.2.0.192.in-addr.arpa.");
        let v6 = name("2001:db8::1");
        assert!(v6.as_str().starts_with("1.0.0.0.0.0.0.0."), "{v6}");
        assert!(v6.as_str().ends_with("8.b.d.0.1.0.0.2.ip6.arpa."), "{v6}");
    }
}
