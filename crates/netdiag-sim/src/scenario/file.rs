//! What a scenario file can say. The types are the reference: one field, one key.

use super::dns::DnsServer;
use super::path::{Masquerade, Path};
use super::tables::{NodeInterface, NodeNeighbor, ToldInterface, ToldObject};
use super::units::{ErrnoName, Prefix, Rate, Span, one_or_many};
use serde::Deserialize;
use std::net::IpAddr;
use toml::Spanned;

/// A scenario: a small internet as seen from `here`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a few words.
    pub name: String,
    /// Where the random numbers start. The same seed gives the same packets.
    #[serde(default = "one")]
    pub seed: u64,
    /// The machine that the tested program runs on.
    pub here: Here,
    /// Routers and hosts.
    #[serde(default, rename = "node")]
    pub nodes: Vec<Node>,
    /// Which routers a packet passes, by destination.
    #[serde(default, rename = "path")]
    pub paths: Vec<Path>,
    /// What happens between two neighbours. Neighbours without a link: no delay, no fault.
    #[serde(default, rename = "link")]
    pub links: Vec<Link>,
    /// What changes in the internet while it runs.
    #[serde(default, rename = "change")]
    pub changes: Vec<Change>,
    /// What changes on the machine `here`.
    #[serde(default, rename = "local")]
    pub locals: Vec<Local>,
    /// Names: forward and reverse.
    #[serde(default, rename = "lookup")]
    pub lookups: Vec<Lookup>,
}

/// `[here]`: the vantage point.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Here {
    /// IPv4 addresses with prefix length; the first is the source of what is sent.
    #[serde(default, deserialize_with = "one_or_many")]
    pub ipv4: Vec<Prefix>,
    /// IPv6 addresses with prefix length; the first is the source of what is sent.
    #[serde(default, deserialize_with = "one_or_many")]
    pub ipv6: Vec<Prefix>,
    /// The MTU of the interface, 1500 if absent.
    pub mtu: Option<u32>,
    /// netlab: who may open ICMP datagram sockets, such as `"0 2147483647"`; the kernel's closed
    /// `"1 0"` if absent.
    pub ping_group_range: Option<String>,
    /// Virtual time: how much later than the event the process looks.
    #[serde(default)]
    pub wake_delay: Span,
    /// Virtual time: how far the process's own readings of the clock are from the kernel's, at most.
    #[serde(default)]
    pub stamp_noise: Span,
}

/// The two kinds of `[[node]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// Forwards.
    Router,
    /// Answers.
    Host,
}

/// `[[node]]`: a router or a host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name in this file.
    pub name: Spanned<String>,
    /// Router or host.
    pub kind: NodeKind,
    /// Its IPv4 addresses. A prefix means that it owns every address of it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub ipv4: Vec<Prefix>,
    /// Its IPv6 addresses. A prefix means that it owns every address of it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub ipv6: Vec<Prefix>,
    /// How it answers.
    #[serde(default)]
    pub icmp: IcmpManners,
    /// TCP ports that answer SYN with SYN-ACK; the others answer RST.
    #[serde(default)]
    pub tcp_open: Vec<u16>,
    /// The MSS that its SYN-ACKs offer, 1460 if absent.
    pub tcp_mss: Option<u16>,
    /// TCP ports that answer nothing.
    #[serde(default)]
    pub tcp_silent: Vec<u16>,
    /// UDP ports that send each datagram back; the others answer "port unreachable".
    #[serde(default)]
    pub udp_echo: Vec<u16>,
    /// UDP ports that answer nothing.
    #[serde(default)]
    pub udp_silent: Vec<u16>,
    /// It is a name server.
    pub dns: Option<DnsServer>,
    /// Destinations for which it sends an ICMP error.
    #[serde(default, rename = "refuse")]
    pub refusals: Vec<Refusal>,
    /// Forged and hostile replies to echo requests, or to UDP datagrams.
    #[serde(default, rename = "reply")]
    pub replies: Vec<ForgedReply>,
    /// Interfaces that it tells of (RFC 8335); without these and neighbours it answers no such question.
    #[serde(default, rename = "interface")]
    pub interfaces: Vec<NodeInterface>,
    /// Neighbours that it tells of.
    #[serde(default, rename = "neighbor")]
    pub neighbors: Vec<NodeNeighbor>,
}

