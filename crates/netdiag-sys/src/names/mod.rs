//! Addresses of names, for targets: before the first probe, never while measuring.
//!
//! Literal addresses, the hosts file and `localhost` need no server and start no runtime.

mod beside;
mod connected;
mod ledger;
mod literal;
mod many;
mod order;
mod servers;
mod several;

use hickory_resolver::Hosts;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family, Found, Untrusted};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

pub use beside::{LookUps, begin};
pub(crate) use connected::Connected;
pub use literal::{interface_index, literal};
pub use many::sources;
pub(crate) use order::has_family;
pub use order::{broadcast_source, owns, source};
pub use several::{LookedUp, resolve_all};

/// The longest that a look-up of a target takes, whatever resolv.conf says.
pub const TOTAL: Duration = Duration::from_secs(5);

/// Where names are looked up.
#[derive(Clone, Copy, Debug)]
struct Sources<'a> {
    hosts: &'a Path,
    resolv_conf: &'a Path,
    /// The port of the servers, which resolv.conf cannot say.
    port: u16,
}

/// Looks up the addresses of a target, in the order in which they should be tried: those that this
/// machine has a route to first, and among them IPv6 first (RFC 6724, simplified). `family` limits
/// it to one family. A literal address, also as `[::1]` or `fe80::1%eth0`, is itself. Then
/// /etc/hosts is asked, then the servers of /etc/resolv.conf, each beginning a second after the one
/// before it; the first to say yes or no is believed. `total` bounds all of it.
///
/// It blocks this thread, and starts no other.
///
/// # Errors
/// [`LookupError::NotFound`] when a server or file says that there is no such name or no such
/// address, [`LookupError::NoAnswer`] when nobody says anything, and [`LookupError::Invalid`] when
/// the text cannot be a name.
pub fn resolve(name: &str, family: Option<Family>, total: Duration) -> Result<Found, LookupError> {
    let sources = Sources {
        hosts: Path::new("/etc/hosts"),
        resolv_conf: Path::new("/etc/resolv.conf"),
        port: 53,
    };
    resolve_with(sources, name, family, total)
}

fn resolve_with(
    sources: Sources<'_>,
    name: &str,
    family: Option<Family>,
    total: Duration,
) -> Result<Found, LookupError> {
    if let Some(destination) = literal(name)? {
        return of_family(vec![destination], family, "the address itself").map(Found::from);
    }
    let parsed = parse_name(name)?;
    let known = from_hosts(sources.hosts, &parsed, family);
    if !known.is_empty() {
        let canonical = canonical(sources.hosts, name);
        return Ok(Found::from(order::sorted(known)).named(canonical));
    }
    if is_localhost(name) {
        let loopback =
            [IpAddr::V6(Ipv6Addr::LOCALHOST), Ipv4Addr::LOCALHOST.into()].map(Destination::new);
        return of_family(order::sorted(loopback.to_vec()), family, "this machine")
            .map(Found::from);
    }
    let found = servers::resolve(sources, parsed.clone(), family, total).map(|found| {
        let canonical = found.canonical.clone();
        Found::from(order::sorted(found.into_iter().collect())).named(canonical)
    });
    match reserved(name) {
        // It was not asked, whatever its servers are called.
        Some(reserved) if matches!(found, Err(LookupError::NotFound { .. })) => {
            let what =
                format!("the reserved domain `{reserved}` is asked of no server, and no entry");
            Err(LookupError::NotFound { what, by: "this machine".to_owned() })
        }
        _ => found.map_err(|error| match error {
            // The file knows the name, and no server does.
            LookupError::NotFound { .. }
                if !from_hosts(sources.hosts, &parsed, None).is_empty() =>
            {
                let what = no_address(family);
                LookupError::NotFound { what, by: sources.hosts.display().to_string() }
            }
            error => error,
        }),
    }
}

/// The last label of a name that no server may be asked for: RFC 6761 section 6.4, RFC 7686 section 2.
fn reserved(name: &str) -> Option<&'static str> {
    let last = name.trim_end_matches('.').rsplit('.').next()?;
    ["invalid", "onion"].into_iter().find(|reserved| last.eq_ignore_ascii_case(reserved))
}

