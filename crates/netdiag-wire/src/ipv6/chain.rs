//! The chain of extension headers (RFC 8200 section 4).

use crate::bytes::{tail, u16_at, u32_at};
use crate::protocol::{
    AH, DEST_OPTIONS, ESP, EXPERIMENT_1, EXPERIMENT_2, FRAGMENT, HIP, HOP_BY_HOP, MOBILITY,
    NO_NEXT_HEADER, ROUTING, SHIM6,
};

/// Headers that are walked before the walk gives up.
pub const MAX_EXTENSION_HEADERS: u8 = 8;

/// Extension headers are a multiple of eight bytes long (RFC 8200 section 4).
const UNIT: usize = 8;
const FRAGMENT_HEADER_LENGTH: usize = 8;
const FRAGMENT_OFFSET_AT: usize = 2;
const FRAGMENT_IDENTIFICATION_AT: usize = 4;
/// The offset counts units of eight bytes in the upper 13 bits: without the lower three it counts bytes.
const FRAGMENT_OFFSET_BITS: u16 = 0xfff8;
const MORE_FRAGMENTS_BIT: u16 = 1;

/// What the walk over the extension headers found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Extension headers passed, at most [`MAX_EXTENSION_HEADERS`].
    pub headers: u8,
    /// The last fragment header passed, if there was one.
    pub fragment: Option<Fragment>,
    /// Why the walk ended.
    pub end: ChainEnd<'a>,
}

impl<'a> Chain<'a> {
    /// The upper-layer protocol and its bytes, if the walk came that far.
    #[must_use]
    pub const fn upper(&self) -> Option<(u8, &'a [u8])> {
        match self.end {
            ChainEnd::Upper { protocol, bytes } => Some((protocol, bytes)),
            _ => None,
        }
    }
}

/// Why a walk over extension headers ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEnd<'a> {
    /// At something that is no extension header.
    Upper {
        /// Its protocol number.
        protocol: u8,
        /// Its bytes; perhaps none.
        bytes: &'a [u8],
    },
    /// At a fragment other than the first: what follows is from the middle of something.
    NonFirstFragment {
        /// What the whole datagram continues with.
        protocol: u8,
        /// The fragment's bytes.
        bytes: &'a [u8],
    },
    /// At an authentication header.
    Authenticated,
    /// At an encrypted payload.
    Encrypted,
    /// At "no next header".
    Nothing,
    /// At an extension header that this walk does not know.
    Unknown {
        /// Its number.
        protocol: u8,
    },
    /// In a header that the bytes do not hold in full.
    Truncated {
        /// Its number.
        protocol: u8,
    },
    /// At the limit of headers.
    TooMany,
}

/// What a fragment header says (RFC 8200 section 4.5).
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Identification                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Where the fragment belongs, in bytes: a multiple of eight.
    pub offset: u16,
    /// It is not the last.
    pub more: bool,
    /// Common to all fragments of a datagram.
    pub identification: u32,
}

/// Walks from the header named by `next_header`, which `payload` begins with.
#[must_use]
pub fn walk_extensions(next_header: u8, payload: &[u8]) -> Chain<'_> {
    let (mut protocol, mut rest) = (next_header, payload);
    let mut chain = Chain { headers: 0, fragment: None, end: ChainEnd::TooMany };
    for headers in 0..=MAX_EXTENSION_HEADERS {
        chain.headers = headers;
        if let Some(end) = end_at(protocol, rest) {
            chain.end = end;
            return chain;
        }
        if headers == MAX_EXTENSION_HEADERS {
            break;
        }
        let Some((next, header, behind)) = split_header(protocol, rest) else {
            chain.end = ChainEnd::Truncated { protocol };
            return chain;
        };
        if protocol == FRAGMENT {
            chain.fragment = Fragment::of(header);
            if chain.fragment.is_some_and(|fragment| fragment.offset != 0) {
                chain.headers = headers.saturating_add(1);
                chain.end = ChainEnd::NonFirstFragment { protocol: next, bytes: behind };
                return chain;
            }
        }
        (protocol, rest) = (next, behind);
    }
    chain
}

/// Appends a fragment header; the offset's lower three bits are cut.
pub fn emit_fragment(next_header: u8, fragment: Fragment, out: &mut Vec<u8>) {
    let offset = fragment.offset & FRAGMENT_OFFSET_BITS;
    let word = offset | if fragment.more { MORE_FRAGMENTS_BIT } else { 0 };
    out.extend_from_slice(&[next_header, 0]);
    out.extend_from_slice(&word.to_be_bytes());
    out.extend_from_slice(&fragment.identification.to_be_bytes());
}

