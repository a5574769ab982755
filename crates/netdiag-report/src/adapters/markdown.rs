//! A table of Markdown: the columns of CSV that say most, one row each.

use std::io::{self, Write};

/// The columns of commands, by their names in CSV and in the table.
const COLUMNS: &[(&str, &[&str])] = &[
    (
        "ping",
        &[
            "target",
            "address",
            "sent",
            "received",
            "loss_percent",
            "rtt_ms.min",
            "rtt_ms.mean",
            "rtt_ms.p95",
            "rtt_ms.max",
        ],
    ),
    ("sweep", &["target", "address", "state", "sent", "received", "loss_percent", "rtt_ms.mean"]),
    (
        "trace",
        &[
            "target",
            "hop.ttl",
            "hop.responders.0.address",
            "hop.responders.0.hostname",
            "hop.sent",
            "hop.received",
            "hop.loss_percent",
            "hop.rtt_ms.min",
            "hop.rtt_ms.mean",
            "hop.rtt_ms.max",
        ],
    ),
    ("mtu", &["target", "address", "path_mtu", "confirmed_by", "failure.reason"]),
    (
        "dns",
        &[
            "name",
            "type",
            "result.server",
            "result.outcome",
            "record.name",
            "record.ttl",
            "record.data",
            "result.rtt_ms.mean",
        ],
    ),
    (
        "tcp-connect",
        &[
            "target",
            "address",
            "attempts",
            "succeeded",
            "connect_ms.p50",
            "phases_ms.tls",
            "failure.reason",
        ],
    ),
    ("syn", &["target", "address", "port", "service", "state", "reason", "rtt_ms.mean"]),
    (
        "sockets",
        &[
            "protocol",
            "state",
            "local.address",
            "local.port",
            "remote.address",
            "remote.port",
            "owner",
            "processes.0.name",
            "processes.0.pid",
        ],
    ),
    (
        "check",
        &[
            "name",
            "kind",
            "target",
            "status",
            "failure.reason",
            "failed_expectation",
            "figures",
            "elapsed_ms",
        ],
    ),
];

/// Columns that are left out where no row has anything in them.
const ASKED_FOR: [&str; 3] = ["owner", "processes.0.name", "processes.0.pid"];

pub(super) fn write(rows: &str, command: &str, out: &mut dyn Write) -> io::Result<()> {
    let alike = match command {
        "mtr" => "trace",
        "wait-for" => "check",
        other => other,
    };
    let records = records(rows);
    let Some((header, rows)) = records.split_first() else { return Ok(()) };
    let wanted = COLUMNS.iter().find(|(name, _)| *name == alike).map_or(&[][..], |(_, all)| all);
    let has_any =
        |place: usize| rows.iter().any(|row| row.get(place).is_some_and(|it| !it.is_empty()));
    let place = |name: &&str| {
        let place = header.iter().position(|column| column == name)?;
        (!ASKED_FOR.contains(name) || has_any(place)).then_some(place)
    };
    let mut places: Vec<usize> = wanted.iter().filter_map(place).collect();
    if places.is_empty() {
        places = (0..header.len()).collect();
    }
    line(out, &places, header)?;
    writeln!(out, "|{}", " --- |".repeat(places.len()))?;
    rows.iter().try_for_each(|row| line(out, &places, row))
}

fn line(out: &mut dyn Write, places: &[usize], row: &[String]) -> io::Result<()> {
    let cells = places.iter().map(|place| row.get(*place).map(String::as_str).unwrap_or_default());
    let cells: Vec<String> = cells.map(escaped).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// What Markdown or HTML would take for its own is shown as it is (CommonMark section 2.4).
fn escaped(cell: &str) -> String {
    let special = |c: char| "\\`*_{}[]<>#|~&!".contains(c);
    cell.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// The records of CSV (RFC 4180) that stand on a line each.
fn records(text: &str) -> Vec<Vec<String>> {
    text.lines().map(cells).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let (mut is_quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        let Some(cell) = cells.last_mut() else { break };
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => cell.push(other),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_columns_where_they_were_asked_for() {
        let of = |owner: &str| {
            let rows = format!("protocol,state,owner,processes.0.pid\ntcp,LISTEN,{owner}\n");
            let mut out = Vec::new();
            write(&rows, "sockets", &mut out).expect("a vector takes everything");
            String::from_utf8(out).expect("text").lines().next().map(str::to_owned)
        };
        assert_eq!(of(",").as_deref(), Some("| protocol | state |"));
        let pid = "| protocol | state | owner | processes.0.pid |";
        assert_eq!(of("known,7").as_deref(), Some(pid));
        assert_eq!(of("not-visible,").as_deref(), Some("| protocol | state | owner |"));
    }

    #[test]
    fn rows_become_a_table_of_the_columns_that_say_most() {
        let rows = "target,x,sent,loss_percent\na|b,1,5,\"2,\"\"5\"\"\"\n<c>_d,2,,\n";
        let mut out = Vec::new();
        write(rows, "ping", &mut out).expect("a vector takes everything");
        let wanted = "| target | sent | loss\\_percent |\n| --- | --- | --- |\n\
                      | a\\|b | 5 | 2,\"5\" |\n| \\<c\\>\\_d |  |  |\n";
        assert_eq!(String::from_utf8(out).expect("text"), wanted);
    }
}
