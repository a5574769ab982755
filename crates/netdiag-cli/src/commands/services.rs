//! The names of services, as this machine has them.

use crate::World;
use netdiag_tcp::services;
use std::collections::BTreeMap;

/// Says which port a name means. The list of this machine is read where there are names to be asked
/// for; without it there are those that everybody knows.
pub(crate) fn ports<W: World>(
    has_names: bool,
    world: &mut W,
) -> impl Fn(&str) -> Option<u16> + use<W> {
    let own = if has_names { list("tcp", world) } else { BTreeMap::new() };
    move |name| own.get(&name.to_ascii_lowercase()).copied().or_else(|| services::port(name))
}

/// The port that a name means to sockets of whatever protocol: that of TCP, if it has one.
pub(crate) fn any_port<W: World>(name: &str, world: &mut W) -> Option<u16> {
    let name = name.to_ascii_lowercase();
    let own = ["tcp", "udp"].into_iter().find_map(|of| list(of, world).get(&name).copied());
    own.or_else(|| services::port(&name))
}

/// The list of this machine; nothing where it has none.
fn list<W: World>(protocol: &str, world: &mut W) -> BTreeMap<String, u16> {
    let file = world.input(services::FILE);
    file.and_then(|list| services::read(list, protocol)).unwrap_or_default()
}
