//! Who answers at a hop, and what it tells of itself and of our packet.

use crate::protocol::Answer;
use crate::translation::Shifts;
use netdiag_engine::outcome::Detail;
use netdiag_engine::stats::RttStats;
use netdiag_model::{Destination, IcmpKind, Untrusted};
use netdiag_wire::extension::{
    ExtensionObject, Extensions, InterfaceInfo, InterfaceRole, Malformation, MplsLabel,
};
use netdiag_wire::quote::Shift;
use std::net::IpAddr;

/// How many things of one kind are kept of one answer.
const KEPT: usize = 16;

/// One that answered at a hop.
#[derive(Clone, Debug)]
pub(crate) struct Responder {
    pub(crate) address: Destination,
    pub(crate) received: u64,
    pub(crate) rtt: RttStats,
    /// The TTL of its last answer.
    pub(crate) reply_ttl: Option<u8>,
    /// What it said last, of an ICMP error.
    pub(crate) icmp: Option<IcmpKind>,
    pub(crate) quoted_ttl: Option<u8>,
    pub(crate) mtu: Option<u32>,
    /// What its last answer brought.
    pub(crate) told: Told,
    /// How often each field of our packet was quoted otherwise than it was sent.
    pub(crate) changed: Vec<(Changed, u64)>,
    /// How many of its answers quoted our headers.
    pub(crate) quotes: u64,
    /// How far the checksums in those were from what they should be.
    pub(crate) shifts: Shifts,
}

impl Responder {
    pub(crate) fn new(address: Destination) -> Self {
        Self {
            address,
            received: 0,
            rtt: RttStats::new(),
            reply_ttl: None,
            icmp: None,
            quoted_ttl: None,
            mtu: None,
            told: Told::default(),
            changed: Vec::new(),
            quotes: 0,
            shifts: Shifts::default(),
        }
    }

    pub(crate) fn answer(&mut self, answer: &Answer, told: Option<Told>) {
        self.received += 1;
        self.rtt.record(answer.rtt);
        self.reply_ttl = answer.hop_limit.or(self.reply_ttl);
        self.icmp = answer.icmp.or(self.icmp);
        self.quoted_ttl = answer.quoted_hop_limit.or(self.quoted_ttl);
        self.mtu = answer.mtu.or(self.mtu);
        if let Some(told) = told {
            self.tell(told);
        }
    }

    /// An error that does not count as an answer.
    pub(crate) fn refuse(&mut self, answer: &Answer) {
        self.reply_ttl = answer.hop_limit.or(self.reply_ttl);
        self.icmp = answer.icmp.or(self.icmp);
    }

    /// Takes in what an answer brings.
    pub(crate) fn tell(&mut self, mut told: Told) {
        self.quotes += u64::from(told.is_quoted);
        self.quoted_ttl = told.quoted_ttl.or(self.quoted_ttl);
        if let Some(shift) = told.shift.take() {
            self.shifts.note(shift);
        }
        for change in std::mem::take(&mut told.changed) {
            let is_full = self.changed.len() >= KEPT;
            match self.changed.iter_mut().find(|(known, _)| *known == change) {
                Some((_, count)) => *count += 1,
                None if is_full => {}
                None => self.changed.push((change, 1)),
            }
        }
        self.told.join(told);
    }
}

/// What one answer brings beside its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) is_quoted: bool,
    pub(crate) quoted_ttl: Option<u8>,
    pub(crate) mpls: Vec<MplsLabel>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) unknown: Vec<Unknown>,
    pub(crate) malformed: Option<Malformation>,
    pub(crate) changed: Vec<Changed>,
    pub(crate) shift: Option<Shift>,
}

/// An interface of a router, as it tells of it (RFC 5837).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) role: InterfaceRole,
    pub(crate) index: Option<u32>,
    pub(crate) name: Option<Untrusted>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) mtu: Option<u32>,
}

/// An extension object that means nothing to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) class: u8,
    pub(crate) ctype: u8,
    pub(crate) data: Vec<u8>,
}

/// A field of our packet that a router saw otherwise than it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) field: Field,
    pub(crate) sent: Value,
    pub(crate) quoted: Value,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number(u64),
    /// A bit.
    Flag(bool),
    /// An address.
    Address(IpAddr),
}

/// The fields of our packet that are compared with a quote.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The source address: a translation on the way.
    Source,
    /// The source port, likewise.
    SourcePort,
    /// The DSCP (RFC 2474).
    Dscp,
    /// The ECN bits (RFC 3168).
    Ecn,
    /// IPv4's "don't fragment".
    DontFragment,
    /// IPv6's flow label (RFC 6437).
    FlowLabel,
    /// The bytes of the packet.
    TotalLength,
    /// The MSS that a SYN offers (RFC 9293 section 3.7.1).
    Mss,
}

impl Field {
    /// Its word in the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::SourcePort => "source_port",
            Self::Dscp => "dscp",
            Self::Ecn => "ecn",
            Self::DontFragment => "dont_fragment",
            Self::FlowLabel => "flow_label",
            Self::TotalLength => "total_length",
            Self::Mss => "mss",
        }
    }

    /// Whether a translation of addresses changes it.
    pub(crate) const fn is_translated(self) -> bool {
        matches!(self, Self::Source | Self::SourcePort)
    }
}

