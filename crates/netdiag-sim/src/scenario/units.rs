//! The small languages inside a scenario file: `"10ms"`, `"10Mbit"`, `"10.9.2.0/24"`, `"EPERM"`.

use netdiag_model::Family;
use netdiag_model::errno::Errno;
use serde::de::{Deserialize, Deserializer, Error};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A length of time written with its unit: `ns`, `us`, `ms`, `s`, `m`, `h`, `d`. May have a sign
/// where a step of a clock is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Nanoseconds.
    pub nanos: i64,
}

impl Span {
    /// As a duration; zero for a negative one.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_nanos(self.unsigned())
    }

    /// Nanoseconds; zero for a negative one.
    #[must_use]
    pub fn unsigned(self) -> u64 {
        u64::try_from(self.nanos).unwrap_or_default()
    }

    fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(split);
        let scale: i64 = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return None,
        };
        let whole = number.parse::<i64>().ok().and_then(|number| number.checked_mul(scale));
        let nanos = match whole {
            Some(nanos) => nanos,
            None => {
                let nanos = number.parse::<f64>().ok()? * scale as f64;
                if !nanos.is_finite() || nanos.abs() > i64::MAX as f64 / 2.0 {
                    return None;
                }
                nanos.round() as i64
            }
        };
        Some(Self { nanos })
    }
}

/// Bits per second: `"10Mbit"`, `"64kbit"`, `"1Gbit"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bits per second, at least 1.
    pub bits: u64,
}

impl Rate {
    fn parse(text: &str) -> Option<Self> {
        let (number, scale) = [("kbit", 1_000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000)]
            .iter()
            .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))
            .or_else(|| Some((text.strip_suffix("bit")?, 1)))?;
        let bits = number.parse::<u64>().ok()?.checked_mul(scale)?;
        (bits > 0).then_some(Self { bits })
    }
}

/// An address and how many of its leading bits count: `"10.9.2.0/24"`; alone it is one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    /// The address as it was written.
    pub address: IpAddr,
    /// How many leading bits count.
    pub length: u8,
}

impl Prefix {
    /// One host.
    #[must_use]
    pub const fn host(address: IpAddr) -> Self {
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The family.
    #[must_use]
    pub const fn family(self) -> Family {
        Family::of(self.address)
    }

    /// Whether it stands for exactly one address.
    #[must_use]
    pub const fn is_host(self) -> bool {
        self.length == Self::host(self.address).length
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                (u32::from(own) ^ u32::from(other)) & mask == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                (u128::from(own) ^ u128::from(other)) & mask == 0
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((address, length)) = text.split_once('/') else {
            return Some(Self::host(text.parse().ok()?));
        };
        let address = address.parse().ok()?;
        let length = length.parse().ok()?;
        (length <= Self::host(address).length).then_some(Self { address, length })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// An error number by its name: `"EPERM"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrnoName {
    /// The number.
    pub number: i32,
}

impl ErrnoName {
    fn parse(text: &str) -> Option<Self> {
        (1..=133).find(|number| Errno::new(*number).name == text).map(|number| Self { number })
    }
}

macro_rules! deserialize {
    ($kind:ty, $wanted:literal) => {
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text)
                    .ok_or_else(|| D::Error::custom(format!("{text:?} is not {}", $wanted)))
            }
        }
    };
}
deserialize!(Span, "a length of time such as \"10ms\"");
deserialize!(Rate, "a rate such as \"10Mbit\"");
deserialize!(Prefix, "an address or a prefix such as \"10.9.2.0/24\"");
deserialize!(ErrnoName, "the name of an error such as \"EPERM\"");

/// One value, or a list of them.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            use serde::de::IntoDeserializer;
            Ok(vec![T::deserialize(text.into_deserializer())?])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(
            self,
            mut list: A,
        ) -> Result<Self::Value, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }
    deserializer.deserialize_any(OneOrMany(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let check = |text: &str, nanos: Option<i64>| {
            assert_eq!(Span::parse(text).map(|span| span.nanos), nanos, "{text}");
        };
        check("10ms", Some(10_000_000));
        check("1.5s", Some(1_500_000_000));
        check("-1h", Some(-3_600_000_000_000));
        check("7ns", Some(7));
        check("10", None);
        check("10 lightyears", None);
        check("9e99s", None);
    }

    #[test]
    fn prefixes() {
        let prefix = Prefix::parse("10.9.2.0/24").expect("a prefix");
        assert!(prefix.contains("10.9.2.255".parse().expect("an address")));
        assert!(!prefix.contains("10.9.3.0".parse().expect("an address")));
        assert!(!prefix.contains("::".parse().expect("an address")));
        let all = Prefix::parse("::/0").expect("a prefix");
        assert!(all.contains("fd09::1".parse().expect("an address")));
        assert_eq!(Prefix::parse("10.0.0.0/33"), None);
        assert!(Prefix::parse("fd09::1").expect("a host").is_host());
    }

    #[test]
    fn rates_and_errors() {
        assert_eq!(Rate::parse("10Mbit"), Some(Rate { bits: 10_000_000 }));
        assert_eq!(Rate::parse("0bit"), None);
        assert_eq!(ErrnoName::parse("ENOBUFS"), Some(ErrnoName { number: 105 }));
        assert_eq!(ErrnoName::parse("EWHAT"), None);
    }
}
