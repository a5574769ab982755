//! Why bytes could not become a value, or a value could not become bytes.

use core::error::Error;
use core::fmt;

/// Why bytes could not be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    /// The message ends before the bytes that its header promises.
    Truncated {
        /// Bytes that the message needs, counted from its first byte.
        needed: usize,
        /// Bytes that are there.
        had: usize,
    },
    /// The IP version is not the one asked for.
    BadVersion {
        /// The version found.
        found: u8,
    },
    /// A length field claims less than the header itself takes.
    BadLength {
        /// Bytes that the field claims.
        claimed: usize,
        /// The least it can be.
        least: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, had } => write!(f, "truncated: {had} of {needed} bytes"),
            Self::BadVersion { found } => write!(f, "unexpected IP version {found}"),
            Self::BadLength { claimed, least } => {
                write!(f, "length field says {claimed} bytes, at least {least} expected")
            }
        }
    }
}

impl Error for ParseError {}

/// Why a value could not be written; the output is then as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmitError {
    /// A part is longer than its length field can say.
    TooLong {
        /// Bytes that were to be written.
        length: usize,
        /// The most that the field can say.
        most: usize,
    },
    /// A fragment offset that is not a multiple of eight bytes.
    BadFragmentOffset {
        /// The offset asked for.
        offset: u16,
    },
    /// A number that its field cannot hold.
    OutOfRange {
        /// The number asked for.
        value: u32,
        /// The most that the field can hold.
        most: u32,
    },
    /// A message or an address of the other address family.
    WrongFamily,
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { length, most } => write!(f, "{length} bytes where at most {most} fit"),
            Self::BadFragmentOffset { offset } => {
                write!(f, "fragment offset {offset} is not a multiple of 8")
            }
            Self::OutOfRange { value, most } => write!(f, "{value} is above {most}"),
            Self::WrongFamily => f.write_str("does not exist in this address family"),
        }
    }
}

impl Error for EmitError {}
