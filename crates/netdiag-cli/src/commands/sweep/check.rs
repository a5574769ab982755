//! Whether the arguments fit together, and fit this machine.

use crate::World;
use crate::args::SweepArguments;
use crate::args::form::{Color, Output};
use crate::args::sweep::Rate;
use crate::commands::targets::{RATE_OF_A_USER, check_zone};
use crate::commands::user::floor;
use crate::commands::{checks, targets};
use netdiag_check::expr::Expr;
use netdiag_model::target::TargetSpec;
use netdiag_model::{Family, Untrusted};
use netdiag_ping::Protocol;
use netdiag_ping::metrics::METRICS;
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
    targets::parse(text, "a sweep")
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

/// Whether a target is of the family that was asked for, and may be so large.
pub(super) fn check_family(spec: &TargetSpec, arguments: &SweepArguments) -> Result<(), String> {
    targets::check_family(spec, (arguments.ipv4, arguments.ipv6), arguments.source)?;
    match targets::family(spec) {
        Some(Family::Ipv4) if arguments.size > 65_507 => {
            Err("--size: at most 65507 for IPv4".to_owned())
        }
        _ => Ok(()),
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
    if matches!(arguments.proto, Protocol::Syn { .. }) && arguments.pattern.is_some() {
        return Err("--pattern: not with --proto syn".to_owned());
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
