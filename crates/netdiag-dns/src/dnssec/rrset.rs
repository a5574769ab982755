//! Sets of records with their signatures (RFC 4034), and whether a key made one of these.

use super::fault::Fault;
use domain::base::iana::{Rtype, SecurityAlgorithm};
use domain::base::rdata::ComposeRecordData;
use domain::base::{Message, Name, ParsedName, RecordData, ToName};
use domain::crypto::common::{AlgorithmError, PublicKey};
use domain::rdata::{AllRecordData, Dnskey, Ds};

/// A name on its own.
pub(super) type Owner = Name<Vec<u8>>;
/// A key of a zone.
pub(super) type Key = Dnskey<Vec<u8>>;

/// More records or sets of them in a message are not looked at, nor more signatures of a set, nor more keys
/// for one of these: each costs whoever looks.
const MOST: usize = 1_000;
const MOST_SETS: usize = 64;
const MOST_SIGNATURES: usize = 8;
const MOST_KEYS: usize = 4;

/// Records of one name and type, as they are signed.
#[derive(Clone, Debug)]
pub(super) struct Rrset {
    pub(super) owner: Owner,
    pub(super) kind: Rtype,
    /// Their data in canonical form (RFC 4034 section 6.2).
    data: Vec<Vec<u8>>,
    pub(super) signatures: Vec<Signature>,
    pub(super) keys: Vec<Key>,
    pub(super) delegations: Vec<Ds<Vec<u8>>>,
    pub(super) gaps: Vec<Gap>,
    alias: Option<Owner>,
}

/// What NSEC and NSEC3 say: from here to there is nothing, and here are these types.
#[derive(Clone, Debug)]
pub(super) enum Gap {
    Nsec { next: Owner, types: Vec<Rtype> },
    Nsec3 { next: Vec<u8>, types: Vec<Rtype>, salt: Vec<u8>, iterations: u16, opt_out: bool },
}

/// An RRSIG.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    algorithm: SecurityAlgorithm,
    labels: u8,
    original_ttl: u32,
    expiration: u32,
    inception: u32,
    key_tag: u16,
    pub(super) signer: Owner,
    signature: Vec<u8>,
}

/// The sections that are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Answer,
    Authority,
}

/// The sets of a section; `None`: it cannot be read to its end, or has more than anybody needs.
pub(super) fn sets(bytes: &[u8], part: Part) -> Option<Vec<Rrset>> {
    let message = Message::from_slice(bytes).ok()?;
    let section = match part {
        Part::Answer => message.answer().ok()?,
        Part::Authority => message.authority().ok()?,
    };
    let mut sets: Vec<Rrset> = Vec::new();
    for (number, record) in section.enumerate() {
        let record = record.ok().filter(|_| number < MOST && sets.len() <= MOST_SETS)?;
        let owner: Owner = record.owner().to_name();
        let parsed = record.to_any_record::<AllRecordData<&[u8], ParsedName<&[u8]>>>().ok()?;
        let covered = match parsed.data() {
            AllRecordData::Rrsig(rrsig) => rrsig.type_covered(),
            data => data.rtype(),
        };
        let place = sets.iter().position(|set| set.kind == covered && set.owner == owner);
        let place = place.unwrap_or_else(|| {
            sets.push(Rrset::new(owner, covered));
            sets.len() - 1
        });
        sets.get_mut(place)?.add(parsed.data());
    }
    // A signature without records signs nothing.
    sets.retain(|set| !set.data.is_empty());
    Some(sets)
}

impl Rrset {
    const fn new(owner: Owner, kind: Rtype) -> Self {
        Self {
            owner,
            kind,
            data: Vec::new(),
            signatures: Vec::new(),
            keys: Vec::new(),
            delegations: Vec::new(),
            gaps: Vec::new(),
            alias: None,
        }
    }

    fn add(&mut self, data: &AllRecordData<&[u8], ParsedName<&[u8]>>) {
        match data {
            AllRecordData::Rrsig(rrsig) => {
                self.signatures.push(Signature {
                    algorithm: rrsig.algorithm(),
                    labels: rrsig.labels(),
                    original_ttl: rrsig.original_ttl().as_secs(),
                    expiration: rrsig.expiration().into_int(),
                    inception: rrsig.inception().into_int(),
                    key_tag: rrsig.key_tag(),
                    signer: rrsig.signer_name().to_name(),
                    signature: rrsig.signature().to_vec(),
                });
                return;
            }
            AllRecordData::Dnskey(key) => {
                let bytes = key.public_key().to_vec();
                let own = Dnskey::new(key.flags(), key.protocol(), key.algorithm(), bytes);
                self.keys.extend(own.ok());
            }
            AllRecordData::Ds(ds) => {
                let digest = ds.digest().to_vec();
                let own = Ds::new(ds.key_tag(), ds.algorithm(), ds.digest_type(), digest);
                self.delegations.extend(own.ok());
            }
            AllRecordData::Cname(cname) => self.alias = Some(cname.cname().to_name()),
            AllRecordData::Nsec(nsec) => self.gaps.push(Gap::Nsec {
                next: nsec.next_name().to_name(),
                types: nsec.types().iter().collect(),
            }),
            AllRecordData::Nsec3(nsec3) => self.gaps.push(Gap::Nsec3 {
                next: nsec3.next_owner().as_slice().to_vec(),
                types: nsec3.types().iter().collect(),
                salt: nsec3.salt().as_slice().to_vec(),
                iterations: nsec3.iterations(),
                opt_out: nsec3.opt_out(),
            }),
            _ => {}
        }
        let mut canonical = Vec::new();
        // A vector takes whatever is written to it.
        let _ = data.compose_canonical_rdata(&mut canonical);
        if let Err(place) = self.data.binary_search(&canonical) {
            self.data.insert(place, canonical);
        }
    }

