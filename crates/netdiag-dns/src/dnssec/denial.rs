//! That something does not exist: NSEC (RFC 4035 section 5.4) and NSEC3 (RFC 5155 section 8).

use super::rrset::{Gap, Owner, Rrset};
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::crypto::common::{DigestBuilder, DigestType};
use domain::utils::base32;
use std::cmp::Ordering;

/// More rounds of hashing than these say nothing: they cost whoever looks (RFC 9276 section 3.2).
pub(super) const MOST_ITERATIONS: u16 = 150;
/// A denial takes three of them.
const MOST_PROOFS: usize = 16;

/// Proofs of one zone whose signatures fit.
pub(super) struct Proofs<'a> {
    sets: Vec<&'a Rrset>,
}

/// What proofs say of the DS of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoDs {
    /// A zone begins there, unsigned.
    Delegation,
    /// No zone begins there.
    NoZone,
    /// Nothing.
    Unproven,
}

impl<'a> Proofs<'a> {
    pub(super) fn new(sets: impl Iterator<Item = &'a Rrset>) -> Self {
        let is_proof = |set: &&Rrset| set.kind == Rtype::NSEC || set.kind == Rtype::NSEC3;
        Self { sets: sets.filter(is_proof).take(MOST_PROOFS).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Whether they are hashed more often than anybody should.
    pub(super) fn is_too_dear(&self) -> bool {
        self.gaps().any(|(_, gap)| match gap {
            Gap::Nsec3 { iterations, .. } => *iterations > MOST_ITERATIONS,
            Gap::Nsec { .. } => false,
        })
    }

    fn gaps(&self) -> impl Iterator<Item = (&'a Owner, &'a Gap)> {
        self.sets.iter().flat_map(|set| set.gaps.iter().map(move |gap| (&set.owner, gap)))
    }

    /// What is at a name, and whether a zone's opt-out hides it; `None`: nobody says.
    fn at(&self, name: &Owner) -> Option<&'a [Rtype]> {
        self.gaps().find_map(|(owner, gap)| match gap {
            Gap::Nsec { types, .. } if owner == name => Some(types.as_slice()),
            Gap::Nsec3 { types, salt, iterations, .. } => {
                let own = hashed_owner(owner)?;
                (own == hash(name, salt, *iterations)).then_some(types.as_slice())
            }
            Gap::Nsec { .. } => None,
        })
    }

    /// The gap that a name is in.
    fn covering(&self, name: &Owner) -> Option<(&'a Owner, &'a Gap)> {
        self.gaps().find(|(owner, gap)| match gap {
            Gap::Nsec { next, .. } => {
                is_between(owner.name_cmp(name), name.name_cmp(next), owner.name_cmp(next))
            }
            Gap::Nsec3 { next, salt, iterations, .. } => {
                let wanted = hash(name, salt, *iterations);
                hashed_owner(owner).is_some_and(|own| {
                    is_between(own.cmp(&wanted), wanted.cmp(next), own.cmp(next))
                })
            }
        })
    }

    /// The nearest name above that exists, and the one below it on the way, which does not.
    fn encloser(&self, name: &Owner) -> Option<(Owner, Owner)> {
        let mut below: Option<Owner> = None;
        for above in name.iter_suffixes() {
            let above: Owner = above.to_name();
            if let Some(next) = &below
                && self.exists(&above, name)
            {
                return Some((above, next.clone()));
            }
            below = Some(above);
        }
        None
    }

    /// Whether a name above another is proved to exist: by its own record, or as a part of one that
    /// stands at an end of the gap that the other is in.
    fn exists(&self, above: &Owner, name: &Owner) -> bool {
        self.at(above).is_some()
            || self.covering(name).is_some_and(|(owner, gap)| match gap {
                Gap::Nsec { next, .. } => owner.ends_with(above) || next.ends_with(above),
                Gap::Nsec3 { .. } => false,
            })
    }

    /// Whether a name does not exist, nor a wildcard that would stand for it.
    pub(super) fn deny_name(&self, name: &Owner) -> bool {
        let Some((above, next)) = self.encloser(name) else { return false };
        self.covering(&next).is_some()
            && wildcard(&above).is_some_and(|wildcard| self.covering(&wildcard).is_some())
    }

    /// Whether a name has no records of this type: itself, as a name that only others stand below, or
    /// by a wildcard.
    pub(super) fn deny_type(&self, name: &Owner, kind: Rtype) -> bool {
        let lacks = |types: &[Rtype]| !types.contains(&kind) && !types.contains(&Rtype::CNAME);
        if let Some(types) = self.at(name) {
            return lacks(types);
        }
        let is_inner = self.covering(name).is_some_and(|(_, gap)| match gap {
            Gap::Nsec { next, .. } => next.ends_with(name),
            Gap::Nsec3 { .. } => false,
        });
        let by_wildcard = || {
            let (above, next) = self.encloser(name)?;
            let types = self.at(&wildcard(&above)?)?;
            Some(self.covering(&next).is_some() && lacks(types))
        };
        is_inner || by_wildcard().unwrap_or(false)
    }

    /// Whether a name itself does not exist, below this one that does: it came of a wildcard.
    pub(super) fn deny_own(&self, name: &Owner, above: &Owner) -> bool {
        let labels = above.label_count() + 1;
        let own = name.label_count();
        let next = name.iter_suffixes().nth(own.saturating_sub(labels));
        self.covering(name).is_some()
            || next.is_some_and(|next| self.covering(&next.to_name()).is_some())
    }

    /// What they say where there is no DS.
    pub(super) fn deny_delegation(&self, name: &Owner) -> NoDs {
        if let Some(types) = self.at(name) {
            return match types.contains(&Rtype::NS) && !types.contains(&Rtype::SOA) {
                _ if types.contains(&Rtype::DS) => NoDs::Unproven,
                true => NoDs::Delegation,
                false => NoDs::NoZone,
            };
        }
        if self.deny_type(name, Rtype::DS) {
            return NoDs::NoZone;
        }
        let next = self.encloser(name).map(|(_, next)| next);
        match next.and_then(|next| self.covering(&next)) {
            Some((_, Gap::Nsec3 { opt_out: true, .. })) => NoDs::Delegation,
            _ if self.deny_name(name) => NoDs::NoZone,
            _ => NoDs::Unproven,
        }
    }
}

/// Whether something lies between two ends of a ring, by how it compares with both, and they with each
/// other: the last gap goes round.
fn is_between(low: Ordering, high: Ordering, ends: Ordering) -> bool {
    match ends {
        Ordering::Less => low == Ordering::Less && high == Ordering::Less,
        Ordering::Greater => low == Ordering::Less || high == Ordering::Less,
        Ordering::Equal => low != Ordering::Equal,
    }
}

fn wildcard(above: &Owner) -> Option<Owner> {
    let bytes = [&b"\x01*"[..], above.as_slice()].concat();
    Owner::from_octets(bytes).ok()
}

/// The hash that the first label of an NSEC3 record is.
fn hashed_owner(owner: &Owner) -> Option<Vec<u8>> {
    let label = owner.iter().next()?;
    base32::decode_hex(std::str::from_utf8(label.as_slice()).ok()?).ok()
}

/// The hash of a name (RFC 5155 section 5).
fn hash(name: &Owner, salt: &[u8], iterations: u16) -> Vec<u8> {
    let mut data = Vec::new();
    // A vector takes whatever is written to it.
    let _ = name.compose_canonical(&mut data);
    for _ in 0..=iterations.min(MOST_ITERATIONS) {
        let mut digest = DigestBuilder::new(DigestType::Sha1);
        digest.update(&data);
        digest.update(salt);
        data = digest.finish().as_ref().to_vec();
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    /// The example of RFC 5155, appendix A.
    #[test]
    fn names_are_hashed() {
        for (name, wanted) in [
            ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ] {
            let name = Owner::from_str(name).expect("a name");
            let hashed = hash(&name, &[0xaa, 0xbb, 0xcc, 0xdd], 12);
            assert_eq!(base32::encode_string_hex(&hashed).to_ascii_lowercase(), wanted);
        }
    }

    #[test]
    fn the_last_gap_goes_round() {
        use Ordering::{Equal, Greater, Less};
        for (low, high, ends, is_in) in [
            (Less, Less, Less, true),
            (Less, Greater, Less, false),
            (Less, Greater, Greater, true),
            (Greater, Less, Greater, true),
            (Less, Greater, Equal, true),
            (Equal, Less, Less, false),
        ] {
            assert_eq!(is_between(low, high, ends), is_in, "{low:?} {high:?} {ends:?}");
        }
    }
}
