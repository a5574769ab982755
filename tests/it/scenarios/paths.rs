//! `netdiag trace --multipath` in the simulated internet: four ways by flow, two by packet, and what one
//! flow sees of them (D1, D2).

use super::check_harmless;
use super::real::{has_lab, in_netlab};
use crate::support::{process, world};
use netdiag_model::contract::SocketKind;
use serde_json::Value;
use std::collections::BTreeSet;

const RAW: SocketKind = SocketKind::Raw;

fn document(scenario: &str, arguments: &str) -> Value {
    let words =
        [&["trace", "--json"], arguments.split(' ').collect::<Vec<_>>().as_slice()].concat();
    let ran = world::run(scenario, RAW, &words);
    serde_json::from_str(&ran.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", ran.out, ran.err))
}

fn addresses(hop: &Value) -> BTreeSet<&str> {
    let who = hop["responders"].as_array().expect("responders").iter();
    who.filter_map(|who| who["address"].as_str()).collect()
}

/// The four methods, over both families.
const METHODS: [&str; 6] = [
    "--icmp 10.9.2.2",
    "--icmp fd09:2::2",
    "--udp 10.9.2.2",
    "--udp fd09:2::2",
    "--tcp --port 80 10.9.2.2",
    "--tcp --port 80 fd09:2::2",
];

#[test]
fn d2_four_ways_are_found_with_at_most_sixty_probes() {
    for method in METHODS {
        let document = document("ecmp", &format!("--multipath {method}"));
        let target = &document["targets"][0];
        let graph = &target["graph"];
        assert_eq!(document["exit_code"], 0, "{method}");
        assert_eq!(
            (&graph["path_count"], &graph["complete"]),
            (&4.into(), &true.into()),
            "{graph}"
        );
        assert_eq!(graph["confidence_percent"], 95);
        let hop = &target["hops"][1];
        assert_eq!(addresses(hop).len(), 4, "{method}: {hop}");
        assert!(hop["sent"].as_u64().is_some_and(|sent| sent <= 60), "{method}: {hop}");
        let balancer = &graph["balancers"][0];
        assert_eq!((&balancer["kind"], &balancer["next_hops"]), (&"per-flow".into(), &4.into()));
        let paths = target["paths"].as_array().expect("paths");
        let second: BTreeSet<&str> =
            paths.iter().filter_map(|path| path["addresses"][1].as_str()).collect();
        assert_eq!((paths.len(), second), (4, addresses(hop)), "{method}");
        let codes = document["findings"].as_array().expect("findings").iter();
        let codes: Vec<&Value> = codes.map(|finding| &finding["code"]).collect();
        assert_eq!(codes, ["per-flow-balancing"], "{method}");
    }
}

/// The failure that is allowed is the one that there is: of many networks nearly all are seen whole.
#[test]
fn d2_of_a_hundred_networks_ninety_and_more_are_seen_whole() {
    let text = std::fs::read_to_string(process::scenario("ecmp")).expect("readable");
    let mut whole = [0, 0];
    for seed in 1..=100 {
        let seeded = text.replacen("name = ", &format!("seed = {seed}\nname = "), 1);
        for (place, confidence) in ["95", "99"].into_iter().enumerate() {
            let words = ["trace", "--json", "--multipath", "--confidence", confidence, "10.9.2.2"];
            let ran = world::run_text(&seeded, RAW, &words);
            let document: Value = serde_json::from_str(&ran.out).expect("a document");
            let graph = &document["targets"][0]["graph"];
            assert_eq!(graph["complete"], true, "{graph}");
            whole[place] += u32::from(graph["path_count"] == 4);
        }
    }
    assert!(whole[0] >= 90 && whole[1] >= 96, "{whole:?}");
}

#[test]
fn packets_that_are_balanced_each_for_itself_are_told_from_flows() {
    for method in ["--icmp 10.9.3.2", "--udp fd09:3::2", "--tcp --port 80 10.9.3.2"] {
        let document = document("ecmp", &format!("--multipath {method}"));
        let balancers = &document["targets"][0]["graph"]["balancers"];
        assert_eq!(balancers[0]["kind"], "per-packet", "{balancers}");
        let finding = &document["findings"][0];
        assert_eq!(
            (&finding["code"], &finding["severity"]),
            (&"per-packet-balancing".into(), &"warning".into())
        );
        assert_eq!(document["findings"].as_array().map(Vec::len), Some(1), "{document}");
    }
    // Without the search one flow is enough to see it.
    let document = document("ecmp", "-q 20 10.9.3.2");
    assert_eq!(document["findings"][0]["code"], "per-packet-balancing", "{document}");
}

#[test]
fn ways_of_different_length_are_both_followed_to_their_end() {
    let document = document("ecmp", "--multipath fd09:4::2");
    let target = &document["targets"][0];
    assert_eq!((&target["hop_count"], &target["graph"]["path_count"]), (&4.into(), &2.into()));
    let lengths: BTreeSet<usize> = target["paths"]
        .as_array()
        .expect("paths")
        .iter()
        .map(|path| path["addresses"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(lengths, BTreeSet::from([4, 5]), "{target}");
    assert_eq!(target["hops"][4]["responders"][0]["address"], "fd09:4::2");
}

#[test]
fn a_silent_router_among_others_is_a_way_of_its_own() {
    let document = document("ecmp", "--udp --multipath 10.9.5.2");
    let graph = &document["targets"][0]["graph"];
    assert_eq!((&graph["path_count"], &graph["complete"]), (&4.into(), &true.into()), "{graph}");
    let nodes = graph["nodes"].as_array().expect("nodes").iter();
    assert_eq!(nodes.filter(|node| node["address"].is_null()).count(), 1, "{graph}");
    let codes = document["findings"].as_array().expect("findings").iter();
    assert!(codes.into_iter().all(|it| it["code"] == "per-flow-balancing"), "{document}");
}

#[test]
fn d1_a_hundred_probes_of_one_flow_go_one_way() {
    for method in METHODS {
        let document = document("ecmp", &format!("-q 100 --interval 0.02 {method}"));
        let target = &document["targets"][0];
        let hops = target["hops"].as_array().expect("hops");
        assert_eq!(hops.len(), 4, "{method}");
        assert!(hops.iter().all(|hop| addresses(hop).len() == 1 && hop["sent"] == 100), "{target}");
        assert_eq!((&target["flow"], &target["graph"]), (&"constant".into(), &Value::Null));
    }
}

/// The same behind the real kernel, where ports are drawn: what is seen there is part of what there is.
#[test]
fn behind_the_real_kernel_one_flow_goes_one_way_and_many_go_several() {
    if !has_lab() {
        return;
    }
    let real = |arguments: &str| {
        let words: Vec<&str> =
            [process::NETDIAG, "trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
        in_netlab("ecmp", &words[..]).json()
    };
    let all = BTreeSet::from(["10.9.1.1", "10.9.1.2", "10.9.1.3", "10.9.1.4"]);
    for method in ["--icmp", "--udp", "--tcp --port 80"] {
        let one = real(&format!("-q 30 --interval 0.01 {method} 10.9.2.2"));
        let hops = one["targets"][0]["hops"].as_array().expect("hops");
        assert!(hops.iter().all(|hop| addresses(hop).len() == 1), "{method}: {one}");
        let many = real(&format!("--multipath {method} 10.9.2.2"));
        let hop = &many["targets"][0]["hops"][1];
        // That eight flows of 99 % all go one way of four comes once in 16,000 times.
        assert!(addresses(hop).is_subset(&all), "{method}: {many}");
        assert_eq!(many["targets"][0]["graph"]["complete"], true, "{method}: {many}");
    }
}

#[test]
fn graphs_are_drawn_for_graphviz_and_mermaid() {
    let draw = |form: &str| {
        let ran = world::run("ecmp", RAW, &["trace", "--multipath", "--graph", form, "10.9.2.2"]);
        check_harmless(&ran.out);
        ran.out
    };
    let dot = draw("dot");
    assert!(dot.starts_with("digraph \"10.9.2.2\" {\n"), "{dot}");
    assert_eq!(
        dot.lines().filter(|line| line.contains("->") && !line.starts_with("//")).count(),
        10
    );
    assert!(
        dot.contains("  here -> n0 ") && dot.contains("n1 [label=\"10.9.1.1\\nhop 2\"];"),
        "{dot}"
    );
    assert!(dot.lines().skip_while(|line| *line != "}").skip(1).all(|line| line.starts_with("//")));
    let mermaid = draw("mermaid");
    assert!(
        mermaid.contains("\nflowchart LR\n") && mermaid.contains("n6([\"10.9.2.2<br/>hop 4\"])"),
        "{mermaid}"
    );
    assert!(draw("text").contains("by flow to 10.9.1.1 ("));
}

/// What names say is no part of a drawing.
#[test]
fn a_hostile_name_ends_no_label() {
    for form in ["dot", "mermaid"] {
        let words = ["trace", "--multipath", "--names", "--graph", form, "-m", "2", "10.9.2.2"];
        let ran = world::run("names-hostile", RAW, &words);
        check_harmless(&ran.out);
        for line in ran.out.lines().filter(|line| !line.starts_with("//")) {
            assert!(line.matches('"').count() % 2 == 0, "{line}");
        }
    }
}

/// What does not go together is not ignored.
#[test]
fn options_of_the_search_need_the_search() {
    for arguments in [
        "--confidence 95 10.9.2.2",
        "--multipath --confidence 90 10.9.2.2",
        "--probe-cap 20 10.9.2.2",
        "--multipath --probe-cap 5 10.9.2.2",
        "--graph dot 10.9.2.2",
        "--multipath --vary-flow 10.9.2.2",
        "--multipath --graph dot --json 10.9.2.2",
    ] {
        let words: Vec<&str> = ["trace"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run("ecmp", RAW, &words);
        assert_eq!((ran.status.code(), ran.out.as_str()), (2, ""), "{arguments}: {}", ran.err);
    }
    // The flow of a connection is the kernel's.
    let ran =
        world::run("ecmp", SocketKind::UdpErrorQueue, &["trace", "--multipath", "10.9.2.2:80"]);
    assert_eq!(ran.status.code(), 2, "{}", ran.out);
    assert!(ran.err.contains("--multipath") && ran.err.contains("--udp"), "{}", ran.err);
}

/// D4: a router that leaves something of a translation in what it passes back is seen, by every kind of
/// probe; one that mends all of it is not.
#[test]
fn d4_each_translating_router_is_told_whatever_is_sent() {
    for (kind, last) in
        [("--icmp", "10.9"), ("--udp", "10.9"), ("--tcp --port 80", "10.9"), ("--udp", "fd09:")]
    {
        let target = if last == "fd09:" { "fd09:2::2".to_owned() } else { format!("{last}.2.2") };
        let document = document("nat", &format!("{kind} {target}"));
        let seen: Vec<(&Value, &Value)> = document["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter(|finding| finding["code"] == "nat-seen")
            .map(|finding| (&finding["evidence"]["hop_before"], &finding["locus"]["hop"]))
            .collect();
        assert_eq!(
            seen,
            [(&Value::from(1), &Value::from(2)), (&2.into(), &3.into())],
            "{kind}: {document}"
        );
    }
    let document = document("nat", "--udp 10.9.4.2");
    assert_eq!(document["findings"], Value::Array(Vec::new()), "{document}");
}

/// F2: how large packets come to each hop.
#[test]
fn f2_the_mtu_falls_where_the_link_is_smaller() {
    let document = document("mtu-path", "--mtu 10.9.3.2");
    let hops = document["targets"][0]["hops"].as_array().expect("hops");
    let mtus: Vec<u64> = hops.iter().filter_map(|hop| hop["mtu"].as_u64()).collect();
    assert!(mtus.first() == Some(&1_500) && mtus.last() == Some(&1_400), "{document}");
    let drop = &document["findings"][0];
    let told = ["mtu_before", "mtu_after"].map(|key| drop["evidence"][key].as_u64());
    assert_eq!((&drop["code"], told), (&"mtu-drop".into(), [Some(1_500), Some(1_400)]), "{drop}");
}

/// F2: the same cycle by cycle, where what was too big is no loss, and no hop is left out for it.
#[test]
fn f2_cycles_tell_the_mtu_beside_loss_and_times() {
    for target in ["10.9.3.2", "fd09:3::2"] {
        let words = ["mtr", "--json", "--mtu", "-c", "5", "-i", "0.5", target];
        let ran = world::run("mtu-path", RAW, &words);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let hops = document["targets"][0]["hops"].as_array().expect("hops");
        let mtus: Vec<u64> = hops.iter().filter_map(|hop| hop["mtu"].as_u64()).collect();
        assert_eq!(
            (mtus.len(), mtus.first(), mtus.last()),
            (hops.len(), Some(&1_500), Some(&1_400))
        );
        assert!(mtus.is_sorted_by(|one, next| one >= next), "{mtus:?}");
        for hop in hops {
            assert_eq!((&hop["lost"], &hop["received"]), (&0.into(), &5.into()), "{hop}");
        }
        let codes = document["findings"].as_array().expect("findings").iter();
        assert!(codes.clone().any(|finding| finding["code"] == "mtu-drop"), "{document}");
    }
}

/// Packets as large as the first link takes vanish behind it: small ones go on, which is said, and no
/// fault nor filter is.
#[test]
fn f3_a_path_that_only_large_packets_vanish_on_does_not_stop() {
    for arguments in ["--mtu 10.9.2.2", "--mtu fd09:2::2", "--mtu --udp 10.9.2.2"] {
        let document = document("mtu-hole", arguments);
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "path-stops", "{document}");
        let message = finding["message"].as_str().expect("text");
        assert!(message.contains("larger ones vanish there without a message"), "{message}");
        assert!(!message.contains("filter") && !message.contains("fault"), "{message}");
        assert_eq!(finding["advice"], "`netdiag mtu` tells the largest that passes", "{finding}");
        assert!(finding["evidence"]["other_hop"].is_u64(), "{finding}");
    }
}
