//! What an interface takes.

use super::ask;
use super::message::Rtnl;
use netdiag_engine::port::NetworkError;
use netdiag_model::{Link, Untrusted};

/// The name and MTU of the interface with this index (RTM_GETLINK). Sends nothing but the question to
/// the kernel.
///
/// # Errors
/// ENODEV where there is none; whatever netlink itself refuses.
pub fn link(index: u32) -> Result<Link, NetworkError> {
    const CALL: &str = "RTM_GETLINK";
    let nothing = NetworkError { call: CALL, errno: libc::EPROTO };
    let Rtnl::NewLink(link) = ask(CALL, Rtnl::GetLink(index))? else { return Err(nothing) };
    match (link.name, link.mtu) {
        (Some(name), Some(mtu)) => Ok(Link { name: Untrusted::from(name.as_str()), mtu }),
        _ => Err(nothing),
    }
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
