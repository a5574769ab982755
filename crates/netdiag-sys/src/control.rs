//! Control data of messages (cmsg(3)) as bytes: written for a send, read after a receive.
//!
//! ```text
//! +-----------------+-------+------+-------------+---------+
//! | length (size_t) | level | type | data        | padding |   the length counts header and data,
//! +-----------------+-------+------+-------------+---------+   the padding goes up to size_t
//! ```

use crate::address;
use netdiag_engine::port::{Control, IpOptions};
use netdiag_model::{Destination, Family};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `SCM_TS_OPT_ID`: the key of a send stamp, chosen by us (Linux 6.13 and later).
const SCM_TS_OPT_ID: i32 = 81;
/// `SO_RXQ_OVFL`: how many messages the socket has dropped so far.
const SO_RXQ_OVFL: i32 = 40;
/// `SCM_TIMESTAMPING`: three timespecs, of which the first is the software stamp.
const SCM_TIMESTAMPING: i32 = 37;

const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;

/// `IPV6_FLOWINFO` (RFC 3542 has none of it; net/ipv6/datagram.c): the flow label in network order.
const IPV6_FLOWINFO: i32 = 11;

/// Room for everything that one send can carry: four entries of at most 40 bytes, and IPv4 options or a
/// flow label.
const SPACE: usize = 4 * 40 + HEADER + 40;

/// Control data for one send.
#[derive(Clone)]
pub(crate) struct ControlBuffer {
    bytes: [u8; SPACE],
    len: usize,
}

impl ControlBuffer {
    /// What `control` says for a packet of this family, and the key of its send stamp.
    pub(crate) fn new(family: Family, control: &Control, stamp_key: Option<u32>) -> Self {
        let mut buffer = Self { bytes: [0; SPACE], len: 0 };
        if let Some(key) = stamp_key {
            buffer.push(libc::SOL_SOCKET, SCM_TS_OPT_ID, &key.to_ne_bytes());
        }
        let (level, hop_limit, class) = match family {
            Family::Ipv4 => (libc::SOL_IP, libc::IP_TTL, libc::IP_TOS),
            Family::Ipv6 => (libc::SOL_IPV6, libc::IPV6_HOPLIMIT, libc::IPV6_TCLASS),
        };
        if let Some(value) = control.hop_limit {
            buffer.push(level, hop_limit, &i32::from(value).to_ne_bytes());
        }
        if let Some(value) = control.traffic_class {
            buffer.push(level, class, &i32::from(value).to_ne_bytes());
        }
        match family {
            Family::Ipv4 => {
                if let Some(options) = &control.options {
                    buffer.push(libc::SOL_IP, libc::IP_RETOPTS, options.as_bytes());
                }
            }
            Family::Ipv6 => {
                if let Some(label) = control.flow_label {
                    buffer.push(libc::SOL_IPV6, IPV6_FLOWINFO, &label.to_be_bytes());
                }
            }
        }
        if control.source.is_some() || control.interface.is_some() {
            buffer.push_packet_info(family, control);
        }
        buffer
    }

