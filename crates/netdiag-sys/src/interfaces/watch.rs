//! Interfaces, addresses and routes that change while we measure.

use super::dump::{flags, has_usable_ipv6, is_usable};
use super::message::{LinkTold, Rtnl};
use super::{failed, ip, messages, own_address};
use crate::{clock, raw};
use netdiag_engine::port::{
    Change, InputKind, Inputs, InterfaceChange, InterfaceEvent, NetworkError,
};
use netdiag_model::Untrusted;
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

/// The groups of rtnetlink(7) that are listened to: links, addresses and routes of both families.
const GROUPS: i32 = libc::RTMGRP_LINK
    | libc::RTMGRP_IPV4_IFADDR
    | libc::RTMGRP_IPV6_IFADDR
    | libc::RTMGRP_IPV4_ROUTE
    | libc::RTMGRP_IPV6_ROUTE;

/// Room for a batch of messages: the kernel's own largest (NLMSG_GOODSIZE is a page).
const ROOM: usize = 32 * 1024;

/// How many datagrams are read at once: whoever changes routes without end must not hold us.
const AT_ONCE: usize = 64;

/// A listener to the kernel's news.
///
/// An interface that is deleted and made again under the same name gets another index. It is told
/// under its first one, and [`current`](Self::current) gives the one that it has now.
pub(crate) struct Interfaces {
    socket: Socket,
    /// Made when the first news is there.
    room: Vec<u8>,
    known: BTreeMap<String, Known>,
}

/// What is remembered of an interface that changed.
struct Known {
    first: u32,
    current: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    /// Switched on, and the cable is out.
    NoCarrier,
    Down,
    Gone,
}

impl Interfaces {
    /// From now on changes are waiting to be read.
    pub(crate) fn watch() -> Result<Self, NetworkError> {
        const CALL: &str = "socket(AF_NETLINK, NETLINK_ROUTE)";
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(|error| failed(CALL, &error))?;
        socket
            .bind(&SocketAddr::new(0, GROUPS.cast_unsigned()))
            .and_then(|()| socket.set_non_blocking(true))
            .map_err(|error| failed(CALL, &error))?;
        Ok(Self { socket, room: Vec::new(), known: BTreeMap::new() })
    }

    /// Whether any interface has another index than its first.
    pub(crate) fn renamed(&self) -> bool {
        self.known.values().any(|known| known.first != known.current)
    }

    /// The index that an interface has now, given its first one.
    pub(crate) fn current(&self, first: u32) -> u32 {
        let known = self.known.values().find(|known| known.first == first);
        known.map_or(first, |known| known.current)
    }

    /// The first index of an interface, given the one that it has now.
    pub(crate) fn first(&self, current: u32) -> u32 {
        let known = self.known.values().find(|known| known.current == current);
        known.map_or(current, |known| known.first)
    }

    /// Turns what changed into inputs.
    pub(crate) fn read(&mut self, inputs: &mut Inputs) {
        self.room.resize(ROOM, 0);
        for _ in 0..AT_ONCE {
            // An error is an empty queue, or one that overflowed and goes on: nothing to be told.
            let Ok((length, from)) = self.socket.recv_from(&mut self.room.as_mut_slice(), 0) else {
                return;
            };
            // Only the kernel's word counts; any process can send here.
            if from.port_number() != 0 {
                continue;
            }
            let bytes = self.room.get(..length).unwrap_or_default();
            let news: Vec<Rtnl> = messages(bytes)
                .filter_map(|message| match message.payload {
                    NetlinkPayload::InnerMessage(inner) => Some(inner),
                    _ => None,
                })
                .collect();
            for one in news {
                if let Some(change) = self.understand(&one) {
                    inputs.push(clock::now(), InputKind::Changed(Change::Interface(change)));
                }
            }
        }
    }

    fn understand(&mut self, news: &Rtnl) -> Option<InterfaceChange> {
        use Rtnl as News;
        let address = |message: &AddressMessage| {
            Some((message.header.index, own_address(&message.attributes)?))
        };
        let (index, what) = match news {
            News::NewLink(link) => return self.on_link(link, true),
            News::DelLink(link) => return self.on_link(link, false),
            News::NewAddress(message) if is_renewed(message) => return None,
            News::NewAddress(message) => {
                let (index, address) = address(message)?;
                (index, added(address, flags(&message.attributes)))
            }
            News::DelAddress(message) => {
                let (index, address) = address(message)?;
                (index, removed(index, address))
            }
            News::NewRoute(route) => {
                let (index, network, length) = route_of(route)?;
                (index, InterfaceEvent::RouteAdded(network, length))
            }
            News::DelRoute(route) => {
                let (index, network, length) = route_of(route)?;
                (index, InterfaceEvent::RouteRemoved(network, length))
            }
            _ => return None,
        };
        let (first, name) = self.named(index);
        Some(InterfaceChange { index: first, name, what })
    }

