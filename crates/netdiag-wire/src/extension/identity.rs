//! Which interface a question is about (RFC 8335 section 2.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::interface::{AFI_IPV4, AFI_IPV6};
use crate::bytes::{array_at, pad_to_multiple, u16_at};
use crate::error::EmitError;

pub(super) const CLASS: u8 = 3;

const BY_NAME: u8 = 1;
const BY_INDEX: u8 = 2;
const BY_ADDRESS: u8 = 3;

/// Family, length and a reserved byte in front of an address.
const ADDRESS_HEADER: usize = 4;
const LENGTH_AT: usize = 2;
const WORD: usize = 4;
/// The longest name of an interface (RFC 2863: ifName is a display string).
const MAX_NAME: usize = 255;

/// An interface as a question names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceId<'a> {
    /// By its name, without padding; bytes from the network, not to be shown unescaped.
    Name(&'a [u8]),
    /// By its number (ifIndex).
    Index(u32),
    /// By an address of it.
    Address(IpAddr),
    /// By an address of another family.
    OtherAddress {
        /// The family (IANA "Address Family Numbers").
        family: u16,
        /// The address.
        address: &'a [u8],
    },
}

impl<'a> InterfaceId<'a> {
    /// Reads an object of this class; `None` where its content contradicts its type.
    pub(super) fn of(ctype: u8, data: &'a [u8]) -> Option<Self> {
        match ctype {
            BY_NAME => {
                let last = data.iter().rposition(|byte| *byte != 0)?;
                let name = data.get(..=last).filter(|name| name.len() <= MAX_NAME);
                name.map(Self::Name)
            }
            BY_INDEX => data.first_chunk().map(|bytes| Self::Index(u32::from_be_bytes(*bytes))),
            BY_ADDRESS => Self::address(data),
            _ => None,
        }
    }

    fn address(data: &'a [u8]) -> Option<Self> {
        let family = u16_at(data, 0)?;
        let length = usize::from(*data.get(LENGTH_AT)?);
        let address = data.get(ADDRESS_HEADER..)?.get(..length)?;
        Some(match (family, length) {
            (AFI_IPV4, 4) => Self::Address(Ipv4Addr::from(array_at::<4>(address, 0)?).into()),
            (AFI_IPV6, 16) => Self::Address(Ipv6Addr::from(array_at::<16>(address, 0)?).into()),
            _ => Self::OtherAddress { family, address },
        })
    }

    /// Whether an object of this class has a type that is known.
    pub(super) const fn knows(ctype: u8) -> bool {
        matches!(ctype, BY_NAME | BY_INDEX | BY_ADDRESS)
    }

    /// The object's type.
    pub(super) const fn ctype(&self) -> u8 {
        match self {
            Self::Name(_) => BY_NAME,
            Self::Index(_) => BY_INDEX,
            Self::Address(_) | Self::OtherAddress { .. } => BY_ADDRESS,
        }
    }

    /// Appends the content, padded to 32 bits.
    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EmitError> {
        let start = out.len();
        match self {
            Self::Name(name) if name.len() > MAX_NAME => {
                return Err(EmitError::TooLong { length: name.len(), most: MAX_NAME });
            }
            Self::Name(name) => out.extend_from_slice(name),
            Self::Index(index) => out.extend_from_slice(&index.to_be_bytes()),
            Self::Address(IpAddr::V4(address)) => append(AFI_IPV4, &address.octets(), out)?,
            Self::Address(IpAddr::V6(address)) => append(AFI_IPV6, &address.octets(), out)?,
            Self::OtherAddress { family, address } => append(*family, address, out)?,
        }
        pad_to_multiple(out, start, WORD);
        Ok(())
    }
}

fn append(family: u16, address: &[u8], out: &mut Vec<u8>) -> Result<(), EmitError> {
    let Ok(length) = u8::try_from(address.len()) else {
        return Err(EmitError::TooLong { length: address.len(), most: usize::from(u8::MAX) });
    };
    out.extend_from_slice(&family.to_be_bytes());
    out.extend_from_slice(&[length, 0]);
    out.extend_from_slice(address);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::{self, ExtensionObject, ExtensionWriter, Extensions, Malformation};
    use proptest::prelude::*;

    fn written(id: &InterfaceId<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = ExtensionWriter::new(&mut out);
        writer.interface_id(id).expect("it fits");
        writer.finish();
        out
    }

    #[test]
    fn objects_have_the_bytes_of_the_rfc() {
        let behind = |id| written(&id)[4..].to_vec();
        assert_eq!(behind(InterfaceId::Name(b"eth0")), *b"\0\x08\x03\x01eth0");
        assert_eq!(behind(InterfaceId::Name(b"ens18")), *b"\0\x0c\x03\x01ens18\0\0\0");
        assert_eq!(behind(InterfaceId::Index(7)), [0, 8, 3, 2, 0, 0, 0, 7]);
        let v4 = InterfaceId::Address(Ipv4Addr::new(192, 0, 2, 1).into());
        assert_eq!(behind(v4), [0, 12, 3, 3, 0, 1, 4, 0, 192, 0, 2, 1]);
        let v6 = behind(InterfaceId::Address(Ipv6Addr::LOCALHOST.into()));
        assert_eq!((v6.len(), &v6[..8]), (24, &[0, 24, 3, 3, 0, 2, 16, 0][..]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut out = Vec::new();
        let mut writer = ExtensionWriter::new(&mut out);
        let long = Err(EmitError::TooLong { length: 256, most: 255 });
        assert_eq!(writer.interface_id(&InterfaceId::Name(&[b'x'; 256])), long);
        let address = InterfaceId::OtherAddress { family: 6, address: &[0; 256] };
        assert_eq!(writer.interface_id(&address), long);
    }

    #[test]
    fn content_that_contradicts_its_type_is_malformed() {
        for (ctype, data) in [(1, &[0_u8; 4][..]), (2, &[0; 3]), (3, &[0, 1, 4, 0, 1]), (3, &[0])] {
            let mut out = Vec::new();
            let mut writer = ExtensionWriter::new(&mut out);
            writer.object(CLASS, ctype, data).expect("it fits");
            writer.finish();
            let malformed = Extensions::Malformed(Malformation::ObjectContent { class: 3, ctype });
            assert_eq!(extension::parse(&out), malformed);
        }
    }

    proptest! {
        #[test]
        fn every_identity_reads_back(
            name in prop::collection::vec(1_u8.., 1..=255),
            (index, address) in any::<(u32, IpAddr)>(),
            (family, other) in (3_u16.., prop::collection::vec(any::<u8>(), 0..=255)),
        ) {
            for id in [
                InterfaceId::Name(&name),
                InterfaceId::Index(index),
                InterfaceId::Address(address),
                InterfaceId::OtherAddress { family, address: &other },
            ] {
                let bytes = written(&id);
                prop_assert!(bytes.len().is_multiple_of(WORD));
                let mut objects = extension::parse(&bytes).objects();
                prop_assert_eq!(objects.next(), Some(ExtensionObject::InterfaceId(id)));
                prop_assert_eq!(objects.next(), None);
            }
        }
    }
}
