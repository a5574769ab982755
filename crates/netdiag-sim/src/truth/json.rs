//! One JSON object a line for each entry of the record.

use super::Entry;
use std::io::Write;

/// Appends an entry and the end of the line. Node names need no escaping: the scenario's check
/// allows letters, digits and `-_.` only.
pub(super) fn write_line(entry: &Entry, nodes: &[String], out: &mut Vec<u8>) {
    let about = &entry.about;
    let node = nodes.get(entry.node as usize).map_or("?", String::as_str);
    let [first, second] = about.word;
    let written = write!(
        out,
        "{{\"at_ns\":{},\"node\":\"{node}\",\"probe\":{},\"fact\":\"{:?}\",\"source\":\"{}\",\
         \"destination\":\"{}\",\"protocol\":{},\"hop_limit\":{},\"length\":{},\"word\":[{first},{second}]",
        entry.at.as_nanos(),
        entry.probe,
        entry.fact,
        about.source,
        about.destination,
        about.protocol,
        about.hop_limit,
        about.length,
    );
    let written = written.and_then(|()| match about.icmp {
        Some((kind, code)) => writeln!(out, ",\"type\":{kind},\"code\":{code}}}"),
        None => writeln!(out, "}}"),
    });
    written.expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::super::{About, Fact};
    use super::*;
    use netdiag_model::Instant;

    #[test]
    fn a_line_is_one_object() {
        let entry = Entry {
            at: Instant::from_nanos(1_000_000_005),
            node: 1,
            probe: 3,
            fact: Fact::Forwarded,
            about: About {
                source: "10.9.0.2".parse().expect("an address"),
                destination: "10.9.2.2".parse().expect("an address"),
                protocol: 1,
                hop_limit: 63,
                length: 84,
                icmp: Some((8, 0)),
                word: [7, 4],
            },
        };
        let mut line = Vec::new();
        write_line(&entry, &["here".into(), "r1".into()], &mut line);
        assert_eq!(
            String::from_utf8(line).expect("text"),
            "{\"at_ns\":1000000005,\"node\":\"r1\",\"probe\":3,\"fact\":\"Forwarded\",\
             \"source\":\"10.9.0.2\",\"destination\":\"10.9.2.2\",\"protocol\":1,\"hop_limit\":63,\
             \"length\":84,\"word\":[7,4],\"type\":8,\"code\":0}\n"
        );
    }
}
