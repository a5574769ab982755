//! What a node tells of itself to extended echo (RFC 8335): its interfaces and its neighbours.

use serde::Deserialize;
use std::net::IpAddr;

/// `[[node.interface]]`: an interface that a node tells of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeInterface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Its addresses; a family without one does not run there.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Whether it is active.
    #[serde(default = "active")]
    pub up: bool,
}

/// `[[node.neighbor]]`: an entry of a node's ARP or neighbour table.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeNeighbor {
    /// The neighbour.
    pub address: IpAddr,
    /// Its state, 1 to 6 (RFC 8335 section 3).
    pub state: u8,
}

const fn active() -> bool {
    true
}

/// `incoming`: an interface that a router tells of (RFC 5837), as much as is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldInterface {
    /// Its number.
    pub index: Option<u32>,
    /// Its name, at most 63 bytes.
    pub name: Option<String>,
    /// Its MTU.
    pub mtu: Option<u32>,
}

/// One of `objects`: an extension object as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldObject {
    /// Its class.
    pub class: u8,
    /// Its type within the class.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What follows its header, at most 64 bytes.
    pub data: Vec<u8>,
}