    /// The name that a CNAME leads to.
    pub(super) fn target(&self) -> Option<Owner> {
        self.alias.clone()
    }

    /// The nearest zone that signed them, as their signatures have it.
    pub(super) fn signer(&self) -> Option<&Owner> {
        let signers = self.signatures.iter().map(|signature| &signature.signer);
        signers.filter(|it| self.owner.ends_with(it)).max_by_key(|it| it.label_count())
    }

    /// Whose and of what type they are.
    pub(super) fn named(&self) -> String {
        format!("{} {}", self.owner.fmt_with_dot(), self.kind)
    }

    /// Whether the keys of a zone signed them for this time, in seconds since 1970; where they were
    /// made from a wildcard, the name above it that exists.
    pub(super) fn verify(
        &self,
        zone: &Owner,
        keys: &[Key],
        now: u32,
    ) -> Result<Option<Owner>, Fault> {
        let mut worst: Option<Fault> = None;
        let own = self.signatures.iter().filter(|it| it.signer == *zone);
        for signature in own.take(MOST_SIGNATURES) {
            match self.check(signature, keys, now) {
                Ok(()) => return Ok(self.made_from(signature)),
                Err(fault) => worst = worst.or(Some(fault)),
            }
        }
        Err(worst.unwrap_or_else(|| Fault::NoSignature {
            set: self.named(),
            zone: zone.fmt_with_dot().to_string(),
        }))
    }

    fn check(&self, signature: &Signature, keys: &[Key], now: u32) -> Result<(), Fault> {
        let (set, tag) = (self.named(), signature.key_tag);
        // Serial number arithmetic (RFC 4034 section 3.1.5).
        let behind = now.wrapping_sub(signature.expiration);
        if behind.cast_signed() > 0 {
            return Err(Fault::Expired { set, tag, seconds: behind });
        }
        let ahead = signature.inception.wrapping_sub(now);
        if ahead.cast_signed() > 0 {
            return Err(Fault::NotYetValid { set, tag, seconds: ahead });
        }
        let is_it = |key: &&Key| key.key_tag() == tag && key.algorithm() == signature.algorithm;
        let mut fitting = keys
            .iter()
            .filter(|key| key.is_zone_key() && !key.is_revoked())
            .filter(is_it)
            .peekable();
        if fitting.peek().is_none() {
            return Err(Fault::NoKey { set, tag });
        }
        let data = self.signed(signature);
        for key in fitting.take(MOST_KEYS) {
            match PublicKey::from_dnskey(key) {
                Err(AlgorithmError::Unsupported) => {
                    return Err(Fault::Unsupported { what: key.algorithm().to_string() });
                }
                Err(_) => {}
                Ok(public) if public.verify(&data, &signature.signature).is_ok() => return Ok(()),
                Ok(_) => {}
            }
        }
        Err(Fault::BadSignature { set, tag })
    }

    /// What a signature is made over (RFC 4034 section 3.1.8.1).
    fn signed(&self, signature: &Signature) -> Vec<u8> {
        let mut all = Vec::new();
        all.extend(self.kind.to_int().to_be_bytes());
        all.push(signature.algorithm.to_int());
        all.push(signature.labels);
        all.extend(signature.original_ttl.to_be_bytes());
        all.extend(signature.expiration.to_be_bytes());
        all.extend(signature.inception.to_be_bytes());
        all.extend(signature.key_tag.to_be_bytes());
        let _ = signature.signer.compose_canonical(&mut all);
        let mut owner = Vec::new();
        match self.made_from(signature) {
            Some(above) => {
                owner.extend(b"\x01*");
                let _ = above.compose_canonical(&mut owner);
            }
            None => {
                let _ = self.owner.compose_canonical(&mut owner);
            }
        }
        for data in &self.data {
            all.extend(&owner);
            all.extend(self.kind.to_int().to_be_bytes());
            all.extend(1_u16.to_be_bytes());
            all.extend(signature.original_ttl.to_be_bytes());
            all.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
            all.extend(data);
        }
        all
    }

    /// The name above the wildcard that they were made from, by the labels that were signed.
    fn made_from(&self, signature: &Signature) -> Option<Owner> {
        let labels = self.owner.label_count().saturating_sub(1);
        let is_wildcard = self.owner.as_slice().starts_with(b"\x01*");
        let own = labels.saturating_sub(usize::from(is_wildcard));
        let more = own.checked_sub(usize::from(signature.labels)).filter(|more| *more > 0)?;
        let more = more + usize::from(is_wildcard);
        self.owner.iter_suffixes().nth(more).map(|name| name.to_name())
    }
}
