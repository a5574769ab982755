//! What the classic tools see of kinds of faults, beside ours in the same lab, and what cycles find there:
//! limits, losses and refusals while they look. Which kind is seen where stands in
//! tests/scenarios/README.md.

use super::documents::count;
use super::real::{has_lab, in_netlab};
use crate::support::{process, world};
use netdiag_model::contract::SocketKind;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn words<'a>(program: &'a str, arguments: &'a str) -> Vec<&'a str> {
    std::iter::once(program).chain(arguments.split(' ')).collect()
}

/// A run of ours in netlab, and how many packets were lost on links while it ran.
fn recorded(scenario: &str, arguments: &str, name: &str) -> (Value, u64) {
    let name = format!("{name}-{}.jsonl", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut lab = Command::new(process::netlab());
    lab.arg("--record").arg(&path).arg(process::scenario(scenario)).arg("--");
    let ended = process::run(lab.args(words(process::NETDIAG, arguments)));
    let record = fs::read_to_string(&path).expect("a record");
    let _ = fs::remove_file(&path);
    let lines = record.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    (ended.json(), lines.filter(|entry| entry["fact"] == "Lost").count() as u64)
}

fn codes(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().expect("findings").iter();
    findings.map(|it| format!("{} at {}", it["code"], it["locus"]["hop"])).collect()
}

fn hops(document: &Value) -> &[Value] {
    document["targets"][0]["hops"].as_array().expect("hops")
}

/// Whether each path was reached, the last one at the end.
fn reached(document: &Value) -> Vec<bool> {
    let target = &document["targets"][0];
    let epochs = target["epochs"].as_array().expect("epochs").iter();
    epochs.chain([target]).filter_map(|path| path["reached"].as_bool()).collect()
}

/// E3: which hop limits its answers, and where loss begins, is found behind the real kernel as it is in
/// virtual time. Which packet a link loses depends on which comes when, so that the single figures differ;
/// all that was lost is what the lab knows to have been.
fn check_loss(arguments: &str, name: &str) {
    let (real, lost) = recorded("trace-limits", arguments, name);
    let ran =
        world::run("trace-limits", SocketKind::Raw, &arguments.split(' ').collect::<Vec<_>>());
    let expected: Value = serde_json::from_str(&ran.out).expect("a document");
    let limit = r#""icmp-rate-limit" at 2"#;
    assert_eq!(codes(&real), [limit, r#""loss-starts-at-hop" at 3"#], "{arguments}: {real}");
    assert_eq!(codes(&real), codes(&expected), "{arguments}");
    let told: u64 = hops(&real)[2..].iter().map(|hop| count(hop, "lost")).sum();
    // Those that looked for the end of the path met the same link.
    let beyond = count(&real["targets"][0], "sent_beyond");
    assert!((told..=told + beyond).contains(&lost), "{lost}: {arguments}: {real}");
    assert_eq!(count(&hops(&real)[0], "lost"), 0, "{arguments}: {real}");
}

/// A target that is refused from some time on, for two seconds, or for a moment. Whether a probe falls
/// into that moment is for the machine to say, so that nothing is said here of how many did.
fn check_refused(arguments: &str, wanted: &[bool], code: u64) {
    let arguments = format!("mtr --json {arguments}");
    let real = in_netlab("mtr-refused", &words(process::NETDIAG, &arguments)).json();
    assert_eq!((reached(&real).as_slice(), &real["exit_code"]), (wanted, &code.into()), "{real}");
    let codes = codes(&real);
    let changes = codes.iter().filter(|code| code.contains("path-changed"));
    assert_eq!(changes.count(), wanted.len() - 1, "{arguments}: {real}");
    let is_refused = codes.iter().any(|code| code == r#""stopped-by-router" at 2"#);
    assert_eq!(is_refused, code == 1, "{arguments}: {real}");
    assert!(!codes.iter().any(|code| code.contains("limit")), "{arguments}: {real}");
}

#[test]
fn e3_e4_limits_losses_and_refusals_are_found_behind_the_real_kernel() {
    if !has_lab() {
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            check_loss("trace --json -q 200 --interval 0.02 10.9.3.2", "loss-trace");
        });
        scope.spawn(|| check_loss("mtr --json -c 200 -i 0.02 10.9.3.2", "loss-mtr"));
        scope.spawn(|| check_refused("-c 50 -i 0.1 10.9.2.2", &[true, false], 1));
        scope.spawn(|| check_refused("--udp -c 50 -i 0.1 10.9.2.2", &[true, false], 1));
        scope.spawn(|| check_refused("-c 60 -i 0.1 fd09:4::2", &[true, false, true], 0));
        scope.spawn(|| check_refused("-c 60 -i 0.1 10.9.3.2", &[true], 0));
    });
}

/// The column of losses in mtr's report, in per cent.
fn losses(report: &str) -> Vec<f64> {
    let hops = report.lines().filter(|line| line.contains(".|--"));
    let loss = hops.filter_map(|line| line.split_whitespace().nth(2)?.strip_suffix('%'));
    loss.map(|percent| percent.parse().expect("a number")).collect()
}

/// B10: mtr has the limit of a hop as its loss, and none behind it; the count is ours.
#[test]
fn mtr_sees_a_limit_as_the_loss_of_a_hop() {
    if !process::has("mtr") || !has_lab() {
        return;
    }
    let report = in_netlab("trace-limits", &words("mtr", "-r -n -c 12 -i 0.1 -G 1 10.9.2.2")).out;
    let theirs = losses(&report);
    let line = "mtr --json -c 12 -i 0.1 10.9.2.2";
    let document = in_netlab("trace-limits", &words(process::NETDIAG, line)).json();
    let ours = hops(&document).iter().map(|hop| hop["loss_percent"].as_f64().expect("a number"));
    for seen in [theirs, ours.collect()] {
        assert!(seen.len() == 4 && seen[1] > 15.0, "{seen:?}: {report}{document}");
        assert_eq!([seen[0], seen[2], seen[3]], [0.0; 3], "{report}{document}");
    }
}

/// Six packets of 1400 bytes wait for each other on a link of 1 Mbit/s, there and partly back: the last
/// takes twice the 33 ms that one alone takes, and none is lost. Only that is certain.
#[test]
fn traceroute_sees_times_grow_behind_a_queue() {
    if !process::has("traceroute") || !has_lab() {
        return;
    }
    let line = "-n -q 3 -N 16 -w 5,0,0 -I 10.9.2.2 1400";
    let said = in_netlab("trace-queue", &words("traceroute", line)).out;
    let last = said.lines().last().unwrap_or_default();
    let times = last.split(" ms").filter_map(|part| part.split_whitespace().last()?.parse().ok());
    let times: Vec<f64> = times.collect();
    let line = "trace --json -q 3 --size 1380 10.9.2.2";
    let document = in_netlab("trace-queue", &words(process::NETDIAG, line)).json();
    let ours = hops(&document).last().expect("hops")["rtt_ms"]["max"].as_f64();
    assert_eq!(times.len(), 3, "none is lost: {said}");
    for most in [times.into_iter().reduce(f64::max), ours] {
        assert!(most > Some(45.0), "{said}{document}");
    }
    assert!(hops(&document).iter().all(|hop| hop["lost"] == 0), "{document}");
}

/// With another port for each probe the classic traceroute meets several of four routers.
#[test]
fn traceroute_sees_routers_that_share_the_load() {
    if !process::has("traceroute") || !has_lab() {
        return;
    }
    let line = "-n -q 10 -f 2 -m 2 -w 5,0,0 10.9.2.2";
    let said = in_netlab("ecmp", &words("traceroute", line)).out;
    let side = |n: u8| said.contains(&format!("10.9.1.{n} "));
    let seen = (1..=4).filter(|n| side(*n)).count();
    // That ten ports lead one way comes once in 260,000 times.
    assert!(seen > 1, "{said}");
}

/// ping has the order of answers, which is no figure of traceroute or mtr, and how much times vary.
#[test]
fn ping_sees_reordering_and_jitter() {
    if !process::has("ping") || !has_lab() {
        return;
    }
    let ping = |scenario, line: &str| in_netlab(scenario, &words("ping", line)).out;
    let said = ping("reorder", "-n -c 10 -i 0.1 10.9.2.2");
    let order = said.split("icmp_seq=").skip(1).filter_map(|it| it.split(' ').next()?.parse().ok());
    let order: Vec<u16> = order.collect();
    assert!(order.len() == 10 && !order.is_sorted(), "{said}");
    let line = "ping --json -c 10 -i 0.1 10.9.2.2";
    let ours = in_netlab("reorder", &words(process::NETDIAG, line)).target();
    assert!(count(&ours, "reordered") > 0, "{ours}");
    let said = ping("jitter-normal", "-n -q -c 20 -i 0.02 10.9.2.2");
    let mdev = said.rsplit('/').next().and_then(|it| it.split(' ').next()?.parse::<f64>().ok());
    assert!(mdev > Some(1.0), "{said}");
}
