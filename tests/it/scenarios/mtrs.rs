//! `netdiag mtr` in the simulated internet, where it does more than ask hops again: changes of the path,
//! limits and losses told apart, the shapes of mtr's own output, and the screen.

use super::real::{has_lab, in_netlab};
use super::traces::limits::check_told_apart;
use crate::support::{golden, process, world};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;
use netdiag_sim::Fact;
use serde_json::Value;

const RAW: SocketKind = SocketKind::Raw;

fn document(scenario: &str, arguments: &str) -> Value {
    let words: Vec<&str> = ["mtr", "--json"].into_iter().chain(arguments.split(' ')).collect();
    serde_json::from_str(&world::run(scenario, RAW, &words).out).expect("a document")
}

/// Screens of forms that are no documents of ours.
const SCREENS: &[(&str, &str, &str)] = &[
    ("mtr-order", "trace-limits", "-o LSRDNBAWVGJMXIKO -c 30 -i 0.1 10.9.3.2"),
    ("mtr-pathping", "trace-limits", "--pathping -c 300 -i 0.1 10.9.3.2"),
    ("mtr-classic", "trace-path", "--classic -r -n -c 10 10.9.2.2"),
    ("mtr-classic-wide", "trace-path", "--classic -r -w -b -c 3 -o LDRSNBAWVGJMXI b.example"),
    ("mtr-classic-json", "trace-limits", "--classic --json -n -c 50 -i 1 10.9.3.2 10.9.2.2"),
    ("mtr-classic-silent", "trace-loop", "--classic -r -n -c 2 10.9.4.9"),
];

pub(super) fn screens() -> impl Iterator<Item = &'static str> {
    SCREENS.iter().map(|(name, ..)| *name)
}

