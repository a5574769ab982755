//! `--as` (N2): the forms of other programs, by the fields that these write.

use crate::support::world::{self, Ran};
use netdiag_model::contract::SocketKind;
use serde_json::Value;
use std::collections::BTreeSet;

fn run(scenario: &str, words: &[&str]) -> Ran {
    world::run(scenario, SocketKind::Raw, words)
}

/// The lines of a run, each one JSON.
fn lines(scenario: &str, words: &[&str]) -> Vec<Value> {
    let ran = run(scenario, words);
    assert_eq!(ran.status.code(), 0, "{}{}", ran.out, ran.err);
    let parsed = ran.out.lines().map(|line| serde_json::from_str(line).expect(line));
    parsed.collect()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn n2_mtr_is_written_as_mtr_itself_writes_it() {
    let own = |form: &str| {
        let words = ["mtr", "--as", form, "-c", "3", "-i", "0.1", "--numeric", "10.9.2.2"];
        run("trace-path", &words)
    };
    let ran = own("mtr-json");
    assert_eq!(ran.status.code(), 0, "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect(&ran.out);
    let report = &report["report"];
    let (mtr, hubs) = (&report["mtr"], report["hubs"].as_array().expect("hops"));
    let wanted = BTreeSet::from(["src", "dst", "tos", "tests", "psize", "bitpattern"]);
    assert_eq!(keys(mtr), wanted);
    assert_eq!((&mtr["dst"], &mtr["tests"]), (&"10.9.2.2".into(), &3.into()), "{mtr:#}");
    for key in ["src", "psize", "bitpattern"] {
        assert!(mtr[key].is_string(), "{key}: {mtr:#}");
    }
    assert!(mtr["tos"].is_u64(), "{mtr:#}");
    let wanted = ["count", "host", "Loss%", "Snt", "Last", "Avg", "Best", "Wrst", "StDev"];
    assert!(hubs.len() > 1, "{report:#}");
    for hub in hubs {
        assert_eq!(keys(hub), BTreeSet::from(wanted), "{report:#}");
        // What exporters of it decode them as.
        for key in &wanted[2..] {
            assert!(hub[key].is_number(), "{key}: {report:#}");
        }
        assert!(hub["count"].is_u64() && hub["Snt"].is_u64() && hub["host"].is_string());
        // A silent one is asked less often.
        assert!(hub["host"] == "???" || hub["Snt"] == 3, "{report:#}");
    }
    assert_eq!(hubs.last().expect("one")["host"], "10.9.2.2", "{report:#}");
    let classic = ["mtr", "--classic", "--csv", "-n", "-c", "3", "-i", "0.1", "10.9.2.2"];
    let (own, theirs) = (own("mtr-csv"), run("trace-path", &classic));
    let head = |ran: &Ran| ran.out.lines().next().map(str::to_owned);
    assert_eq!(head(&own), head(&theirs), "{}", own.err);
    // Version, time, status, host, hop and address: all but the time.
    let places = |ran: &Ran| {
        let rows = ran.out.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            [cells[0], cells[2], cells[3], cells[4], cells[5]].join(",")
        });
        rows.collect::<Vec<String>>()
    };
    assert_eq!(places(&own), places(&theirs));
}

