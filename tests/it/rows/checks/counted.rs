//! Sockets of this machine as checks.

use super::{check, document, file, statuses};
use crate::support::process::{NETDIAG, Namespace, bound, run};
use std::net::{TcpListener, TcpStream};

#[test]
fn m1_sockets_are_counted_beside_other_checks_and_expected_to_be_few() {
    let Some(namespace) = Namespace::loopback() else { return };
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    let open = namespace.inside(|| {
        let connect = || TcpStream::connect("127.0.0.1:7000").expect("somebody listens");
        (0..3).map(|_| connect()).collect::<Vec<TcpStream>>()
    });
    // The other ends hang up, and nobody here reads that.
    let heard: Vec<TcpStream> =
        open.iter().filter_map(|_| listener.accept().ok()).map(|it| it.0).collect();
    assert_eq!(heard.len(), 3);
    drop(heard);
    let lines = [
        "sockets state close-wait count<100",
        "sockets state close-wait count<3",
        "sockets listen=1 and close_wait=3",
        "sockets --listening --tcp count=1",
        "sockets :7000 count>0 warn count>1000",
        "ping --count=1 127.0.0.1",
    ];
    let all = document(&namespace, &lines);
    let wanted = ["pass", "fail", "pass", "pass", "warn", "pass"];
    assert_eq!(statuses(&all), wanted, "{all:#}");
    let few = &all["checks"][1];
    assert_eq!(few["failed_expectation"], "sockets = 3, expected < 3", "{few:#}");
    assert_eq!(
        (&few["failure"]["stage"], &few["failure"]["reason"]),
        (&"expect".into(), &"sockets".into())
    );
    assert_eq!((&few["kind"], &few["target"]), (&"sockets".into(), &"state close-wait".into()));
    assert_eq!(few["measurement"]["summary"]["tcp"]["CLOSE-WAIT"], 3, "{few:#}");
    assert_eq!(few["method"]["socket"], "netlink", "{few:#}");
    let plugin = check(&namespace, &["-o", "nagios", lines[1]]);
    assert!(plugin.out.contains(" | 'sockets state close-wait sockets'=3;;3"), "{plugin:?}");
    drop(open);
}

#[test]
fn m1_sockets_stand_in_files_too() {
    let Some(namespace) = Namespace::loopback() else { return };
    let text = "[defaults.sockets]\ntcp = true\n\
                [[check]]\nkind = 'sockets'\nexpect = 'listen=0'\n\
                [[check]]\nname = 'ports'\nkind = 'sockets'\ntarget = 'dport >= 1024 and not state time-wait'\n\
                expect = 'ephemeral<80%'\n";
    let file = file(text);
    let all = document(&namespace, &[file.path().to_str().expect("a name")]);
    assert_eq!(statuses(&all), ["pass", "pass"], "{all:#}");
    assert_eq!(all["checks"][0]["name"], "sockets", "{all:#}");
    let wrong = |line: &str, part: &str| {
        let ended = run(bound(NETDIAG).args(["check", line]));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.err.contains(part), "{line}: {ended:?}");
    };
    wrong("sockets state close-wait", "something must be expected");
    wrong("sockets process nginx count<9", "no processes");
    wrong("sockets state sleepy count<9", "sleepy");
    wrong("sockets --watch count<9", "no option");
    wrong("sockets not_visible<1", "not_visible");
}
