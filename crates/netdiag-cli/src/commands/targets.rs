//! Targets that are addresses, networks, ranges or names, as several commands take them.

use super::checks;
use netdiag_model::target::{AddressRange, TargetSpec};
use netdiag_model::{Destination, Family, Untrusted};
use std::net::IpAddr;

/// The highest rate of a user who is not root, in packets a second, as the sender has it.
pub(crate) const RATE_OF_A_USER: f64 = 2_500.0;

/// Reads one target; what cannot be probed is none. `who`: the command, as a sentence begins with it.
pub(crate) fn parse(text: &str, who: &str) -> Result<TargetSpec, String> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let spec = TargetSpec::parse(text).map_err(|error| format!("`{shown}`: {error}"))?;
    let range = match &spec {
        TargetSpec::Address(address) => AddressRange::one(*address),
        TargetSpec::Range(range) => *range,
        TargetSpec::Name(_) => return Ok(spec),
    };
    // Groups begin and end at prefixes, so that one end tells unless a whole one lies inside.
    let all_ipv4_groups = IpAddr::from([224, 0, 0, 0]);
    if is_group(range.first()) || is_group(range.last()) || range.contains(all_ipv4_groups) {
        return Err(format!("`{shown}`: {who} probes hosts, no multicast and no broadcast"));
    }
    Ok(spec)
}

/// Whether an address is one of many hosts.
pub(crate) fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

/// A link-local address needs its interface.
pub(crate) fn check_zone(spec: &TargetSpec, has_interface: bool) -> Result<(), String> {
    let ends = match spec {
        TargetSpec::Name(_) => return Ok(()),
        TargetSpec::Address(address) => [*address; 2],
        TargetSpec::Range(range) => [range.first(), range.last()],
    };
    match ends.into_iter().find(|end| checks::lacks_zone(Destination::new(*end))) {
        Some(one) if !has_interface => Err(format!(
            "a link-local address needs its interface, such as `{one}%eth0` or --interface"
        )),
        _ => Ok(()),
    }
}

/// The family of a target that is written as addresses.
pub(crate) fn family(spec: &TargetSpec) -> Option<Family> {
    match spec {
        TargetSpec::Address(address) => Some(Family::of(*address)),
        TargetSpec::Range(range) => Some(Family::of(range.first())),
        TargetSpec::Name(_) => None,
    }
}

/// Whether a target is of the family that was asked for, by `--ipv4`, `--ipv6` or a source.
pub(crate) fn check_family(
    spec: &TargetSpec,
    (ipv4, ipv6): (bool, bool),
    source: Option<IpAddr>,
) -> Result<(), String> {
    let Some(family) = family(spec) else { return Ok(()) };
    if ipv4 && family == Family::Ipv6 {
        return Err("--ipv4: an IPv6 target".to_owned());
    }
    if ipv6 && family == Family::Ipv4 {
        return Err("--ipv6: an IPv4 target".to_owned());
    }
    match source.map(Family::of).filter(|source| *source != family) {
        Some(_) => Err("--source: of the other family than a target".to_owned()),
        None => Ok(()),
    }
}

/// Why what was looked up is no host that can be probed: the reason in a word and in a sentence.
/// `who`: the command, as a sentence says it.
pub(crate) fn objection(
    destination: Destination,
    has_interface: bool,
    who: &str,
) -> Option<(&'static str, String)> {
    let address = destination.address();
    if is_group(address) || address.is_unspecified() {
        let said = format!("{address} is no address of a host, and {who} probes hosts");
        return Some(("no-host", said));
    }
    let lacks = checks::lacks_zone(destination) && !has_interface;
    lacks.then(|| {
        let said = format!("{destination} is link-local, and of which interface is not said");
        ("no-interface", said)
    })
}
