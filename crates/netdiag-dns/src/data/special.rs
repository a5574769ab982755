//! Types that no table of fields has.

use super::fields::{Reader, upper_hex};
use domain::utils::base64;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A place on earth (RFC 1876 section 3).
pub(super) fn loc(data: &[u8]) -> Result<String, String> {
    const EQUATOR: i64 = 1 << 31;
    const BELOW: i64 = 10_000_000;
    let [version, size, horizontal, vertical, rest @ ..] = data else {
        return Err("too short".to_owned());
    };
    let words: Vec<i64> =
        rest.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word).into()).collect();
    let ([latitude, longitude, altitude], 0, 12) = (words.as_slice(), *version, rest.len()) else {
        return Err("another version or length than RFC 1876 has".to_owned());
    };
    let altitude = altitude - BELOW;
    let sign = if altitude < 0 { "-" } else { "" };
    let (metres, centimetres) = (altitude.abs() / 100, altitude.abs() % 100);
    Ok(format!(
        "{} {} {sign}{metres}.{centimetres:02}m {} {} {}",
        angle(latitude - EQUATOR, ["N", "S"]),
        angle(longitude - EQUATOR, ["E", "W"]),
        precision(*size),
        precision(*horizontal),
        precision(*vertical),
    ))
}

/// Degrees, minutes, seconds of an angle in thousandths of a second.
fn angle(thousandths: i64, [positive, negative]: [&str; 2]) -> String {
    let side = if thousandths < 0 { negative } else { positive };
    let all = thousandths.abs();
    let (degrees, minutes) = (all / 3_600_000, all / 60_000 % 60);
    let (seconds, thousandths) = (all / 1_000 % 60, all % 1_000);
    format!("{degrees} {minutes} {seconds}.{thousandths:03} {side}")
}

/// A length: a digit and the power of ten of centimetres.
fn precision(byte: u8) -> String {
    let (base, exponent) = (u64::from(byte >> 4), u32::from(byte & 15));
    match exponent {
        0 | 1 => format!("0.{:02}m", base * 10_u64.pow(exponent)),
        _ => format!("{}m", base * 10_u64.pow(exponent - 2)),
    }
}

/// A list of address prefixes (RFC 3123 section 4).
pub(super) fn apl(mut data: &[u8]) -> Result<String, String> {
    let mut items = Vec::new();
    while let Some(([high, low, prefix, last], rest)) = data.split_first_chunk() {
        let (family, negated) = (u16::from_be_bytes([*high, *low]), last & 0x80 != 0);
        let Some((octets, rest)) = rest.split_at_checked(usize::from(last & 0x7f)) else {
            return Err("an address prefix that is cut".to_owned());
        };
        let address = match family {
            1 => filled::<4>(octets).map(|octets| Ipv4Addr::from(octets).to_string()),
            2 => filled::<16>(octets).map(|octets| Ipv6Addr::from(octets).to_string()),
            _ => None,
        };
        let Some(address) = address else {
            return Err(format!("an address of family {family} with {} bytes", octets.len()));
        };
        items.push(format!("{}{family}:{address}/{prefix}", if negated { "!" } else { "" }));
        data = rest;
    }
    match data {
        [] => Ok(items.join(" ")),
        _ => Err("an address prefix that is cut".to_owned()),
    }
}

fn filled<const N: usize>(octets: &[u8]) -> Option<[u8; N]> {
    let mut all = [0; N];
    all.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(all)
}

/// A host identity (RFC 8005 section 5).
pub(super) fn hip(reader: &mut Reader<'_>) -> Result<String, String> {
    let (tag_len, algorithm, key_len) = (reader.u8()?, reader.u8()?, reader.u16()?);
    let tag = upper_hex(reader.take(tag_len.into())?);
    let key = base64::encode_string(reader.take(key_len.into())?);
    let mut parts = vec![algorithm.to_string(), tag, key];
    while reader.remaining() > 0 {
        parts.push(reader.name()?);
    }
    Ok(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_earth() {
        // 42 21 54 N 71 06 18 W -24m 30m, of RFC 1876 section 4.
        let data = [
            0, 0x33, 0x16, 0x13, 0x89, 0x17, 0x2d, 0xd0, 0x70, 0xbe, 0x15, 0xf0, 0, 0x98, 0x8d,
            0x20,
        ];
        assert_eq!(
            loc(&data).as_deref(),
            Ok("42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m")
        );
        assert!(loc(&data[..15]).is_err() && loc(&[1; 16]).is_err());
    }

    #[test]
    fn address_prefixes() {
        let data = [0, 1, 21, 3, 192, 168, 32, 0, 1, 28, 0x84, 192, 168, 38, 0];
        assert_eq!(apl(&data).as_deref(), Ok("1:192.168.32.0/21 !1:192.168.38.0/28"));
        assert!(apl(&data[..9]).is_err() && apl(&[0, 1, 8, 5, 1, 2, 3, 4, 5]).is_err());
    }
}