/// `[node.icmp]`: how a node speaks ICMP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IcmpManners {
    /// Never sends an ICMP error nor answers an echo request.
    #[serde(default)]
    pub silent: bool,
    /// Sends no ICMP errors, but answers echo requests.
    #[serde(default)]
    pub no_errors: bool,
    /// Drops what is too big for the next link without a word.
    #[serde(default)]
    pub no_too_big: bool,
    /// The TTL or hop limit of what it sends itself, 64 if absent.
    pub initial_ttl: Option<u8>,
    /// How many bytes behind the IP header its errors quote; as many as fit if absent (576 bytes of
    /// IPv4 packet, 1280 of IPv6).
    pub quote: Option<u16>,
    /// The byte so far behind the IP header of what its errors quote is inverted there.
    pub corrupt_quote: Option<u16>,
    /// The IPv4 address its answers come from, in place of the one that was asked.
    pub source_ipv4: Option<std::net::Ipv4Addr>,
    /// The IPv6 address its answers come from, in place of the one that was asked.
    pub source_ipv6: Option<std::net::Ipv6Addr>,
    /// How long it thinks before any answer.
    #[serde(default)]
    pub delay: Span,
    /// Errors are limited as Linux limits them: a bucket for each family.
    pub limit: Option<Limit>,
    /// Echo replies are limited too.
    pub echo_limit: Option<Limit>,
    /// The first echo identifier that it sees is answered so many times and then no more, as by a NAT
    /// before it whose mapping has died.
    pub stuck_after: Option<u64>,
    /// How far its clock is ahead, in its answers to timestamp requests.
    #[serde(default)]
    pub clock: Span,
    /// The times in these have the highest bit set: they are no standard ones.
    #[serde(default)]
    pub odd_clock: bool,
    /// MPLS label stack entries that its errors carry (RFC 4950): label, TTL.
    #[serde(default)]
    pub mpls: Vec<Mpls>,
    /// The interface that a packet came by, told in its errors (RFC 5837).
    pub incoming: Option<ToldInterface>,
    /// Further extension objects of its errors (RFC 4884).
    #[serde(default)]
    pub objects: Vec<ToldObject>,
    /// The TOS byte or traffic class that packets to hosts behind it go on with.
    pub rewrite_tos: Option<u8>,
    /// The largest MSS that SYNs to hosts behind it go on with (MSS clamping).
    pub clamp_mss: Option<u16>,
    /// Packets to hosts behind it go on with an address of its own.
    pub masquerade: Option<Masquerade>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many may go at once.
    pub burst: u32,
    /// How many go a second in the long run.
    pub per_second: f64,
}

/// One MPLS label stack entry.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mpls {
    /// The label, 20 bits.
    pub label: u32,
    /// The time to live.
    pub ttl: u8,
}

/// `[[node.refuse]]`: a destination for which the node sends an ICMP error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Which destinations.
    pub to: Prefix,
    /// The ICMP (for IPv6 destinations: ICMPv6) type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code.
    #[serde(default)]
    pub code: u8,
    /// The second word of the message: next-hop MTU, pointer (as the family has it), 0 if absent.
    #[serde(default)]
    pub word: u32,
    /// The gateway that a redirect names.
    pub gateway: Option<std::net::Ipv4Addr>,
    /// Only packets of more bytes than this.
    #[serde(default)]
    pub above: usize,
    /// Forwards the packet all the same. Redirects always do.
    #[serde(default)]
    pub forward: bool,
}