    /// The control data as the kernel takes it; empty when there is none.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// `struct in_pktinfo` (ip(7)): interface, source, unused. `struct in6_pktinfo` (ipv6(7)):
    /// source, interface.
    fn push_packet_info(&mut self, family: Family, control: &Control) {
        let interface = control.interface.unwrap_or(0).to_ne_bytes();
        match (family, control.source) {
            (Family::Ipv4, source) => {
                let source = match source {
                    Some(IpAddr::V4(v4)) => v4,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                let mut info = [0; 12];
                info[..4].copy_from_slice(&interface);
                info[4..8].copy_from_slice(&source.octets());
                self.push(libc::SOL_IP, libc::IP_PKTINFO, &info);
            }
            (Family::Ipv6, source) => {
                let source = match source {
                    Some(IpAddr::V6(v6)) => v6,
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                let mut info = [0; 20];
                info[..16].copy_from_slice(&source.octets());
                info[16..].copy_from_slice(&interface);
                self.push(libc::SOL_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let Some(room) = self.bytes.get_mut(self.len..self.len + padded(HEADER + data.len()))
        else {
            unreachable!("SPACE holds one entry of each kind");
        };
        room[..WORD].copy_from_slice(&(HEADER + data.len()).to_ne_bytes());
        room[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        room[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        room[HEADER..HEADER + data.len()].copy_from_slice(data);
        self.len += room.len();
    }
}

/// What came beside one received message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ancillary {
    /// The kernel's software stamp, nanoseconds of CLOCK_REALTIME.
    pub(crate) stamp: Option<u64>,
    /// TTL or hop limit.
    pub(crate) hop_limit: Option<u8>,
    /// The destination address of the packet.
    pub(crate) to: Option<IpAddr>,
    /// The interface it came by.
    pub(crate) interface: Option<u32>,
    /// All messages that the socket has dropped so far, modulo 2^32.
    pub(crate) drops: Option<u32>,
    /// The IPv4 options of the packet.
    pub(crate) options: Option<IpOptions>,
    /// What an entry of the error queue says.
    pub(crate) error: Option<ExtendedError>,
}

/// `struct sock_extended_err` with the offender's address (ip(7), IP_RECVERR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtendedError {
    pub(crate) errno: i32,
    pub(crate) origin: u8,
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) info: u32,
    pub(crate) data: u32,
    pub(crate) offender: Option<Destination>,
}

/// Bytes of `struct sock_extended_err`; the offender's `sockaddr` follows.
const EXTENDED_ERROR_LEN: usize = 16;

impl Ancillary {
    /// Reads control data; what is unknown or cut is left out.
    pub(crate) fn parse(control: &[u8]) -> Self {
        let mut this = Self::default();
        for (level, kind, data) in entries(control) {
            this.take(level, kind, data);
        }
        this
    }

    fn take(&mut self, level: i32, kind: i32, data: &[u8]) {
        match (level, kind) {
            (libc::SOL_SOCKET, SCM_TIMESTAMPING) => self.stamp = software_stamp(data),
            (libc::SOL_SOCKET, SO_RXQ_OVFL) => self.drops = u32_at(data, 0),
            (libc::SOL_IP, libc::IP_TTL) | (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
                self.hop_limit = u32_at(data, 0).and_then(|value| u8::try_from(value).ok());
            }
            (libc::SOL_IP, libc::IP_PKTINFO) => {
                self.interface = u32_at(data, 0).filter(|index| *index != 0);
                self.to = array::<4>(data, 8).map(|octets| Ipv4Addr::from(octets).into());
            }
            (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
                self.to = array::<16>(data, 0).map(|octets| Ipv6Addr::from(octets).into());
                self.interface = u32_at(data, 16).filter(|index| *index != 0);
            }
            (libc::SOL_IP, libc::IP_RECVOPTS) => self.options = IpOptions::from_bytes(data),
            (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR) => {
                self.error = ExtendedError::parse(data);
            }
            _ => {}
        }
    }
}

impl ExtendedError {
    /// Where extensions begin behind the quote: the first half of `struct sock_ee_data_rfc4884`
    /// (linux/errqueue.h), 0 where there are none.
    pub(crate) fn quoted_len(&self) -> Option<u16> {
        let [low, high, ..] = self.data.to_ne_bytes();
        Some(u16::from_ne_bytes([low, high])).filter(|len| *len != 0)
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let [origin, kind, code, _] = array(data, 4)?;
        let offender = data.get(EXTENDED_ERROR_LEN..).and_then(address::decode);
        Some(Self {
            errno: i32::try_from(u32_at(data, 0)?).ok()?,
            origin,
            kind,
            code,
            info: u32_at(data, 8)?,
            data: u32_at(data, 12)?,
            offender: offender.map(|(destination, _)| destination),
        })
    }
}

/// The entries of control data: level, type, data. Ends at the first that is cut.
fn entries(mut control: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from_ne_bytes(array(control, 0)?);
        let level = i32::from_ne_bytes(array(control, WORD)?);
        let kind = i32::from_ne_bytes(array(control, WORD + 4)?);
        let data = control.get(HEADER..len)?;
        control = control.get(padded(len)..).unwrap_or_default();
        Some((level, kind, data))
    })
}

/// Nanoseconds of the first of three timespecs; zero stands for "no stamp".
fn software_stamp(data: &[u8]) -> Option<u64> {
    let (seconds, nanos) = (array(data, 0)?, array(data, 8)?);
    let (seconds, nanos) = (u64::from_ne_bytes(seconds), u64::from_ne_bytes(nanos));
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos).filter(|stamp| *stamp != 0)
}

const fn padded(len: usize) -> usize {
    len.saturating_add(WORD - 1) & !(WORD - 1)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_ne_bytes)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(padded(bytes.len()), 0);
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn a_send_carries_what_was_asked_for_and_nothing_else() {
        let nothing = ControlBuffer::new(Family::Ipv4, &Control::default(), None);
        assert_eq!(nothing.as_bytes(), b"");

        let control = Control {
            hop_limit: Some(3),
            traffic_class: Some(0xb8),
            source: Some([192, 0, 2, 1].into()),
            interface: Some(7),
            options: Some(IpOptions::record_route()),
            flow_label: Some(9),
        };
        let mut expected = entry(libc::SOL_SOCKET, SCM_TS_OPT_ID, &words(&[99]));
        expected.extend(entry(libc::SOL_IP, libc::IP_TTL, &words(&[3])));
        expected.extend(entry(libc::SOL_IP, libc::IP_TOS, &words(&[0xb8])));
        let options = IpOptions::record_route();
        expected.extend(entry(libc::SOL_IP, libc::IP_RETOPTS, options.as_bytes()));
        let mut info = words(&[7]);
        info.extend([192, 0, 2, 1, 0, 0, 0, 0]);
        expected.extend(entry(libc::SOL_IP, libc::IP_PKTINFO, &info));
        let buffer = ControlBuffer::new(Family::Ipv4, &control, Some(99));
        assert_eq!(buffer.as_bytes(), expected);
    }