#[test]
fn mtr_screens_are_what_they_were() {
    for (name, scenario, arguments) in SCREENS {
        let words: Vec<&str> = ["mtr"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run(scenario, RAW, &words);
        super::check_harmless(&ran.out);
        let code = ran.status.code();
        let screen =
            format!("# {scenario}.toml\n$ netdiag mtr {arguments}\n{}--- exit {code}\n", ran.out);
        let same = golden::compare(name, &screen);
        assert!(same.is_ok(), "{}", same.unwrap_err());
    }
}

/// E4, mtr#361: each path has its own figures, and a change of its length loses nothing.
fn check_epochs(document: &Value, ends: &[u64]) {
    let target = &document["targets"][0];
    let epochs = target["epochs"].as_array().expect("epochs");
    let mut found: Vec<&Value> = epochs.iter().collect();
    found.push(target);
    let counts: Vec<u64> = found.iter().filter_map(|path| path["hop_count"].as_u64()).collect();
    assert_eq!(counts, ends, "{document}");
    for path in found {
        for hop in path["hops"].as_array().expect("hops") {
            assert_eq!(hop["lost"], 0, "{document}");
            assert_eq!(hop["responders"].as_array().map(Vec::len), Some(1), "{document}");
        }
    }
    let findings = document["findings"].as_array().expect("findings");
    let changes = findings.iter().filter(|finding| finding["code"] == "path-changed");
    assert_eq!(changes.count(), ends.len() - 1, "{document}");
}

#[test]
fn e4_paths_that_change_have_figures_of_their_own_and_lose_nothing() {
    let run = |scenario, target: &str| document(scenario, &format!("-c 90 -i 0.1 {target}"));
    for target in ["10.9.2.2", "fd09:2::2"] {
        check_epochs(&run("path-length", target), &[3, 5, 2]);
        check_epochs(&run("route-change", target), &[3, 3]);
        // Whichever hop shows first that it is shorter, and by SYNs of one flow as well.
        for how in ["-c 45 -i 0.2", "--udp -c 45 -i 0.2", "--tcp --port 80 -c 90 -i 0.1"] {
            check_epochs(&document("path-length", &format!("{how} {target}")), &[3, 5, 2]);
        }
    }
}

/// Paths, whether each was reached, and the codes of what was found.
fn told(document: &Value) -> (Vec<bool>, Vec<&str>) {
    let target = &document["targets"][0];
    let epochs = target["epochs"].as_array().expect("epochs");
    let reached = epochs.iter().chain([target]).filter_map(|path| path["reached"].as_bool());
    let findings = document["findings"].as_array().expect("findings").iter();
    (reached.collect(), findings.filter_map(|finding| finding["code"].as_str()).collect())
}

/// What refuses a target that was reached is another path: the last one tells whether it is reached.
#[test]
fn e4_a_target_that_is_refused_from_some_time_on_is_not_reached() {
    for arguments in [
        "-c 50 -i 0.1 10.9.2.2",
        "-c 50 -i 0.1 fd09:2::2",
        "--udp -c 50 -i 0.1 10.9.2.2",
        "--tcp --port 80 -c 50 -i 0.1 10.9.2.2",
        "-c 20 -i 0.25 10.9.2.2",
    ] {
        let found = document("mtr-refused", arguments);
        let (reached, codes) = told(&found);
        assert_eq!(reached, [true, false], "{arguments}: {found}");
        assert_eq!(found["exit_code"], 1, "{arguments}: {found}");
        assert!(codes.contains(&"stopped-by-router"), "{arguments}: {codes:?}");
        assert!(codes.contains(&"path-changed"), "{arguments}: {codes:?}");
        assert!(!codes.contains(&"icmp-rate-limit"), "{arguments}: {codes:?}");
        let before = &found["targets"][0]["epochs"][0]["hops"];
        let lost = before.as_array().expect("hops").iter().map(|hop| hop["lost"].as_u64());
        assert_eq!(lost.collect::<Vec<_>>(), [Some(0); 3], "{arguments}: {found}");
    }
}

#[test]
fn e4_a_target_that_was_refused_for_a_while_is_reached_again() {
    for target in ["10.9.4.2", "fd09:4::2"] {
        let found = document("mtr-refused", &format!("-c 60 -i 0.1 {target}"));
        let (reached, codes) = told(&found);
        assert_eq!(reached, [true, false, true], "{found}");
        assert_eq!(found["exit_code"], 0, "{found}");
        assert_eq!(codes, ["path-changed", "path-changed"], "{found}");
    }
    // Too short for another path: then it is loss.
    let found = document("mtr-refused", "-c 60 -i 0.1 10.9.3.2");
    let (reached, _) = told(&found);
    assert_eq!(reached, [true], "{found}");
    let target = &found["targets"][0]["hops"][2];
    assert!(target["net_errors"].as_u64() > Some(0), "{target}");
    assert!(target["loss_percent"].as_f64() > Some(0.0), "{target}");
}

/// The target moves behind a router that says nothing, so that nobody is where it was.
#[test]
fn e4_a_target_farther_away_behind_a_silent_router_is_no_loss() {
    for (target, more) in [
        ("10.9.2.2", "-i 0.1"),
        ("fd09:2::2", "-i 0.1"),
        ("10.9.2.2", "-i 0.25"),
        ("10.9.2.2", "-i 0.1 --udp"),
    ] {
        let found = document("path-silent", &format!("-c 90 {more} {target}"));
        let ended = &found["targets"][0];
        let before = &ended["epochs"][0];
        let ends = [&before["hop_count"], &ended["hop_count"]];
        assert_eq!(ends, [3, 4], "{more}: {found}");
        for path in [before, ended] {
            for hop in path["hops"].as_array().expect("hops") {
                let is_silent = path["hop_count"] == 4 && hop["ttl"] == 3;
                let wanted = if is_silent { &hop["sent"] } else { &Value::from(0) };
                assert_eq!(&hop["lost"], wanted, "{more}: {hop}");
            }
        }
        let sum = |ttl: usize| {
            let of = |path: &Value| path["hops"][ttl - 1]["sent"].as_u64();
            of(before).zip(of(ended)).map(|(one, other)| one + other)
        };
        assert_eq!(sum(1), Some(90), "{more}: {found}");
        let findings = found["findings"].as_array().expect("findings");
        let codes: Vec<_> = findings.iter().map(|finding| &finding["code"]).collect();
        assert!(!codes.contains(&&Value::from("loss-starts-at-hop")), "{more}: {found}");
        assert!(codes.contains(&&Value::from("path-changed")), "{more}: {found}");
    }
}

/// A target that is away for long, and then farther away, was away.
#[test]
fn e4_a_target_that_was_away_is_lost_also_where_it_comes_back_elsewhere() {
    let text = std::fs::read_to_string(process::scenario("path-silent")).expect("the scenario");
    let link = |at: u32, down: bool| {
        format!(
            "[[change]]\nat = \"{at}s\"\nlink = {{ a = \"here\", b = \"r1\", down = {down} }}\n\n"
        )
    };
    let moved = "[[change]]\nat = \"3s\"";
    let text = text.replace(moved, &format!("{}[[change]]\nat = \"4s\"", link(3, true)));
    let text = format!("{text}\n{}", link(6, false));
    let words = ["mtr", "--json", "-c", "120", "-i", "0.1", "10.9.2.2"];
    let ran = world::run_text(&text, RAW, &words);
    let found: Value = serde_json::from_str(&ran.out).expect("a document");
    let (before, ended) = (&found["targets"][0]["epochs"][0], &found["targets"][0]);
    assert_eq!([&before["hop_count"], &ended["hop_count"]], [3, 4], "{found}");
    assert!(before["hops"][2]["lost"].as_u64() >= Some(28), "{found}");
    assert_eq!(ended["hops"][3]["lost"], 0, "{found}");
}

#[test]
fn e4_the_same_behind_the_real_kernel() {
    if !has_lab() {
        return;
    }
    let command = [process::NETDIAG, "mtr", "--json", "-c", "90", "-i", "0.1", "10.9.2.2"];
    check_epochs(&in_netlab("path-length", &command).json(), &[3, 5, 2]);
}

/// E3, with other losses each time.
#[test]
fn e3_limits_and_loss_are_told_apart_by_cycles_in_twenty_of_twenty_runs() {
    check_told_apart(&["mtr", "--json", "-c", "200", "-i", "0.1"]);
}

/// A target that answers by ICMP errors limits them, and what is missing then is no loss of the path.
#[test]
fn e3_what_a_limited_target_leaves_unanswered_is_not_told_as_loss() {
    let codes = |arguments: &str| {
        let document = document("trace-limits", arguments);
        let findings = document["findings"].as_array().expect("findings").iter();
        findings.map(|f| f["code"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    for target in ["10.9.2.2", "fd09:2::2"] {
        for more in ["mtr -u -c 120 -i 0.1", "trace -U -q 30 --interval 0.01"] {
            let words: Vec<&str> = more.split(' ').chain([target]).collect();
            let out = world::run("trace-limits", RAW, &words).out;
            assert!(!out.contains("(loss-starts-at-hop)"), "{out}");
            assert!(
                out.contains("the target answers by ICMP errors, which hosts limit: "),
                "{out}"
            );
            let last = out.lines().last().unwrap_or_default();
            assert!(last.contains(", loss to the target not told: it limits its answers"), "{out}");
        }
    }
    // So is it where more answers come than any such limit lets pass.
    let unlimited = codes("-u -c 120 -i 0.1 10.9.3.2");
    assert!(unlimited.contains(&"loss-starts-at-hop".to_owned()), "{unlimited:?}");
    // Slower than any limit it is loss again.
    let slow = codes("-u -c 120 -i 1.2 10.9.3.2");
    assert!(slow.contains(&"loss-starts-at-hop".to_owned()), "{slow:?}");
}

/// E5: of the losses of links only that of the lossy one is worth a word.
#[test]
fn e5_only_the_lossy_link_shows_its_loss() {
    let document = document("trace-limits", "-c 1000 -i 0.1 10.9.3.2");
    let hops = document["targets"][0]["hops"].as_array().expect("hops");
    let link = |ttl: usize| hops[ttl - 1]["link_loss_percent"].as_f64();
    assert!(link(1) < Some(1.0) && link(4) < Some(3.0), "{document}");
    assert!(link(3) > Some(7.0) && link(3) < Some(13.0), "{document}");
    assert_eq!(link(2), None, "it limits its answers: {document}");
    assert!(hops[1]["node_loss_percent"].as_f64() > Some(80.0), "{document}");
    let proven = |name: &str| hops.iter().map(|hop| hop[name].clone()).collect::<Vec<_>>();
    assert_eq!(proven("link_loss_is_proven")[2], true, "{document}");
    assert!(proven("link_loss_is_proven")[3] != true, "{document}");
    assert_eq!(proven("node_loss_is_proven")[1], true, "{document}");
}

/// E2: it ends when the last answer is in; and the cycles of a report take no more than they must.
#[test]
fn e2_a_report_ends_with_its_last_answer() {
    for (arguments, most) in [
        ("-c 1 10.9.3.2", 300.0),
        ("-c 10 -i 0.1 10.9.3.2", 900.0 + 300.0),
        ("-c 10 10.9.3.2", 9_000.0 + 300.0),
    ] {
        let document = document("trace-limits", arguments);
        let took = document["elapsed_ms"].as_f64();
        assert!(took < Some(most) || document["targets"][0]["hops"][3]["lost"] != 0, "{document}");
    }
}

/// No router sees a burst, and nothing but the search for the path goes past the target.
#[test]
fn b10_cycles_ask_each_hop_once_and_none_behind_the_target() {
    let document = document("trace-path", "-c 20 -i 1 10.9.2.2");
    let target = &document["targets"][0];
    assert!(target["sent_beyond"].as_u64() <= Some(10), "{target}");
    for hop in target["hops"].as_array().expect("hops") {
        assert_eq!(hop["sent"], 20, "{hop}");
    }
    let ran = world::run("trace-limits", RAW, &["mtr", "-c", "20", "10.9.2.2"]);
    assert_eq!(ran.truth(|truth| truth.count(Fact::Limited)), 0, "{}", ran.out);
}

/// The screen, its keys, and what is left when it ends.
#[test]
fn the_live_screen_shows_hops_and_heeds_keys() {
    let scenario = std::fs::read_to_string(process::scenario("trace-path")).expect("it");
    let keys = [("2s", "h"), ("2.5s", "h"), ("3s", "p"), ("8s", "p"), ("9s", "L"), ("10s", "q")];
    let keys = keys.map(|(at, key)| format!("[[local]]\nat = \"{at}\"\nkeys = \"{key}\"\n"));
    let resized = "[[local]]\nat = \"9.5s\"\nresized = [60, 12]\n";
    let text = format!("{scenario}\n{}\n{resized}", keys.join("\n"));
    let ran = world::run_on_screen(&text, &["mtr", "10.9.2.2"]);
    assert_eq!(ran.status, ExitStatus::Code(0), "{}", ran.out);
    let (screen, after) = ran.out.rsplit_once("\u{1b}[?1049l").expect("it leaves the screen");
    assert!(screen.starts_with("\u{1b}[?1049h"), "{screen:?}");
    // What was there before is not written again, so that words stand alone.
    assert!(screen.contains("interarrival"), "the help: {screen:?}");
    assert!(screen.contains("PAUSED"), "{screen:?}");
    assert!(screen.contains("down"), "{screen:?}");
    assert!(screen.matches("\u{1b}[2J").count() == 2, "drawn anew at the new size: {screen:?}");
    assert!(!screen.contains("\u{1b}[31m.example"), "names are escaped");
    assert!(after.contains("= reached 10.9.2.2 at hop 6"), "{after}");
    // Ten seconds, five of them without a probe.
    let sent = ran.truth(|truth| truth.count(Fact::Sent));
    assert!((30..=45).contains(&sent), "{sent}");
}

/// Where there is no room for all hops the chosen one is seen, and how many there are below.
#[test]
fn a_small_screen_moves_with_the_chosen_hop() {
    let scenario = std::fs::read_to_string(process::scenario("trace-path")).expect("it");
    let after = |keys: &str| {
        let pressed = format!("[[local]]\nat = \"2s\"\nkeys = \"{keys}\"\n");
        let resized = "[[local]]\nat = \"3s\"\nresized = [60, 6]\n";
        let ended = "[[local]]\nat = \"4s\"\nkeys = \"q\"\n";
        let text = format!("{scenario}\n{pressed}{resized}{ended}");
        let ran = world::run_on_screen(&text, &["mtr", "-n", "10.9.2.2"]);
        let (screen, _) = ran.out.rsplit_once("\u{1b}[?1049l").expect("it leaves the screen");
        screen.rsplit_once("\u{1b}[2J").expect("drawn anew").1.to_owned()
    };
    let top = after("");
    // Blanks are not written, but in the row that is marked.
    assert!(top.contains("10.9.0.1") && top.contains("4 more: down  q end"), "{top:?}");
    let bottom = after("\\t\\t\\t\\t\\t\\t");
    let is_first_seen = bottom.contains("10.9.0.1");
    assert!(bottom.contains("  6  10.9.2.2") && !is_first_seen, "{bottom:?}");
    assert!(!bottom.contains("more: down"), "{bottom:?}");
}

/// B10: a hop that only limits its answers is called that, and is not in the colour of a loss.
#[test]
fn b10_the_screen_labels_a_hop_that_limits_its_answers() {
    let scenario = std::fs::read_to_string(process::scenario("trace-limits")).expect("it");
    let text = format!("{scenario}\n[[local]]\nat = \"20s\"\nkeys = \"q\"\n");
    for (width, label) in [(120, "rate-limited?"), (80, "lim?")] {
        let words = ["mtr", "-i", "0.1", "10.9.2.2"];
        let resized = format!("{text}\n[[local]]\nat = \"0.5s\"\nresized = [{width}, 24]\n");
        let ran = world::run_on_screen(&resized, &words);
        let (screen, after) = ran.out.rsplit_once("\u{1b}[?1049l").expect("a screen");
        assert!(screen.contains(label), "{width}: {screen:?}");
        // What comes after it fits into the terminal as it is then.
        assert!(after.lines().all(|line| line.chars().count() <= width), "{width}: {after}");
    }
    let document = document("trace-limits", "-c 200 -i 0.1 10.9.2.2");
    let hops = document["targets"][0]["hops"].as_array().expect("hops");
    let told: Vec<&Value> = hops.iter().map(|hop| &hop["loss_is_forwarding"]).collect();
    assert_eq!(told[1], false, "{document}");
    assert!(told.iter().enumerate().all(|(at, told)| at == 1 || told.is_null()), "{document}");
}

/// F2: beside loss and times the screen has the largest packet that came to each hop.
#[test]
fn f2_the_screen_has_a_column_of_mtus() {
    let scenario = std::fs::read_to_string(process::scenario("mtu-path")).expect("it");
    let text = format!("{scenario}\n[[local]]\nat = \"4s\"\nkeys = \"q\"\n");
    let ran = world::run_on_screen(&text, &["mtr", "--mtu", "-i", "0.5", "10.9.3.2"]);
    let (screen, after) = ran.out.rsplit_once("\u{1b}[?1049l").expect("a screen");
    assert!(screen.contains("MTU") && screen.contains("1400"), "{screen:?}");
    assert!(after.contains("MTU") && after.contains("(mtu-drop)"), "{after}");
    let ran = world::run_on_screen(&text, &["mtr", "-v", "10.9.3.2"]);
    assert_eq!(ran.status, ExitStatus::Code(2), "{}", ran.out);
    let without = world::run_on_screen(&text, &["mtr", "-i", "0.5", "10.9.3.2"]);
    assert!(!without.out.contains("MTU"), "{}", without.out);
}

/// In a narrow terminal columns go, then notes have lines of their own; address, loss and mean stay.
#[test]
fn a_report_fits_the_terminal() {
    let words = ["mtr", "--report", "-c", "3", "b.example"];
    for (width, is_named) in [(130, true), (125, true), (110, false), (80, false), (60, false)] {
        let ran = world::run_at_width("trace-path", &words, width);
        let lines: Vec<&str> = ran.out.lines().collect();
        let too_wide = lines.iter().find(|line| line.chars().count() > width.into());
        assert_eq!(too_wide, None, "{width}: {}", ran.out);
        let head = lines.iter().find(|line| line.starts_with("hop")).expect("a header");
        assert_eq!(head.contains("name"), is_named, "{width}: {head}");
        assert!(head.contains("loss") && head.contains("mean"), "{width}: {head}");
        assert!(ran.out.contains("MPLS 24017/16"), "{width}: {}", ran.out);
        assert!(ran.out.contains("reached, 5 routers back"), "{width}: {}", ran.out);
    }
}

/// The stream: all hops as they stand once a cycle, each once for good, and each probe when asked for.
#[test]
fn the_stream_has_hops_as_they_stand_and_replies() {
    let lines = |more: &[&str]| {
        let words = ["mtr", "--output", "jsonl", "-c", "6", "10.9.2.2"];
        let ran = world::run("trace-path", RAW, &[&words[..], more].concat());
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.collect::<Vec<Value>>()
    };
    let of = |lines: &[Value], kind: &str, settled: Option<bool>| {
        let fits = |line: &&Value| {
            line["type"] == kind && settled.is_none_or(|settled| line["settled"] == settled)
        };
        lines.iter().filter(fits).cloned().collect::<Vec<Value>>()
    };
    let plain = lines(&[]);
    let (open, settled) = (of(&plain, "hop", Some(false)), of(&plain, "hop", Some(true)));
    let ttls: Vec<u64> = settled.iter().filter_map(|hop| hop["ttl"].as_u64()).collect();
    assert_eq!(ttls, [1, 2, 3, 4, 5, 6]);
    assert!(settled.iter().all(|hop| hop["cycle"] == 6 && hop["sent"] == 6), "{settled:?}");
    let cycles = |ttl: u64| {
        let of = open.iter().filter(move |hop| hop["ttl"] == ttl);
        of.filter_map(|hop| hop["cycle"].as_u64()).collect::<Vec<u64>>()
    };
    assert!(cycles(6).len() >= 4 && cycles(6).is_sorted(), "{:?}", cycles(6));
    assert_eq!(of(&plain, "reply", None), Vec::<Value>::new());
    let replies = of(&lines(&["--verbose"]), "reply", None);
    assert!(replies.len() >= 36, "{}", replies.len());
    for key in ["ttl", "seq", "outcome", "from", "rtt_ms", "icmp", "flow"] {
        assert!(replies.iter().all(|reply| reply.get(key).is_some()), "{key}");
    }
    let quiet = lines(&["--quiet"]);
    assert!(
        of(&quiet, "hop", None).is_empty() && quiet.last().expect("a summary")["type"] == "summary"
    );
}

/// What cannot be meant is said, and nothing is sent.
#[test]
fn options_of_mtr_that_do_not_fit_are_usage_errors() {
    for (arguments, said) in [
        ("-o Lq 10.9.2.2", "letters out of"),
        ("--json -o L 10.9.2.2", "--order: only with"),
        ("-o LU 10.9.2.2", "--order: U is known only with --mtu"),
        ("--mtu --size 100 10.9.2.2", "--size"),
        ("--mtu --df do 10.9.2.2", "--df"),
        ("--mtu 10.9.2.2:80", "--mtu: not with TCP"),
        ("--json --pathping 10.9.2.2", "--pathping: only with"),
        ("-w --json 10.9.2.2", "--report-wide: only with"),
        ("-k 10.9.2.2", "-k"),
        ("-c 0 10.9.2.2", "--count"),
        ("-i -1 10.9.2.2", "--interval"),
        ("-f 5 -m 4 10.9.2.2", "--first-ttl"),
        ("--udp --tcp 10.9.2.2", "--tcp"),
    ] {
        let words: Vec<&str> = ["mtr"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run("trace-path", RAW, &words);
        assert_eq!(ran.status, ExitStatus::Code(2), "{arguments}: {} {}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{arguments}: {}", ran.err);
        assert_eq!(ran.truth(|truth| truth.count(Fact::Sent)), 0, "{arguments}");
    }
}

/// E1: the geometric mean is that of the round trips; mtr's own, in whole microseconds, stands apart.
#[test]
fn e1_the_geometric_mean_is_the_true_one() {
    let words = ["mtr", "--output", "jsonl", "--verbose", "-c", "40", "-i", "0.1", "10.9.2.2"];
    let ran = world::run("jitter-normal", RAW, &words);
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let lines: Vec<Value> = lines.collect();
    let hops = lines.iter().filter(|line| line["type"] == "hop" && line["settled"] == true);
    let mut checked = 0;
    for hop in hops {
        let of_it = |line: &&Value| line["type"] == "reply" && line["ttl"] == hop["ttl"];
        let rtts = lines.iter().filter(of_it).filter_map(|line| line["rtt_ms"].as_f64());
        let logarithms: Vec<f64> = rtts.map(f64::ln).collect();
        let true_one = (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp();
        let told = hop["gmean_ms"].as_f64().expect("a mean");
        assert!((told - true_one).abs() <= 1e-9 * true_one, "{true_one}: {hop}");
        checked += u64::from(logarithms.len() > 20);
    }
    assert!(checked > 0, "{}", ran.out);
}

/// With one flow each hop is one router; with another flow for each probe a hop has all that share the load,
/// and no path is said to have changed.
#[test]
fn d1_a_varied_flow_meets_all_routers_that_share_the_load() {
    for (how, sides) in [("", 1), ("--vary-flow", 4)] {
        for protocol in ["--icmp", "--udp", "--tcp"] {
            let arguments = format!("{how} {protocol} -c 40 -i 0.1 10.9.2.2");
            let found = document("ecmp", arguments.trim_start());
            let target = &found["targets"][0];
            let hop = &target["hops"][1];
            let routers = hop["responders"].as_array().map(Vec::len);
            assert_eq!(routers, Some(sides), "{arguments}: {found}");
            let flow = if sides == 1 { "constant" } else { "varied" };
            assert_eq!(target["flow"], flow, "{arguments}");
            assert_eq!(target["epochs"], serde_json::json!([]), "{arguments}: {found}");
            assert!(
                target["hops"]
                    .as_array()
                    .is_some_and(|hops| hops.iter().all(|hop| hop["lost"] == 0))
            );
        }
    }
}

/// A wide report has whole lines and all columns, however narrow the terminal is.
#[test]
fn a_wide_report_is_as_wide_as_it_is_anywhere() {
    let run = |option: &str, width| {
        let words = ["mtr", option, "--names", "-c", "3", "-i", "0.2", "b.example"];
        match width {
            Some(width) => world::run_at_width("trace-path", &words, width).out,
            None => world::run("trace-path", RAW, &words).out,
        }
    };
    let piped = run("--report", None);
    assert!(piped.contains("stdev"), "{piped}");
    let (narrow, wide) = (run("--report", Some(60)), run("--report-wide", Some(60)));
    assert!(!narrow.contains("stdev"), "{narrow}");
    assert_eq!(wide, piped);
    assert_eq!(run("-w", Some(200)), piped);
    let ran = world::run("trace-path", RAW, &["mtr", "-w", "--json", "10.9.2.2"]);
    assert_eq!(ran.status.code(), 2, "{}", ran.err);
}