/// What is wrong with a forged reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForgedKind {
    /// Comes from another address: `source`, or the address asked plus one.
    WrongSource,
    /// The ICMP checksum is wrong.
    BadChecksum,
    /// Bytes 8 to 15 of the data, where our probes carry their tag, are inverted; the checksum is
    /// right.
    BadTag,
    /// The identifier has its lowest bit flipped, so that it stays in a block of 16.
    WrongId,
    /// The sequence number has its highest bit flipped.
    WrongSeq,
    /// Cut to `bytes` bytes of ICMP message, 11 if absent; lengths and checksum agree.
    Truncated,
    /// The last byte of the data is inverted; the checksum is right.
    CorruptData,
    /// `bytes` bytes more than were sent, 8 if absent.
    ExtraBytes,
    /// The request itself comes back.
    Request,
    /// The right reply (to be doubled or delayed).
    Honest,
    /// A time exceeded whose extension object claims more bytes than there are.
    LyingExtension,
    /// A time exceeded whose quote is one of another probe: sequence number plus one.
    WrongQuote,
    /// A time exceeded that quotes only the first `bytes` bytes of the packet, 12 if absent.
    ShortQuote,
}

/// `[[node.reply]]`: a forged reply to every n-th echo request or UDP datagram.
///
/// To a datagram it is the node's right answer, an echo or a "port unreachable", with the same
/// thing wrong in our datagram as it comes back: the ports for the identifier, the first four bytes
/// of the payload for the sequence number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgedReply {
    /// What is wrong with it.
    pub kind: ForgedKind,
    /// To every n-th request that the node gets (the n-th, the 2n-th ...); 1 if absent.
    #[serde(default = "one")]
    pub every: u64,
    /// In place of the right reply, or beside it (sent before it).
    #[serde(default = "yes")]
    pub instead: bool,
    /// How long after the request, on top of the node's own delay.
    #[serde(default)]
    pub delay: Span,
    /// A number of bytes, for the kinds that need one.
    pub bytes: Option<u16>,
    /// The source of a `wrong-source`.
    pub source: Option<IpAddr>,
    /// The MTU of a "too big", which takes the place of the time exceeded of the kinds that are one.
    pub mtu: Option<u32>,
    /// Only for requests to these destinations.
    pub to: Option<Prefix>,
    /// To UDP datagrams in place of echo requests.
    #[serde(default)]
    pub udp: bool,
}

/// How the delays of a link vary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Between delay - jitter and delay + jitter, each value as likely as the next.
    #[default]
    Uniform,
    /// Bell-shaped around delay with deviation jitter, never below zero.
    Normal,
}

/// `[[link]]`: what happens between two neighbours. The keys hold for both directions, each with
/// counters of its own; those under `ab` and `ba` hold for one and come before them.
///
/// `*_every = n` means the n-th, the 2n-th ... packet that enters the direction; a plain number is a
/// probability.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One end: the name of a node or `here`.
    pub a: Option<Spanned<String>>,
    /// The other end.
    pub b: Option<Spanned<String>>,
    /// Time on the way.
    pub delay: Option<Span>,
    /// How much the time varies.
    pub jitter: Option<Span>,
    /// How it varies.
    pub distribution: Option<Distribution>,
    /// Packets do not overtake each other in spite of the jitter.
    pub ordered: Option<bool>,
    /// Lost.
    pub loss: Option<f64>,
    /// Lost, exactly.
    pub loss_every: Option<u64>,
    /// Comes twice.
    pub duplicate: Option<f64>,
    /// Comes twice, exactly.
    pub duplicate_every: Option<u64>,
    /// Held back by `reorder_by`.
    pub reorder: Option<f64>,
    /// Held back by `reorder_by`, exactly.
    pub reorder_every: Option<u64>,
    /// How long a reordered packet is held back.
    pub reorder_by: Option<Span>,
    /// One bit behind the IP header is flipped.
    pub corrupt: Option<f64>,
    /// One bit behind the IP header is flipped, exactly.
    pub corrupt_every: Option<u64>,
    /// Bits per second.
    pub rate: Option<Rate>,
    /// Bytes that wait for their turn at `rate` before packets are dropped.
    pub queue: Option<u64>,
    /// Larger packets do not pass: "too big" (IPv4 only with "don't fragment"; without it they pass
    /// whole, nothing is fragmented here).
    pub mtu: Option<u32>,
    /// Nothing passes.
    pub down: Option<bool>,
    /// From a to b only.
    pub ab: Option<Box<Self>>,
    /// From b to a only.
    pub ba: Option<Box<Self>>,
}

