//! `dns --check`: whether a machine is set up right to look up names (I8, I9).

use super::stub::{Asked, Stub};
use super::system::Etc;
use super::{address, dns, everything, findings, silent};
use crate::support::process::{Namespace, Process, run};
use serde_json::Value;
use std::os::unix::fs::symlink;

/// What `--check` says of a folder whose servers are on this port.
fn check(etc: &Etc, port: &str, more: &[&str]) -> crate::support::process::Ended {
    let common = ["--check", "--etc", etc.path(), "-p", port];
    dns(&[&common[..], more].concat())
}

/// The same where a server is silent, for which nobody waits long.
fn check_silent(etc: &Etc, port: &str, more: &[&str]) -> crate::support::process::Ended {
    check(etc, port, &[&["-W", "300ms"], more].concat())
}

fn messages(document: &Value, code: &str) -> Vec<String> {
    let findings = document["findings"].as_array().expect("a list");
    let own = findings.iter().filter(|finding| finding["code"] == code);
    own.map(|finding| finding["message"].as_str().expect("text").to_owned()).collect()
}

const NSSWITCH: &str = "hosts: files dns\n";

#[test]
fn i9_each_fault_of_the_files_is_a_finding() {
    let stub = Stub::on("127.0.0.1:0", address, false);
    for (name, resolv, nsswitch, hosts, told) in [
        (
            "four",
            "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.4\n",
            NSSWITCH,
            "",
            "resolv.conf line 4: 4 servers: programs ask the first 3 only",
        ),
        (
            "twice",
            "nameserver 127.0.0.1\nnameserver 127.0.0.1\n",
            NSSWITCH,
            "",
            "line 2: 127.0.0.1 stands there twice",
        ),
        (
            "named",
            "nameserver 127.0.0.1\nnameserver ns.example\n",
            NSSWITCH,
            "",
            "line 2: `ns.example` is no address",
        ),
        (
            "option",
            "nameserver 127.0.0.1\noptions time-out:1\n",
            NSSWITCH,
            "",
            "line 2: option `time-out:1` is no option",
        ),
        (
            "range",
            "nameserver 127.0.0.1\noptions ndots:99\n",
            NSSWITCH,
            "",
            "option `ndots:99` counts as ndots:15",
        ),
        (
            "keyword",
            "nameserver 127.0.0.1\nnameservers 127.0.0.2\n",
            NSSWITCH,
            "",
            "`nameservers 127.0.0.2` is not understood",
        ),
        (
            "blank",
            "nameserver 127.0.0.1\n nameserver 127.0.0.2\n",
            NSSWITCH,
            "",
            "begins with a blank",
        ),
        (
            "replaced",
            "nameserver 127.0.0.1\ndomain a.example\nsearch b.example\n",
            NSSWITCH,
            "",
            "line 2: `domain a.example` is replaced",
        ),
        ("long", "nameserver 127.0.0.1\nsearch a b c d e f g\n", NSSWITCH, "", "7 domains"),
        (
            "no-dns",
            "nameserver 127.0.0.1\n",
            "hosts: files\n",
            "",
            "nsswitch.conf line 1: neither dns nor resolve",
        ),
        ("no-files", "nameserver 127.0.0.1\n", "hosts: dns\n", "", "without files"),
        ("behind", "nameserver 127.0.0.1\n", "hosts: dns files\n", "", "files stands behind"),
        (
            "hidden",
            "nameserver 127.0.0.1\n",
            "hosts: files resolve [!UNAVAIL=return] dns\n",
            "",
            "[!UNAVAIL=return] hides dns",
        ),
        (
            "hosts",
            "nameserver 127.0.0.1\n",
            NSSWITCH,
            "127.0.0.1 localhost\nwww.example 192.0.2.9\n",
            "hosts line 2: begins with no address",
        ),
    ] {
        let etc = Etc::new(&format!("lint-{name}"), Some(resolv));
        etc.write("nsswitch.conf", nsswitch);
        etc.write("hosts", hosts);
        let ended = check(&etc, &stub.port(), &["--json", "www.example."]);
        assert_eq!(ended.code(), Some(0), "{name}: {ended:?}");
        let told_of = messages(&ended.json(), "dns-config-ignored");
        assert_eq!(told_of.len(), 1, "{name}: {told_of:?}");
        assert!(told_of[0].contains(told), "{name}: {told_of:?}");
    }
    let etc = Etc::new("lint-none", Some("nameserver 127.0.0.1\noptions edns0 trust-ad ndots:2\n"));
    etc.write("nsswitch.conf", "hosts: files mdns4_minimal [NOTFOUND=return] dns\n");
    etc.write("hosts", "127.0.0.1 localhost\n");
    let ended = check(&etc, &stub.port(), &["--json", "www.example"]);
    assert_eq!((ended.code(), findings(&ended)), (Some(0), Vec::new()), "{ended:?}");
    let text = check(&etc, &stub.port(), &["www.example"]);
    let last = text.out.lines().last().expect("a line");
    assert!(
        last.starts_with("= DNS on this machine gives right answers; its server answers"),
        "{last}"
    );
    assert!(last.contains("was not measured: they do not read"), "{last}");
}