impl Fragment {
    fn of(header: &[u8]) -> Option<Self> {
        let word = u16_at(header, FRAGMENT_OFFSET_AT)?;
        Some(Self {
            offset: word & FRAGMENT_OFFSET_BITS,
            more: word & MORE_FRAGMENTS_BIT != 0,
            identification: u32_at(header, FRAGMENT_IDENTIFICATION_AT)?,
        })
    }
}

/// The end of the walk, unless `protocol` is a header to pass.
fn end_at(protocol: u8, bytes: &[u8]) -> Option<ChainEnd<'_>> {
    match protocol {
        HOP_BY_HOP | ROUTING | FRAGMENT | DEST_OPTIONS => None,
        AH => Some(ChainEnd::Authenticated),
        ESP => Some(ChainEnd::Encrypted),
        NO_NEXT_HEADER => Some(ChainEnd::Nothing),
        MOBILITY | HIP | SHIM6 | EXPERIMENT_1 | EXPERIMENT_2 => {
            Some(ChainEnd::Unknown { protocol })
        }
        _ => Some(ChainEnd::Upper { protocol, bytes }),
    }
}

/// What follows the header, the header, and the bytes behind it.
fn split_header(protocol: u8, bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [next, length, ..] = *bytes else { return None };
    let length = match protocol {
        FRAGMENT => FRAGMENT_HEADER_LENGTH,
        // The length does not count the first unit (RFC 8200 section 4.3).
        _ => usize::from(length).saturating_add(1).saturating_mul(UNIT),
    };
    Some((next, bytes.get(..length)?, tail(bytes, length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{TCP, UDP};

    const UDP_BYTES: [u8; 8] = [0, 1, 0, 2, 0, 8, 0, 0];

    #[test]
    fn no_extension_headers_is_a_walk_of_length_zero() {
        let chain = walk_extensions(UDP, &UDP_BYTES);
        assert_eq!((chain.headers, chain.fragment), (0, None));
        assert_eq!(chain.upper(), Some((UDP, &UDP_BYTES[..])));
    }

    #[test]
    fn options_routing_and_a_first_fragment_are_passed() {
        let mut bytes = vec![
            43, 0, 1, 4, 0, 0, 0, 0, // hop-by-hop: 8 bytes, routing follows
            44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, // routing: 16 bytes, fragment follows
            17, 0, 0, 1, 0, 0, 0,
            9, // fragment: offset 0, more, identification 9, UDP follows
        ];
        bytes.extend(UDP_BYTES);
        let chain = walk_extensions(HOP_BY_HOP, &bytes);
        assert_eq!(chain.headers, 3);
        assert_eq!(chain.fragment, Some(Fragment { offset: 0, more: true, identification: 9 }));
        assert_eq!(chain.upper(), Some((UDP, &UDP_BYTES[..])));
    }

    #[test]
    fn a_later_fragment_is_not_taken_for_a_transport_header() {
        let mut bytes = Vec::new();
        emit_fragment(TCP, Fragment { offset: 1448, more: false, identification: 7 }, &mut bytes);
        bytes.extend(UDP_BYTES);
        let chain = walk_extensions(FRAGMENT, &bytes);
        assert_eq!(chain.end, ChainEnd::NonFirstFragment { protocol: TCP, bytes: &UDP_BYTES });
        assert_eq!(chain.fragment, Some(Fragment { offset: 1448, more: false, identification: 7 }));
        assert_eq!(chain.upper(), None);
    }

    #[test]
    fn walls_are_named() {
        let end = |next| walk_extensions(next, &UDP_BYTES).end;
        assert_eq!(end(AH), ChainEnd::Authenticated);
        assert_eq!(end(ESP), ChainEnd::Encrypted);
        assert_eq!(end(NO_NEXT_HEADER), ChainEnd::Nothing);
        assert_eq!(end(MOBILITY), ChainEnd::Unknown { protocol: MOBILITY });
    }

    #[test]
    fn a_length_beyond_the_end_is_truncated() {
        for bytes in [&[][..], &[17], &[17, 0, 0, 0, 0, 0, 0], &[17, 1, 0, 0, 0, 0, 0, 0]] {
            let chain = walk_extensions(DEST_OPTIONS, bytes);
            assert_eq!(chain.end, ChainEnd::Truncated { protocol: DEST_OPTIONS });
        }
    }

    #[test]
    fn eight_headers_are_walked_and_no_more() {
        let header = [DEST_OPTIONS, 0, 1, 4, 0, 0, 0, 0];
        let mut bytes = header.repeat(8);
        bytes[56] = UDP;
        bytes.extend(UDP_BYTES);
        let chain = walk_extensions(DEST_OPTIONS, &bytes);
        assert_eq!((chain.headers, chain.upper()), (8, Some((UDP, &UDP_BYTES[..]))));
        let endless = header.repeat(1000);
        let chain = walk_extensions(DEST_OPTIONS, &endless);
        assert_eq!((chain.headers, chain.end), (8, ChainEnd::TooMany));
    }
}
