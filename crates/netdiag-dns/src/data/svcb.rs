//! How to reach a service (RFC 9460 section 2.1).

use super::fields::{Reader, v6};
use crate::text::{push_byte, quoted};
use domain::utils::base64;
use std::net::Ipv4Addr;

/// Keys that have names, by number.
const KEYS: [&str; 10] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
    "tls-supported-groups",
];

pub(super) fn present(reader: &mut Reader<'_>) -> Result<String, String> {
    let mut parts = vec![reader.u16()?.to_string(), reader.name()?];
    while reader.remaining() > 0 {
        let (key, len) = (reader.u16()?, reader.u16()?);
        let value = reader.take(len.into())?;
        parts.push(parameter(key, value)?);
    }
    Ok(parts.join(" "))
}

fn parameter(key: u16, value: &[u8]) -> Result<String, String> {
    let name = name(key);
    let wrong = || format!("the value of {name}");
    let shown = match key {
        0 => list(value.as_chunks().0, |pair| self::name(u16::from_be_bytes(*pair))),
        1 => format!("\"{}\"", protocols(value).ok_or_else(wrong)?),
        3 => u16::from_be_bytes(value.try_into().map_err(|_| wrong())?).to_string(),
        4 => list(value.as_chunks().0, |octets: &[u8; 4]| Ipv4Addr::from(*octets).to_string()),
        5 => base64::encode_string(value),
        6 => {
            let addresses = value.chunks(16).map(|octets| v6(octets).map(|v6| v6.to_string()));
            addresses.collect::<Option<Vec<String>>>().ok_or_else(wrong)?.join(",")
        }
        9 => list(value.as_chunks().0, |pair| u16::from_be_bytes(*pair).to_string()),
        _ if value.is_empty() => return Ok(name),
        _ => quoted(value),
    };
    let unit = match key {
        0 | 9 => 2,
        4 => 4,
        _ => 1,
    };
    if shown.is_empty() || !value.len().is_multiple_of(unit) {
        Err(wrong())
    } else {
        Ok(format!("{name}={shown}"))
    }
}

fn name(key: u16) -> String {
    let known = KEYS.get(usize::from(key));
    known.map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<String>>().join(",")
}

/// Names of protocols, each behind its length; commas and backslashes in them are escaped twice (RFC
/// 9460 appendix A.1).
fn protocols(mut value: &[u8]) -> Option<String> {
    let mut names = Vec::new();
    while let Some((len, rest)) = value.split_first() {
        let (id, rest) = rest.split_at_checked(usize::from(*len))?;
        let mut name = String::new();
        for byte in id {
            match byte {
                b',' => name.push_str("\\\\,"),
                b'\\' => name.push_str("\\\\\\\\"),
                _ => push_byte(&mut name, *byte, b"\""),
            }
        }
        names.push(name);
        value = rest;
    }
    Some(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_forms_of_their_own() {
        let check = |key, value: &[u8], shown: &str| {
            assert_eq!(parameter(key, value).as_deref(), Ok(shown));
        };
        check(0, &[0, 1, 0, 3], "mandatory=alpn,port");
        check(1, b"\x02h2\x02h3", "alpn=\"h2,h3\"");
        check(1, b"\x03f\\,", "alpn=\"f\\\\\\\\\\\\,\"");
        check(2, b"", "no-default-alpn");
        check(3, &[1, 187], "port=443");
        check(4, &[192, 0, 2, 1, 192, 0, 2, 2], "ipv4hint=192.0.2.1,192.0.2.2");
        check(667, b"hello", "key667=\"hello\"");
        for (key, value) in [(3, &[1][..]), (4, &[1, 2, 3]), (6, &[0; 15]), (1, &[2, 1]), (0, &[])]
        {
            assert!(parameter(key, value).is_err(), "{key}");
        }
    }
}