#[test]
fn i9_a_dead_first_server_costs_what_the_options_say() {
    let second = Stub::on("127.0.0.3:0", address, false);
    let _first = Stub::on(&format!("127.0.0.2:{}", second.port()), silent, false);
    for (options, cost) in [("", 5_000), ("options timeout:3 single-request\n", 6_000)] {
        let conf = format!("nameserver 127.0.0.2\nnameserver 127.0.0.3\n{options}");
        let etc = Etc::new("check-dead", Some(&conf));
        etc.write("nsswitch.conf", NSSWITCH);
        let ended = check_silent(&etc, &second.port(), &["--json", "www.example"]);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let document = ended.json();
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "dns-first-server-dead");
        assert_eq!(finding["evidence"]["cost_ms"], cost);
        let steps = document["targets"][0]["steps"].as_array().expect("steps").clone();
        let told: Vec<(&str, &str)> = steps
            .iter()
            .map(|it| (it["step"].as_str().expect("text"), it["outcome"].as_str().expect("text")))
            .collect();
        assert_eq!(
            told,
            [
                ("hosts", "no-entry"),
                ("server", "timeout"),
                ("server", "answer"),
                ("getaddrinfo", "not-measured")
            ]
        );
        let text = check_silent(&etc, &second.port(), &["www.example"]);
        assert!(
            text.out.contains("2 of 2 queries unanswered") || text.out.contains("4 of 4"),
            "{text:?}"
        );
        assert!(text.out.contains("one of 2 servers is dead"), "{text:?}");
    }
}

#[test]
fn i9_a_first_server_that_refuses_costs_programs_what_that_takes() {
    let second = Stub::on("127.0.0.3:0", address, false);
    let etc = Etc::new("check-refused", Some("nameserver 127.0.0.2\nnameserver 127.0.0.3\n"));
    etc.write("nsswitch.conf", NSSWITCH);
    let ended = check(&etc, &second.port(), &["--json", "www.example"]);
    assert_eq!(findings(&ended), ["dns-first-server-dead"], "{ended:?}");
    let finding = ended.json()["findings"][0].clone();
    assert_eq!((ended.code(), &finding["severity"]), (Some(0), &"warning".into()), "{ended:?}");
    let cost = finding["evidence"]["cost_ms"].as_f64().expect("a number");
    assert!(cost > 0.0 && cost < 5_000.0, "{cost}");
    let message = finding["message"].as_str().expect("text").to_owned();
    assert!(message.contains("refuses queries: every new name costs programs "), "{message}");
}

