//! Whether the arguments fit together, and fit this machine.

use super::limits::RATE_OF_A_USER;
use crate::World;
use crate::args::SweepArguments;
use crate::args::form::{Color, Output};
use crate::args::sweep::Rate;
use crate::commands::checks;
use crate::commands::user::floor;
use netdiag_check::expr::Expr;
use netdiag_model::target::{AddressRange, TargetSpec};
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_ping::Protocol;
use netdiag_ping::metrics::METRICS;
use std::net::IpAddr;
use std::time::Duration;

/// The most targets of a run.
pub(super) const MOST_TARGETS: u128 = 1 << 24;
/// The most targets of a user who is not root and does not insist.
const MOST_OF_A_USER: u128 = 1 << 16;
/// The shortest interval of one.
const INTERVAL_OF_A_USER: Duration = Duration::from_millis(10);

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) targets: Vec<TargetSpec>,
    pub(super) exclude: Vec<TargetSpec>,
    pub(super) fail_if: Option<Expr>,
    pub(super) interface: Option<(u32, Untrusted)>,
    /// How many targets there may be.
    pub(super) most: u128,
    pub(super) warnings: Vec<String>,
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(
    arguments: &SweepArguments,
    world: &mut W,
) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    let mut targets = Vec::new();
    for text in &arguments.targets {
        let spec = parse(text).map_err(|why| format!("TARGET {why}"))?;
        check_family(&spec, arguments).map_err(|why| format!("{why}: `{text}`"))?;
        check_zone(&spec, arguments.interface.is_some())
            .map_err(|why| format!("TARGET `{text}`: {why}"))?;
        targets.push(spec);
    }
    let mut exclude = Vec::new();
    for text in &arguments.exclude {
        let spec = TargetSpec::parse_exclusion(text);
        let shown = Untrusted::from(text.as_str());
        exclude.push(spec.map_err(|why| format!("--exclude `{}`: {why}", shown.escaped()))?);
    }
    let most = if world.may_flood() || arguments.i_know { MOST_TARGETS } else { MOST_OF_A_USER };
    check_user(arguments, world)?;
    check_options(arguments)?;
    let interface = checks::interface(arguments.interface.as_deref(), world)?;
    let warnings = Vec::from_iter(checks::odd_timeout(arguments.timeout));
    Ok(Checked { targets, exclude, fail_if, interface, most, warnings })
}

/// Reads one target; what cannot be probed is none.
pub(super) fn parse(text: &str) -> Result<TargetSpec, String> {
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
        return Err(format!("`{shown}`: a sweep probes hosts, no multicast and no broadcast"));
    }
    Ok(spec)
}

/// Whether an address is one of many hosts.
pub(super) fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

/// A link-local address needs its interface.
pub(super) fn check_zone(spec: &TargetSpec, has_interface: bool) -> Result<(), String> {
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

/// Whether so many targets may be.
pub(super) fn check_count(count: u128, most: u128) -> Result<(), String> {
    if count <= most {
        return Ok(());
    }
    let hint =
        if most < MOST_TARGETS { " for users who are not root, without --i-know" } else { "" };
    Err(format!("{count} targets; at most {most}{hint}"))
}

/// Whether a target is of the family that was asked for.
pub(super) fn check_family(spec: &TargetSpec, arguments: &SweepArguments) -> Result<(), String> {
    let family = match spec {
        TargetSpec::Address(address) => Family::of(*address),
        TargetSpec::Range(range) => Family::of(range.first()),
        TargetSpec::Name(_) => return Ok(()),
    };
    if arguments.ipv4 && family == Family::Ipv6 {
        return Err("--ipv4: an IPv6 target".to_owned());
    }
    if arguments.ipv6 && family == Family::Ipv4 {
        return Err("--ipv6: an IPv4 target".to_owned());
    }
    match arguments.source.map(Family::of).filter(|source| *source != family) {
        Some(_) => Err("--source: of the other family than a target".to_owned()),
        None if family == Family::Ipv4 && arguments.size > 65_507 => {
            Err("--size: at most 65507 for IPv4".to_owned())
        }
        None => Ok(()),
    }
}

/// What a user who is not root may not do.
fn check_user<W: World>(arguments: &SweepArguments, world: &W) -> Result<(), String> {
    if world.may_flood() {
        return Ok(());
    }
    match arguments.rate {
        Rate::PerSecond(rate) if rate <= RATE_OF_A_USER => {}
        _ => return Err(format!("--rate: above {RATE_OF_A_USER} only root may send")),
    }
    if arguments.count > 1 && arguments.interval() < INTERVAL_OF_A_USER {
        return Err("--interval: below 10 ms only root may send".to_owned());
    }
    let least = floor(arguments.proto);
    if arguments.count > 1 && arguments.interval() < least {
        let least = least.as_millis();
        return Err(format!("--interval: below {least} ms only root may open connections"));
    }
    Ok(())
}

/// What does not go together.
fn check_options(arguments: &SweepArguments) -> Result<(), String> {
    if arguments.retry.is_some_and(|retries| retries > 0) && arguments.count > 1 {
        return Err("--retry: only with --count 1, where probing ends with an answer".to_owned());
    }
    if arguments.count == 1 && arguments.interval.is_some() {
        return Err(
            "--interval: only with --count above 1; between targets it is --rate".to_owned()
        );
    }
    if arguments.backoff.is_some() && arguments.retries() == 0 {
        return Err("--backoff: only with --retry, which --count above 1 has not".to_owned());
    }
    if arguments.form() != Output::Text && arguments.color != Color::Auto {
        return Err("--color: only with --output text".to_owned());
    }
    if arguments.form() != Output::Text && (arguments.alive || arguments.unreachable) {
        let option = if arguments.alive { "--alive" } else { "--unreachable" };
        return Err(format!("{option}: only with --output text"));
    }
    if matches!(arguments.proto, Protocol::Tcp { .. }) {
        let useless =
            [(arguments.mark.is_some(), "--mark"), (arguments.pattern.is_some(), "--pattern")];
        if let Some((_, option)) = useless.iter().find(|(given, _)| *given) {
            return Err(format!("{option}: not with --proto tcp"));
        }
    }
    Ok(())
}
