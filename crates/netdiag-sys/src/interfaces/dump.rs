//! What the kernel's tables hold: addresses and neighbours, read whole.

use super::message::Rtnl;
use super::{failed, messages, own_address};
use netdiag_engine::port::NetworkError;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use std::net::{IpAddr, Ipv6Addr};

/// Room for one part of a dump: the kernel makes none larger (NLMSG_GOODSIZE).
const ROOM: usize = 32 * 1024;
/// Parts of a dump that are read; each holds some hundred entries.
const PARTS: usize = 64;

/// Whether the interface with this index has an address (RTM_GETADDR). Sends nothing but the question
/// to the kernel.
///
/// # Errors
/// Whatever netlink itself refuses.
pub fn has_address(index: u32, address: IpAddr) -> Result<bool, NetworkError> {
    let question = Rtnl::GetAddress(AddressMessage::default());
    any("RTM_GETADDR", question, |found| match found {
        Rtnl::NewAddress(found) => {
            found.header.index == index && own_address(&found.attributes) == Some(address)
        }
        _ => false,
    })
}

/// Whether the interface with this index has an IPv6 address that is known beyond its link and may be
/// sent from (RTM_GETADDR).
///
/// # Errors
/// Whatever netlink itself refuses.
pub(super) fn has_usable_ipv6(index: u32) -> Result<bool, NetworkError> {
    let mut question = AddressMessage::default();
    question.header.family = AddressFamily::Inet6;
    any("RTM_GETADDR", Rtnl::GetAddress(question), |found| match found {
        Rtnl::NewAddress(found) => {
            found.header.index == index
                && matches!(own_address(&found.attributes), Some(IpAddr::V6(address))
                    if !address.is_unicast_link_local() && !address.is_loopback())
                && is_usable(flags(&found.attributes))
        }
        _ => false,
    })
}

/// The flags of an address (IFA_FLAGS).
pub(super) fn flags(attributes: &[AddressAttribute]) -> AddressFlags {
    let flags = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Flags(flags) => Some(*flags),
        _ => None,
    });
    flags.unwrap_or(AddressFlags::empty())
}

/// Whether packets leave from an address with these flags: none that is still being checked, but for an
/// optimistic one (RFC 4429), and none that another host has.
pub(super) const fn is_usable(flags: AddressFlags) -> bool {
    !flags.contains(AddressFlags::Dadfailed)
        && (!flags.contains(AddressFlags::Tentative) || flags.contains(AddressFlags::Optimistic))
}

/// Whether packets over IPv6 wait for a neighbour that has not answered, or did in vain
/// (RTM_GETNEIGH; RFC 4861 section 7.3.2).
///
/// # Errors
/// Whatever netlink itself refuses.
pub(crate) fn waits_for_neighbour() -> Result<bool, NetworkError> {
    let mut question = NeighbourMessage::default();
    question.header.family = AddressFamily::Inet6;
    any("RTM_GETNEIGH", Rtnl::GetNeighbour(question), |found| match found {
        Rtnl::NewNeighbour(found) => {
            matches!(found.header.state, NeighbourState::Incomplete | NeighbourState::Failed)
        }
        _ => false,
    })
}

/// Whether this address was asked for its link address by this interface, and did not answer. Of an
/// address of one link the kernel tells no connection so.
pub(crate) fn is_gone(address: Ipv6Addr, interface: u32) -> bool {
    let wanted = NeighbourAttribute::Destination(NeighbourAddress::Inet6(address));
    let mut question = NeighbourMessage::default();
    question.header.family = AddressFamily::Inet6;
    let found = any("RTM_GETNEIGH", Rtnl::GetNeighbour(question), |found| {
        matches!(found, Rtnl::NewNeighbour(found)
            if found.header.ifindex == interface
                && found.header.state == NeighbourState::Failed
                && found.attributes.contains(&wanted))
    });
    found == Ok(true)
}

/// Whether any entry of a dump is as wished.
fn any(
    call: &'static str,
    question: Rtnl,
    wished: impl Fn(&Rtnl) -> bool,
) -> Result<bool, NetworkError> {
    let mut socket = Socket::new(NETLINK_ROUTE).map_err(|error| failed(call, &error))?;
    socket.bind_auto().map_err(|error| failed(call, &error))?;
    let mut message = NetlinkMessage::from(question);
    message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map_err(|error| failed(call, &error))?;
    let mut room = vec![0; ROOM];
    for _ in 0..PARTS {
        // The kernel has the next part ready before it takes the last one away.
        let (length, from) = socket
            .recv_from(&mut room.as_mut_slice(), libc::MSG_DONTWAIT)
            .map_err(|error| failed(call, &error))?;
        if from.port_number() != 0 {
            continue;
        }
        for message in messages(room.get(..length).unwrap_or_default()) {
            match message.payload {
                NetlinkPayload::InnerMessage(found) if wished(&found) => return Ok(true),
                NetlinkPayload::Done(_) => return Ok(false),
                NetlinkPayload::Error(error) => {
                    return Err(NetworkError { call, errno: error.raw_code().saturating_neg() });
                }
                _ => {}
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_has_its_address_and_no_other() {
        let lo = crate::names::interface_index("lo").expect("every machine has it");
        let has = |address: &str| has_address(lo, address.parse().expect("an address"));
        assert_eq!((has("127.0.0.1"), has("192.0.2.1")), (Ok(true), Ok(false)));
        let nowhere = has_address(1 << 30, "127.0.0.1".parse().expect("an address"));
        assert_eq!(nowhere, Ok(false));
    }
}