/// What a node can turn into while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// Works.
    #[default]
    Up,
    /// Swallows every packet.
    Down,
    /// Forwards but answers nothing.
    Silent,
}

/// `[[change]]`: at a time, one of: a node's state, a link's keys, a path's routers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When, counted from the start.
    pub at: Span,
    /// The node that changes.
    pub node: Option<Spanned<String>>,
    /// What it turns into.
    pub state: Option<NodeState>,
    /// New refusals of the node, in place of the old ones.
    pub refuse: Option<Vec<Refusal>>,
    /// The link that changes, with its two ends `a` and `b` and the keys that change.
    pub link: Option<Link>,
    /// The path that changes, as it is from then on. Its `to` must be that of a path of the file.
    pub path: Option<Path>,
}

/// The signals of `[[local]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SignalName {
    /// SIGINT.
    Int,
    /// SIGTERM.
    Term,
    /// SIGHUP.
    Hup,
    /// SIGQUIT.
    Quit,
}

/// The one word of `[[local]] link`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalLink {
    /// The interface is down until `until`.
    Down,
}

/// The one word of `[[local]] stamps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalStamps {
    /// The kernel's stamps are missing until `until`.
    User,
}

/// `[[local]]`: something happens to the machine `here`. `link` and `signal` work in both mounts,
/// the others in virtual time only.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Local {
    /// When, counted from the start.
    pub at: Span,
    /// Until when, for what lasts; for ever if absent.
    pub until: Option<Span>,
    /// Sends fail with this error.
    pub send: Option<ErrnoName>,
    /// The MTU that comes with `EMSGSIZE`.
    pub mtu: Option<u32>,
    /// Only sends to these destinations fail.
    pub to: Option<Prefix>,
    /// Only every n-th send fails.
    pub every: Option<u64>,
    /// The kernel's stamps are missing.
    pub stamps: Option<LocalStamps>,
    /// The wall clock is set: stamps of packets on their way at that moment are user stamps.
    pub clock_step: Option<Span>,
    /// The machine sleeps: the monotonic clock stands still, the internet runs on, what arrives
    /// meanwhile is lost.
    pub suspend: Option<Span>,
    /// The process is not run for so long (SIGSTOP, a busy machine): it looks late.
    pub stall: Option<Span>,
    /// The process gets a signal.
    pub signal: Option<SignalName>,
    /// Keys are pressed at the terminal: characters, the end of a line for the enter key, a tabulator
    /// for the arrow down. In virtual time only.
    pub keys: Option<String>,
    /// The terminal has this many columns and rows now. In virtual time only.
    pub resized: Option<[u16; 2]>,
    /// The next so many packets are dropped for want of room in the socket.
    pub receive_drops: Option<u64>,
    /// The interface is down.
    pub link: Option<LocalLink>,
}

/// How a look-up fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookupFailure {
    /// The name does not exist.
    Nxdomain,
    /// Nobody answers.
    Timeout,
}

/// `[[lookup]]`: a name and its addresses, in both directions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The name.
    pub name: Option<String>,
    /// Its addresses.
    #[serde(default)]
    pub address: Vec<IpAddr>,
    /// How long a reverse look-up takes.
    #[serde(default)]
    pub delay: Span,
    /// The look-up fails.
    pub error: Option<LookupFailure>,
    /// The server that says so.
    pub by: Option<String>,
}

const fn one() -> u64 {
    1
}

const fn yes() -> bool {
    true
}
