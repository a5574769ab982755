//! Tables that were saved elsewhere (J1).

use super::fixture::{States, sockets};
use super::{list, tuples};
use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::schema;
use serde_json::Value;
use std::path::Path;

/// The program on what was saved, outside of any namespace.
fn saved(path: &str, words: &[&str]) -> Ended {
    run(bound(NETDIAG).args(["sockets", "--procfs", path]).args(words))
}

/// A folder that goes at the end.
struct Folder(String);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            format!("{}/netdiag-{name}-{}", std::env::temp_dir().display(), std::process::id());
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn j1_a_saved_copy_lists_what_was_there() {
    let Some(states) = States::new() else { return };
    let folder = Folder::new("saved");
    let path = &folder.0;
    // As a report has it: /proc/net below, and settings.
    states.namespace.run(&format!(
        "mkdir -p {path}/net {path}/sys/net/ipv4
         cp /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 /proc/net/raw /proc/net/raw6 {path}/net
         cp /proc/net/snmp /proc/net/netstat /proc/net/sockstat /proc/net/sockstat6 {path}/net
         cp /proc/sys/net/ipv4/ip_local_port_range {path}/sys/net/ipv4"
    ));
    let live = sockets(&states.namespace, &["--json", "--tcp"]).json();
    let document = saved(path, &["--json", "--tcp"]).json();
    schema::check("sockets", &document);
    // CLOSED ones are in no table, and a request has no row there by its own name.
    assert_eq!(tuples(list(&document)), tuples(list(&live)));
    assert_eq!(document["sockets"][0]["owner"], Value::Null);
    // A copy does not have the limits of queues, and 0 would be one.
    let listener = list(&document).iter().find(|socket| socket["state"] == "LISTEN");
    let listener = listener.expect("a listener");
    assert_eq!(
        (&listener["accept_queue"], &listener["receive_queue"]),
        (&Value::Null, &0.into()),
        "{listener}"
    );
    assert_eq!(document["method"]["socket"], "files");
    let lost = document["method"]["lost"].to_string();
    assert!(lost.contains("owners, which are not in saved tables"), "{lost}");
    let net = format!("{path}/net");
    assert_eq!(list(&saved(&net, &["--json", "--tcp"]).json()).len(), list(&live).len());
    let file = format!("{path}/net/tcp");
    assert_eq!(list(&saved(&file, &["--json"]).json()).len(), list(&live).len());
    let text = saved(path, &[":9007"]).out;
    let head = text.lines().next().expect("a line");
    assert!(head.contains(&format!("saved in {path} (little-endian, without owners)")), "{head}");
    assert!(text.contains("CLOSE-WAIT") && text.contains("FIN-WAIT-2"), "{text}");
    let summary = saved(path, &["--summary"]);
    assert!(
        summary.out.contains("since this network namespace began")
            && summary.out.contains("CLOSE-WAIT"),
        "{summary:?}"
    );
    assert_eq!(summary.code(), Some(0), "{summary:?}");
    assert!(summary.out.contains("what needs these was not judged"), "{summary:?}");
    let classic = saved(path, &["--classic=ss", "--tcp", "state", "close-wait"]).out;
    assert!(classic.contains(":9007"), "{classic}");
    for (words, said) in [
        (&["--processes"][..], "cannot be used with"),
        (&["pid", "1"], "owners are not in saved tables"),
        (&["--classic=lsof"], "owners are not in saved tables"),
        (&["--watch=1"], "cannot be used with"),
        (&["--audit"], "cannot be used with"),
        (&["-A"], "cannot be used with"),
    ] {
        let ended = saved(path, words);
        assert_eq!(ended.code(), Some(2), "{words:?} {ended:?}");
        assert!(ended.err.contains(said), "{words:?} {ended:?}");
    }
}

/// A copy of a machine of the other byte order, told by its addresses, by nothing, or by the user.
#[test]
fn j1_the_byte_order_is_that_of_the_copy() {
    let folder = Folder::new("order");
    let write = |name: &str, lines: &[&str]| {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let text = format!("{head}{}\n", lines.join("\n"));
        std::fs::write(Path::new(&folder.0).join(name), text).expect("writable");
    };
    let rest = "00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
    let line = |ends: &str| format!("   0: {ends} {rest}");
    let ends = |words: &[&str]| -> Vec<String> {
        let document = saved(&folder.0, &[&["--json"], words].concat()).json();
        let lost = document["method"]["lost"].to_string();
        let all = list(&document).iter().map(|socket| {
            format!("{} {}", super::end(&socket["local"]), super::end(&socket["remote"]))
        });
        let mut all: Vec<String> = all.collect();
        all.extend(lost.contains("byte order").then(|| "a guess".to_owned()));
        all.extend(lost.contains("1 line that").then(|| "a line".to_owned()));
        all
    };
    // From a big machine, cut off in the middle of a line.
    write("tcp", &[&line("7F000001:0050 0A000002:9C40 08"), "   1: 0A0000"]);
    write(
        "tcp6",
        &[&line("20010DB8000000000000000000000001:01BB 20010DB8000000000000000000000002:C000 01")],
    );
    assert_eq!(
        ends(&[]),
        ["127.0.0.1:80 10.0.0.2:40000", "[2001:db8::1]:443 [2001:db8::2]:49152", "a line"]
    );
    assert_eq!(
        ends(&["--byte-order=little", "dst", "2.0.0.10"]),
        ["1.0.0.127:80 2.0.0.10:40000", "a line"]
    );
    write("tcp", &[&line("0200000A:0050 0300000A:9C40 08")]);
    std::fs::remove_file(Path::new(&folder.0).join("tcp6")).expect("it was there");
    assert_eq!(ends(&[]), ["10.0.0.2:80 10.0.0.3:40000", "a guess"]);
    let none = saved(&format!("{}/none", folder.0), &[]);
    assert!(none.code() == Some(3) && none.err.contains("ENOENT"), "{none:?}");
    let other = format!("{}/notes", folder.0);
    std::fs::write(&other, "no table\n").expect("writable");
    let ended = saved(&other, &[]);
    assert!(ended.code() == Some(3) && ended.err.contains("EINVAL"), "{ended:?}");
    write("tcp", &[]);
    assert_eq!(saved(&folder.0, &["--json"]).code(), Some(0));
    let alone = run(bound(NETDIAG).args(["sockets", "--byte-order=big"]));
    assert_eq!(alone.code(), Some(2), "{alone:?}");
}
