//! Why something is not as its owner signed it.

use std::fmt;

/// What is wrong with a link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A signature is too old by so many seconds.
    Expired { set: String, tag: u16, seconds: u32 },
    /// A signature begins in so many seconds.
    NotYetValid { set: String, tag: u16, seconds: u32 },
    /// Nothing of the zone's signs it.
    NoSignature { set: String, zone: String },
    /// The key that is said to have signed it is none of the zone's.
    NoKey { set: String, tag: u16 },
    /// The key did not sign that.
    BadSignature { set: String, tag: u16 },
    /// No key of the zone has the digest that the zone above tells.
    BadDigest { zone: String, tags: Vec<u16> },
    /// The zone has no keys, though the zone above has a DS of it.
    NoKeys { zone: String },
    /// There is neither a DS nor a proof that there is none.
    MissingDs { zone: String },
    /// Nothing proves that the name or the type does not exist.
    Gap { what: String },
    /// A way to sign that is not known here.
    Unsupported { what: String },
}

/// A clock that is wrong by less than this may be the reason.
const DAY: u32 = 86_400;

impl Fault {
    /// The stable word.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::NoSignature { .. } => "no-signature",
            Self::NoKey { .. } => "no-key",
            Self::BadSignature { .. } => "bad-signature",
            Self::BadDigest { .. } => "bad-digest",
            Self::NoKeys { .. } => "no-keys",
            Self::MissingDs { .. } => "missing-ds",
            Self::Gap { .. } => "nsec-gap",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// Whether the clock of this machine may be what is wrong.
    pub(super) const fn may_be_the_clock(&self) -> bool {
        match self {
            Self::Expired { seconds, .. } | Self::NotYetValid { seconds, .. } => *seconds < DAY,
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { set, tag, seconds } => {
                write!(f, "the signature of {set} by key {tag} expired {} ago", span(*seconds))
            }
            Self::NotYetValid { set, tag, seconds } => {
                write!(f, "the signature of {set} by key {tag} begins in {}", span(*seconds))
            }
            Self::NoSignature { set, zone } => {
                write!(f, "{set} has no signature of {zone}, which is signed")
            }
            Self::NoKey { set, tag } => {
                write!(f, "{set} is signed by key {tag}, which the zone does not have")
            }
            Self::BadSignature { set, tag } => {
                write!(f, "the signature of {set} by key {tag} is not over these records")
            }
            Self::BadDigest { zone, tags } => {
                let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
                let tags = tags.join(", ");
                write!(f, "no key of {zone} has the digest of its DS (key {tags})")
            }
            Self::NoKeys { zone } => write!(f, "{zone} has a DS above it and no keys"),
            Self::MissingDs { zone } => {
                write!(f, "the zone above has no DS of {zone} and no proof that there is none")
            }
            Self::Gap { what } => write!(f, "no NSEC proves that {what}"),
            Self::Unsupported { what } => write!(f, "{what} is not known here"),
        }
    }
}

fn span(seconds: u32) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / DAY),
    }
}
