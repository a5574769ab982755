//! Lines of prefix and number.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Prefixes by their length, and by their first bits within it.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    v4: BTreeMap<u8, BTreeMap<u128, u32>>,
    v6: BTreeMap<u8, BTreeMap<u128, u32>>,
}

impl Prefixes {
    /// Reads `192.0.2.0 24 64500` or `192.0.2.0/24 64500` line by line, separated by blanks, tabulators
    /// or commas. Of several origins (`64500_64501`, `64500,64501`) the first counts. What begins with
    /// `#` is a comment.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| "neither a MaxMind DB nor lines of text".to_owned())?;
        let mut prefixes = Self::default();
        for (line, number) in text.lines().zip(1_u64..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || format!("line {number}: no prefix and number of an autonomous system");
            let (address, length, system) = entry(line).ok_or_else(wrong)?;
            let (bits, key) = (width(address), key(address, length).ok_or_else(wrong)?);
            let lengths = if bits == 32 { &mut prefixes.v4 } else { &mut prefixes.v6 };
            lengths.entry(length).or_default().insert(key, system);
        }
        let is_empty = prefixes.v4.is_empty() && prefixes.v6.is_empty();
        if is_empty { Err("no prefix in it".to_owned()) } else { Ok(prefixes) }
    }

    /// The number of the longest prefix that has an address.
    pub(super) fn find(&self, address: IpAddr) -> Option<u32> {
        let lengths = if width(address) == 32 { &self.v4 } else { &self.v6 };
        let mut longest_first = lengths.iter().rev();
        longest_first.find_map(|(length, of)| of.get(&key(address, *length)?).copied())
    }
}

/// A line's prefix and number.
fn entry(line: &str) -> Option<(IpAddr, u8, u32)> {
    let mut words = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let first = words.next()?;
    let (address, length) = match first.split_once('/') {
        Some(parts) => parts,
        None => (first, words.next()?),
    };
    Some((address.parse().ok()?, length.parse().ok()?, number(words.next()?)?))
}

/// `64500`, `AS64500`, or the first of several.
pub(super) fn number(text: &str) -> Option<u32> {
    let first = text.split(['_', ',']).next()?;
    let digits = first.strip_prefix("AS").or_else(|| first.strip_prefix("as")).unwrap_or(first);
    digits.parse().ok()
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first bits of an address; `None` where it has fewer.
fn key(address: IpAddr, length: u8) -> Option<u128> {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let behind = width(address).checked_sub(length)?;
    Some(bits.checked_shr(u32::from(behind)).unwrap_or(0))
}
