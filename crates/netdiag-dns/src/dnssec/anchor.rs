//! What is believed without a signature: DS and DNSKEY records in a file, or the keys of the root.

use super::rrset::{Key, Owner};
use crate::text::hex;
use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
use domain::rdata::{Dnskey, Ds};
use domain::utils::base64;
use std::str::FromStr;

/// The keys of the root (IANA, root-anchors.xml): KSK-2017 and KSK-2024.
const ROOT: &str = "\
. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// What is believed of zones.
#[derive(Clone, Debug)]
pub struct Anchors(Vec<Anchor>);

/// What is believed of one.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    pub(super) zone: Owner,
    pub(super) delegations: Vec<Ds<Vec<u8>>>,
    pub(super) keys: Vec<Key>,
}

impl Default for Anchors {
    fn default() -> Self {
        Self::parse(ROOT).unwrap_or_else(|_| Self(Vec::new()))
    }
}

impl Anchors {
    /// Reads a file: a record of type DS or DNSKEY a line, as zone files have them.
    ///
    /// # Errors
    /// What is wrong, and in which line; or that there is no record.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all: Vec<Anchor> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split(';').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(name) = words.first() else { continue };
            let wrong = |why: &str| format!("line {number}: {why}");
            let is_kind =
                |word: &&str| ["DS", "DNSKEY"].iter().any(|kind| kind.eq_ignore_ascii_case(word));
            let place = words.iter().skip(1).position(is_kind);
            let Some(place) = place else {
                return Err(wrong("neither a DS nor a DNSKEY record"));
            };
            let zone = Owner::from_str(name).map_err(|_| wrong("no name"))?;
            let rest = words.get(place + 2..).unwrap_or_default();
            let same = all.iter().position(|anchor| anchor.zone == zone);
            let same = same.unwrap_or_else(|| {
                all.push(Anchor { zone, delegations: Vec::new(), keys: Vec::new() });
                all.len() - 1
            });
            let Some(anchor) = all.get_mut(same) else { continue };
            match words.get(place + 1) {
                Some(kind) if kind.eq_ignore_ascii_case("DS") => {
                    anchor.delegations.push(ds(rest).ok_or_else(|| wrong("no DS"))?);
                }
                _ => anchor.keys.push(key(rest).ok_or_else(|| wrong("no DNSKEY"))?),
            }
        }
        if all.is_empty() { Err("it has no DS or DNSKEY record".to_owned()) } else { Ok(Self(all)) }
    }

    /// What is believed nearest above a name.
    pub(super) fn above(&self, name: &Owner) -> Option<&Anchor> {
        let fitting = self.0.iter().filter(|anchor| name.ends_with(&anchor.zone));
        fitting.max_by_key(|anchor| anchor.zone.label_count())
    }
}

fn ds(words: &[&str]) -> Option<Ds<Vec<u8>>> {
    let [tag, algorithm, kind, digest @ ..] = words else { return None };
    let algorithm = SecurityAlgorithm::from_int(algorithm.parse().ok()?);
    let kind = DigestAlgorithm::from_int(kind.parse().ok()?);
    let digits = digest.concat();
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes: Vec<u8> =
        pairs.collect::<Option<_>>().filter(|bytes: &Vec<u8>| !bytes.is_empty())?;
    debug_assert_eq!(hex(&bytes).len(), digits.len());
    Ds::new(tag.parse().ok()?, algorithm, kind, bytes).ok()
}

fn key(words: &[&str]) -> Option<Key> {
    let [flags, protocol, algorithm, key @ ..] = words else { return None };
    let algorithm = SecurityAlgorithm::from_int(algorithm.parse().ok()?);
    let bytes: Vec<u8> = base64::decode(&key.concat()).ok()?;
    Dnskey::new(flags.parse().ok()?, protocol.parse().ok()?, algorithm, bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_records() {
        let root = Anchors::default();
        let name = |text: &str| Owner::from_str(text).expect("a name");
        let found = root.above(&name("a.example.")).expect("the root");
        assert_eq!((found.zone.label_count(), found.delegations.len()), (1, 2));
        let own = Anchors::parse("; mine\nexample. 3600 IN DNSKEY 257 3 13 (nothing\n");
        assert_eq!(own.expect_err("it is none"), "line 2: no DNSKEY");
        let own = Anchors::parse("example. IN DS 1 13 2 AB cd\n. DS 2 13 2 00\n").expect("two");
        let nearest = own.above(&name("a.example.")).expect("an anchor");
        assert_eq!(nearest.zone, name("example."));
        assert_eq!(nearest.delegations[0].digest(), &[0xab, 0xcd]);
        for bad in ["", "example. A 192.0.2.1", "a..b DS 1 1 1 00", "a DS 1 1 1 xx"] {
            assert!(Anchors::parse(bad).is_err(), "{bad}");
        }
    }
}
