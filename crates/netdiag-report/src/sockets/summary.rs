//! The screen of `--summary`: how many of each state, and what most of them have in common.

use super::table;
use crate::style::Style;
use netdiag_sockets::State;
use netdiag_sockets::counters::Counted;
use netdiag_sockets::namespaces::NamespaceRow;
use netdiag_sockets::result::{StateRow, Summary};
use netdiag_sockets::totals::Totals;
use netdiag_sockets::verdict::thousands;

/// All lines, no wider than the terminal; `is_filtered`: counts are of what a filter chose.
pub(super) fn lines(
    summary: &Summary,
    namespaces: &[NamespaceRow],
    is_filtered: bool,
    style: Style,
) -> Vec<String> {
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
    let ports = ports(summary, namespaces, is_filtered);
    let sentences = [ports, memory(summary), since_boot(summary, namespaces)];
    lines.extend(sentences.into_iter().flatten().map(|line| style.fold(&line).into_owned()));
    lines
}

/// What is known without a table, in the columns of `ss -s`.
fn by_counters(totals: &Totals) -> Vec<String> {
    let rows = [
        ("sockets of every kind", totals.sockets),
        ("tcp", totals.tcp),
        ("  ESTABLISHED or CLOSE-WAIT", totals.established_or_close_wait),
        ("tcp in TIME-WAIT or FIN-WAIT-2", totals.time_wait),
        ("udp", totals.udp),
        ("raw", totals.raw),
    ];
    let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), thousands);
    let line = |(name, value)| format!("{name:<30}  {:>9}", count(value));
    rows.into_iter().map(line).collect()
}

fn row(row: &StateRow) -> [String; 4] {
    let mut most = Vec::new();
    // Hosts are those of the state, not of one port of several.
    let is_one = row.port_count == 1;
    let others = |shown: usize, of: usize| match of.saturating_sub(shown) {
        0 => String::new(),
        more => format!(", {} more", thousands(more as u64)),
    };
    if row.state == State::Listen {
        let ports: Vec<String> = row.ports.iter().map(|port| format!(":{}", port.value)).collect();
        most.push(format!("{}{}", ports.join(" "), others(ports.len(), row.port_count)));
    } else if let Some(port) = row.ports.first() {
        most.push(match is_one {
            true => format!(":{}", port.value),
            false => format!(":{} ({}),", port.value, thousands(port.count)),
        });
        let with = if is_one { "with" } else { "all with" };
        match (row.remotes.first(), row.remote_count) {
            (Some(only), 1) => most.push(format!("{with} {}", only.value)),
            (Some(first), n) => {
                let least = if row.more { "at least " } else { "" };
                let n = thousands(n as u64);
                let count = thousands(first.count);
                most.push(format!("{with} {least}{n} hosts, {} ({count})", first.value));
            }
            (None, _) => {}
        }
    }
    let owners = row.owners.iter().take(2);
    let owners: Vec<String> = owners
        .map(|owner| format!("{} {}", owner.value.escaped(), thousands(owner.count)))
        .collect();
    let owner = match owners.len() {
        0 => "-".to_owned(),
        shown => format!("{}{}", owners.join(", "), others(shown, row.owner_count)),
    };
    [row.state.name().to_owned(), thousands(row.count), most.join(" "), owner]
}

/// Ports are taken whatever a filter says.
fn ports(summary: &Summary, namespaces: &[NamespaceRow], is_filtered: bool) -> Option<String> {
    let ephemeral = summary.ephemeral.as_ref()?;
    let busy = ephemeral.busiest.first()?;
    let (address, port) = (busy.remote.address?, busy.remote.port?);
    let remote = std::net::SocketAddr::new(address, port);
    let id = ephemeral.namespace;
    let of = namespaces.iter().find(|namespace| Some(namespace.id) == id);
    let of = of.map_or_else(String::new, |of| format!(" of {}", of.label()));
    let all = if is_filtered { ", of all sockets" } else { "" };
    Some(format!(
        "ports {}-{}{of}{all}: most to {remote}, {} of {} in use{}",
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
    let counted = summary.since_boot.as_ref()?;
    if *counted == Counted::default() {
        return Some(
            "what the kernel has counted is not known: no /proc/net/snmp and netstat".to_owned(),
        );
    }
    let share = match counted.retransmitted_percent() {
        Some(share) => format!("retransmitted {share:.2} % of segments, "),
        None => String::new(),
    };
    let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), thousands);
    Some(format!(
        "since {} began: {share}{} opened here, {} from outside, {} failed, {} reset at \
         either end, {} RST sent, {} listen overflows, {} listen drops, \
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
        count(counted.listen_drops),
        count(counted.syn_cookies_sent)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::Untrusted;
    use netdiag_sockets::result::Count;

    #[test]
    fn hosts_of_a_state_are_not_those_of_one_of_its_ports_and_what_is_not_shown_is_counted() {
        let count = |value: u16, count| Count { value, count };
        let host = |text: &str, count| Count { value: text.parse().expect("an address"), count };
        let owner = |name: &str, count| Count { value: Untrusted::from(name), count };
        let state = StateRow {
            state: State::SynSent,
            count: 70,
            ports: vec![count(23, 60), count(80, 10)],
            port_count: 2,
            remotes: vec![host("10.99.1.1", 1), host("10.99.1.2", 1)],
            remote_count: 70,
            owners: vec![owner("a (1)", 40), owner("b (2)", 20), owner("c (3)", 10)],
            owner_count: 3,
            more: false,
        };
        let shown = row(&state);
        assert_eq!(shown[2], ":23 (60), all with 70 hosts, 10.99.1.1 (1)");
        assert_eq!(shown[3], "a (1) 40, b (2) 20, 1 more");
        let one = StateRow { ports: vec![count(23, 70)], port_count: 1, ..state.clone() };
        assert_eq!(row(&one)[2], ":23 with 70 hosts, 10.99.1.1 (1)");
        let listen = StateRow { state: State::Listen, port_count: 9, ..state };
        assert_eq!(row(&listen)[2], ":23 :80, 7 more");
    }
}
