//! What routers write into the options of a packet, in text and JSON, with and without rights.

use super::classic::ROUTERS;
use crate::support::process::{Ended, Namespace, run};
use serde_json::{Value, json};

const ROUTE: [&str; 8] = [
    "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.3.0.2", "10.3.0.2", "10.2.0.2", "10.1.0.2", "10.1.0.1",
];

fn namespace() -> Option<Namespace> {
    let namespace =
        Namespace::new(&format!("mount -t tmpfs none /run; mkdir /run/netns\n{ROUTERS}"))?;
    namespace.let_nobody_in();
    Some(namespace)
}

/// The program as root and as nobody.
fn both(namespace: &Namespace, arguments: &[&str]) -> [Ended; 2] {
    let all = [&["ping", "-n", "-W", "1", "-i", "0.1"], arguments].concat();
    [run(&mut namespace.netdiag(&all)), run(&mut namespace.nobody(&all))]
}

fn probe(ended: &Ended) -> Value {
    ended.target()["probes"][0].clone()
}

#[test]
fn routers_write_down_their_addresses() {
    let Some(namespace) = namespace() else { return };
    for (ended, socket) in
        both(&namespace, &["-c2", "-R", "--json", "10.3.0.2"]).iter().zip(["raw", "icmp-datagram"])
    {
        let target = ended.target();
        assert_eq!((ended.code(), &target["received"]), (Some(0), &2.into()), "{ended:?}");
        assert_eq!(target["method"]["socket"], socket, "{ended:?}");
        assert_eq!(probe(ended)["record_route"], json!(ROUTE), "{ended:?}");
        assert_eq!(probe(ended).get("ip_timestamps"), None, "{ended:?}");
    }
    for ended in both(&namespace, &["-c2", "-R", "10.3.0.2"]) {
        let route = ROUTE.map(|address| format!("\t{address}\n")).concat();
        assert!(ended.out.contains(&format!(" ms\nRR: {route}64 bytes from")), "{ended:?}");
        assert!(ended.out.contains(" ms\t(same route)\n"), "{ended:?}");
        assert!(ended.out.contains("56(124) bytes of data"), "{ended:?}");
    }
    // Nobody asked.
    for ended in both(&namespace, &["-c1", "--json", "10.3.0.2"]) {
        assert_eq!(probe(&ended).get("record_route"), None, "{ended:?}");
    }
}

#[test]
fn routers_write_down_the_time() {
    let Some(namespace) = namespace() else { return };
    let addresses = |stamps: &Value| -> Vec<Value> {
        let stamps = stamps["stamps"].as_array().expect("stamps").iter();
        stamps.map(|stamp| stamp["address"].clone()).collect()
    };
    let four = json!(["10.1.0.1", "10.1.0.2", "10.2.0.2", "10.3.0.2"]);
    let given = json!(["10.1.0.2", "10.3.0.2"]);
    for (how, expected, unrecorded) in [
        ("tsonly", json!([null, null, null, null, null, null, null, null]), 0),
        ("tsandaddr", four, 3),
        ("tsprespec:10.1.0.2,10.3.0.2", given, 0),
    ] {
        for ended in both(&namespace, &["-c1", "-T", how, "--json", "10.3.0.2"]) {
            let told = probe(&ended)["ip_timestamps"].clone();
            let found = Value::Array(addresses(&told));
            assert_eq!(found, expected, "{how}: {ended:?}");
            assert_eq!(told["unrecorded"], unrecorded, "{how}: {ended:?}");
            let times = told["stamps"].as_array().expect("stamps").iter();
            let times: Vec<_> = times.map(|stamp| stamp["value"].as_u64().expect("ms")).collect();
            assert!(times.iter().all(|time| *time < 86_400_000), "{ended:?}");
        }
    }
}

#[test]
fn options_that_do_not_fit_are_usage_errors() {
    let Some(namespace) = namespace() else { return };
    for (arguments, said) in [
        (&["-R", "-T", "tsonly", "10.3.0.2"][..], "not with --ip-timestamps"),
        (&["-R", "::1"], "IPv6, which has no such option"),
        (&["-F", "1", "127.0.0.1"], "IPv4, which has none"),
        (&["-R", "--proto", "udp", "10.3.0.2"], "only with --proto icmp"),
        (&["-R", "-s", "65468", "10.3.0.2"], "at most 65467 for IPv4 with these options"),
        (&["-T", "tsprespec:1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1", "::1"], "one to four"),
        (&["-T", "never", "10.3.0.2"], "tsonly, tsandaddr"),
        (&["-F", "0x100000", "::1"], "0 to 1048575"),
        (&["-R", "--backend", "portable", "10.3.0.2"], "portable cannot do it"),
    ] {
        for ended in both(&namespace, arguments) {
            assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
            assert!(ended.err.contains(said), "{arguments:?} {ended:?}");
        }
    }
}
