//! Many owners and many ports: each is judged by its own.

use super::*;

/// However many ports are crowded, all are judged, and what is not told one by one is counted.
#[test]
fn of_many_ports_that_are_flooded_it_is_said_how_many_more_there_are() {
    let half = |port: u16, from: u16| {
        let from = format!("10.1.{}.{}:9", from / 250, from % 250 + 1);
        let socket = socket(State::SynReceived, &format!("192.0.2.1:{port}"), &from);
        waiting(Socket { inode: 0, ..socket }, TimerKind::Retransmit, 1)
    };
    let ports = 8001..=8012_u16;
    // One with very many comes first, and hides none of the others.
    let first = (0..3_000).map(|from| half(8001, from));
    let others = ports.clone().skip(1).flat_map(|port| (0..40).map(move |from| half(port, from)));
    let listeners = ports.map(|port| listener(&format!("192.0.2.1:{port}"), 64));
    let all = young(listeners.chain(first).chain(others));
    let found = judged(&everything(), &all, None, &[[5, 0, 0], [6, 30, 0]]);
    assert_eq!(found.findings.len(), 9, "{found:?}");
    assert_eq!(found.findings[0].evidence["syn_received"], 3_000);
    let more = found.findings.iter().find(|finding| finding.subject == "4 more ports");
    let more = more.expect("the rest");
    assert_eq!((more.code.as_str(), more.severity), ("syn-received-flood", Severity::Critical));
    assert_eq!(more.message, "4 more ports like these: port 8009, port 8010, port 8011, 1 more");
    assert_eq!(more.evidence["subjects"][3], "port 8012");
}

/// Two processes that half-close, one that does a little, and orphans: each is told with its own.
#[test]
fn who_still_holds_what_it_has_closed_is_told_by_owner() {
    let half_closed = |number: u16, inode: u32| {
        let remote = format!("198.51.100.{}:{}", number % 3 + 1, number + 1);
        Socket { inode, ..socket(State::FinWait2, "192.0.2.1:8011", &remote) }
    };
    let process = |pid| {
        let name = Untrusted::from("gateway");
        Process { pid, name, cgroup: None, uid: None, open: 4, started: 0 }
    };
    let mut descriptors = Vec::new();
    let mut all = Vec::new();
    for (place, count) in [(0, 300), (1, 70), (2, 20)] {
        for number in 0..count {
            let inode = place * 1_000 + u32::from(number) + 1;
            all.push(half_closed(number, inode));
            descriptors.push(Descriptor { inode, process: place, fd: 3 });
        }
    }
    let processes = vec![process(7), process(8), process(9)];
    let owners = Owners::new(processes, descriptors, 0, Sight::Machine);
    let orphans = |count| (0..count).map(|number| half_closed(number, 0));
    let found = judged(&everything(), &young(all.iter().copied()), Some(&owners), &[]);
    let code = "fin-wait-2-many";
    assert_eq!(told(&found), [(code, "gateway (7)"), (code, "gateway (8)")]);
    let counts: Vec<_> = found.findings.iter().map(|it| it.evidence["count"].clone()).collect();
    assert_eq!(counts, [300, 70]);
    assert_eq!(found.findings[1].evidence["pid"], 8);
    // Orphans apart from those, whoever is asked.
    let with = young(all.iter().copied().chain(orphans(1_000)));
    let found = judged(&everything(), &with, Some(&owners), &[]);
    let last = found.findings.last().expect("orphans");
    assert_eq!(
        (last.subject.as_str(), &last.evidence["count"]),
        ("orphans in FIN-WAIT-2", &1_000.into())
    );
    // Without owners they are of one user.
    let found = judged(&everything(), &young(all), None, &[]);
    assert_eq!(told(&found), [(code, "user 1000")]);
    assert!(found.findings[0].message.starts_with("programs of user 1000 together still hold"));
    assert_eq!(told(&judged(&everything(), &young(orphans(999)), None, &[])), []);
}

/// The rule is of one process; without a look at processes nobody knows whether it is one.
#[test]
fn who_does_not_close_is_one_process_or_said_not_to_be_known_as_one() {
    let mut all = Vec::new();
    let (mut processes, mut descriptors) = (Vec::new(), Vec::new());
    for number in 0..12 {
        let remote = format!("198.51.100.{}:9", number + 1);
        let socket = socket(State::CloseWait, "192.0.2.1:8010", &remote);
        all.push((Socket { inode: number + 1, receive_queue: 1, ..socket }, since(90)));
        let (name, pid) = (Untrusted::from("worker"), 100 + number);
        processes.push(Process { pid, name, cgroup: None, uid: None, open: 4, started: 0 });
        descriptors.push(Descriptor { inode: number + 1, process: number, fd: 3 });
    }
    let found = judged(&everything(), &all, None, &[]);
    let [leak] = found.findings.as_slice() else { panic!("{found:?}") };
    assert!(
        leak.message.starts_with("programs of user 1000 together do not close: 12"),
        "{leak:?}"
    );
    assert_eq!((leak.subject.as_str(), &leak.locus), ("user 1000", &None));
    let advice = leak.advice.as_deref().unwrap_or_default();
    assert!(advice.contains("whether it is one program: `netdiag sockets --processes"), "{advice}");
    assert!(!advice.contains("restarting user"), "{advice}");
    let each = Owners::new(processes.clone(), descriptors.clone(), 0, Sight::Machine);
    assert_eq!(told(&judged(&everything(), &all, Some(&each), &[])), []);
    descriptors.iter_mut().for_each(|descriptor| descriptor.process = 0);
    let one = Owners::new(processes, descriptors, 0, Sight::Machine);
    let found = judged(&everything(), &all, Some(&one), &[]);
    assert_eq!(told(&found), [("close-wait-leak", "worker (100)")]);
    // However many: whether they are of one process is not known.
    let many: Vec<_> = (0..200_u32)
        .map(|number| {
            let remote = format!("198.51.100.1:{}", number + 1);
            let socket = socket(State::CloseWait, "192.0.2.1:8010", &remote);
            (Socket { inode: 0x1000 + number, ..socket }, since(90))
        })
        .collect();
    assert_eq!(judged(&everything(), &many, None, &[]).findings[0].severity, Severity::Warning);
    assert_eq!(found.findings[0].locus.as_ref().map(|locus| locus.len()), Some(1));
}