#[test]
fn i9_without_anybody_to_ask_it_says_why() {
    let stub = Stub::udp(silent);
    let etc = Etc::new("check-link", None);
    symlink("../run/systemd/resolve/stub-resolv.conf", etc.file("resolv.conf")).expect("a link");
    let ended = check_silent(&etc, &stub.port(), &["--json", "www.example"]);
    assert_eq!((ended.code(), findings(&ended)), (Some(1), vec!["dns-no-server".to_owned()]));
    let finding = ended.json()["findings"][0].clone();
    assert_eq!(finding["evidence"]["link"], "../run/systemd/resolve/stub-resolv.conf");
    assert_eq!(finding["advice"], "start its service: `systemctl start systemd-resolved`");
    for (name, conf) in
        [("missing", None), ("empty", Some("")), ("silent", Some("nameserver 127.0.0.1\n"))]
    {
        let etc = Etc::new(&format!("check-{name}"), conf);
        let ended = check_silent(&etc, &stub.port(), &["--json", "www.example"]);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!(findings(&ended), ["dns-no-server"], "{name}");
        let text = check_silent(&etc, &stub.port(), &["www.example"]);
        let last = text.out.lines().last().expect("a line").to_owned();
        assert!(last.starts_with("= DNS on this machine does not work: "), "{last}");
    }
}

#[test]
fn i7_a_server_that_gives_addresses_to_names_that_do_not_exist_is_named() {
    let stub = Stub::udp(everything);
    let etc = Etc::new("check-rewrites", Some("nameserver 127.0.0.1\n"));
    etc.write("nsswitch.conf", NSSWITCH);
    let ended = check(&etc, &stub.port(), &["--json", "www.example"]);
    assert_eq!(findings(&ended), ["dns-answer-rewritten"], "{ended:?}");
    let evidence = ended.json()["findings"][0]["evidence"].clone();
    assert_eq!(evidence["answers"][0], "192.0.2.1");
    let names = evidence["names"].as_array().expect("names").clone();
    assert!(names[0].as_str().is_some_and(|name| name.ends_with(".example.")), "{names:?}");
    assert_eq!(ended.json()["targets"].as_array().map(Vec::len), Some(2), "{ended:?}");
    let text = check(&etc, &stub.port(), &["www.example"]);
    assert!(
        text.out.contains("\n= DNS on this machine gives answers for names that do"),
        "{text:?}"
    );
}

#[test]
fn i9_without_a_server_this_machine_itself_is_asked() {
    let stub = Stub::udp(address);
    let etc = Etc::new("check-own", Some("# nobody\n"));
    etc.write("nsswitch.conf", NSSWITCH);
    let ended = check(&etc, &stub.port(), &["--json", "www.example"]);
    assert_eq!((ended.code(), findings(&ended)), (Some(0), Vec::new()), "{ended:?}");
    assert_eq!(ended.json()["targets"][0]["results"][0]["address"], "127.0.0.1");
}

#[test]
fn i9_a_search_list_costs_queries() {
    fn alone(asked: &Asked<'_>) -> Option<Vec<u8>> {
        let is_it = asked.name() == "www.example";
        if is_it { address(asked) } else { Some(asked.answer(3, [0, 0, 0], &[])) }
    }
    let stub = Stub::udp(alone);
    let etc = Etc::new(
        "check-search",
        Some("nameserver 127.0.0.1\nsearch a.example b.example\noptions ndots:5\n"),
    );
    etc.write("nsswitch.conf", NSSWITCH);
    let ended = check(&etc, &stub.port(), &["--json", "www.example"]);
    assert_eq!(
        (ended.code(), findings(&ended)),
        (Some(0), vec!["dns-search-amplifies".to_owned()])
    );
    let evidence = ended.json()["findings"][0]["evidence"].clone();
    assert_eq!(
        (&evidence["queries"], &evidence["names"][1]),
        (&4.into(), &"www.example.b.example".into())
    );
    let ended = check(&etc, &stub.port(), &["--json", "www.example."]);
    assert_eq!(findings(&ended), [""; 0], "it is meant as it stands");
}

#[test]
fn what_check_has_no_use_for_is_refused() {
    for words in [
        &["--check", "a.example", "b.example"][..],
        &["--check", "a.example", "MX"],
        &["--check", "a.example", "@127.0.0.1"],
        &["--check", "192.0.2.1"],
        &["--check", "-c", "3", "a.example"],
        &["--check", "--short", "a.example"],
    ] {
        let ended = dns(words);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
    }
}

