//! What `--classic` does otherwise: iputils' words for what cannot be done, its waits, its report.

use super::plan::Plan;
use crate::args::PingArguments;
use crate::commands::hosts::Form;
use crate::commands::resolve;
use crate::commands::user::LEAST_INTERVAL;
use netdiag_engine::port::{NetworkError, Opened};
use netdiag_model::contract::SocketKind;
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_ping::Config;
use netdiag_ping::config::Manner;
use netdiag_report::ping::{ClassicOptions, ClassicReport, Ping};
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// What a user who may not flood is told.
const FLOOD: &str = "cannot flood; minimal interval allowed for user is 2ms";
/// How long iputils stays after the last request when nothing was answered.
const LINGER: Duration = Duration::from_secs(10);
/// From when on an answer is kept as a late one; it counts like any other.
const LEAST_TIMEOUT: Duration = Duration::from_secs(10);

const EPERM: i32 = 1;
const EACCES: i32 = 13;

/// Our options by the letters that iputils has for them.
const LETTERS: &[(&str, &str)] = &[
    ("--adaptive", "-A"),
    ("--broadcast", "-b"),
    ("--deadline", "-w"),
    ("--df", "-M"),
    ("--flood", "-f"),
    ("--flow-label", "-F"),
    ("--ident", "-e"),
    ("--interface", "-I"),
    ("--interval", "-i"),
    ("--ip-timestamps", "-T"),
    ("--ipv4", "-4"),
    ("--ipv6", "-6"),
    ("--mark", "-m"),
    ("--pattern", "-p"),
    ("--preload", "-l"),
    ("--record-route", "-R"),
    ("--size", "-s"),
    ("--source", "-I"),
    ("--timeout", "-W"),
    ("--ttl", "-t"),
];

/// A message about options, in the letters of the tool under whose name the program was started.
pub(super) fn worded(arguments: &PingArguments, message: String) -> String {
    if arguments.program.is_none() {
        return message;
    }
    let letter = |word: &str| {
        let name = word.trim_end_matches([':', ',', '.', ';']);
        let (_, letter) = LETTERS.iter().find(|(long, _)| *long == name)?;
        Some(format!("{letter}{}", word.get(name.len()..)?))
    };
    let words = message.split(' ').map(|word| letter(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}

/// What goes wrong without being an error, before anything is sent.
pub(super) fn warnings(arguments: &PingArguments, opened: &Opened) -> Vec<String> {
    let Some(mark) = arguments.mark.filter(|_| arguments.classic && opened.unmarked) else {
        return Vec::new();
    };
    // Once for the socket that it asks the source of, and once for that which sends.
    let names_source =
        arguments.interface.as_ref().is_some_and(|name| name.parse::<IpAddr>().is_ok());
    let sockets = if names_source || arguments.source.is_some() { 1 } else { 2 };
    let said = format!("WARNING: failed to set mark: {mark}: {}", errno::text(EPERM));
    vec![said; sockets]
}

/// Why nothing is sent to a target that could be sent to: a user may not as fast as that.
pub(super) fn refusal(plan: &Plan, may_flood: bool) -> Option<&'static str> {
    let is_too_fast = plan.configs.iter().any(|config| config.interval < LEAST_INTERVAL);
    (plan.classic && !may_flood && is_too_fast).then_some(FLOOD)
}

/// iputils' rules and waits.
pub(super) fn configure(config: &mut Config, arguments: &PingArguments) {
    let linger = arguments.timeout.map_or(LINGER, |timeout| timeout.duration);
    config.manner = Manner::Iputils {
        linger: Some(linger).filter(|linger| !linger.is_zero()),
        counts_too_large: !arguments.quiet,
    };
    config.timeout = linger.max(LEAST_TIMEOUT).max(config.interval.saturating_mul(2));
}

/// iputils' report.
pub(super) fn report<'a>(
    arguments: &PingArguments,
    opened: &Opened,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> Form<'a, Ping> {
    let options = ClassicOptions {
        program: arguments.program(),
        quiet: arguments.quiet,
        verbose: arguments.verbose,
        // A flood names nobody.
        numeric: arguments.numeric || arguments.flood,
        dated: arguments.dates,
        audible: arguments.audible,
        flood: arguments.flood,
        outstanding: arguments.outstanding,
        gap: arguments.interval().is_zero() || arguments.flood || arguments.adaptive,
        count: arguments.count,
        pattern: arguments.pattern_digits(),
        sockets: sockets(arguments, opened),
    };
    Form::told(ClassicReport::new(BufWriter::new(out), err, options))
}

