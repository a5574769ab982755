//! Checks of arguments that several commands take.

use crate::World;
use crate::args::value::Timeout;
use netdiag_check::expr::Expr;
use netdiag_model::metrics::MetricInfo;
use netdiag_model::{Destination, Family, Untrusted, parse_address};
use std::net::IpAddr;
use std::time::Duration;

/// A timeout above this without a unit is probably meant in milliseconds.
const ODD_TIMEOUT: Duration = Duration::from_secs(60);

/// The expression of `--fail-if`, over the metrics that a command knows.
pub(crate) fn fail_if(
    text: Option<&str>,
    known: &'static [MetricInfo],
) -> Result<Option<Expr>, String> {
    let expression = text.map(|text| Expr::parse(text, known)).transpose();
    expression.map_err(|error| format!("--fail-if: {error}"))
}

/// The interface that was asked for: its index and its name.
pub(crate) fn interface<W: World>(
    name: Option<&str>,
    world: &mut W,
) -> Result<Option<(u32, Untrusted)>, String> {
    let Some(name) = name else { return Ok(None) };
    let shown = Untrusted::from(name);
    match world.interface(name) {
        Some(index) => Ok(Some((index, shown))),
        None => Err(format!("--interface: no interface `{}`", shown.escaped())),
    }
}

/// What the user should know of a timeout without a unit.
pub(crate) fn odd_timeout(timeout: Timeout) -> Option<String> {
    let seconds = timeout.duration.as_secs();
    let is_odd = timeout.bare && timeout.duration > ODD_TIMEOUT;
    is_odd.then(|| format!("--timeout is {seconds} seconds; milliseconds are `{seconds}ms`"))
}

/// No network is a host.
pub(crate) fn no_network(host: &str, command: &str) -> Result<(), String> {
    match host.split_once('/') {
        Some((network, _)) if parse_address(network).is_some() => {
            let shown = Untrusted::from(host);
            let shown = shown.escaped();
            Err(format!("HOST `{shown}`: {command} takes no network, only hosts"))
        }
        _ => Ok(()),
    }
}

/// A host that is given as an address must be of the family that was asked for, and no wildcard.
pub(crate) fn family(
    host: &str,
    address: IpAddr,
    (ipv4, ipv6): (bool, bool),
) -> Result<(), String> {
    let shown = Untrusted::from(host);
    let shown = shown.escaped();
    if ipv4 && address.is_ipv6() {
        return Err(format!("--ipv4: `{shown}` is an IPv6 address"));
    }
    if ipv6 && address.is_ipv4() {
        return Err(format!("--ipv6: `{shown}` is an IPv4 address"));
    }
    Ok(())
}

/// A source is of the family of its destination; `option` is what asked for it.
pub(crate) fn source(
    source: Option<IpAddr>,
    destination: Destination,
    option: &str,
) -> Result<(), String> {
    match source.filter(|source| Family::of(*source) != destination.family()) {
        Some(source) => Err(format!("{option}: {source} cannot send to {destination}")),
        None => Ok(()),
    }
}

/// Whether the kernel would have to pick an interface, which is for the user: the answer would
/// depend on its routes.
pub(crate) fn lacks_zone(destination: Destination) -> bool {
    matches!(destination, Destination::V6(address, 0) if address.is_unicast_link_local())
}

/// A link-local address needs its interface.
pub(crate) fn zone(destination: Destination, has_interface: bool) -> Result<(), String> {
    if !lacks_zone(destination) || has_interface {
        return Ok(());
    }
    let address = destination.address();
    Err(format!(
        "HOST `{address}`: a link-local address needs its interface, such as `{address}%eth0` or \
         --interface"
    ))
}

/// The one family of all hosts, where these are addresses of one; `None` for a name among them.
pub(crate) fn only_family(mut families: impl Iterator<Item = Option<Family>>) -> Option<Family> {
    let first = families.next()??;
    families.all(|family| family == Some(first)).then_some(first)
}
