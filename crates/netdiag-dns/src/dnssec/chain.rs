//! From an anchor down to an answer (RFC 4035 section 5).

use super::anchor::Anchor;
use super::denial::{NoDs, Proofs};
use super::fault::Fault;
use super::rrset::{Key, Owner, Part, Rrset, sets};
use super::{Anchors, Dnssec, DnssecStatus};
use crate::class::Class;
use domain::base::ToName;
use domain::base::iana::{DigestAlgorithm, Rtype};
use domain::base::rdata::ComposeRecordData;
use domain::crypto::common::{Digest, DigestBuilder, DigestType};
use domain::rdata::Ds;

/// Where the messages are that were asked for.
pub(super) trait Source {
    /// What a server said to a question: the class of it, and the whole message.
    fn message(&self, name: &Owner, kind: Rtype) -> Option<(Class, &[u8])>;
}

/// Why there are no keys to go on with.
enum Stop {
    /// The chain ends in a zone that is not signed, as is proved; in words.
    Insecure(String),
    Bogus(Fault),
    /// Something was not told.
    Indeterminate(String),
}

/// A zone whose keys are proved.
#[derive(Clone)]
struct Zone {
    name: Owner,
    keys: Vec<Key>,
}

/// Validation of one answer at one time.
pub(super) struct Chain<'a, S> {
    source: &'a S,
    anchors: &'a Anchors,
    /// Seconds since 1970.
    now: u32,
    /// The zones that were passed.
    passed: Vec<String>,
}

impl<'a, S: Source> Chain<'a, S> {
    pub(super) const fn new(source: &'a S, anchors: &'a Anchors, now: u32) -> Self {
        Self { source, anchors, now, passed: Vec::new() }
    }

    /// What an answer is worth.
    pub(super) fn validate(mut self, name: &Owner, kind: Rtype) -> Dnssec {
        let done = self.answer(name, kind);
        let (status, reason, clock, text) = match done {
            Ok(()) => (DnssecStatus::Secure, None, false, None),
            Err(Stop::Insecure(why)) => {
                let reason = if why.contains("no DS of it") { "missing-ds" } else { "unsigned" };
                (DnssecStatus::Insecure, Some(reason), false, Some(why))
            }
            Err(Stop::Bogus(Fault::Unsupported { what })) => {
                let why = format!("it is signed by {what}, which is not known here");
                (DnssecStatus::Insecure, Some("unsupported"), false, Some(why))
            }
            Err(Stop::Bogus(fault)) => {
                let (clock, text) = (fault.may_be_the_clock(), fault.to_string());
                (DnssecStatus::Bogus, Some(fault.reason()), clock, Some(text))
            }
            Err(Stop::Indeterminate(why)) => {
                (DnssecStatus::Indeterminate, Some("not-told"), false, Some(why))
            }
        };
        Dnssec {
            status,
            reason: text,
            code: reason.map(ToOwned::to_owned),
            zones: self.passed,
            may_be_the_clock: clock,
        }
    }

    fn answer(&mut self, name: &Owner, kind: Rtype) -> Result<(), Stop> {
        let Some((class, bytes)) = self.source.message(name, kind) else {
            return Err(Stop::Indeterminate("there is no answer".to_owned()));
        };
        if !class.is_about_name() && class != Class::Referral {
            return Err(Stop::Indeterminate(format!("the server says {}", class.name())));
        }
        if kind == Rtype::RRSIG {
            let why = "signatures are not signed themselves: ask for what they sign";
            return Err(Stop::Indeterminate(why.to_owned()));
        }
        let (own, behind) = (read(bytes, Part::Answer)?, read(bytes, Part::Authority)?);
        for set in &own {
            // What a DNAME makes of names is signed by that alone (RFC 6672 section 5.3.1), and would have
            // to be made again here to be believed.
            let is_made = set.kind == Rtype::CNAME
                && set.signatures.is_empty()
                && own.iter().any(|it| it.kind == Rtype::DNAME && set.owner.ends_with(&it.owner));
            if is_made {
                let why = "a DNAME leads to it, which is not followed here".to_owned();
                return Err(Stop::Indeterminate(why));
            }
            self.set(set, &behind)?;
        }
        let last = led_to(name, kind, &own);
        let is_wanted = |set: &Rrset| set.kind == kind || kind == Rtype::ANY;
        let is_there = own.iter().any(|set| set.owner == last && is_wanted(set));
        match class {
            Class::Answer if is_there => Ok(()),
            Class::Answer | Class::Referral => {
                let last = last.fmt_with_dot();
                Err(Stop::Indeterminate(format!("it leads to {last}, of which nothing is told")))
            }
            _ => self.denial(&last, kind, class, &behind),
        }
    }