/// A namespace in which 127.0.0.1 is the only server and these are hosts and nsswitch.conf.
fn machine(hosts: &str, nsswitch: &str, more: &str) -> Option<Namespace> {
    Namespace::new(&format!(
        "ip addr add 192.0.2.5/32 dev lo
         mount -t tmpfs none /mnt
         printf 'nameserver 127.0.0.1\\n{more}' > /mnt/resolv.conf
         printf '{hosts}' > /mnt/hosts
         printf 'hosts: {nsswitch}\\n' > /mnt/nsswitch.conf
         for file in resolv.conf hosts nsswitch.conf; do
             mount --bind /mnt/$file /etc/$file
         done"
    ))
}

/// One address for every name but those under `internal` and those of one label, which do not exist.
fn everywhere(question: &[u8]) -> Option<Vec<u8>> {
    let end = 12 + question.get(12..)?.iter().position(|byte| *byte == 0)? + 5;
    let is_internal = question.windows(9).any(|it| it == b"\x08internal")
        || question.windows(8).any(|it| it == b"\x07invalid")
        || end == 12 + usize::from(question[12]) + 6;
    let is_a = question.get(end - 3) == Some(&1);
    let count = u8::from(is_a && !is_internal);
    let rcode = if is_internal { 3 } else { 0 };
    let mut bytes = [&question[..2], &[0x81, 0x80 | rcode, 0, 1, 0, count, 0, 0, 0, 0]].concat();
    bytes.extend(&question[12..end]);
    if count > 0 {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 80]);
    }
    Some(bytes)
}

fn judged(machine: &Namespace, name: &str) -> crate::support::process::Ended {
    run(&mut machine.netdiag(&["dns", "--check", "--json", name]))
}

#[test]
fn i8_what_programs_are_told_is_asked_by_their_own_way_and_who_decided_is_named() {
    if !std::path::Path::new("/usr/bin/getent").exists() {
        return;
    }
    let Some(plain) = machine("127.0.0.1 localhost\\n192.0.2.99 www.example\\n", "files dns", "")
    else {
        return;
    };
    plain.serve_names(everywhere);
    // The hosts file has another address.
    let ended = judged(&plain, "www.example");
    assert_eq!((ended.code(), findings(&ended)), (Some(0), vec!["dns-path-diverges".to_owned()]));
    let finding = ended.json()["findings"][0].clone();
    assert_eq!(
        (&finding["evidence"]["module"], &finding["evidence"]["line"]),
        (&"files".into(), &2.into())
    );
    assert_eq!(finding["evidence"]["programs"][0], "192.0.2.99");
    assert_eq!(finding["evidence"]["answers"][0], "192.0.2.80");
    let steps = ended.json()["targets"][0]["steps"].clone();
    let diverges: Vec<bool> =
        steps.as_array().expect("steps").iter().map(|it| it["diverges"] == true).collect();
    assert_eq!(diverges, [true, false, true], "{steps}");
    // Nobody has another.
    let ended = judged(&plain, "mail.example");
    assert_eq!((ended.code(), findings(&ended)), (Some(0), Vec::new()), "{ended:?}");
    let own = ended.json()["targets"][0]["steps"][2].clone();
    assert_eq!(
        (&own["step"], &own["outcome"], &own["answers"][0]),
        (&"getaddrinfo".into(), &"answer".into(), &"192.0.2.80".into())
    );
    let text = Process::start(&mut plain.netdiag(&["dns", "--check", "mail.example"])).wait();
    assert!(text.out.starts_with("dns --check on this machine: /etc/resolv.conf (regular file), nsswitch \"hosts: files dns\""), "{text:?}");
    assert!(
        text.out.contains("= DNS on this machine gives right answers, to programs in "),
        "{text:?}"
    );
    // Nobody knows it.
    let ended = judged(&plain, "none.internal");
    assert_eq!((ended.code(), findings(&ended)), (Some(0), Vec::new()), "{ended:?}");
    // Without a name there is nothing for programs to look up.
    let root = Process::start(&mut plain.netdiag(&["dns", "--check", "--json"])).wait();
    assert_eq!(root.target()["name"], ".");
}

