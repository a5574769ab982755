//! Interfaces, addresses and routes of this machine: what changes while we measure, and which way a
//! packet would take (rtnetlink(7)).

mod dump;
mod link;
mod looped;
mod message;
mod stretches;
mod watch;
mod way;

pub use dump::has_address;
pub(crate) use dump::{is_gone, waits_for_neighbour};
pub use link::link;
pub(crate) use looped::{looped, sent_by};
pub(crate) use stretches::{Stretches, bits};
pub(crate) use watch::Interfaces;
pub use way::way;

use message::Rtnl;
use netdiag_engine::port::NetworkError;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::route::RouteAddress;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use std::cell::RefCell;
use std::net::IpAddr;

/// Room for one answer: the kernel makes it in 8 KiB at the most (NLMSG_GOODSIZE).
const ROOM: usize = 8 * 1024;

type Message = NetlinkMessage<Rtnl>;

fn failed(call: &'static str, error: &std::io::Error) -> NetworkError {
    NetworkError { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

/// Asks the kernel one question that it answers in one message. Sends nothing but that.
///
/// # Errors
/// What it answers instead, or netlink itself refuses.
fn ask(call: &'static str, question: Rtnl) -> Result<Rtnl, NetworkError> {
    let mut message = NetlinkMessage::from(question);
    message.header.flags = NLM_F_REQUEST;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    ASKED.with_borrow_mut(|asked| {
        let socket = match asked.take() {
            Some(socket) => socket,
            None => {
                let mut socket =
                    Socket::new(NETLINK_ROUTE).map_err(|error| failed(call, &error))?;
                socket.bind_auto().map_err(|error| failed(call, &error))?;
                socket
            }
        };
        let answer = ask_by(&socket, call, &bytes);
        // One that an answer may still come to is not asked again.
        *asked = answer.is_ok().then_some(socket);
        answer
    })
}

thread_local! {
    /// The socket that the last question was answered by: many targets ask many.
    static ASKED: RefCell<Option<Socket>> = const { RefCell::new(None) };
}

fn ask_by(socket: &Socket, call: &'static str, bytes: &[u8]) -> Result<Rtnl, NetworkError> {
    socket.send_to(bytes, &SocketAddr::new(0, 0), 0).map_err(|error| failed(call, &error))?;
    let mut room = [0; ROOM];
    // The kernel answers within the send, so this does not wait.
    let (length, from) = socket
        .recv_from(&mut room.as_mut_slice(), libc::MSG_DONTWAIT)
        .map_err(|error| failed(call, &error))?;
    if from.port_number() != 0 {
        return Err(NetworkError { call, errno: libc::EPROTO });
    }
    let answer = messages(room.get(..length).unwrap_or_default()).next();
    match answer.map(|message| message.payload) {
        Some(NetlinkPayload::InnerMessage(answer)) => Ok(answer),
        Some(NetlinkPayload::Error(error)) => {
            Err(NetworkError { call, errno: error.raw_code().saturating_neg() })
        }
        _ => Err(NetworkError { call, errno: libc::EPROTO }),
    }
}

/// The messages of one datagram. What does not parse ends it: its length cannot be trusted.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message> {
    std::iter::from_fn(move || {
        let message = Message::deserialize(bytes).ok()?;
        // Messages stand at multiples of four bytes (NLMSG_ALIGN).
        let length = (message.header.length as usize).next_multiple_of(4).max(16);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(message)
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}

/// The address itself: on a point-to-point link `Address` is the other end's.
fn own_address(attributes: &[AddressAttribute]) -> Option<IpAddr> {
    let local = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}
