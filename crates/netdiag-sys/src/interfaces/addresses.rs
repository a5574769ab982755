//! Which addresses an interface has.

use super::{failed, messages, own_address};
use netdiag_engine::port::NetworkError;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use std::net::IpAddr;

/// Room for one part of a dump: the kernel makes none larger (NLMSG_GOODSIZE).
const ROOM: usize = 32 * 1024;
/// Parts of a dump that are read; each holds some hundred addresses.
const PARTS: usize = 64;

/// Whether the interface with this index has an address (RTM_GETADDR). Sends nothing but the question
/// to the kernel.
///
/// # Errors
/// Whatever netlink itself refuses.
pub fn has_address(index: u32, address: IpAddr) -> Result<bool, NetworkError> {
    const CALL: &str = "RTM_GETADDR";
    let mut socket = Socket::new(NETLINK_ROUTE).map_err(|error| failed(CALL, &error))?;
    socket.bind_auto().map_err(|error| failed(CALL, &error))?;
    let question = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let mut message = NetlinkMessage::from(question);
    message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map_err(|error| failed(CALL, &error))?;
    let mut room = vec![0; ROOM];
    for _ in 0..PARTS {
        // The kernel has the next part ready before it takes the last one away.
        let (length, from) = socket
            .recv_from(&mut room.as_mut_slice(), libc::MSG_DONTWAIT)
            .map_err(|error| failed(CALL, &error))?;
        if from.port_number() != 0 {
            continue;
        }
        for message in messages(room.get(..length).unwrap_or_default()) {
            match message.payload {
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(found))
                    if found.header.index == index
                        && own_address(&found.attributes) == Some(address) =>
                {
                    return Ok(true);
                }
                NetlinkPayload::Done(_) => return Ok(false),
                NetlinkPayload::Error(error) => {
                    let errno = error.raw_code().saturating_neg();
                    return Err(NetworkError { call: CALL, errno });
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