#[test]
fn i8_a_search_list_and_a_module_that_is_left_out_are_named() {
    if !std::path::Path::new("/usr/bin/getent").exists() {
        return;
    }
    let Some(search) = machine("127.0.0.1 localhost\\n", "files dns", "search corp.example\\n")
    else {
        return;
    };
    search.serve_names(everywhere);
    // Programs get that of db.corp.example, and so is the server asked.
    let ended = judged(&search, "db");
    assert_eq!((ended.code(), findings(&ended)), (Some(0), Vec::new()), "{ended:?}");
    let target = ended.json()["targets"][0].clone();
    assert_eq!((&target["target"], &target["name"]), (&"db".into(), &"db.corp.example.".into()));
    let text = Process::start(&mut search.netdiag(&["dns", "--check", "db"])).wait();
    assert!(text.out.contains("; by the search list db is db.corp.example."), "{text:?}");
    let Some(files) = machine("127.0.0.1 localhost\\n", "files", "") else { return };
    files.serve_names(everywhere);
    let ended = judged(&files, "www.example");
    let document = ended.json();
    assert_eq!(findings(&ended), ["dns-path-diverges", "dns-config-ignored"], "{document}");
    assert_eq!(document["targets"][0]["steps"][2]["outcome"], "not-found");
}

#[test]
fn i8_the_stub_of_systemd_resolved_and_the_servers_behind_it_are_told_apart() {
    let Some(machine) = Namespace::new(
        "ip addr add 192.0.2.5/32 dev lo
         mount -t tmpfs none /run
         mkdir -p /run/systemd/resolve
         echo 'nameserver 127.0.0.1' > /run/systemd/resolve/resolv.conf
         mount -t tmpfs none /mnt
         echo 'nameserver 127.0.0.53' > /mnt/resolv.conf
         mount --bind /mnt/resolv.conf /etc/resolv.conf",
    ) else {
        return;
    };
    machine.serve_names(everywhere);
    let ended = judged(&machine, "www.example");
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let document = ended.json();
    let steps = document["targets"][0]["steps"].as_array().expect("steps").clone();
    let told = steps.iter().map(|it| {
        let text = |key: &str| it[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", text("step"), text("server"), text("outcome"))
    });
    let told: Vec<String> = told.collect();
    assert_eq!(
        told[1..3],
        ["server 127.0.0.53:53 unreachable", "uplink 127.0.0.1:53 answer"],
        "{told:?}"
    );
    let findings = document["findings"].as_array().expect("a list");
    let finding = findings.iter().find(|it| it["code"] == "dns-no-server").expect("it is told");
    assert_eq!(finding["advice"], "start its service: `systemctl start systemd-resolved`");
    let text = Process::start(&mut machine.netdiag(&["dns", "--check", "www.example"])).wait();
    assert!(text.out.contains("127.0.0.1 (of systemd-resolved)"), "{text:?}");
}

/// What programs would be given by a folder that none of them reads.
#[test]
fn i8_the_hosts_file_of_a_copy_decides_before_its_servers() {
    let stub = Stub::udp(address);
    let etc = Etc::new("check-copy", Some("nameserver 127.0.0.1\n"));
    let verdict = |words: &[&str]| {
        let ended = check(&etc, &stub.port(), words);
        let last = ended.out.lines().last().unwrap_or_default().to_owned();
        (ended.out, last)
    };
    etc.write("nsswitch.conf", NSSWITCH);
    etc.write("hosts", "192.0.2.200 www.example\n127.0.0.1 localhost\n");
    let (text, last) = verdict(&["www.example"]);
    assert!(text.contains("/hosts line 1 (module files); 127.0.0.1"), "{text}");
    assert!(text.contains("(dns-path-diverges)") && last.contains("told something else"), "{text}");
    // No server need know this one.
    let (text, last) = verdict(&["localhost"]);
    assert!(!text.contains("differs") && last.contains("the name is this machine"), "{text}");
    etc.write("nsswitch.conf", "hosts: files\n");
    etc.write("hosts", "");
    let (text, last) = verdict(&["www.example"]);
    assert!(last.contains("answers, and programs never ask it"), "{text}");
    etc.write("resolv.conf", "nameserver 127.0.0.1\nnameserver\n");
    let (text, _) = verdict(&["www.example"]);
    assert!(text.contains("resolv.conf line 2: `nameserver` has no address behind it"), "{text}");
}