/// Our packet as it was sent, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) source: Option<IpAddr>,
    pub(crate) source_port: Option<u16>,
    pub(crate) traffic_class: u8,
    pub(crate) dont_fragment: Option<bool>,
    pub(crate) flow_label: Option<u32>,
    pub(crate) total_length: Option<u32>,
    pub(crate) mss: Option<u16>,
}

impl Told {
    /// The same answer, or a later one, tells this.
    pub(crate) fn join(&mut self, other: Self) {
        self.is_quoted |= other.is_quoted;
        self.quoted_ttl = other.quoted_ttl.or(self.quoted_ttl);
        self.shift = other.shift.or(self.shift);
        self.malformed = other.malformed.or(self.malformed);
        let lists =
            [!other.mpls.is_empty(), !other.interfaces.is_empty(), !other.unknown.is_empty()];
        if lists.contains(&true) {
            (self.mpls, self.interfaces) = (other.mpls, other.interfaces);
            self.unknown = other.unknown;
        }
        if !other.changed.is_empty() {
            self.changed = other.changed;
        }
    }

    /// What an answer brings about a packet that was sent so.
    pub(crate) fn new(detail: &Detail<'_>, sent: &Sent) -> Self {
        let mut told = Self::default();
        if let Some(quoted) = &detail.quoted {
            told.is_quoted = true;
            told.quoted_ttl = Some(quoted.hop_limit);
            told.changed = sent.changes(quoted);
            told.shift = quoted.checksum.map(|checksum| checksum.shift());
        }
        if let Extensions::Malformed(why) = detail.extensions {
            told.malformed = Some(why);
        }
        for object in detail.extensions.objects().take(KEPT) {
            match object {
                ExtensionObject::Mpls(stack) => told.mpls.extend(stack.take(KEPT)),
                ExtensionObject::Interface(info) => told.interfaces.push(interface(&info)),
                other => told.unknown.push(unknown(&other)),
            }
        }
        told
    }
}

fn interface(info: &InterfaceInfo<'_>) -> Interface {
    Interface {
        role: info.role,
        index: info.index,
        name: info.name.map(|name| Untrusted::from(String::from_utf8_lossy(name).as_ref())),
        address: info.address,
        mtu: info.mtu,
    }
}

fn unknown(object: &ExtensionObject<'_>) -> Unknown {
    match *object {
        ExtensionObject::Unknown { class, ctype, data } => {
            Unknown { class, ctype, data: data.to_vec() }
        }
        _ => Unknown { class: object.class(), ctype: 0, data: Vec::new() },
    }
}

impl Sent {
    /// What a quote has otherwise. TTL and checksums change on every way.
    fn changes(&self, quoted: &netdiag_wire::quote::Quoted<'_>) -> Vec<Changed> {
        use netdiag_wire::quote::QuotedTransport;
        let number = |value: u32| Value::Number(u64::from(value));
        let source_port = match quoted.transport {
            QuotedTransport::Udp { source_port, .. } | QuotedTransport::Tcp { source_port, .. } => {
                Some(source_port)
            }
            _ => None,
        };
        let pairs = [
            (Field::Source, self.source.map(Value::Address), Some(Value::Address(quoted.source))),
            (
                Field::SourcePort,
                self.source_port.map(|port| number(port.into())),
                source_port.map(|port| number(port.into())),
            ),
            (
                Field::Dscp,
                Some(number(u32::from(self.traffic_class >> 2))),
                Some(number(u32::from(quoted.tos >> 2))),
            ),
            (
                Field::Ecn,
                Some(number(u32::from(self.traffic_class & 3))),
                Some(number(u32::from(quoted.tos & 3))),
            ),
            (
                Field::DontFragment,
                self.dont_fragment.map(Value::Flag),
                quoted.dont_fragment.map(Value::Flag),
            ),
            (Field::FlowLabel, self.flow_label.map(number), quoted.flow_label.map(number)),
            (
                Field::TotalLength,
                self.total_length.map(number),
                // Whoever fragments a packet, this machine too, rewrites nothing.
                (!quoted.is_fragment).then(|| number(quoted.total_length)),
            ),
            (Field::Mss, self.mss.map(|mss| number(mss.into())), quoted_mss(quoted).map(number)),
        ];
        let both = pairs.into_iter().filter_map(|(field, sent, quoted)| {
            let (sent, quoted) = (sent?, quoted?);
            (sent != quoted).then_some(Changed { field, sent, quoted })
        });
        both.collect()
    }
}

/// The MSS of a quoted SYN; `None` where it is not quoted so far.
fn quoted_mss(quoted: &netdiag_wire::quote::Quoted<'_>) -> Option<u32> {
    use netdiag_wire::quote::QuotedTransport;
    use netdiag_wire::tcp::{TcpOption, TcpOptions};
    let QuotedTransport::Tcp { rest: Some(rest), .. } = quoted.transport else { return None };
    TcpOptions::new(rest.options).find_map(|option| match option {
        TcpOption::MaximumSegmentSize(size) => Some(u32::from(size)),
        _ => None,
    })
}
