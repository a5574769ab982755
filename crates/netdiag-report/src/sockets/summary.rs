//! The screen of `--summary`: how many of each state, and what most of them have in common.

use super::table;
use crate::number::thousands;
use crate::style::Style;
use netdiag_sockets::State;
use netdiag_sockets::counters::Counted;
use netdiag_sockets::namespaces::NamespaceRow;
use netdiag_sockets::result::{StateRow, Summary};
use netdiag_sockets::totals::Totals;

/// All lines, no wider than the terminal.
pub(super) fn lines(summary: &Summary, namespaces: &[NamespaceRow], style: Style) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if !summary.states.is_empty() {
        let head = ["state", "count", "most of them", "owner"].map(str::to_owned);
        let rows: Vec<[String; 4]> =
            std::iter::once(head).chain(summary.states.iter().map(row)).collect();
        lines.extend(table::lines(&rows, [false, true, false, false], style.columns()));
    } else if !summary.tcp.is_empty() {
        lines.push(format!("{:<12}  {:>9}", "state", "count"));
        lines.extend(State::ALL.into_iter().filter_map(|state| {
            let count = summary.tcp.get(state.name())?;
            Some(format!("{:<12}  {:>9}", state.name(), thousands(*count)))
        }));
    }
    if let Some(totals) = &summary.totals {
        lines.extend(by_counters(totals));
    }
    let sentences = [ports(summary, namespaces), memory(summary), since_boot(summary, namespaces)];
    lines.extend(sentences.into_iter().flatten().map(|line| style.fold(&line).into_owned()));
    lines
}

/// What is known without a table, in the columns of `ss -s`.
fn by_counters(totals: &Totals) -> Vec<String> {
    let rows = [
        ("sockets of every kind", totals.sockets),
        ("tcp", totals.tcp),
        ("  ESTABLISHED or CLOSE-WAIT", totals.established_or_close_wait),
        ("tcp in TIME-WAIT", totals.time_wait),
        ("udp", totals.udp),
        ("raw", totals.raw),
    ];
    let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), thousands);
    let line = |(name, value)| format!("{name:<27}  {:>9}", count(value));
    rows.into_iter().map(line).collect()
}

fn row(row: &StateRow) -> [String; 4] {
    let mut most = Vec::new();
    if let Some(port) = row.ports.first() {
        most.push(format!(":{}", port.value));
    }
    if row.state != State::Listen {
        match (row.remotes.first(), row.remote_count) {
            (Some(only), 1) => most.push(format!("with {}", only.value)),
            (Some(first), n) => {
                let least = if row.more { "at least " } else { "" };
                let n = thousands(n as u64);
                most.push(format!(
                    "with {least}{n} hosts, {} ({})",
                    first.value,
                    thousands(first.count)
                ));
            }
            (None, _) => {}
        }
    } else if row.ports.len() > 1 {
        let others: Vec<String> =
            row.ports.iter().skip(1).map(|port| format!(":{}", port.value)).collect();
        most.push(others.join(" "));
    }
    let owners = row.owners.iter().take(2);
    let owners: Vec<String> = owners
        .map(|owner| format!("{} {}", owner.value.escaped(), thousands(owner.count)))
        .collect();
    let owner = if owners.is_empty() { "-".to_owned() } else { owners.join(", ") };
    [row.state.name().to_owned(), thousands(row.count), most.join(" "), owner]
}

fn ports(summary: &Summary, namespaces: &[NamespaceRow]) -> Option<String> {
    let ephemeral = summary.ephemeral.as_ref()?;
    let busy = ephemeral.busiest.first()?;
    let (address, port) = (busy.remote.address?, busy.remote.port?);
    let remote = std::net::SocketAddr::new(address, port);
    let id = ephemeral.namespace;
    let of = namespaces.iter().find(|namespace| Some(namespace.id) == id);
    let of = of.map_or_else(String::new, |of| format!(" of {}", of.label()));
    Some(format!(
        "ports {}-{}{of}: most to {remote}, {} of {} in use{}",
        ephemeral.range[0],
        ephemeral.range[1],
        thousands(busy.used.into()),
        thousands(busy.available),
        busy.new_per_second.map_or_else(String::new, |rate| format!(", {rate:.1} new a second"))
    ))
}

fn memory(summary: &Summary) -> Option<String> {
    let memory = summary.memory.as_ref()?;
    let (pages, pressure) = (memory.tcp_pages?, memory.pressure_pages?.max(1));
    let orphans = memory.orphans.zip(memory.orphans_limit).map(|(orphans, limit)| {
        format!(", {} orphans of {}", thousands(orphans), thousands(limit))
    });
    Some(format!(
        "tcp memory {:.0} % of the pressure mark, {} pages{}",
        pages as f64 / pressure as f64 * 100.0,
        thousands(pages),
        orphans.unwrap_or_default()
    ))
}

fn since_boot(summary: &Summary, namespaces: &[NamespaceRow]) -> Option<String> {
    // Where nothing of it was saved nothing is told.
    let counted = summary.since_boot.as_ref().filter(|counted| **counted != Counted::default())?;
    let share = match counted.retransmitted_percent() {
        Some(share) => format!("retransmitted {share:.2} % of segments, "),
        None => String::new(),
    };
    let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), thousands);
    Some(format!(
        "since {} began: {share}{} opened here, {} from outside, {} failed, {} reset at \
         either end, {} RST sent, {} listen overflows, \
         {} syn cookies",
        match namespaces.iter().filter(|namespace| namespace.entered).count() {
            0 => "this network namespace".to_owned(),
            1 => "the network namespace".to_owned(),
            n => format!("each of these {n} network namespaces"),
        },
        count(counted.active_opens),
        count(counted.passive_opens),
        count(counted.failed_attempts),
        count(counted.connections_reset),
        count(counted.resets_sent),
        count(counted.listen_overflows),
        count(counted.syn_cookies_sent)
    ))
}
