//! Addresses as the kernel holds them: `struct sockaddr_in` and `sockaddr_in6` as bytes.

use netdiag_model::Destination;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of the larger of the two, `sockaddr_in6`.
pub(crate) const NAME_SPACE: usize = 28;

/// Bytes of `sockaddr_in`.
const V4_LEN: usize = 16;

/// Room for an address of either family.
pub(crate) type Name = [u8; NAME_SPACE];

/// Where the fields are. The family is in the order of the machine, the port in network order.
mod field {
    use std::ops::Range;
    pub(super) const FAMILY: Range<usize> = 0..2;
    pub(super) const PORT: Range<usize> = 2..4;
    pub(super) const V4_ADDRESS: Range<usize> = 4..8;
    pub(super) const V6_ADDRESS: Range<usize> = 8..24;
    pub(super) const V6_SCOPE: Range<usize> = 24..28;
}

/// Writes an address; returns it with its length.
pub(crate) fn encode(destination: Destination, port: u16) -> (Name, usize) {
    let mut name = [0; NAME_SPACE];
    name[field::PORT].copy_from_slice(&port.to_be_bytes());
    let (family, len) = match destination {
        Destination::V4(address) => {
            name[field::V4_ADDRESS].copy_from_slice(&address.octets());
            (libc::AF_INET, V4_LEN)
        }
        Destination::V6(address, scope) => {
            name[field::V6_ADDRESS].copy_from_slice(&address.octets());
            name[field::V6_SCOPE].copy_from_slice(&scope.to_ne_bytes());
            (libc::AF_INET6, NAME_SPACE)
        }
    };
    name[field::FAMILY].copy_from_slice(&(family as u16).to_ne_bytes());
    (name, len)
}

/// Reads an address and its port; `None` for another family or too few bytes.
pub(crate) fn decode(name: &[u8]) -> Option<(Destination, u16)> {
    let family = i32::from(u16::from_ne_bytes(array(name, field::FAMILY)?));
    let port = u16::from_be_bytes(array(name, field::PORT)?);
    let destination = match family {
        libc::AF_INET => Destination::V4(Ipv4Addr::from(array::<4>(name, field::V4_ADDRESS)?)),
        libc::AF_INET6 => Destination::V6(
            Ipv6Addr::from(array::<16>(name, field::V6_ADDRESS)?),
            u32::from_ne_bytes(array(name, field::V6_SCOPE)?),
        ),
        _ => return None,
    };
    Some((destination, port))
}

fn array<const N: usize>(bytes: &[u8], range: std::ops::Range<usize>) -> Option<[u8; N]> {
    bytes.get(range)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for destination in [
            Destination::V4(Ipv4Addr::new(192, 0, 2, 7)),
            Destination::V6("fe80::1:2".parse().expect("an address"), 3),
        ] {
            let (name, len) = encode(destination, 4_242);
            assert_eq!(decode(&name[..len]), Some((destination, 4_242)));
            assert_eq!(decode(&name[..len - 9]), None);
        }
    }

    #[test]
    fn it_is_what_the_standard_library_gives_the_kernel() {
        let theirs =
            socket2::SockAddr::from(std::net::SocketAddrV4::new([192, 0, 2, 7].into(), 53));
        let theirs = theirs.as_socket_ipv4().expect("IPv4");
        let (name, len) = encode(Destination::V4(*theirs.ip()), theirs.port());
        assert_eq!(len, size_of::<libc::sockaddr_in>());
        assert_eq!(&name[2..8], &[0, 53, 192, 0, 2, 7]);
        assert_eq!(decode(&[0; 28]), None);
        assert_eq!(decode(&[]), None);
    }
}