    /// One set of records.
    fn set(&mut self, set: &Rrset, behind: &[Rrset]) -> Result<(), Stop> {
        let zone = self.zone(&set.owner, set.kind, set.signer())?;
        let made_from = set.verify(&zone.name, &zone.keys, self.now).map_err(Stop::Bogus)?;
        let Some(above) = made_from else { return Ok(()) };
        let proofs = self.proofs(&zone, behind)?;
        if proofs.deny_own(&set.owner, &above) {
            return Ok(());
        }
        let what = format!(
            "{} itself is not there, whose answer came of a wildcard",
            set.owner.fmt_with_dot()
        );
        Err(Stop::Bogus(Fault::Gap { what }))
    }

    /// That there is nothing.
    fn denial(
        &mut self,
        name: &Owner,
        kind: Rtype,
        class: Class,
        behind: &[Rrset],
    ) -> Result<(), Stop> {
        let zone = self.zone(name, kind, None)?;
        let proofs = self.proofs(&zone, behind)?;
        if proofs.is_too_dear() {
            return Err(Stop::Insecure(
                "its NSEC3 records are hashed too often to be looked at".to_owned(),
            ));
        }
        let shown = name.fmt_with_dot();
        let (is_proved, what) = match class {
            Class::Nxdomain => (proofs.deny_name(name), format!("{shown} does not exist")),
            _ => (proofs.deny_type(name, kind), format!("{shown} has no {kind}")),
        };
        match is_proved {
            true => Ok(()),
            false if proofs.is_empty() && behind.iter().all(|set| set.signatures.is_empty()) => {
                let (set, zone) =
                    (format!("the denial of {shown} {kind}"), zone.name.fmt_with_dot().to_string());
                Err(Stop::Bogus(Fault::NoSignature { set, zone }))
            }
            false => Err(Stop::Bogus(Fault::Gap { what })),
        }
    }

    /// The proofs of a zone, all of whose signatures must fit.
    fn proofs<'b>(&self, zone: &Zone, behind: &'b [Rrset]) -> Result<Proofs<'b>, Stop> {
        let of_zone = behind.iter().filter(|set| set.owner.ends_with(&zone.name));
        let mut good = Vec::new();
        for set in of_zone {
            let is_proof = matches!(set.kind, Rtype::NSEC | Rtype::NSEC3 | Rtype::SOA);
            // The records of a delegation are not signed.
            if is_proof {
                set.verify(&zone.name, &zone.keys, self.now).map_err(Stop::Bogus)?;
                good.push(set);
            }
        }
        Ok(Proofs::new(good.into_iter()))
    }

    /// The keys of the zone that a name's records of this type stand in: `signer` says which that is (RFC
    /// 4035 section 5.3.1), so that of the labels below it nothing need be proved.
    fn zone(&mut self, name: &Owner, kind: Rtype, signer: Option<&Owner>) -> Result<Zone, Stop> {
        let Some(anchor) = self.anchors.above(name) else {
            // Without one nothing says whether it should be signed (RFC 4033 section 5).
            return Err(Stop::Indeterminate("no anchor is above it".to_owned()));
        };
        let mut zone = self.anchored(anchor)?;
        let depth = anchor.zone.label_count();
        let mut below: Vec<Owner> = name
            .iter_suffixes()
            .map(|suffix| suffix.to_name())
            .filter(|suffix: &Owner| suffix.label_count() > depth)
            .collect();
        below.reverse();
        if let Some(signer) = signer {
            below.retain(|zone| zone.label_count() <= signer.label_count());
        }
        if kind == Rtype::DS {
            // It stands in the zone above.
            below.pop();
        }
        for next in below {
            if let Some(found) = self.delegation(&zone, &next)? {
                zone = found;
            }
        }
        Ok(zone)
    }

    fn anchored(&mut self, anchor: &Anchor) -> Result<Zone, Stop> {
        self.keys(&anchor.zone, &anchor.delegations, &anchor.keys)
    }

    /// The zone that begins at a name below another; `None`: none does.
    fn delegation(&mut self, zone: &Zone, name: &Owner) -> Result<Option<Zone>, Stop> {
        let shown = name.fmt_with_dot();
        let Some((class, bytes)) = self.source.message(name, Rtype::DS) else {
            return Err(Stop::Indeterminate(format!("nobody told the DS of {shown}")));
        };
        if class == Class::Answer {
            let own = read(bytes, Part::Answer)?;
            if let Some(set) = own.iter().find(|set| set.kind == Rtype::DS && set.owner == *name) {
                set.verify(&zone.name, &zone.keys, self.now).map_err(Stop::Bogus)?;
                return self.keys(name, &set.delegations, &[]).map(Some);
            }
        }
        // An alias, or nothing at all: no zone begins there.
        let is_alias = read(bytes, Part::Answer)?.iter().any(|set| set.kind == Rtype::CNAME);
        if class == Class::Nxdomain || is_alias {
            return Ok(None);
        }
        if class != Class::Nodata && class != Class::Referral {
            return Err(Stop::Indeterminate(format!("the DS of {shown}: {}", class.name())));
        }
        let behind = read(bytes, Part::Authority)?;
        let proofs = self.proofs(zone, &behind)?;
        match proofs.deny_delegation(name) {
            NoDs::NoZone => Ok(None),
            NoDs::Delegation if self.has_keys(name) => Err(Stop::Insecure(format!(
                "{shown} is signed, and {} has no DS of it",
                zone.name.fmt_with_dot()
            ))),
            NoDs::Delegation => Err(Stop::Insecure(format!(
                "{shown} is not signed, as {} proves",
                zone.name.fmt_with_dot()
            ))),
            NoDs::Unproven if proofs.is_too_dear() => Err(Stop::Insecure(
                "its NSEC3 records are hashed too often to be looked at".to_owned(),
            )),
            NoDs::Unproven => Err(Stop::Bogus(Fault::MissingDs { zone: shown.to_string() })),
        }
    }

    /// Whether a zone has keys, whatever they are worth.
    fn has_keys(&self, name: &Owner) -> bool {
        let found = self.source.message(name, Rtype::DNSKEY);
        found.is_some_and(|(class, _)| class == Class::Answer)
    }

    /// The keys of a zone, proved by digests or by themselves.
    fn keys(
        &mut self,
        name: &Owner,
        delegations: &[Ds<Vec<u8>>],
        believed: &[Key],
    ) -> Result<Zone, Stop> {
        let shown = name.fmt_with_dot().to_string();
        let known = |ds: &&Ds<Vec<u8>>| digest_type(ds.digest_type()).is_some();
        if !delegations.is_empty()
            && believed.is_empty()
            && !delegations.iter().any(|it| known(&it))
        {
            return Err(Stop::Insecure(format!(
                "the digests of {shown} are of a kind that is not known here"
            )));
        }
        let Some((class, bytes)) = self.source.message(name, Rtype::DNSKEY) else {
            return Err(Stop::Indeterminate(format!("nobody told the keys of {shown}")));
        };
        let own = read(bytes, Part::Answer)?;
        let set = own.iter().find(|set| set.kind == Rtype::DNSKEY && set.owner == *name);
        let set = match set {
            Some(set) => set,
            None if class.is_about_name() => {
                return Err(Stop::Bogus(Fault::NoKeys { zone: shown }));
            }
            None => {
                return Err(Stop::Indeterminate(format!("the keys of {shown}: {}", class.name())));
            }
        };
        let is_believed =
            |key: &&Key| believed.contains(key) || delegations.iter().any(|ds| fits(name, key, ds));
        let entry: Vec<Key> = set.keys.iter().filter(is_believed).cloned().collect();
        if entry.is_empty() {
            let tags = delegations.iter().map(Ds::key_tag);
            let tags = tags.chain(believed.iter().map(|key| key.key_tag())).collect();
            return Err(Stop::Bogus(Fault::BadDigest { zone: shown, tags }));
        }
        set.verify(name, &entry, self.now).map_err(Stop::Bogus)?;
        if !self.passed.contains(&shown) {
            self.passed.push(shown);
        }
        Ok(Zone { name: name.clone(), keys: set.keys.clone() })
    }
}