/// Those of the family that was asked for.
fn of_family(
    mut found: Vec<Destination>,
    family: Option<Family>,
    by: &str,
) -> Result<Vec<Destination>, LookupError> {
    found.retain(|destination| family.is_none_or(|family| destination.family() == family));
    if found.is_empty() {
        return Err(LookupError::NotFound { what: no_address(family), by: by.to_owned() });
    }
    Ok(found)
}

/// What it is called that a name has no address.
fn no_address(family: Option<Family>) -> String {
    match family {
        Some(Family::Ipv4) => "no A record",
        Some(Family::Ipv6) => "no AAAA record",
        None => "no A or AAAA record",
    }
    .to_owned()
}

fn invalid(name: &str) -> LookupError {
    LookupError::Invalid { name: Untrusted::from(name) }
}

/// A host name (RFC 1123 section 2.1, with underscores, which exist). Letters beyond ASCII become
/// A-labels.
fn parse_name(name: &str) -> Result<Name, LookupError> {
    let labels = name.strip_suffix('.').unwrap_or(name);
    let is_letter = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_') || !letter.is_ascii()
    };
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_letter);
    let last = labels.rsplit('.').next().unwrap_or_default();
    // The last label is never a number (RFC 1123 section 2.1): that is an address gone wrong.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    if !labels.split('.').all(is_label) || is_number {
        return Err(invalid(name));
    }
    // Refuses labels of more than 63 bytes and names of more than 255 on the wire.
    // Rules for names that are not ASCII do not go for those that are: `_` may stand anywhere there
    // (RFC 2181 section 11).
    let parsed = if name.is_ascii() { Name::from_ascii(name) } else { Name::from_utf8(name) };
    parsed.map_err(|_| invalid(name))
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    // RFC 6761 section 6.3: names below it are loopback as well.
    name == "localhost" || name.ends_with(".localhost")
}

/// The first name of the line of the hosts file that has this one (hosts(5)).
fn canonical(path: &Path, name: &str) -> Option<Untrusted> {
    let text = std::fs::read_to_string(path).ok()?;
    let name = name.trim_end_matches('.');
    let named = text.lines().find_map(|line| {
        let mut names = line.split('#').next()?.split_whitespace().skip(1);
        let first = names.next()?;
        let has_it = std::iter::once(first).chain(names).any(|one| one.eq_ignore_ascii_case(name));
        has_it.then_some(first)
    });
    named.map(Untrusted::from)
}

/// What the hosts file says; nothing where it cannot be read.
fn from_hosts(path: &Path, name: &Name, family: Option<Family>) -> Vec<Destination> {
    let mut hosts = Hosts::default();
    if let Ok(file) = File::open(path) {
        // It ends at a line that is not UTF-8; what came before is known.
        let _ = hosts.read_hosts_conf(file);
    }
    let mut found = Vec::new();
    for (record, of) in [(RecordType::AAAA, Family::Ipv6), (RecordType::A, Family::Ipv4)] {
        if family.is_some_and(|family| family != of) {
            continue;
        }
        let lookup = hosts.lookup_static_host(&Query::query(name.to_lowercase(), record));
        let answers = lookup.iter().flat_map(|lookup| lookup.answers());
        let addresses = answers.filter_map(|record| record.data.ip_addr()).map(Destination::new);
        found.extend(addresses);
    }
    found
}

/// The names that /etc/hosts has for addresses: the first of the first line of each.
pub(crate) fn names_from_hosts() -> BTreeMap<IpAddr, Untrusted> {
    let text = std::fs::read("/etc/hosts").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut names = BTreeMap::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let address = words.next().and_then(|word| word.parse().ok());
        if let (Some(address), Some(name)) = (address, words.next()) {
            names.entry(address).or_insert_with(|| Untrusted::from(name));
        }
    }
    names
}

#[cfg(test)]
mod tests;

/// The name of this machine; `localhost` where it has none that is text.
#[must_use]
pub fn host_name() -> String {
    crate::raw::host_name()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
