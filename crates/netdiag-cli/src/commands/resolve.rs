//! Names that are looked up before a run, and what becomes of them.

use crate::World;
use netdiag_model::errno::Errno;
use netdiag_model::failure::{Failure, LookupError, Stage};
use netdiag_model::{Family, Untrusted, parse_address};
use std::net::IpAddr;
use std::time::Duration;

/// The address that a host is written as, without its zone.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).split('%').next().and_then(parse_address)
}

/// How long look-ups may take where the whole run may take no longer than `deadline`: all of it for
/// one host, half of it where there may be others to measure in the rest.
pub(crate) fn patience(deadline: Option<Duration>, hosts: usize) -> Duration {
    let share = if hosts > 1 { 2 } else { 1 };
    deadline.map_or(Duration::MAX, |deadline| deadline / share)
}

/// Why a name has no address, in words that name who said so.
pub(crate) fn lookup_failure(host: &str, error: &LookupError) -> Failure {
    let host = Untrusted::from(host);
    let host = host.host();
    let host = host.escaped();
    let mut errno = None;
    let (reason, message) = match error {
        LookupError::NotFound { what, by } => {
            let said_by = if by == "this machine" { "on" } else { "from" };
            ("not-found", format!("cannot resolve {host}: {what} {said_by} {by}"))
        }
        LookupError::NoAnswer { tried, reason, errno: number } => {
            errno = number.map(Errno::new);
            (reason.as_str(), format!("cannot resolve {host}: {tried}"))
        }
        LookupError::Interrupted => (
            "interrupted",
            format!("cannot resolve {host}: interrupted before there was an answer"),
        ),
        LookupError::Invalid { name } => (
            "invalid-name",
            format!("cannot resolve {host}: `{}` is no host name", name.host().escaped()),
        ),
    };
    Failure { stage: Stage::Resolve, reason: reason.to_owned(), errno, icmp: None, message }
}

/// Whether nothing is known about a name, not even that it has no address.
pub(crate) const fn is_unknown(error: &LookupError) -> bool {
    matches!(error, LookupError::NoAnswer { .. } | LookupError::Interrupted)
}

/// As getaddrinfo(3) words them.
pub(crate) const NO_NAME: &str = "Name or service not known";
pub(crate) const NO_FAMILY: &str = "Address family for hostname not supported";
const NO_ADDRESS: &str = "No address associated with hostname";
const NO_ANSWER: &str = "Temporary failure in name resolution";

/// Why a name has no address, as the classic tools word it.
pub(crate) fn classic_failure(host: &str, family: Option<Family>, error: &LookupError) -> String {
    let said = match error {
        LookupError::NotFound { what, .. } if what.starts_with("the reserved") => NO_NAME,
        LookupError::NotFound { by, .. } if by == "this machine" || by == "the address itself" => {
            if host.contains('%') {
                NO_NAME
            } else {
                NO_FAMILY
            }
        }
        LookupError::NotFound { what, .. } if what.starts_with("no A") => match family {
            Some(_) => NO_FAMILY,
            None => NO_ADDRESS,
        },
        LookupError::NotFound { .. } | LookupError::Invalid { .. } => NO_NAME,
        LookupError::NoAnswer { .. } | LookupError::Interrupted => NO_ANSWER,
    };
    format!("{}: {said}", Untrusted::from(host).escaped())
}

/// The zone of an address, behind its `%` (RFC 4007 section 11).
pub(crate) fn check_zone<W: World>(
    zone: &str,
    address: IpAddr,
    world: &mut W,
) -> Result<(), String> {
    if address.is_ipv4() {
        return Err("only an IPv6 address has a zone".to_owned());
    }
    let is_index = zone.parse::<u32>().is_ok_and(|index| index != 0);
    if !is_index && world.interface(zone).is_none() {
        return Err(format!("no interface `{}`", Untrusted::from(zone).escaped()));
    }
    Ok(())
}
