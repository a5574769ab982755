//! `--classic`: what netstat, ss and lsof print of the same sockets (J1).

use super::fixture::{States, listener, sockets};
use crate::support::process::{Namespace, bound, has, run, stopwatch};
use socket2::Socket;
use std::net::{TcpListener, TcpStream, UdpSocket};
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
    let _more = states.namespace.inside(of_both_families);
    for (theirs, ours) in [
        (&["netstat", "-nat"][..], &["--classic=netstat", "--tcp"][..]),
        (&["netstat", "-nau"], &["--classic=netstat", "-u"]),
        (&["netstat", "-naw"], &["--classic=netstat", "-w"]),
        (&["netstat", "-natuw"], &["--classic=netstat", "-tuw"]),
        (&["netstat", "-natu4"], &["--classic=netstat", "-4"]),
        (&["netstat", "-natu6"], &["--classic=netstat", "-6"]),
        (&["netstat", "-ntul"], &["--classic=netstat", "--listening"]),
        (&["netstat", "-nwl"], &["--classic=netstat", "-wl"]),
        (&["netstat", "-nul6"], &["--classic=netstat", "-ul6"]),
        (&["ss", "-tan"], &["--classic=ss", "--tcp"]),
        (&["ss", "-tuawn"], &["--classic=ss", "-tuw"]),
        (&["ss", "-tan", "state", "established"], &["--classic=ss", "-t", "state", "established"]),
        (&["ss", "-tln"], &["--classic=ss", "-tl"]),
        (&["ss", "-tuwln"], &["--classic=ss", "-tuwl"]),
        (&["ss", "-uln6"], &["--classic=ss", "-ul6"]),
        (&["ss", "-tuan4"], &["--classic=ss", "-4"]),
        (&["ss", "-wan"], &["--classic=ss", "-w"]),
        (&["ss", "-tan", "state", "close"], &["--classic=ss", "-t", "state", "close"]),
        (&["ss", "-tan", "state", "closing"], &["--classic=ss", "-t", "state", "closing"]),
        (&["ss", "-tan", "state", "bucket"], &["--classic=ss", "-t", "state", "bucket"]),
        (&["ss", "-tan", "exclude", "listening"], &["--classic=ss", "-t", "exclude", "listening"]),
        (&["ss", "-tan", "dport", "=", ":9006"], &["--classic=ss", "-t", "dport", "=", ":9006"]),
        (
            &["ss", "-tan", "not", "sport", "<=", ":9006"],
            &["--classic=ss", "-t", "not", "sport", "<=", ":9006"],
        ),
        (&["ss", "-tan", "dst", "[::1]:9069"], &["--classic=ss", "-t", "dst", "[::1]:9069"]),
        // The lines that everybody types.
        (&["netstat", "-tulan"], &["--classic=netstat", "-tulan"]),
        (&["ss", "-tan"], &["--classic=ss", "-tan"]),
        (&["ss", "-tlan"], &["--classic=ss", "-tlan"]),
        (&["ss", "-tanl"], &["--classic=ss", "-tanl"]),
        (&["ss", "-tan", "src", "127.0.0.0/8"], &["--classic=ss", "-t", "src", "127.0.0.0/8"]),
        (&["ss", "-uan", "state", "established"], &["--classic=ss", "-u", "state", "established"]),
        (&["ss", "-tan", "state", "big"], &["--classic=ss", "-t", "state", "big"]),
        (&["ss", "-uan", "state", "all"], &["--classic=ss", "-u", "state", "all"]),
    ] {
        same(&states.namespace, theirs, ours);
    }
}

