//! `netdiag mtr` over routers that are Linux kernels, beside mtr itself (E1, E2, P1, P2).

use super::traces::routers;
use crate::support::process::{Namespace, has, run};
use serde_json::Value;

/// Every fourth packet to the target is lost before it; routers answer all.
const LOSSY: &str = "
    for n in 1 2; do
        ip netns exec r$n sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
    done
    ip netns exec r2 nft -f - <<'END'
table ip t {
    chain i { type filter hook input priority 0;
        icmp type echo-request ip daddr 10.51.9.9 numgen inc mod 4 == 3 drop; }
}
END";

/// Text with every digit of a time made `0`, so that only what is not measured is left: all behind
/// the column that ends at `from`.
fn masked(text: &str, from: usize) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("Start:"));
    let masked = lines.map(|line| {
        let mask = |(place, c): (usize, char)| match c {
            '1'..='9' if place >= from => '0',
            other => other,
        };
        line.chars().enumerate().map(mask).collect()
    });
    masked.collect()
}

fn ours(namespace: &Namespace, arguments: &str) -> String {
    let words: Vec<&str> = ["mtr", "--classic"].into_iter().chain(arguments.split(' ')).collect();
    run(&mut namespace.netdiag(&words)).out
}

fn theirs(namespace: &Namespace, arguments: &str) -> String {
    let words: Vec<&str> = arguments.split(' ').collect();
    run(namespace.command("mtr").args(words)).out
}

/// The layout is mtr's, and so are the counts; times are each one's own.
#[test]
fn e1_reports_have_the_layout_and_the_counts_of_mtr() {
    if !has("mtr") || !has("nft") {
        return;
    }
    let Some(namespace) = routers(LOSSY) else { return };
    // Each takes eight probes to the target, so that both begin at the same place of the four.
    for (arguments, from) in [
        ("-r -n -c 8 -i 0.1 -m 2 10.51.9.9", 46),
        ("-r -w -n -c 8 -i 0.1 -m 2 10.51.9.9", 0),
        ("-r -n -c 8 -i 0.1 -m 2 -o LDRS 10.51.9.9", 100),
        ("-r -n -c 8 -i 0.1 -m 2 -o LDRSNBAWVGJMXI 10.51.9.9", 56),
    ] {
        let (ours, theirs) = (ours(&namespace, arguments), theirs(&namespace, arguments));
        assert_eq!(masked(&ours, from), masked(&theirs, from), "{arguments}:\n{ours}\n{theirs}");
    }
    let arguments = "--json -n -c 8 -i 0.1 -m 2 10.51.9.9";
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let (ours, theirs) = (ours(&namespace, arguments), theirs(&namespace, arguments));
    let (mut ours, mut theirs) = (parse(&ours), parse(&theirs));
    for report in [&mut ours, &mut theirs] {
        for hub in report["report"]["hubs"].as_array_mut().expect("hubs") {
            for key in ["Last", "Avg", "Best", "Wrst", "StDev"] {
                assert!(hub[key].is_f64(), "{hub}");
                hub[key] = Value::Null;
            }
        }
    }
    assert_eq!(ours, theirs);
}

/// P1, P2: a router that refuses is one hop with its mark, and the target is not reached.
#[test]
fn p1_p2_a_refusing_router_ends_the_path_with_its_mark() {
    for (route, mark) in [("unreachable", "!H"), ("prohibit", "!X")] {
        let refusing = format!("ip netns exec r2 ip route add {route} 10.51.1.0/24");
        let Some(namespace) = routers(&refusing) else { return };
        let words = ["mtr", "--json", "-c", "2", "10.51.1.1"];
        let document = run(&mut namespace.netdiag(&words)).json();
        let target = &document["targets"][0];
        let hops = target["hops"].as_array().expect("hops");
        assert_eq!((hops.len(), &target["reached"]), (2, &false.into()), "{document}");
        assert_eq!(hops[1]["responders"][0]["mark"], mark, "{document}");
        assert_eq!(document["exit_code"], 1, "{document}");
    }
}

/// E2.
#[test]
fn e2_one_cycle_to_loopback_takes_no_time() {
    let Some(namespace) = Namespace::loopback() else { return };
    let words = ["mtr", "--json", "-c", "1", "127.0.0.1"];
    let document = run(&mut namespace.netdiag(&words)).json();
    assert!(document["elapsed_ms"].as_f64() < Some(300.0), "{document}");
    assert_eq!(document["targets"][0]["reached"], true, "{document}");
}

/// The rate of a user may let nothing go when the last answer comes.
#[test]
fn c2_the_cycles_of_a_user_end_with_the_last_answer() {
    let Some(namespace) = Namespace::loopback() else { return };
    namespace.let_nobody_in();
    for range in ["1 0", "0 65534"] {
        namespace.run(&format!("echo '{range}' > /proc/sys/net/ipv4/ping_group_range"));
        for how in ["-c 3 -i 0.05", "--udp -c 3 -i 0.05", "--tcp --port 9 -c 3 -i 0.1"] {
            for target in ["127.0.0.1", "::1"] {
                let line = format!("mtr --json --deadline 30 {how} {target}");
                let ended = run(&mut namespace.nobody(&line.split(' ').collect::<Vec<_>>()));
                let document = ended.json();
                assert_eq!(document["ended_by"], "done", "{line}: {ended:?}");
                assert_eq!(document["targets"][0]["hops"][0]["sent"], 3, "{line}: {ended:?}");
            }
        }
    }
}