    #[test]
    fn the_largest_send_of_ipv6_fits() {
        let source: Ipv6Addr = "2001:db8::1".parse().expect("an address");
        let control = Control {
            hop_limit: Some(255),
            traffic_class: Some(1),
            source: Some(source.into()),
            interface: Some(2),
            flow_label: Some(0x12345),
            options: Some(IpOptions::record_route()),
        };
        let buffer = ControlBuffer::new(Family::Ipv6, &control, Some(u32::MAX));
        let mut info = source.octets().to_vec();
        info.extend(words(&[2]));
        let mut expected = entry(libc::SOL_IPV6, IPV6_FLOWINFO, &[0, 1, 0x23, 0x45]);
        expected.extend(entry(libc::SOL_IPV6, libc::IPV6_PKTINFO, &info));
        assert!(buffer.as_bytes().ends_with(&expected));
    }

    #[test]
    fn a_received_packet_tells_stamp_ttl_address_and_drops() {
        let mut timespecs = 5_u64.to_ne_bytes().to_vec();
        timespecs.extend(7_u64.to_ne_bytes());
        timespecs.resize(48, 0);
        let mut control = entry(libc::SOL_SOCKET, SCM_TIMESTAMPING, &timespecs);
        control.extend(entry(libc::SOL_IP, libc::IP_TTL, &words(&[64])));
        let mut info = words(&[3]);
        info.extend([127, 0, 0, 9, 127, 0, 0, 1]);
        control.extend(entry(libc::SOL_IP, libc::IP_PKTINFO, &info));
        control.extend(entry(libc::SOL_SOCKET, SO_RXQ_OVFL, &words(&[290])));
        control.extend(entry(libc::SOL_IP, libc::IP_RECVOPTS, &[7, 3, 4, 0]));
        let expected = Ancillary {
            stamp: Some(5_000_000_007),
            hop_limit: Some(64),
            to: Some([127, 0, 0, 1].into()),
            interface: Some(3),
            drops: Some(290),
            options: IpOptions::from_bytes(&[7, 3, 4, 0]),
            error: None,
        };
        assert_eq!(Ancillary::parse(&control), expected);
    }

    #[test]
    fn an_error_tells_who_sent_it() {
        let mut data = words(&[113]);
        data.extend([2, 11, 0, 0]);
        data.extend(words(&[1_400, 4]));
        let offender = Destination::V4([192, 0, 2, 254].into());
        let (name, len) = address::encode(offender, 0);
        data.extend(&name[..len]);
        let parsed = Ancillary::parse(&entry(libc::SOL_IP, libc::IP_RECVERR, &data));
        let expected = ExtendedError {
            errno: 113,
            origin: 2,
            kind: 11,
            code: 0,
            info: 1_400,
            data: 4,
            offender: Some(offender),
        };
        assert_eq!(parsed.error, Some(expected));
    }

    #[test]
    fn control_data_cut_anywhere_is_no_panic_and_no_stamp_is_none() {
        let mut control = entry(libc::SOL_SOCKET, SCM_TIMESTAMPING, &[0; 48]);
        control.extend(entry(libc::SOL_IP, libc::IP_RECVERR, &[0; 16]));
        assert_eq!(Ancillary::parse(&control).stamp, None);
        for len in 0..control.len() {
            let _ = Ancillary::parse(&control[..len]);
        }
        let huge = usize::MAX.to_ne_bytes().repeat(4);
        assert_eq!(Ancillary::parse(&huge), Ancillary::default());
        assert_eq!(Ancillary::parse(&[0; 64]), Ancillary::default());
    }
}
