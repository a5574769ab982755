//! Who can be reached from where, and queues that were full once.

use super::*;

fn summary() -> Plan {
    Plan { summary: true, ..everything() }
}

/// IPv4 written as IPv6 is any address, too, and one that is bound to an interface is reached by that
/// alone.
#[test]
fn a_listener_at_every_address_is_bound_to_none_and_to_no_interface() {
    let at = |port: u16, address: &str, interface| {
        let local = end(&format!("{address}:{port}"));
        Socket { local, interface, ..listener("0.0.0.0:1", 64) }
    };
    let all = young([
        at(7061, "0.0.0.0", 1),
        at(7062, "0.0.0.0", 0),
        at(7063, "[::ffff:0.0.0.0]", 0),
        at(7064, "[::]", 0),
        at(7065, "[::]", 2),
        at(7066, "[::ffff:127.0.0.1]", 0),
    ]);
    let found = judged(&summary(), &all, None, &[]).findings;
    let open = found.iter().find(|finding| finding.code == "listen-all-addresses").expect("one");
    assert_eq!(open.evidence["ports"], serde_json::json!([7062, 7063, 7064]));
}

/// What was full once since boot is no reason to look today.
#[test]
fn an_overflow_is_a_warning_while_it_is_counted_again() {
    let found = |now: &'static str| {
        let counted = Counted { listen_overflows: Some(12_345), ..Counted::default() };
        let settings = [("/proc/net/netstat", now)].into();
        let kernel = Counters { counted: Some(counted), settings, ..Counters::default() };
        let all = young([listener("192.0.2.1:80", 64)]);
        let mut found = judged_by(kernel, &summary(), &all, None).findings;
        found.retain(|finding| finding.code == "accept-queue-full");
        found.pop().map(|finding| (finding.severity, finding.message))
    };
    let once = "an accept queue was full 12,345 times since this namespace began";
    let same = found("TcpExt: ListenOverflows\nTcpExt: 12345\n");
    assert_eq!(same, Some((Severity::Info, format!("{once}, none is now"))));
    let more = found("TcpExt: ListenOverflows\nTcpExt: 12348\n");
    let said = format!("{once}, 3 more within 100 ms, none is now");
    assert_eq!(more, Some((Severity::Warning, said)));
}
