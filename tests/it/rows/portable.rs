//! The backend of systems that are not Linux, chosen on Linux.

use super::in_scenario;
use crate::support::process::{Ended, NETDIAG, Namespace, Process, run, scenario};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A ping by surge-ping.
fn portable<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    ["ping", "--backend", "portable"].iter().chain(arguments).copied().collect()
}

fn number(target: &Value, name: &str) -> u64 {
    target[name].as_u64().unwrap_or_else(|| panic!("{name}: {target}"))
}

/// Checks what must hold of any document of this backend, and returns its targets.
fn targets(ended: &Ended, socket: &str) -> Vec<Value> {
    let document = ended.json();
    let targets = document["targets"].as_array().expect("targets").clone();
    for method in targets.iter().map(|target| &target["method"]).chain([&document["method"]]) {
        assert_eq!(method["socket"], socket, "{ended:?}");
        assert_eq!(method["timestamps"], "user", "{ended:?}");
        assert_eq!(method["because"], "--backend portable was asked for", "{ended:?}");
        let lost = method["lost"].to_string();
        for what in ["kernel time stamps", "the data of replies", "duplicates", "later than"] {
            assert!(lost.contains(what), "{what}: {ended:?}");
        }
        let hears_errors = socket == "raw";
        assert_eq!(lost.contains("ICMP errors"), !hears_errors, "{ended:?}");
    }
    for target in &targets {
        let of = |name| number(target, name);
        assert_eq!(of("attempted"), of("sent") + of("local_errors"), "{ended:?}");
        let settled = of("received") + of("lost") + of("net_errors") + of("unknown");
        assert_eq!(of("sent"), settled + of("in_flight"), "{ended:?}");
    }
    targets
}

/// Runs it in a scenario over a raw and over a datagram socket.
fn both(name: &str, arguments: &[&str], check: impl Fn(&Ended, &str)) {
    super::rights::both(name, &portable(arguments), check);
}

#[test]
fn replies_are_heard_over_either_kind_of_socket() {
    let arguments = ["-c", "3", "-i", "0.05", "-s", "1000", "--json", "10.9.2.2", "fd09:2::2"];
    both("plain-20ms", &arguments, |ended, socket| {
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let targets = targets(ended, socket);
        assert_eq!(targets.len(), 2, "{ended:?}");
        for target in targets {
            assert_eq!(target["received"], 3, "{ended:?}");
            for probe in target["probes"].as_array().expect("probes") {
                assert_eq!((&probe["stamp"], &probe["bytes"]), (&"user".into(), &1008.into()));
            }
            // Its clock starts after the send, and so late where others want to run.
            let rtt = &target["rtt_ms"];
            let (min, max) = (rtt["min"].as_f64(), rtt["max"].as_f64());
            assert!(min.is_some_and(|min| min > 0.0), "{ended:?}");
            let fits = |max| (15.0..100.0).contains(&max);
            assert!(max.is_some_and(fits), "there and back take 20 ms: {ended:?}");
        }
    });
}

#[test]
fn the_text_says_whose_clock_it_is() {
    let Some(namespace) = Namespace::loopback() else { return };
    for host in ["127.0.0.1", "::1"] {
        let ended = run(&mut namespace.netdiag(&portable(&["-c", "3", "-i", "0.05", host])));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(ended.out.matches("64 bytes from ").count(), 3, "{ended:?}");
        assert!(ended.out.contains("3 packets transmitted, 3 received, 0% packet loss"));
        let clock = "round trips by this process's clock, not the kernel's";
        assert!(ended.out.contains(&format!("{clock} (its delays are inside): 3")), "{ended:?}");
        assert_eq!(ended.err, "", "{ended:?}");
    }
}

#[test]
fn a_silent_host_is_lost_by_the_engines_timeout() {
    let arguments = ["-c", "3", "-i", "0.05", "-W", "0.2", "--json", "10.9.2.2"];
    both("silent", &arguments, |ended, socket| {
        let targets = targets(ended, socket);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!((&targets[0]["sent"], &targets[0]["lost"]), (&3.into(), &3.into()), "{ended:?}");
        assert!(ended.took.as_secs() < 3, "the engine gives up first: {ended:?}");
    });
}

#[test]
fn icmp_errors_are_heard_over_raw_sockets_alone() {
    for (host, kind, code) in [("10.3.13.1", 3, 13), ("10.11.0.1", 11, 0), ("fd01:1::1", 1, 1)] {
        let arguments = ["-c", "2", "-i", "0.05", "-W", "0.5", "--json", host];
        both("icmp-errors", &arguments, |ended, socket| {
            let target = targets(ended, socket).remove(0);
            assert_eq!((ended.code(), &target["received"]), (Some(1), &0.into()), "{ended:?}");
            if socket == "raw" {
                assert_eq!(target["net_errors"], 2, "{ended:?}");
                let error = &target["icmp_errors"][0];
                assert_eq!((&error["type"], &error["code"]), (&kind.into(), &code.into()));
                assert_eq!(error["count"], 2, "{ended:?}");
            } else {
                assert_eq!((&target["lost"], &target["net_errors"]), (&2.into(), &0.into()));
            }
        });
    }
}

#[test]
fn a_reply_after_the_timeout_is_late() {
    let arguments = ["-W", "1", "-c", "8", "-i", "0.3", "--json", "10.9.2.2"];
    both("late-1500ms", &arguments, |ended, socket| {
        let target = targets(ended, socket).remove(0);
        assert_eq!((&target["received"], &target["lost"]), (&6.into(), &2.into()), "{ended:?}");
        let late = number(&target, "late");
        assert!((1..=2).contains(&late), "the last may come after the end: {ended:?}");
    });
}

