//! What was asked for, in words and in the contract, and what of it cannot be had.

use crate::args::SocketsArguments;
use crate::args::sockets::SummaryOf;
use netdiag_model::contract::{Method, SocketKind, Timestamps};
use netdiag_model::{Untrusted, milliseconds};
use netdiag_sockets::look::{Plan, Seen};
use netdiag_sockets::namespaces::Namespaces;
use netdiag_sockets::owners::Sight;
use netdiag_sockets::port::Origin;
use netdiag_sockets::{Filter, Owners, Protocol};
use serde_json::json;
use std::time::Duration;

/// The first line, which says what is listed.
pub(super) fn header(
    arguments: &SocketsArguments,
    plan: &Plan,
    owners: Option<&Owners>,
    (namespaces, origin): (&Namespaces, Option<&Origin>),
) -> String {
    let place = origin.map(saved_in);
    if arguments.summary == Some(SummaryOf::Totals) {
        let what = match place {
            Some(place) => format!("what the kernel had counted, {place}"),
            None => "what the kernel counts in this network namespace".to_owned(),
        };
        return format!("sockets --summary=totals, {what}");
    }
    if arguments.audit {
        return "sockets --audit, the sysctls of TCP in this network namespace, and what files set"
            .to_owned();
    }
    let protocols: Vec<&str> = plan.protocols.iter().map(|protocol| protocol.name()).collect();
    let mut parts = vec![match arguments.summary {
        Some(SummaryOf::States) => "sockets --summary=states".to_owned(),
        Some(_) => "sockets --summary".to_owned(),
        None => "sockets".to_owned(),
    }];
    parts.push(protocols.join(" and "));
    if plan.listening {
        parts.push("those that wait for others".to_owned());
    }
    parts.extend(filtered(plan));
    parts.push(places(namespaces, place));
    parts.extend(seen(owners));
    parts.join(", ")
}

/// Which network namespaces are looked at; `place`: or where the tables are from.
fn places(namespaces: &Namespaces, place: Option<String>) -> String {
    // Where the verdict says that some are missing this does not say all.
    let is_whole = namespaces.missing().is_empty();
    match (namespaces.entered.len(), namespaces.refused.len()) {
        (0, _) => place.unwrap_or_else(|| "this network namespace".to_owned()),
        (1, 0) if is_whole => "the only network namespace".to_owned(),
        (n, 0) if is_whole => format!("all {n} network namespaces"),
        (1, 0) => "1 network namespace of more".to_owned(),
        (n, 0) => format!("{n} network namespaces of more"),
        (n, refused) => format!("{n} of {} network namespaces", n + refused),
    }
}

/// Whose owners are known.
fn seen(owners: Option<&Owners>) -> Option<String> {
    let owners = owners?;
    Some(match (owners.refused(), owners.sight()) {
        (_, Sight::Nothing) => "no owners, since /proc tells of no process".to_owned(),
        (0, Sight::User) => "owners as far as this user sees processes".to_owned(),
        (0, Sight::Namespace) => "owners of the processes of this PID namespace".to_owned(),
        (0, Sight::Machine) => "owners of all processes".to_owned(),
        (1, _) => "owners but those of 1 process that is hidden".to_owned(),
        (n, _) => format!("owners but those of {n} processes that are hidden"),
    })
}

/// The first line of what is watched.
pub(super) fn watched(
    arguments: &SocketsArguments,
    plan: &Plan,
    owners: Option<&Owners>,
    namespaces: &Namespaces,
    interval: Duration,
) -> String {
    let every = interval.as_secs_f64();
    if arguments.summary.is_some() {
        return format!(
            "sockets --watch --summary, what the kernel counts in this network namespace (orphans and \
             tcp-pages: in all), a sample every {every} s"
        );
    }
    let protocols: Vec<&str> = plan.protocols.iter().map(|protocol| protocol.name()).collect();
    let mut parts = vec![format!("sockets --watch, changes of {}", protocols.join(" and "))];
    if plan.listening {
        parts.push("those that wait for others".to_owned());
    }
    parts.extend(filtered(plan));
    parts.push(places(namespaces, None));
    parts.extend(seen(owners));
    parts.push(format!("a look every {every} s, to which times are exact"));
    parts.join(", ")
}

/// Where tables were saved, and how they are read.
fn saved_in(origin: &Origin) -> String {
    let order = origin.order.name();
    let order = if origin.is_guess { format!("taken for {order}") } else { order.to_owned() };
    format!("saved in {} ({order}, without owners)", origin.path.escaped())
}