    /// News of a link: only what makes it usable or not is told.
    fn on_link(&mut self, link: &LinkTold, exists: bool) -> Option<InterfaceChange> {
        let index = link.index;
        let name = link.name.clone()?;
        let state = match (exists, link.is_up) {
            (false, _) => State::Gone,
            (true, false) => State::Down,
            (true, true) if link.has_carrier => State::Up,
            (true, true) => State::NoCarrier,
        };
        // One that was never heard of was in use, or nobody wants to know of it.
        let known = self.known.entry(name.clone());
        let known = known.or_insert(Known { first: index, current: index, state: State::Up });
        known.current = index;
        let what = match (std::mem::replace(&mut known.state, state), state) {
            (before, after) if before == after => return None,
            // It was made again, and is not up yet.
            (State::Gone, State::Down) => return None,
            (_, State::Up) => InterfaceEvent::Up,
            (_, State::NoCarrier) => InterfaceEvent::NoCarrier,
            (_, State::Down) => InterfaceEvent::Down,
            (_, State::Gone) => InterfaceEvent::Gone,
        };
        let name = Untrusted::from(name.as_str());
        Some(InterfaceChange { index: known.first, name: Some(name), what })
    }

    /// The first index and the name of an interface.
    fn named(&self, index: u32) -> (u32, Option<Untrusted>) {
        let mut known = self.known.iter();
        match known.find(|(_, known)| known.current == index) {
            Some((name, known)) => (known.first, Some(Untrusted::from(name.as_str()))),
            None => (index, raw::interface_name(index).as_deref().map(Untrusted::from)),
        }
    }
}

/// What became of an address that is told of.
const fn added(address: IpAddr, flags: AddressFlags) -> InterfaceEvent {
    if flags.contains(AddressFlags::Dadfailed) {
        InterfaceEvent::AddressDuplicate(address)
    } else if is_usable(flags) {
        InterfaceEvent::AddressAdded(address)
    } else {
        InterfaceEvent::AddressTentative(address)
    }
}

/// What the end of an address means: whether packets leave from another one, if anything answers those
/// from there.
fn removed(index: u32, address: IpAddr) -> InterfaceEvent {
    let is_far = matches!(address, IpAddr::V6(address) if !address.is_unicast_link_local());
    match is_far && has_usable_ipv6(index) == Ok(false) {
        true => InterfaceEvent::LastAddressRemoved(address),
        false => InterfaceEvent::AddressRemoved(address),
    }
}

/// Whether an address that was there is only told again: each router advertisement and each renewal
/// by DHCP sets new lifetimes, and the end of the preferred one is told, too.
///
/// The kernel gives, in hundredths of a second, when the address came and when it last changed.
fn is_renewed(message: &AddressMessage) -> bool {
    const SECOND: u32 = 100;
    message.attributes.iter().any(|attribute| match attribute {
        AddressAttribute::CacheInfo(info) => info.tstamp.wrapping_sub(info.cstamp) >= SECOND,
        AddressAttribute::Flags(flags) => flags.contains(AddressFlags::Deprecated),
        _ => false,
    })
}

/// Interface, network and prefix length of a route that packets of ours may take.
fn route_of(route: &RouteMessage) -> Option<(u32, IpAddr, u8)> {
    // Routes to own addresses, broadcast and multicast come and go with an address, which is told.
    let is_for_us = matches!(
        route.header.kind,
        RouteType::Unicast | RouteType::BlackHole | RouteType::Unreachable | RouteType::Prohibit
    );
    if !is_for_us {
        return None;
    }
    let nowhere = match route.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let (mut index, mut network) = (0, nowhere);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(oif) => index = *oif,
            RouteAttribute::Destination(address) => network = ip(address)?,
            _ => {}
        }
    }
    Some((index, network, route.header.destination_prefix_length))
}

impl AsFd for Interfaces {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
