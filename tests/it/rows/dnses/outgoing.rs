//! What options put into the packets of queries stands in them, whatever carries them.

use crate::support::process::{Ended, Namespace, Process, run};

/// 10.21.0.1 and .3, fd21::1 and ::3 here; .2 and ::2 there, where nobody serves.
struct Pair {
    here: Namespace,
    far: Namespace,
}

impl Pair {
    fn new() -> Option<Self> {
        let far = Namespace::loopback()?;
        let here = Namespace::new(&format!(
            "ip link add lab0 type veth peer name far0 netns {}
             ip addr add 10.21.0.1/24 dev lab0
             ip addr add 10.21.0.3/24 dev lab0
             ip addr add fd21::3/64 dev lab0 nodad
             ip addr add fd21::1/64 dev lab0 nodad
             ip link set lab0 up
             ip link add lab1 type veth peer name lab2
             ip addr add 10.21.1.1/24 dev lab1
             ip link set lab1 up
             nft add table inet lab
             nft 'add chain inet lab out {{ type filter hook output priority 0; }}'
             nft 'add rule inet lab out meta mark 77 counter'",
            far.pid()
        ))?;
        far.run(
            "ip addr add 10.21.0.2/24 dev far0
             ip addr add fd21::2/64 dev far0 nodad
             ip link set far0 up",
        );
        for to in ["10.21.0.2", "fd21::2"] {
            here.run(&format!("ping -q -c 1 -W 5 {to}"));
        }
        Some(Self { here, far })
    }

    fn dns(&self, words: &[&str]) -> Ended {
        let fixed = ["dns", "--retries", "0", "-W", "300ms", "a.example", "A"];
        run(&mut self.here.netdiag(&[&fixed[..], words].concat()))
    }

    /// The first packet that comes there of a run.
    fn arriving(&self, port: &str, words: &[&str]) -> String {
        let mut tcpdump = self.far.command("tcpdump");
        tcpdump.args(["-i", "far0", "-Q", "in", "-n", "-v", "-l", "--immediate-mode"]);
        let only = format!("dst port {port} and (udp or tcp[13] == 2 or ip6[53] == 2)");
        let tcpdump = Process::start(tcpdump.args(["-c", "1", &only]));
        tcpdump.until_err(|err| err.contains("listening on"));
        let ended = self.dns(words);
        assert_eq!(ended.code(), Some(1), "nobody serves: {words:?} {ended:?}");
        tcpdump.wait().out.lines().map(str::trim).collect::<Vec<&str>>().join(" ")
    }
}

#[test]
fn source_ttl_and_dscp_stand_in_each_packet_over_every_transport() {
    let Some(pair) = Pair::new() else { return };
    for transport in [&[][..], &["--tcp"], &["--tls"], &["--https"]] {
        for (words, fields) in [
            (["@10.21.0.2", "-b", "10.21.0.3"], ["tos 0xb8", "ttl 9,", "10.21.0.3."]),
            (["@fd21::2", "--source", "fd21::3"], ["class 0xb8", "hlim 9,", "fd21::3."]),
        ] {
            let more = ["-p", "5399", "--ttl", "9", "--dscp", "ef"];
            let packet = pair.arriving("5399", &[&words[..], &more, transport].concat());
            for field in fields {
                assert!(packet.contains(field), "{transport:?} {field}: {packet}");
            }
        }
    }
}

#[test]
fn a_mark_and_an_interface_are_those_that_were_asked_for() {
    let Some(pair) = Pair::new() else { return };
    let marked = || {
        let told = pair.here.run("nft list chain inet lab out");
        let count = told.split("packets ").nth(1).and_then(|rest| rest.split(' ').next());
        count.and_then(|count| count.parse::<u32>().ok()).expect("a count")
    };
    let mut before = marked();
    for transport in [&[][..], &["--tcp"], &["--tls"], &["--https"]] {
        for server in ["@10.21.0.2", "@fd21::2"] {
            let ended = pair.dns(&[&[server, "--mark", "77"], transport].concat());
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            assert!(marked() > before, "{transport:?} {server}: {ended:?}");
            before = marked();
            pair.dns(&[&[server], transport].concat());
            assert_eq!(marked(), before, "{transport:?} {server}");
        }
        // By the other one nobody is found.
        let ended = pair.dns(&[&["@10.21.0.2", "-I", "lab1", "--json"], transport].concat());
        assert_ne!(ended.code(), Some(0), "{ended:?}");
        let outcome = ended.target()["results"][0]["outcome"].clone();
        assert_ne!(outcome, "answer", "{ended:?}");
        let ended = pair.dns(&[&["@10.21.0.2", "-I", "lab0", "--json"], transport].concat());
        assert_eq!(ended.target()["results"][0]["outcome"], "unreachable", "{ended:?}");
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    for words in [
        &["-b", "192.0.2.1", "@127.0.0.1"][..],
        &["-b", "::1", "@127.0.0.1"],
        &["-6", "-b", "127.0.0.1", "@::1"],
        &["-I", "nosuch0", "@127.0.0.1"],
        &["--ttl", "0", "@127.0.0.1"],
        &["--dscp", "64", "@127.0.0.1"],
        &["--tcp", "--mark", "1", "-c", "33", "@127.0.0.1"],
    ] {
        let ended = super::dns(&[&["a.example", "A"], words].concat());
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
    }
}