#[test]
fn a_hop_limit_is_an_option_of_the_sockets() {
    let arguments = portable(&["-c", "2", "-i", "0.05", "-W", "1", "-t", "1", "--json"]);
    for host in ["10.9.3.2", "fd09:3::2"] {
        let arguments: Vec<&str> = arguments.iter().copied().chain([host]).collect();
        let Some(ended) = in_scenario(&scenario("two-routers-ttl62"), &arguments) else { return };
        let target = targets(&ended, "raw").remove(0);
        assert_eq!(target["net_errors"], 2, "{ended:?}");
        let kind = if host.contains(':') { 3 } else { 11 };
        assert_eq!(target["icmp_errors"][0]["type"], kind, "{ended:?}");
    }
}

#[test]
fn source_and_interface_are_options_of_the_sockets() {
    let Some(namespace) = Namespace::new(
        "ip link add silent0 type veth peer name far\n\
         ip addr add 192.0.2.1/32 dev silent0\n\
         ip link set silent0 up arp off\n\
         ip link set far up",
    ) else {
        return;
    };
    let arguments = portable(&["--source", "127.0.0.5", "-i", "0.05", "127.0.0.1"]);
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.contains("icmp_seq=2 "));
    let sockets = std::fs::read_to_string(format!("/proc/{}/net/raw", process.id()));
    let sockets = sockets.expect("it runs");
    assert!(sockets.contains("0500007F:"), "{sockets}");
    // Without a route only the interface says where to.
    let arguments = ["-c", "1", "-W", "0.1", "--json", "198.51.100.1"];
    let ended = run(&mut namespace.netdiag(&portable(&arguments)));
    assert_eq!(targets(&ended, "raw")[0]["local_errors"], 1, "{ended:?}");
    let mut by_interface = portable(&["-I", "silent0"]);
    by_interface.extend(arguments);
    let ended = run(&mut namespace.netdiag(&by_interface));
    assert_eq!(targets(&ended, "raw")[0]["lost"], 1, "{ended:?}");
    let ended = run(&mut namespace.netdiag(&portable(&["--source", "192.0.2.77", "127.0.0.1"])));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("--source: 192.0.2.77 is not an address of this machine"));
}

#[test]
fn what_it_cannot_do_is_a_usage_error() {
    let asked: [&[&str]; 6] = [
        &["--dscp", "ef"],
        &["--tos", "0x10"],
        &["--df", "do"],
        &["--mark", "7"],
        &["--ident", "4242"],
        &["--size", "1981"],
    ];
    for option in asked {
        let arguments: Vec<&str> = option.iter().copied().chain(["-c", "1", "127.0.0.1"]).collect();
        let ended = run(crate::support::process::bound(NETDIAG).args(portable(&arguments)));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(option[0]), "{ended:?}");
        assert!(ended.err.contains("--backend portable"), "{ended:?}");
    }
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = portable(&["--size", "1980", "-c", "1", "--json", "127.0.0.1"]);
    let ended = run(&mut namespace.netdiag(&arguments));
    assert_eq!(targets(&ended, "raw")[0]["probes"][0]["bytes"], 1988, "{ended:?}");
}

#[test]
fn signals_end_it_with_the_summary() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (signal, code, killed_by) in
        [(Signal::SIGINT, Some(0), None), (Signal::SIGTERM, None, Some(Signal::SIGTERM as i32))]
    {
        let arguments = portable(&["-i", "0.05", "127.0.0.1"]);
        let process = Process::start(&mut namespace.netdiag(&arguments));
        process.until_out(|out| out.contains("icmp_seq=2 "));
        process.signal(Signal::SIGQUIT);
        process.until_err(|err| err.contains("packets"));
        process.signal(signal);
        let ended = process.wait();
        assert_eq!((ended.code(), ended.signal()), (code, killed_by), "{ended:?}");
        assert!(ended.out.contains("--- 127.0.0.1 ping statistics ---"), "{ended:?}");
        assert!(ended.out.contains(" 0% packet loss"), "{ended:?}");
    }
}

/// The fields of this name in the status of every thread.
fn of_threads(process: &Process, name: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", process.id())).expect("it runs");
    let status = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("readable").path().join("status");
        let text = std::fs::read_to_string(path).expect("it runs");
        let field = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        field.expect("the kernel knows this").trim().to_owned()
    };
    threads.map(status).collect()
}

#[test]
fn no_right_is_left_in_any_thread() {
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = portable(&["-i", "0.05", "127.0.0.1"]);
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.contains("icmp_seq=1 "));
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        let all = of_threads(&process, set);
        assert!(all.len() >= 2, "{set}: {all:?}");
        assert!(all.iter().all(|one| one == "0000000000000000"), "{set}: {all:?}");
    }
    assert!(of_threads(&process, "NoNewPrivs").iter().all(|one| one == "1"));
}

#[test]
fn without_any_method_the_remedy_is_said() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let arguments = portable(&["-c", "1", "--json", "127.0.0.1"]);
    let ended = run(&mut namespace.nobody(&arguments));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(targets(&ended, "icmp-datagram")[0]["received"], 1, "{ended:?}");
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    for host in ["127.0.0.1", "::1"] {
        let ended = run(&mut namespace.nobody(&portable(&["-c", "1", host])));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        for remedy in ["setcap cap_net_raw+p", "net.ipv4.ping_group_range"] {
            assert!(ended.err.contains(remedy), "{remedy}: {ended:?}");
        }
        let ended = run(&mut namespace.nobody(&portable(&["-c", "1", "--json", host])));
        assert_eq!(ended.target()["failure"]["errno"]["name"], "EACCES", "{ended:?}");
    }
}
