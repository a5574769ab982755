//! The table of a target: how large a packet comes to each hop, and how that is known.

use crate::trace::row::noted;
use netdiag_model::Family;
use netdiag_trace::mtu::result::{ConfirmedBy, Hop, Size, Target};

/// What a line takes beside its address.
const FIGURES: usize = 12;

/// All lines of the table, in a terminal of this width, if it is one: where there is no room how it is known
/// stands below, and addresses are as wide as they are.
pub(super) fn table(target: &Target, terminal: Option<usize>) -> Vec<String> {
    let widest = match target.family {
        Some(Family::Ipv6) => 39,
        _ => 15,
    };
    let address =
        |hop: &Hop| hop.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
    let width = match terminal {
        Some(terminal) if widest + FIGURES > terminal => {
            let own = target.hops.iter().map(|hop| address(hop).len());
            own.chain(["address".len()]).max().unwrap_or(widest)
        }
        _ => widest,
    };
    let line = |hop: &str, address: &str, mtu: &str, how: &str| {
        noted(&format!("{hop:>3}  {address:<width$}  {mtu:>5}"), how, false, terminal)
    };
    let rows = target.hops.iter().flat_map(|hop| {
        let mtu = hop.mtu.map_or_else(|| "-".to_owned(), |mtu| mtu.to_string());
        line(&hop.ttl.to_string(), &address(hop), &mtu, &how(target, hop))
    });
    line("hop", "address", "mtu", "how").into_iter().chain(rows).collect()
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
        return match drop.mtu_said {
            None => format!("told by {}", drop.address),
            Some(0) => format!("tried: {} refuses more and names no MTU", drop.address),
            Some(said) => format!("tried: {} refuses more and says {said}", drop.address),
        };
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