#[test]
fn n2_a_sweep_is_written_as_fping_writes_it() {
    let words = ["sweep", "--as", "fping-json", "--verbose", "10.9.2.2", "10.9.0.1"];
    let all = lines("plain-20ms", &words);
    let of = |kind: &str| all.iter().filter_map(|line| line.get(kind)).collect::<Vec<_>>();
    let wanted = BTreeSet::from(["host", "xmt", "rcv", "loss", "rttMin", "rttAvg", "rttMax"]);
    let summaries = of("summary");
    assert_eq!(summaries.len(), 2, "{all:#?}");
    for summary in &summaries {
        assert_eq!(keys(summary), wanted, "{summary:#}");
        assert_eq!((&summary["xmt"], &summary["loss"]), (&1.into(), &0.into()), "{summary:#}");
    }
    let answers = of("resp");
    assert_eq!(answers.len(), 2, "{all:#?}");
    assert_eq!(keys(answers[0]), BTreeSet::from(["host", "seq", "size", "rtt"]));
    assert_eq!(answers[0]["seq"], 0, "{all:#?}");
    let words = ["sweep", "--as", "fping-json", "--verbose", "--retry", "0", "10.9.2.2"];
    let ran = run("silent", &words);
    assert_eq!(ran.status.code(), 1, "{}{}", ran.out, ran.err);
    let silent = "{\"summary\": {\"host\": \"10.9.2.2\", \"xmt\": 1, \"rcv\": 0, \"loss\": 100}}";
    assert!(
        ran.out.contains("{\"timeout\": {\"host\": \"10.9.2.2\", \"seq\": 0}}\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.lines().any(|line| line == silent), "{}", ran.out);
}

#[test]
fn n2_a_trace_is_written_as_scamper_and_as_atlas_write_it() {
    let all = lines("trace-path", &["trace", "--as", "scamper-json", "--icmp", "10.9.2.2"]);
    let kinds: Vec<&Value> = all.iter().map(|line| &line["type"]).collect();
    assert_eq!(kinds, ["cycle-start", "trace", "cycle-stop"], "{all:#?}");
    let trace = &all[1];
    assert_eq!((&trace["version"], &trace["method"]), (&"0.1".into(), &"icmp-echo-paris".into()));
    assert_eq!((&trace["dst"], &trace["stop_reason"]), (&"10.9.2.2".into(), &"COMPLETED".into()));
    let hops = trace["hops"].as_array().expect("hops");
    let (first, last) = (&hops[0], hops.last().expect("one"));
    assert_eq!((&first["probe_ttl"], &first["probe_id"]), (&1.into(), &1.into()), "{trace:#}");
    assert_eq!((&first["icmp_type"], &last["icmp_type"]), (&11.into(), &0.into()), "{trace:#}");
    assert_eq!((&last["addr"], &last["probe_ttl"]), (&trace["dst"], &trace["hop_count"]));
    let all = lines("trace-path", &["trace", "--as", "atlas", "--icmp", "10.9.2.2"]);
    let [atlas] = all.as_slice() else { panic!("{all:#?}") };
    assert_eq!((&atlas["msm_name"], &atlas["af"]), (&"Traceroute".into(), &4.into()), "{atlas:#}");
    assert_eq!((&atlas["proto"], &atlas["dst_addr"]), (&"ICMP".into(), &"10.9.2.2".into()));
    let path = atlas["result"].as_array().expect("hops");
    assert_eq!(path.len() as u64, trace["hop_count"].as_u64().expect("a number"), "{atlas:#}");
    for (hop, number) in path.iter().zip(1..) {
        assert_eq!(hop["hop"], number, "{atlas:#}");
        let answers = hop["result"].as_array().expect("answers");
        assert!((1..=3).contains(&answers.len()), "{atlas:#}");
        assert!(answers.iter().all(|one| one["x"] == "*" || one["rtt"].is_f64()), "{atlas:#}");
    }
    let is_silent = |hop: &&Value| hop["result"][0]["x"] == "*";
    assert_eq!(path.iter().filter(is_silent).count(), 1, "{atlas:#}");
}

#[test]
fn n2_a_ping_is_written_as_ping_and_as_atlas_write_it() {
    let words = ["ping", "--as", "ping", "-c", "2", "-i", "0.2", "10.9.2.2"];
    let ran = run("plain-20ms", &words);
    let classic = ["ping", "--classic", "-c", "2", "-i", "0.2", "10.9.2.2"];
    assert_eq!(ran.out, run("plain-20ms", &classic).out, "{}", ran.err);
    let all = lines("plain-20ms", &["ping", "--as", "atlas", "-c", "2", "-i", "0.2", "10.9.2.2"]);
    let [atlas] = all.as_slice() else { panic!("{all:#?}") };
    assert_eq!((&atlas["sent"], &atlas["rcvd"], &atlas["dup"]), (&2.into(), &2.into(), &0.into()));
    assert_eq!((&atlas["type"], &atlas["size"]), (&"ping".into(), &56.into()), "{atlas:#}");
    assert!(atlas["result"].as_array().is_some_and(|all| all.len() == 2), "{atlas:#}");
    let ran = run("silent", &["ping", "--as", "atlas", "-c", "1", "-W", "1", "10.9.2.2"]);
    let lost: Value = serde_json::from_str(&ran.out).expect(&ran.out);
    assert_eq!((ran.status.code(), &lost["avg"]), (1, &(-1).into()), "{lost:#}");
    assert_eq!(lost["result"], serde_json::json!([{"x": "*"}]), "{lost:#}");
}

/// What monitoring plugins, graphs and converters look for in what ping prints.
#[test]
fn n2_what_reads_ping_reads_it() {
    let ran =
        run("plain-20ms", &["ping", "--as", "ping", "-O", "-c", "2", "-i", "0.2", "10.9.2.2"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    let [head, first, second, blank, footer, counts, times] = lines.as_slice() else {
        panic!("nothing stands behind the round trips: {}", ran.out)
    };
    assert_eq!(*head, "PING 10.9.2.2 (10.9.2.2) 56(84) bytes of data.");
    for line in [first, second] {
        assert!(line.starts_with("64 bytes from 10.9.2.2: icmp_seq="), "{line}");
        let (_, time) = line.split_once(" time=").expect("a time");
        let time = time.strip_suffix(" ms").expect("milliseconds");
        assert!(time.parse::<f64>().is_ok_and(|time| time > 0.0), "{line}");
    }
    assert_eq!((*blank, *footer), ("", "--- 10.9.2.2 ping statistics ---"));
    let counts: Vec<&str> = counts.split(", ").collect();
    assert_eq!(counts[..3], ["2 packets transmitted", "2 received", "0% packet loss"]);
    assert!(counts[3].starts_with("time ") && counts[3].ends_with("ms"), "{counts:?}");
    let times = times.strip_prefix("rtt min/avg/max/mdev = ").and_then(|it| it.strip_suffix(" ms"));
    let times: Vec<f64> =
        times.expect("round trips").split('/').filter_map(|time| time.parse().ok()).collect();
    assert_eq!(times.len(), 4, "{}", ran.out);
    // A silent host, as those see it that draw what is lost.
    let ran = run("silent", &["ping", "--as", "ping", "-O", "-c", "2", "-W", "1", "10.9.2.2"]);
    assert!(ran.out.contains("\nno answer yet for icmp_seq=1\n"), "{}", ran.out);
    assert!(
        ran.out.contains("2 packets transmitted, 0 received, 100% packet loss, "),
        "{}",
        ran.out
    );
}

#[test]
fn n2_every_table_is_one_of_markdown_too() {
    let check = |scenario: &str, words: &[&str], head: &str, rows: usize| {
        let ran = run(scenario, words);
        let lines: Vec<&str> = ran.out.lines().collect();
        assert!(lines[0].starts_with(head), "{}{}", ran.out, ran.err);
        assert!(lines[1].starts_with("| --- |"), "{}", ran.out);
        assert_eq!(lines.len(), rows + 2, "{}", ran.out);
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(lines.iter().all(|line| bars(line) == bars(lines[0])), "{}", ran.out);
    };
    let ping = ["ping", "--as", "markdown", "-c", "1", "10.9.2.2"];
    check("plain-20ms", &ping, "| target | address | sent | received | loss\\_percent |", 1);
    let sweep = ["sweep", "--as", "markdown", "10.9.2.2", "10.9.0.1"];
    check("plain-20ms", &sweep, "| target | address | state | sent |", 2);
    let trace = run("trace-path", &["trace", "--json", "10.9.2.2"]);
    let trace: Value = serde_json::from_str(&trace.out).expect(&trace.out);
    let hops = trace["targets"][0]["hops"].as_array().expect("hops").len();
    check("trace-path", &["trace", "--as", "markdown", "10.9.2.2"], "| target | hop.ttl |", hops);
    let connect = ["tcp-connect", "--as", "markdown", "10.9.2.2:80", "10.9.2.2:81"];
    check("tcp-connect", &connect, "| target | address | attempts | succeeded |", 2);
    let checks = ["check", "--as", "markdown", "tcp 10.9.2.2:80", "tcp 10.9.2.2:81"];
    check("tcp-connect", &checks, "| name | kind | target | status |", 2);
    let csv = run("plain-20ms", &["ping", "--as", "csv", "-c", "1", "10.9.2.2"]);
    assert_eq!(csv.out, run("plain-20ms", &["ping", "-o", "csv", "-c", "1", "10.9.2.2"]).out);
}

#[test]
fn n2_a_plugin_and_metrics_are_forms_of_checks_and_of_nothing_else() {
    let refused = "tcp 10.9.2.2:81";
    let plugin = run("tcp-connect", &["check", "--as", "nagios", refused]);
    assert_eq!(plugin.status.code(), 2, "{}", plugin.err);
    assert!(plugin.out.starts_with("NETDIAG CRITICAL - "), "{}", plugin.out);
    let metrics = run("tcp-connect", &["check", "--as=prometheus", refused]);
    assert!(metrics.out.starts_with("# HELP netdiag_check_success "), "{}", metrics.out);
    let wrong = run("tcp-connect", &["check", "--as", "nagios", "--bogus", refused]);
    assert_eq!((wrong.status.code(), wrong.out.lines().count()), (3, 1), "{}", wrong.out);
    let twice = run("tcp-connect", &["check", "-o", "json", "--as", "nagios", refused]);
    assert_eq!((twice.status.code(), twice.out.lines().count()), (3, 1), "{}", twice.out);
    assert!(twice.out.contains("--as nagios: not with --output"), "{}", twice.out);
    for words in [
        &["ping", "--as", "nagios", "10.9.2.2"][..],
        &["ping", "--as", "csv", "--json", "10.9.2.2"],
        &["trace", "--as", "atlas", "-o", "text", "10.9.2.2"],
        &["schema", "--as", "csv", "ping"],
    ] {
        let ran = run("plain-20ms", words);
        assert_eq!((ran.status.code(), ran.out.as_str()), (2, ""), "{words:?} {}", ran.err);
        assert!(ran.err.contains("--as"), "{words:?} {}", ran.err);
    } // What is wrong otherwise has no document that could be written in another form.
    let ran = run("plain-20ms", &["trace", "--as", "scamper-json", "--fail-if", "x>1", "10.9.2.2"]);
    assert_eq!((ran.status.code(), ran.out.as_str()), (2, ""), "{}", ran.err);
}
