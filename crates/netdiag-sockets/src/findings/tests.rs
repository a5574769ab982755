//! Verdicts on sockets and counters that are made up.

use super::*;
use crate::look::Plan;
use crate::owners::{Descriptor, Process, Sight};
use crate::port::{Fault, Question, Reading, Stop};
use crate::socket::{Endpoint, Timer};
use crate::{Filter, Ports, Protocol, State, Tally, TimerKind};
use netdiag_model::{Family, Instant, Untrusted};
use std::collections::VecDeque;
use std::time::Duration;

mod floods;
mod leaving;
mod listeners;
mod many;

/// Counters in turn, the last for good: connections from outside, SYNs dropped, cookies sent.
#[derive(Default)]
struct Counters {
    turns: VecDeque<[u64; 3]>,
    pauses: u32,
    /// Connections that are there at a look at the table, in turn: what they are told apart by, and
    /// their port.
    open: VecDeque<Vec<(u8, u16)>>,
    /// What had been counted before.
    counted: Option<Counted>,
    /// What sysctls say, by their paths.
    settings: BTreeMap<&'static str, &'static str>,
    /// What the listener at a port has dropped, in turn.
    drops: BTreeMap<u16, VecDeque<u32>>,
}

impl Kernel for Counters {
    fn now(&mut self) -> Instant {
        Instant::from_nanos(0)
    }

