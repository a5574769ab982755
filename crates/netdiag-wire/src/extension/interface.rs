//! Interface information (RFC 5837 section 4).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{array_at, pad_to_multiple, tail, u16_at, u32_at};
use crate::error::EmitError;

pub(super) const CLASS: u8 = 2;

const HAS_INDEX: u8 = 0b1000;
const HAS_ADDRESS: u8 = 0b0100;
const HAS_NAME: u8 = 0b0010;
const HAS_MTU: u8 = 0b0001;

/// Address family numbers (IANA), as the address item uses them.
pub(super) const AFI_IPV4: u16 = 1;
pub(super) const AFI_IPV6: u16 = 2;
/// Family and reserved bytes in front of the address.
const ADDRESS_HEADER: usize = 4;
/// The name item with its length byte, at most (RFC 5837 section 4.3).
const MAX_NAME_ITEM: usize = 64;
const NUMBER: usize = 4;

/// What a router says about one of its interfaces.
///
/// The object's type tells the role and which items follow, in this order (RFC 5837 section 4.1):
///
/// ```text
/// Bit     0       1       2       3       4       5       6       7
///     +-------+-------+-------+-------+-------+-------+-------+-------+
///     | Interface Role| Rsvd1 | Rsvd2 |ifIndex| IPAddr|  name |  MTU  |
///     +-------+-------+-------+-------+-------+-------+-------+-------+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceInfo<'a> {
    /// What the interface has to do with the datagram.
    pub role: InterfaceRole,
    /// Its number (ifIndex).
    pub index: Option<u32>,
    /// An address of it.
    pub address: Option<IpAddr>,
    /// Its name, without padding; bytes from the network, not to be shown unescaped.
    pub name: Option<&'a [u8]>,
    /// Its MTU.
    pub mtu: Option<u32>,
}

/// What an interface has to do with the datagram (RFC 5837 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceRole {
    /// It arrived there.
    Incoming,
    /// It arrived at that part of the interface: a bundle member.
    SubIpComponent,
    /// It would have left there.
    Outgoing,
    /// The next hop it would have gone to.
    NextHop,
}

impl InterfaceRole {
    const fn of(ctype: u8) -> Self {
        match ctype >> 6 {
            0 => Self::Incoming,
            1 => Self::SubIpComponent,
            2 => Self::Outgoing,
            _ => Self::NextHop,
        }
    }

    const fn bits(self) -> u8 {
        let role = match self {
            Self::Incoming => 0,
            Self::SubIpComponent => 1,
            Self::Outgoing => 2,
            Self::NextHop => 3,
        };
        role << 6
    }
}

impl<'a> InterfaceInfo<'a> {
    /// Reads the items that `ctype` announces; bytes behind them are ignored.
    pub(super) fn of(ctype: u8, data: &'a [u8]) -> Option<Self> {
        let mut info = Self {
            role: InterfaceRole::of(ctype),
            index: None,
            address: None,
            name: None,
            mtu: None,
        };
        let mut rest = data;
        if ctype & HAS_INDEX != 0 {
            info.index = Some(u32_at(rest, 0)?);
            rest = tail(rest, NUMBER);
        }
        if ctype & HAS_ADDRESS != 0 {
            let (address, behind) = split_address(rest)?;
            info.address = Some(address);
            rest = behind;
        }
        if ctype & HAS_NAME != 0 {
            let (name, behind) = split_name(rest)?;
            info.name = Some(name);
            rest = behind;
        }
        if ctype & HAS_MTU != 0 {
            info.mtu = Some(u32_at(rest, 0)?);
        }
        Some(info)
    }

    /// The object's type: role and items.
    pub(super) fn ctype(&self) -> u8 {
        let has = |item: bool, bit: u8| if item { bit } else { 0 };
        self.role.bits()
            | has(self.index.is_some(), HAS_INDEX)
            | has(self.address.is_some(), HAS_ADDRESS)
            | has(self.name.is_some(), HAS_NAME)
            | has(self.mtu.is_some(), HAS_MTU)
    }

    /// Appends the items.
    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), EmitError> {
        let name = self.name.map(name_length).transpose()?;
        if let Some(index) = self.index {
            out.extend_from_slice(&index.to_be_bytes());
        }
        match self.address {
            Some(IpAddr::V4(address)) => {
                out.extend_from_slice(&AFI_IPV4.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
                out.extend_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                out.extend_from_slice(&AFI_IPV6.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
                out.extend_from_slice(&address.octets());
            }
            None => {}
        }
        if let (Some(name), Some(length)) = (self.name, name) {
            let start = out.len();
            out.push(length);
            out.extend_from_slice(name);
            pad_to_multiple(out, start, NUMBER);
        }
        if let Some(mtu) = self.mtu {
            out.extend_from_slice(&mtu.to_be_bytes());
        }
        Ok(())
    }
}

/// The address, and what follows it (RFC 5837 section 4.2).
fn split_address(bytes: &[u8]) -> Option<(IpAddr, &[u8])> {
    let address = tail(bytes, ADDRESS_HEADER);
    match u16_at(bytes, 0)? {
        AFI_IPV4 => Some((Ipv4Addr::from(array_at::<4>(address, 0)?).into(), tail(address, 4))),
        AFI_IPV6 => Some((Ipv6Addr::from(array_at::<16>(address, 0)?).into(), tail(address, 16))),
        _ => None,
    }
}

/// The name without its padding, and what follows it (RFC 5837 section 4.3).
fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(*bytes.first()?);
    let (item, rest) = bytes.split_at_checked(length)?;
    if length > MAX_NAME_ITEM || !length.is_multiple_of(NUMBER) {
        return None;
    }
    let name = item.get(1..)?;
    let end = name.iter().rposition(|byte| *byte != 0);
    let name = end.and_then(|last| name.get(..=last)).unwrap_or_default();
    Some((name, rest))
}

/// What the length byte says of a name: itself, the name, the padding.
fn name_length(name: &[u8]) -> Result<u8, EmitError> {
    let length = name.len().saturating_add(1);
    let padded = length.checked_next_multiple_of(NUMBER).unwrap_or(usize::MAX);
    let most = MAX_NAME_ITEM;
    match u8::try_from(padded) {
        Ok(padded) if usize::from(padded) <= most => Ok(padded),
        _ => Err(EmitError::TooLong { length, most }),
    }
}
