//! What the types of the file do not say: names that exist, numbers that can be.

use super::Path;
use super::file::{Change, Link, Node, NodeKind, Scenario};
use super::units::Prefix;
use super::{HERE, Span};
use netdiag_model::Family;
use std::collections::BTreeMap;
use toml::Spanned;

/// Something wrong, and where in the text.
pub(super) struct Wrong {
    pub(super) at: Option<usize>,
    pub(super) message: String,
}

type Checked = Result<(), Wrong>;
type Names<'a> = BTreeMap<&'a str, NodeKind>;

/// Checks a whole scenario.
pub(super) fn check(scenario: &Scenario) -> Checked {
    let mut names = Names::new();
    for node in &scenario.nodes {
        check_node(node)?;
        if names.insert(node.name.get_ref(), node.kind).is_some() {
            return wrong(&node.name, format!("a second node {:?}", node.name.get_ref()));
        }
    }
    check_families(&scenario.here.ipv4, &scenario.here.ipv6, None)?;
    for path in &scenario.paths {
        check_path(path, &names)?;
    }
    for link in &scenario.links {
        check_link(link, &names, None)?;
    }
    for change in &scenario.changes {
        check_change(change, scenario, &names)?;
    }
    check_locals(scenario)
}

fn check_node(node: &Node) -> Checked {
    let name = node.name.get_ref();
    let at = Some(node.name.span().start);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name == HERE || name.is_empty() || !name.chars().all(plain) {
        return wrong(&node.name, format!("{name:?} cannot be the name of a node"));
    }
    check_families(&node.ipv4, &node.ipv6, at)?;
    for refusal in &node.refusals {
        if refusal.to.family() == Family::Ipv6 && refusal.kind >= 128 {
            return wrong(&node.name, "a refusal of IPv6 must be an error: type below 128".into());
        }
    }
    let limits = [node.icmp.limit, node.icmp.echo_limit];
    if limits.iter().flatten().any(|l| !l.per_second.is_finite() || l.per_second < 0.0) {
        return wrong(&node.name, "per_second must be a number from 0 on".into());
    }
    if node.neighbors.iter().any(|neighbor| !(1..=6).contains(&neighbor.state)) {
        return wrong(&node.name, "a neighbour's state is a number from 1 to 6".into());
    }
    if node.replies.iter().any(|reply| reply.every == 0) {
        return wrong(&node.name, "every = 0: the first is 1".into());
    }
    if let Some(fault) = node.dns.as_ref().and_then(|dns| dns.fault()) {
        return wrong(&node.name, fault);
    }
    let told = node.icmp.incoming.as_ref().and_then(|incoming| incoming.name.as_ref());
    if told.is_some_and(|name| name.len() > 63)
        || node.icmp.objects.iter().any(|object| object.data.len() > 64)
    {
        return wrong(&node.name, "too long for an extension object".into());
    }
    if node.icmp.mpls.iter().any(|entry| entry.label >= 1 << 20) {
        return wrong(&node.name, "an MPLS label has 20 bits".into());
    }
    Ok(())
}

fn check_families(ipv4: &[Prefix], ipv6: &[Prefix], at: Option<usize>) -> Checked {
    let of = |prefixes: &[Prefix], family| {
        prefixes.iter().find(|prefix| prefix.family() != family).copied()
    };
    match of(ipv4, Family::Ipv4).or_else(|| of(ipv6, Family::Ipv6)) {
        Some(prefix) => Err(Wrong { at, message: format!("{prefix} is of the other family") }),
        None => Ok(()),
    }
}

fn check_path(path: &Path, names: &Names<'_>) -> Checked {
    let ways = path.via.iter().chain(path.also.iter().flatten());
    for name in ways.chain(path.back.iter().flatten()) {
        if names.get(name.get_ref().as_str()) != Some(&NodeKind::Router) {
            return wrong(name, format!("no router {:?}", name.get_ref()));
        }
    }
    if path.also.len() >= usize::from(u8::MAX) || path.loop_last > 0 && !path.also.is_empty() {
        let message = "fewer than 255 other ways, and none of packets that go round".into();
        return Err(Wrong { at: path.via.first().map(|name| name.span().start), message });
    }
    if path.loop_last > path.via.len() {
        let message = "loop_last is more than there are routers".into();
        return Err(Wrong { at: path.via.first().map(|name| name.span().start), message });
    }
    Ok(())
}

fn check_link(link: &Link, names: &Names<'_>, outer: Option<usize>) -> Checked {
    let at = match (&link.a, &link.b, outer) {
        (Some(a), Some(b), None) => {
            for name in [a, b] {
                if name.get_ref() != HERE && !names.contains_key(name.get_ref().as_str()) {
                    return wrong(name, format!("no node {:?}", name.get_ref()));
                }
            }
            a.span().start
        }
        (None, None, Some(at)) => at,
        (end, other, None) => {
            let at = end.as_ref().or(other.as_ref()).map(|name| name.span().start);
            return Err(Wrong { at, message: "a link has two ends, a and b".into() });
        }
        (_, _, at) => return Err(Wrong { at, message: "a direction has no ends".into() }),
    };
    let fail = |message: String| Err(Wrong { at: Some(at), message });
    let chances = [
        ("loss", link.loss),
        ("duplicate", link.duplicate),
        ("reorder", link.reorder),
        ("corrupt", link.corrupt),
    ];
    for (key, chance) in chances {
        if chance.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            return fail(format!("{key} must be from 0 to 1"));
        }
    }
    let counts = [
        ("loss_every", link.loss_every),
        ("duplicate_every", link.duplicate_every),
        ("reorder_every", link.reorder_every),
        ("corrupt_every", link.corrupt_every),
    ];
    for (key, every) in counts {
        if every == Some(0) {
            return fail(format!("{key} must be at least 1"));
        }
    }
    let spans: [Option<Span>; 3] = [link.delay, link.jitter, link.reorder_by];
    if spans.iter().flatten().any(|span| span.nanos < 0) {
        return fail("time on a link cannot be negative".into());
    }
    for direction in [&link.ab, &link.ba].into_iter().flatten() {
        if outer.is_some() {
            return fail("a direction has no directions".into());
        }
        check_link(direction, names, Some(at))?;
    }
    Ok(())
}

fn check_change(change: &Change, scenario: &Scenario, names: &Names<'_>) -> Checked {
    if let Some(node) = &change.node
        && !names.contains_key(node.get_ref().as_str())
    {
        return wrong(node, format!("no node {:?}", node.get_ref()));
    }
    if let Some(link) = &change.link {
        check_link(link, names, None)?;
    }
    if let Some(path) = &change.path {
        check_path(path, names)?;
        if !scenario.paths.iter().any(|known| known.to == path.to) {
            let at = path.via.first().map(|name| name.span().start);
            return Err(Wrong { at, message: "a change of a path that is not there".into() });
        }
    }
    Ok(())
}

fn check_locals(scenario: &Scenario) -> Checked {
    let backwards = scenario.locals.iter().any(|local| local.until.is_some_and(|u| u < local.at));
    let never = scenario.locals.iter().any(|local| local.every == Some(0));
    match (backwards, never) {
        (true, _) => Err(Wrong { at: None, message: "[[local]] until is before at".into() }),
        (_, true) => Err(Wrong { at: None, message: "[[local]] every = 0: the first is 1".into() }),
        _ => Ok(()),
    }
}

fn wrong<T>(at: &Spanned<T>, message: String) -> Checked {
    Err(Wrong { at: Some(at.span().start), message })
}
