//! Groups: broadcast addresses and multicast. What they need, and what is not sent to them.

use super::check::Checked;
use crate::World;
use crate::args::PingArguments;
use netdiag_engine::identity;
use netdiag_engine::port::NetworkError;
use netdiag_model::Destination;
use netdiag_ping::Cast;
use std::net::IpAddr;
use std::time::Duration;

/// From one request to a broadcast address to the next; for users who are not root, to any group.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

const EACCES: i32 = 13;

/// The source that packets leave from, or why they cannot.
type Source = Result<IpAddr, NetworkError>;

/// What can be told of a host before anything is open.
pub(super) fn check_literal(address: IpAddr, arguments: &PingArguments) -> Result<(), String> {
    if address.is_multicast() && !arguments.multicast {
        return Err(format!("{address} is a multicast group, which needs --multicast"));
    }
    if is_all_ones(address) && !arguments.broadcast {
        return Err(format!("{address} is a broadcast address, which needs --broadcast"));
    }
    Ok(())
}

/// To how many hosts a destination leads, and from which source. What is a broadcast address is for
/// the kernel to say: it refuses the source of one (EACCES) until broadcasts are allowed.
pub(super) fn cast<W: World>(
    destination: Destination,
    (from, interface): (Option<IpAddr>, Option<u32>),
    arguments: &PingArguments,
    world: &mut W,
) -> (Cast, Source) {
    let source = world.source(destination, from, interface);
    if destination.address().is_multicast() {
        return (Cast::Multicast, source);
    }
    if source.as_ref().is_err_and(|error| error.errno == EACCES)
        && let Some(found) = world.broadcast_source(destination, from, interface)
    {
        let allowed = arguments.broadcast && world.may_flood();
        return (Cast::Broadcast, if allowed { Ok(found) } else { source });
    }
    let cast = if is_all_ones(destination.address()) { Cast::Broadcast } else { Cast::Unicast };
    (cast, source)
}

/// What may not be asked of a group; iputils has its own rules.
pub(super) fn check<W: World>(
    destination: Destination,
    cast: Cast,
    arguments: &PingArguments,
    checked: &Checked,
    world: &W,
) -> Result<(), String> {
    let name = match cast {
        Cast::Unicast => return Ok(()),
        Cast::Multicast => "multicast group",
        Cast::Broadcast => "broadcast address",
    };
    let option = if cast == Cast::Multicast { "--multicast" } else { "--broadcast" };
    let is_asked = if cast == Cast::Multicast { arguments.multicast } else { arguments.broadcast };
    if !is_asked && !arguments.classic {
        let address = destination.address();
        return Err(format!("HOST `{address}`: a {name}, which needs {option}"));
    }
    if !world.may_flood() || (cast == Cast::Broadcast && !arguments.classic) {
        check_rate(name, arguments, world)?;
    }
    if arguments.classic {
        return Ok(());
    }
    if let Destination::V6(address, 0) = destination
        && is_link_scope(address.segments()[0])
        && checked.interface.is_none()
    {
        return Err(format!(
            "HOST `{address}`: a group of one link needs its interface, such as `{address}%eth0` or \
             --interface"
        ));
    }
    if !identity::is_strong(arguments.size()) {
        return Err(format!(
            "--size: at least {} to a {name}, whose answers are known by their data alone",
            identity::FULL_TAG
        ));
    }
    Ok(())
}

/// No more than one a second, in whatever way more is asked for.
fn check_rate<W: World>(name: &str, arguments: &PingArguments, world: &W) -> Result<(), String> {
    let interval = arguments.interval();
    if interval < LEAST_INTERVAL && arguments.classic {
        let is_v6 = arguments.hosts.iter().any(|host| host.contains(':'));
        let kind = if is_v6 { "multicast" } else { "broadcast" };
        return Err(format!("{kind} ping with too short interval: {}", interval.as_millis()));
    }
    let who = if world.may_flood() { "" } else { ", but for root" };
    let asked = [
        (arguments.flood, "--flood"),
        (arguments.adaptive, "--adaptive"),
        (arguments.preload > 1, "--preload"),
        (interval < LEAST_INTERVAL, "--interval"),
    ];
    match asked.iter().find(|(asked, _)| *asked) {
        Some((_, option)) => {
            Err(format!("{option}: to a {name} there is at most one request a second{who}"))
        }
        None => Ok(()),
    }
}

fn is_all_ones(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

/// Whether a group is one of an interface or a link (RFC 4291 section 2.7, scopes 1 and 2).
const fn is_link_scope(first: u16) -> bool {
    matches!(first & 0xf, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_a_link_are_known_by_their_scope() {
        for (first, expected) in [(0xff01, true), (0xff02, true), (0xff12, true), (0xff05, false)] {
            assert_eq!(is_link_scope(first), expected, "{first:x}");
        }
        assert!(is_all_ones([255; 4].into()) && !is_all_ones([10, 0, 0, 255].into()));
    }
}