/// Listeners of IPv6, a connection of it, one of IPv4 to a socket of IPv6, and UDP.
fn of_both_families() -> impl Sized {
    let open = TcpListener::bind("[::]:9070").expect("free");
    let client = TcpStream::connect("127.0.0.1:9070").expect("it listens");
    let server = open.accept().expect("a connection").0;
    let six = TcpListener::bind("[::1]:9069").expect("free");
    let other = TcpStream::connect("[::1]:9069").expect("it listens");
    let udp = UdpSocket::bind("[::1]:9071").expect("free");
    udp.connect("[::1]:9072").expect("an address");
    let mapped = UdpSocket::bind("[::]:9075").expect("free");
    mapped.connect("[::ffff:127.0.0.1]:9072").expect("an address");
    (open, client, server, six, other, udp, mapped)
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
        // By the family of addresses, where more than the family is asked for.
        let _more = states.namespace.inside(of_both_families);
        for (theirs, ours) in [
            (&["-i"][..], &[][..]),
            (&["-i4"], &["-4"]),
            (&["-i6"], &["-6"]),
            (&["-iTCP"], &["-t"]),
            (&["-iUDP"], &["-u"]),
            (&["-i4TCP"], &["-4t"]),
            (&["-i6TCP"], &["-6t"]),
            (&["-i4UDP"], &["-4u"]),
            (&["-i6UDP"], &["-6u"]),
            (&["-i4:9070"], &["-4", ":9070"]),
            (&["-i6:9070"], &["-6", ":9070"]),
            (&["-i@127.0.0.1:9070"], &["127.0.0.1:9070"]),
            (&["-i:9069-9070"], &[":9069-9070"]),
            (&["-iTCP", "-sTCP:LISTEN"], &["-tl"]),
            (&["-iTCP", "-sTCP:CLOSE_WAIT"], &["-t", "state", "close-wait"]),
            (&["-iTCP", "-sTCP:^LISTEN"], &["-t", "not", "state", "listen"]),
        ] {
            let words = [&["-nP"], theirs].concat();
            let theirs = run(states.namespace.command("lsof").args(words));
            let ended = sockets(&states.namespace, &[&["--classic=lsof"], ours].concat());
            assert_eq!(own(&ended.out), own(&theirs.out), "{ours:?} {ended:?} {theirs:?}");
        }
    }
    // UDP-Lite, where this kernel has it.
    let lite = states.namespace.inside(|| {
        let kind = socket2::Protocol::from(136);
        let lite = Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, Some(kind));
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

/// Two processes with a listener each: one is called another thing than it is, as servers do.
#[test]
fn j1_with_processes_the_classic_columns_are_those_of_the_programs() {
    let Some(namespace) = Namespace::loopback() else { return };
    if !has("bash") {
        return;
    }
    let begin = |open: Socket, name: &str| {
        let mut command = bound("bash");
        let script = format!("exec -a '{name}' sleep 30");
        command.args(["-c", &script]).stdin(OwnedFd::from(open));
        command.spawn().expect("bash starts")
    };
    let mut both = vec![begin(
        namespace.inside(|| listener(9076, 8)),
        "nginx: master process /usr/sbin/nginx -g daemon on;",
    )];
    let since = stopwatch();
    let names = || {
        let document = sockets(&namespace, &["--json", "--processes", "--tcp"]).json();
        let list = document["sockets"].as_array().cloned().unwrap_or_default();
        let all = list.iter().flat_map(|socket| socket["processes"].as_array().cloned());
        all.flatten().map(|process| process["name"].clone()).collect::<Vec<_>>()
    };
    let settle = |count: usize| {
        while names() != vec!["sleep"; count] {
            assert!(since() < Duration::from_secs(10), "{count} are there: {:?}", names());
        }
    };
    let check = || {
        same(&namespace, &["netstat", "-ntlp"], &["--classic=netstat", "-tlp"]);
        same(&namespace, &["ss", "-tlnp"], &["--classic=ss", "-tlp"]);
        same(&namespace, &["lsof", "-nPi"], &["--classic=lsof"]);
    };
    settle(1);
    check();
    both.push(begin(
        namespace.inside(|| listener(9077, 8)),
        "/opt/a server/with-a-long-name-of-its-own",
    ));
    settle(2);
    check();
    for process in &mut both {
        let _ = process.kill();
        let _ = process.wait();
    }
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
