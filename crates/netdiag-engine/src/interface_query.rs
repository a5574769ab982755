//! What an extended echo request asks (RFC 8335).

use netdiag_wire::extension::{ExtensionWriter, InterfaceId};
use std::net::IpAddr;

/// A question about an interface of a node, or about a neighbour of it. It is always one that can
/// be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceQuery {
    structure: Vec<u8>,
    is_local: bool,
}

impl InterfaceQuery {
    /// About the interface with this name; `None` where it is empty or longer than 255 bytes.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let is_plain = !name.is_empty() && !name.contains('\0');
        is_plain.then(|| Self::about(&InterfaceId::Name(name.as_bytes()), true)).flatten()
    }

    /// About the interface with this number.
    #[must_use]
    pub fn by_index(index: u32) -> Option<Self> {
        Self::about(&InterfaceId::Index(index), true)
    }

    /// About the interface with this address.
    #[must_use]
    pub fn by_address(address: IpAddr) -> Option<Self> {
        Self::about(&InterfaceId::Address(address), true)
    }

    /// About the node's table entry for a neighbour (ARP, neighbour discovery).
    #[must_use]
    pub fn neighbor(address: IpAddr) -> Option<Self> {
        Self::about(&InterfaceId::Address(address), false)
    }

    fn about(id: &InterfaceId<'_>, is_local: bool) -> Option<Self> {
        let mut structure = Vec::new();
        let mut writer = ExtensionWriter::new(&mut structure);
        writer.interface_id(id).ok()?;
        writer.finish();
        Some(Self { structure, is_local })
    }

    /// The extension structure (RFC 4884 section 7) that the request carries.
    #[must_use]
    pub fn structure(&self) -> &[u8] {
        &self.structure
    }

    /// Whether it is about an interface of the node itself.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.is_local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_down_is_no_question() {
        assert_eq!(InterfaceQuery::by_name(""), None);
        assert_eq!(InterfaceQuery::by_name("a\0b"), None);
        assert_eq!(InterfaceQuery::by_name(&"x".repeat(256)), None);
        assert!(InterfaceQuery::by_name(&"x".repeat(255)).is_some());
        let address = "192.0.2.1".parse().expect("an address");
        let (own, other) = (InterfaceQuery::by_address(address), InterfaceQuery::neighbor(address));
        assert!(own.is_some_and(|query| query.is_local()));
        assert!(other.is_some_and(|query| !query.is_local()));
    }
}