/// The sets of a section.
fn read(bytes: &[u8], part: Part) -> Result<Vec<Rrset>, Stop> {
    let cannot = || Stop::Indeterminate("a message cannot be read".to_owned());
    sets(bytes, part).ok_or_else(cannot)
}

/// The name that a name leads to by aliases.
fn led_to(name: &Owner, kind: Rtype, sets: &[Rrset]) -> Owner {
    let mut last = name.clone();
    // Each alias leads on once, so that those that lead in a circle end.
    for _ in sets.iter().filter(|set| set.kind == Rtype::CNAME && kind != Rtype::CNAME) {
        let next = sets.iter().find(|set| set.kind == Rtype::CNAME && set.owner == last);
        let Some(target) = next.and_then(Rrset::target) else { break };
        last = target;
    }
    last
}

fn digest_type(kind: DigestAlgorithm) -> Option<DigestType> {
    match kind {
        DigestAlgorithm::SHA1 => Some(DigestType::Sha1),
        DigestAlgorithm::SHA256 => Some(DigestType::Sha256),
        DigestAlgorithm::SHA384 => Some(DigestType::Sha384),
        _ => None,
    }
}

/// Whether a key of a zone has a digest (RFC 4034 section 5.1.4).
fn fits(zone: &Owner, key: &Key, ds: &Ds<Vec<u8>>) -> bool {
    let is_named = key.key_tag() == ds.key_tag() && key.algorithm() == ds.algorithm();
    let Some(kind) = digest_type(ds.digest_type()).filter(|_| is_named) else { return false };
    let mut bytes = Vec::new();
    // A vector takes whatever is written to it.
    let _ = zone.compose_canonical(&mut bytes);
    let _ = key.compose_canonical_rdata(&mut bytes);
    let mut builder = DigestBuilder::new(kind);
    builder.update(&bytes);
    let digest: Digest = builder.finish();
    digest.as_ref() == ds.digest().as_slice()
}
