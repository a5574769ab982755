//! Lists of ports: `22,80,8000-8010,https`.

use netdiag_model::Untrusted;
use std::fmt;
use std::str::FromStr;

/// A list of ports as it was typed: numbers from 1 to 65535, ranges, and names of services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(Vec<Part>);

/// One part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// From the first to the last, both included.
    Range(u16, u16),
    /// A service.
    Name(String),
}

/// What is wrong with a list of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortError {
    /// There is nothing between two commas, or nothing at all.
    Missing,
    /// A number that is no port, or no number.
    NoPort(String),
    /// A range whose end is before its beginning.
    Reversed(u16, u16),
    /// A name that no service has.
    UnknownService(String),
}

impl FromStr for Ports {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        text.split(',').map(part).collect::<Result<_, _>>().map(Self)
    }
}

impl Ports {
    /// One port.
    #[must_use]
    pub fn one(port: u16) -> Self {
        Self(vec![Part::Range(port, port)])
    }

    /// Whether a name stands in it.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Name(_)))
    }

    /// How many there are at most; a service is one.
    #[must_use]
    pub fn most(&self) -> u64 {
        let of = |part: &Part| match part {
            Part::Range(first, last) => u64::from(last - first) + 1,
            Part::Name(_) => 1,
        };
        self.0.iter().map(of).sum()
    }

    /// The ports in the order in which they were given, each once. `service` says which port a name
    /// means.
    ///
    /// # Errors
    /// When a name means none.
    pub fn numbers(&self, service: impl Fn(&str) -> Option<u16>) -> Result<Vec<u16>, PortError> {
        let mut seen = vec![false; usize::from(u16::MAX) + 1];
        let mut numbers = Vec::new();
        for part in &self.0 {
            let (first, last) = match part {
                Part::Range(first, last) => (*first, *last),
                Part::Name(name) => {
                    let port = service(name);
                    let port = port.ok_or_else(|| PortError::UnknownService(name.clone()))?;
                    (port, port)
                }
            };
            for port in first..=last {
                if let Some(seen) = seen.get_mut(usize::from(port))
                    && !std::mem::replace(seen, true)
                {
                    numbers.push(port);
                }
            }
        }
        Ok(numbers)
    }
}

fn part(text: &str) -> Result<Part, PortError> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        _ if text.is_empty() => Err(PortError::Missing),
        _ if is_number(text) => number(text).map(|port| Part::Range(port, port)),
        Some((first, last)) if is_number(first) && is_number(last) => {
            match (number(first)?, number(last)?) {
                (first, last) if first > last => Err(PortError::Reversed(first, last)),
                (first, last) => Ok(Part::Range(first, last)),
            }
        }
        _ if is_name(text) => Ok(Part::Name(text.to_owned())),
        _ => Err(PortError::NoPort(text.to_owned())),
    }
}

fn number(text: &str) -> Result<u16, PortError> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| PortError::NoPort(text.to_owned()))
}

/// A letter, and then what names of services are made of (RFC 6335 section 5.1, and what stands in
/// /etc/services beyond it).
fn is_name(text: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_+./".contains(letter);
    text.chars().all(is_part)
        && text.chars().any(|letter| letter.is_ascii_alphabetic())
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| Untrusted::from(text).escaped().to_string();
        match self {
            Self::Missing => f.write_str("a port is missing"),
            Self::NoPort(text) => {
                let text = shown(text);
                write!(f, "`{text}` is no port: a number from 1 to 65535, or a service")
            }
            Self::Reversed(first, last) => {
                write!(f, "the range {first}-{last} ends before it begins")
            }
            Self::UnknownService(name) => write!(f, "no service is called `{}`", shown(name)),
        }
    }
}

impl std::error::Error for PortError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services;

    #[test]
    fn a_list_has_numbers_ranges_and_names_each_port_once() {
        let ports: Ports = "443,20-22,ssh,https,21".parse().expect("a list");
        assert!(ports.has_names());
        assert_eq!(ports.numbers(services::port), Ok(vec![443, 20, 21, 22]));
        let all: Ports = "1-65535".parse().expect("a list");
        assert_eq!(all.numbers(services::port).map(|all| all.len()), Ok(65_535));
        assert!(!all.has_names());
    }

    #[test]
    fn what_is_no_port_is_named() {
        let wrong = |text: &str| text.parse::<Ports>().expect_err(text).to_string();
        for text in ["", ",", "80,", ",80", "80,,81"] {
            assert_eq!(wrong(text), "a port is missing", "{text}");
        }
        for text in ["0", "65536", "99999999999", "-1", "80-", "-", "+80", "8 0", "80;81", "0-5"] {
            assert!(wrong(text).contains("is no port"), "{text}: {}", wrong(text));
        }
        assert_eq!(wrong("8010-8000"), "the range 8010-8000 ends before it begins");
        assert_eq!(
            wrong("\u{1b}[2J"),
            "`\\u{1b}[2J` is no port: a number from 1 to 65535, or a service"
        );
        let unknown: Ports = "no-such-thing".parse().expect("a name");
        let unknown = unknown.numbers(services::port).expect_err("unknown");
        assert_eq!(unknown.to_string(), "no service is called `no-such-thing`");
    }
}
