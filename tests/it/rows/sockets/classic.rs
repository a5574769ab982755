//! `--classic`: what netstat, ss and lsof print of the same sockets (J1).

use super::fixture::{States, listener, sockets};
use crate::support::process::{Namespace, bound, has, run, stopwatch};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The lines in order, since where one stands is up to the kernel's file.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What a program prints into a pipe, which is what ours does.
fn same(namespace: &Namespace, theirs: &[&str], ours: &[&str]) {
    let (program, words) = theirs.split_first().expect("a program");
    if !has(program) {
        return;
    }
    let theirs = run(namespace.command(program).args(words));
    let ended = sockets(namespace, ours);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(sorted(&ended.out), sorted(&theirs.out), "{ours:?}\n{}\n{}", ended.out, theirs.out);
    assert_eq!(ended.out.lines().next(), theirs.out.lines().next());
}

#[test]
fn j1_the_classic_columns_are_those_of_the_programs() {
    let Some(states) = States::new() else { return };
    let _more = states.namespace.inside(|| {
        let open = std::net::TcpListener::bind("[::]:9070").expect("free");
        let client = std::net::TcpStream::connect("127.0.0.1:9070").expect("it listens");
        let server = open.accept().expect("a connection").0;
        let udp = std::net::UdpSocket::bind("[::1]:9071").expect("free");
        udp.connect("[::1]:9072").expect("an address");
        (open, client, server, udp)
    });
    for (theirs, ours) in [
        (&["netstat", "-nat"][..], &["--classic=netstat", "--tcp"][..]),
        (&["netstat", "-natuw"], &["--classic=netstat", "-tuw"]),
        (&["netstat", "-ntul"], &["--classic=netstat", "--listening"]),
        (&["ss", "-tan"], &["--classic=ss", "--tcp"]),
        (&["ss", "-tuawn"], &["--classic=ss", "-tuw"]),
        (&["ss", "-tan", "state", "established"], &["--classic=ss", "-t", "state", "established"]),
        (&["ss", "-tln"], &["--classic=ss", "-tl"]),
        (&["ss", "-uan", "state", "established"], &["--classic=ss", "-u", "state", "established"]),
        (&["ss", "-tan", "state", "big"], &["--classic=ss", "-t", "state", "big"]),
        (&["ss", "-uan", "state", "all"], &["--classic=ss", "-u", "state", "all"]),
    ] {
        same(&states.namespace, theirs, ours);
    }
}

/// Of this process: any other has its sockets while it begins.
#[test]
fn j1_the_list_of_lsof_is_that_of_a_port() {
    let Some(states) = States::new() else { return };
    let me = std::process::id().to_string();
    let own = |text: &str| -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        text.lines().map(words).filter(|words| words.get(1) == Some(&me)).collect()
    };
    let port = states.port("CLOSE-WAIT");
    let ours = sockets(&states.namespace, &["--classic=lsof", &format!(":{port}")]);
    assert_eq!(own(&ours.out).len(), 2, "{ours:?}");
    let head: Vec<&str> = ours.out.lines().next().unwrap_or_default().split_whitespace().collect();
    let columns = ["COMMAND", "PID", "USER", "FD", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"];
    assert_eq!(head, columns);
    assert!(ours.out.contains(" (CLOSE_WAIT)\n"), "{ours:?}");
    if has("lsof") {
        let words = ["-nP".to_owned(), format!("-i:{port}")];
        let theirs = run(states.namespace.command("lsof").args(words));
        assert_eq!(own(&ours.out), own(&theirs.out), "{ours:?} {theirs:?}");
    }
    // UDP-Lite, where this kernel has it.
    let lite = states.namespace.inside(|| {
        let kind = socket2::Protocol::from(136);
        let lite = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, Some(kind));
        let lite = lite.ok()?;
        let to = std::net::SocketAddr::from(([127, 0, 0, 1], 9074));
        lite.bind(&socket2::SockAddr::from(to)).expect("free");
        Some(lite)
    });
    if lite.is_some() {
        let ours = sockets(&states.namespace, &["--classic=lsof", ":9074"]);
        assert!(ours.out.contains(" UDPLITE 127.0.0.1:9074"), "{ours:?}");
        if has("lsof") {
            let theirs = run(states.namespace.command("lsof").args(["-nP", "-i:9074"]));
            assert_eq!(own(&ours.out), own(&theirs.out), "{ours:?} {theirs:?}");
        }
        let list = sockets(&states.namespace, &["--json", ":9074"]).json();
        assert_eq!(list["sockets"], serde_json::json!([]), "the list is that of ss");
    }
    let none = sockets(&states.namespace, &["--classic=lsof", ":1"]);
    assert_eq!((none.code(), none.out.as_str()), (Some(0), ""), "{none:?}");
}

#[test]
fn j1_with_processes_the_classic_lists_name_them() {
    let Some(states) = States::new() else { return };
    let me = std::process::id();
    let words = ["--classic=netstat", "-tp", "state", "close-wait,time-wait"];
    let netstat = sockets(&states.namespace, &words).out;
    assert!(netstat.contains(&format!(" CLOSE_WAIT  {me}/")), "{netstat}");
    assert!(netstat.contains(" TIME_WAIT   -  "), "{netstat}");
    let ss = sockets(&states.namespace, &["--classic=ss", "-tp", "state", "close-wait"]).out;
    assert!(ss.contains(" users:((\"") && ss.contains(&format!(",pid={me},fd=")), "{ss}");
}

/// A parent and its child with one socket: ss names the one that it found last first.
#[test]
fn j1_several_processes_of_a_socket_stand_in_the_order_of_ss() {
    let Some(namespace) = Namespace::loopback() else { return };
    if !has("ss") {
        return;
    }
    let open = namespace.inside(|| listener(9073, 8));
    let mut command = bound("sh");
    // What is left running by a shell has nothing for its standard input but what it is given.
    let script = "exec 3<&0; setpriv --pdeathsig KILL sleep 30 <&3 3<&- & exec sleep 30 3<&-";
    command.args(["-c", script]).stdin(OwnedFd::from(open));
    let mut parent = command.spawn().expect("sh starts");
    drop(command);
    // No other process has it any more, as one does that is just about to begin.
    let since = stopwatch();
    let names = || {
        let document = sockets(&namespace, &["--json", "--processes", "--tcp"]).json();
        let all = document["sockets"][0]["processes"].as_array().cloned().unwrap_or_default();
        all.into_iter().map(|process| process["name"].clone()).collect::<Vec<_>>()
    };
    while names() != ["sleep", "sleep"] {
        assert!(since() < Duration::from_secs(10), "two have it: {:?}", names());
    }
    // Only how far the names of columns are filled up differs between versions of ss.
    let users = |out: &str| {
        let (_, users) = out.split_once(" users:((").expect("users");
        users.trim_end().to_owned()
    };
    let ours = users(&sockets(&namespace, &["--classic=ss", "-tlp"]).out);
    assert_eq!(ours, users(&namespace.run("ss -tlnp")));
    let _ = parent.kill();
    let _ = parent.wait();
}
