//! The names of services, as this machine has them.

use crate::World;
use netdiag_tcp::services;

/// Says which port a name means. The list of this machine is read where there are names to be asked
/// for; without it there are those that everybody knows.
pub(crate) fn ports<W: World>(
    has_names: bool,
    world: &mut W,
) -> impl Fn(&str) -> Option<u16> + use<W> {
    let list = has_names.then(|| world.input(services::FILE).and_then(services::read));
    let own = list.and_then(Result::ok).unwrap_or_default();
    move |name| own.get(&name.to_ascii_lowercase()).copied().or_else(|| services::port(name))
}
