//! The messages of rtnetlink(7) that are asked and read here. The sum of all messages that the crate
//! has would bring every kind of link, queue and tunnel into the program, a quarter of a MiB.

use netlink_packet_core::{
    DecodeError, Emitable, NetlinkDeserializable, NetlinkHeader, NetlinkPayload,
    NetlinkSerializable, NlasIterator, Parseable, parse_string, parse_u32, parse_u64,
};
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkFlags, LinkHeader};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::RouteMessage;

/// A question to the kernel, its answer, or its news.
pub(super) enum Rtnl {
    /// Asks for the link with this index.
    GetLink(u32),
    NewLink(LinkTold),
    DelLink(LinkTold),
    GetAddress(AddressMessage),
    NewAddress(AddressMessage),
    DelAddress(AddressMessage),
    GetRoute(RouteMessage),
    NewRoute(RouteMessage),
    DelRoute(RouteMessage),
    GetNeighbour(NeighbourMessage),
    NewNeighbour(NeighbourMessage),
    /// Nobody here wants to know of it.
    Other,
}

/// What is read of a link; a field is `None` where the kernel does not tell it.
#[derive(Default)]
pub(super) struct LinkTold {
    pub(super) index: u32,
    pub(super) is_up: bool,
    /// Whether the layer below is up, too: a cable is in.
    pub(super) has_carrier: bool,
    pub(super) name: Option<String>,
    /// In bytes.
    pub(super) mtu: Option<u32>,
    /// How many packets came and went so far (`IFLA_STATS64`).
    pub(super) packets: Option<(u64, u64)>,
}

impl LinkTold {
    fn parse(payload: &[u8]) -> Result<Self, DecodeError> {
        let header = LinkHeader::parse(payload)?;
        let mut link = Self {
            index: header.index,
            is_up: header.flags.contains(LinkFlags::Up),
            has_carrier: header.flags.contains(LinkFlags::LowerUp),
            ..Self::default()
        };
        let attributes = payload.get(header.buffer_len()..).unwrap_or_default();
        for attribute in NlasIterator::new(attributes) {
            let attribute = attribute?;
            let value = attribute.value();
            match attribute.kind() {
                libc::IFLA_IFNAME => link.name = Some(parse_string(value)?),
                libc::IFLA_MTU => link.mtu = Some(parse_u32(value)?),
                libc::IFLA_STATS64 => {
                    let part = |at| parse_u64(value.get(at..at + 8).unwrap_or_default());
                    link.packets = Some((part(0)?, part(8)?));
                }
                _ => {}
            }
        }
        Ok(link)
    }
}

impl NetlinkDeserializable for Rtnl {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(match header.message_type {
            libc::RTM_NEWLINK => Self::NewLink(LinkTold::parse(payload)?),
            libc::RTM_DELLINK => Self::DelLink(LinkTold::parse(payload)?),
            libc::RTM_NEWADDR => Self::NewAddress(AddressMessage::parse(payload)?),
            libc::RTM_DELADDR => Self::DelAddress(AddressMessage::parse(payload)?),
            libc::RTM_NEWROUTE => Self::NewRoute(RouteMessage::parse(payload)?),
            libc::RTM_DELROUTE => Self::DelRoute(RouteMessage::parse(payload)?),
            libc::RTM_NEWNEIGH => Self::NewNeighbour(NeighbourMessage::parse(payload)?),
            _ => Self::Other,
        })
    }
}

impl Rtnl {
    /// Type and content of a question; nothing else is sent.
    fn question(&self) -> (u16, Option<Box<dyn Emitable + '_>>) {
        match self {
            Self::GetLink(index) => {
                let header = LinkHeader { index: *index, ..LinkHeader::default() };
                (libc::RTM_GETLINK, Some(Box::new(header)))
            }
            Self::GetAddress(address) => (libc::RTM_GETADDR, Some(Box::new(Lent(address)))),
            Self::GetRoute(route) => (libc::RTM_GETROUTE, Some(Box::new(Lent(route)))),
            Self::GetNeighbour(one) => (libc::RTM_GETNEIGH, Some(Box::new(Lent(one)))),
            _ => (0, None),
        }
    }
}

/// What somebody else owns.
struct Lent<'a, T>(&'a T);

impl<T: Emitable> Emitable for Lent<'_, T> {
    fn buffer_len(&self) -> usize {
        self.0.buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.0.emit(buffer);
    }
}

impl NetlinkSerializable for Rtnl {
    fn message_type(&self) -> u16 {
        self.question().0
    }

    fn buffer_len(&self) -> usize {
        self.question().1.map_or(0, |content| content.buffer_len())
    }

    fn serialize(&self, buffer: &mut [u8]) {
        if let (_, Some(content)) = self.question() {
            content.emit(buffer);
        }
    }
}

impl From<Rtnl> for NetlinkPayload<Rtnl> {
    fn from(message: Rtnl) -> Self {
        Self::InnerMessage(message)
    }
}