    fn dump(&mut self, _: Question, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<Reading, Fault> {
        for (cookie, port) in self.open.pop_front().unwrap_or_default() {
            let mut bytes = vec![0; Socket::BYTES];
            (bytes[0], bytes[1], bytes[44]) = (2, State::Established as u8, cookie);
            bytes[4..6].copy_from_slice(&port.to_be_bytes());
            each(&bytes);
        }
        Ok(Reading::default())
    }

    fn look(&mut self, socket: &Socket) -> Option<Vec<u8>> {
        let drops = self.drops.get_mut(&socket.local.port)?.pop_front()?;
        let mut bytes = vec![0; Socket::BYTES];
        (bytes[0], bytes[1]) = (2, State::Listen as u8);
        bytes.extend([40, 0, 7, 0]);
        bytes.extend([0; 32]);
        bytes.extend(drops.to_ne_bytes());
        Some(bytes)
    }

    fn owners(&mut self) -> Owners {
        Owners::default()
    }

    fn file(&mut self, path: &str) -> Option<String> {
        if let Some(value) = self.settings.get(path) {
            return Some((*value).to_owned());
        }
        let [passive, drops, cookies] = *self.turns.front()?;
        match path {
            "/proc/net/snmp" => Some(format!("Tcp: PassiveOpens\nTcp: {passive}\n")),
            "/proc/net/netstat" => {
                if self.turns.len() > 1 {
                    self.turns.pop_front();
                }
                Some(format!("TcpExt: ListenDrops SyncookiesSent\nTcpExt: {drops} {cookies}\n"))
            }
            _ => None,
        }
    }

    fn folder(&mut self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn watch(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn pause(&mut self, _: Duration) -> Option<Stop> {
        self.pauses += 1;
        None
    }
}

fn end(text: &str) -> Endpoint {
    let found: std::net::SocketAddr = text.parse().expect("an address");
    Endpoint { address: found.ip(), port: found.port() }
}

fn socket(state: State, local: &str, remote: &str) -> Socket {
    Socket {
        protocol: Protocol::Tcp,
        family: Family::Ipv4,
        state,
        local: end(local),
        remote: end(remote),
        interface: 0,
        timer: None,
        receive_queue: 0,
        send_queue: 0,
        uid: 1000,
        inode: 5,
        cookie: 1,
    }
}

fn listener(local: &str, backlog: u32) -> Socket {
    Socket { send_queue: backlog, ..socket(State::Listen, local, "0.0.0.0:0") }
}

/// The same with a timer.
fn waiting(socket: Socket, kind: TimerKind, retransmits: u8) -> Socket {
    Socket { timer: Some(Timer { kind, expires_ms: 900, retransmits }), ..socket }
}

/// So many seconds since the last data and the last acknowledgement.
fn since(seconds: u32) -> TcpInfo {
    let ms = seconds * 1000;
    TcpInfo {
        last_ack_received_ms: Some(ms),
        last_data_sent_ms: Some(ms),
        last_data_received_ms: Some(ms),
        rto_ms: 200.0,
        ..TcpInfo::default()
    }
}

fn filtered(text: &str) -> Plan {
    let filter = Some(Filter::parse(text).expect("a filter"));
    Plan { protocols: vec![Protocol::Tcp], filter, ..Plan::default() }
}

fn everything() -> Plan {
    Plan { protocols: vec![Protocol::Tcp], ..Plan::default() }
}

/// What is found of these, of which so much is known, by a machine with these counters.
fn judged(
    plan: &Plan,
    sockets: &[(Socket, TcpInfo)],
    owners: Option<&Owners>,
    turns: &[[u64; 3]],
) -> Judged {
    let turns = turns.iter().copied().collect();
    judged_by(Counters { turns, ..Counters::default() }, plan, sockets, owners)
}

/// The same by any machine.
fn judged_by(
    mut kernel: Counters,
    plan: &Plan,
    sockets: &[(Socket, TcpInfo)],
    owners: Option<&Owners>,
) -> Judged {
    let mut tally = Tally::new(Ports::default(), false);
    for (socket, info) in sockets {
        let owner = owners.map(|owners| (owners, owners.of(socket)));
        tally.take(socket, Some(info), owner, plan.wants(socket, owners));
    }
    tally.settle();
    let seen = Seen {
        tally,
        states: plan.read(),
        retries: 0,
        interrupted: false,
        from_files: Vec::new(),
        refused: Vec::new(),
    };
    let counted = kernel.counted.take();
    let judge = Judge {
        kernel: &mut kernel,
        seen: &seen,
        plan,
        owners,
        counted: counted.as_ref(),
        memory: None,
        not_listed: 0,
    };
    judge.findings()
}

fn young(sockets: impl IntoIterator<Item = Socket>) -> Vec<(Socket, TcpInfo)> {
    sockets.into_iter().map(|socket| (socket, since(0))).collect()
}

/// Codes and subjects.
fn told(judged: &Judged) -> Vec<(&str, &str)> {
    let all = judged.findings.iter();
    all.map(|finding| (finding.code.as_str(), finding.subject.as_str())).collect()
}

#[test]
fn half_open_connections_are_judged_port_by_port() {
    let half = |port: u16, from: &str, again| {
        let socket = socket(State::SynReceived, &format!("192.0.2.1:{port}"), from);
        waiting(Socket { inode: 0, ..socket }, TimerKind::Retransmit, again)
    };
    let strangers = (1..=40).map(|from| half(8006, &format!("198.51.100.{from}:9"), 1));
    let one = (1..=12).map(|port| half(8005, &format!("203.0.113.7:{port}"), 3));
    let mut all = young([listener("192.0.2.1:8005", 64), listener("192.0.2.1:8006", 64)]);
    all.extend(young(strangers.chain(one)));
    let flood = judged(&everything(), &all, None, &[[5, 0, 0], [6, 30, 0]]);
    assert_eq!(
        told(&flood),
        [("syn-received-flood", "port 8006"), ("syn-received-lossy", "port 8005")]
    );
    let evidence = &flood.findings[0].evidence;
    assert_eq!(
        [&evidence["syn_received"], &evidence["sources"], &evidence["backlog"]],
        [&serde_json::json!(40), &40.into(), &64.into()]
    );
    assert_eq!(flood.findings[1].evidence["syn_received"], 12);
    // A cookie that does not come back is as good as a drop.
    let cookies = judged(&everything(), &all, None, &[[5, 0, 0], [5, 0, 9]]);
    assert_eq!(told(&cookies)[0], ("syn-received-flood", "port 8006"));
    // Whatever completes at other ports, which the kernel counts with them.
    for turn in [[105, 0, 9], [105, 30, 0]] {
        let busy = judged(&everything(), &all, None, &[[5, 0, 0], turn]);
        assert_eq!(told(&busy)[0], ("syn-received-flood", "port 8006"), "{turn:?}");
    }
    // More complete there than are turned away: those of many whose answers are lost.
    let kernel = |open: [Vec<(u8, u16)>; 2], drops: [u32; 2]| Counters {
        turns: [[5, 0, 0], [105, 30, 0]].into(),
        open: open.into(),
        drops: [(8006, drops.into())].into(),
        ..Counters::default()
    };
    let open = |port| [vec![(1, port)], (1..=20).map(|cookie| (cookie, port)).collect()];
    let severity = |kernel| {
        let found = judged_by(kernel, &everything(), &all, None).findings;
        let at = found.into_iter().find(|finding| finding.subject == "port 8006").expect("one");
        (at.code, at.severity)
    };
    let (flood_is, lossy_is) = ("syn-received-flood".to_owned(), "syn-received-lossy".to_owned());
    assert_eq!(severity(kernel(open(8006), [7, 10])), (lossy_is.clone(), Severity::Warning));
    assert_eq!(severity(kernel(open(8006), [7, 40])), (flood_is.clone(), Severity::Critical));
    assert_eq!(severity(kernel(open(80), [7, 10])), (flood_is.clone(), Severity::Critical));
    // What is dropped at other ports is not this one's: nothing is turned away, and nothing completes.
    assert_eq!(severity(kernel(open(80), [7, 7])), (flood_is, Severity::Info));
    assert_eq!(severity(kernel(open(8006), [7, 7])), (lossy_is, Severity::Warning));
    // The listener is not listed, and still it is known what its backlog is.
    let filtered = judged(&filtered("state syn-recv"), &all, None, &[[5, 0, 0], [6, 30, 0]]);
    assert_eq!(told(&filtered), told(&flood));
}

#[test]
fn a_scan_is_counted_at_its_port_and_hides_no_other_target() {
    let sent = |remote: &str| {
        let socket = socket(State::SynSent, "192.0.2.1:40000", remote);
        waiting(socket, TimerKind::Retransmit, 1)
    };
    let scan = (1..=60).map(|to| sent(&format!("198.51.100.{to}:445")));
    let all = young((0..8).map(|_| sent("203.0.113.9:80")).chain(scan));
    let found = judged(&everything(), &all, None, &[]);
    assert_eq!(
        told(&found),
        [("syn-sent-scan", "user 1000"), ("syn-sent-unanswered", "203.0.113.9:80")]
    );
    let scan = &found.findings[0];
    assert_eq!(scan.evidence["addresses"], 60);
    // Of one process it would be worse; whether it is one is not known.
    assert_eq!(scan.severity, Severity::Warning);
    assert!(scan.message.starts_with("programs of user 1000 together wait"), "{}", scan.message);
    assert_eq!(found.findings[1].evidence["retransmitted"], 8);
}

/// A filter chooses what is told, not what is known.
#[test]
fn what_is_wrong_is_found_whatever_is_listed() {
    let (server, client) = ("192.0.2.1:7901", "192.0.2.9:40000");
    let waits = Socket { inode: 0, ..socket(State::Established, server, client) };
    let other = socket(State::Established, client, server);
    let all = [(listener(server, 64), since(0)), (waits, since(9)), (other, since(9))];
    let found = |text: &str| judged(&filtered(text), &all, None, &[]);
    for text in ["state established", "not state listen", "sport :7901", "state listen"] {
        let found = found(text);
        assert_eq!(told(&found), [("established-not-accepted", "port 7901")], "{text}");
        assert_eq!(found.not_listed, 0, "{text}");
    }
    // What is listed is the other end, and that is as it should be.
    let found = found("dport :7901");
    assert_eq!((told(&found), found.not_listed), (Vec::new(), 1));
}

#[test]
fn a_few_orphans_are_a_share_of_all_that_are_open_not_of_those_that_are_listed() {
    let orphan = |port: u16| {
        let remote = format!("198.51.100.1:{port}");
        let socket = Socket { inode: 0, ..socket(State::FinWait1, "192.0.2.1:80", &remote) };
        waiting(socket, TimerKind::Retransmit, 3)
    };
    let open = (1..=200)
        .map(|port| socket(State::Established, "192.0.2.1:80", &format!("198.51.100.2:{port}")));
    let all = young((1..=6).map(orphan).chain(open));
    assert_eq!(told(&judged(&filtered("state fin-wait-1"), &all, None, &[])), []);
}

/// The peer lives and does not read.
#[test]
fn orphans_that_wait_for_a_window_are_told_with_their_bytes() {
    let orphan = |port: u16| {
        let remote = format!("198.51.100.1:{port}");
        let socket = socket(State::FinWait1, "192.0.2.1:80", &remote);
        waiting(Socket { inode: 0, send_queue: 2_800_000, ..socket }, TimerKind::Probe, 0)
    };
    let found = judged(&everything(), &young((1..=12).map(orphan)), None, &[]);
    assert_eq!(told(&found), [("fin-wait-1-stuck", "198.51.100.1")]);
    let [stuck] = found.findings.as_slice() else { panic!("{found:?}") };
    assert!(
        stuck.message.contains("wait for a window that is closed, with 33600000 bytes"),
        "{stuck:?}"
    );
    assert_eq!(stuck.evidence["window_closed"], 12);
}

#[test]
fn two_dead_connections_to_one_server_are_told_apart() {
    let dead = |local: &str, remote: &str| {
        let socket = waiting(socket(State::Established, local, remote), TimerKind::Retransmit, 6);
        (Socket { send_queue: 9, ..socket }, since(50))
    };
    let all = [
        dead("192.0.2.1:40001", "198.51.100.1:5432"),
        dead("192.0.2.1:40002", "198.51.100.1:5432"),
        dead("192.0.2.1:40003", "198.51.100.2:5432"),
    ];
    let found = judged(&everything(), &all, None, &[]);
    let mut subjects: Vec<&str> = told(&found).into_iter().map(|(_, subject)| subject).collect();
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        [
            "198.51.100.1:5432 from 192.0.2.1:40001",
            "198.51.100.1:5432 from 192.0.2.1:40002",
            "198.51.100.2:5432"
        ]
    );
}

/// J7: idle for a quarter of an hour is a fault only where the same client has come again.
#[test]
fn connections_that_a_client_has_left_behind_are_found_by_the_one_that_it_uses() {
    let from = |client: &str, port: u16| {
        socket(State::Established, "192.0.2.1:8001", &format!("{client}:{port}"))
    };
    let mut all = vec![(listener("192.0.2.1:8001", 64), since(0))];
    for port in 1..=10 {
        all.extend([
            (from("198.51.100.1", port), since(1000)),
            (from("198.51.100.2", port), since(1000)),
        ]);
    }
    let found = |all: &[(Socket, TcpInfo)]| {
        let found = judged(&everything(), all, None, &[]);
        found
            .findings
            .into_iter()
            .map(|finding| (finding.subject, finding.severity))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&all), []);
    let used = from("198.51.100.2", 99);
    // Inodes are counted: what it uses may be from before, and then it is a pool.
    let of = |inode| Socket { inode, ..used };
    let said = |inode| {
        let all = [&all[..], &[(of(inode), since(2))]].concat();
        let mut found = judged(&everything(), &all, None, &[]).findings;
        found.pop().map(|finding| {
            let newer = finding.evidence["active_is_newer"] == true;
            (newer, finding.message.contains("a later one of it is in use"))
        })
    };
    assert_eq!(said(1024 * 1024 * 2), Some((true, true)));
    assert_eq!(said(7), Some((false, false)));
    assert_eq!(said(0xffff_0000 - 1024 * 1024), None);
    let behind = [("198.51.100.2".to_owned(), Severity::Warning)];
    assert_eq!(found(&[&all[..], &[(used, since(2))]].concat()), behind);
    // At another service, that says nothing.
    let elsewhere = socket(State::Established, "192.0.2.1:8002", "198.51.100.2:99");
    let other = [(listener("192.0.2.1:8002", 64), since(0)), (elsewhere, since(2))];
    assert_eq!(found(&[&all[..], &other].concat()), []);
    // Data is under way just now.
    let sends = waiting(used, TimerKind::Retransmit, 0);
    assert_eq!(found(&[&all[..], &[(sends, since(2))]].concat()), behind);
    // Connections from here to a server are a pool.
    let pool: Vec<_> = (1..=10)
        .map(|port| {
            (
                socket(
                    State::Established,
                    &format!("192.0.2.1:{}", 40_000 + port),
                    "198.51.100.3:5432",
                ),
                since(1000),
            )
        })
        .collect();
    let used = socket(State::Established, "192.0.2.1:40999", "198.51.100.3:5432");
    assert_eq!(found(&[&pool[..], &[(used, since(2))]].concat()), []);
}
