//! What an interface takes.

use super::ask;
use netdiag_engine::port::NetworkError;
use netdiag_model::{Link, Untrusted};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};

/// The name and MTU of the interface with this index (RTM_GETLINK). Sends nothing but the question to
/// the kernel.
///
/// # Errors
/// ENODEV where there is none; whatever netlink itself refuses.
pub fn link(index: u32) -> Result<Link, NetworkError> {
    const CALL: &str = "RTM_GETLINK";
    let mut question = LinkMessage::default();
    question.header.index = index;
    match ask(CALL, RouteNetlinkMessage::GetLink(question))? {
        RouteNetlinkMessage::NewLink(link) => {
            read(&link).ok_or(NetworkError { call: CALL, errno: libc::EPROTO })
        }
        _ => Err(NetworkError { call: CALL, errno: libc::EPROTO }),
    }
}

fn read(link: &LinkMessage) -> Option<Link> {
    let (mut name, mut mtu) = (None, None);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(Untrusted::from(text.as_str())),
            LinkAttribute::Mtu(bytes) => mtu = Some(*bytes),
            _ => {}
        }
    }
    Some(Link { name: name?, mtu: mtu? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_a_name_and_an_mtu() {
        let lo = crate::names::interface_index("lo").expect("every machine has it");
        let link = link(lo).expect("it is there");
        assert_eq!(link.name, Untrusted::from("lo"));
        assert!(link.mtu >= 1_280, "{}", link.mtu);
    }

    #[test]
    fn an_interface_that_does_not_exist_has_none() {
        assert_eq!(link(1 << 30).map_err(|error| error.errno), Err(libc::ENODEV));
    }
}