/// What is to be known of tables that were saved.
pub(super) fn saved(origin: &Origin) -> Method {
    let mut lost = vec!["owners, which are not in saved tables".to_owned()];
    if origin.is_guess {
        lost.push(format!(
            "the byte order of addresses, which none of them shows: taken for {}",
            origin.order.name()
        ));
    }
    match origin.broken {
        0 => {}
        1 => lost.push("1 line that is no socket's".to_owned()),
        n => lost.push(format!("{n} lines that are no socket's")),
    }
    Method {
        socket: SocketKind::Files,
        timestamps: Timestamps::User,
        because: format!(
            "tables that were saved in {}, {}",
            origin.path.escaped(),
            origin.order.name()
        ),
        lost,
        remedy: None,
    }
}

fn filtered(plan: &Plan) -> Option<String> {
    let filter = plan.filter.as_ref()?;
    Some(format!("filter '{}'", Untrusted::from(filter.text()).escaped()))
}

pub(super) fn described(arguments: &SocketsArguments, plan: &Plan) -> serde_json::Value {
    json!({
        "filter": plan.filter.as_ref().map(Filter::text),
        "protocols": plan.protocols,
        "listening": plan.listening,
        "all": arguments.all,
        "numeric": arguments.numeric,
        "processes": plan.owners,
        "summary": arguments.summary.is_some(),
        "summary_of": arguments.summary.map(|of| match of {
            SummaryOf::All => "all",
            SummaryOf::States => "states",
            SummaryOf::Totals => "totals",
        }),
        "all_namespaces": arguments.all_namespaces,
        "procfs": arguments.procfs.as_ref().map(|path| path.to_string_lossy()),
        "audit": arguments.audit,
        "watch_ms": arguments.watch.map(milliseconds),
        "count": arguments.count,
        "verbose": arguments.verbose,
        "threshold": arguments.threshold,
    })
}

pub(super) fn method(owners: Option<&Owners>, namespaces: &Namespaces) -> Method {
    let hidden = owners.map_or(0, Owners::refused);
    let mut lost = namespaces.missing();
    let is_confined = !lost.is_empty();
    let is_blind = owners.is_some_and(|owners| !owners.is_complete());
    let sight = owners.map(Owners::sight);
    let is_inside = sight == Some(Sight::Namespace);
    if sight == Some(Sight::Nothing) {
        lost.push("the descriptors of every process, since /proc tells of none".to_owned());
    } else if is_inside {
        lost.push("the descriptors of processes outside of this PID namespace".to_owned());
    } else if is_blind && hidden == 0 {
        lost.push("the descriptors of processes that this user may not see".to_owned());
    }
    if hidden == 1 {
        lost.push("the descriptors of 1 process, which this user may not see".to_owned());
    } else if hidden > 0 {
        lost.push(format!("the descriptors of {hidden} processes, which this user may not see"));
    }
    Method {
        socket: SocketKind::Netlink,
        timestamps: Timestamps::User,
        because: "sock_diag(7) lists the sockets of a network namespace".to_owned(),
        lost,
        remedy: match (is_confined, is_blind) {
            (true, _) => Some(
                "root of the whole machine, outside of any container, enters every namespace"
                    .to_owned(),
            ),
            _ if is_inside => Some(
                "root of the whole machine, outside of any container, sees every owner".to_owned(),
            ),
            _ if sight == Some(Sight::Nothing) => {
                Some("a /proc of this PID namespace, whole (proc(5)), tells owners".to_owned())
            }
            // Root is refused, too: by a security module, or since a process is not of this user namespace.
            _ if sight == Some(Sight::Machine) => None,
            (_, true) => Some(
                "root, or `setcap cap_sys_ptrace,cap_dac_read_search+p netdiag`, sees every owner"
                    .to_owned(),
            ),
            _ => None,
        },
    }
}

/// The method with what turned out to be lost.
pub(super) fn told(mut method: Method, seen: &Seen, lost: Vec<String>) -> Method {
    method.lost.extend(lost);
    let names = |protocols: &[Protocol]| {
        protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
    };
    if !seen.from_files.is_empty() {
        method.lost.push(format!(
            "what /proc/net does not tell of {}: the limits of accept queues, TCP_INFO",
            names(&seen.from_files)
        ));
    }
    for (protocol, fault) in &seen.refused {
        let error = netdiag_model::errno::Errno::new(fault.errno).name;
        method.lost.push(format!("{} ({}: {error})", protocol.name(), fault.call));
    }
    method
}