/// The sockets as iputils lists them, with the numbers that they would have there.
fn sockets(arguments: &PingArguments, opened: &Opened) -> String {
    let mut number = 2;
    let mut socket = |family: Family, wanted: bool| {
        let kind = opened.family(family).ok().filter(|_| wanted).map(|opening| opening.socket);
        number += i32::from(kind.is_some());
        match kind {
            None => "-1 (socktype: 0)".to_owned(),
            Some(SocketKind::Raw) => format!("{number} (socktype: SOCK_RAW)"),
            Some(_) => format!("{number} (socktype: SOCK_DGRAM)"),
        }
    };
    let (four, six) = (!arguments.ipv6, !arguments.ipv4);
    let (v4, v6) = (socket(Family::Ipv4, four), socket(Family::Ipv6, six));
    let hint = match (four, six) {
        (true, true) => "AF_UNSPEC",
        (true, false) => "AF_INET",
        _ => "AF_INET6",
    };
    format!("sock4.fd: {v4}, sock6.fd: {v6}, hints.ai_family: {hint}")
}

/// iputils' words for a host that is none; only what netdiag cannot do has words of its own.
pub(super) fn check_host(host: &str, arguments: &PingArguments) -> Result<(), String> {
    let shown = Untrusted::from(host);
    let shown = shown.escaped();
    let Ok(address) = host.split('%').next().and_then(netdiag_model::parse_address).ok_or(())
    else {
        return Err(format!("{shown}: {}", resolve::NO_NAME));
    };
    if (arguments.ipv4 && address.is_ipv6()) || (arguments.ipv6 && address.is_ipv4()) {
        return Err(format!("{shown}: {}", resolve::NO_FAMILY));
    }
    if address == Ipv6Addr::UNSPECIFIED {
        return Err(format!("{shown}: the unspecified address cannot be probed yet"));
    }
    // A broadcast address has no route without leave to use it, and the kernel says so.
    Ok(())
}

/// Where packets to an address go: those to 0.0.0.0 to this machine.
pub(super) fn reached(destination: Destination) -> Destination {
    match destination.address() == Ipv4Addr::UNSPECIFIED {
        true => Destination::new(Ipv4Addr::LOCALHOST.into()),
        false => destination,
    }
}

/// No such interface.
pub(super) fn no_interface(name: &str, arguments: &PingArguments) -> String {
    let name = Untrusted::from(name);
    let is_v6 = arguments.ipv6 || arguments.hosts.iter().any(|host| host.contains(':'));
    if is_v6 {
        format!("unknown iface: {}", name.escaped())
    } else {
        format!("SO_BINDTODEVICE {}: No such device", name.escaped())
    }
}

/// There is no way to the destination from here.
pub(super) fn no_route(destination: Destination, error: &NetworkError) -> Failure {
    let v4 = destination.family() == Family::Ipv4;
    let message = match (error.call, error.errno) {
        ("connect", EACCES) if v4 => "Do you want to ping broadcast? Then -b. If not, check your \
                                      local firewall rules"
            .to_owned(),
        ("bind", number) if !v4 => format!("bind icmp socket: {}", errno::text(number)),
        (call, number) => format!("{call}: {}", errno::text(number)),
    };
    let (stage, reason) = (Stage::Route, errno::reason(error.errno));
    Failure { stage, reason, errno: Some(Errno::new(error.errno)), icmp: None, message }
}
