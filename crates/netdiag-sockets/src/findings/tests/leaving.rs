//! What does not leave this machine, and ports that it leaves from.

use super::*;

/// J8: a port in TIME-WAIT is as good as free where connections take it again.
#[test]
fn ports_in_time_wait_are_no_shortage_where_they_are_used_again() {
    let (reuse, stamps) = ("/proc/sys/net/ipv4/tcp_tw_reuse", "/proc/sys/net/ipv4/tcp_timestamps");
    let found =
        |host: &str, (count, expires_ms): (u16, u32), settings: &[(&'static str, &'static str)]| {
            let waits = |place: u16| {
                let local = format!("{host}:{}", 32_768 + place);
                let socket = socket(State::TimeWait, &local, &format!("{host}:5432"));
                let timer = Timer { kind: TimerKind::TimeWait, expires_ms, retransmits: 0 };
                Socket { timer: Some(timer), inode: 0, ..socket }
            };
            let all = young((0..count).map(waits));
            let settings = settings.iter().copied().collect();
            let kernel = Counters { settings, ..Counters::default() };
            let mut found = judged_by(kernel, &everything(), &all, None).findings;
            found.retain(|finding| finding.code == "ephemeral-ports-low");
            found.pop()
        };
    let (inside, outside) = ("127.0.0.1", "192.0.2.1");
    for (host, settings, is_short) in [
        (outside, &[(reuse, "2\n"), (stamps, "1\n")][..], true),
        (inside, &[(reuse, "2\n"), (stamps, "1\n")], false),
        (outside, &[(reuse, "1\n"), (stamps, "1\n")], false),
        (outside, &[(reuse, "1\n"), (stamps, "0\n")], true),
        (inside, &[(reuse, "0\n"), (stamps, "1\n")], true),
        (inside, &[], true),
    ] {
        assert_eq!(
            found(host, (27_000, 30_000), settings).is_some(),
            is_short,
            "{host} {settings:?}"
        );
    }
    // A few are left, and then there is none.
    let some = found(outside, (28_000, 59_500), &[]).expect("one").message;
    assert!(some.contains("none is left within a second"), "{some}");
    let none = found(outside, (28_232, 30_000), &[]).expect("one").message;
    assert!(none.contains("there is none left (EADDRNOTAVAIL, 99)"), "{none}");
}

/// Something is to be sent, nothing is under way, and the other end has room: it is this machine that
/// does not send.
#[test]
fn what_does_not_leave_this_machine_is_not_the_fault_of_a_window() {
    let asks = |state, port: u16| {
        let socket = socket(state, "192.0.2.1:80", &format!("198.51.100.1:{port}"));
        let inode = if state == State::Established { 5 } else { 0 };
        waiting(Socket { inode, send_queue: 1, ..socket }, TimerKind::Probe, 7)
    };
    let with = |window: u32| {
        let info = TcpInfo { snd_wnd: Some(window), snd_mss: Some(1460), ..since(41) };
        let states = [State::FinWait1, State::LastAck];
        let all = states.into_iter().flat_map(|state| (1..=11).map(move |port| asks(state, port)));
        let all = all.chain([asks(State::Established, 99)]);
        let all: Vec<_> = all.map(|socket| (socket, info.clone())).collect();
        judged(&everything(), &all, None, &[]).findings
    };
    let codes = |found: &[Finding]| {
        let mut codes: Vec<String> = found.iter().map(|finding| finding.code.clone()).collect();
        codes.sort();
        codes
    };
    let all = ["established-dead-peer", "fin-wait-1-stuck", "last-ack-stuck"];
    let (open, shut) = (with(65_160), with(0));
    assert_eq!(
        (codes(&open), codes(&shut)),
        (all.map(str::to_owned).into(), all.map(str::to_owned).into())
    );
    for finding in &open {
        assert!(
            finding.message.contains("window is open")
                || finding.message.contains("window of the other end is open"),
            "{finding:?}"
        );
        assert!(
            finding.advice.as_deref().is_some_and(|said| said.contains("nft list ruleset")),
            "{finding:?}"
        );
    }
    for finding in &shut {
        assert!(!finding.message.contains("open"), "{finding:?}");
        let kept = finding.evidence.get("window_open_and_nothing_sent");
        assert_eq!(kept.and_then(serde_json::Value::as_u64).unwrap_or(0), 0, "{finding:?}");
    }
}
