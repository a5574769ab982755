//! The table of a target: how large a packet comes to each hop, and how that is known.

use netdiag_model::Family;
use netdiag_trace::mtu::result::{ConfirmedBy, Hop, Size, Target};

/// All lines of the table.
pub(super) fn table(target: &Target) -> Vec<String> {
    let width = match target.family {
        Some(Family::Ipv6) => 39,
        _ => 15,
    };
    let line = |hop: &str, address: &str, mtu: &str, how: &str| {
        format!("{hop:>3}  {address:<width$}  {mtu:>5}  {how}").trim_end().to_owned()
    };
    let rows = target.hops.iter().map(|hop| {
        let address = hop.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        let mtu = hop.mtu.map_or_else(|| "-".to_owned(), |mtu| mtu.to_string());
        line(&hop.ttl.to_string(), &address, &mtu, &how(target, hop))
    });
    std::iter::once(line("hop", "address", "mtu", "how")).chain(rows).collect()
}

/// How it is known what comes to a hop.
fn how(target: &Target, hop: &Hop) -> String {
    let drop = target.drops.iter().rev().find(|drop| drop.ttl.map(|ttl| ttl + 1) == Some(hop.ttl));
    let first_behind = target.black_hole.is_some_and(|hole| {
        hole.before_ttl.unwrap_or_else(|| hole.after_ttl.saturating_add(1)) == hop.ttl
    });
    if let Some(hole) = target.black_hole.filter(|_| first_behind) {
        return format!(
            "silent: {}, {}, no ICMP",
            count(target, hole.largest_ok, "answered", |size| size.passed),
            count(target, hole.smallest_lost, "lost", |size| size.lost)
        );
    }
    if let Some(drop) = drop {
        return format!("told by {}", drop.address);
    }
    if let Some(refusal) = hop.refusal.as_ref().filter(|_| !target.reached) {
        return format!("{}: nothing goes further", refusal.name.replace('-', " "));
    }
    match (hop.address, target.confirmed_by) {
        (None, _) if hop.may_be_limited == Some(true) => {
            "no answer: silent, or its limit of answers is used up".to_owned()
        }
        (None, _) => "no answer".to_owned(),
        (_, ConfirmedBy::Reply) if hop.mtu.is_some() => "passed".to_owned(),
        _ => "a small packet passed".to_owned(),
    }
}

/// What became of the packets of a size.
fn count(target: &Target, bytes: u32, what: &str, of: fn(&Size) -> u64) -> String {
    let size = target.sizes.iter().find(|size| size.bytes == bytes);
    let (n, all) = size.map_or((0, 0), |size| (of(size), size.attempted));
    format!("{bytes} {what} {n} of {all}")
}
